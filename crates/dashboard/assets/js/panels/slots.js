// The latest slots as columns, newest at the right: who was to propose, how much stake voted, how far its block is.

import { html, setAttribute, setText, svg } from '../dom.js';

const HEIGHT = 112;
const MARGIN = { top: 8, bottom: 30, left: 34, right: 6 };
const COLUMN_PX = 26;
const COLUMN_MAX_PX = 40;
const STATES = { missed: 'missed', proposed: 'proposed', justified: 'justified', finalised: 'final' };

export class SlotStrip {
  #note = html('p', { class: 'card-note' });
  #time = html('span', { class: 'slot-time-part' });
  #plot = svg('svg', { class: 'slots-plot', role: 'img', height: HEIGHT });
  #frame = html('div', { class: 'slots-frame' }, this.#plot);
  #drawn = null;
  #node = null;

  constructor() {
    const entry = (state) => html('li', {}, html('span', { class: `mark mark-slot mark-${state}`, 'aria-hidden': 'true' }), STATES[state]);
    this.element = html('section', { class: 'card slots', 'aria-labelledby': 'slots-title', hidden: true },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'slots-title' }, 'Slots'), this.#note,
        html('span', { class: 'slot-time', 'aria-hidden': 'true' }, this.#time)),
      this.#frame,
      html('div', { class: 'topology-legend' },
        html('ul', { class: 'marks' }, ...Object.keys(STATES).map(entry), html('li', {}, 'height: stake that voted; the line is two thirds'))));
    new ResizeObserver(() => this.#render()).observe(this.#frame);
  }

  /** `now` is the server's clock. */
  draw(nodes, now) {
    const node = nodes.find((each) => each.consensus?.slots.length > 0);
    this.element.hidden = !node;
    if (!node) return;
    const { slot, epoch, proposer, slot_start: start, slot_millis: length } = node.consensus;
    const part = length > 0 ? Math.min(1, Math.max(0, (now - start) / length)) : 0;
    this.#time.style.setProperty('width', `${(100 * part).toFixed(0)}%`);
    setText(this.#note, `slot ${slot} of epoch ${epoch}${proposer === null ? '' : `, validator ${proposer} proposes`}`);
    if (node === this.#drawn) return;
    this.#drawn = node;
    this.#node = node;
    this.#render();
  }

  #render() {
    const width = this.#frame.clientWidth;
    if (!this.#node || width < 100) return;
    const { slots, total_stake: stake } = this.#node.consensus;
    const room = Math.floor((width - MARGIN.left - MARGIN.right) / COLUMN_PX);
    const shown = slots.slice(0, room).reverse();
    const column = Math.min(COLUMN_MAX_PX, (width - MARGIN.left - MARGIN.right) / Math.max(1, shown.length));
    const y = (share) => HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
    setAttribute(this.#plot, 'viewBox', `0 0 ${width} ${HEIGHT}`);
    const level = (share, name) => svg('line', { class: name, x1: MARGIN.left, x2: width - MARGIN.right, y1: Math.round(y(share)) + 0.5, y2: Math.round(y(share)) + 0.5 });
    const label = (share, text) => svg('text', { class: 'chart-label', x: MARGIN.left - 8, y: y(share) + 3.5, 'text-anchor': 'end' }, text);
    this.#plot.replaceChildren(
      label(0, '0'), label(2 / 3, '⅔'), label(1, 'all'), level(1, 'chart-grid'),
      ...shown.flatMap((slot, index) => this.#column(slot, {
        x: width - MARGIN.right - (shown.length - index - 0.5) * column, column, y, share: stake > 0 ? Math.min(1, slot.votes / stake) : 0,
      })),
      level(2 / 3, 'slot-quorum'), level(0, 'chart-base'));
    const final = shown.filter((slot) => slot.state === 'finalised').length;
    const missed = shown.filter((slot) => slot.state === 'missed').length;
    setAttribute(this.#plot, 'aria-label', `${shown.length} slots: ${final} final, ${missed} missed.`);
  }

  #column({ slot, proposer, block, state, votes }, { x, column, y, share }) {
    const thick = Math.min(18, column - 6);
    const said = `slot ${slot}: ${proposer === null ? 'no proposer' : `validator ${proposer}`}, ${block === null ? 'no block' : `block ${block}`}, ${STATES[state]}, votes of ${Math.round(100 * share)} % of the stake`;
    const low = y(0);
    const top = state === 'missed' && votes === 0 ? low - 4 : Math.min(low - 3, y(share));
    return [
      svg('g', {}, svg('title', {}, said),
        svg('rect', { class: 'slot-bar', 'data-state': state, x: x - thick / 2, width: thick, y: top, height: low - top, rx: 2 })),
      svg('text', { class: 'chart-label slot-proposer', x, y: HEIGHT - MARGIN.bottom + 13, 'text-anchor': 'middle' }, proposer === null ? '–' : String(proposer)),
      ...(slot % 5 === 0 ? [svg('text', { class: 'chart-label', x, y: HEIGHT - 4, 'text-anchor': 'middle' }, String(slot))] : []),
    ];
  }
}
