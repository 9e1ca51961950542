// Where blocks of the DAG lie: a column for each generation, and a lane in it. The selected chain keeps to the middle lane.
//
// A block's generation is one above the highest of its parents', so that every edge points left. Which lane it lies in is decided when it comes and
// changes only when the selected chain moves: then it changes places with whoever has the middle. Nothing here knows of pixels.

/** Blocks kept; the oldest go first. */
export const BLOCKS_MAX = 400;

/** Lanes beside the middle one, on either side. */
export const LANES_MAX = 6;

const LANES = [0, ...Array.from({ length: LANES_MAX }, (_, index) => [-(index + 1), index + 1]).flat()];

export class DagLayout {
  /** Placed blocks by id, in the order in which they came: { block, level, lane, colour, isChain, born, y }. */
  blocks = new Map();
  /** The highest generation. */
  top = 0;
  #levels = new Map();

  /** Places a block. `now` is when it is seen, in milliseconds; 0 for blocks that were there before. */
  add(block, now) {
    if (this.blocks.has(block.id)) return;
    const levels = block.parents.map((id) => this.blocks.get(id)?.level).filter((level) => level !== undefined);
    const level = levels.length > 0 ? Math.max(...levels) + 1 : this.blocks.size > 0 ? this.top : 0;
    const column = this.#levels.get(level) ?? new Map();
    this.#levels.set(level, column);
    const lane = this.#laneFor(block, column);
    const placed = { block, level, lane, colour: 'open', isChain: false, born: now, y: lane };
    column.set(lane, placed);
    this.blocks.set(block.id, placed);
    this.top = Math.max(this.top, level);
    while (this.blocks.size > BLOCKS_MAX) this.#forgetOldest();
  }

  /** Takes in a move of the selected chain. */
  moveChain(left, joined) {
    for (const id of left) this.#setChain(id, false);
    for (const id of joined) this.#setChain(id, true);
  }

  /** The blocks of a generation, from the uppermost lane down. */
  column(level) {
    return [...(this.#levels.get(level)?.values() ?? [])].sort((one, other) => one.lane - other.lane);
  }

  /** Blocks that name this one as a parent, of those that are kept. */
  childrenOf(id) {
    return [...this.blocks.values()].filter((placed) => placed.block.parents.includes(id));
  }

  #laneFor(block, column) {
    const free = LANES.filter((lane) => !column.has(lane));
    if (free.length === 0) return LANES.at(-1) + column.size;
    // Whoever builds on the chain is likely to be the next of it; the others keep to their parents' side.
    const parent = this.blocks.get(block.selected_parent);
    if (free[0] === 0 && (!parent || parent.lane === 0)) return 0;
    const side = parent?.lane ?? 0;
    const cost = (lane) => Math.abs(lane) + 0.4 * Math.abs(lane - side) + (lane === 0 ? 0.3 : 0);
    return free.reduce((best, lane) => (cost(lane) < cost(best) ? lane : best));
  }

  #setChain(id, isChain) {
    const placed = this.blocks.get(id);
    if (!placed || placed.isChain === isChain) return;
    placed.isChain = isChain;
    if (isChain) {
      placed.colour = 'blue';
      this.#toTheMiddle(placed);
    }
    const { blues, reds } = placed.block;
    for (const merged of blues) this.#paint(merged, isChain ? 'blue' : 'open');
    for (const merged of reds) this.#paint(merged, isChain ? 'red' : 'open');
  }

  #paint(id, colour) {
    const placed = this.blocks.get(id);
    if (placed) placed.colour = colour;
  }

  #toTheMiddle(placed) {
    const column = this.#levels.get(placed.level);
    const there = column?.get(0);
    if (!column || there === placed) return;
    const lane = placed.lane;
    column.delete(lane);
    if (there) {
      there.lane = lane;
      column.set(lane, there);
    }
    placed.lane = 0;
    column.set(0, placed);
  }

  #forgetOldest() {
    const [id, placed] = this.blocks.entries().next().value;
    this.blocks.delete(id);
    const column = this.#levels.get(placed.level);
    if (column?.get(placed.lane) === placed) column.delete(placed.lane);
    if (column?.size === 0) this.#levels.delete(placed.level);
  }
}
