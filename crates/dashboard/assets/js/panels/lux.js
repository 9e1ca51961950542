// The LuxTensor panel: the latest blocks, and what goes into them.

import { Chart } from '../charts.js';
import { html } from '../dom.js';
import { count, fee, rate } from '../format.js';
import { BlockTable } from './blocks.js';

export const title = 'LuxTensor';
export const note = 'EVM chain, one proposer';

/** The key figures for the overview strip. */
export function figures(store) {
  const [chain] = store.nodesOf('lux');
  const latest = store.latest('lux');
  const head = chain?.blocks[0];
  const base = fee(chain?.base_fee ?? '0');
  return [
    { label: 'Block', number: head ? String(head.number) : '–' },
    { label: 'Transactions', ...rate(latest?.transactions ?? 0, 'tx') },
    { label: 'Gas', ...rate(latest?.gas ?? 0, 'gas') },
    { label: 'Block gas', number: head ? String(Math.round((100 * head.gas_used) / head.gas_limit)) : '–', unit: '%' },
    { label: 'Base fee', ...base },
    { label: 'Pool', number: count((chain?.pending ?? 0) + (chain?.queued ?? 0)), unit: 'waiting' },
  ];
}

export class Panel {
  #store;
  #blocks;
  #transactions = new Chart({ title: 'Transactions', unit: 'tx', series: [{ name: 'mined', field: 'transactions' }] });
  #gas = new Chart({ title: 'Gas', unit: 'gas', series: [{ name: 'used', field: 'gas' }] });
  #lastSample = 0;

  constructor(host, store) {
    this.#store = store;
    this.#blocks = new BlockTable(store);
    host.append(html('div', { class: 'panel-bottom' }, this.#blocks.element,
      html('div', { class: 'chart-stack' }, this.#transactions.element, this.#gas.element)));
  }

  /** Nothing of a chain is told by events: its entry holds its blocks. */
  onEvents() {}

  draw() {
    this.#blocks.draw();
    const sample = this.#store.latest('lux')?.time ?? 0;
    if (sample !== this.#lastSample) {
      this.#lastSample = sample;
      const points = this.#store.throughput.get('lux') ?? [];
      this.#transactions.draw(points, sample);
      this.#gas.draw(points, sample);
    }
  }
}
