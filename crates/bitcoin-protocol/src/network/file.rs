//! A chain of one's own, described by a file.
//!
//! ```text
//!   TOML or JSON ──serde──► ChainFile ──into_params──► Params, or the first field that is wrong
//! ```
//!
//! A file names a network it starts from (`base`, regtest if none) and says what differs. Everything it says is
//! checked here, so that no rule ever meets a period of no blocks or a target above its limit.

use bitcoin::{BlockHash, CompactTarget};
use quintet_primitives::hex;
use ruint::aliases::U256;
use serde::Deserialize;
use thiserror::Error;

use super::{
    Deployment, DeploymentStart, Genesis, NO_TIMEOUT, Network, Params, genesis::MESSAGE_MAX,
    networks::signet_magic,
};
use crate::{
    block::{HEADER_BYTES, decode_header},
    header::pow,
    script::ScriptFlags,
};

/// Votes a file may hold at most: one for each bit of a version that may be voted with.
const DEPLOYMENTS_MAX: usize = 29;

/// Longest name of a chain, bytes.
const NAME_MAX: usize = 32;

/// Longest script in a file, bytes.
const SCRIPT_MAX: usize = 10_000;

/// Longest retarget period, blocks: as much is walked back at most to find a period's difficulty.
const PERIOD_MAX: u32 = 1 << 16;

/// A field of a chain file that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: expected {expected}, got {actual}")]
pub struct ChainFileError {
    /// Where: the names of the tables and of the field, joined by dots.
    pub field: String,
    /// What would be right.
    pub expected: &'static str,
    /// What is there.
    pub actual: String,
}

#[expect(clippy::needless_pass_by_value, reason = "callers give numbers and texts alike")]
fn wrong(field: &str, expected: &'static str, actual: impl ToString) -> ChainFileError {
    ChainFileError { field: field.to_owned(), expected, actual: actual.to_string() }
}

/// A chain of one's own. What is left out is as in the network named by `base`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainFile {
    /// The chain's name: 1 to 32 small letters, digits and hyphens, none of Core's names.
    pub name: String,
    /// Core's name of the network it starts from; `regtest` if none is given.
    pub base: Option<String>,
    /// Blocks between halvings of the subsidy; at least 1.
    pub halving_interval: Option<u32>,
    /// Work a chain must have before its headers are stored, at most 64 hexadecimal digits.
    pub minimum_chain_work: Option<String>,
    /// A block whose ancestors' scripts are taken to be valid, as displayed.
    pub assume_valid: Option<String>,
    /// The script that blocks are signed under (BIP-0325), hexadecimal; empty for none.
    pub signet_challenge: Option<String>,
    /// Magic, ports and names.
    #[serde(default)]
    pub network: NetworkSection,
    /// The first block.
    pub genesis: Option<GenesisSection>,
    /// Heights from which rules hold.
    #[serde(default)]
    pub heights: HeightsSection,
    /// Proof of work.
    #[serde(default)]
    pub pow: PowSection,
    /// Votes, in place of all of the base's.
    pub deployments: Option<Vec<DeploymentSection>>,
}

/// How nodes of the chain find and recognise each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// Four bytes, hexadecimal. With a signet challenge and without this, the challenge decides.
    pub magic: Option<String>,
    /// TCP port of the peer-to-peer protocol; not 0.
    pub p2p_port: Option<u16>,
    /// TCP port of JSON-RPC; not 0.
    pub rpc_port: Option<u16>,
    /// Names whose addresses are peers.
    pub dns_seeds: Option<Vec<String>>,
    /// Human-readable part of addresses: 1 to 83 small letters and digits.
    pub bech32: Option<String>,
}

/// What the genesis block is made from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisSection {
    /// Text in the coinbase, 1 to 91 bytes.
    pub message: String,
    /// Script of the one output, hexadecimal.
    pub script_pubkey: String,
    /// Satoshis of the one output.
    pub reward: u64,
    /// Version of the header.
    #[serde(default = "one")]
    pub version: i32,
    /// Unix seconds.
    pub time: u32,
    /// Target in its compact form, eight hexadecimal digits.
    pub bits: String,
    /// A number with which the hash of the header is no larger than the target.
    pub nonce: u32,
}

