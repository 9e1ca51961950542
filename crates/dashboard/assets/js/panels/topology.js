// The topology on a canvas: keeps it sized, drawn and in motion, and lets a pointer or the keyboard select a node.
//
// For those who do not see it, the canvas is a listbox whose options (its fallback content) are the nodes in key order.

import { follow, html, setAttribute, setText } from '../dom.js';
import { shortKey } from '../format.js';
import { drawMoving, drawStill, labelWidth, palette } from './topology-draw.js';
import { links, nearest, place, ring } from './topology-layout.js';
import { Pulses } from './topology-pulses.js';

const REACH_PX = 22;
const PIXEL_RATIO_MAX = 2;
const NARROW_PX = 480;

export class Topology {
  #store;
  #onSelect;
  #canvas = html('canvas', {
    class: 'topology-canvas', id: 'topology', tabindex: '0', role: 'listbox', 'aria-describedby': 'topology-help',
  });
  #context = this.#canvas.getContext('2d');
  #still = document.createElement('canvas');
  #note = html('p', { class: 'card-note' });
  #frame = html('div', { class: 'topology-frame' }, this.#canvas);
  #pulses = new Pulses();
  #calm = window.matchMedia('(prefers-reduced-motion: reduce)');
  #colours = palette();
  #circle = ring(0, 0);
  #placed = [];
  #links = [];
  #pointByKey = new Map();
  #selected = null;
  #hovered = null;
  #drawnChanges = -1;
  #stale = true;
  #moving = false;
  #inSight = true;

  constructor(store, { onSelect }) {
    this.#store = store;
    this.#onSelect = onSelect;
    this.element = html('section', { class: 'card topology', 'aria-label': 'Topology' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title' }, 'Topology'), this.#note), this.#frame, legend());
    this.#listen();
    new ResizeObserver(() => this.#restill()).observe(this.#frame);
    new IntersectionObserver(([entry]) => {
      this.#inSight = entry.isIntersecting;
      if (this.#inSight) this.#restill();
      else this.#pulses.clear();
    }).observe(this.#frame);
    window.addEventListener('themechange', () => {
      this.#colours = palette();
      this.#restill();
    });
  }

  /** Takes in what happened. */
  onEvents(events) {
    if (document.hidden || !this.#inSight || events.length === 0) return;
    this.#pulses.add(events, performance.now(), (id) => this.#store.nodes.get(id)?.key);
    this.#animate();
  }

  /** Brings the canvas up to date with the nodes. */
  draw() {
    if (this.#drawnChanges === this.#store.nodeChanges) return;
    this.#drawnChanges = this.#store.nodeChanges;
    this.#restill();
  }

  select(id) {
    this.#selected = id;
    this.#restill();
  }

  /** Shows a node as if the pointer were on it. */
  hover(id) {
    if (id === this.#hovered) return;
    this.#hovered = id;
    this.#restill();
  }

  #restill() {
    this.#stale = true;
    this.#animate();
  }

  #animate() {
    if (this.#moving || !this.#inSight) return;
    this.#moving = true;
    requestAnimationFrame((now) => this.#paint(now));
  }

  #paint(now) {
    const { clientWidth: width, clientHeight: height } = this.#frame;
    const ratio = Math.min(window.devicePixelRatio || 1, PIXEL_RATIO_MAX);
    const alive = this.#pulses.advance(now);
    if (this.#stale && width > 0) this.#paintStill(width, height, ratio);
    const context = this.#context;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (this.#still.width > 0) context.drawImage(this.#still, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawMoving(context, this.#pulses, {
      circle: this.#circle, pointByKey: this.#pointByKey, colours: this.#colours, now, calm: this.#calm.matches,
    });
    this.#moving = false;
    if (alive) this.#animate();
  }

  #paintStill(width, height, ratio) {
    this.#stale = false;
    for (const canvas of [this.#canvas, this.#still]) {
      const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
      if (canvas.width !== across) canvas.width = across;
      if (canvas.height !== down) canvas.height = down;
    }
    const nodes = this.#store.nodesOf('dht').sort((left, right) => (left.key < right.key ? -1 : 1));
    this.#colours.labelSize = width < NARROW_PX ? 11 : 12;
    this.#circle = ring(width, height, labelWidth(this.#context, nodes, this.#colours));
    this.#placed = place(nodes, this.#circle);
    this.#links = links(this.#placed);
    this.#pointByKey = new Map(this.#placed.map((each) => [each.node.key, each]));
    const context = this.#still.getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#still.width, this.#still.height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const looked = this.#hovered ?? this.#selected;
    const focus = this.#placed.findIndex(({ node }) => node.id === looked);
    drawStill(context, { circle: this.#circle, placed: this.#placed, links: this.#links, focus, colours: this.#colours });
    this.#describe(nodes);
  }

  #describe(nodes) {
    const summary = `${nodes.length} nodes, ${this.#links.length} links`;
    setText(this.#note, summary);
    const canvas = this.#canvas;
    setAttribute(canvas, 'aria-label', `Topology: ${summary}`);
    setAttribute(canvas, 'data-nodes', String(nodes.length));
    setAttribute(canvas, 'data-links', String(this.#links.length));
    setAttribute(canvas, 'data-selected', this.#selected ?? '');
    follow(canvas, nodes, (node) => node.id,
      () => html('div', { role: 'option' }),
      (option, node) => {
        setAttribute(option, 'aria-selected', String(node.id === this.#selected));
        setText(option, `${node.name}, key ${shortKey(node.key)}, ${node.state}, ${node.peers} contacts`);
        const wanted = `topology-option-${nodes.indexOf(node)}`;
        setAttribute(option, 'id', wanted);
        if (node.id === this.#selected) setAttribute(canvas, 'aria-activedescendant', wanted);
      });
    if (!this.#selected) canvas.removeAttribute('aria-activedescendant');
  }

  #listen() {
    const canvas = this.#canvas;
    const under = (event) => {
      const { left, top } = canvas.getBoundingClientRect();
      return nearest(this.#placed, event.clientX - left, event.clientY - top, REACH_PX)?.node.id ?? null;
    };
    canvas.addEventListener('pointermove', (event) => {
      const id = event.pointerType === 'touch' ? null : under(event);
      canvas.classList.toggle('is-pointing', id !== null);
      this.hover(id);
    });
    canvas.addEventListener('pointerleave', () => this.hover(null));
    canvas.addEventListener('click', (event) => this.#onSelect(under(event)));
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#pulses.clear();
    });
  }

  #onKey(event) {
    const count = this.#placed.length;
    if (event.key === 'Escape') {
      this.#onSelect(null);
      return;
    }
    if (count === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = this.#placed.findIndex(({ node }) => node.id === this.#selected);
    const next = {
      ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at < 0 ? count - 1 : at - 1, ArrowUp: at < 0 ? count - 1 : at - 1,
      Home: 0, End: count - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.#onSelect(this.#placed[(next + count) % count].node.id);
  }
}

function legend() {
  const entry = (mark, text) => html('li', {}, html('span', { class: `mark mark-${mark}`, 'aria-hidden': 'true' }), text);
  return html('div', { class: 'topology-legend' },
    html('ul', { class: 'marks' }, entry('node', 'node, at its key'), entry('idle', 'not running'), entry('hop', 'lookup hop'),
      entry('target', 'lookup target'), entry('fault', 'no answer')),
    html('p', { class: 'unseen', id: 'topology-help' }, 'Arrow keys move from node to node in key order; Escape ends the selection.'));
}
