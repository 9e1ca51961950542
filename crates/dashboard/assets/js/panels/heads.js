// A rollup's heads against L1: one axis of L1's blocks, L1's own heads on it, and below for each node how far its blocks reach, by their origins.

import { html, setAttribute, setText, svg } from '../dom.js';
import { visible } from '../format.js';

const MARGIN = { top: 10, right: 18, left: 122 };
const TRACK = 74;
const BAR = 12;
const LEAST_SPAN = 12;

export class Heads {
  #note = html('p', { class: 'card-note' });
  #plot = svg('svg', { class: 'heads-plot', role: 'img' });
  #frame = html('div', { class: 'heads-frame' }, this.#plot);
  #drawn = '';
  #nodes = [];

  constructor() {
    const entry = (mark, text) => html('li', {}, html('span', { class: `mark mark-slot mark-head-${mark}`, 'aria-hidden': 'true' }), text);
    this.element = html('section', { class: 'card heads', 'aria-labelledby': 'heads-title' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'heads-title' }, 'Heads against L1'), this.#note), this.#frame,
      html('div', { class: 'topology-legend' },
        html('ul', { class: 'marks' }, entry('unsafe', 'unsafe: as the sequencer says'), entry('safe', 'safe: derived from L1'), entry('final', 'finalised: from L1 that is final'),
          html('li', {}, '▾ derivation stands here'))));
    new ResizeObserver(() => this.#render()).observe(this.#frame);
  }

  draw(nodes) {
    const state = JSON.stringify(nodes.map((node) => [node.unsafe_l2, node.safe_l2, node.finalized_l2, node.head_l1, node.current_l1, node.safe_l1, node.finalized_l1]));
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#nodes = nodes;
    const [first] = nodes;
    if (first) setText(this.#note, `chain ${first.chain_id} on chain ${first.l1_chain_id}, a block every ${first.block_seconds} s`);
    this.#render();
  }

  #render() {
    const width = this.#frame.clientWidth;
    if (this.#nodes.length === 0 || width < 120) return;
    const narrow = width < 560;
    const left = narrow ? 14 : MARGIN.left;
    const height = MARGIN.top + TRACK * (this.#nodes.length + 1);
    const [first] = this.#nodes;
    const highest = Math.max(...this.#nodes.map((node) => node.head_l1.number), 1);
    const final = Math.min(...this.#nodes.flatMap((node) => [node.finalized_l2.origin, node.finalized_l1.number]));
    // Some of what is final, too: an eighth of what is shown.
    const lowest = Math.max(0, Math.min(highest - LEAST_SPAN, Math.floor(final - (highest - final) / 7)));
    const x = (number) => left + ((Math.max(lowest, number) - lowest) / (highest - lowest)) * (width - left - MARGIN.right);
    setAttribute(this.#plot, 'viewBox', `0 0 ${width} ${height}`);
    setAttribute(this.#plot, 'height', String(height));
    const tracks = [{
      name: 'L1', said: '',
      heads: [
        { state: 'unsafe', at: first.head_l1.number, text: `head ${first.head_l1.number}` },
        { state: 'safe', at: first.safe_l1.number, text: `safe ${first.safe_l1.number}` },
        { state: 'final', at: first.finalized_l1.number, text: `final ${first.finalized_l1.number}` },
      ],
    }, ...this.#nodes.map((node) => ({
      name: visible(node.role), said: visible(node.name), current: node.current_l1.number,
      heads: [
        { state: 'unsafe', at: node.unsafe_l2.origin, text: `unsafe ${node.unsafe_l2.number} on ${node.unsafe_l2.origin}` },
        { state: 'safe', at: node.safe_l2.origin, text: `safe ${node.safe_l2.number} on ${node.safe_l2.origin}` },
        { state: 'final', at: node.finalized_l2.origin, text: `final ${node.finalized_l2.number} on ${node.finalized_l2.origin}` },
      ],
    }))];
    this.#plot.replaceChildren(...tracks.flatMap((track, index) => drawTrack(track, { index, x, left, width, narrow, lowest })));
    setAttribute(this.#plot, 'aria-label', tracks.map(({ name, heads }) => `${name}: ${heads.map((head) => head.text).join('; ')}`).join('. '));
  }
}

function drawTrack({ name, said, heads, current }, { index: place, x, left, width, narrow, lowest }) {
  const y = MARGIN.top + place * TRACK + (narrow ? 16 : 8);
  const parts = [];
  const text = (at, level, words, anchor = 'end', kind = 'chart-label') => svg('text', { class: kind, x: at, y: level, 'text-anchor': anchor }, words);
  if (narrow) parts.push(text(left, y - 4, said ? `${name}, ${said}` : name, 'start', 'chart-label heads-name'));
  else {
    parts.push(text(left - 14, y + 10, name, 'end', 'chart-label heads-name'));
    if (said) parts.push(text(left - 14, y + 24, said));
  }
  parts.push(svg('rect', { class: 'bar-whole', x: left, y, width: width - left - MARGIN.right, height: BAR, rx: 3 }));
  // Each from where the one below it ends.
  heads.forEach(({ state, at }, row) => {
    const from = x(heads[row + 1]?.at ?? lowest);
    parts.push(svg('rect', { class: 'head-bar', 'data-state': state, x: from, y, width: Math.max(row === heads.length - 1 ? 2 : 0, x(at) - from), height: BAR }));
  });
  if (current !== undefined) {
    const at = x(current);
    parts.push(svg('g', {}, svg('title', {}, `derivation stands at L1 block ${current}`), svg('path', { class: 'head-current', d: `M${at - 4} ${y - 5}h8l-4 5z` })));
  }
  heads.forEach(({ state, at, text: words }, row) => {
    const across = x(at);
    const level = y + BAR + 13 + row * 14;
    parts.push(svg('line', { class: 'head-tick', 'data-state': state, x1: across, x2: across, y1: y, y2: level - 4 }));
    const room = across - left;
    parts.push(room > 140 ? text(across - 5, level, words) : text(across + 5, level, words, 'start'));
  });
  return parts;
}
