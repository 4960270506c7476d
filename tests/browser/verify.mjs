// What the script on the log's pages finds in a real browser, and what it reports.
// usage: node verify.mjs URL FORKED-URL DEFLATED-ZIP FOLDER CRAFTED LONG-URL
//
// URL is a deployment of three versions, FORKED-URL one with its key and another history, DEFLATED-ZIP
// the zip of v0.2.0 packed by another program. Evidence is left in FOLDER, each file beside the key to
// check it with. CRAFTED has zips that a log's owner could log, and what the log would say of them. LONG-URL
// is a deployment of one version, whose config is on two pages.
//
// 1. Pages of the deployment, with answers changed on their way to the browser.
// 2. Logs of many sizes, which node makes (log.mjs), in the place of the deployment's.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { close, launch, PATIENCE } from './browser.mjs';
import { Log, newKey } from './log.mjs';

const [base, forked, deflated, folder, crafted, long] = process.argv.slice(2);
const photographs = process.env.CANDOR_SCREENSHOTS;
const browser = await launch();
const problems = [];

/** A reader with their own browser. `change` gets each request's path, and may answer it. */
async function reader(change = () => null, prepare = null) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(PATIENCE);
  const answers = { change };
  await context.route('**/*', async (route) => {
    const path = new URL(route.request().url()).pathname;
    const answer = await answers.change(path, route);
    if (answer === null) await route.continue();
    else if (answer !== undefined) await route.fulfill(answer);
  });
  if (prepare) await context.addInitScript(prepare);
  return { context, answers };
}

const finished = (page) => page.locator('#verify [aria-busy="false"]').waitFor({ state: 'attached' });

/** Opens a page and waits until the script has finished. */
async function open({ context }, path) {
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`${path}: script error: ${error}`));
  await page.goto(new URL(path, base).href);
  await finished(page);
  return page;
}

/** The messages on a page, a line for each check. */
const said = (page) => page.locator('#verify ul.checks > li').allInnerTexts();

/** Opens a page, and checks that it has exactly these messages, in this order. */
async function expect(what, who, path, wanted) {
  const page = await open(who, path);
  const lines = await said(page);
  const fits = lines.length === wanted.length && wanted.every((part, at) => lines[at].startsWith(part[0]) && part.slice(1).every((word) => lines[at].includes(word)));
  if (!fits) problems.push(`${what}: ${path} says\n    ${lines.join('\n    ')}\n  and not\n    ${wanted.map((part) => part.join(' ... ')).join('\n    ')}`);
  if (photographs) await page.screenshot({ path: join(photographs, `checks-${what.replace(/\W+/g, '-')}.png`), fullPage: true });
  return page;
}

/** Saves the evidence that a page offers. */
async function save(page, name, key) {
  // A missing message was reported already.
  if (await page.locator('#verify a[download]').count() === 0) return;
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#verify a[download]').click()]);
  await download.saveAs(join(folder, `${name}.candor-evidence`));
  writeFileSync(join(folder, `${name}.vkey`), key);
}

const TABLES = ['Verified. ', 'The tables on this page show', 'those of config.json'];
const NO_TABLES = ['Not checked: the tables on this page'];
/** The page of a version, none of whose files was verified. */
const NOTHING = [['Not checked: the files of v0.2.0'], NO_TABLES];
/** A head with a good signature that is not accepted. */
const entries = (size) => (size === 1 ? '1 entry' : `${size} entries`);
const withdrawn = (size) => [`The tree head of ${entries(size)} has a good signature, but`];
const FIRST = ['This is the first time that this browser has seen the log'];
const signed = (size) => ['Verified. ', `The log of ${entries(size)} is signed`];
const continues = (size) => ['Verified. ', `begins with ${size === 1 ? 'the one entry' : `all ${size} entries`}`];

// 1. The deployment, honest

