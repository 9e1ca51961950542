// What each kind's panel must show of a living network. Every check returns a detail to print, or throws.

/** The overview has a row for each kind, with figures and a line of the last minutes. */
export async function checkOverview(page, kinds) {
  const rows = page.locator('#overview .kind');
  await page.waitForFunction((count) => document.querySelectorAll('#overview .kind').length >= count, kinds.length);
  const links = await rows.locator('a').evaluateAll((all) => all.map((link) => link.getAttribute('href').replace('#panel-', '')));
  for (const kind of kinds) if (!links.includes(kind)) throw new Error(`no row for ${kind}: got ${links}`);
  await page.waitForFunction((count) => {
    const drawn = [...document.querySelectorAll('#overview .spark .chart-line')].filter((line) => (line.getAttribute('d') ?? '').includes('L'));
    return drawn.length >= count;
  }, kinds.length, { timeout: 20_000 });
  const titles = await page.locator('.panel-title').count();
  if (titles !== kinds.length) throw new Error(`expected ${kinds.length} panels with a title, got ${titles}`);
  return links.join(', ');
}

/** Every chart has a line for each of its series, axes and a unit. */
export async function checkCharts(page, kinds) {
  const series = { bitcoin: 4, kaspa: 3, lux: 2, rollup: 2, dht: 4 };
  const forms = { bitcoin: /^([kM]?tx|[kMG]?B)\/s$/, kaspa: /^[kM]?(blk|tx)\/s$/, lux: /^[kMG]?(tx|gas)\/s$/, rollup: /^[kMG]?(tx|gas)\/s$/, dht: /^[kMG]?(q|B)\/s$/ };
  const said = [];
  for (const kind of kinds) {
    const panel = `#panel-${kind}`;
    await page.waitForFunction(([panel, count]) => document.querySelectorAll(`${panel} .chart .chart-line`).length === count, [panel, series[kind]], { timeout: 20_000 });
    const units = await page.locator(`${panel} .chart-unit`).allTextContents();
    if (units.length !== 2 || !units.every((unit) => forms[kind].test(unit))) throw new Error(`${kind} has the units ${units}`);
    said.push(...units);
  }
  return said.join(', ');
}

/** Blocks come, the pool is shown by fee rate, both nodes have a peer and one tip. */
export async function checkBitcoin(page) {
  const panel = page.locator('#panel-bitcoin');
  const newest = () => panel.locator('ol.strip-blocks .strip-height').first().textContent().then(Number);
  await panel.locator('ol.strip-blocks .strip-block').nth(3).waitFor();
  const from = await newest();
  await page.waitForFunction((from) => Number(document.querySelector('#panel-bitcoin ol.strip-blocks .strip-height').textContent) > from, from, { timeout: 30_000 });
  const heights = (await panel.locator('ol.strip-blocks .strip-height').allTextContents()).map(Number);
  if (!heights.every((height, index) => index === 0 || height === heights[index - 1] - 1)) throw new Error(`got ${heights}`);
  await page.waitForFunction(() => [...document.querySelectorAll('#panel-bitcoin .table-pool td:nth-child(3)')].some((cell) => Number(cell.textContent) > 0), null, { timeout: 20_000 });
  const bands = await panel.locator('.table-pool tbody tr').count();
  const connections = await panel.locator('.table-peers tbody tr').count();
  if (connections < 2) throw new Error(`expected each node's view of the connection, got ${connections}`);
  return `height ${heights[0]}, ${bands} bands of fees, ${connections} ends of connections`;
}

/** The DAG grows and is painted as it does, the chain goes through it, blocks are merged, both nodes are on it. */
export async function checkKaspa(page) {
  const canvas = page.locator('#dag');
  await canvas.scrollIntoViewIfNeeded();
  const data = () => canvas.evaluate((element) => ({ ...element.dataset }));
  await page.waitForFunction(() => Number(document.querySelector('#dag').dataset.chain) > 5, null, { timeout: 30_000 });
  const score = () => canvas.getAttribute('aria-label').then((label) => Number(label.match(/blue score (\d+)/)[1]));
  const from = await score();
  await page.waitForFunction((from) => Number(document.querySelector('#dag').getAttribute('aria-label').match(/blue score (\d+)/)[1]) > from + 20, from, { timeout: 20_000 });
  const { blocks, chain } = await data();
  if (Number(blocks) <= Number(chain)) throw new Error(`${blocks} blocks, ${chain} of them of the chain: it is no DAG`);
  const rows = await page.locator('#panel-kaspa .table-nodes tbody tr').count();
  if (rows !== 2) throw new Error(`expected two nodes, got ${rows}`);
  return `${blocks} blocks, ${chain} of the selected chain, blue score from ${from} to ${await score()}`;
}

