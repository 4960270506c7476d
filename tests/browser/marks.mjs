// Whether marks on numbers of reports are visible. usage: node marks.mjs URL WEEK-PATH RANGE-PATH
//
// On narrow and wide screens, light and dark: below the title stands a mark with its sign and both
// numbers, within the screen and not hidden; the picture over weeks has a triangle, drawn inside it, and
// its table the mark; one line says that anyone can send false reports, and links to the
// section that says how far that goes; the privacy page has it. The page does not scroll sideways.
//
// With CANDOR_SCREENSHOTS set to a folder, each page is also photographed.

import { join } from 'node:path';
import { launch, PATIENCE } from './browser.mjs';

const [base, week, range] = process.argv.slice(2);
const photographs = process.env.CANDOR_SCREENSHOTS;
const MARK = /^▲ [\d,]+ reports, [\d,]+ expected$/;
const problems = [];
const browser = await launch();

/** Whether an element is drawn where a reader sees it. */
const isSeen = (element) => {
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  return box.width > 0 && box.height > 0 && box.left >= -1 && box.right <= window.innerWidth + 1
    && style.visibility === 'visible' && Number(style.opacity) > 0.9;
};

async function look(context, path, label, check) {
  const page = await context.newPage();
  const answer = await page.goto(new URL(path, base).href);
  const complain = (what) => problems.push(`${path} ${label}: ${what}`);
  if (!answer.ok()) complain(`answers ${answer.status()}`);
  const wide = await page.evaluate(() => {
    if (document.scrollingElement.scrollWidth <= window.innerWidth) return null;
    const culprits = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > window.innerWidth + 1)
      .filter((element) => !element.closest('.scroll'));
    return culprits.slice(0, 3).map((culprit) => culprit.outerHTML.slice(0, 160)).join(' ; ');
  });
  if (wide !== null) complain(`scrolls sideways: ${wide}`);
  await check(page, complain);
  if (photographs) {
    const name = path.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
    await page.screenshot({ path: join(photographs, `mark-${name}-${label}.png`), fullPage: true });
  }
  await page.close();
}

/** The marks on a page that are seen. */
async function marks(page) {
  const seen = [];
  for (const mark of await page.locator('main .mark', { hasText: '▲' }).all()) {
    if (await mark.evaluate(isSeen)) seen.push((await mark.innerText()).trim());
  }
  return seen;
}

const whoever = async (page, complain) => {
  const link = page.locator('main a[href="/privacy#flood"]');
  if (await link.count() !== 1) complain('does not say exactly once that anyone can send false reports');
  else if (!await link.evaluate(isSeen)) complain('hides that anyone can send false reports');
};

for (const width of [360, 1280]) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    context.setDefaultTimeout(PATIENCE);
    const label = `${width}-${colorScheme}`;
    await look(context, week, label, async (page, complain) => {
      const seen = await marks(page);
      if (!seen.some((text) => MARK.test(text))) complain(`has the marks ${JSON.stringify(seen)}`);
      const title = await page.locator('h1').boundingBox();
      const mark = await page.locator('main .mark', { hasText: '▲' }).first().boundingBox();
      const picture = await page.locator('figure.drawing').first().boundingBox();
      if (!(title.y < mark.y && mark.y < picture.y)) complain('the mark is not between title and picture');
      await whoever(page, complain);
    });
    await look(context, range, label, async (page, complain) => {
      const drawn = await page.evaluate(() => {
        const svg = [...document.querySelectorAll('figure.drawing svg')]
          .find((one) => one.getBoundingClientRect().width > 0);
        const outer = svg.getBoundingClientRect();
        return [...svg.querySelectorAll('polygon:not([class])')].filter((one) => {
          const box = one.getBoundingClientRect();
          return box.width > 4 && box.top >= outer.top && box.right <= outer.right + 1;
        }).length;
      });
      if (drawn !== 1) complain(`${drawn} triangles are drawn, and not 1`);
      const cells = page.locator('table td .mark', { hasText: '▲' });
      if (await cells.count() !== 1) complain(`${await cells.count()} marks are in the table`);
      await whoever(page, complain);
    });
    await look(context, '/privacy', label, async (page, complain) => {
      for (const id of ['flood', 'jumps', 'kept', 'defended', 'not-defended']) {
        const heading = page.locator(`h2#${id}`);
        if (await heading.count() !== 1 || !await heading.evaluate(isSeen)) complain(`has no ${id}`);
      }
    });
    await context.close();
  }
}
await browser.close();
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exit(1);
}
