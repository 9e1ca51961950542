//! Blocks and headers.

use quintet_kaspa_protocol::{
    block::Block,
    header::{BlueWork, Header, LevelParents},
};
use quintet_primitives::Hash256;

use super::{
    super::wire::{WireError, record},
    RpcTransaction, transaction_of,
};

record! {
    /// A header without its hash: what a miner gets and gives.
    RpcRawHeader u16 1 {
        /// Its version.
        version: u16 = plain,
        /// Its parents, level by level, each written out.
        parents_by_level: Vec<Vec<Hash256>> = plain,
        /// Root of the transactions' hashes.
        hash_merkle_root: Hash256 = plain,
        /// What it says of the accepted transactions.
        accepted_id_merkle_root: Hash256 = plain,
        /// What it says of the UTXO set.
        utxo_commitment: Hash256 = plain,
        /// Milliseconds since 1970.
        timestamp: u64 = plain,
        /// Its target, compact.
        bits: u32 = plain,
        /// Its nonce.
        nonce: u64 = plain,
        /// Its DAA score.
        daa_score: u64 = plain,
        /// Work of the blues in its past.
        blue_work: BlueWork = plain,
        /// Blues in its past.
        blue_score: u64 = plain,
        /// The pruning point it names.
        pruning_point: Hash256 = plain,
    }
    /// A header.
    RpcHeader u16 1 {
        /// Its hash.
        hash: Hash256 = plain,
        /// Its version.
        version: u16 = plain,
        /// Its parents, level by level, each written out.
        parents_by_level: Vec<Vec<Hash256>> = plain,
        /// Root of the transactions' hashes.
        hash_merkle_root: Hash256 = plain,
        /// What it says of the accepted transactions.
        accepted_id_merkle_root: Hash256 = plain,
        /// What it says of the UTXO set.
        utxo_commitment: Hash256 = plain,
        /// Milliseconds since 1970.
        timestamp: u64 = plain,
        /// Its target, compact.
        bits: u32 = plain,
        /// Its nonce.
        nonce: u64 = plain,
        /// Its DAA score.
        daa_score: u64 = plain,
        /// Work of the blues in its past.
        blue_work: BlueWork = plain,
        /// Blues in its past.
        blue_score: u64 = plain,
        /// The pruning point it names.
        pruning_point: Hash256 = plain,
    }
    /// A block for a miner.
    RpcRawBlock u16 1 {
        /// Its header.
        header: RpcRawHeader = payload,
        /// Its transactions, the coinbase first.
        transactions: Vec<RpcTransaction> = payload,
    }
    /// What the DAG says of a block.
    RpcBlockVerbose u8 1 {
        /// Its hash.
        hash: Hash256 = plain,
        /// Its difficulty.
        difficulty: f64 = plain,
        /// Its parent with most blue work.
        selected_parent_hash: Hash256 = plain,
        /// Ids of its transactions.
        transaction_ids: Vec<Hash256> = plain,
        /// Whether its body is not there.
        is_header_only: bool = plain,
        /// Blues in its past.
        blue_score: u64 = plain,
        /// Blocks that name it as a parent.
        children_hashes: Vec<Hash256> = plain,
        /// The blues it merges.
        merge_set_blues_hashes: Vec<Hash256> = plain,
        /// The reds it merges.
        merge_set_reds_hashes: Vec<Hash256> = plain,
        /// Whether the selected chain goes through it.
        is_chain_block: bool = plain,
    }
    /// A block.
    RpcBlock u16 1 {
        /// Its header.
        header: RpcHeader = payload,
        /// Its transactions, the coinbase first; none if they were not asked for.
        transactions: Vec<RpcTransaction> = payload,
        /// What the DAG says of it.
        verbose_data: Option<RpcBlockVerbose> = payload,
    }
}

fn levels(header: &Header) -> Vec<Vec<Hash256>> {
    (0..header.parents.levels())
        .filter_map(|level| header.parents.level(level))
        .map(<[Hash256]>::to_vec)
        .collect()
}

impl From<&Header> for RpcHeader {
    fn from(header: &Header) -> Self {
        Self {
            hash: header.hash(),
            version: header.version,
            parents_by_level: levels(header),
            hash_merkle_root: header.hash_merkle_root,
            accepted_id_merkle_root: header.accepted_id_merkle_root,
            utxo_commitment: header.utxo_commitment,
            timestamp: header.timestamp,
            bits: header.bits,
            nonce: header.nonce,
            daa_score: header.daa_score,
            blue_work: header.blue_work,
            blue_score: header.blue_score,
            pruning_point: header.pruning_point,
        }
    }
}

impl From<&Block> for RpcRawBlock {
    fn from(block: &Block) -> Self {
        let header = &block.header;
        Self {
            header: RpcRawHeader {
                version: header.version,
                parents_by_level: levels(header),
                hash_merkle_root: header.hash_merkle_root,
                accepted_id_merkle_root: header.accepted_id_merkle_root,
                utxo_commitment: header.utxo_commitment,
                timestamp: header.timestamp,
                bits: header.bits,
                nonce: header.nonce,
                daa_score: header.daa_score,
                blue_work: header.blue_work,
                blue_score: header.blue_score,
                pruning_point: header.pruning_point,
            },
            transactions: block
                .transactions
                .iter()
                .map(|tx| RpcTransaction::of(tx, None))
                .collect(),
        }
    }
}

impl TryFrom<RpcRawBlock> for Block {
    type Error = WireError;

    fn try_from(block: RpcRawBlock) -> Result<Self, WireError> {
        let header = block.header;
        let parents = LevelParents::from_levels(&header.parents_by_level)
            .map_err(|error| WireError::new("parents by level", error.to_string()))?;
        Ok(Self {
            header: Header {
                version: header.version,
                parents,
                hash_merkle_root: header.hash_merkle_root,
                accepted_id_merkle_root: header.accepted_id_merkle_root,
                utxo_commitment: header.utxo_commitment,
                timestamp: header.timestamp,
                bits: header.bits,
                nonce: header.nonce,
                daa_score: header.daa_score,
                blue_work: header.blue_work,
                blue_score: header.blue_score,
                pruning_point: header.pruning_point,
            },
            transactions: block.transactions.into_iter().map(transaction_of).collect(),
        })
    }
}
