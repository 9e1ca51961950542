// Paints the topology. `still` is the part that changes only with the nodes or the selection; `moving` lies on top.

import { along, bend, pointOf } from './topology-layout.js';

const FULL = 2 * Math.PI;
const DIGITS = '0123456789abcdef';
const LABEL_CHARS_MAX = 16;

/** The palette, as the style sheet has it now. */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour('ink'),
    muted: colour('ink-muted'),
    faint: colour('ink-faint'),
    line: colour('line-strong'),
    surface: colour('surface'),
    accent: colour('accent'),
    second: colour('second'),
    warn: colour('warn'),
    error: colour('error'),
    font: style.getPropertyValue('--font-text').trim(),
    mono: style.getPropertyValue('--font-key').trim(),
    labelSize: 12,
  };
}

/** The ring, who knows whom, nodes and labels. `focus` is the index of the node looked at, or -1. */
export function drawStill(context, { circle, placed, links, focus, colours }) {
  drawRing(context, circle, colours);
  const crowd = Math.min(1, 9 / Math.sqrt(links.length + 1));
  for (const link of links) {
    const touches = link.from === focus || link.to === focus;
    if (touches) continue;
    const weight = (link.mutual ? 0.34 : 0.2) * crowd * (focus >= 0 ? 0.35 : 1);
    chord(context, circle, placed[link.from], placed[link.to], colours.muted, 1, weight);
  }
  for (const link of links) {
    if (link.from === focus || link.to === focus) {
      chord(context, circle, placed[link.from], placed[link.to], colours.accent, 1.4, link.mutual ? 0.8 : 0.5);
    }
  }
  drawDigits(context, circle, colours);
  const known = neighboursOf(links, focus);
  placed.forEach((each, index) => drawNode(context, each, {
    colours,
    focused: index === focus,
    dimmed: focus >= 0 && index !== focus && !known.has(index),
  }));
}

function drawRing(context, { cx, cy, radius }, colours) {
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  context.arc(cx, cy, radius, 0, FULL);
  context.stroke();
  for (let digit = 0; digit < DIGITS.length; digit += 1) {
    const angle = (digit / DIGITS.length) * FULL - Math.PI / 2;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const major = digit % 4 === 0;
    context.beginPath();
    context.moveTo(cx + cos * (radius - (major ? 7 : 4)), cy + sin * (radius - (major ? 7 : 4)));
    context.lineTo(cx + cos * radius, cy + sin * radius);
    context.stroke();
  }
}

