// Paints the DAG: edges in one stroke a kind, then the blocks. Everything is where the camera sees it; the caller moves the camera.

const SIDE = 15;
const RADIUS = 4;
const BIRTH_MS = 220;
/** Lanes on either side of the middle that lie whole steps apart. */
const LANES_APART = 2;
const DIM = 0.22;

/** Pixels from one generation to the next, and from one lane to the next. */
export function scale(width, height) {
  const narrow = width < 480;
  return { across: narrow ? 30 : 38, down: Math.min(36, (height - 52) / 7), right: narrow ? 34 : 64, middle: (height - 16) / 2 };
}

/** The palette, as the style sheet has it now. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    blue: colour('dag-blue'), red: colour('dag-red'), chain: colour('dag-chain'), open: colour('ink-faint'), line: colour('line-strong'),
    muted: colour('ink-muted'), ink: colour('ink'), surface: colour('surface'), font: colour('font-text'),
  };
}

/** Where a placed block is on the canvas. */
export function pointOf(placed, { camera, width, scale: { across, down, right, middle } }) {
  return { x: width - right - (camera - placed.level) * across, y: middle + squeezed(placed.y) * down };
}

/** Outer lanes lie closer together, so that the widest generation fits. */
function squeezed(lane) {
  const out = Math.abs(lane) - LANES_APART;
  return out > 0 ? Math.sign(lane) * (LANES_APART + out / 2) : lane;
}

/** Paints `seen`, the placed blocks in sight. `focus` is the one looked at or null, `at(id)` finds a placed block. */
export function drawDag(context, seen, { view, focus, at, colours, now, calm }) {
  const merged = focus ? new Set([...focus.block.blues, ...focus.block.reds, focus.block.selected_parent]) : null;
  const strokes = { plain: new Path2D(), chain: new Path2D(), blue: new Path2D(), red: new Path2D() };
  for (const placed of seen) addEdges(strokes, placed, { view, focus, at });
  const faint = focus ? 0.35 : 1;
  stroke(context, strokes.plain, colours.line, 1, faint);
  stroke(context, strokes.chain, colours.chain, 3, focus ? 0.4 : 0.85);
  stroke(context, strokes.blue, colours.blue, 1.8, 1);
  stroke(context, strokes.red, colours.red, 1.8, 1);
  for (const placed of seen) {
    const dimmed = focus && placed !== focus && !merged.has(placed.block.id);
    drawBlock(context, placed, { point: pointOf(placed, view), colours, now, calm, alpha: dimmed ? DIM : 1, focused: placed === focus });
  }
  context.globalAlpha = 1;
  drawScores(context, seen, { view, colours });
}

function addEdges(strokes, placed, { view, focus, at }) {
  const from = pointOf(placed, view);
  for (const id of placed.block.parents) {
    const parent = at(id);
    if (!parent) continue;
    const to = pointOf(parent, view);
    const path = placed === focus ? (placed.block.reds.includes(id) ? strokes.red : strokes.blue)
      : placed.isChain && parent.isChain && id === placed.block.selected_parent ? strokes.chain : strokes.plain;
    path.moveTo(from.x, from.y);
    if (from.y === to.y) path.lineTo(to.x, to.y);
    else {
      const middle = (from.x + to.x) / 2;
      path.bezierCurveTo(middle, from.y, middle, to.y, to.x, to.y);
    }
  }
}

function stroke(context, path, colour, width, alpha) {
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke(path);
}

function drawBlock(context, placed, { point, colours, now, calm, alpha, focused }) {
  const age = calm || placed.born === 0 ? 1 : Math.min(1, (now - placed.born) / BIRTH_MS);
  const side = SIDE * (0.4 + 0.6 * (1 - (1 - age) ** 3));
  const [left, top] = [point.x - side / 2, point.y - side / 2];
  const fill = { blue: colours.blue, red: colours.red, open: colours.surface }[placed.colour];
  context.globalAlpha = 1;
  box(context, left - 2, top - 2, side + 4, RADIUS + 1.5);
  context.fillStyle = colours.surface;
  context.fill();
  context.globalAlpha = alpha;
  box(context, left, top, side, RADIUS);
  context.fillStyle = placed.isChain ? colours.chain : fill;
  context.fill();
  if (placed.colour === 'open' && !placed.isChain) {
    context.strokeStyle = colours.muted;
    context.lineWidth = 1.5;
    context.stroke();
  }
  if (focused) {
    box(context, left - 4, top - 4, side + 8, RADIUS + 3);
    context.strokeStyle = colours.ink;
    context.lineWidth = 1.8;
    context.stroke();
  }
}

function box(context, left, top, side, radius) {
  context.beginPath();
  context.roundRect(left, top, side, side, radius);
}

/** Blue scores below the chain, some of them, so that what moves can be read. */
function drawScores(context, seen, { view, colours }) {
  context.font = `11px ${colours.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'alphabetic';
  context.fillStyle = colours.muted;
  for (const placed of seen) {
    if (!placed.isChain || placed.level % 4 !== 0) continue;
    const { x } = pointOf(placed, view);
    context.fillText(String(placed.block.blue_score), x, view.height - 7);
  }
}