const fn one() -> i32 {
    1
}

/// Heights from which rules hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeightsSection {
    /// Coinbases begin with their height.
    pub bip34: Option<u32>,
    /// `CHECKLOCKTIMEVERIFY`.
    pub bip65: Option<u32>,
    /// Strict DER signatures.
    pub bip66: Option<u32>,
    /// Relative locks.
    pub csv: Option<u32>,
    /// Witness commitments.
    pub segwit: Option<u32>,
}

/// Proof of work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowSection {
    /// Largest target, at most 64 hexadecimal digits.
    pub limit: Option<String>,
    /// Seconds a retarget period should take.
    pub target_timespan: Option<u32>,
    /// Seconds between blocks.
    pub target_spacing: Option<u32>,
    /// Whether a late block may have the largest target.
    pub allow_min_difficulty_blocks: Option<bool>,
    /// Whether the rules of BIP-0094 hold.
    pub bip94: Option<bool>,
    /// Whether difficulty never changes.
    pub no_retargeting: Option<bool>,
}

/// A vote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentSection {
    /// Its name.
    pub name: String,
    /// The bit, below 29.
    pub bit: u8,
    /// Median time past from which votes count, Unix seconds; -1 for a rule that always holds, -2 for one that never does.
    pub start: i64,
    /// Median time past from which it is lost, Unix seconds; never if it is left out.
    pub timeout: Option<i64>,
    /// Height before which winning takes no effect.
    #[serde(default)]
    pub min_activation_height: u32,
    /// Blocks votes are counted over.
    pub period: u32,
    /// Votes that win.
    pub threshold: u32,
}

impl ChainFile {
    /// Checks every field and returns the chain.
    ///
    /// # Errors
    ///
    /// [`ChainFileError`] names the first field that is wrong, what was expected and what is there.
    pub fn into_params(self) -> Result<Params, ChainFileError> {
        let mut params = self.base_params()?;
        self.apply_pow(&mut params)?;
        self.apply_genesis(&mut params)?;
        self.apply_network(&mut params)?;
        self.apply_heights(&mut params);
        if let Some(interval) = self.halving_interval {
            let expected = "at least 1 block";
            params.halving_interval =
                at_least_one(interval).ok_or_else(|| wrong("halving_interval", expected, 0))?;
        }
        if let Some(work) = &self.minimum_chain_work {
            params.minimum_chain_work = number("minimum_chain_work", work)?;
        }
        if let Some(block) = &self.assume_valid {
            let expected = "64 hexadecimal digits";
            params.assume_valid = Some(
                block.parse::<BlockHash>().map_err(|_| wrong("assume_valid", expected, block))?,
            );
        }
        if let Some(votes) = self.deployments {
            params.deployments = deployments(votes)?;
        }
        Ok(params)
    }

