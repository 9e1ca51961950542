// The browser: playwright-core from BROWSER_NODE_MODULES (where `.ci/browser` installs what package-lock.json pins), or
// from node_modules beside the tests, driving the Chromium that CHROMIUM_BIN names.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Starts the browser; an error says what to set. */
export async function launch() {
  const modules = process.env.BROWSER_NODE_MODULES;
  const require = createRequire(modules ? join(modules, 'beside.js') : import.meta.url);
  const executablePath = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
  let chromium;
  try {
    ({ chromium } = require('playwright-core'));
  } catch {
    throw new Error(`expected playwright-core in ${modules ?? 'node_modules'}: run .ci/browser, or set BROWSER_NODE_MODULES`);
  }
  try {
    return await chromium.launch({ executablePath, args: FLAGS });
  } catch (error) {
    throw new Error(`expected Chromium at ${executablePath} (set CHROMIUM_BIN): ${error.message.split('\n')[0]}`);
  }
}
