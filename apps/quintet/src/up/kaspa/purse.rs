//! Who is paid by the blocks of a local network, and pays others: one key that everybody knows.
//!
//! It keeps no file: what it owns it finds in the index of unspent outputs, and what it pays itself back it remembers.

use anyhow::Context as _;
use quintet_crypto::secp::SecretKey;
use quintet_kaspa_protocol::{
    address::{Address, AddressVersion},
    hashing::{Sighash, SighashType},
    params::Network,
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, TX_VERSION,
        Transaction, TransactionInput, TransactionOutput, UtxoEntry,
    },
};
use quintet_primitives::hex;

/// The key: the bytes of a number that nobody takes for a secret.
const KEY: [u8; 32] = [0x6b; 32];

/// Least that is kept of a coin, sompi: what is smaller weighs more (KIP-9) than it is worth here.
const CHANGE_MIN: u64 = 300_000_000;

/// Push of a signature with the byte of its kind.
const PUSH_65: u8 = 65;

/// A coin of the purse.
pub(super) type Coin = (Outpoint, UtxoEntry);

/// A payment, signed.
#[derive(Debug)]
pub(super) struct Payment {
    pub(super) transaction: Transaction,
    /// What comes back to the purse.
    pub(super) change: Coin,
}

/// The key, and what it signs.
#[derive(Debug)]
pub(super) struct Purse {
    secret: SecretKey,
    address: Address,
    script: ScriptPublicKey,
}

impl Purse {
    /// The purse; the same at each start.
    pub(super) fn new() -> anyhow::Result<Self> {
        let secret = SecretKey::from_bytes(&KEY)?;
        let address = address(&secret.x_only_public_key().0)?;
        Ok(Self { secret, script: address.script(), address })
    }

    /// Its address, on the devnet.
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Its key, in hexadecimal.
    pub(super) fn private_key(&self) -> String {
        hex::encode(&self.secret.to_bytes())
    }

    /// The script that pays it.
    pub(super) const fn script(&self) -> &ScriptPublicKey {
        &self.script
    }

    /// Pays the owner of a key out of a coin; none if too little would be left. Whoever takes it adds the mass it must commit to.
    pub(super) fn pay(
        &self,
        (outpoint, entry): &Coin,
        somebody: &[u8; 32],
        sompi: u64,
        fee: u64,
    ) -> anyhow::Result<Option<Payment>> {
        let rest = entry.amount.checked_sub(sompi.saturating_add(fee));
        let Some(rest) = rest.filter(|rest| *rest >= CHANGE_MIN) else { return Ok(None) };
        let mut transaction = Transaction {
            version: TX_VERSION,
            inputs: vec![TransactionInput {
                previous_outpoint: *outpoint,
                signature_script: Vec::new(),
                sequence: 0,
                compute_commit: ComputeCommit::SigOpCount(1),
            }],
            outputs: vec![
                TransactionOutput::new(sompi, address(somebody)?.script()),
                TransactionOutput::new(rest, self.script.clone()),
            ],
            lock_time: 0,
            subnetwork_id: SubnetworkId::NATIVE,
            gas: 0,
            payload: Vec::new(),
            storage_mass: 0,
        };
        let entries = [entry.clone()];
        let signed = PopulatedTransaction::new(&transaction, &entries)?;
        let message = Sighash::new(signed).schnorr(0, SighashType::ALL);
        let message = message.context("the payment has no input")?;
        let signature = self.secret.sign_schnorr(message.as_bytes(), &[0; 32]);
        let input = transaction.inputs.first_mut().context("the payment has no input")?;
        input.signature_script =
            [&[PUSH_65][..], &signature, &[SighashType::ALL.to_byte()]].concat();
        let change = UtxoEntry { amount: rest, is_coinbase: false, ..entry.clone() };
        Ok(Some(Payment { change: (Outpoint::new(transaction.id(), 1), change), transaction }))
    }
}

/// The address of a key whose Schnorr signatures spend.
fn address(key: &[u8; 32]) -> anyhow::Result<Address> {
    Ok(Address::new(Network::Devnet.address_prefix(), AddressVersion::PublicKey, key)?)
}

#[cfg(test)]
mod tests {
    use quintet_primitives::Hash256;

    use super::*;

    #[test]
    fn a_payment_leaves_what_it_says_and_too_small_a_coin_is_left_alone() {
        let purse = Purse::new().unwrap();
        assert!(purse.address().to_string().starts_with("kaspadev:q"));
        let entry = UtxoEntry {
            amount: 4_400_000_000,
            script_public_key: purse.script().clone(),
            block_daa_score: 7,
            is_coinbase: true,
            covenant_id: None,
        };
        let coin = (Outpoint::new(Hash256::default(), 3), entry);
        let payment = purse.pay(&coin, &[9; 32], 1_000_000_000, 1_000_000).unwrap().unwrap();
        let (outpoint, change) = payment.change;
        assert_eq!(outpoint, Outpoint::new(payment.transaction.id(), 1));
        assert_eq!(change.amount, 4_400_000_000 - 1_000_000_000 - 1_000_000);
        assert_eq!(payment.transaction.outputs[1].value, change.amount);
        assert_eq!(payment.transaction.inputs[0].signature_script.len(), 66);
        assert!(purse.pay(&coin, &[9; 32], 4_200_000_000, 1_000_000).unwrap().is_none());
    }
}
