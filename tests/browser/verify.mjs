// What the script of the log's pages finds out in a real browser, and what it says.
// usage: node verify.mjs URL FORKED-URL DEFLATED-ZIP FOLDER
//
// URL is a deployment of three versions, FORKED-URL one with its key and another history, DEFLATED-ZIP
// the zip of v0.2.0 packed by another program. Evidence is left in FOLDER, each file beside the key to
// check it with.
//
// 1. Pages of the deployment, with answers changed on their way to the browser.
// 2. Logs of many sizes, which node makes (log.mjs), in the place of the deployment's.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, PATIENCE } from './browser.mjs';
import { Log, newKey } from './log.mjs';

const [base, forked, deflated, folder] = process.argv.slice(2);
const photographs = process.env.CANDOR_SCREENSHOTS;
const browser = await launch();
const problems = [];

/** A reader with a browser of their own. `change` sees each request's path, and fulfils it or does not. */
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

/** Opens a page and waits until the script has said everything. */
async function open({ context }, path) {
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`${path}: script error: ${error}`));
  await page.goto(new URL(path, base).href);
  await finished(page);
  return page;
}

/** What is said on a page, a line for each check. */
const said = (page) => page.locator('#verify ul.checks > li').allInnerTexts();

/** Opens a page, and looks whether it says these things, in this order, and nothing else. */
async function expect(what, who, path, wanted) {
  const page = await open(who, path);
  const lines = await said(page);
  const fits = lines.length === wanted.length && wanted.every((part, at) => lines[at].startsWith(part[0]) && part.slice(1).every((word) => lines[at].includes(word)));
  if (!fits) problems.push(`${what}: ${path} says\n    ${lines.join('\n    ')}\n  and not\n    ${wanted.map((part) => part.join(' ... ')).join('\n    ')}`);
  if (photographs) await page.screenshot({ path: join(photographs, `checks-${what.replace(/\W+/g, '-')}.png`), fullPage: true });
  return page;
}

/** Saves what a page offers as evidence. */
async function save(page, name, key) {
  // What was said instead was complained about already.
  if (await page.locator('#verify a[download]').count() === 0) return;
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#verify a[download]').click()]);
  await download.saveAs(join(folder, `${name}.candor-evidence`));
  writeFileSync(join(folder, `${name}.vkey`), key);
}

const FIRST = ['This browser sees the log for the first time'];
const signed = (size) => ['Verified. ', `The log of ${size} entries is signed`];
const continues = (size) => ['Verified. ', `begins with all ${size} entries`];

// 1. The deployment, honest

const honest = await reader();
const first = await expect('first visit', honest, '/log/', [signed(3), FIRST]);
const vkey = await first.locator('#verify').getAttribute('data-vkey');
await expect('second visit', honest, '/log/', [signed(3), continues(3)]);
await expect('an entry', honest, '/log/entry/1', [signed(3), continues(3), ['Verified. ', 'entry 1 of the signed log']]);
await expect('a version', honest, '/config/v0.2.0', [signed(3), continues(3), ['Verified. ', 'the v0.2.0 that the log names', 'h1:']]);

// Any entry; a key from elsewhere, first one that is not the log's.
await first.locator('form.entry input').fill('2');
await first.locator('form.entry button').click();
await first.getByText('Entry 2 is in the signed log: ').waitFor();
await first.locator('form.entry input').fill('3');
await first.locator('form.entry button').click();
await first.getByText('Not checked: the log has 3 entries, and no entry 3').waitFor();
const stranger = newKey(vkey.split('+')[0]).vkey;
for (const [given, answer] of [['nonsense', 'WRONG: this is not a verifier key'],
  [vkey.replace(/.$/, '='), 'WRONG: '], [stranger, 'is not signed by'], [vkey, 'the key that this browser knows']]) {
  await first.locator('form.key input').fill(given);
  await first.locator('form.key button').click();
  await first.getByText(answer).first().waitFor();
  await finished(first);
}

// 1. The deployment, with answers changed on their way

const meddled = (suffix, change) => async (path, route) => {
  if (!path.endsWith(suffix)) return null;
  const response = await route.fetch();
  return { response, body: change(await response.body()) };
};
/** The same with one bit changed, counted from the end where the place is negative. */
const flipped = (at) => (body) => { const copy = Buffer.from(body); copy[at < 0 ? copy.length + at : at] ^= 1; return copy; };
const unchanged = [signed(3), FIRST];

