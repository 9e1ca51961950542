//! What differs between main, the test networks and a chain of one's own.
//!
//! ```text
//!   main() testnet3() testnet4() signet() regtest() ─┐
//!   Signet { challenge } · Regtest { bip94 }         ├──► Params ──► script_flags(height, hash)
//!   ChainFile (a deserialised file) ─── checked ─────┘          ──► subsidy(height), deployments, …
//! ```
//!
//! A network is data, never a `match` in a rule: a rule asks [`Params`] for a height or a switch.
//!
//! **Spec:** Bitcoin Core's `kernel/chainparams.cpp`; BIP-0090 for the buried heights.

mod anchors;
mod deployment;
mod file;
mod genesis;
mod networks;
mod options;

use bitcoin::{BlockHash, hashes::Hash};
use ruint::aliases::U256;

pub use anchors::{AssumeUtxo, TxStatistics};
pub use deployment::{
    BuriedDeployment, Deployment, DeploymentStart, NO_TIMEOUT, VERSION_BITS, VERSION_TOP_BITS,
    VERSION_TOP_MASK,
};
pub use file::{
    ChainFile, ChainFileError, DeploymentSection, GenesisSection, HeightsSection, NetworkSection,
    PowSection,
};
pub use genesis::Genesis;
pub use networks::DEFAULT_SIGNET_CHALLENGE;
pub use options::{OptionError, RegtestOptions};

use crate::{
    block::{HEADER_BYTES, header_hash},
    script::ScriptFlags,
};

/// Satoshis in a bitcoin.
pub const COIN: u64 = 100_000_000;

/// Halvings after which there is no subsidy: the shift would be undefined in Core.
const HALVINGS_MAX: u32 = 64;

/// Which of Core's networks a set of parameters is, or descends from none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The main network.
    Main,
    /// The third public test network.
    Testnet3,
    /// The fourth public test network (BIP-0094).
    Testnet4,
    /// A network whose blocks are signed (BIP-0325), the default one or another.
    Signet,
    /// A private network with blocks on demand.
    Regtest,
    /// A chain described by a file.
    Custom,
}

/// The first bytes of addresses and keys as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPrefixes {
    /// Base58 version of a public key hash.
    pub public_key: u8,
    /// Base58 version of a script hash.
    pub script: u8,
    /// Base58 version of a private key.
    pub secret_key: u8,
    /// Base58 version of an extended public key (BIP-0032).
    pub extended_public_key: [u8; 4],
    /// Base58 version of an extended private key (BIP-0032).
    pub extended_secret_key: [u8; 4],
    /// Human-readable part of segregated witness addresses (BIP-0173).
    pub bech32: String,
}

/// What bounds the memory of a header synchronisation; see Core's `HeadersSyncParams`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadersSync {
    /// Headers from one commitment to the next; at least 1.
    pub commitment_period: u32,
    /// Headers held back until commitments on top of them were verified.
    pub redownload_buffer: u32,
}

/// The rules and names of one network, as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// Which network it is.
    pub network: Network,
    /// Bitcoin Core's name: `main`, `test`, `testnet4`, `signet`, `regtest`, or the one of a chain file.
    pub name: String,
    /// Folder below the data directory, empty for main.
    pub data_folder: String,
    /// The four bytes before each message and each record of a block file.
    pub magic: [u8; 4],
    /// TCP port of the peer-to-peer protocol.
    pub p2p_port: u16,
    /// TCP port of JSON-RPC.
    pub rpc_port: u16,
    /// Names whose addresses are peers.
    pub dns_seeds: Vec<String>,
    /// The first bytes of addresses and keys as text.
    pub addresses: AddressPrefixes,
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
    /// Height below which signals of unknown rules are not warned of.
    pub version_warning_height: u32,
    /// Rules that blocks vote for or have voted for (BIP-0009).
    pub deployments: Vec<Deployment>,
    /// Blocks that broke a rule before it was one, with the flags they are run under instead.
    pub script_flag_exceptions: Vec<(BlockHash, ScriptFlags)>,
    /// Largest target.
    pub pow_limit: U256,
    /// Seconds one retarget period should take; at least `pow_target_spacing`.
    pub pow_target_timespan: u32,
    /// Seconds between blocks; at least 1.
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
    /// Snapshots of the set of coins that may be loaded.
    pub assume_utxo: Vec<AssumeUtxo>,
    /// What is known of the number of transactions, to estimate progress.
    pub tx_statistics: TxStatistics,
    /// What bounds the memory of a header synchronisation.
    pub headers_sync: HeadersSync,
    /// Height below which nothing is pruned.
    pub prune_after_height: u32,
    /// Disk that all blocks take, GiB.
    pub blocks_gib: u32,
    /// Disk that all coins take, GiB.
    pub coins_gib: u32,
}

