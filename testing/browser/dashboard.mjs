// Looks at the dashboard with Chromium.
//
//   node dashboard.mjs                starts `quintet up` (QUINTET_BIN) on free ports and looks at its page
//   node dashboard.mjs URL            looks at a page that is being served already
//
// Prints one line a check and exits 0 if all held, 1 if one did not, 2 if it could not start. SCREENSHOTS names a folder
// for pictures, NODES the number of nodes (default 16); CHROMIUM_BIN and BROWSER_NODE_MODULES: see lib/chromium.mjs. The
// line with hostile markup is put into the feed by the test itself, so any network will do.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { launch } from './lib/chromium.mjs';
import { startNetwork } from './lib/network.mjs';
import {
  checkBitcoin, checkCharts, checkDagKeys, checkKaspa, checkOverview, checkRollup, checkValidators, measureDag,
} from './lib/panels.mjs';

const DESKTOP = { width: 1440, height: 1000 };
const PHONE = { width: 360, height: 740 };
const HOSTILE = '<img src=x onerror="window.breached=1"><script>window.breached=1</script>\u202e\u001b[31m';
const HOSTILE_SHOWN = '<img src=x onerror="window.breached=1"><script>window.breached=1</script>\\u{202e}\\u{1b}[31m';

const screenshots = process.env.SCREENSHOTS;
const nodesExpected = Number(process.env.NODES ?? 16);
let url = process.argv[2];

const complaints = [];
let failures = 0;

function report(held, what, detail = '') {
  if (!held) failures += 1;
  console.log(`${held ? 'ok  ' : 'FAIL'} ${what}${detail === '' ? '' : `: ${detail}`}`);
}

async function check(what, run) {
  try {
    const detail = await run();
    report(detail !== false, what, detail === true || detail === false ? '' : detail);
  } catch (error) {
    report(false, what, error.message.split('\n')[0]);
  }
}

function watch(page, name) {
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${name}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`${name}: ${error.message}`));
  page.on('requestfailed', (request) => complaints.push(`${name}: ${request.url()} did not load`));
  page.on('request', (request) => {
    if (new URL(request.url()).host !== new URL(url).host && !request.url().startsWith('data:')) {
      complaints.push(`${name}: asked ${request.url()}, which is not this server`);
    }
  });
}

/** A page that shows a live network, with policy violations noted and, if asked, a hostile line in its feed. */
async function open(browser, name, options, { hostile = false } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  const page = await context.newPage();
  watch(page, name);
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
    });
  });
  if (hostile) await page.routeWebSocket(/\/feed$/, injectHostileLine);
  await page.goto(url);
  await page.locator('#topology').waitFor();
  // What is out of sight is not painted, and other kinds' panels may come in above it.
  await page.waitForFunction((count) => {
    const topology = document.querySelector('#topology');
    topology.scrollIntoView({ block: 'center', behavior: 'instant' });
    return Number(topology.dataset.nodes) >= count;
  }, nodesExpected);
  return { context, page };
}

/** Adds a line to the first snapshot, as if a peer had got it into a node's log. */
function injectHostileLine(client) {
  const server = client.connectToServer();
  server.onMessage((text) => {
    const frame = JSON.parse(text);
    if (frame.type === 'snapshot') {
      frame.logs.push({ time: frame.time, level: 'error', node: HOSTILE, target: HOSTILE, message: HOSTILE });
    }
    client.send(JSON.stringify(frame));
  });
}

/** A picture; of the whole page everything is drawn, in sight or not. */
async function shot(page, name, fullPage = true) {
  if (!screenshots) return;
  const settle = (all, settled) => all.forEach((panel) => panel.classList.toggle('is-settled', settled));
  if (fullPage) {
    await page.locator('.panel').evaluateAll(settle, false);
    await page.waitForTimeout(1_500);
  }
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage });
  await page.locator('.panel').evaluateAll(settle, true);
}

const seq = (page) => page.evaluate(() => Number(document.documentElement.dataset.seq));

/** How many different colours a grid of the canvas' pixels has. */
const colours = (page) => page.evaluate(() => {
  const canvas = document.querySelector('#topology');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  return seen.size;
});

async function noOverflow(page, width) {
  await page.setViewportSize({ width, height: 740 });
  await page.waitForTimeout(300);
  const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
  if (wide > width) throw new Error(`expected at most ${width} px, got ${wide} px`);
  return `${wide} px`;
}

async function checkTopology(page) {
  await check(`the topology has ${nodesExpected} nodes`, async () => {
    const { nodes, links } = await page.locator('#topology').evaluate((canvas) => ({ ...canvas.dataset }));
    const label = await page.locator('#topology').getAttribute('aria-label');
    const options = await page.locator('#topology [role=option]').count();
    if (Number(nodes) !== nodesExpected || options !== nodesExpected) throw new Error(`got ${nodes}, ${options} options`);
    if (!label.includes(`${nodesExpected} nodes`)) throw new Error(`the label says "${label}"`);
    if (Number(links) === 0) throw new Error('nobody knows anybody');
    return `${links} links`;
  });
  await check('the canvas is drawn', async () => {
    const seen = await colours(page);
    if (seen < 8) throw new Error(`only ${seen} colours`);
    return `${seen} colours`;
  });
  await check('a lookup moves over the canvas', async () => {
    await page.waitForFunction(() => document.querySelectorAll('.table-lookups tbody tr').length > 0);
    const still = await page.locator('#topology').evaluate((canvas) => canvas.toDataURL());
    await page.waitForFunction((before) => document.querySelector('#topology').toDataURL() !== before, still, { timeout: 20_000 });
    return true;
  });
}

