//! No execution at all: every derived block is taken for valid, and its hash is not known.
//!
//! What comes out is right as long as the batcher posted what its own sequencer built: a batch whose block would be invalid is not noticed,
//! and a batch on another parent is not told apart.

use std::collections::VecDeque;

use alloy_primitives::B256;
use quintet_rollup_protocol::{
    attributes::DerivedAttributes,
    refs::{L2Ref, SafeBlock},
};

use super::{Engine, EngineError, Processed};

/// Blocks kept for spans that overlap them.
const KEPT_MAX: usize = 4_096;

/// Takes what is derived at its word.
#[derive(Debug, Default)]
pub struct Unexecuted {
    blocks: VecDeque<SafeBlock>,
}

impl Engine for Unexecuted {
    fn process(&mut self, attributes: &DerivedAttributes) -> Result<Processed, EngineError> {
        let block = attributes.block(B256::ZERO);
        self.reset(&attributes.parent)?;
        self.blocks.push_back(SafeBlock {
            block,
            transactions: attributes.attributes.transactions.clone(),
        });
        if self.blocks.len() > KEPT_MAX {
            self.blocks.pop_front();
        }
        Ok(Processed::Valid { hash: B256::ZERO, is_consolidated: false })
    }

    fn knows(&mut self, _block: &L2Ref) -> Result<bool, EngineError> {
        Ok(true)
    }

    fn safe_block(&mut self, number: u64) -> Result<Option<SafeBlock>, EngineError> {
        Ok(self.blocks.iter().find(|block| block.block.number == number).cloned())
    }

    fn reset(&mut self, safe: &L2Ref) -> Result<(), EngineError> {
        while self.blocks.back().is_some_and(|block| block.block.number > safe.number) {
            self.blocks.pop_back();
        }
        Ok(())
    }

    fn safe(&mut self, _block: &L2Ref) -> Result<(), EngineError> {
        Ok(())
    }

    fn finalized(&mut self, _block: &L2Ref) -> Result<(), EngineError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}
