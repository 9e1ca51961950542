// A line without axes: how one figure of a kind went in the last five minutes, from zero to its highest.

import { setAttribute, svg } from './dom.js';

const SIZE = { width: 132, height: 30 };
const WINDOW_MS = 300_000;
const PAD = 2;

export class Spark {
  #field;
  #label;
  #line = svg('path', { class: 'chart-line', 'data-series': 1 });
  #area = svg('path', { class: 'chart-area' });
  #drawn = null;

  /** `field` of the chart points; `label` says what it is. */
  constructor({ field, label }) {
    this.#field = field;
    this.#label = label;
    this.element = svg('svg', { class: 'spark', viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: 'img' }, this.#area, this.#line);
  }

  draw(points) {
    const last = points.at(-1);
    if (!last || last === this.#drawn) return;
    this.#drawn = last;
    const recent = points.filter((point) => point.time > last.time - WINDOW_MS);
    const highest = Math.max(1e-9, ...recent.map((point) => point[this.#field]));
    const x = ({ time }) => (SIZE.width * (1 - (last.time - time) / WINDOW_MS)).toFixed(1);
    const y = (point) => (SIZE.height - PAD - (point[this.#field] / highest) * (SIZE.height - 2 * PAD)).toFixed(1);
    const line = recent.map((point, index) => `${index ? 'L' : 'M'}${x(point)} ${y(point)}`).join('');
    setAttribute(this.#line, 'd', line);
    setAttribute(this.#area, 'd', `${line}L${x(last)} ${SIZE.height}L${x(recent[0])} ${SIZE.height}Z`);
    setAttribute(this.element, 'aria-label', `${this.#label}, last five minutes`);
  }
}
