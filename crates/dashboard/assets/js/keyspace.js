// The 160-bit key space: positions on the ring and XOR distances. Keys are 40 hex digits.

export const KEY_BITS = 160;
const POSITION_DIGITS = 12; // 48 bits: exact in a number, far finer than a pixel

/** Where a key lies on the ring, from 0 to 1. */
export function position(key) {
  const top = Number.parseInt(key.slice(0, POSITION_DIGITS), 16);
  return Number.isFinite(top) ? top / 16 ** POSITION_DIGITS : 0;
}

/** The number of bits of the XOR distance between two keys: 0 for the same key, 160 across the far half. */
export function distanceBits(left, right) {
  for (let digit = 0; digit < left.length; digit += 1) {
    const differing = Number.parseInt(left[digit], 16) ^ Number.parseInt(right[digit], 16);
    if (differing) return KEY_BITS - 4 * digit - (Math.clz32(differing) - 28);
  }
  return 0;
}

/** Orders keys by their XOR distance to `target`, for Array.sort. */
export function closerTo(target) {
  return (left, right) => {
    for (let digit = 0; digit < target.length; digit += 1) {
      const wanted = Number.parseInt(target[digit], 16);
      const difference =
        (Number.parseInt(left[digit], 16) ^ wanted) - (Number.parseInt(right[digit], 16) ^ wanted);
      if (difference) return difference;
    }
    return 0;
  };
}