async function checkChain(page) {
  await check('blocks come, newest first, and are not empty', async () => {
    const rows = page.locator('.table-blocks tbody tr');
    const newest = () => rows.first().locator('th').textContent().then(Number);
    await rows.nth(2).waitFor();
    const from = await newest();
    await page.waitForFunction((from) => Number(document.querySelector('.table-blocks tbody th').textContent) > from, from);
    const numbers = (await rows.locator('th').allTextContents()).map(Number);
    if (!numbers.every((number, index) => index === 0 || number === numbers[index - 1] - 1)) throw new Error(`got ${numbers}`);
    const transactions = (await rows.locator('td:nth-child(3)').allTextContents()).map(Number);
    if (!transactions.some((count) => count > 0)) throw new Error('no block holds a transaction');
    return `${numbers.length} blocks, the newest ${numbers[0]}`;
  });
}

async function checkSelection(page) {
  await check('the keyboard selects a node and Escape lets go', async () => {
    await page.locator('#topology').focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelector('#topology').dataset.selected !== '');
    const { selected } = await page.locator('#topology').evaluate((canvas) => ({ ...canvas.dataset }));
    await page.locator(`.inspector[data-node="${selected}"] .key-whole`).waitFor();
    const key = await page.locator('.key-whole').textContent();
    if (!/^[0-9a-f]{40}$/.test(key)) throw new Error(`expected a 160-bit key, got ${key}`);
    const chosen = await page.locator('#topology [aria-selected=true]').count();
    if (chosen !== 1) throw new Error(`${chosen} options are selected`);
    const bars = await page.locator('.buckets rect').count();
    if (bars === 0) throw new Error('no bucket is drawn');
    await shot(page, 'desktop-light-selected', false);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('#topology').dataset.selected === '');
    return selected;
  });
  await check('a click on the list selects a node', async () => {
    const row = page.locator('.inspector tbody tr').first();
    await row.locator('button').click();
    await page.locator('.detail').waitFor();
    await page.getByRole('button', { name: 'All nodes' }).click();
    await row.waitFor();
    return true;
  });
}

async function checkLogs(page) {
  await check('a hostile log line is shown as text', async () => {
    const line = page.locator('.log-line').filter({ hasText: 'onerror' }).filter({ hasText: 'breached' }).first();
    await line.waitFor();
    const shown = await line.locator('bdi').textContent();
    if (shown !== HOSTILE_SHOWN) throw new Error(`got ${shown}`);
    const made = await line.locator('img, script').count();
    const breached = await page.evaluate(() => window.breached);
    if (made || breached) throw new Error('markup of the line became part of the page');
    return true;
  });
  await check('the text filter leaves only lines that match', async () => {
    await page.locator('#logs-filter').fill('BREACHED');
    const lines = await page.locator('.log-line').allTextContents();
    if (lines.length === 0 || !lines.every((line) => line.toLowerCase().includes('breached'))) throw new Error(`got ${lines.length} lines`);
    await page.locator('#logs-filter').fill('no line says this');
    if ((await page.locator('.log-line').count()) !== 0) throw new Error('lines that do not match are shown');
    await page.locator('#logs-filter').fill('');
    return true;
  });
  await check('the level filter leaves only lines that matter', async () => {
    await page.locator('#logs-level').selectOption('error');
    const levels = new Set(await page.locator('.log-line').evaluateAll((lines) => lines.map((line) => line.dataset.level)));
    if (levels.size !== 1 || !levels.has('error')) throw new Error(`got ${[...levels]}`);
    await page.locator('#logs-level').selectOption('trace');
    return true;
  });
  await check('the log can be paused', async () => {
    await page.locator('#logs-pause').click();
    const lines = () => page.locator('.log-line').allTextContents();
    const before = await lines();
    const from = await seq(page);
    await page.waitForFunction((from) => Number(document.documentElement.dataset.seq) > from + 12, from);
    if ((await lines()).join() !== before.join()) throw new Error('lines came while paused');
    await page.locator('#logs-pause').click();
    return true;
  });
}

