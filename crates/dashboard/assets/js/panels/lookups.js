// The latest lookups, newest first.

import { follow, html, setAttribute, setText } from '../dom.js';
import { clock, duration, shortKey, visible, words } from '../format.js';

const ROWS_MAX = 40;

export class LookupTable {
  #store;
  #onSelect;
  #rows = html('tbody');
  #note = html('p', { class: 'card-note' });

  constructor(store, { onSelect }) {
    this.#store = store;
    this.#onSelect = onSelect;
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('section', { class: 'card lookups', 'aria-labelledby': 'lookups-title' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'lookups-title' }, 'Lookups'), this.#note),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'lookups-title' },
        html('table', { class: 'table table-lookups' },
          html('thead', {}, html('tr', {}, head('Began', 'wide-only'), head('Node'), head('Seeks', 'wide-only'), head('Target'),
            head('Hops', 'number'), head('Time', 'number'), head('Result'))),
          this.#rows)));
  }

  draw() {
    const newest = [...this.#store.lookups.values()].sort((left, right) => right.time - left.time).slice(0, ROWS_MAX);
    const running = newest.filter((lookup) => !lookup.result).length;
    setText(this.#note, newest.length === 0 ? 'none yet' : running ? `${running} under way` : 'latest first');
    follow(this.#rows, newest, (lookup) => lookup.lookup, (lookup) => this.#create(lookup), (row, lookup) => this.#update(row, lookup));
  }

  #create(lookup) {
    const button = html('button', { class: 'link', type: 'button' });
    button.addEventListener('click', () => {
      if (this.#store.nodes.has(lookup.node)) this.#onSelect(lookup.node);
    });
    return html('tr', {},
      html('td', { class: 'wide-only key' }, clock(lookup.time)), html('th', { scope: 'row' }, button),
      html('td', { class: 'wide-only' }, words(lookup.kind)), html('td', { class: 'key', title: lookup.target }, shortKey(lookup.target)),
      html('td', { class: 'number' }), html('td', { class: 'number' }), html('td', {}, html('span', { class: 'result' })));
  }

  #update(row, { node, result }) {
    const [, name, , , hops, time, end] = row.children;
    setText(name.firstElementChild, visible(this.#store.nodes.get(node)?.name ?? node));
    setText(hops, result ? String(result.hops) : '');
    setText(time, result ? duration(result.ms) : '');
    const state = !result ? 'running' : result.found ? 'found' : 'missed';
    setAttribute(end.firstElementChild, 'data-result', state);
    setText(end.firstElementChild, { running: 'under way', found: 'found', missed: 'not found' }[state]);
  }
}
