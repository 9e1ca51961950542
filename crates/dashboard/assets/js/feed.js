// The WebSocket to the network: opens it, checks that no frame is missing, and opens it again when it breaks.

const PROTOCOL = 1;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 15_000;
// The server says something every 2 s at least.
const SILENCE_MAX_MS = 10_000;

/**
 * Follows the feed. `onFrame(frame)` gets every frame in order; `onState(state, detail)` one of
 * connecting, live, waiting (detail: milliseconds until the next try) and outdated.
 */
export class Feed {
  #onFrame;
  #onState;
  #socket = null;
  #seq = null;
  #retryMs = RETRY_FIRST_MS;
  #retryTimer = 0;
  #silenceTimer = 0;

  constructor({ onFrame, onState }) {
    this.#onFrame = onFrame;
    this.#onState = onState;
    window.addEventListener('online', () => this.#retryNow());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#retryNow();
    });
  }

  open() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    this.#onState('connecting');
    this.#seq = null;
    const socket = new WebSocket(`ws://${location.host}/feed`);
    this.#socket = socket;
    socket.addEventListener('message', (message) => {
      if (socket === this.#socket) this.#take(message.data);
    });
    socket.addEventListener('close', () => {
      if (socket === this.#socket) this.#retryLater();
    });
    this.#watchSilence();
  }

  #take(text) {
    this.#watchSilence();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      this.#breakOff();
      return;
    }
    if (frame.type === 'snapshot') {
      if (frame.protocol !== PROTOCOL) {
        this.#stop('outdated');
        return;
      }
      this.#retryMs = RETRY_FIRST_MS;
      this.#onState('live');
    } else if (this.#seq === null || frame.seq !== this.#seq + 1) {
      this.#breakOff();
      return;
    }
    this.#seq = frame.seq;
    this.#onFrame(frame);
  }

  #watchSilence() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#breakOff(), SILENCE_MAX_MS);
  }

  #breakOff() {
    this.#socket?.close();
    this.#retryLater();
  }

  #stop(state) {
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#onState(state);
  }

  #retryLater() {
    const jitter = 0.75 + Math.random() / 2;
    const wait = Math.round(this.#retryMs * jitter);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_LAST_MS);
    this.#stop('connecting');
    this.#onState('waiting', wait);
    this.#retryTimer = setTimeout(() => this.open(), wait);
  }

  #retryNow() {
    if (this.#retryTimer) this.open();
  }
}