    /// Returns the base without what is only true of its own chain.
    fn base_params(&self) -> Result<Params, ChainFileError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_name = (1..=NAME_MAX).contains(&self.name.len()) && self.name.bytes().all(allowed);
        if !is_name {
            return Err(wrong("name", "1 to 32 small letters, digits and hyphens", &self.name));
        }
        if Params::by_name(&self.name).is_some() {
            return Err(wrong("name", "none of Bitcoin's own networks", &self.name));
        }
        let base = self.base.as_deref().unwrap_or("regtest");
        let expected = "one of main, test, testnet4, signet, regtest";
        let base = Params::by_name(base).ok_or_else(|| wrong("base", expected, base))?;
        Ok(Params {
            network: Network::Custom,
            name: self.name.clone(),
            data_folder: self.name.clone(),
            dns_seeds: Vec::new(),
            script_flag_exceptions: Vec::<(BlockHash, ScriptFlags)>::new(),
            minimum_chain_work: U256::ZERO,
            assume_valid: None,
            assume_utxo: Vec::new(),
            tx_statistics: super::TxStatistics::default(),
            blocks_gib: 0,
            coins_gib: 0,
            ..base
        })
    }

    fn apply_pow(&self, params: &mut Params) -> Result<(), ChainFileError> {
        let given = &self.pow;
        if let Some(limit) = &given.limit {
            params.pow_limit = number("pow.limit", limit)?;
        }
        params.pow_target_timespan = given.target_timespan.unwrap_or(params.pow_target_timespan);
        params.pow_target_spacing = given.target_spacing.unwrap_or(params.pow_target_spacing);
        params.allow_min_difficulty_blocks =
            given.allow_min_difficulty_blocks.unwrap_or(params.allow_min_difficulty_blocks);
        params.enforce_bip94 = given.bip94.unwrap_or(params.enforce_bip94);
        params.no_retargeting = given.no_retargeting.unwrap_or(params.no_retargeting);

        let (span, spacing) = (params.pow_target_timespan, params.pow_target_spacing);
        if spacing == 0 {
            return Err(wrong("pow.target_spacing", "at least 1 second", spacing));
        }
        // A quarter of the span must be a second, four times the span must fit.
        if span < spacing.max(4) || span / spacing > PERIOD_MAX || span > u32::MAX / 4 {
            let expected = "4 seconds or more, and 1 to 65536 times pow.target_spacing";
            return Err(wrong("pow.target_timespan", expected, span));
        }
        let limit = params.pow_limit;
        if pow::target(pow::compact(limit), limit).is_none() {
            return Err(wrong("pow.limit", "1 or more, below 2^255", format!("{limit:064x}")));
        }
        if !params.no_retargeting && limit.checked_mul(U256::from(span * 4)).is_none() {
            let expected = "a limit that four times pow.target_timespan can be multiplied with";
            return Err(wrong("pow.limit", expected, format!("{limit:064x}")));
        }
        Ok(())
    }

    fn apply_genesis(&self, params: &mut Params) -> Result<(), ChainFileError> {
        if let Some(given) = &self.genesis {
            params.genesis = given.to_block()?;
        }
        let header = params.genesis_header().unwrap_or(&[0; HEADER_BYTES]);
        let bits = decode_header(header).bits;
        let text = format!("{:08x}", bits.to_consensus());
        if pow::target(bits, params.pow_limit).is_none() {
            return Err(wrong("genesis.bits", "a target from 1 to pow.limit", text));
        }
        if !pow::check(&params.genesis_hash(), bits, params.pow_limit) {
            let expected = "a nonce with which the hash is no larger than the target";
            let nonce = decode_header(header).nonce;
            return Err(wrong("genesis.nonce", expected, nonce));
        }
        Ok(())
    }

    fn apply_network(&self, params: &mut Params) -> Result<(), ChainFileError> {
        if let Some(challenge) = &self.signet_challenge {
            let challenge = script("signet_challenge", challenge)?;
            if !challenge.is_empty() {
                params.magic = signet_magic(&challenge);
            }
            params.signet_challenge = (!challenge.is_empty()).then_some(challenge);
        }
        let given = &self.network;
        if let Some(magic) = &given.magic {
            params.magic = hex::decode_array(magic)
                .map_err(|_| wrong("network.magic", "8 hexadecimal digits", magic))?;
        }
        for (field, given, port) in [
            ("network.p2p_port", given.p2p_port, &mut params.p2p_port),
            ("network.rpc_port", given.rpc_port, &mut params.rpc_port),
        ] {
            match given {
                Some(0) => return Err(wrong(field, "1 to 65535", 0)),
                Some(given) => *port = given,
                None => {}
            }
        }
        if let Some(seeds) = &given.dns_seeds {
            params.dns_seeds.clone_from(seeds);
        }
        if let Some(prefix) = &given.bech32 {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            if !(1..=83).contains(&prefix.len()) || !prefix.bytes().all(allowed) {
                return Err(wrong("network.bech32", "1 to 83 small letters and digits", prefix));
            }
            params.addresses.bech32.clone_from(prefix);
        }
        Ok(())
    }

    fn apply_heights(&self, params: &mut Params) {
        for (given, height) in [
            (self.heights.bip34, &mut params.bip34_height),
            (self.heights.bip65, &mut params.bip65_height),
            (self.heights.bip66, &mut params.bip66_height),
            (self.heights.csv, &mut params.csv_height),
            (self.heights.segwit, &mut params.segwit_height),
        ] {
            *height = given.unwrap_or(*height);
        }
        // The hash belongs to the base's chain; of one's own nobody knows it yet.
        params.bip34_hash = bitcoin::hashes::Hash::all_zeros();
    }
}

