//! The suites of LuxTensor: what its validators prove and sign with. Blocks and state are those of `ethereum`.
//!
//! BLS signatures and the arithmetic of scores are claimed by nobody yet: nothing of LuxTensor uses them.

use crate::{
    field::{array, bytes},
    suite::Suite,
};

mod ed25519;
mod vrf;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![Box::new(vrf::Vrf), Box::new(ed25519::Ed25519)]
}
