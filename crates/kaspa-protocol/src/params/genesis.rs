//! The first blocks of the networks.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/config/genesis.rs`.

use quintet_primitives::Hash256;

use crate::{
    block::Block,
    header::{BlueWork, Header, LevelParents},
    tx::{SubnetworkId, TX_VERSION, Transaction},
};

/// What a first block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Genesis {
    /// Merkle root of its one transaction.
    pub hash_merkle_root: Hash256,
    /// Hash of the UTXO set it begins with.
    pub utxo_commitment: Hash256,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// First target.
    pub bits: u32,
    /// Nonce.
    pub nonce: u64,
    /// DAA score it begins with.
    pub daa_score: u64,
    /// Payload of its coinbase.
    pub coinbase_payload: &'static [u8],
}

impl Genesis {
    /// The main network's: not the first block ever, but the checkpoint of the restart of November 2021, with
    /// the UTXO set and the DAA score of that day. Its payload names a Bitcoin block and the old tip.
    pub const MAINNET: Self = Self {
        hash_merkle_root: hash("8ec898568c6801d13df4ee6e2a1b54b7e6236f671f20954f05306410518eeb32"),
        utxo_commitment: hash("710f27df423e63aa6cdb72b89ea5a06cffa399d66f167704455b5af59def8e20"),
        timestamp: 1_637_609_671_037,
        bits: 0x1d02ca33,
        nonce: 211_244,
        daa_score: 1_312_860,
        coinbase_payload: &bytes::<204>(PAYLOAD_MAINNET),
    };

    /// The test network's.
    pub const TESTNET: Self = Self {
        hash_merkle_root: hash("17341408a5724556504df4d6cf515cbfbb220430dc451c743c22d5e911720c2a"),
        utxo_commitment: hash("544eb3142c000f0ad2c76ac41f4222abbababed830eeafee4b6dc56b52d5cac0"),
        timestamp: 1_633_687_894_966,
        bits: 0x1e7fffff,
        nonce: 83_330,
        daa_score: 0,
        coinbase_payload: &bytes::<33>(
            "000000000000000000e1f50500000000000001006b617370612d746573746e6574",
        ),
    };

    /// That of simulations.
    pub const SIMNET: Self = Self {
        hash_merkle_root: hash("1946d629f7e922a7bced59190521c3771f73d352ddbbb686564ad7fd56857c1b"),
        utxo_commitment: hash("544eb3142c000f0ad2c76ac41f4222abbababed830eeafee4b6dc56b52d5cac0"),
        timestamp: 1_633_687_894_966,
        bits: 0x207fffff,
        nonce: 2,
        daa_score: 0,
        coinbase_payload: &bytes::<32>(
            "000000000000000000e1f50500000000000001006b617370612d73696d6e6574",
        ),
    };

    /// That of developers.
    pub const DEVNET: Self = Self {
        hash_merkle_root: hash("58abf20321d70716162b6bf8d9f589ca33ae6e32b3b19abb7fa65d1141a3f94d"),
        utxo_commitment: hash("544eb3142c000f0ad2c76ac41f4222abbababed830eeafee4b6dc56b52d5cac0"),
        timestamp: 1_231_006_505_000,
        bits: 0x1e21bc1c,
        nonce: 298_590,
        daa_score: 0,
        coinbase_payload: &bytes::<32>(
            "000000000000000000e1f50500000000000001006b617370612d6465766e6574",
        ),
    };

    /// Returns the block's header.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            version: 0,
            parents: LevelParents::default(),
            hash_merkle_root: self.hash_merkle_root,
            accepted_id_merkle_root: Hash256::default(),
            utxo_commitment: self.utxo_commitment,
            timestamp: self.timestamp,
            bits: self.bits,
            nonce: self.nonce,
            daa_score: self.daa_score,
            blue_work: BlueWork::ZERO,
            blue_score: 0,
            pruning_point: Hash256::default(),
        }
    }

    /// Returns the block: the header and a coinbase that pays nobody.
    #[must_use]
    pub fn block(&self) -> Block {
        let coinbase = Transaction {
            version: TX_VERSION,
            inputs: vec![],
            outputs: vec![],
            lock_time: 0,
            subnetwork_id: SubnetworkId::COINBASE,
            gas: 0,
            payload: self.coinbase_payload.to_vec(),
            storage_mass: 0,
        };
        Block { header: self.header(), transactions: vec![coinbase] }
    }
}

/// Blue score, subsidy, script version, script (`OP_FALSE`), a blessing from the book of Ezra in Hebrew
/// letters, the hash of a Bitcoin block, and the hash of the checkpoint.
const PAYLOAD_MAINNET: &str = concat!(
    "000000000000000000e1f5050000000000000100d795d79ed79420d793d79920d7a2d79cd799d79a",
    "20d795d7a2d79c20d790d797d799d79a20d799d799d798d79120d791d7a9d790d7a820d79bd7a1d7",
    "a4d79020d795d793d794d791d79420d79cd79ed7a2d791d79320d79bd7a8d7a2d795d7aa20d790d7",
    "9cd794d79bd79d20d7aad7a2d791d793d795d79f0000000000000000000b1f8e1c17b0133d439174",
    "e52efbb0c41c3583a8aa66b00fca37ca667c2d550a6c4416dad9717e50927128c424fa4edbebc436",
    "ab13aeef",
);

/// Reads hexadecimal digits of the constants above.
const fn bytes<const N: usize>(text: &str) -> [u8; N] {
    let digits = text.as_bytes();
    let mut bytes = [0; N];
    let mut at = 0;
    while at < N {
        bytes[at] = digit(digits[2 * at]) << 4 | digit(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

const fn digit(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

const fn hash(text: &str) -> Hash256 {
    Hash256::new(bytes(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashing::{UtxoMuHash, hash_merkle_root};

    #[test]
    fn the_genesis_blocks_have_the_hashes_everybody_knows() {
        let known = [
            (Genesis::MAINNET, "58c2d4199e21f910d1571d114969cecef48f09f934d42ccb6a281a15868f2999"),
            (Genesis::TESTNET, "f896a3034873be1739fc4359236899fd3d65d2bc94f9780df0d0da3eb1cc4370"),
            (Genesis::SIMNET, "411f8cd26f3d41aea39e78573927da24d23995705b579f30959b9127e96b79e3"),
            (Genesis::DEVNET, "4cb48d0b2073b802360145a15ad1abdc01d89b5c2fe4722630ab9b5fe9dfc4f2"),
        ];
        for (genesis, hash) in known {
            let block = genesis.block();
            assert_eq!(block.header.hash().to_string(), hash);
            assert_eq!(hash_merkle_root(&block.transactions), genesis.hash_merkle_root, "{hash}");
        }
    }

    #[test]
    fn all_but_the_main_network_begin_without_coins() {
        let empty = UtxoMuHash::new().finalise();
        for genesis in [Genesis::TESTNET, Genesis::SIMNET, Genesis::DEVNET] {
            assert_eq!(genesis.utxo_commitment, empty);
        }
        assert_ne!(Genesis::MAINNET.utxo_commitment, empty);
    }
}
