// The strip at the top: one row a node kind, with its key figures and a line of the last five minutes.

import { follow, html, setAttribute, setText } from './dom.js';
import { Spark } from './spark.js';

export class Overview {
  #host;
  #store;
  #kinds;
  #sparks = new Map();

  /** `kinds` maps a kind to its module: title, note, figures(store), pulse. */
  constructor(host, store, kinds) {
    this.#host = host;
    this.#store = store;
    this.#kinds = kinds;
  }

  draw() {
    const present = this.#store.kinds();
    const unknown = [...present].filter((kind) => !this.#kinds.has(kind)).sort();
    const shown = [...[...this.#kinds.keys()].filter((kind) => present.has(kind)), ...unknown];
    follow(this.#host, shown, (kind) => kind, (kind) => this.#create(kind), (row, kind) =>
      this.#update(row, kind));
  }

  #create(kind) {
    const known = this.#kinds.get(kind);
    const title = known?.title ?? kind;
    const name = html('h2', { class: 'kind-title' }, known ? html('a', { href: `#panel-${kind}` }, title) : title);
    const spark = known?.pulse ? new Spark(known.pulse) : null;
    if (spark) this.#sparks.set(kind, spark);
    return html('article', { class: 'kind', 'aria-label': title },
      html('div', { class: 'kind-name' }, name,
        html('p', { class: 'kind-note' }, html('span', { class: 'state-dot', 'aria-hidden': 'true' }), html('span'))),
      html('dl', { class: 'figures' }), ...(spark ? [spark.element] : []));
  }

  #update(row, kind) {
    const nodes = this.#store.nodesOf(kind);
    const running = nodes.filter((node) => node.state === 'running').length;
    const state = running === nodes.length ? 'running' : running > 0 ? 'degraded' : 'stopped';
    const [dot, text] = row.querySelector('.kind-note').children;
    setAttribute(dot, 'data-state', state);
    setText(text, this.#kinds.get(kind)?.note ?? '');
    const figures = [
      { label: 'Nodes', number: String(running), unit: running === nodes.length ? 'running' : `of ${nodes.length} running` },
      ...(this.#kinds.get(kind)?.figures(this.#store) ?? []),
    ];
    const points = this.#store.throughput.get(kind) ?? [];
    this.#sparks.get(kind)?.draw(points);
    follow(row.querySelector('.figures'), figures, (figure) => figure.label, createFigure, updateFigure);
  }
}

function createFigure(figure) {
  return html('div', { class: 'figure' }, html('dt', {}, figure.label),
    html('dd', {}, html('span', { class: 'figure-number' }), ' ', html('span', { class: 'figure-unit' })));
}

function updateFigure(element, figure) {
  setText(element.querySelector('.figure-number'), figure.number);
  setText(element.querySelector('.figure-unit'), figure.unit ?? '');
}