const honest = await reader();
const first = await expect('first visit', honest, '/log/', [signed(3), FIRST]);
const vkey = await first.locator('#verify').getAttribute('data-vkey');
await expect('second visit', honest, '/log/', [[...signed(3), 'the key that this page names: compare it'], continues(3)]);
await expect('an entry', honest, '/log/entry/1', [signed(3), continues(3), ['Verified. ', 'entry 1 of the signed log']]);
await expect('a version', honest, '/config/v0.2.0', [signed(3), continues(3), ['Verified. ', 'the v0.2.0 that the log names', 'h1:'], TABLES]);

// Any entry; a key from elsewhere, first one that is not the log's.
await first.locator('form.entry input').fill('2');
await first.locator('form.entry button').click();
await first.getByText('Entry 2 is in the signed log: ').waitFor();
await first.locator('form.entry input').fill('3');
await first.locator('form.entry button').click();
await first.getByText('Not checked: the log has 3 entries, and no entry 3').waitFor();
const stranger = newKey(vkey.split('+')[0]).vkey;
/** Gives a key, and waits for what is said in answer. */
async function give(key, answer) {
  await first.locator('form.key input').fill(key);
  await first.locator('form.key button').click();
  await first.getByText(answer).first().waitFor().catch(() => problems.push(`the key ${key}: ${answer} is not said`));
  await finished(first);
}
/** What the page says about whose key it uses, or an empty text. */
const whose = (page) => page.locator('#verify .known').evaluate((known) => (known.hidden ? '' : known.innerText));
if (await whose(first) !== '') problems.push(`nobody gave a key, and ${await whose(first)}`);
const before = await said(first);
// A malformed key is an error of the field, not of the log.
for (const given of ['nonsense', vkey.replace(/.$/, '=')]) {
  await give(given, 'No key to check with: ');
  if (await first.locator('form.key input').getAttribute('aria-invalid') !== 'true') problems.push(`${given} is not an error in its field`);
  if (String(await said(first)) !== String(before)) problems.push(`${given} as a key changes what is said of the log`);
}
// A key that does not match may be the reader's own mistake, and can be removed.
await give(stranger, 'is not signed by');
for (const part of ['the wrong key', 'Forget this key', 'this page names another key']) {
  if (!(await said(first)).join('\n').includes(part)) problems.push(`a key that does not fit: ${part} is not said`);
}
await expect('a wrong key on another page', honest, '/config/v0.2.0', [['WRONG: ', 'than the one that you gave'], ['WRONG: ', 'the wrong key'], ...NOTHING]);
await first.getByRole('button', { name: 'Forget this key' }).click();
await first.getByText('the key that this page names: compare it').waitFor();
await finished(first);
if (await whose(first) !== '') problems.push(`the key is forgotten, and ${await whose(first)}`);
await give(vkey, ', the key that you gave.');
await expect('a key that was given', honest, '/log/', [[...signed(3), 'the key that you gave'], continues(3)]);
await first.getByRole('button', { name: 'Forget this key' }).click();
await first.getByText('the key that this page names: compare it').waitFor();
await finished(first);

// 1. The deployment, with answers changed on their way

const meddled = (suffix, change) => async (path, route) => {
  if (!path.endsWith(suffix)) return null;
  const response = await route.fetch();
  return { response, body: change(await response.body()) };
};
/** A log of two entries whose second is this, with the key that its page then names. */
function showingEntry(entry, answers) {
  const log = new Log(newKey(vkey.split('+')[0]), 2);
  log.change(1, entry);
  return async (path, route) => {
    if (path === '/log/checkpoint') return { body: log.checkpoint(2) };
    if (path.startsWith('/log/tile/')) return { body: log.tile(path.slice('/log/'.length), 2) };
    const answer = answers(path);
    if (answer || !path.startsWith('/config/')) return answer;
    const response = await route.fetch();
    return { response, body: (await response.text()).replaceAll(vkey, log.key.vkey) };
  };
}
/** The same with one bit changed, counted from the end where the place is negative. */
const flipped = (at) => (body) => { const copy = Buffer.from(body); copy[at < 0 ? copy.length + at : at] ^= 1; return copy; };
const unchanged = [signed(3), FIRST];

