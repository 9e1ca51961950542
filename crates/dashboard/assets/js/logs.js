// The log: filtered by level and text, paused at will, following its end unless scrolled away from it.

import { html, setText } from './dom.js';
import { clock, visible } from './format.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'];
const SHOWN_MAX = 500;
const END_SLACK_PX = 24;

export class LogView {
  #store;
  #list = document.getElementById('logs-lines');
  #level = document.getElementById('logs-level');
  #filter = document.getElementById('logs-filter');
  #pause = document.getElementById('logs-pause');
  #count = document.getElementById('logs-count');
  /** The lines as they were when paused, or null. */
  #frozen = null;
  /** The number of the last line looked at, and the snapshot it belongs to. */
  #last = 0;
  #epoch = 0;

  constructor(store) {
    this.#store = store;
    this.#level.addEventListener('change', () => this.#redraw());
    this.#filter.addEventListener('input', () => this.#redraw());
    this.#pause.addEventListener('click', () => this.#togglePause());
  }

  /** Adds the lines that came since. */
  draw() {
    this.#showCount();
    if (this.#frozen) return;
    if (this.#epoch !== this.#store.logsEpoch) {
      this.#redraw();
      return;
    }
    const newer = this.#store.logs.filter((line) => line.number > this.#last);
    if (newer.length > 0) this.#append(newer);
  }

  #redraw() {
    this.#list.replaceChildren();
    this.#epoch = this.#store.logsEpoch;
    this.#append(this.#frozen ?? this.#store.logs);
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#showCount();
  }

  #append(lines) {
    this.#last = lines.at(-1)?.number ?? this.#last;
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < END_SLACK_PX;
    list.append(...lines.filter((line) => this.#shows(line)).slice(-SHOWN_MAX).map(lineElement));
    while (list.childElementCount > SHOWN_MAX) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
    this.#showCount();
  }

  #shows(line) {
    if (LEVELS.indexOf(line.level) < LEVELS.indexOf(this.#level.value)) return false;
    const wanted = this.#filter.value.trim().toLowerCase();
    return !wanted || `${line.node ?? ''} ${line.target} ${line.message}`.toLowerCase().includes(wanted);
  }

  #togglePause() {
    this.#frozen = this.#frozen ? null : [...this.#store.logs];
    const paused = this.#frozen !== null;
    this.#pause.setAttribute('aria-pressed', String(paused));
    setText(this.#pause, paused ? 'Resume' : 'Pause');
    this.#redraw();
  }

  #showCount() {
    const shown = this.#list.childElementCount;
    const kept = this.#store.logs.length;
    const state = this.#frozen ? 'paused, ' : '';
    setText(this.#count, `${state}${shown} of ${kept} lines`);
  }
}

function lineElement(line) {
  return html('li', { class: 'log-line', 'data-level': line.level },
    html('time', { class: 'log-time', datetime: new Date(line.time).toISOString() }, clock(line.time)),
    html('span', { class: 'log-level' }, line.level),
    html('span', { class: 'log-node' }, visible(line.node ?? '')),
    html('span', { class: 'log-message' }, html('span', { class: 'log-target' }, visible(line.target)), ' ',
      html('bdi', {}, visible(line.message))));
}
