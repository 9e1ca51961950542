//! A random number generator whose numbers never change, for simulations, loads and test cases.
//!
//! What is made of these numbers must be the same on every machine and for ever, so the algorithm is pinned here: that of
//! `rand`'s standard generator may change with a version. SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number
//! generators*, 2014).

/// A SplitMix64 generator. For loads and test cases, not for secrets.
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    /// Returns the generator of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the generator of a case: neighbouring numbers give unrelated states.
    #[must_use]
    pub const fn of_case(seed: u64, number: u64) -> Self {
        Self(Self::new(seed).next() ^ Self::new(number).next())
    }

    /// Returns the next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number of `0..bound`, or 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        // The upper half of the product is below the bound.
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns an index of a list of this length, or 0 if it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        let bound = u64::try_from(len).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// Returns one of a list.
    ///
    /// # Panics
    ///
    /// If the list is empty.
    pub fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.index(list.len())]
    }

    /// Returns a number of `from..=to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// Returns a number of any magnitude: every length of bits is as likely as any other.
    pub fn any_size(&mut self) -> u64 {
        let bits = self.below(65);
        if bits == 0 { 0 } else { self.next() >> (64 - bits) }
    }

    /// Returns true once in `many` cases.
    pub fn once_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// Returns true in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns a waiting time of a Poisson process, in units of its mean as a fixed-point number of 32 fractional bits.
    ///
    /// Comparisons alone make it exponential (von Neumann, *Various techniques used in connection with random digits*, 1951), so no
    /// machine's logarithm decides about the result.
    pub const fn exponential(&mut self) -> u64 {
        const ONE: u64 = 1 << 32;
        let mut whole = 0_u64;
        loop {
            let first = self.next() >> 32;
            let mut last = first;
            let mut falling = 1_u32;
            loop {
                let next = self.next() >> 32;
                if next >= last {
                    break;
                }
                last = next;
                falling += 1;
            }
            // A run of odd length: its first number is the fraction. Of even length: one more whole unit passes.
            if falling % 2 == 1 {
                return whole.saturating_add(first);
            }
            whole = whole.saturating_add(ONE);
        }
    }

    /// Returns a byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }

    /// Returns random bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(len).collect()
    }

    /// Returns 32 random bytes.
    pub fn array(&mut self) -> [u8; 32] {
        core::array::from_fn(|_| self.byte())
    }

    /// Puts a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let other = self.index(at + 1);
            list.swap(at, other);
        }
    }

    /// Changes a script's bytes in one of the ways bytes go wrong: a bit, a byte, one too many or too few, a piece twice, the end
    /// missing; or another opcode, of the `opcodes` from `OP_RESERVED` on. It grows to `len_max` and one at most.
    pub fn damage(&mut self, bytes: &mut Vec<u8>, opcodes: u8, len_max: usize) {
        /// Longest piece that is doubled.
        const PIECE_MAX: usize = 40;
        if bytes.is_empty() || self.percent(8) {
            bytes.insert(self.index(bytes.len() + 1), self.byte());
            return;
        }
        let at = self.index(bytes.len());
        match self.below(8) {
            0 | 1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at] = self.byte(),
            3 | 4 => bytes[at] = 0x4f + self.byte() % opcodes,
            5 => {
                bytes.remove(at);
            }
            6 => {
                let end = (at + 1 + self.index(PIECE_MAX)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                if bytes.len() + copy.len() <= len_max {
                    let to = self.index(bytes.len() + 1);
                    bytes.splice(to..to, copy);
                }
            }
            _ => bytes.truncate(at),
        }
    }

    /// Fills a buffer.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of seed 1234567, as the algorithm's published reference gives them.
    #[test]
    fn gives_the_reference_numbers() {
        let mut random = SplitMix::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        assert_eq!(random.next(), 9_817_491_932_198_370_423);
    }

    /// Of an exponential distribution, 1 - 1/e lies below the mean.
    #[test]
    fn waiting_times_are_exponential() {
        let mut random = SplitMix::new(3);
        let times: Vec<_> = (0..100_000).map(|_| random.exponential()).collect();
        let mean = times.iter().sum::<u64>() / 100_000;
        let one = 1_u64 << 32;
        assert!(mean.abs_diff(one) < one / 100, "{mean}");
        let below = times.iter().filter(|time| **time < one).count();
        assert!((62_700..63_700).contains(&below), "{below}");
    }

    #[test]
    fn stays_below_its_bound() {
        let mut random = SplitMix::new(1);
        assert!((0..1_000).all(|_| random.below(7) < 7));
        assert!((0..1_000).all(|_| (3..=5).contains(&random.between(3, 5))));
        assert_eq!(random.below(0), 0);
    }
}