/** The same note, whose signature has another bit. */
const forge = (body) => body.toString().replace(/(\S+)\n$/, (_, signature) => `${flipped(-1)(Buffer.from(signature, 'base64')).toString('base64')}\n`);
await expect('a forged signature', await reader(meddled('/log/checkpoint', forge)), '/log/', [['WRONG: ', 'FORGED']]);
await expect('a changed size', await reader(meddled('/log/checkpoint', (body) => body.toString().replace('\n3\n', '\n2\n'))), '/log/', [['WRONG: ', 'FORGED']]);
await expect('an unsigned head', await reader(meddled('/log/checkpoint', (body) => body.toString().replace('— ', '— not.'))), '/log/', [['WRONG: ', 'is not signed by']]);
await expect('no head', await reader((path) => (path.endsWith('/log/checkpoint') ? { status: 503 } : null)), '/log/', [['Not checked: ', 'status 503']]);
await expect('a wrong tile', await reader(meddled('/tile/0/000.p/3', flipped(0))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'entry 1 is NOT in the log']]);
await expect('a wrong entry', await reader(meddled('/tile/entries/000.p/3', (body) => Buffer.from(body.toString('latin1').replace('v0.2.0', 'v0.2.1'), 'latin1'))), '/log/entry/1', [...unchanged, ['WRONG: ', 'entry 1 is NOT in the log']]);
await expect('another record on the page', await reader(meddled('/log/entry/1', (body) => body.toString().replace('data-record="', 'data-record="x'))), '/log/entry/1', [...unchanged, ['WRONG: ', 'is not what this page shows']]);
await expect('a changed zip', await reader(meddled('/v0.2.0.zip', (body) => Buffer.from(body.toString('latin1').replace('"GOOS"', '"GOOZ"'), 'latin1'))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'ANOTHER v0.2.0']]);
await expect('the zip of another version', await reader(async (path, route) => (path.endsWith('/v0.2.0.zip')
  ? { response: await route.fetch({ url: route.request().url().replace('v0.2.0', 'v0.1.0') }) } : null)), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'ANOTHER v0.2.0']]);
await expect('a zip cut off', await reader(meddled('/v0.2.0.zip', (body) => body.subarray(0, -9))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'damaged']]);
await expect('another config.json', await reader(meddled('/config/v0.2.0.json', flipped(9))), '/config/v0.2.0', [...unchanged, ['WRONG: ', 'NOT the one in the zip']]);
await expect('a zip that another program packed', await reader((path) => (path.endsWith('/v0.2.0.zip')
  ? { body: readFileSync(deflated) } : null)), '/config/v0.2.0', [...unchanged, ['Verified. ', 'the v0.2.0 that the log names']]);

// Another history on the second visit; then an older log; then another key.
const other = async (path, route) => ({ response: await route.fetch({ url: new URL(path, forked).href }) });
const deceived = await reader();
await expect('before the fork', deceived, '/log/', unchanged);
deceived.answers.change = other;
const fork = await expect('a fork', deceived, '/log/', [signed(4), ['WRONG: ', 'THE LOG WAS FORKED', 'Save the evidence']]);
await save(fork, 'deployment', vkey);
await expect('a fork, said again', deceived, '/config/v0.2.0', [signed(4), ['WRONG: ', 'THE LOG WAS FORKED'], ['Verified. ']]);
const rolledBack = await reader(other);
await expect('before the rollback', rolledBack, '/log/', [signed(4), FIRST]);
rolledBack.answers.change = () => null;
await expect('a rollback', rolledBack, '/log/', [signed(3), ['WRONG: ', 'the log has 3 entries, but this browser has seen 4']]);
honest.answers.change = meddled('/log/', (body) => body.toString().replaceAll(vkey, stranger));
await expect('another key', honest, '/log/', [['WRONG: ', 'this page names another key of the log'], signed(3), continues(3)]);

// Browsers that cannot, and say so.
const old = await reader(undefined, () => {
  SubtleCrypto.prototype.importKey = async () => { throw new DOMException('Unrecognized name', 'NotSupportedError'); };
});
await expect('no Ed25519', old, '/config/v0.2.0', [['Not checked: ', 'cannot verify Ed25519']]);
const plain = await reader(undefined, () => Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined }));
await expect('no cryptography', plain, '/config/v0.2.0', [['Not checked: ', 'https']]);
const forgetful = await reader(undefined, () => Object.defineProperty(globalThis, 'localStorage', { get() { throw new Error('denied'); } }));
await expect('no memory', forgetful, '/log/', [signed(3), ['This browser keeps nothing']]);

// 2. Logs of many sizes

const key = newKey('sizes.example/log');
const LARGEST = 66_000;
const [ours, theirs] = [new Log(key, LARGEST), new Log(key, LARGEST, 0)];

/** Answers in the deployment's place with a log of this size. */
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
    // A hash that the proof needs is changed: no fork is cried, and nothing is called verified.
    const paths = new Set();
    const spoil = (path, body) => { paths.add(path); return paths.size === 1 ? flipped(0)(body) : body; };
    const spoilt = await reader(showing(ours, before));
    (await open(spoilt, '/log/')).close();
    spoilt.answers.change = showing(ours, now, spoil);
    await expect(`${label}, with a wrong tile`, spoilt, '/log/', [signed(now), ['WRONG: ', 'do not belong to the signed tree head']]);
    await spoilt.context.close();
  }
  const betrayed = await reader(showing(ours, before));
  (await open(betrayed, '/log/')).close();
  betrayed.answers.change = showing(theirs, now);
  const forkPage = await expect(`${label}, forked`, betrayed, '/log/', [signed(now), ['WRONG: ', 'THE LOG WAS FORKED']]);
  await save(forkPage, `sizes-${before}-${now}`, key.vkey);
  await Promise.all([who.context.close(), betrayed.context.close()]);
}
await browser.close();

if (problems.length > 0) {
  console.error(`${problems.length} problems:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  process.exit(1);
}
