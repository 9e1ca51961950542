// The Kademlia panel: topology, the node looked at, lookups, throughput.

import { Chart } from '../charts.js';
import { html, setText } from '../dom.js';
import { count, rate } from '../format.js';
import { Inspector } from './inspector.js';
import { LookupTable } from './lookups.js';
import { Topology } from './topology.js';

export const title = 'DHT';
export const note = 'Kademlia over UDP';

/** The key figures for the overview strip. */
export function figures(store) {
  const nodes = store.nodesOf('dht');
  const sum = (of) => nodes.reduce((total, node) => total + of(node), 0);
  const latest = store.latest('dht');
  const queries = rate(latest ? latest.queries_in + latest.queries_out : 0, 'q');
  const traffic = rate(latest ? latest.bytes_in + latest.bytes_out : 0, 'B');
  const ended = [...store.lookups.values()].filter((lookup) => lookup.result);
  const found = ended.filter((lookup) => lookup.result.found).length;
  return [
    { label: 'Contacts', number: count(sum((node) => node.peers)) },
    { label: 'Records', number: count(sum((node) => node.records)) },
    { label: 'Lookups', number: count(Math.round(store.lookupsAMinute())), unit: '/min' },
    { label: 'Success', number: ended.length ? String(Math.round((100 * found) / ended.length)) : '–', unit: '%' },
    { label: 'Queries', ...queries },
    { label: 'Traffic', ...traffic },
  ];
}

/** What the overview's line is drawn of. */
export const pulse = { field: 'queries_in', label: 'queries' };

export class Panel {
  #store;
  #topology;
  #inspector;
  #lookups;
  #queries = new Chart({
    title: 'Queries',
    unit: 'q',
    series: [{ name: 'in', field: 'queries_in' }, { name: 'out', field: 'queries_out' }],
  });
  #traffic = new Chart({
    title: 'Traffic',
    unit: 'B',
    series: [{ name: 'in', field: 'bytes_in' }, { name: 'out', field: 'bytes_out' }],
  });
  #announcement = html('p', { class: 'unseen', 'aria-live': 'polite' });
  #selected = null;
  #lastSample = 0;

  constructor(host, store) {
    this.#store = store;
    const select = (id) => this.#select(id);
    this.#topology = new Topology(store, { onSelect: select });
    this.#inspector = new Inspector(store, { onSelect: select, onHover: (id) => this.#topology.hover(id) });
    this.#lookups = new LookupTable(store, { onSelect: select });
    host.append(
      html('div', { class: 'panel-top' }, this.#topology.element, this.#inspector.element),
      html('div', { class: 'panel-bottom' }, this.#lookups.element,
        html('div', { class: 'chart-stack' }, this.#queries.element, this.#traffic.element)),
      this.#announcement);
  }

  /** Moves what the events tell of. */
  onEvents(events) {
    this.#topology.onEvents(events);
  }

  draw() {
    if (this.#selected && !this.#store.nodes.has(this.#selected)) this.#select(null);
    this.#topology.draw();
    this.#inspector.draw();
    this.#lookups.draw();
    const sample = this.#store.latest('dht')?.time ?? 0;
    if (sample !== this.#lastSample) {
      this.#lastSample = sample;
      const points = this.#store.throughput.get('dht') ?? [];
      this.#queries.draw(points, sample);
      this.#traffic.draw(points, sample);
    }
  }

  #select(id) {
    this.#selected = id;
    this.#topology.select(id);
    this.#inspector.select(id);
    const node = id && this.#store.nodes.get(id);
    setText(this.#announcement, node ? `${node.name} selected: ${node.peers} contacts, ${node.records} records.` : 'No node selected.');
  }
}
