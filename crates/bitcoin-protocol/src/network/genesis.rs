//! Genesis blocks, made from what their authors wrote into them.

use bitcoin::{
    BlockHash, CompactTarget, TxMerkleNode,
    block::{Header, Version},
    hashes::Hash,
};
use quintet_crypto::digest::sha256d;

use super::COIN;
use crate::{block::encode_header, encode::put_size};

const OP_PUSHDATA1: u8 = 0x4c;
const OP_CHECKSIG: u8 = 0xac;

/// Longest message in a genesis coinbase, bytes: with the 7 bytes before it and its length, a coinbase script of 100.
pub(super) const MESSAGE_MAX: usize = 91;

/// The newspaper of the day Bitcoin began.
const TIMES: &str = "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks";

/// The key the first coinbase pays to. Nobody can spend it: the genesis block never entered the set of coins.
const SATOSHI_KEY: [u8; 65] = [
    0x04, 0x67, 0x8a, 0xfd, 0xb0, 0xfe, 0x55, 0x48, 0x27, 0x19, 0x67, 0xf1, 0xa6, 0x71, 0x30, 0xb7,
    0x10, 0x5c, 0xd6, 0xa8, 0x28, 0xe0, 0x39, 0x09, 0xa6, 0x79, 0x62, 0xe0, 0xea, 0x1f, 0x61, 0xde,
    0xb6, 0x49, 0xf6, 0xbc, 0x3f, 0x4c, 0xef, 0x38, 0xc4, 0xf3, 0x55, 0x04, 0xe5, 0x1e, 0xc1, 0x12,
    0xde, 0x5c, 0x38, 0x4d, 0xf7, 0xba, 0x0b, 0x8d, 0x57, 0x8a, 0x4c, 0x70, 0x2b, 0x6b, 0xf1, 0x1d,
    0x5f,
];

/// What a genesis block is made from: one coinbase, whose script holds a message.
///
/// **Spec:** Core's `CreateGenesisBlock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// Text in the coinbase, at most 91 bytes.
    pub message: String,
    /// Script of the one output.
    pub script_pubkey: Vec<u8>,
    /// Satoshis of the one output.
    pub reward: u64,
    /// Version of the header.
    pub version: i32,
    /// Unix seconds.
    pub time: u32,
    /// Target, in its compact form.
    pub bits: u32,
    /// What was searched for.
    pub nonce: u32,
}

impl Genesis {
    /// Returns the genesis block of main, with another time, nonce and target.
    #[must_use]
    pub fn times(time: u32, nonce: u32, bits: u32) -> Self {
        let message = TIMES.to_owned();
        let script_pubkey = pay_to_key(&SATOSHI_KEY);
        Self { message, script_pubkey, reward: 50 * COIN, version: 1, time, bits, nonce }
    }

    /// Returns the genesis block of testnet4, which proves by a block hash of main that it is no older.
    pub(super) fn testnet4() -> Self {
        let message =
            "03/May/2024 000000000000000000001ebd58c244970b3aa9d783bb001011fbe8ea8e98e00e";
        Self {
            message: message.to_owned(),
            script_pubkey: pay_to_key(&[0; 33]),
            ..Self::times(1_714_777_860, 393_743_547, 0x1d00_ffff)
        }
    }

    /// Serialises the block.
    #[must_use]
    pub fn to_block(&self) -> Vec<u8> {
        let coinbase = self.coinbase();
        let header = Header {
            version: Version::from_consensus(self.version),
            prev_blockhash: BlockHash::all_zeros(),
            // The tree of one leaf is the leaf.
            merkle_root: TxMerkleNode::from_byte_array(sha256d(&[&coinbase]).into_bytes()),
            time: self.time,
            bits: CompactTarget::from_consensus(self.bits),
            nonce: self.nonce,
        };
        let mut block = encode_header(&header).to_vec();
        put_size(&mut block, 1);
        block.extend_from_slice(&coinbase);
        block
    }

    fn coinbase(&self) -> Vec<u8> {
        // Pushes of 486604799 (the bits 1d00ffff), of 4, and of the message.
        let mut script = vec![0x04, 0xff, 0xff, 0x00, 0x1d, 0x01, 0x04];
        push(&mut script, self.message.as_bytes());
        let mut tx = 1u32.to_le_bytes().to_vec();
        put_size(&mut tx, 1);
        tx.extend_from_slice(&[0; 32]);
        tx.extend_from_slice(&u32::MAX.to_le_bytes());
        put_size(&mut tx, script.len() as u64);
        tx.extend_from_slice(&script);
        tx.extend_from_slice(&u32::MAX.to_le_bytes());
        put_size(&mut tx, 1);
        tx.extend_from_slice(&self.reward.to_le_bytes());
        put_size(&mut tx, self.script_pubkey.len() as u64);
        tx.extend_from_slice(&self.script_pubkey);
        tx.extend_from_slice(&[0; 4]);
        tx
    }
}

/// Appends a push of at most 255 bytes; what is longer is cut, and cannot come here.
fn push(script: &mut Vec<u8>, data: &[u8]) {
    let len = u8::try_from(data.len()).unwrap_or(u8::MAX);
    if len >= OP_PUSHDATA1 {
        script.push(OP_PUSHDATA1);
    }
    script.push(len);
    script.extend_from_slice(&data[..usize::from(len)]);
}

fn pay_to_key(key: &[u8]) -> Vec<u8> {
    let mut script = Vec::with_capacity(key.len() + 2);
    push(&mut script, key);
    script.push(OP_CHECKSIG);
    script
}
