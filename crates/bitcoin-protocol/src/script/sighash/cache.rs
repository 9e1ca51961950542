//! The hashes of one input's signatures, up to their hash type.
//!
//! A script may check hundreds of signatures over the same message; hashing a large transaction each time
//! is how a block could take minutes to verify. Signatures that differ in hash types of the same sort,
//! with the same script code, share all but the last four bytes, so the state before these is kept.

use super::{Outputs, Writer, is_anyone_can_pay};

/// Sorts of hash type: which outputs, and whether one input or all.
const SORTS: usize = 6;

/// States kept for one input, one for each sort of hash type.
#[derive(Debug, Default)]
pub(in crate::script) struct SighashCache {
    /// Whether a hash was computed before: most inputs need one, which is not worth keeping.
    is_warm: bool,
    states: [Option<(Box<[u8]>, Writer)>; SORTS],
}

impl SighashCache {
    /// Returns the state kept for this script code and sort of hash type, or computes it.
    pub(super) fn get_or_write(
        &mut self,
        script_code: &[u8],
        hash_type: u32,
        write: impl FnOnce() -> Writer,
    ) -> Writer {
        let sort = match Outputs::of(hash_type) {
            Outputs::All => 0,
            Outputs::None => 1,
            Outputs::Single => 2,
        } + 3 * usize::from(is_anyone_can_pay(hash_type));
        let state = &mut self.states[sort];
        if let Some((code, writer)) = state
            && **code == *script_code
        {
            return writer.clone();
        }
        let writer = write();
        if self.is_warm {
            *state = Some((script_code.into(), writer.clone()));
        }
        self.is_warm = true;
        writer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_computed_for_the_first_two_signatures_and_for_every_other_message() {
        let mut cache = SighashCache::default();
        let mut computed = 0;
        let mut ask = |code: &[u8], hash_type| {
            let _ = cache.get_or_write(code, hash_type, || {
                computed += 1;
                Writer::new()
            });
            computed
        };
        assert_eq!([ask(b"a", 1), ask(b"a", 1), ask(b"a", 1), ask(b"a", 0)], [1, 2, 2, 2]);
        assert_eq!([ask(b"a", 2), ask(b"a", 3), ask(b"a", 0x81), ask(b"a", 0x82)], [3, 4, 5, 6]);
        assert_eq!([ask(b"a", 0x83), ask(b"a", 0xc3), ask(b"b", 1), ask(b"a", 1)], [7, 7, 8, 9]);
    }
}
