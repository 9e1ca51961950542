// The rollup panel: heads against L1, the nodes, the latest blocks, what goes into them.

import { Chart } from '../charts.js';
import { follow, html, setAttribute, setText } from '../dom.js';
import { clock, count, rate, visible } from '../format.js';
import { Heads } from './heads.js';
import { NodeTable } from './nodes.js';

export const title = 'Rollup';
export const note = 'OP Stack on LuxTensor';

const leader = (store) => {
  const nodes = store.nodesOf('rollup');
  return nodes.find((node) => node.role === 'sequencer') ?? nodes[0];
};

/** The key figures for the overview strip. */
export function figures(store) {
  const node = leader(store);
  const verifier = store.nodesOf('rollup').find((each) => each.role === 'verifier') ?? node;
  const latest = store.latest('rollup');
  return [
    { label: 'Unsafe', number: node ? String(node.unsafe_l2.number) : '–' },
    { label: 'Safe', number: verifier ? String(verifier.safe_l2.number) : '–' },
    { label: 'Finalised', number: verifier ? String(verifier.finalized_l2.number) : '–' },
    { label: 'L1 origin', number: node ? String(node.unsafe_l2.origin) : '–' },
    { label: 'Transactions', ...rate(latest?.transactions ?? 0, 'tx') },
    { label: 'Gas', ...rate(latest?.gas ?? 0, 'gas') },
  ];
}

/** What the overview's line is drawn of. */
export const pulse = { field: 'transactions', label: 'transactions' };

export class Panel {
  #store;
  #heads = new Heads();
  #nodes = new NodeTable({
    id: 'rollup-nodes',
    title: 'Nodes',
    columns: [
      { head: 'Unsafe', of: (node) => String(node.unsafe_l2.number), className: 'number' },
      { head: 'Safe', of: (node) => String(node.safe_l2.number), className: 'number' },
      { head: 'Final', of: (node) => String(node.finalized_l2.number), className: 'number' },
      { head: 'Origin', of: (node) => `${node.unsafe_l2.origin} + ${node.unsafe_l2.sequence_number}`, className: 'number wide-only' },
      { head: 'Derived to', of: (node) => `L1 ${node.current_l1.number}`, className: 'number wide-only' },
      { head: 'Peers', of: (node) => String(node.peers), className: 'number' },
    ],
  });
  #rows = html('tbody');
  #transactions = new Chart({ title: 'Transactions', unit: 'tx', series: [{ name: 'in blocks', field: 'transactions' }] });
  #gas = new Chart({ title: 'Gas', unit: 'gas', series: [{ name: 'used', field: 'gas' }] });
  #lastSample = 0;

  constructor(host, store) {
    this.#store = store;
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    const blocks = html('section', { class: 'card blocks', 'aria-labelledby': 'rollup-blocks' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'rollup-blocks' }, 'Blocks')),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'rollup-blocks' },
        html('table', { class: 'table table-rollup' },
          html('thead', {}, html('tr', {}, head('Block'), head('Made', 'wide-only'), head('L1 origin', 'number'), head('Deposits', 'number'), head('Txs', 'number'),
            head('Gas', 'number wide-only'), head('State'))), this.#rows)));
    host.append(this.#heads.element, this.#nodes.element,
      html('div', { class: 'panel-bottom' }, blocks, html('div', { class: 'chart-stack' }, this.#transactions.element, this.#gas.element)));
  }

  /** Nothing is told by events: the nodes' entries hold it all. */
  onEvents() {}

  draw() {
    const nodes = this.#store.nodesOf('rollup');
    this.#heads.draw(nodes);
    this.#nodes.draw(nodes, nodes[0] ? `block time ${nodes[0].block_seconds} s` : '');
    this.#drawBlocks(nodes);
    const sample = this.#store.latest('rollup')?.time ?? 0;
    if (sample !== this.#lastSample) {
      this.#lastSample = sample;
      const points = this.#store.throughput.get('rollup') ?? [];
      this.#transactions.draw(points, sample);
      this.#gas.draw(points, sample);
    }
  }

  #drawBlocks(nodes) {
    const blocks = nodes.find((node) => node.blocks.length > 0)?.blocks ?? [];
    const highest = (head) => Math.max(0, ...nodes.map((node) => node[head].number));
    const [safe, final] = [highest('safe_l2'), highest('finalized_l2')];
    follow(this.#rows, blocks, (block) => block.hash, createRow, (row, { number }) => {
      const state = number <= final ? 'final' : number <= safe ? 'safe' : 'unsafe';
      const shown = row.lastElementChild.firstElementChild;
      setAttribute(shown, 'data-state', state);
      setText(shown, state);
    });
  }
}

function createRow({ number, hash, time, origin, deposits, transactions, gas_used: gas }) {
  return html('tr', { title: visible(hash) }, html('th', { scope: 'row', class: 'number-left' }, String(number)),
    html('td', { class: 'wide-only key' }, clock(time).slice(0, 8)), html('td', { class: 'number' }, String(origin)),
    html('td', { class: 'number' }, deposits ? String(deposits) : ''), html('td', { class: 'number' }, String(transactions)),
    html('td', { class: 'number wide-only' }, count(gas)), html('td', {}, html('span', { class: 'head-state' })));
}
