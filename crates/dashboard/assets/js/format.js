// Numbers, times and hostile text, as people read them.

const PREFIXES = ['', 'k', 'M', 'G', 'T'];

/** A count with a decimal prefix: 950, 12.4 k, 3.1 M. */
export function count(value) {
  const { number, prefix } = scaled(value);
  return prefix ? `${number} ${prefix}` : number;
}

/** A rate a second, split into number and unit: { number: '12.4', unit: 'kB/s' }. */
export function rate(value, unit) {
  const { number, prefix } = scaled(value);
  return { number, unit: `${prefix}${unit}/s` };
}

function scaled(value) {
  let rest = Number.isFinite(value) ? Math.max(0, value) : 0;
  let step = 0;
  while (rest >= 999.5 && step < PREFIXES.length - 1) {
    rest /= 1000;
    step += 1;
  }
  const whole = rest >= 99.5 || (step === 0 && Number.isInteger(rest));
  return { number: rest.toFixed(whole ? 0 : 1), prefix: PREFIXES[step] };
}

const WEI_UNITS = [['ETH', 1e18], ['Gwei', 1e9], ['kwei', 1e3], ['wei', 1]];

/** An amount of wei, given as decimal digits, split into number and unit: { number: '1.2', unit: 'Gwei' }. */
export function fee(wei) {
  const value = Number(wei);
  if (!Number.isFinite(value) || value <= 0) return { number: '0', unit: 'wei' };
  const [unit, factor] = WEI_UNITS.find(([, factor]) => value >= factor / 100) ?? WEI_UNITS.at(-1);
  const number = value / factor;
  return { number: number >= 100 || unit === 'wei' ? number.toFixed(0) : number.toFixed(2), unit };
}

/** The hour of the day with milliseconds, in this browser's time zone. */
export function clock(millis) {
  const date = new Date(millis);
  const two = (part) => String(part).padStart(2, '0');
  const milli = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milli}`;
}

/** A duration: 3 ms, 1.24 s. */
export function duration(millis) {
  return millis < 1000 ? `${Math.round(millis)} ms` : `${(millis / 1000).toFixed(2)} s`;
}

/** The first digits of a key, enough to tell nodes apart by eye. */
export function shortKey(key) {
  return `${key.slice(0, 8)}…`;
}

/** A word of the feed as people write it: timed_out becomes "timed out". */
export function words(name) {
  return String(name).replaceAll('_', ' ');
}

// Control characters, and those that reorder or hide the text around them.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text with everything unseen written out, such as \u{1b}, so that a line cannot pretend to be another. */
export function visible(text) {
  return String(text).replace(UNSEEN, (unseen) => `\\u{${unseen.codePointAt(0).toString(16)}}`);
}
