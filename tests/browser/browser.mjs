// The browser, wherever this system has it.

import { chromium } from 'playwright-core';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

function path() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch { /* the next */ }
    }
  }
  throw new Error('no chromium in PATH: run scripts/setup test');
}

export const launch = () => chromium.launch({ executablePath: path(), args: ['--no-sandbox'] });
/**
 * Closes a context, or a browser with all of its contexts, when nothing is on its way any more to
 * pages that may be gone: an answer to that would fail.
 */
export async function close(whole) {
  const contexts = whole.contexts ? whole.contexts() : [whole];
  for (const context of contexts) await context.unrouteAll({ behavior: 'wait' });
  await whole.close();
}
/** How long a page may take, in milliseconds: a busy machine is no fault of a page. */
export const PATIENCE = 120_000;