async function checkLooks(browser, page) {
  const paper = (of) => of.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await check('the button switches between light and dark, and the choice lasts', async () => {
    const light = await paper(page);
    await page.locator('#theme').click();
    const dark = await paper(page);
    if (light === dark) throw new Error(`the paper stays ${light}`);
    await page.reload();
    await page.locator('#topology').waitFor();
    if ((await paper(page)) !== dark) throw new Error('the choice was lost on reload');
    await page.locator('#theme').click();
    return `${light} and ${dark}`;
  });
  await check('the system\'s choice is followed', async () => {
    const { context, page: dark } = await open(browser, 'dark', { colorScheme: 'dark' });
    const theme = await dark.evaluate(() => document.documentElement.dataset.theme);
    await dark.waitForTimeout(1_500);
    await shot(dark, 'desktop-dark');
    await noViolation(dark);
    await context.close();
    return theme === 'dark';
  });
  await check('less motion is respected', async () => {
    const { context, page: calm } = await open(browser, 'calm', { reducedMotion: 'reduce' });
    const behaviour = await calm.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior);
    await calm.waitForTimeout(1_000);
    await noViolation(calm);
    await context.close();
    return behaviour === 'auto';
  });
}

async function checkPhone(browser) {
  const { context, page } = await open(browser, 'phone', { viewport: PHONE, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
  for (const width of [360, 320]) {
    await check(`a phone of ${width} px scrolls in one direction only`, () => noOverflow(page, width));
  }
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(1_000);
  await shot(page, 'phone');
  await check('a node\'s details fit a phone, too', async () => {
    await page.locator('.inspector tbody tr button').first().tap();
    await page.locator('.detail').waitFor();
    const wide = await noOverflow(page, 360);
    await page.locator('.inspector').scrollIntoViewIfNeeded();
    await shot(page, 'phone-selected');
    return wide;
  });
  await noViolation(page);
  await context.close();
}

async function checkReconnect(browser) {
  await check('a lost connection is said, and found again', async () => {
    const context = await browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    let connections = 0;
    await page.routeWebSocket(/\/feed$/, (client) => {
      connections += 1;
      client.connectToServer();
      if (connections === 1) setTimeout(() => client.close(), 1_000);
    });
    await page.goto(url);
    await page.locator('#connection[data-state=live]').waitFor();
    await page.locator('#connection[data-state=waiting]').waitFor();
    await page.locator('#notice').waitFor();
    await page.locator('#connection[data-state=live]').waitFor();
    await context.close();
    return `${connections} connections`;
  });
}

/** The kinds that run, as the page's own source says. */
const kindsOf = (page) => page.evaluate(async () => {
  const { nodes } = await (await fetch('/api/snapshot')).json();
  return [...new Set(nodes.map((node) => node.kind))];
});

async function noViolation(page) {
  const violations = await page.evaluate(() => window.violations);
  complaints.push(...violations.map((violation) => `policy violated: ${violation}`));
}

async function run(browser) {
  const { context, page } = await open(browser, 'desktop', { colorScheme: 'light' }, { hostile: true });
  // First: the line that is put into the feed moves out of it again.
  await checkLogs(page);
  await page.locator('#topology').scrollIntoViewIfNeeded();
  await checkTopology(page);
  await check('the feed goes on', async () => {
    const from = await seq(page);
    await page.waitForFunction((from) => Number(document.documentElement.dataset.seq) >= from + 5, from);
    return `from frame ${from} to ${await seq(page)}`;
  });
  const kinds = await kindsOf(page);
  await check('the overview has every kind', () => checkOverview(page, kinds));
  await check('the charts have lines, axes and units', () => checkCharts(page, kinds));
  await check('Bitcoin: blocks come, the pool and the peers are shown', () => checkBitcoin(page));
  await check('Kaspa: the DAG draws itself', () => checkKaspa(page));
  await check('Kaspa: the keyboard looks at blocks', () => checkDagKeys(page));
  // Told, not judged: it says as much of what else the machine does.
  await check('Kaspa: the DAG is painted', () => measureDag(page));
  await checkChain(page);
  if (await page.locator('#panel-lux .validators:not([hidden])').count()) await check('LuxTensor: slots, votes and finality', () => checkValidators(page));
  if (kinds.includes('rollup')) await check('Rollup: the heads move', () => checkRollup(page));
  await shot(page, 'desktop-light');
  await checkSelection(page);
  await checkLooks(browser, page);
  await noViolation(page);
  await context.close();
  await checkPhone(browser);
  await checkReconnect(browser);
  report(complaints.length === 0, 'no error, no warning, no policy violation, no foreign request', [...new Set(complaints)].join(' | '));
}

if (screenshots) await mkdir(screenshots, { recursive: true });
let browser;
let network;
try {
  browser = await launch();
  if (!url) network = await startNetwork(nodesExpected);
  url ??= network.url;
} catch (error) {
  console.error(error.message);
  await browser?.close();
  process.exit(2);
}
try {
  await run(browser);
} catch (error) {
  report(false, 'the page shows a network', error.message.split('\n')[0]);
} finally {
  await browser.close();
}
if (network) {
  await check('the network stops in order', async () => {
    const { code, signal } = await network.stop();
    if (code !== 0) throw new Error(`expected status 0, got ${signal ?? code}`);
    return true;
  });
}
console.log(failures ? `${failures} failed` : 'all held');
process.exit(failures ? 1 : 0);
