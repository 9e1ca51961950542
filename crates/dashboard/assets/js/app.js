// Joins the feed, the store and what is drawn. A node kind's own part of the page is a module in panels/, listed here.

import { html, onceAFrame, setText } from './dom.js';
import { Feed } from './feed.js';
import { LogView } from './logs.js';
import { Overview } from './overview.js';
import { Store } from './store.js';
import * as bitcoin from './panels/bitcoin.js';
import * as dht from './panels/dht.js';
import * as kaspa from './panels/kaspa.js';
import * as lux from './panels/lux.js';
import * as rollup from './panels/rollup.js';

// kind → { title, note, figures(store), pulse, Panel }, in the order in which they stand on the page
const KINDS = new Map([['kaspa', kaspa], ['bitcoin', bitcoin], ['lux', lux], ['rollup', rollup], ['dht', dht]]);

const store = new Store();
const overview = new Overview(document.getElementById('overview'), store, KINDS);
const logs = new LogView(store);
// kind → { panel, host, inSight, drawn }
const panels = new Map();
/** Time between two drawings of a panel that nobody sees, in milliseconds. */
const UNSEEN_EVERY_MS = 1_000;
/** Time in which a panel gets its size, in milliseconds. */
const SETTLED_AFTER_MS = 4_000;

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const mounted = panels.get(target.dataset.kind);
    if (mounted) mounted.inSight = isIntersecting;
  }
  draw();
});
const byId = (id) => document.getElementById(id);

function mountPanels() {
  const present = store.kinds();
  for (const [kind, module] of KINDS) {
    if (!present.has(kind) || panels.has(kind)) continue;
    const host = html('section', { class: 'panel', id: `panel-${kind}`, 'data-kind': kind, 'aria-labelledby': `title-${kind}` },
      html('h2', { class: 'panel-title', id: `title-${kind}` }, module.title, html('span', { class: 'card-note' }, module.note)));
    const order = [...KINDS.keys()];
    const after = [...byId('panels').children].find((other) => order.indexOf(other.dataset.kind) > order.indexOf(kind));
    byId('panels').insertBefore(host, after ?? null);
    panels.set(kind, { panel: new module.Panel(host, store), host, inSight: false, drawn: 0 });
    sight.observe(host);
    setTimeout(() => host.classList.add('is-settled'), SETTLED_AFTER_MS);
  }
}

/** Draws the panels in sight, and now and then the others: they are to be right when they come into sight. */
function drawPanels(now) {
  for (const mounted of panels.values()) {
    if (!mounted.inSight && now - mounted.drawn < UNSEEN_EVERY_MS) continue;
    mounted.drawn = now;
    mounted.panel.draw();
  }
}

const draw = onceAFrame((now) => {
  mountPanels();
  overview.draw();
  drawPanels(now);
  logs.draw();
  byId('waiting').hidden = store.nodes.size > 0;
  setText(byId('footer-version'), store.version ? `Quintet ${store.version}` : '');
  const dropped = Object.values(store.dropped).reduce((sum, part) => sum + part, 0);
  setText(byId('footer-dropped'), dropped ? `${dropped} updates left out to keep the feed within its bounds.` : '');
});

const STATES = { connecting: 'Connecting', live: 'Live', waiting: 'Reconnecting', outdated: 'Reload needed' };

function showState(state, waitMs) {
  const connection = byId('connection');
  connection.dataset.state = state;
  setText(byId('connection-text'), STATES[state]);
  document.documentElement.dataset.feed = state;
  const notice = byId('notice');
  notice.hidden = state === 'live' || state === 'connecting';
  if (state === 'waiting') {
    setText(notice, `The network does not answer. What you see is the last state; trying again in ${Math.ceil(waitMs / 1000)} s.`);
  } else if (state === 'outdated') {
    setText(notice, 'The network runs another version of this page: reload it.');
  }
}

new Feed({
  onState: showState,
  onFrame(frame) {
    const events = store.apply(frame);
    if (frame.type === 'snapshot') mountPanels();
    for (const { panel } of panels.values()) panel.onEvents(events);
    document.documentElement.dataset.seq = frame.seq;
    draw();
  },
}).open();
