// Who is connected to whom. What a peer calls itself is text of somebody else's.

import { follow, html, setText } from '../dom.js';
import { count, visible } from '../format.js';

export class PeerTable {
  #rows = html('tbody');
  #note = html('p', { class: 'card-note' });

  constructor() {
    const head = (text, name) => html('th', { scope: 'col', class: name }, text);
    this.element = html('section', { class: 'card peers', 'aria-labelledby': 'peers-title' },
      html('div', { class: 'card-head' }, html('h3', { class: 'card-title', id: 'peers-title' }, 'Connections'), this.#note),
      html('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-labelledby': 'peers-title' },
        html('table', { class: 'table table-peers' },
          html('thead', {}, html('tr', {}, head('Of'), head('Peer'), head('Program', 'wide-only'), head('Ping', 'number'), head('In', 'number'), head('Out', 'number wide-only'))),
          this.#rows)));
  }

  draw(nodes) {
    const all = nodes.flatMap((node) => node.connections.map((peer) => ({ node, peer, key: `${node.id} ${peer.address} ${peer.inbound}` })));
    setText(this.#note, all.length === 1 ? '1 connection' : `${all.length} connections`);
    follow(this.#rows, all, ({ key }) => key, create, update);
  }
}

function create() {
  return html('tr', {}, html('th', { scope: 'row' }), html('td', { class: 'key' }), html('td', { class: 'wide-only key' }),
    html('td', { class: 'number' }), html('td', { class: 'number' }), html('td', { class: 'number wide-only' }));
}

function update(row, { node, peer }) {
  const [of, address, agent, ping, received, sent] = row.children;
  setText(of, visible(node.name));
  setText(address, `${peer.inbound ? '←' : '→'} ${visible(peer.address)}`);
  setText(agent, visible(peer.agent));
  setText(ping, peer.ping_ms === null ? '–' : `${peer.ping_ms < 10 ? peer.ping_ms.toFixed(1) : Math.round(peer.ping_ms)} ms`);
  setText(received, `${count(peer.bytes_in)}B`);
  setText(sent, `${count(peer.bytes_out)}B`);
}
