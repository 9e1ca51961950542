// A node's buckets as a histogram: contacts in use, with the ones in reserve stacked on top.

import { setAttribute, svg } from '../dom.js';

const MARGIN = { top: 6, right: 4, bottom: 18, left: 26 };
const HEIGHT = 132;
const BAR_MAX_PX = 26;

export class BucketChart {
  element = svg('svg', { class: 'buckets', role: 'img', height: HEIGHT });
  #node = null;

  constructor() {
    new ResizeObserver(() => this.#render()).observe(this.element);
  }

  draw(node) {
    this.#node = node;
    this.#render();
  }

  #render() {
    const width = this.element.clientWidth;
    if (!this.#node || width < 60) return;
    const { bars, full } = shape(this.#node);
    setAttribute(this.element, 'viewBox', `0 0 ${width} ${HEIGHT}`);
    const highest = Math.max(full, 1, ...bars.map((bar) => bar.live + bar.replacements));
    const y = (value) => HEIGHT - MARGIN.bottom - (value / highest) * (HEIGHT - MARGIN.top - MARGIN.bottom);
    const slot = (width - MARGIN.left - MARGIN.right) / Math.max(bars.length, 1);
    this.element.replaceChildren(...axis(full, highest, width, y), ...bars.flatMap((bar, place) => drawBar(bar, place, slot, y, bars.length)));
    const said = bars.filter((bar) => bar.live + bar.replacements > 0)
      .map((bar) => `bucket ${bar.index}: ${bar.live} live, ${bar.replacements} in reserve`);
    setAttribute(this.element, 'aria-label', said.length ? said.join('; ') : 'All buckets are empty.');
  }
}

/** Every bucket from the far half to the nearest that holds anything, empty ones included. */
function shape(node) {
  const byIndex = new Map(node.buckets.map((bucket) => [bucket.index, bucket]));
  const last = Math.max(0, ...byIndex.keys());
  const bars = Array.from({ length: last + 1 }, (_, index) => byIndex.get(index) ?? { index, live: 0, replacements: 0 });
  return { bars, full: node.bucket_size };
}

function axis(full, highest, width, y) {
  const level = (value, name) => svg('line', { class: name, x1: MARGIN.left, x2: width - MARGIN.right, y1: Math.round(y(value)) + 0.5, y2: Math.round(y(value)) + 0.5 });
  const label = (value) => svg('text', { class: 'chart-label', x: MARGIN.left - 8, y: y(value) + 3.5, 'text-anchor': 'end' }, String(value));
  const parts = [level(full / 2, 'chart-grid'), level(full, 'bucket-full'), level(0, 'chart-base'), label(0), label(full)];
  if (highest > full * 1.4) parts.push(label(highest));
  return parts;
}

function drawBar(bar, place, slot, y, bars) {
  const thick = Math.min(BAR_MAX_PX, Math.max(2, slot * 0.68));
  const x = MARGIN.left + slot * (place + 0.5) - thick / 2;
  const box = (name, from, to) => svg('rect', { class: name, x, width: thick, y: y(to), height: Math.max(0, y(from) - y(to)), rx: 1.5 });
  const title = svg('title', {}, `bucket ${bar.index}: ${bar.live} live, ${bar.replacements} in reserve`);
  const parts = [svg('g', {}, title, box('bucket-live', 0, bar.live), box('bucket-reserve', bar.live, bar.live + bar.replacements))];
  const every = Math.ceil(bars / 16);
  if (bar.index % every === 0) {
    parts.push(svg('text', { class: 'chart-label', x: x + thick / 2, y: HEIGHT - 4, 'text-anchor': 'middle' }, String(bar.index)));
  }
  return parts;
}
