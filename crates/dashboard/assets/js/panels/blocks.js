// The latest blocks of a chain, newest first, with how full each is.

import { follow, html, setAttribute, setText, svg } from '../dom.js';
import { clock, count, fee, visible } from '../format.js';

const BAR = { width: 64, height: 8 };

export class BlockTable {
  #store;
  #rows = html('tbody');
  #note = html('p', { class: 'card-note' });

  constructor(store) {
    this.#store = store;
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('section', { class: 'card blocks', 'aria-labelledby': 'blocks-title' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'blocks-title' }, 'Blocks'), this.#note),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'blocks-title' },
        html('table', { class: 'table table-blocks' },
          html('thead', {}, html('tr', {}, head('Block'), head('Made', 'wide-only'), head('Txs', 'number'), head('Gas', 'number'),
            head('Full', 'bar-cell'), head('Base fee', 'number'), head('Hash', 'wide-only'))),
          this.#rows)));
  }

  draw() {
    const nodes = this.#store.nodesOf('lux');
    const chain = nodes.find((node) => node.blocks.length > 0) ?? nodes[0];
    const blocks = chain?.blocks ?? [];
    setText(this.#note, chain ? `chain ${chain.chain_id} at ${visible(chain.endpoint)}` : '');
    follow(this.#rows, blocks, (block) => block.hash, (block) => this.#create(block), () => {});
  }

  /** A block never changes once it is there. */
  #create({ number, hash, time, transactions, gas_used: used, gas_limit: limit, base_fee: price }) {
    const share = limit > 0 ? Math.min(1, used / limit) : 0;
    const base = fee(price);
    const bar = svg('svg', { class: 'bar', width: BAR.width, height: BAR.height, role: 'img' },
      svg('rect', { class: 'bar-whole', width: BAR.width, height: BAR.height, rx: 2 }),
      svg('rect', { class: 'bar-part', width: Math.max(share > 0 ? 2 : 0, share * BAR.width).toFixed(1), height: BAR.height, rx: 2 }));
    setAttribute(bar, 'aria-label', `${Math.round(share * 100)} % of its gas limit`);
    return html('tr', {},
      html('th', { scope: 'row', class: 'number-left' }, String(number)), html('td', { class: 'wide-only key' }, clock(time).slice(0, 8)),
      html('td', { class: 'number' }, String(transactions)), html('td', { class: 'number' }, count(used)), html('td', { class: 'bar-cell' }, bar),
      html('td', { class: 'number' }, `${base.number} ${base.unit}`),
      html('td', { class: 'wide-only key', title: visible(hash) }, visible(`${hash.slice(0, 10)}…`)));
  }
}