impl Params {
    /// Returns the network with Bitcoin Core's name: `main`, `test` (or `testnet3`), `testnet4`, `signet`, `regtest`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "main" => Some(Self::main()),
            "test" | "testnet3" => Some(Self::testnet3()),
            "testnet4" => Some(Self::testnet4()),
            "signet" => Some(Self::signet()),
            "regtest" => Some(Self::regtest()),
            _ => None,
        }
    }

    /// Returns the genesis header, serialised.
    #[must_use]
    pub fn genesis_header(&self) -> Option<&[u8; HEADER_BYTES]> {
        self.genesis.first_chunk()
    }

    /// Returns the hash of the genesis block, zero if `genesis` is shorter than a header.
    #[must_use]
    pub fn genesis_hash(&self) -> BlockHash {
        self.genesis_header().map_or_else(BlockHash::all_zeros, header_hash)
    }

    /// Returns how many blocks a retarget period has; at least 1.
    ///
    /// **Spec:** Core's `DifficultyAdjustmentInterval`.
    #[must_use]
    pub fn retarget_interval(&self) -> u32 {
        (self.pow_target_timespan / self.pow_target_spacing.max(1)).max(1)
    }

    /// Returns whether coins have no value here.
    #[must_use]
    pub fn is_test_chain(&self) -> bool {
        self.network != Network::Main
    }

    /// Returns the height from which a buried rule holds.
    #[must_use]
    pub const fn buried_height(&self, rule: BuriedDeployment) -> u32 {
        match rule {
            BuriedDeployment::Bip34 => self.bip34_height,
            BuriedDeployment::Bip65 => self.bip65_height,
            BuriedDeployment::Bip66 => self.bip66_height,
            BuriedDeployment::Csv => self.csv_height,
            BuriedDeployment::Segwit => self.segwit_height,
        }
    }

    /// Returns the rules the scripts of a block are run under.
    ///
    /// BIP16, segregated witness and taproot hold from genesis, though they were agreed on later: of all blocks
    /// only one broke BIP16 (00000000000002dc…, February 2012) and one broke taproot (0000000000000000000f14c3…,
    /// November 2021, mined by a pool that had not upgraded). Those two are listed as exceptions.
    ///
    /// **Spec:** Core's `GetBlockScriptFlags`.
    #[must_use]
    pub fn script_flags(&self, height: u32, block: &BlockHash) -> ScriptFlags {
        let exception = self.script_flag_exceptions.iter().find(|(hash, _)| hash == block);
        let everywhere = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT;
        let mut flags = exception.map_or(everywhere, |(_, flags)| *flags);
        for (from, flag) in [
            (self.bip66_height, ScriptFlags::DERSIG),
            (self.bip65_height, ScriptFlags::CHECKLOCKTIMEVERIFY),
            (self.csv_height, ScriptFlags::CHECKSEQUENCEVERIFY),
            (self.segwit_height, ScriptFlags::NULLDUMMY),
        ] {
            if height >= from {
                flags |= flag;
            }
        }
        flags
    }

    /// Returns the satoshis a block may create, without fees.
    ///
    /// **Spec:** Core's `GetBlockSubsidy`.
    #[must_use]
    pub fn subsidy(&self, height: u32) -> u64 {
        match height / self.halving_interval.max(1) {
            halvings if halvings >= HALVINGS_MAX => 0,
            halvings => (50 * COIN) >> halvings,
        }
    }
}

#[cfg(test)]
mod tests;
