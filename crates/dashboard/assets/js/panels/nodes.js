// The nodes of a kind side by side: who is up, who agrees with whom.

import { follow, html, setAttribute, setText } from '../dom.js';
import { visible } from '../format.js';

export class NodeTable {
  #columns;
  #rows = html('tbody');
  #note = html('p', { class: 'card-note' });

  /** `columns`: [{ head, of(node), className }], after the node's name. */
  constructor({ id, title, columns }) {
    this.#columns = columns;
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('section', { class: 'card nodes', 'aria-labelledby': id },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id }, title), this.#note),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': id },
        html('table', { class: 'table table-nodes' },
          html('thead', {}, html('tr', {}, head('Node'), ...columns.map((column) => head(column.head, column.className)))), this.#rows)));
  }

  /** `note` says what they have in common. */
  draw(nodes, note = '') {
    setText(this.#note, note);
    follow(this.#rows, nodes, (node) => node.id, () => this.#create(), (row, node) => this.#update(row, node));
  }

  #create() {
    return html('tr', {},
      html('th', { scope: 'row' }, html('span', { class: 'state-dot', 'aria-hidden': 'true' }), html('span')),
      ...this.#columns.map((column) => html('td', { class: column.className })));
  }

  #update(row, node) {
    const [name, ...cells] = row.children;
    setAttribute(name.firstElementChild, 'data-state', node.state);
    setAttribute(name, 'title', `${visible(node.endpoint)}, ${node.state}`);
    setText(name.lastElementChild, visible(node.name));
    cells.forEach((cell, index) => setText(cell, visible(this.#columns[index].of(node))));
  }
}
