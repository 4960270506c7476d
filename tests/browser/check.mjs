// Looks at every page of a deployment in a real browser. usage: node check.mjs URL
//
// 1. Crawls from the front page: every link within the site is alive, every fragment is there.
//    Links to elsewhere are only looked at. Every page has a title of its own, and says what it is to sites
//    that link to it.
// 2. Some pages of each kind (the kind is the address without its names and numbers) are opened
//    narrow and wide, light and dark: no error, nothing loaded from elsewhere, no sideways
//    scrolling, and axe-core finds nothing serious.
// 3. The same without scripts: the same text, but for what the browser itself checks, and forms that
//    lead somewhere. What it checks is looked at in verify.mjs.
//
// With CANDOR_SCREENSHOTS set to a folder, every page that is opened is also photographed.

import axe from 'axe-core';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, PATIENCE } from './browser.mjs';

const base = new URL(process.argv[2]);
/** The path that the deployment is served below, without its last slash. */
const below = base.pathname.replace(/\/$/, '');
const inside = (path) => new URL(below + path, base);
const photographs = process.env.CANDOR_SCREENSHOTS;
const WIDTHS = [360, 1280];
const SCHEMES = ['light', 'dark'];
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** The rules whose outcome depends on the scheme. */
const COLOURS = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };
/** How many pages of a kind are opened: the first that were found, and the last. */
const FIRST = 1;
const LAST = 1;

const problems = [];
const complain = (where, what) => problems.push(`${where}: ${what}`);

const decode = (text) => text
  .replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** The values of attributes in some HTML; ours are always quoted. */
