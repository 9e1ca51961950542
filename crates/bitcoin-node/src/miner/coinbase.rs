//! The transaction that pays the miner.

use bitcoin::{OutPoint, hashes::Hash as _};
use quintet_bitcoin_protocol::{encode::put_size, rules::WITNESS_COMMITMENT_PREFIX};
use quintet_crypto::digest::sha256d;

/// What a coinbase says.
#[derive(Debug, Clone)]
pub struct Coinbase {
    /// Height of its block.
    pub height: u32,
    /// What follows the height in its script.
    pub extra: Vec<u8>,
    /// What it pays, satoshis.
    pub value: u64,
    /// Whom.
    pub script: Vec<u8>,
    /// The commitment to the witnesses of the block, if there is one.
    pub commitment: Option<[u8; 32]>,
}

/// What the coinbase's own witness holds: part of what is committed to.
pub(super) const RESERVED: [u8; 32] = [0; 32];

/// Returns the commitment of a block whose witness root this is.
pub(super) fn commitment(witness_root: &[u8; 32]) -> [u8; 32] {
    *sha256d(&[witness_root, &RESERVED]).as_bytes()
}

/// Returns the output script that commits.
pub(super) fn commitment_script(commitment: &[u8; 32]) -> Vec<u8> {
    let mut script = WITNESS_COMMITMENT_PREFIX.to_vec();
    script.extend_from_slice(commitment);
    script
}

/// Appends a number the way BIP-0034 wants the height.
fn put_number(out: &mut Vec<u8>, number: u32) {
    match number {
        0 => out.push(0),
        1..=16 => out.push(0x50 + number.to_le_bytes()[0]),
        _ => {
            let mut bytes = number.to_le_bytes().to_vec();
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            // The highest bit is the sign.
            if bytes.last().is_some_and(|last| last & 0x80 != 0) {
                bytes.push(0);
            }
            out.push(bytes.len().to_le_bytes()[0]);
            out.extend_from_slice(&bytes);
        }
    }
}

impl Coinbase {
    /// Serialises it, with its witness if it commits to any.
    ///
    /// Its lock time is the height before and its sequence not final, as Bitcoin Core makes it: no two coinbases are alike (BIP-0054).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let witness = self.commitment.is_some();
        let mut out = 2_u32.to_le_bytes().to_vec();
        if witness {
            out.extend_from_slice(&[0, 1]);
        }
        out.push(1);
        out.extend_from_slice(OutPoint::null().txid.as_byte_array());
        out.extend_from_slice(&u32::MAX.to_le_bytes());
        let mut script_sig = Vec::new();
        put_number(&mut script_sig, self.height);
        script_sig.extend_from_slice(&self.extra);
        // A script of one byte would be too short.
        if script_sig.len() < 2 {
            script_sig.push(0);
        }
        put_size(&mut out, script_sig.len() as u64);
        out.extend_from_slice(&script_sig);
        out.extend_from_slice(&(u32::MAX - 1).to_le_bytes());
        put_size(&mut out, 1 + u64::from(witness));
        out.extend_from_slice(&self.value.to_le_bytes());
        put_size(&mut out, self.script.len() as u64);
        out.extend_from_slice(&self.script);
        if let Some(commitment) = &self.commitment {
            let script = commitment_script(commitment);
            out.extend_from_slice(&0_u64.to_le_bytes());
            put_size(&mut out, script.len() as u64);
            out.extend_from_slice(&script);
            out.extend_from_slice(&[1, 32]);
            out.extend_from_slice(&RESERVED);
        }
        out.extend_from_slice(&self.height.saturating_sub(1).to_le_bytes());
        out
    }
}
