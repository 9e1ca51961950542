// The LuxTensor panel: slots with who proposes and how many vote, validators and what is final for each, the latest blocks, what goes into them.

import { Chart } from '../charts.js';
import { html } from '../dom.js';
import { count, fee, rate } from '../format.js';
import { BlockTable } from './blocks.js';
import { SlotStrip } from './slots.js';
import { ValidatorTable } from './validators.js';

export const title = 'LuxTensor';
export const note = 'proof of stake, EVM';

/** The key figures for the overview strip. */
export function figures(store) {
  const chain = store.nodesOf('lux').find((node) => node.blocks.length > 0) ?? store.nodesOf('lux')[0];
  const final = chain?.consensus?.finalised;
  const latest = store.latest('lux');
  const head = chain?.blocks[0];
  const base = fee(chain?.base_fee ?? '0');
  return [
    { label: 'Block', number: head ? String(head.number) : '–' },
    ...(final ? [{ label: 'Final', number: String(final.number) }] : []),
    { label: 'Transactions', ...rate(latest?.transactions ?? 0, 'tx') },
    { label: 'Gas', ...rate(latest?.gas ?? 0, 'gas') },
    { label: 'Base fee', ...base },
    { label: 'Pool', number: count((chain?.pending ?? 0) + (chain?.queued ?? 0)), unit: 'waiting' },
  ];
}

/** What the overview's line is drawn of. */
export const pulse = { field: 'transactions', label: 'transactions' };

export class Panel {
  #store;
  #slots = new SlotStrip();
  #validators = new ValidatorTable();
  #blocks;
  #transactions = new Chart({ title: 'Transactions', unit: 'tx', series: [{ name: 'mined', field: 'transactions' }] });
  #gas = new Chart({ title: 'Gas', unit: 'gas', series: [{ name: 'used', field: 'gas' }] });
  #lastSample = 0;

  constructor(host, store) {
    this.#store = store;
    this.#blocks = new BlockTable(store);
    host.append(this.#slots.element, this.#validators.element, html('div', { class: 'panel-bottom' }, this.#blocks.element,
      html('div', { class: 'chart-stack' }, this.#transactions.element, this.#gas.element)));
  }

  /** Nothing of a chain is told by events: its entry holds its blocks. */
  onEvents() {}

  draw() {
    const nodes = this.#store.nodesOf('lux');
    this.#slots.draw(nodes, this.#store.time);
    this.#validators.draw(nodes);
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
