// What a reader's browser says of a log that someone shows, as JSON: {"when", "message"}.
// usage: node look.mjs BEFORE-URL AFTER-URL PATH...
//
// First someone who never looked before opens the pages of AFTER; where the script finds nothing
// wrong, someone who has seen BEFORE does. Both are shown to the browser under one address.

import { close, launch, PATIENCE } from './browser.mjs';

const [before, after, ...paths] = process.argv.slice(2);
const BASE = 'http://localhost:8080';
const browser = await launch();

/** A reader with a browser of their own, to whom one address shows what `where` says. */
async function reader(where) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  const answers = { where };
  await context.route('**/*', async (route) => {
    const url = new URL(route.request().url());
    const response = await route.fetch({ url: answers.where + url.pathname + url.search });
    await route.fulfill({ response });
  });
  return { context, answers };
}

/** What is wrong on the pages, by the script on them. */
async function wrong({ context }) {
  const found = [];
  for (const path of paths) {
    const page = await context.newPage();
    const answer = await page.goto(BASE + path);
    // What is not served is not looked at.
    if (answer.status() === 200) {
      await page.locator('#verify [aria-busy="false"]').waitFor({ state: 'attached' });
      const lines = await page.locator('#verify ul.checks > li').allInnerTexts();
      found.push(...lines.filter((line) => line.startsWith('WRONG')));
    }
    await page.close();
  }
  return [...new Set(found)];
}

const newcomer = await wrong(await reader(after));
let seen = { when: 'at once', message: newcomer.join(' ') };
if (newcomer.length === 0) {
  const one = await reader(before);
  const honest = await wrong(one);
  if (honest.length > 0) throw new Error(`the honest log is called wrong: ${honest.join(' ')}`);
  one.answers.where = after;
  const returning = await wrong(one);
  seen = { when: returning.length > 0 ? 'at its next look' : 'no', message: returning.join(' ') };
}
console.log(JSON.stringify(seen));
await close(browser);
