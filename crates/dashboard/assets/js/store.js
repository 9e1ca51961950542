// What the page knows: the last snapshot with every delta since. Every collection is bounded.

const LOGS_MAX = 1_000;
const SAMPLES_MAX = 300;
const LOOKUPS_MAX = 64;
const DAG_BLOCKS_MAX = 400;
const FINISHED_TIMES_MAX = 4_096;
const MINUTE_MS = 60_000;
const LEAST_WATCHED_MS = 5_000;

export class Store {
  /** Node entries by id. */
  nodes = new Map();
  /** Lookups by id, oldest first; `result` is null while one runs. */
  lookups = new Map();
  /** Blocks of the DAG by id, oldest first, with `is_chain`; a snapshot starts a new `dagEpoch`. */
  dag = new Map();
  dagEpoch = 0;
  /** Log lines, oldest first; `number` counts them on this page. */
  logs = [];
  /** Chart points of each kind, oldest first. */
  throughput = new Map();
  dropped = { nodes: 0, events: 0, logs: 0, samples: 0 };
  /** Counts frames that changed a node. */
  nodeChanges = 0;
  version = '';
  /** The server's clock at the last frame, in milliseconds. */
  time = 0;
  /** Counts log lines on this page; a snapshot starts a new `logsEpoch`. */
  #logNumber = 0;
  #finishedAt = [];
  #openedAt = 0;

  logsEpoch = 0;

  /** Takes in a frame and returns the events that it brought. */
  apply(frame) {
    this.time = frame.time;
    this.dropped = frame.dropped;
    if (frame.type === 'snapshot') {
      this.#replace(frame);
      return [];
    }
    if (frame.nodes || frame.removed) this.nodeChanges += 1;
    for (const node of frame.nodes ?? []) this.nodes.set(node.id, node);
    for (const id of frame.removed ?? []) this.nodes.delete(id);
    for (const event of frame.events ?? []) this.#applyEvent(event);
    for (const line of frame.logs ?? []) this.#addLog(line);
    for (const sample of frame.throughput ?? []) this.#addSample(sample);
    return frame.events ?? [];
  }

  /** The kinds that have a node. */
  kinds() {
    return new Set([...this.nodes.values()].map((node) => node.kind));
  }

  /** The nodes of a kind, by name. */
  nodesOf(kind) {
    const nodes = [...this.nodes.values()].filter((node) => node.kind === kind);
    return nodes.sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** The last chart point of a kind, or null. */
  latest(kind) {
    return this.throughput.get(kind)?.at(-1) ?? null;
  }

  /** Lookups that ended in the last minute, extrapolated if the page knows of less than a minute. */
  lookupsAMinute() {
    const since = this.time - MINUTE_MS;
    const recent = this.#finishedAt.filter((time) => time > since).length;
    const watched = Math.min(MINUTE_MS, this.time - this.#openedAt);
    return watched < LEAST_WATCHED_MS ? recent : (recent * MINUTE_MS) / watched;
  }

  #replace(snapshot) {
    this.version = snapshot.version;
    this.nodes = new Map(snapshot.nodes.map((node) => [node.id, node]));
    this.lookups = new Map(snapshot.lookups.map((record) => [record.lookup, record]));
    this.throughput = new Map(Object.entries(snapshot.throughput));
    this.dag = new Map(snapshot.dag.map((record) => [record.id, record]));
    this.dagEpoch += 1;
    this.logs = [];
    this.logsEpoch += 1;
    for (const line of snapshot.logs) this.#addLog(line);
    this.nodeChanges += 1;
    const ended = snapshot.lookups.filter((record) => record.result);
    this.#finishedAt = ended.map((record) => record.time + record.result.ms);
    this.#openedAt = Math.min(snapshot.time, ...this.#finishedAt);
  }

  #applyEvent(event) {
    if (event.event === 'lookup_started') {
      const { lookup, node, target, kind, time } = event;
      this.lookups.delete(lookup);
      this.lookups.set(lookup, { lookup, node, target, kind, time, result: null });
      if (this.lookups.size > LOOKUPS_MAX) this.lookups.delete(this.lookups.keys().next().value);
    } else if (event.event === 'lookup_finished') {
      const { found, hops, ms } = event;
      const record = this.lookups.get(event.lookup);
      if (record) this.lookups.set(event.lookup, { ...record, result: { found, hops, ms } });
      this.#finishedAt.push(event.time);
      if (this.#finishedAt.length > FINISHED_TIMES_MAX) this.#finishedAt.shift();
    } else if (event.event === 'dag_block_added') {
      this.dag.set(event.id, { ...event, is_chain: false });
      if (this.dag.size > DAG_BLOCKS_MAX) this.dag.delete(this.dag.keys().next().value);
    } else if (event.event === 'selected_chain_moved') {
      for (const [ids, isChain] of [[event.left, false], [event.joined, true]]) {
        for (const id of ids) {
          const block = this.dag.get(id);
          if (block) block.is_chain = isChain;
        }
      }
    }
  }

  #addLog(line) {
    this.#logNumber += 1;
    this.logs.push({ ...line, number: this.#logNumber });
    if (this.logs.length > LOGS_MAX) this.logs.shift();
  }

  #addSample(sample) {
    const points = this.throughput.get(sample.kind) ?? [];
    points.push(sample);
    if (points.length > SAMPLES_MAX) points.shift();
    this.throughput.set(sample.kind, points);
  }
}