impl GenesisSection {
    fn to_block(&self) -> Result<Vec<u8>, ChainFileError> {
        if !(1..=MESSAGE_MAX).contains(&self.message.len()) {
            let actual = format!("{} bytes", self.message.len());
            return Err(wrong("genesis.message", "1 to 91 bytes", actual));
        }
        let reward_max = 21_000_000 * super::COIN;
        if self.reward > reward_max {
            return Err(wrong("genesis.reward", "at most 21 million bitcoins", self.reward));
        }
        let bits = CompactTarget::from_unprefixed_hex(&self.bits)
            .map_err(|_| wrong("genesis.bits", "up to 8 hexadecimal digits", &self.bits))?;
        let genesis = Genesis {
            message: self.message.clone(),
            script_pubkey: script("genesis.script_pubkey", &self.script_pubkey)?,
            reward: self.reward,
            version: self.version,
            time: self.time,
            bits: bits.to_consensus(),
            nonce: self.nonce,
        };
        Ok(genesis.to_block())
    }
}

fn deployments(given: Vec<DeploymentSection>) -> Result<Vec<Deployment>, ChainFileError> {
    if given.len() > DEPLOYMENTS_MAX {
        return Err(wrong("deployments", "at most 29", given.len()));
    }
    let mut votes: Vec<Deployment> = Vec::with_capacity(given.len());
    for (index, vote) in given.into_iter().enumerate() {
        let field = |name: &str| format!("deployments.{index}.{name}");
        if vote.name.is_empty() || votes.iter().any(|other| other.name == vote.name) {
            return Err(wrong(&field("name"), "a name of its own", vote.name));
        }
        if vote.bit >= 29 || votes.iter().any(|other| other.bit == vote.bit) {
            return Err(wrong(&field("bit"), "a bit of its own, below 29", vote.bit));
        }
        if vote.start < -2 {
            return Err(wrong(&field("start"), "-2 or more", vote.start));
        }
        if vote.period == 0 || vote.period > PERIOD_MAX {
            return Err(wrong(&field("period"), "1 to 65536 blocks", vote.period));
        }
        if vote.threshold == 0 || vote.threshold > vote.period {
            return Err(wrong(&field("threshold"), "1 to the period", vote.threshold));
        }
        votes.push(Deployment {
            name: vote.name,
            bit: vote.bit,
            start: DeploymentStart::from_core(vote.start),
            timeout: vote.timeout.unwrap_or(NO_TIMEOUT),
            min_activation_height: vote.min_activation_height,
            period: vote.period,
            threshold: vote.threshold,
            gbt_optional: false,
        });
    }
    Ok(votes)
}

fn at_least_one(number: u32) -> Option<u32> {
    (number > 0).then_some(number)
}

fn number(field: &str, text: &str) -> Result<U256, ChainFileError> {
    let is_hex = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parsed = if is_hex { U256::from_str_radix(text, 16).ok() } else { None };
    parsed.ok_or_else(|| wrong(field, "1 to 64 hexadecimal digits", text))
}

fn script(field: &str, text: &str) -> Result<Vec<u8>, ChainFileError> {
    let script = hex::decode(text).map_err(|_| wrong(field, "hexadecimal digits", text))?;
    if script.len() > SCRIPT_MAX {
        let actual = format!("{} bytes", script.len());
        return Err(wrong(field, "at most 10000 bytes", actual));
    }
    Ok(script)
}
