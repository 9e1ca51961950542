//! Who is paid by the blocks of a local network, and pays others: one key that everybody knows.
//!
//! It keeps no file: what it owns it finds in the coinbases of the chain, and what it pays itself back it remembers.

use anyhow::Context as _;
use bitcoin::{
    Address, Amount, EcdsaSighashType, KnownHrp, NetworkKind, OutPoint, PrivateKey, ScriptBuf,
    Sequence, Transaction, TxIn, TxOut, WPubkeyHash, Witness,
    absolute::LockTime,
    consensus::encode::serialize_hex,
    ecdsa::Signature,
    hashes::Hash as _,
    key::CompressedPublicKey,
    secp256k1::{All, Message, Secp256k1, SecretKey},
    sighash::SighashCache,
    transaction::Version,
};

/// The key: the bytes of a number that nobody takes for a secret.
const KEY: [u8; 32] = [0x71; 32];

/// Virtual bytes of a payment: one input of this key, an output for somebody and one for itself.
const VIRTUAL_BYTES: u64 = 141;

/// Least that is kept of a coin, satoshis: less is left alone.
const CHANGE_MIN: u64 = 10_000;

/// A coin of the purse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Coin {
    pub(super) outpoint: OutPoint,
    pub(super) satoshis: u64,
}

/// A payment, signed.
#[derive(Debug)]
pub(super) struct Payment {
    /// The transaction, in hexadecimal.
    pub(super) raw: String,
    /// What comes back to the purse.
    pub(super) change: Coin,
}

/// The key, and what it signs.
#[derive(Debug)]
pub(super) struct Purse {
    secp: Secp256k1<All>,
    key: PrivateKey,
    public: CompressedPublicKey,
    address: Address,
}

impl Purse {
    /// The purse; the same at each start.
    pub(super) fn new() -> anyhow::Result<Self> {
        let secp = Secp256k1::new();
        let secret = SecretKey::from_slice(&KEY)?;
        let key = PrivateKey::new(secret, NetworkKind::Test);
        let public = CompressedPublicKey(secret.public_key(&secp));
        let address = Address::p2wpkh(&public, KnownHrp::Regtest);
        Ok(Self { secp, key, public, address })
    }

    /// Its address, on regtest.
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Its key, as wallets import one.
    pub(super) fn private_key(&self) -> String {
        self.key.to_wif()
    }

    /// Pays somebody out of a coin, at so many satoshis a virtual byte; none if too little would be left.
    pub(super) fn pay(
        &self,
        coin: Coin,
        somebody: WPubkeyHash,
        satoshis: u64,
        fee_rate: u64,
    ) -> anyhow::Result<Option<Payment>> {
        let spent = satoshis + VIRTUAL_BYTES * fee_rate;
        let Some(rest) = coin.satoshis.checked_sub(spent).filter(|rest| *rest >= CHANGE_MIN) else {
            return Ok(None);
        };
        let own = self.address.script_pubkey();
        let input = TxIn {
            previous_output: coin.outpoint,
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            ..TxIn::default()
        };
        let output = |value, script_pubkey| TxOut { value: Amount::from_sat(value), script_pubkey };
        let mut transaction = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input],
            output: vec![
                output(satoshis, ScriptBuf::new_p2wpkh(&somebody)),
                output(rest, own.clone()),
            ],
        };
        let all = EcdsaSighashType::All;
        let mut cache = SighashCache::new(&mut transaction);
        let hash = cache.p2wpkh_signature_hash(0, &own, Amount::from_sat(coin.satoshis), all)?;
        let message = Message::from_digest(hash.to_byte_array());
        let signature = self.secp.sign_ecdsa(&message, &self.key.inner);
        let signature = Signature { signature, sighash_type: all };
        let witness = cache.witness_mut(0).context("the payment has no input")?;
        *witness = Witness::p2wpkh(&signature, &self.public.0);
        let change =
            Coin { outpoint: OutPoint::new(transaction.compute_txid(), 1), satoshis: rest };
        Ok(Some(Payment { raw: serialize_hex(&transaction), change }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_is_as_long_as_its_fee_says_and_leaves_what_it_says() {
        let purse = Purse::new().unwrap();
        let coin = Coin { outpoint: OutPoint::null(), satoshis: 1_000_000 };
        let somebody = WPubkeyHash::from_byte_array([3; 20]);
        let payment = purse.pay(coin, somebody, 400_000, 2).unwrap().unwrap();
        assert_eq!(payment.change.satoshis, 1_000_000 - 400_000 - 282);
        let raw = bitcoin::consensus::encode::deserialize_hex::<Transaction>(&payment.raw).unwrap();
        assert!((140..=141).contains(&raw.vsize()));
        assert_eq!(payment.change.outpoint.txid, raw.compute_txid());
        assert!(purse.pay(coin, somebody, 999_000, 2).unwrap().is_none());
        assert_eq!(purse.address().to_string().get(..6), Some("bcrt1q"));
    }
}
