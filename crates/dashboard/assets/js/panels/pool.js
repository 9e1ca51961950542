// A pool of transactions by fee rate, highest first: how much of it would go into a block before whoever pays less.

import { follow, html, setAttribute, setText, svg } from '../dom.js';
import { count } from '../format.js';

const BAR = { width: 100, height: 10 };

export class PoolTable {
  #rate;
  #size;
  #rows = html('tbody');
  #note = html('p', { class: 'card-note' });

  /** `id` names the card's title; `rate` is the unit of fee rates, `size` that of sizes. */
  constructor({ id, title, rate, size }) {
    this.#rate = rate;
    this.#size = size;
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('section', { class: 'card pool', 'aria-labelledby': id },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id }, title), this.#note),
      html('table', { class: 'table table-pool' },
        html('thead', {}, html('tr', {}, head(rate, 'number-left'), head('Waiting', 'pool-bar-cell'), head('Txs', 'number'), head(size, 'number'))),
        this.#rows));
  }

  draw(pool) {
    if (!pool) return;
    setText(this.#note, pool.transactions ? `${count(pool.transactions)} waiting, ${count(pool.size)} ${this.#size}` : 'nobody waits');
    const widest = Math.max(1, ...pool.bands.map((band) => band.size));
    const bands = pool.bands.map((band, index) => ({ ...band, to: pool.bands[index + 1]?.from })).reverse();
    follow(this.#rows, bands, (band) => String(band.from), () => this.#create(), (row, band) => this.#update(row, band, widest));
  }

  #create() {
    const bar = svg('svg', { class: 'bar bar-wide', viewBox: `0 0 ${BAR.width} ${BAR.height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('rect', { class: 'bar-whole', width: BAR.width, height: BAR.height }), svg('rect', { class: 'bar-part', height: BAR.height }));
    return html('tr', {}, html('th', { scope: 'row', class: 'number-left' }), html('td', { class: 'pool-bar-cell' }, bar),
      html('td', { class: 'number' }), html('td', { class: 'number' }));
  }

  #update(row, { from, to, transactions, size }, widest) {
    const [range, bar, txs, sum] = row.children;
    setText(range, to === undefined ? `${count(from)} and more` : `${count(from)} – ${count(to)}`);
    setAttribute(bar.firstElementChild.lastElementChild, 'width', ((size / widest) * BAR.width).toFixed(1));
    setText(txs, transactions ? count(transactions) : '');
    setText(sum, size ? count(size) : '');
    setAttribute(row, 'data-empty', String(transactions === 0));
  }
}
