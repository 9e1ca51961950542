// Lookups in motion: a dot travels from the node that looks to each peer it asks, hop after hop, and back.
//
// A lookup on one machine is over within one frame of the feed, so its steps are played one after another instead of at
// the moment they came. What waits is bounded; under a flood the oldest motion goes.

const TRAVEL_MS = 520;
const STEP_MS = 130;
const FLASH_MS = 700;
const TARGET_MS = 2_600;
const BEHIND_MAX_MS = 3_000;
const MOTIONS_MAX = 240;
const TARGETS_MAX = 24;
const PLAYS_MAX = 128;

export class Pulses {
  /** { from, to, outcome, back, start, end }: keys, and times of requestAnimationFrame. */
  motions = [];
  /** { key, outcome, start, end } */
  flashes = [];
  /** lookup → { key, found, end }; `found` is null while it runs */
  targets = new Map();
  /** lookup → { next, asked }: when its next step may start, and whom it asked */
  #plays = new Map();

  /** Takes in events; `keyOf(id)` gives a node's key. */
  add(events, now, keyOf) {
    for (const event of events) {
      if (event.event === 'lookup_started') this.#begin(event, now);
      else if (event.event === 'lookup_stepped') this.#step(event, now);
      else if (event.event === 'lookup_finished') this.#finish(event, now);
      else if (event.event === 'record_stored' || event.event === 'node_started') {
        const key = keyOf(event.node);
        if (key) this.#flash(key, event.event, now);
      }
    }
  }

  /** Forgets what is over; returns whether anything is left to show. */
  advance(now) {
    const lasts = (each) => each.end > now;
    this.motions = this.motions.filter(lasts);
    this.flashes = this.flashes.filter(lasts);
    for (const [lookup, target] of this.targets) if (!lasts(target)) this.targets.delete(lookup);
    return this.motions.length + this.flashes.length + this.targets.size > 0;
  }

  clear() {
    this.motions = [];
    this.flashes = [];
    this.targets.clear();
    this.#plays.clear();
  }

  #begin({ lookup, target }, now) {
    bounded(this.#plays, PLAYS_MAX).set(lookup, { next: now, asked: new Set() });
    bounded(this.targets, TARGETS_MAX).set(lookup, { key: target, found: null, end: now + TARGET_MS });
  }

  #step({ lookup, from, to, outcome }, now) {
    const play = this.#plays.get(lookup) ?? { next: now, asked: new Set() };
    bounded(this.#plays, PLAYS_MAX).set(lookup, play);
    const start = Math.max(now, play.next);
    if (start - now > BEHIND_MAX_MS) return;
    play.next = start + STEP_MS;
    const back = outcome !== 'queried' && play.asked.has(to);
    if (outcome === 'queried') play.asked.add(to);
    const silent = outcome === 'timed_out';
    if (!(silent && back)) this.#move({ from, to, outcome, back, start, end: start + TRAVEL_MS });
    if (outcome !== 'queried') this.#flash(to, outcome, back ? start : start + TRAVEL_MS);
    const target = this.targets.get(lookup);
    if (target) target.end = Math.max(target.end, start + TARGET_MS);
  }

  #finish({ lookup, found }, now) {
    const play = this.#plays.get(lookup);
    this.#plays.delete(lookup);
    const target = this.targets.get(lookup);
    if (!target) return;
    target.found = found;
    target.end = Math.max(now, play?.next ?? now) + TARGET_MS / 2;
  }

  #move(motion) {
    if (this.motions.length >= MOTIONS_MAX) this.motions.shift();
    this.motions.push(motion);
  }

  #flash(key, outcome, start) {
    if (this.flashes.length >= MOTIONS_MAX) this.flashes.shift();
    this.flashes.push({ key, outcome, start, end: start + FLASH_MS });
  }
}

function bounded(map, max) {
  if (map.size >= max) map.delete(map.keys().next().value);
  return map;
}
