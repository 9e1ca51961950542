// The side panel: all nodes as a list, or everything about the one selected.

import { follow, html, setAttribute, setText } from '../dom.js';
import { count, rate, shortKey, visible, words } from '../format.js';
import { closerTo, distanceBits } from '../keyspace.js';
import { BucketChart } from './buckets.js';

const NEIGHBOURS_SHOWN = 64;

export class Inspector {
  #store;
  #selected = null;
  #onSelect;
  #onHover;
  #title = html('h3', { class: 'card-title', id: 'inspector-title' });
  #note = html('p', { class: 'card-note' });
  #back = html('button', { class: 'button button-quiet', type: 'button', hidden: true }, 'All nodes');
  #list = html('tbody');
  #table = nodeTable(this.#list);
  #detail = new Detail((id) => this.#onSelect(id));

  constructor(store, { onSelect, onHover }) {
    this.#store = store;
    this.#onSelect = onSelect;
    this.#onHover = onHover;
    this.#back.addEventListener('click', () => onSelect(null));
    this.element = html('section', { class: 'card inspector', 'aria-labelledby': 'inspector-title' },
      html('div', { class: 'card-head' }, this.#title, this.#note, this.#back),
      html('div', { class: 'inspector-body' }, this.#table, this.#detail.element));
  }

  select(id) {
    this.#selected = id;
    this.draw();
  }

  draw() {
    const node = this.#selected ? this.#store.nodes.get(this.#selected) : null;
    this.#table.hidden = Boolean(node);
    this.#detail.element.hidden = !node;
    this.#back.hidden = !node;
    setAttribute(this.element, 'data-node', node?.id ?? '');
    const nodes = this.#store.nodesOf('dht');
    if (node) {
      setText(this.#title, visible(node.name));
      setText(this.#note, words(node.state));
      this.#detail.draw(node, nodes);
    } else {
      setText(this.#title, 'Nodes');
      setText(this.#note, 'select one for its table');
      this.#drawList(nodes);
    }
  }

  #drawList(nodes) {
    follow(this.#list, nodes, (node) => node.id, (node) => this.#createRow(node), updateRow);
  }

  #createRow(node) {
    const button = html('button', { class: 'link', type: 'button' });
    const row = html('tr', {}, html('th', { scope: 'row' }, html('span', { class: 'state-dot', role: 'img' }), button),
      html('td', { class: 'key wide-only' }), html('td', { class: 'number' }), html('td', { class: 'number' }), html('td', { class: 'number' }));
    row.addEventListener('click', () => this.#onSelect(node.id));
    row.addEventListener('pointerenter', () => this.#onHover(node.id));
    row.addEventListener('pointerleave', () => this.#onHover(null));
    return row;
  }
}

function nodeTable(body) {
  const head = (text, name) => html('th', { scope: 'col', class: name }, text);
  return html('table', { class: 'table table-picks' },
    html('thead', {}, html('tr', {}, head('Node'), head('Key', 'wide-only'), head('Contacts', 'number'), head('Records', 'number'), head('Queries/s', 'number'))), body);
}

function updateRow(row, node) {
  const [name, key, peers, records, queries] = row.children;
  const [dot, button] = name.children;
  setAttribute(dot, 'data-state', node.state);
  setAttribute(dot, 'aria-label', words(node.state));
  setText(button, visible(node.name));
  setText(key, shortKey(node.key));
  setText(peers, count(node.peers));
  setText(records, count(node.records));
  setText(queries, rate(node.rates.queries_in + node.rates.queries_out, '').number);
}

/** Everything about one node. */
class Detail {
  #key = html('dd', { class: 'key key-whole' });
  #endpoint = html('dd', { class: 'key' });
  #figures = html('dl', { class: 'figures figures-small' });
  #buckets = new BucketChart();
  #bucketNote = html('span', { class: 'card-note' });
  #neighbours = html('tbody');
  #neighbourNote = html('span', { class: 'card-note' });
  #onSelect;

  constructor(onSelect) {
    this.#onSelect = onSelect;
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('div', { class: 'detail', hidden: true },
      html('dl', { class: 'facts' }, html('dt', {}, 'Id'), this.#key, html('dt', {}, 'Endpoint'), this.#endpoint),
      this.#figures,
      html('h4', { class: 'detail-title' }, 'Buckets ', this.#bucketNote),
      this.#buckets.element,
      html('p', { class: 'bucket-legend' }, html('span', { class: 'mark mark-live', 'aria-hidden': 'true' }), 'live',
        html('span', { class: 'mark mark-reserve', 'aria-hidden': 'true' }), 'in reserve',
        html('span', { class: 'bucket-axis' }, 'leading bits shared with the node')),
      html('h4', { class: 'detail-title' }, 'Knows ', this.#neighbourNote),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Contacts by distance' },
        html('table', { class: 'table table-picks' },
          html('thead', {}, html('tr', {}, head('Contact'), head('Key'), head('Distance', 'number'))), this.#neighbours)));
  }

  draw(node, nodes) {
    setText(this.#key, node.key);
    setText(this.#endpoint, visible(node.endpoint));
    follow(this.#figures, figuresOf(node), (figure) => figure.label, createFigure, updateFigure);
    setText(this.#bucketNote, `up to ${node.bucket_size} live each`);
    this.#buckets.draw(node);
    const byKey = new Map(nodes.map((each) => [each.key, each]));
    const keys = [...node.neighbours].sort(closerTo(node.key));
    setText(this.#neighbourNote, keys.length > NEIGHBOURS_SHOWN ? `nearest ${NEIGHBOURS_SHOWN} of ${keys.length}` : `${keys.length} contacts, nearest first`);
    follow(this.#neighbours, keys.slice(0, NEIGHBOURS_SHOWN), (key) => key,
      () => html('tr', {}, html('th', { scope: 'row' }), html('td', { class: 'key' }), html('td', { class: 'number' })),
      (row, key) => this.#updateNeighbour(row, key, byKey.get(key), node));
  }

  #updateNeighbour(row, key, known, node) {
    const [name, short, distance] = row.children;
    setText(short, shortKey(key));
    setText(distance, `${distanceBits(node.key, key)} bits`);
    const text = known ? visible(known.name) : 'not of this network';
    if (name.textContent === text) return;
    const button = known && html('button', { class: 'link', type: 'button' }, text);
    button?.addEventListener('click', () => this.#onSelect(known.id));
    name.replaceChildren(button ?? text);
  }
}

function figuresOf(node) {
  const { queries_in: queriesIn, queries_out: queriesOut, bytes_in: bytesIn, bytes_out: bytesOut } = node.rates;
  return [
    { label: 'Contacts', number: count(node.peers), unit: '' },
    { label: 'Records', number: count(node.records), unit: '' },
    { label: 'Queries in', ...rate(queriesIn, 'q') },
    { label: 'Queries out', ...rate(queriesOut, 'q') },
    { label: 'Bytes in', ...rate(bytesIn, 'B') },
    { label: 'Bytes out', ...rate(bytesOut, 'B') },
  ];
}

function createFigure(figure) {
  return html('div', { class: 'figure' }, html('dt', {}, figure.label),
    html('dd', {}, html('span', { class: 'figure-number' }), ' ', html('span', { class: 'figure-unit' })));
}

function updateFigure(element, figure) {
  setText(element.querySelector('.figure-number'), figure.number);
  setText(element.querySelector('.figure-unit'), figure.unit);
}