function attributes(html, ...names) {
  return names.flatMap((name) =>
    [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map((match) => decode(match[1])));
}

/** GETs everything that can be reached; returns the addresses of pages with their HTML. */
async function crawl() {
  const pages = new Map();
  const fragments = [];
  /** Titles, and the page that has each. */
  const titles = new Map();
  /** Addresses, and where each was found first. */
  const seen = new Map([[`${below}/`, 'the start']]);
  let next = [`${below}/`];
  const visit = async (address) => {
    const response = await fetch(new URL(address, base), { redirect: 'manual' });
    if (response.status >= 300 && response.status < 400) {
      return [new URL(response.headers.get('location'), new URL(address, base)).href];
    }
    if (response.status !== 200) {
      complain(address, `answers ${response.status}; found on ${seen.get(address)}`);
    }
    const isPage = (response.headers.get('content-type') ?? '').startsWith('text/html');
    if (!isPage) {
      await response.arrayBuffer();
      return [];
    }
    const html = await response.text();
    pages.set(address, html);
    // A page with another permanent address has the title of that one.
    if (!response.headers.has('link')) {
      const title = html.match(/<title>([^<]*)<\/title>/)?.[1] ?? '';
      if (titles.has(title)) complain(address, `has the title of ${titles.get(title)}: ${title}`);
      titles.set(title, address);
    }
    for (const property of ['title', 'description', 'site_name']) {
      if (!html.includes(`<meta property="og:${property}" content="`)) complain(address, `has no og:${property}`);
    }
    return attributes(html, 'href', 'src');
  };
  while (next.length > 0) {
    const batch = next.splice(0, 16);
    const found = await Promise.all(batch.map(async (address) => [address, await visit(address)]));
    for (const [address, links] of found) {
      for (const link of links) {
        const target = new URL(link, new URL(address, base));
        if (target.origin !== base.origin) {
          if (!['http:', 'https:', 'mailto:'].includes(target.protocol)) complain(address, `links to ${link}`);
          continue;
        }
        const path = target.pathname + target.search;
        if (!path.startsWith(`${below}/`)) complain(address, `links to ${link}, which is not below ${below}/`);
        if (target.hash) fragments.push([address, path, decodeURIComponent(target.hash.slice(1))]);
        if (!seen.has(path)) {
          seen.set(path, address);
          next.push(path);
        }
      }
    }
  }
  for (const [address, path, id] of fragments) {
    if (!attributes(pages.get(path) ?? '', 'id').includes(id)) {
      complain(address, `links to #${id} of ${path}, which has none`);
    }
  }
  return [pages, seen];
}

/** An address without its names and numbers. */
const kind = (address) => address.slice(below.length)
  .replace(/^\/charts\/[^@?]+\/(?=@|$)/, '/charts/PROGRAM/')
  .replace(/^\/help\/.+/, '/help/CHAPTER')
  .replace(/^\/counters\/.+\/$/, '/counters/PROGRAM/')
  .replace(/^\/counters\/.+[^/]$/, '/counters/PROGRAM/NAME')
  .replace(/(@[^/]+\/)(?!@)[^/?]+$/, '$1FIGURE')
  .replace(/v\d+\.\d+\.\d+/g, 'VERSION')
  .replace(/\d{4}-\d{2}-\d{2}/g, 'DATE')
  .replace(/\d+/g, 'N');

/** Of pages with a query one is enough: without it they are opened too. */
const limit = (address) => (address.includes('?') ? [0, 1] : [FIRST, LAST]);

function sample(addresses) {
  const kinds = new Map();
  for (const address of addresses) kinds.set(kind(address), [...(kinds.get(kind(address)) ?? []), address]);
  return [...kinds.values()].flatMap((all) => {
    const [first, last] = limit(all[0]);
    return all.length <= first + last ? all : [...all.slice(0, first), ...all.slice(-last)];
  });
}

/** A tab, which opens one address after the other, and complains of what goes wrong meanwhile. */
class Tab {
  constructor(page) {
    this.page = page;
    this.label = '';
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complain(this.label, `console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complain(this.label, `script error: ${error}`));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== base.origin) complain(this.label, `loads ${request.url()}`);
    });
    page.on('requestfailed', (request) => {
      // What a page no longer needs when it is left is given up, and that is no failure.
      const reason = request.failure()?.errorText;
      if (reason !== 'net::ERR_ABORTED') complain(this.label, `cannot load ${request.url()}: ${reason}`);
    });
  }

  static async of(context) {
    return new Tab(await context.newPage());
  }

  async open(address, label) {
    this.label = label;
    const response = await this.page.goto(new URL(address, base).href, { waitUntil: 'load' });
    if (!response.ok()) complain(label, `answers ${response.status()}`);
    return this.page;
  }
}

async function look(tab, address, width, scheme) {
  const label = `${address} at ${width} px, ${scheme}`;
  const page = await tab.open(address, label);
  // What the script checks is part of what is looked at.
  await page.locator('#verify [aria-busy="true"]').waitFor({ state: 'detached' });
  const sideways = await page.evaluate(() => {
    const wide = document.scrollingElement.scrollWidth;
    if (wide <= window.innerWidth) return null;
    const culprits = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
      .filter((element) => !element.closest('.scroll'));
    return `${wide} px wide: ${culprits.slice(0, 3).map((c) => c.outerHTML.slice(0, 80)).join(' ; ')}`;
  });
  if (sideways) complain(label, sideways);
  // As a debugger would, so that the page's own policy, which forbids other scripts, stays in force.
  await page.evaluate(`${axe.source}; undefined`);
  const result = await page.evaluate((options) => window.axe.run(document, options), {
    resultTypes: ['violations'],
    runOnly: scheme === 'light' ? RULES : COLOURS,
  });
  for (const violation of result.violations) {
    if (['serious', 'critical'].includes(violation.impact)) {
      const node = violation.nodes[0];
      complain(label, `axe ${violation.id} (${violation.nodes.length}): ${node.html.slice(0, 160)} ${node.failureSummary}`);
    }
  }
  if (photographs) {
    const name = kind(address).replace(/[^A-Za-z]+/g, '-').replace(/^-|-$/g, '') || 'home';
    await page.screenshot({ path: join(photographs, `${name}-${width}-${scheme}.png`), fullPage: true });
  }
  return withoutChecks(page);
}

/** The text of a page without what its script adds: the checks that it makes in the browser. */
async function withoutChecks(page) {
  await page.evaluate(() => document.querySelector('#verify')?.remove());
  return page.innerText('main');
}

/** Opens a page without scripts: its text is the same, and each form leads to a page. */
async function lookWithoutScripts(tab, address, text) {
  const label = `${address} without scripts`;
  const page = await tab.open(address, label);
  if (await page.locator('#verify').isVisible()) complain(label, 'speaks of checks that nobody makes');
  if (await withoutChecks(page) !== text) complain(label, 'says something else');
  const forms = await page.locator('form:visible').count();
  for (let form = 0; form < forms; form += 1) {
    const isAnswer = (response) =>
      response.request().isNavigationRequest() && ![301, 302, 303, 307, 308].includes(response.status());
    const [answer] = await Promise.all([
      page.waitForResponse(isAnswer),
      page.waitForEvent('framenavigated'),
      page.locator('form:visible').nth(form).locator('button').click(),
    ]);
    await page.waitForLoadState('load');
    if (!answer.ok()) complain(label, `its form leads to ${answer.url()}: ${answer.status()}`);
    await page.goto(new URL(address, base).href);
  }
}

/** What is shared and read by programs is there, in its format. */
async function readFiles() {
  const expected = [
    ['/robots.txt', 'text/plain', 'Sitemap: '],
    ['/sitemap.xml', 'application/xml', '<urlset '],
    ['/config/atom.xml', 'application/atom+xml', '<feed '],
    ['/charts/atom.xml', 'application/atom+xml', '<feed '],
    ['/charts/new.xml', 'application/atom+xml', '<feed '],
    ['/data/weeks/SHA256SUMS', 'text/plain', '  week-'],
    ['/data/index.json', 'application/json', '"weeks"'],
    ['/config/@latest.json', 'application/json', '"Programs"'],
  ];
  for (const [path, type, part] of expected) {
    const answer = await fetch(inside(path));
    const text = await answer.text();
    const found = answer.headers.get('content-type') ?? '';
    if (!answer.ok || !found.startsWith(type) || !text.includes(part)) {
      complain(path, `answers ${answer.status}, ${found}: ${text.slice(0, 80)}`);
    }
    if (answer.headers.get('access-control-allow-origin') !== '*') complain(path, 'other sites cannot read it');
  }
}

/** A badge is a picture that browsers draw. */
async function lookAtBadges(context, addresses) {
  const charts = addresses.filter((address) => /\/charts\/[^@]+\/@\d{4}-\d{2}-\d{2}\/[a-z0-9-]+$/.test(address));
  if (charts.length === 0) complain('/charts/', 'has no page of one chart');
  const tab = await Tab.of(context);
  for (const address of charts.slice(0, 6)) {
    const page = await tab.open(`${address}.badge.svg`, `${address}.badge.svg`);
    const drawn = await page.evaluate(() => {
      const { width, height } = document.documentElement.getBoundingClientRect();
      const texts = [...document.querySelectorAll('text')].map((text) => text.getBoundingClientRect());
      return width > 40 && height === 20 && texts.length === 2 && texts.every((box) => box.right <= width);
    });
    if (!drawn) complain(`${address}.badge.svg`, 'is not drawn as it should be');
  }
}

/** The keyboard reaches the content at once, and one sees where one is. */
async function useKeyboard(context) {
  const page = await (await Tab.of(context)).open(`${below}/`, '/ by keyboard');
  await page.keyboard.press('Tab');
  const skip = await page.evaluate(() => {
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    return { href: element.getAttribute('href'), visible: box.left >= 0 && box.top >= 0 && box.width > 0 };
  });
  if (skip.href !== '#content' || !skip.visible) complain('/', 'the first Tab shows no way to skip to the content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  const inside = await page.evaluate(() => document.activeElement.closest('main') !== null
    && getComputedStyle(document.activeElement).outlineStyle !== 'none');
  if (!inside) complain('/', 'after skipping, Tab does not lead to something in the content that shows its focus');
  await page.close();
}

if (photographs) mkdirSync(photographs, { recursive: true });
const [pages, links] = await crawl();
const sampled = sample([...pages.keys()]);
const browser = await launch();
const context = async (options) => {
  // The certificate of a test is nobody's.
  const made = await browser.newContext({ deviceScaleFactor: 1, ignoreHTTPSErrors: true, ...options });
  made.setDefaultTimeout(PATIENCE);
  return made;
};
const texts = new Map();
const views = WIDTHS.flatMap((width) => SCHEMES.map((scheme) => [width, scheme]));
await Promise.all(views.map(async ([width, scheme]) => {
  const opened = await context({ viewport: { width, height: 900 }, colorScheme: scheme });
  const tab = await Tab.of(opened);
  for (const address of sampled) {
    const text = await look(tab, address, width, scheme);
    if (width === WIDTHS.at(-1)) texts.set(address, text);
  }
  await opened.close();
}));
const keyboard = await context({ viewport: { width: 1280, height: 900 } });
await useKeyboard(keyboard);
await readFiles();
await lookAtBadges(keyboard, [...pages.keys()]);
const scriptless = await context({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
const tab = await Tab.of(scriptless);
for (const address of sampled) await lookWithoutScripts(tab, address, texts.get(address));
await browser.close();

console.log(`${links.size} addresses answered, ${pages.size} of them pages; ${sampled.length} pages opened:`);
console.log(sampled.map((address) => `  ${address}`).join('\n'));
if (problems.length > 0) {
  console.error(`${problems.length} problems:\n${[...new Set(problems)].map((p) => `  ${p}`).join('\n')}`);
  process.exit(1);
}
