//! Blocks that were refused: which, and why.

use serde::Serialize;

use super::table::Table;

/// A block that breaks a rule.
#[derive(Debug, Serialize)]
pub(crate) struct Refusal {
    /// Its hash, as the network writes it.
    pub(crate) hash: String,
    /// The rule, in the words of the network's reference.
    pub(crate) reason: String,
}

/// Prints them as a table; nothing if there are none.
pub(crate) fn refusals(refusals: &[Refusal]) -> anyhow::Result<()> {
    if refusals.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["REFUSED BLOCK", "REASON"]);
    for Refusal { hash, reason } in refusals {
        table.row([hash.clone(), reason.clone()]);
    }
    super::print(&table.render())
}