/** The arrow keys look at blocks and hold the picture; Escape lets it go on. */
export async function checkDagKeys(page) {
  const canvas = page.locator('#dag');
  await canvas.focus();
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => document.querySelector('#dag').dataset.selected !== '');
  const first = await canvas.getAttribute('data-selected');
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction((first) => document.querySelector('#dag').dataset.selected !== first, first);
  const facts = await page.locator('.dag-facts').textContent();
  if (!/on the selected chain · blue score \d+ · DAA score \d+ · \d+ parents?, merges \d+ blue/.test(facts)) throw new Error(`got ${facts}`);
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelector('#dag').dataset.selected === '');
  return facts.slice(0, 90);
}

/** How smoothly the DAG is painted: frames a second, the longest wait for one, and what of a second the page's scripts take. */
export async function measureDag(page) {
  await page.locator('#dag').scrollIntoViewIfNeeded();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const metrics = async () => Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
  const before = await metrics();
  const frames = await page.evaluate(() => new Promise((done) => {
    const times = [];
    const frame = (now) => {
      times.push(now);
      if (now - times[0] < 5_000) requestAnimationFrame(frame);
      else done(times);
    };
    requestAnimationFrame(frame);
  }));
  const after = await metrics();
  await session.detach();
  const seconds = (frames.at(-1) - frames[0]) / 1000;
  const waits = frames.slice(1).map((time, index) => time - frames[index]).sort((one, other) => one - other);
  const share = (name) => Math.round((100 * (after[name] - before[name])) / (after.Timestamp - before.Timestamp));
  const rate = (frames.length - 1) / seconds;
  return `${rate.toFixed(0)} frames a second, half within ${waits[waits.length >> 1].toFixed(0)} ms, 95 of 100 within ${waits[Math.floor(waits.length * 0.95)].toFixed(0)} ms, `
      + `longest ${waits.at(-1).toFixed(0)} ms; scripts take ${share('ScriptDuration')} %, all of the main thread ${share('TaskDuration')} %, heap ${(after.JSHeapUsedSize / 1e6).toFixed(1)} MB`;
}

/** Slots with votes, and validators that have final blocks. */
export async function checkValidators(page) {
  await page.locator('#panel-lux .slot-bar').nth(4).waitFor({ timeout: 30_000 });
  const rows = page.locator('#panel-lux .table-validators tbody tr');
  const finals = () => rows.locator('td:last-child').allTextContents();
  await page.waitForFunction(() => {
    const cells = [...document.querySelectorAll('#panel-lux .table-validators tbody tr td:last-child')];
    return cells.length > 0 && cells.every((cell) => Number(cell.textContent) > 0);
  }, null, { timeout: 60_000 });
  return `${await rows.count()} validators, final ${(await finals()).join(', ')}`;
}

/** The unsafe head moves, the safe head follows. */
export async function checkRollup(page) {
  const rows = page.locator('#panel-rollup .table-nodes tbody tr');
  await rows.first().waitFor();
  const unsafe = () => rows.first().locator('td').first().textContent().then(Number);
  const from = await unsafe();
  await page.waitForFunction((from) => Number(document.querySelector('#panel-rollup .table-nodes tbody td').textContent) > from, from, { timeout: 30_000 });
  await page.waitForFunction(() => [...document.querySelectorAll('#panel-rollup .table-nodes tbody tr td:nth-child(3)')].some((cell) => Number(cell.textContent) > 0), null, { timeout: 60_000 });
  const heads = await page.locator('#panel-rollup .heads-plot').getAttribute('aria-label');
  return heads.slice(0, 140);
}
