// The Kaspa panel: the DAG as it grows, the nodes, the pool, what goes in.

import { Chart } from '../charts.js';
import { html } from '../dom.js';
import { count, rate } from '../format.js';
import { DagView } from './dag.js';
import { NodeTable } from './nodes.js';
import { PoolTable } from './pool.js';

export const title = 'Kaspa';
export const note = 'blockDAG';

/** The key figures for the overview strip. */
export function figures(store) {
  const [node] = store.nodesOf('kaspa');
  const latest = store.latest('kaspa');
  return [
    { label: 'DAA score', number: node ? String(node.daa_score) : '–' },
    { label: 'Blocks', ...rate(latest?.blocks ?? 0, '') },
    { label: 'Selected chain', ...rate(latest?.chain ?? 0, '') },
    { label: 'Accepted', ...rate(latest?.accepted ?? 0, 'tx') },
    { label: 'Tips', number: node ? String(node.tips) : '–' },
    { label: 'Pool', number: count(node?.pool.transactions ?? 0), unit: 'waiting' },
  ];
}

/** What the overview's line is drawn of. */
export const pulse = { field: 'accepted', label: 'accepted transactions' };

export class Panel {
  #store;
  #dag;
  #nodes = new NodeTable({
    id: 'kaspa-nodes',
    title: 'Nodes',
    columns: [
      { head: 'Sink', of: (node) => `${node.sink.slice(0, 10)}…`, className: 'key' },
      { head: 'DAA score', of: (node) => String(node.daa_score), className: 'number' },
      { head: 'Blue score', of: (node) => String(node.blue_score), className: 'number wide-only' },
      { head: 'Blocks', of: (node) => String(node.blocks), className: 'number wide-only' },
      { head: 'Tips', of: (node) => String(node.tips), className: 'number' },
      { head: 'Peers', of: (node) => String(node.peers), className: 'number' },
    ],
  });
  #pool = new PoolTable({ id: 'kaspa-pool', title: 'Pool by fee rate', rate: 'sompi/g', size: 'g' });
  #blocks = new Chart({ title: 'Blocks', unit: 'blk', series: [{ name: 'DAG', field: 'blocks' }, { name: 'chain', field: 'chain' }] });
  #accepted = new Chart({ title: 'Transactions', unit: 'tx', series: [{ name: 'accepted', field: 'accepted' }] });
  #lastSample = 0;

  constructor(host, store) {
    this.#store = store;
    this.#dag = new DagView(store);
    host.append(this.#dag.element,
      html('div', { class: 'panel-bottom' },
        html('div', { class: 'card-stack' }, this.#nodes.element, this.#pool.element),
        html('div', { class: 'chart-stack' }, this.#blocks.element, this.#accepted.element)));
  }

  onEvents(events) {
    this.#dag.onEvents(events);
  }

  draw() {
    this.#dag.draw();
    const nodes = this.#store.nodesOf('kaspa');
    const [first] = nodes;
    this.#nodes.draw(nodes, first ? `${first.network}, ${first.blocks_per_second} blocks/s, K ${first.ghostdag_k}` : '');
    this.#pool.draw(first?.pool);
    const sample = this.#store.latest('kaspa')?.time ?? 0;
    if (sample !== this.#lastSample) {
      this.#lastSample = sample;
      const points = this.#store.throughput.get('kaspa') ?? [];
      this.#blocks.draw(points, sample);
      this.#accepted.draw(points, sample);
    }
  }
}