/** The same note, whose signature has another bit. */
const forge = (body) => body.toString().replace(/(\S+)\n$/, (_, signature) => `${flipped(-1)(Buffer.from(signature, 'base64')).toString('base64')}\n`);
await expect('a forged signature', await reader(meddled('/log/checkpoint', forge)), '/log/', [['WRONG: ', 'FORGED']]);
await expect('a changed size', await reader(meddled('/log/checkpoint', (body) => body.toString().replace('\n3\n', '\n2\n'))), '/log/', [['WRONG: ', 'FORGED']]);
await expect('an unsigned head', await reader(meddled('/log/checkpoint', (body) => body.toString().replace('— ', '— not.'))), '/log/', [['WRONG: ', 'is not signed by']]);
await expect('no head', await reader((path) => (path.endsWith('/log/checkpoint') ? { status: 503 } : null)), '/log/', [['Not checked: ', 'status 503']]);
await expect('a wrong tile', await reader(meddled('/tile/0/000.p/3', flipped(0))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'entry 1 is NOT in the log'], NO_TABLES]);
await expect('a wrong entry', await reader(meddled('/tile/entries/000.p/3', (body) => Buffer.from(body.toString('latin1').replace('v0.2.0', 'v0.2.1'), 'latin1'))), '/log/entry/1', [...unchanged, ['WRONG: ', 'entry 1 is NOT in the log']]);
await expect('another record on the page', await reader(meddled('/log/entry/1', (body) => body.toString().replace('data-record="', 'data-record="x'))), '/log/entry/1', [...unchanged, ['WRONG: ', 'is not what this page shows']]);
await expect('a changed zip', await reader(meddled('/v0.2.0.zip', (body) => Buffer.from(body.toString('latin1').replace('"GOOS"', '"GOOZ"'), 'latin1'))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'ANOTHER v0.2.0'], NO_TABLES]);
await expect('the zip of another version', await reader(async (path, route) => (path.endsWith('/v0.2.0.zip')
  ? { response: await route.fetch({ url: route.request().url().replace('v0.2.0', 'v0.1.0') }) } : null)), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'ANOTHER v0.2.0'], NO_TABLES]);
await expect('a zip cut off', await reader(meddled('/v0.2.0.zip', (body) => body.subarray(0, -9))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'damaged'], NO_TABLES]);
await expect('another config.json', await reader(meddled('/config/v0.2.0.json', flipped(9))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'NOT the one in the zip'], NO_TABLES]);
await expect('a zip that another program packed', await reader((path) => (path.endsWith('/v0.2.0.zip')
  ? { body: readFileSync(deflated) } : null)), '/config/v0.2.0', [...unchanged, ['Verified. ', 'the v0.2.0 that the log names'], TABLES]);

