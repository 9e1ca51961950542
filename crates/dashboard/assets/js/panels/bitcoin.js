// The Bitcoin panel: the chain's latest blocks, the pool by fee rate, the nodes and who is connected to them.

import { Chart } from '../charts.js';
import { html } from '../dom.js';
import { count, rate } from '../format.js';
import { ChainStrip } from './chain-strip.js';
import { NodeTable } from './nodes.js';
import { PeerTable } from './peers.js';
import { PoolTable } from './pool.js';

export const title = 'Bitcoin';
export const note = 'proof of work, UTXOs';

/** The key figures for the overview strip. */
export function figures(store) {
  const [node] = store.nodesOf('bitcoin');
  const latest = store.latest('bitcoin');
  return [
    { label: 'Height', number: node ? String(node.height) : '–' },
    { label: 'Entered pool', ...rate(latest?.entered ?? 0, 'tx') },
    { label: 'Pool', number: count(node?.pool.transactions ?? 0), unit: 'waiting' },
    { label: 'Pool size', number: count(node?.pool.size ?? 0), unit: 'vB' },
    { label: 'Peers', number: String(node?.peers ?? 0) },
    { label: 'Traffic', ...rate(latest ? latest.bytes_in + latest.bytes_out : 0, 'B') },
  ];
}

/** What the overview's line is drawn of. */
export const pulse = { field: 'bytes_in', label: 'bytes between peers' };

export class Panel {
  #store;
  #strip = new ChainStrip();
  #nodes = new NodeTable({
    id: 'bitcoin-nodes',
    title: 'Nodes',
    columns: [
      { head: 'Tip', of: (node) => `…${node.best.slice(-10)}`, className: 'key' },
      { head: 'Height', of: (node) => String(node.height), className: 'number' },
      { head: 'Headers', of: (node) => String(node.headers), className: 'number wide-only' },
      { head: 'Pool', of: (node) => count(node.pool.transactions), className: 'number' },
      { head: 'Peers', of: (node) => String(node.peers), className: 'number' },
    ],
  });
  #peers = new PeerTable();
  #pool = new PoolTable({ id: 'bitcoin-pool', title: 'Pool by fee rate', rate: 'sat/vB', size: 'vB' });
  #transactions = new Chart({ title: 'Transactions', unit: 'tx', series: [{ name: 'entered', field: 'entered' }, { name: 'mined', field: 'mined' }] });
  #traffic = new Chart({ title: 'Traffic', unit: 'B', series: [{ name: 'in', field: 'bytes_in' }, { name: 'out', field: 'bytes_out' }] });
  #lastSample = 0;

  constructor(host, store) {
    this.#store = store;
    host.append(this.#strip.element,
      html('div', { class: 'panel-bottom' },
        html('div', { class: 'card-stack' }, this.#nodes.element, this.#pool.element),
        html('div', { class: 'chart-stack' }, this.#transactions.element, this.#traffic.element, this.#peers.element)));
  }

  /** Nothing of a chain is told by events: its nodes' entries hold its blocks. */
  onEvents() {}

  draw() {
    const nodes = this.#store.nodesOf('bitcoin');
    const [first] = nodes;
    this.#strip.draw(first, this.#store.time);
    this.#nodes.draw(nodes, first?.chain ?? '');
    this.#peers.draw(nodes);
    this.#pool.draw(first?.pool);
    const sample = this.#store.latest('bitcoin')?.time ?? 0;
    if (sample !== this.#lastSample) {
      this.#lastSample = sample;
      const points = this.#store.throughput.get('bitcoin') ?? [];
      this.#transactions.draw(points, sample);
      this.#traffic.draw(points, sample);
    }
  }
}
