//! What differs between main, the test networks and a chain of one's own.

use bitcoin::BlockHash;
use ruint::aliases::U256;

use crate::{block::HEADER_BYTES, script::ScriptFlags};

/// The rules and names of one network, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Bitcoin Core's name: `main`, `test`, `testnet4`, `signet`, `regtest`, or the one of a chain file.
    pub name: String,
    /// The four bytes before each message and each record of a block file.
    pub magic: [u8; 4],
    /// The genesis block, serialised.
    pub genesis: Vec<u8>,
    /// Blocks between halvings of the subsidy.
    pub halving_interval: u32,
    /// Height from which a coinbase begins with its height (BIP-0034).
    pub bip34_height: u32,
    /// Hash of the block at `bip34_height`; while the chain has another there, BIP-0030 stays checked.
    pub bip34_hash: BlockHash,
    /// Height from which `CHECKLOCKTIMEVERIFY` is evaluated (BIP-0065).
    pub bip65_height: u32,
    /// Height from which signatures are strict DER (BIP-0066).
    pub bip66_height: u32,
    /// Height from which relative locks hold (BIP-0068, BIP-0112, BIP-0113).
    pub csv_height: u32,
    /// Height from which witnesses are committed to (BIP-0141, BIP-0143, BIP-0147).
    pub segwit_height: u32,
    /// Blocks that broke a rule before it was one, with the flags they are run under instead.
    pub script_flag_exceptions: Vec<(BlockHash, ScriptFlags)>,
    /// Largest target.
    pub pow_limit: U256,
    /// Seconds one retarget period should take.
    pub pow_target_timespan: u32,
    /// Seconds between blocks.
    pub pow_target_spacing: u32,
    /// Whether a block 20 minutes late may have the largest target.
    pub allow_min_difficulty_blocks: bool,
    /// Whether a retarget starts from the period's first block, and the time-warp rule holds (BIP-0094).
    pub enforce_bip94: bool,
    /// Whether difficulty never changes.
    pub no_retargeting: bool,
    /// The script that block solutions must satisfy (BIP-0325), on signets.
    pub signet_challenge: Option<Vec<u8>>,
    /// Work a chain must have before its headers are stored.
    pub minimum_chain_work: U256,
    /// A block whose ancestors' scripts are taken to be valid.
    pub assume_valid: Option<BlockHash>,
}

impl Params {
    /// Returns the genesis header, serialised.
    #[must_use]
    pub fn genesis_header(&self) -> Option<&[u8; HEADER_BYTES]> {
        self.genesis.first_chunk()
    }
}