// A zip whose file names hold what is hashed of other files, as the log's owner may log it; and others.
const listed = JSON.parse(readFileSync(join(crafted, 'zips.json')));
for (const { what, path, entry, answer } of listed) {
  const owned = await reader(showingEntry(entry, (route) => (route.endsWith('/v0.2.0.zip')
    ? { body: readFileSync(path) } : (route.endsWith('/config/v0.2.0.json') ? { body: '' } : null))));
  await expect(what, owned, '/config/v0.2.0', [signed(2), FIRST, ['WRONG: ', answer], NO_TABLES]);
}
// The tables that people read.
for (const [what, from, to] of [['a name left out', /<li><code>linux<\/code><\/li>/, ''], ['another name', '<code>linux</code>', '<code>plan9</code>'],
  ['a name more', '<code>linux</code>', '<code>linux</code><code>plan9</code>'], ['another rate', /(<td class="number"[^>]*>)[^<]*/, '$10.0001%'],
  ['another share of reports', /(id="sample-rate">)[^<]*/, '$150%']]) {
  const shown = meddled('/config/v0.2.0', (body) => {
    const changed = body.toString().replace(from, to);
    if (changed === body.toString()) problems.push(`${what}: the page has no ${from}`);
    return changed;
  });
  await expect(what, await reader(shown), '/config/v0.2.0', [...unchanged, ['Verified. ', 'the v0.2.0 that the log names'], ['WRONG: ', 'the tables on this page are not those of config.json']]);
}
// The pages of a long config: each is compared with its part.
const longReader = await reader();
const LONG = [['Verified. ', 'The log of 1 entry is signed'], FIRST, ['Verified. ', 'the v0.1.0 that the log names']];
const PAGES = [['', 'the names 1 to 2706 of the 3611 in config.json'], ['?page=2', 'the names 2707 to 3611 of the 3611 in config.json']];
for (const [query, which] of PAGES) {
  const address = new URL(`/config/v0.1.0${query}`, long).href;
  const page = await expect(`a long config${query}`, longReader, address, [LONG[0], query ? continues(1) : FIRST, LONG[2], ['Verified. ', which, 'The rest was not compared']]);
  for (const [what, from, to] of [['a counter left out', /<li><code>hello\/a[13]:b7<\/code><\/li>/, ''], ['another rate', /(<td class="number"[^>]*>)[^<]*/, '$10.0001%'],
    ['other rows', /data-rows="(\d+)-/, (_, first) => `data-rows="${+first + 1}-`], ['fewer rows', /data-rows="(\d+)-(\d+)/, (_, first, last) => `data-rows="${first}-${last - 1}`],
    ['no rows', /data-rows="[^"]*"/, 'data-rows="x"'], ['the other page', /data-rows="[^"]*"/, query ? 'data-rows="0-4"' : 'data-rows="4-9"'],
    ['whole, it says', /data-rows="[^"]*"/, ''], ...query ? [['another program', /(<h2><code>)[^<]*(<\/code>, continued)/, '$1example.org/other$2']] : []]) {
    const shown = async (path, route) => {
      if (path !== '/config/v0.1.0') return null;
      const response = await route.fetch();
      const body = await response.text();
      if (body.replace(from, to) === body) problems.push(`${what}: page ${query} has no ${from}`);
      return { response, body: body.replace(from, to) };
    };
    await expect(`${what}${query}`, await reader(shown), address, [...LONG, ['WRONG: ', 'the tables on this page are not those of config.json']]);
  }
  await page.close();
}
// Checks that have not finished are shown as pending, whatever else was found.
let release;
const held = new Promise((done) => { release = done; });
const slow = await reader(async (path, route) => {
  if (!path.endsWith('/v0.2.0.zip')) return null;
  await held;
  return { response: await route.fetch() };
});
const waiting = await slow.context.newPage();
await waiting.goto(new URL('/config/v0.2.0', base).href);
await waiting.getByText('The log of 3 entries is signed').waitFor();
await waiting.getByText('the first time that this browser has seen the log').waitFor();
if ((await said(waiting)).filter((line) => line.startsWith('Checking ')).length !== 2) {
  problems.push(`two checks are pending, and the page says\n${(await said(waiting)).join('\n')}`);
}
release();
await finished(waiting);
if ((await said(waiting)).some((line) => line.startsWith('Checking '))) problems.push('checks are pending when all have ended');

// Another history on the second visit; then an older log; then another key.
const other = async (path, route) => ({ response: await route.fetch({ url: new URL(path, forked).href }) });
const deceived = await reader();
await expect('before the fork', deceived, '/log/', unchanged);
deceived.answers.change = other;
const fork = await expect('a fork', deceived, '/log/', [withdrawn(4), ['WRONG: ', 'THE LOG WAS FORKED', 'Save the evidence']]);
await save(fork, 'deployment', vkey);
await fork.locator('form.entry input').fill('1');
await fork.locator('form.entry button').click();
await fork.getByText('Not checked: entry 1, as that would depend on').waitFor().catch(() => problems.push('an entry of a forked log is checked'));
await expect('a fork, said again', deceived, '/config/v0.2.0', [withdrawn(4), ['WRONG: ', 'THE LOG WAS FORKED'], ...NOTHING]);
await expect('a fork, on the page of an entry', deceived, '/log/entry/1', [withdrawn(4), ['WRONG: ', 'THE LOG WAS FORKED'], ['Not checked: the record on this page']]);
const rolledBack = await reader(other);
await expect('before the rollback', rolledBack, '/log/', [signed(4), FIRST]);
rolledBack.answers.change = () => null;
await expect('a rollback', rolledBack, '/log/', [withdrawn(3), ['WRONG: ', 'the log has 3 entries, but this browser has seen 4']]);
honest.answers.change = meddled('/log/', (body) => body.toString().replaceAll(vkey, stranger));
await expect('another key', honest, '/log/', [['WRONG: ', 'this page names another key of the log', 'when this browser was here first'], [...signed(3), 'named before'], continues(3)]);

// Browsers that lack something, and say so.
const old = await reader(undefined, () => {
  SubtleCrypto.prototype.importKey = async () => { throw new DOMException('Unrecognized name', 'NotSupportedError'); };
});
await expect('no Ed25519', old, '/config/v0.2.0', [['Not checked: ', 'cannot verify Ed25519'], ...NOTHING]);
const plain = await reader(undefined, () => Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined }));
await expect('no cryptography', plain, '/config/v0.2.0', [['Not checked: ', 'https'], ...NOTHING]);
const forgetful = await reader(undefined, () => Object.defineProperty(globalThis, 'localStorage', { get() { throw new Error('denied'); } }));
await expect('no memory', forgetful, '/log/', [signed(3), ['This browser stores nothing']]);

