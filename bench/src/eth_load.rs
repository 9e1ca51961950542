//! What the benchmarks of Ethereum chains send: keys that sign transfers of money and of a token, always to somebody who never held anything.

use alloy_consensus::{EthereumTxEnvelope, SignableTransaction, TxEip1559, TxEip4844};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, address, hex, keccak256};
use anyhow::Context as _;
use quintet_crypto::secp::SecretKey;

/// An ERC-20's `transfer`: balances under keccak256(holder . 0), reverts on too little, logs `Transfer`.
pub const TOKEN_CODE: &[u8] = &hex!(
    "335f525f60205260405f208054602435808210606157900390556004355f5260405f2080546024350190556024355f52600435337f"
    "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60205fa360015f5260205ff35b5f5ffd"
);

/// Where it is.
pub const TOKEN: Address = address!("00000000000000000000000000000000000c0de0");

/// Number that transactions sign: that of development chains.
pub const CHAIN_ID: u64 = 31_337;

/// Gas of a transfer of money.
pub const TRANSFER_GAS: u64 = 21_000;

/// Gas that is enough for a transfer of tokens.
pub const TOKEN_GAS: u64 = 100_000;

const GWEI: u128 = 1_000_000_000;

/// A key that sends.
#[derive(Debug)]
pub struct Key {
    secret: SecretKey,
    /// Its address.
    pub address: Address,
    /// The nonce of what it signs next.
    pub nonce: u64,
}

impl Key {
    /// Makes the key of a number.
    ///
    /// # Errors
    ///
    /// None is known to happen.
    pub fn new(number: u64) -> anyhow::Result<Self> {
        let secret = SecretKey::from_bytes(&keccak256(number.to_be_bytes()).0)?;
        let public = secret.public_key_uncompressed();
        let address = Address::from_word(keccak256(public.get(1..).context("a public key")?));
        Ok(Self { secret, address, nonce: 0 })
    }

    /// Signs a transfer: of one wei, or what the input says.
    ///
    /// # Errors
    ///
    /// None is known to happen.
    pub fn sign(&mut self, to: Address, gas_limit: u64, input: Bytes) -> anyhow::Result<Vec<u8>> {
        let transaction = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit,
            max_fee_per_gas: 100 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to: TxKind::Call(to),
            value: U256::from(u64::from(input.is_empty())),
            access_list: Default::default(),
            input,
        };
        self.nonce += 1;
        let digest = transaction.signature_hash();
        let (compact, odd) =
            self.secret.sign_ecdsa_recoverable(&digest.0).context("a signature")?;
        let signature = Signature::from_bytes_and_parity(&compact, odd);
        let envelope: EthereumTxEnvelope<TxEip4844> = transaction.into_signed(signature).into();
        Ok(envelope.encoded_2718())
    }
}

/// Somebody who never held anything.
#[must_use]
pub fn stranger(seed: &[u8], number: u64) -> Address {
    Address::from_word(keccak256([seed, &number.to_be_bytes()].concat()))
}

/// Input of a transfer of one token.
#[must_use]
pub fn token_input(to: Address) -> Bytes {
    let mut input = hex!("a9059cbb").to_vec();
    input.extend_from_slice(to.into_word().as_slice());
    input.extend_from_slice(&U256::ONE.to_be_bytes::<32>());
    input.into()
}
