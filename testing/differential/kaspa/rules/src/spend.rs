//! Recipes of inputs, and the transactions they make: a recipe can be changed and signed again, so that a change is run
//! and not only refused.

use std::sync::LazyLock;

use kaspa_consensus_core::{
    hashing::{
        sighash::{
            SigHashReusedValuesUnsync, calc_ecdsa_signature_hash, calc_schnorr_signature_hash,
        },
        sighash_type::SigHashType,
    },
    tx::{PopulatedTransaction, ScriptPublicKey, Transaction, UtxoEntry},
};
use quintet_kaspa_protocol::script::opcode::{OP_BLAKE2B, OP_EQUAL};
use secp256k1::{Keypair, Message, SECP256K1};

use super::{random::SplitMix, script_text::push_somehow};

/// Keys there are; few, so that their points are made once.
pub const KEYS: usize = 24;

static PAIRS: LazyLock<Vec<Keypair>> = LazyLock::new(|| {
    let key = |index: usize| {
        let mut secret = [1; 32];
        secret[31] = u8::try_from(index + 1).unwrap_or(1);
        Keypair::from_seckey_slice(SECP256K1, &secret).expect("below the group's order")
    };
    (0..KEYS).map(key).collect()
});

/// Returns the X coordinate of a key.
pub fn x_only(key: usize) -> [u8; 32] {
    PAIRS[key].x_only_public_key().0.serialize()
}

/// Returns a compressed key.
pub fn compressed(key: usize) -> [u8; 33] {
    PAIRS[key].public_key().serialize()
}

/// Signs a hash.
pub fn schnorr(key: usize, hash: [u8; 32]) -> [u8; 64] {
    SECP256K1.sign_schnorr_no_aux_rand(&Message::from_digest(hash), &PAIRS[key]).serialize()
}

/// Signs a hash.
pub fn ecdsa(key: usize, hash: [u8; 32]) -> [u8; 64] {
    SECP256K1.sign_ecdsa(&Message::from_digest(hash), &PAIRS[key].secret_key()).serialize_compact()
}

/// What a signature script pushes.
#[derive(Debug, Clone)]
pub enum Push {
    /// Bytes.
    Bytes(Vec<u8>),
    /// A signature of a key over the transaction.
    Schnorr(usize, u8),
    /// The same.
    Ecdsa(usize, u8),
}

/// How an input spends its output.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What sort it is.
    pub category: &'static str,
    /// What the signature script pushes, but for the script itself.
    pub pushes: Vec<Push>,
    /// The script.
    pub script: Vec<u8>,
    /// Whether the output holds the script's hash.
    pub hashed: bool,
    /// Whether pushes may have a longer form than needed.
    pub loose: bool,
}

impl Recipe {
    /// Returns what the output is locked with.
    pub fn script_public_key(&self) -> ScriptPublicKey {
        let script = if self.hashed {
            let hash = blake2b(&self.script);
            [&[OP_BLAKE2B, 32][..], &hash, &[OP_EQUAL]].concat()
        } else {
            self.script.clone()
        };
        ScriptPublicKey::from_vec(0, script)
    }
}

/// The reference's own way to hash a script.
fn blake2b(script: &[u8]) -> Vec<u8> {
    let paying = kaspa_txscript::pay_to_script_hash_script(script);
    paying.script()[2..34].to_vec()
}

/// Writes the signature scripts of all inputs, signatures and all.
pub fn sign(
    tx: &mut Transaction,
    entries: &[UtxoEntry],
    recipes: &[Recipe],
    random: &mut SplitMix,
) {
    let scripts: Vec<Vec<u8>> = {
        let populated = PopulatedTransaction::new(tx, entries.to_vec());
        let reused = SigHashReusedValuesUnsync::new();
        recipes
            .iter()
            .enumerate()
            .map(|(index, recipe)| {
                let mut script = Vec::new();
                let mut add = |data: &[u8]| {
                    if recipe.loose {
                        push_somehow(&mut script, data, random);
                    } else {
                        super::script_text::push(&mut script, data);
                    }
                };
                for push in &recipe.pushes {
                    let hash_type = |byte| SigHashType::from_u8(byte).ok();
                    match push {
                        Push::Bytes(bytes) => add(bytes),
                        Push::Schnorr(key, byte) => {
                            let hash = hash_type(*byte).map_or([0; 32], |hash_type| {
                                calc_schnorr_signature_hash(&populated, index, hash_type, &reused)
                                    .as_bytes()
                            });
                            add(&[&schnorr(*key, hash)[..], &[*byte]].concat());
                        }
                        Push::Ecdsa(key, byte) => {
                            let hash = hash_type(*byte).map_or([0; 32], |hash_type| {
                                calc_ecdsa_signature_hash(&populated, index, hash_type, &reused)
                                    .as_bytes()
                            });
                            add(&[&ecdsa(*key, hash)[..], &[*byte]].concat());
                        }
                    }
                }
                if recipe.hashed {
                    add(&recipe.script);
                }
                script
            })
            .collect()
    };
    for (input, script) in tx.inputs.iter_mut().zip(scripts) {
        input.signature_script = script;
    }
}