// 2. Logs of many sizes

const key = newKey('sizes.example/log');
const LARGEST = 66_000;
const [ours, theirs] = [new Log(key, LARGEST), new Log(key, LARGEST, 0)];

/** Answers with a log of this size instead of the deployment's. */
const showing = (log, size, spoil = (_, body) => body) => async (path, route) => {
  if (path === '/log/checkpoint') return { body: log.checkpoint(size) };
  if (path.startsWith('/log/tile/')) return { body: spoil(path, log.tile(path.slice('/log/'.length), size)) };
  if (path !== '/log/') return null;
  const response = await route.fetch();
  return { response, body: (await response.text()).replaceAll(vkey, key.vkey) };
};

for (const [before, now] of [[1, 1], [1, 2], [3, 7], [6, 8], [255, 256], [256, 257], [200, 600], [65_535, 65_536],
  [300, LARGEST], [65_600, LARGEST]]) {
  const label = `from ${before} to ${now}`;
  const who = await reader(showing(ours, before));
  await expect(label, who, '/log/', [signed(before), FIRST]);
  who.answers.change = showing(ours, now);
  const page = await expect(label, who, '/log/', [signed(now), continues(before)]);
  for (const index of new Set([0, Math.floor(now / 2), now - 1])) {
    await page.locator('form.entry input').fill(String(index));
    await page.locator('form.entry button').click();
    const line = `Entry ${index} is in the signed log: entry ${index}.`;
    await page.getByText(line).waitFor().catch(async () => problems.push(`${label}: ${line} is not said, but ${await said(page)}`));
  }
  await page.close();
  if (before < now) {
    // A hash that the proof needs is changed: no fork is reported, and nothing is called verified.
    const paths = new Set();
    const spoil = (path, body) => { paths.add(path); return paths.size === 1 ? flipped(0)(body) : body; };
    const spoilt = await reader(showing(ours, before));
    (await open(spoilt, '/log/')).close();
    spoilt.answers.change = showing(ours, now, spoil);
    await expect(`${label}, with a wrong tile`, spoilt, '/log/', [withdrawn(now), ['WRONG: ', 'do not belong to the signed tree head']]);
    await close(spoilt.context);
  }
  const betrayed = await reader(showing(ours, before));
  (await open(betrayed, '/log/')).close();
  betrayed.answers.change = showing(theirs, now);
  const forkPage = await expect(`${label}, forked`, betrayed, '/log/', [withdrawn(now), ['WRONG: ', 'THE LOG WAS FORKED']]);
  await save(forkPage, `sizes-${before}-${now}`, key.vkey);
  await Promise.all([close(who.context), close(betrayed.context)]);
}
await close(browser);

if (problems.length > 0) {
  console.error(`${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  process.exit(1);
}
