//! Coinbases: what a payload says, and what a block's coinbase has to be.
//!
//! ```text
//!   payload   blue score u64 │ subsidy u64 │ script version u16 │ length u8 │ script │ extra data
//! ```
//!
//! A block pays not its own miner but those of the blocks it merges: each blue one gets the subsidy and
//! the fees of its accepted transactions, on the script its own payload names. What red ones would have
//! got goes to the miner who merges them. Blocks too old for the difficulty window create nothing.
//!
//! **Spec:** rusty-kaspa's `consensus/src/processes/coinbase.rs`.

use thiserror::Error;

use crate::{
    hashing::Put,
    params::{Era, Params},
    subsidy::block_subsidy,
    tx::{
        ScriptPublicKey, SubnetworkId, TX_VERSION, TX_VERSION_TOCCATA, Transaction,
        TransactionOutput,
    },
};

/// Bytes before the script.
pub const PAYLOAD_LEN_MIN: usize = 8 + 8 + 2 + 1;

/// Why a payload is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CoinbaseError {
    /// The reference's `PayloadLenBelowMin`.
    #[error("expected a payload of {min} bytes or more, got {actual}")]
    PayloadTooShort {
        /// [`PAYLOAD_LEN_MIN`].
        min: usize,
        /// Bytes that came.
        actual: usize,
    },
    /// The reference's `PayloadLenAboveMax`.
    #[error("expected a payload of at most {max} bytes, got {actual}")]
    PayloadTooLong {
        /// Most bytes.
        max: u64,
        /// Bytes that came.
        actual: usize,
    },
    /// The reference's `PayloadScriptPublicKeyLenAboveMax`.
    #[error("expected a script of at most {max} bytes, got {actual}")]
    ScriptTooLong {
        /// Most bytes.
        max: u8,
        /// Bytes of the script.
        actual: usize,
    },
    /// The reference's `PayloadCantContainScriptPublicKey`.
    #[error("expected a payload of {expected} bytes or more to hold its script, got {actual}")]
    ScriptCutOff {
        /// Fewest bytes.
        expected: usize,
        /// Bytes that came.
        actual: usize,
    },
}

/// Whom a block's reward goes to, and what its miner wished to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinerData<'a> {
    /// The script rewards are paid to.
    pub script_public_key: ScriptPublicKey,
    /// Bytes of no meaning.
    pub extra_data: &'a [u8],
}

/// What a payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinbasePayload<'a> {
    /// Blue score of the block.
    pub blue_score: u64,
    /// Sompi the block creates.
    pub subsidy: u64,
    /// Its miner.
    pub miner: MinerData<'a>,
}

impl<'a> CoinbasePayload<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// [`CoinbaseError`].
    pub fn decode(params: &Params, payload: &'a [u8]) -> Result<Self, CoinbaseError> {
        let actual = payload.len();
        let too_short = CoinbaseError::PayloadTooShort { min: PAYLOAD_LEN_MIN, actual };
        let max = params.coinbase_payload_len_max;
        let (blue_score, rest) = payload.split_first_chunk().ok_or(too_short)?;
        let (subsidy, rest) = rest.split_first_chunk().ok_or(too_short)?;
        let (version, rest) = rest.split_first_chunk().ok_or(too_short)?;
        let (length, rest) = rest.split_first().ok_or(too_short)?;
        if actual as u64 > max {
            return Err(CoinbaseError::PayloadTooLong { max, actual });
        }
        check_script_len(params, (*length).into())?;
        let expected = PAYLOAD_LEN_MIN + usize::from(*length);
        let (script, extra_data) = rest
            .split_at_checked((*length).into())
            .ok_or(CoinbaseError::ScriptCutOff { expected, actual })?;
        let script_public_key = ScriptPublicKey::new(u16::from_le_bytes(*version), script);
        Ok(Self {
            blue_score: u64::from_le_bytes(*blue_score),
            subsidy: u64::from_le_bytes(*subsidy),
            miner: MinerData { script_public_key, extra_data },
        })
    }

    /// Writes the payload.
    ///
    /// # Errors
    ///
    /// [`CoinbaseError::ScriptTooLong`].
    pub fn encode(&self, params: &Params) -> Result<Vec<u8>, CoinbaseError> {
        let MinerData { script_public_key: script, extra_data } = &self.miner;
        let length = script.script.len();
        let length = check_script_len(params, length)?;
        let mut payload =
            Vec::with_capacity(PAYLOAD_LEN_MIN + script.script.len() + extra_data.len());
        payload.u64(self.blue_score).u64(self.subsidy).u16(script.version).u8(length);
        payload.put(&script.script).put(extra_data);
        Ok(payload)
    }
}

fn check_script_len(params: &Params, actual: usize) -> Result<u8, CoinbaseError> {
    let max = params.coinbase_payload_script_len_max;
    let fits = |length: &u8| *length <= max;
    let length = u8::try_from(actual).ok().filter(fits);
    length.ok_or(CoinbaseError::ScriptTooLong { max, actual })
}

/// What a merged block is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockReward {
    /// Sompi its payload says it creates.
    pub subsidy: u64,
    /// Fees of those of its transactions that were accepted.
    pub fees: u64,
    /// The script its payload names.
    pub script_public_key: ScriptPublicKey,
    /// Whether it counts in the difficulty window.
    pub in_daa_window: bool,
}

