// A chart of two series over the last five minutes, with axes and units; a pointer or the arrow keys read it off.

import { html, setAttribute, setText, svg } from './dom.js';
import { rate } from './format.js';

const WINDOW_MS = 300_000;
const MARGIN = { top: 8, right: 12, bottom: 22, left: 48 };
const TICKS = 4;
const GAP_MS = 10_000;
const PREFIX_FACTORS = [['G', 1e9], ['M', 1e6], ['k', 1e3], ['', 1]];

export class Chart {
  #unit;
  #series;
  #points = [];
  #now = 0;
  #cursor = null;
  #plot = svg('svg', { class: 'chart-plot', 'aria-hidden': 'true' });
  #frame;
  #legend;
  #when = html('span', { class: 'card-note chart-when' });

  /** `series`: [{ name, field }], drawn in the palette's order. `unit` without prefix, such as B. */
  constructor({ title, unit, series }) {
    this.#unit = unit;
    this.#series = series;
    this.#legend = series.map(({ name }, index) =>
      html('span', { class: 'chart-key', 'data-series': index + 1 },
        html('span', { class: 'chart-swatch', 'aria-hidden': 'true' }), `${name} `,
        html('b', { class: 'chart-value' })));
    this.#frame = html('div', { class: 'chart-frame', role: 'img', tabindex: '0' }, this.#plot);
    this.element = html('section', { class: 'card chart' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title' }, title), this.#when,
        html('p', { class: 'chart-legend' }, ...this.#legend)),
      this.#frame);
    this.#listen();
    new ResizeObserver(() => this.#render()).observe(this.#frame);
  }

  /** Draws these points; `now` is the server's clock. */
  draw(points, now) {
    this.#points = points.filter((point) => point.time > now - WINDOW_MS);
    this.#now = now;
    this.#render();
  }

  #listen() {
    const frame = this.#frame;
    frame.addEventListener('pointermove', (event) => {
      const { left, width } = frame.getBoundingClientRect();
      const across = (event.clientX - left - MARGIN.left) / (width - MARGIN.left - MARGIN.right);
      this.#moveTo(this.#now - WINDOW_MS * (1 - across));
    });
    const leave = () => {
      this.#cursor = null;
      this.#render();
    };
    frame.addEventListener('pointerleave', leave);
    frame.addEventListener('blur', leave);
    frame.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || this.#points.length === 0) return;
      event.preventDefault();
      const at = this.#cursor === null ? this.#points.length : this.#points.indexOf(this.#nearest(this.#cursor));
      const next = Math.min(this.#points.length - 1, Math.max(0, at + step));
      this.#moveTo(this.#points[next].time);
    });
  }

  #moveTo(time) {
    this.#cursor = time;
    this.#render();
  }

