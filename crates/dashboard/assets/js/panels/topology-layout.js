// Where everything on the topology lies: nodes on a ring by key, clockwise from 0 at the top, and labels beside them.
// Nodes whose keys are close are moved apart by a few pixels, so that each can be seen and picked.

import { position } from '../keyspace.js';

const LABEL_GAP_PX = 16;
const LABEL_HEIGHT_PX = 15;
const LABELS_MAX = 48;
// How far a chord bends towards the centre (0 through the centre, 1 straight), across the ring and between neighbours.
const BEND_FAR = 0.2;
const BEND_NEAR = 0.95;
const APART_PX = 14;
const APART_PASSES = 12;
const LINKS_MAX = 6_000;
const FULL = 2 * Math.PI;

/** The ring in a canvas of this size, with room around it for labels of up to `labelWidth` pixels. */
export function ring(width, height, labelWidth = 0) {
  const room = LABEL_GAP_PX + Math.min(labelWidth, width / 5) + 6;
  return { cx: width / 2, cy: height / 2, radius: Math.max(40, Math.min(width / 2 - room, height / 2 - 34)) };
}

/** The point of the ring for a key, `out` pixels outside it. */
export function pointOf(key, { cx, cy, radius }, out = 0) {
  return at(position(key) * FULL, { cx, cy, radius: radius + out });
}

/** The point of the ring at an angle, clockwise from the top. */
function at(angle, { cx, cy, radius }) {
  return { angle, x: cx + radius * Math.sin(angle), y: cy - radius * Math.cos(angle) };
}

/** The control point of the chord between two points. */
export function bend(from, to, { cx, cy, radius }) {
  const apart = Math.min(1, Math.hypot(from.x - to.x, from.y - to.y) / (2 * radius));
  const share = BEND_NEAR + (BEND_FAR - BEND_NEAR) * apart;
  return { x: cx + ((from.x + to.x) / 2 - cx) * share, y: cy + ((from.y + to.y) / 2 - cy) * share };
}

/** The point a share `t` along a chord. */
export function along(from, control, to, t) {
  const u = 1 - t;
  return {
    x: u * u * from.x + 2 * u * t * control.x + t * t * to.x,
    y: u * u * from.y + 2 * u * t * control.y + t * t * to.y,
  };
}

/** Nodes, in key order, with their points and labels. Labels that would overlap are pushed apart along their side of the ring. */
export function place(nodes, circle) {
  const angles = apart(nodes.map((node) => position(node.key) * FULL), circle.radius);
  const placed = nodes.map((node, index) => ({ node, ...at(angles[index], circle), label: null }));
  if (placed.length <= LABELS_MAX) {
    spread(placed.filter((each) => each.x >= circle.cx), circle, 1);
    spread(placed.filter((each) => each.x < circle.cx), circle, -1);
  }
  return placed;
}

/** Angles in rising order, each moved away from a neighbour that is too close. */
function apart(angles, radius) {
  const least = Math.min(APART_PX / radius, (0.7 * FULL) / Math.max(1, angles.length));
  for (let pass = 0; pass < APART_PASSES && angles.length > 1; pass += 1) {
    for (let index = 0; index < angles.length; index += 1) {
      const next = (index + 1) % angles.length;
      const gap = angles[next] - angles[index] + (next === 0 ? FULL : 0);
      if (gap >= least) continue;
      angles[index] -= (least - gap) / 2;
      angles[next] += (least - gap) / 2;
    }
  }
  return angles;
}

function spread(side, circle, direction) {
  const reach = circle.radius + LABEL_GAP_PX;
  const labels = side
    .map((each) => ({ each, y: circle.cy - Math.cos(each.angle) * reach }))
    .sort((left, right) => left.y - right.y);
  // Down from the top, then up from the bottom: order is kept and the stack ends within the ring's height.
  const [lowest, highest] = [circle.cy + reach, circle.cy - reach];
  let limit = highest;
  for (const label of labels) {
    label.y = Math.max(label.y, limit);
    limit = label.y + LABEL_HEIGHT_PX;
  }
  limit = lowest;
  for (const label of labels.reverse()) {
    label.y = Math.min(label.y, limit);
    limit = label.y - LABEL_HEIGHT_PX;
  }
  for (const { each, y } of labels) {
    const rise = Math.min(1, Math.abs(y - circle.cy) / reach);
    const across = Math.sqrt(1 - rise * rise) * reach;
    each.label = { x: circle.cx + direction * Math.max(across, 10), y, align: direction > 0 ? 'left' : 'right' };
  }
}

/** Who knows whom, once for each pair and at most LINKS_MAX pairs: [{ from, to, mutual }] of indices into `placed`. */
export function links(placed) {
  const indexOf = new Map(placed.map(({ node }, index) => [node.key, index]));
  const pairs = new Map();
  placed.forEach(({ node }, from) => {
    for (const key of node.neighbours) {
      const to = indexOf.get(key);
      if (to === undefined || to === from) continue;
      const pair = from < to ? `${from} ${to}` : `${to} ${from}`;
      const known = pairs.get(pair);
      if (known && known.from !== from) known.mutual = true;
      else if (!known && pairs.size < LINKS_MAX) pairs.set(pair, { from, to, mutual: false });
    }
  });
  return [...pairs.values()];
}

/** The node nearest to a point, if one is within reach. */
export function nearest(placed, x, y, reach) {
  let best = null;
  let bestDistance = reach;
  for (const each of placed) {
    const toDot = Math.hypot(each.x - x, each.y - y);
    const distance = each.label && onLabel(each, x, y) ? Math.min(toDot, reach / 2) : toDot;
    if (distance < bestDistance) {
      best = each;
      bestDistance = distance;
    }
  }
  return best;
}

function onLabel({ label, node }, x, y) {
  const width = 8 + 7 * node.name.length;
  const from = label.align === 'left' ? label.x : label.x - width;
  return x >= from && x <= from + width && Math.abs(y - label.y) <= LABEL_HEIGHT_PX / 2;
}
