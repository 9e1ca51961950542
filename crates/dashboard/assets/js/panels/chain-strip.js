// The end of a chain as a strip: what waits, then the blocks, newest first, each on the one before it.

import { follow, html, setText, svg } from '../dom.js';
import { count, visible } from '../format.js';

const WEIGHT_MAX = 4_000_000;

export class ChainStrip {
  #note = html('p', { class: 'card-note' });
  #waiting = html('li', { class: 'strip-block strip-waiting' },
    html('span', { class: 'strip-height' }, 'next'), html('b', { class: 'strip-number' }), html('span', { class: 'strip-unit' }, 'waiting'),
    html('span', { class: 'strip-age' }));
  #blocks = html('ol', { class: 'strip-blocks' });

  constructor() {
    this.element = html('section', { class: 'card strip', 'aria-labelledby': 'strip-title' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'strip-title' }, 'Chain'), this.#note),
      html('div', { class: 'strip-row', tabindex: '0', role: 'region', 'aria-labelledby': 'strip-title' },
        html('ul', { class: 'strip-blocks' }, this.#waiting), this.#blocks));
  }

  /** `now` is the server's clock: ages are as old as the last frame. */
  draw(node, now) {
    if (!node) return;
    setText(this.#note, `${visible(node.chain)}, newest first; tip ${visible(node.best)}`);
    setText(this.#waiting.children[1], count(node.pool.transactions));
    setText(this.#waiting.children[3], `${count(node.pool.size)} vB`);
    follow(this.#blocks, node.blocks, (block) => block.hash, (block) => this.#create(block), (element, block) => {
      setText(element.lastElementChild.previousElementSibling, ago(now - block.time));
    });
  }

  #create({ height, hash, transactions, weight }) {
    const share = Math.min(1, weight / WEIGHT_MAX);
    const full = svg('svg', { class: 'bar bar-wide', viewBox: '0 0 100 4', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${(100 * share).toFixed(1)} % full` },
      svg('rect', { class: 'bar-whole', width: 100, height: 4 }), svg('rect', { class: 'bar-part', width: Math.max(1, 100 * share).toFixed(1), height: 4 }));
    return html('li', { class: 'strip-block', title: visible(hash) },
      html('span', { class: 'strip-height' }, String(height)), html('b', { class: 'strip-number' }, count(transactions)),
      html('span', { class: 'strip-unit' }, transactions === 1 ? 'transaction' : 'transactions'), html('span', { class: 'strip-age' }), full);
  }
}

function ago(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3_600)} h ago`;
}