/// Returns the coinbase a block must have.
///
/// `blues` and `reds` are the block's mergeset, blues in its order, the selected parent first.
///
/// # Errors
///
/// [`CoinbaseError::ScriptTooLong`] if the miner's script is.
pub fn expected_coinbase(
    params: &Params,
    daa_score: u64,
    blue_score: u64,
    miner: MinerData<'_>,
    blues: &[BlockReward],
    reds: &[BlockReward],
) -> Result<Transaction, CoinbaseError> {
    let era = params.era_at(daa_score);
    let total = |reward: &BlockReward| reward.subsidy.saturating_add(reward.fees);
    let due = |reward: &BlockReward| match (reward.in_daa_window, era) {
        (true, _) => total(reward),
        // Fees of transactions in such blocks were lost until Crescendo gave them to the merger.
        (false, Era::PreCrescendo) => 0,
        (false, Era::Crescendo | Era::Toccata) => reward.fees,
    };
    let paid = blues.iter().filter(|blue| blue.in_daa_window && total(blue) > 0);
    let mut outputs: Vec<_> = paid
        .map(|blue| TransactionOutput::new(total(blue), blue.script_public_key.clone()))
        .collect();
    let red = reds.iter().map(due).fold(0, u64::saturating_add);
    if red > 0 {
        outputs.push(TransactionOutput::new(red, miner.script_public_key.clone()));
    }
    let subsidy = block_subsidy(params, daa_score);
    let payload = CoinbasePayload { blue_score, subsidy, miner }.encode(params)?;
    let version = if era >= Era::Toccata { TX_VERSION_TOCCATA } else { TX_VERSION };
    Ok(Transaction {
        version,
        inputs: vec![],
        outputs,
        lock_time: 0,
        subnetwork_id: SubnetworkId::COINBASE,
        gas: 0,
        payload,
        storage_mass: 0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::params::Network;

    fn reward(subsidy: u64, fees: u64, in_daa_window: bool) -> BlockReward {
        let script_public_key = ScriptPublicKey::new(0, &[subsidy.to_le_bytes()[0]]);
        BlockReward { subsidy, fees, script_public_key, in_daa_window }
    }

    fn miner() -> MinerData<'static> {
        MinerData { script_public_key: ScriptPublicKey::new(0, b"miner"), extra_data: b"hello" }
    }

    #[test]
    fn blues_are_paid_each_and_reds_to_who_merges_them() {
        let blues = [reward(50, 3, true), reward(0, 0, true), reward(60, 1, false)];
        let reds = [reward(70, 2, true), reward(80, 4, false)];
        for (params, red, version) in [
            (Params::devnet_pre_crescendo(), 72, 0),
            (Params::of(Network::Devnet), 76, 0),
            (Params::of(Network::Simnet), 76, 1),
        ] {
            let tx = expected_coinbase(&params, 7, 9, miner(), &blues, &reds).unwrap();
            let values: Vec<_> = tx.outputs.iter().map(|output| output.value).collect();
            assert_eq!(values, [53, red]);
            assert_eq!(tx.outputs[1].script_public_key, miner().script_public_key);
            assert_eq!(tx.version, version);
            let payload = CoinbasePayload::decode(&params, &tx.payload).unwrap();
            assert_eq!((payload.blue_score, payload.miner), (9, miner()));
            assert_eq!(payload.subsidy, block_subsidy(&params, 7));
        }
    }

    #[test]
    fn payloads_are_refused_for_what_is_wrong_with_them() {
        let params = Params::of(Network::Mainnet);
        let decode = |payload: &[u8]| CoinbasePayload::decode(&params, payload).unwrap_err();
        assert_eq!(decode(&[0; 18]), CoinbaseError::PayloadTooShort { min: 19, actual: 18 });
        assert_eq!(decode(&[0; 205]), CoinbaseError::PayloadTooLong { max: 204, actual: 205 });
        let mut payload = [0; 30];
        payload[18] = 151;
        assert_eq!(decode(&payload), CoinbaseError::ScriptTooLong { max: 150, actual: 151 });
        payload[18] = 12;
        assert_eq!(decode(&payload), CoinbaseError::ScriptCutOff { expected: 31, actual: 30 });
        payload[18] = 11;
        assert!(CoinbasePayload::decode(&params, &payload).unwrap().miner.extra_data.is_empty());
    }

    proptest! {
        #[test]
        fn a_payload_written_is_read_back(
            blue_score: u64, subsidy: u64, version: u16,
            script in proptest::collection::vec(any::<u8>(), 0..150),
            extra_data in proptest::collection::vec(any::<u8>(), 0..35),
        ) {
            let params = Params::of(Network::Mainnet);
            let script_public_key = ScriptPublicKey::new(version, &script);
            let miner = MinerData { script_public_key, extra_data: &extra_data };
            let payload = CoinbasePayload { blue_score, subsidy, miner };
            let bytes = payload.encode(&params).unwrap();
            prop_assert_eq!(CoinbasePayload::decode(&params, &bytes), Ok(payload));
        }
    }
}
