// The strip at the top: one row a node kind, with its key figures.

import { follow, html, setAttribute, setText } from './dom.js';

export class Overview {
  #host;
  #store;
  #kinds;

  /** `kinds` maps a kind to its module: title, note, figures(store). */
  constructor(host, store, kinds) {
    this.#host = host;
    this.#store = store;
    this.#kinds = kinds;
  }

  draw() {
    follow(this.#host, this.#store.kinds(), (kind) => kind, (kind) => this.#create(kind), (row, kind) =>
      this.#update(row, kind));
  }

  #create(kind) {
    const known = this.#kinds.get(kind);
    const title = known?.title ?? kind;
    const name = html('h2', { class: 'kind-title' }, known ? html('a', { href: `#panel-${kind}` }, title) : title);
    return html('article', { class: 'kind', 'aria-label': title },
      html('div', { class: 'kind-name' }, name,
        html('p', { class: 'kind-note' }, html('span', { class: 'state-dot', 'aria-hidden': 'true' }), html('span'))),
      html('dl', { class: 'figures' }));
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
