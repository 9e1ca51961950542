// What the scripts share: where the chain is, what was compiled, and steps that are told one by one.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { INTEROP_LUX_NODE_MODULES, LUX_HTTP, LUX_WS, LUX_KEYS, LUX_CONTRACTS } = process.env;

/** Loads a package from the folder with the clients. */
export const require = createRequire(`${INTEROP_LUX_NODE_MODULES}/`);
export const http = LUX_HTTP;
export const ws = LUX_WS;
/** Private keys of accounts with money. */
export const keys = LUX_KEYS?.split(',') ?? [];
export const contracts = () => JSON.parse(readFileSync(LUX_CONTRACTS, 'utf8'));

/** Time a step may take. */
const STEP_MS = 20_000;

/** Does one step; the first that fails ends the script. */
export async function step(name, deed) {
  let timer;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`not within ${STEP_MS / 1000} s`)), STEP_MS);
  });
  try {
    const said = await Promise.race([deed(), late]);
    console.log(`ok      ${name}${said === undefined ? '' : `: ${said}`}`);
  } catch (error) {
    console.log(`FAILED  ${name}: ${error.stack ?? error}`);
    process.exit(1);
  } finally {
    clearTimeout(timer);
  }
}

/** Requires two values to be alike; tells where they are not. */
export function equal(actual, expected, what = 'value') {
  const text = (value) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'nothing';
  if (text(actual) === text(expected)) return;
  if (actual && expected && typeof actual === 'object' && typeof expected === 'object') {
    for (const part of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
      equal(actual[part], expected[part], `${what}.${part}`);
    }
  }
  throw new Error(`${what}: expected ${text(expected)}, got ${text(actual)}`);
}

export function truly(condition, what) {
  if (!condition) throw new Error(`expected ${what}`);
}

/** Returns what a promise is refused with. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a refusal');
}
