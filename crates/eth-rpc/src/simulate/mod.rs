//! Blocks that are not there: `eth_simulateV1`.

use crate::{answer::Answer, args::Args, error::{EthError, EthResult}, node::EthNode};

pub(crate) fn run(_: &EthNode, _: &Args) -> EthResult<Answer> {
    Err(EthError::server("not yet"))
}
