//! Bitcoin Core's kernel as a judge and as a contender.

mod break_block;
mod chainstate;
mod ledger;
mod script;

pub use break_block::{BREAKS, Break, Repair, broken};
pub use chainstate::{Chainstate, Outcome};
pub use ledger::Ledger;
pub use script::Kernel;
