//! Rules for uncles: blocks that lost, whose miners are paid a part.
//!
//! ```text
//!   ancestor 7 ── … ── ancestor 2 ── parent ── block
//!        └── uncle        └── uncle     ✗
//! ```
//!
//! **Spec:** Yellow Paper, section 11.1.

use alloy_consensus::Header;
use alloy_primitives::B256;

use super::{Block, BlockError, Chain, Link, OmmerError};
use crate::{header, schedule::Schedule};

/// How many generations back an uncle's parent may be.
const GENERATIONS: usize = 7;

pub(super) fn check<C: Chain, T>(
    schedule: &Schedule,
    chain: &C,
    block: &Block<T>,
) -> Result<(), BlockError> {
    if block.body.ommers.is_empty() {
        return Ok(());
    }
    let ancestors = ancestors(chain, block.header.parent_hash);
    let mut had: Vec<B256> = ancestors.iter().flat_map(|(_, link)| link.ommers.clone()).collect();
    for (index, ommer) in block.body.ommers.iter().enumerate() {
        let failed = |error| BlockError::Ommer { index, error };
        let hash = ommer.hash_slow();
        if had.contains(&hash) {
            return Err(failed(OmmerError::Repeated));
        }
        had.push(hash);
        if ancestors.iter().any(|(ancestor, _)| *ancestor == hash) {
            return Err(failed(OmmerError::Ancestor));
        }
        let older = ancestors.iter().skip(1);
        let parent = older.clone().find(|(ancestor, _)| *ancestor == ommer.parent_hash);
        let (_, parent) = parent.ok_or(failed(OmmerError::Parent))?;
        header_of(schedule, ommer, parent).map_err(failed)?;
    }
    Ok(())
}

fn header_of(schedule: &Schedule, ommer: &Header, parent: &Link) -> Result<(), OmmerError> {
    let merged = schedule.is_merged(parent.total_difficulty);
    let rules = schedule.rules_after(&parent.header, ommer, merged);
    Ok(header::check(&rules, ommer, &parent.header)?)
}

/// Returns the ancestors of a block, its parent first.
fn ancestors<C: Chain>(chain: &C, parent: B256) -> Vec<(B256, Link)> {
    let mut ancestors = Vec::new();
    let mut hash = parent;
    while ancestors.len() < GENERATIONS {
        let Some(link) = chain.link(hash) else { break };
        let before = link.header.parent_hash;
        ancestors.push((hash, link));
        hash = before;
    }
    ancestors
}
