// Who proposes and votes, and what each one's own node takes for head, justified and final.

import { follow, html, setAttribute, setText } from '../dom.js';
import { count, visible } from '../format.js';

const GWEI = 1e9;

export class ValidatorTable {
  #rows = html('tbody');
  #note = html('p', { class: 'card-note' });

  constructor() {
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('section', { class: 'card validators', 'aria-labelledby': 'validators-title', hidden: true },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'validators-title' }, 'Validators'), this.#note),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'validators-title' },
        html('table', { class: 'table table-validators' },
          html('thead', {}, html('tr', {}, head('Validator'), head('Address', 'wide-only'), head('Stake', 'number wide-only'), head('Proposed', 'number'),
            head('Node', 'wide-only'), head('Peers', 'number wide-only'), head('Head', 'number'), head('Justified', 'number'), head('Final', 'number'))),
          this.#rows)));
  }

  draw(nodes) {
    const leader = nodes.find((node) => node.consensus?.validators.length > 0);
    this.element.hidden = !leader;
    if (!leader) return;
    const { validators, slots, total_stake: stake } = leader.consensus;
    setText(this.#note, `${validators.length} with ${count(stake / GWEI)} staked; proposed: of the last ${slots.length} slots`);
    const rows = validators.map((validator, index) => ({
      index, validator, stake,
      proposed: slots.filter((slot) => slot.proposer === index && slot.block !== null).length,
      node: nodes.find((node) => node.consensus?.validator === index) ?? null,
    }));
    follow(this.#rows, rows, ({ validator }) => validator.address, create, update);
  }
}

function create() {
  const number = (name = '') => html('td', { class: `number ${name}` });
  return html('tr', {},
    html('th', { scope: 'row' }, html('span', { class: 'state-dot', 'aria-hidden': 'true' }), html('span')),
    html('td', { class: 'key wide-only' }), number('wide-only'), number(), html('td', { class: 'wide-only' }), number('wide-only'), number(), number(), number());
}

function update(row, { index, validator, stake, proposed, node }) {
  const [name, address, weight, made, at, peers, ...points] = row.children;
  setAttribute(name.firstElementChild, 'data-state', validator.equivocated ? 'failed' : node?.state ?? 'stopped');
  setText(name.lastElementChild, validator.equivocated ? `${index}, equivocated` : String(index));
  setText(address, visible(`${validator.address.slice(0, 12)}…`));
  setAttribute(address, 'title', visible(validator.address));
  setText(weight, `${count(validator.stake / GWEI)}, ${stake > 0 ? Math.round((100 * validator.stake) / stake) : 0} %`);
  setText(made, String(proposed));
  setText(at, visible(node?.name ?? '–'));
  setText(peers, node ? String(node.peers) : '–');
  const { head, justified, finalised } = node?.consensus ?? {};
  [head, justified, finalised].forEach((point, place) => setText(points[place], point ? String(point.number) : '–'));
}