  #nearest(time) {
    return this.#points.reduce((best, point) =>
      Math.abs(point.time - time) < Math.abs(best.time - time) ? point : best, this.#points[0]);
  }

  #render() {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    if (width < 80 || height < 60) return;
    setAttribute(this.#plot, 'viewBox', `0 0 ${width} ${height}`);
    const peak = Math.max(0, ...this.#points.flatMap((point) => this.#series.map(({ field }) => point[field])));
    const top = niceTop(peak);
    const x = (time) => MARGIN.left + (1 - (this.#now - time) / WINDOW_MS) * (width - MARGIN.left - MARGIN.right);
    const y = (value) => height - MARGIN.bottom - (value / top) * (height - MARGIN.top - MARGIN.bottom);
    const shown = this.#cursor === null ? this.#points.at(-1) : this.#nearest(this.#cursor);
    this.#plot.replaceChildren(
      ...this.#grid(top, width, height, y),
      ...this.#lines(x, y, height),
      ...(this.#cursor !== null && shown ? this.#readOff(shown, x, y, height) : []));
    this.#describe(shown, peak);
  }

  #grid(top, width, height, y) {
    const [prefix, factor] = PREFIX_FACTORS.find(([, factor]) => top >= factor) ?? ['', 1];
    const parts = [];
    for (let tick = 0; tick <= TICKS; tick += 1) {
      const value = (top * tick) / TICKS;
      const level = Math.round(y(value)) + 0.5;
      parts.push(svg('line', { class: tick ? 'chart-grid' : 'chart-base', x1: MARGIN.left, x2: width - MARGIN.right, y1: level, y2: level }));
      if (tick % 2 === 0) {
        const label = Number((value / factor).toFixed(2));
        parts.push(svg('text', { class: 'chart-label', x: MARGIN.left - 8, y: level + 3.5, 'text-anchor': 'end' }, String(label)));
      }
    }
    const unit = `${prefix}${this.#unit}/s`;
    parts.push(svg('text', { class: 'chart-label chart-unit', x: MARGIN.left - 8, y: y(top * 0.75) + 3.5, 'text-anchor': 'end' }, unit));
    for (const minutes of [5, 4, 3, 2, 1, 0]) {
      const across = MARGIN.left + (1 - minutes / 5) * (width - MARGIN.left - MARGIN.right);
      const anchor = minutes === 0 ? 'end' : minutes === 5 ? 'start' : 'middle';
      const label = minutes === 0 ? 'now' : `−${minutes} min`;
      if (width < 380 && minutes % 2 === 0 && minutes !== 0) continue;
      parts.push(svg('text', { class: 'chart-label', x: across, y: height - 6, 'text-anchor': anchor }, label));
    }
    return parts;
  }

  #lines(x, y, height) {
    if (this.#points.length < 2) return [];
    const runs = unbroken(this.#points);
    const path = (run, field) => run.map((point, index) =>
      `${index ? 'L' : 'M'}${x(point.time).toFixed(1)} ${y(point[field]).toFixed(1)}`).join('');
    const base = (height - MARGIN.bottom).toFixed(1);
    const area = (run) =>
      `${path(run, this.#series[0].field)}L${x(run.at(-1).time).toFixed(1)} ${base}L${x(run[0].time).toFixed(1)} ${base}Z`;
    return [
      svg('path', { class: 'chart-area', d: runs.map(area).join('') }),
      ...this.#series.map(({ field }, index) =>
        svg('path', { class: 'chart-line', 'data-series': index + 1, d: runs.map((run) => path(run, field)).join('') })),
    ];
  }

  #readOff(point, x, y, height) {
    const across = x(point.time).toFixed(1);
    return [
      svg('line', { class: 'chart-cursor', x1: across, x2: across, y1: MARGIN.top, y2: height - MARGIN.bottom }),
      ...this.#series.map(({ field }, index) =>
        svg('circle', { class: 'chart-dot', 'data-series': index + 1, cx: across, cy: y(point[field]).toFixed(1), r: 3.5 })),
    ];
  }

  #describe(shown, peak) {
    const said = [];
    this.#series.forEach(({ name, field }, index) => {
      const { number, unit } = rate(shown?.[field] ?? 0, this.#unit);
      setText(this.#legend[index].querySelector('.chart-value'), `${number} ${unit}`);
      said.push(`${name} ${number} ${unit}`);
    });
    const ago = shown ? Math.max(0, Math.round((this.#now - shown.time) / 1000)) : 0;
    setText(this.#when, this.#cursor === null ? 'last 5 minutes' : `${ago} s ago`);
    const highest = rate(peak, this.#unit);
    const title = this.element.querySelector('.card-title').textContent;
    setAttribute(this.#frame, 'aria-label',
      `${title}, last five minutes. ${this.#cursor === null ? 'Now' : `${ago} seconds ago`}: ${said.join(', ')}. Peak ${highest.number} ${highest.unit}.`);
  }
}

/** Points in runs without a gap: what nobody measured is not drawn. */
function unbroken(points) {
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    if (run && point.time - run.at(-1).time < GAP_MS) run.push(point);
    else runs.push([point]);
  }
  return runs;
}

/** The smallest round number that holds the peak, and of which a half and a quarter read well, too. */
function niceTop(peak) {
  if (peak <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(peak));
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= peak) ?? 10 * power;
}
