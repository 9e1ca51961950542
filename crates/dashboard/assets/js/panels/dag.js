// The DAG on a canvas, drawing itself as blocks come. The camera follows the newest generation and never jumps; a pointer, a finger or the
// arrow keys look at a block, which holds the camera until Escape.

import { html, setAttribute, setText } from '../dom.js';
import { clock, count } from '../format.js';
import { drawDag, palette, pointOf, scale } from './dag-draw.js';
import { DagLayout } from './dag-layout.js';

const REACH_PX = 16;
const PIXEL_RATIO_MAX = 2;
/** Time in which the camera makes up for half of what it is behind, in milliseconds. */
const CAMERA_HALF_MS = 170;
const LANE_HALF_MS = 60;
/** Generations the camera rather jumps than travels. */
const JUMP = 24;
const STILL = 0.002;

export class DagView {
  #store;
  #layout = new DagLayout();
  #epoch = -1;
  #canvas = html('canvas', {
    class: 'dag-canvas', id: 'dag', tabindex: '0', role: 'application', 'aria-roledescription': 'block DAG', 'aria-describedby': 'dag-help',
  });
  #context = this.#canvas.getContext('2d');
  #frame = html('div', { class: 'dag-frame' }, this.#canvas);
  #note = html('p', { class: 'card-note' });
  #facts = html('p', { class: 'dag-facts', 'aria-live': 'polite' });
  #calm = window.matchMedia('(prefers-reduced-motion: reduce)');
  #colours = palette();
  /** Where the camera is, and the point that it follows: both follow the newest generation, one after the other. */
  #camera = 0;
  #lead = 0;
  #selected = null;
  #hovered = null;
  #last = 0;
  #asked = false;
  #inSight = true;

  constructor(store) {
    this.#store = store;
    this.element = html('section', { class: 'card dag', 'aria-label': 'Block DAG' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title' }, 'Block DAG'), this.#note), this.#frame, this.#facts, legend());
    this.#listen();
    new ResizeObserver(() => this.#animate()).observe(this.#frame);
    new IntersectionObserver(([entry]) => {
      this.#inSight = entry.isIntersecting;
      this.#animate();
    }).observe(this.#frame);
    window.addEventListener('themechange', () => {
      this.#colours = palette();
      this.#animate();
    });
  }

  /** Takes in what happened. */
  onEvents(events) {
    if (this.#epoch !== this.#store.dagEpoch) return;
    const now = document.hidden ? 0 : performance.now();
    for (const event of events) {
      if (event.event === 'dag_block_added') this.#layout.add(event, now);
      else if (event.event === 'selected_chain_moved') this.#layout.moveChain(event.left, event.joined);
    }
    this.#animate();
  }

  /** Brings what is said up to date; after a snapshot, everything. */
  draw() {
    if (this.#epoch !== this.#store.dagEpoch) this.#begin();
    const blocks = this.#layout.blocks.size;
    setText(this.#note, this.#selected ? 'held at a block; Escape follows the newest again' : `${blocks} blocks in memory, the newest at the right`);
    this.#describe();
  }

  #begin() {
    this.#epoch = this.#store.dagEpoch;
    this.#layout = new DagLayout();
    this.#selected = null;
    for (const record of this.#store.dag.values()) this.#layout.add(record, 0);
    this.#layout.moveChain([], [...this.#store.dag.values()].filter((record) => record.is_chain).map((record) => record.id));
    for (const placed of this.#layout.blocks.values()) placed.y = placed.lane;
    this.#camera = this.#layout.top;
    this.#lead = this.#layout.top;
    this.#animate();
  }

  #animate() {
    if (this.#asked || document.hidden || !this.#inSight) return;
    this.#asked = true;
    requestAnimationFrame((now) => {
      this.#asked = false;
      this.#paint(now);
    });
  }

  #paint(now) {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    if (width === 0) return;
    const ratio = Math.min(window.devicePixelRatio || 1, PIXEL_RATIO_MAX);
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.#canvas.width !== across) this.#canvas.width = across;
    if (this.#canvas.height !== down) this.#canvas.height = down;
    const elapsed = Math.min(100, now - this.#last);
    this.#last = now;
    let moves = this.#moveCamera(elapsed);
    const view = this.#view(width, height);
    const seen = this.#inView(view);
    const ease = this.#calm.matches ? 1 : 1 - 0.5 ** (elapsed / LANE_HALF_MS);
    for (const placed of seen) {
      const rest = placed.lane - placed.y;
      placed.y = Math.abs(rest) < 0.01 ? placed.lane : placed.y + rest * ease;
      moves ||= placed.y !== placed.lane || now - placed.born < 300;
    }
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    drawDag(context, seen, {
      view, focus: this.#focus(), at: (id) => this.#layout.blocks.get(id), colours: this.#colours, now, calm: this.#calm.matches,
    });
    if (moves) this.#animate();
  }

  /** Two springs, one after the other: the newest generation goes in steps, the camera does not. */
  #moveCamera(elapsed) {
    if (this.#selected) return false;
    const { top } = this.#layout;
    if (this.#calm.matches || Math.abs(top - this.#camera) > JUMP) {
      this.#camera = top;
      this.#lead = top;
      return false;
    }
    const part = 1 - 0.5 ** (elapsed / CAMERA_HALF_MS);
    this.#lead += (top - this.#lead) * part;
    this.#camera += (this.#lead - this.#camera) * part;
    return top - this.#camera > STILL;
  }

  #view(width, height) {
    return { camera: this.#camera, width, height, scale: scale(width, height) };
  }

  #inView({ camera, width, scale: { across, right } }) {
    const lowest = camera - width / across - 1;
    const highest = camera + right / across + 1;
    return [...this.#layout.blocks.values()].filter(({ level }) => level >= lowest && level <= highest);
  }

  #focus() {
    return this.#layout.blocks.get(this.#hovered ?? this.#selected) ?? null;
  }

  #describe() {
    if (this.#selected && !this.#layout.blocks.has(this.#selected)) this.#select(null);
    const focus = this.#focus();
    setText(this.#facts, focus ? factsOf(focus) : 'Point at a block, or move with the arrow keys, to see what it merges.');
    const chain = [...this.#layout.blocks.values()].filter((placed) => placed.isChain);
    const sink = chain.at(-1);
    const canvas = this.#canvas;
    setAttribute(canvas, 'aria-label', sink ? `Block DAG, the selected chain at blue score ${sink.block.blue_score}` : 'Block DAG');
    setAttribute(canvas, 'data-blocks', String(this.#layout.blocks.size));
    setAttribute(canvas, 'data-chain', String(chain.length));
    setAttribute(canvas, 'data-selected', this.#selected ?? '');
  }

  #select(id) {
    if (id === this.#selected) return;
    this.#selected = id;
    if (id) this.#bringIntoView(this.#layout.blocks.get(id));
    this.draw();
    this.#animate();
  }

  #bringIntoView(placed) {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const { x } = pointOf(placed, this.#view(width, height));
    if (x < 30) this.#camera -= (width / 2 - x) / scale(width, height).across;
    if (x > width - 20) this.#camera = placed.level;
    this.#lead = this.#camera;
  }

  #listen() {
    const canvas = this.#canvas;
    const under = (event) => {
      const { left, top } = canvas.getBoundingClientRect();
      return this.#nearest(event.clientX - left, event.clientY - top);
    };
    const hover = (id) => {
      if (id === this.#hovered) return;
      this.#hovered = id;
      canvas.classList.toggle('is-pointing', id !== null);
      this.#describe();
      this.#animate();
    };
    canvas.addEventListener('pointermove', (event) => hover(event.pointerType === 'touch' ? null : under(event)));
    canvas.addEventListener('pointerleave', () => hover(null));
    canvas.addEventListener('click', (event) => this.#select(under(event)));
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
    document.addEventListener('visibilitychange', () => this.#animate());
  }

  #nearest(x, y) {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const view = this.#view(width, height);
    let best = null;
    let least = REACH_PX;
    for (const placed of this.#inView(view)) {
      const point = pointOf(placed, view);
      const apart = Math.hypot(point.x - x, point.y - y);
      if (apart < least) [best, least] = [placed.block.id, apart];
    }
    return best;
  }

  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Escape' || event.key === 'End') {
      this.#select(null);
      return;
    }
    const next = this.#neighbour(event.key);
    if (next === undefined) return;
    event.preventDefault();
    if (next) this.#select(next.block.id);
  }

  /** The block an arrow key leads to; null if there is none that way, undefined for other keys. */
  #neighbour(key) {
    if (!['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home'].includes(key)) return undefined;
    const { blocks } = this.#layout;
    const chain = [...blocks.values()].filter((placed) => placed.isChain);
    const from = blocks.get(this.#selected);
    if (key === 'Home') return chain[0] ?? null;
    if (!from) return chain.at(-1) ?? null;
    if (key === 'ArrowLeft') return blocks.get(from.block.selected_parent) ?? null;
    if (key === 'ArrowRight') {
      const children = this.#layout.childrenOf(from.block.id);
      return children.find((child) => child.isChain) ?? children[0] ?? null;
    }
    const column = this.#layout.column(from.level);
    return column[column.indexOf(from) + (key === 'ArrowUp' ? -1 : 1)] ?? null;
  }
}

function factsOf({ block, isChain, colour }) {
  const said = { blue: 'blue', red: 'red', open: 'not merged yet' }[colour];
  const merges = `merges ${1 + block.blues.length} blue${block.reds.length ? `, ${block.reds.length} red` : ''}`;
  const transactions = block.transactions === 1 ? 'coinbase alone' : `${count(block.transactions)} transactions`;
  return `Block ${block.id.slice(0, 10)}… ${isChain ? 'on the selected chain' : said} · blue score ${block.blue_score} · DAA score ${block.daa_score} · `
    + `${block.parents.length} parent${block.parents.length === 1 ? '' : 's'}, ${merges} · ${transactions} · made ${clock(block.made)}`;
}

function legend() {
  const entry = (mark, text) => html('li', {}, html('span', { class: `mark mark-dag mark-${mark}`, 'aria-hidden': 'true' }), text);
  return html('div', { class: 'topology-legend' },
    html('ul', { class: 'marks' }, entry('chain', 'selected chain'), entry('blue', 'merged, blue'), entry('red', 'merged, red'),
      entry('open', 'not merged yet')),
    html('p', { class: 'unseen', id: 'dag-help' }, 'Left and right go along the selected chain, up and down within a generation; Escape follows the newest block.'));
}