/** The first digit of the keys at each quarter of the ring, legible over the chords. */
function drawDigits(context, { cx, cy, radius }, colours) {
  context.font = `11px ${colours.mono}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = colours.muted;
  context.strokeStyle = colours.surface;
  context.lineWidth = 5;
  context.lineJoin = 'round';
  for (let digit = 0; digit < DIGITS.length; digit += 4) {
    const angle = (digit / DIGITS.length) * FULL - Math.PI / 2;
    const [x, y] = [cx + Math.cos(angle) * (radius - 18), cy + Math.sin(angle) * (radius - 18)];
    context.strokeText(DIGITS[digit], x, y);
    context.fillText(DIGITS[digit], x, y);
  }
}

function chord(context, circle, from, to, colour, width, alpha) {
  const control = bend(from, to, circle);
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.quadraticCurveTo(control.x, control.y, to.x, to.y);
  context.stroke();
  context.globalAlpha = 1;
}

function neighboursOf(links, focus) {
  const known = new Set();
  for (const { from, to } of links) {
    if (from === focus) known.add(to);
    if (to === focus) known.add(from);
  }
  return known;
}

function drawNode(context, { node, x, y, label }, { colours, focused, dimmed }) {
  const radius = focused ? 7.5 : 5.5;
  context.globalAlpha = dimmed ? 0.35 : 1;
  disc(context, x, y, radius + 2.5, colours.surface);
  const colour = stateColour(node.state, colours);
  if (node.state === 'running' || node.state === 'degraded') disc(context, x, y, radius, colour);
  else circleLine(context, x, y, radius - 1, colour, 2);
  if (focused) circleLine(context, x, y, radius + 4, colours.accent, 1.5);
  if (label) drawLabel(context, { node, x, y, label }, focused, colours);
  context.globalAlpha = 1;
}

function drawLabel(context, { node, x, y, label }, focused, colours) {
  const inwards = label.align === 'left' ? -4 : 4;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  const apart = Math.hypot(label.x - x, label.y - y);
  if (apart > 24) {
    context.beginPath();
    context.moveTo(x + ((label.x - x) * 10) / apart, y + ((label.y - y) * 10) / apart);
    context.lineTo(label.x + inwards, label.y);
    context.stroke();
  }
  context.font = `${focused ? '600 ' : ''}${colours.labelSize}px ${colours.font}`;
  context.textAlign = label.align;
  context.textBaseline = 'middle';
  context.fillStyle = focused ? colours.ink : colours.muted;
  context.fillText(labelOf(node), label.x, label.y);
}

/** A node's label: its name, short enough for the room beside the ring. */
export function labelOf(node) {
  return node.name.length > LABEL_CHARS_MAX ? `${node.name.slice(0, LABEL_CHARS_MAX - 1)}…` : node.name;
}

/** The width of the widest label, in pixels. */
export function labelWidth(context, nodes, colours) {
  context.font = `600 ${colours.labelSize}px ${colours.font}`;
  return Math.max(0, ...nodes.map((node) => context.measureText(labelOf(node)).width));
}

function stateColour(state, colours) {
  const byState = { running: colours.accent, degraded: colours.warn, starting: colours.muted, failed: colours.error };
  return byState[state] ?? colours.faint;
}

/** Lookups in motion. With `calm`, nothing travels: a chord lights up instead. */
export function drawMoving(context, pulses, { circle, pointByKey, colours, now, calm }) {
  for (const target of pulses.targets.values()) drawTarget(context, target, circle, colours);
  for (const motion of pulses.motions) {
    const [from, to] = [pointByKey.get(motion.from), pointByKey.get(motion.to)];
    if (!from || !to || motion.start > now) continue;
    const t = Math.min(1, (now - motion.start) / (motion.end - motion.start));
    const colour = outcomeColour(motion.outcome, colours);
    chord(context, circle, from, to, colour, 1.8, calm ? 0.7 : 0.65 * (1 - t) + 0.1);
    if (!calm) drawComet(context, circle, motion.back ? to : from, motion.back ? from : to, t, colour);
  }
  for (const flash of pulses.flashes) {
    const at = pointByKey.get(flash.key);
    if (!at || flash.start > now) continue;
    const t = Math.min(1, (now - flash.start) / (flash.end - flash.start));
    context.globalAlpha = 1 - t;
    circleLine(context, at.x, at.y, calm ? 11 : 7 + 11 * t, outcomeColour(flash.outcome, colours), 2);
    context.globalAlpha = 1;
  }
}

function drawComet(context, circle, from, to, t, colour) {
  const control = bend(from, to, circle);
  const eased = t * t * (3 - 2 * t);
  for (let tail = 4; tail >= 0; tail -= 1) {
    const behind = Math.max(0, eased - tail * 0.035);
    const at = along(from, control, to, behind);
    context.globalAlpha = tail ? 0.32 - tail * 0.06 : 1;
    disc(context, at.x, at.y, 4.2 - tail * 0.5, colour);
  }
  context.globalAlpha = 1;
}

function drawTarget(context, target, circle, colours) {
  const { x, y } = pointOf(target.key, circle, -1);
  const colour = target.found === false ? colours.error : colours.second;
  context.fillStyle = colours.surface;
  context.strokeStyle = colour;
  context.lineWidth = 1.8;
  context.beginPath();
  context.moveTo(x, y - 6);
  context.lineTo(x + 6, y);
  context.lineTo(x, y + 6);
  context.lineTo(x - 6, y);
  context.closePath();
  if (target.found) context.fillStyle = colour;
  context.fill();
  context.stroke();
}

function outcomeColour(outcome, colours) {
  if (outcome === 'timed_out' || outcome === 'refused') return colours.error;
  return outcome === 'node_started' ? colours.accent : colours.second;
}

function disc(context, x, y, radius, colour) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, FULL);
  context.fill();
}

function circleLine(context, x, y, radius, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, radius, 0, FULL);
  context.stroke();
}
