//! What-if: accounts and block fields that a call takes to be other than they are.
//!
//! **Spec:** execution-apis, `eth_simulateV1`; go-ethereum's `internal/ethapi/override`.

use std::collections::BTreeMap;

use alloy_eips::eip4895::Withdrawal;
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::Value;

use super::{
    call::{field, needed, object},
    values::{FromArg, Quantity},
};

/// Most accounts that one call may take to be other than they are.
const OVERRIDES_MAX: usize = 1_024;
/// Most slots of one account among them.
const SLOTS_MAX: usize = 16_384;

/// An account taken to be other than it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AccountOverrides {
    pub(crate) nonce: Option<u64>,
    pub(crate) balance: Option<U256>,
    pub(crate) code: Option<Bytes>,
    pub(crate) state: Option<BTreeMap<U256, U256>>,
    pub(crate) state_diff: Option<BTreeMap<U256, U256>>,
    pub(crate) move_precompile_to: Option<Address>,
}

/// Accounts taken to be other than they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StateOverrides(pub(crate) BTreeMap<Address, AccountOverrides>);

/// Fields of a block taken to be other than they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BlockOverrides {
    pub(crate) number: Option<U256>,
    pub(crate) difficulty: Option<U256>,
    pub(crate) time: Option<u64>,
    pub(crate) gas_limit: Option<u64>,
    pub(crate) fee_recipient: Option<Address>,
    pub(crate) prev_randao: Option<B256>,
    pub(crate) base_fee: Option<U256>,
    pub(crate) blob_base_fee: Option<U256>,
    pub(crate) beacon_root: Option<B256>,
    pub(crate) withdrawals: Option<Vec<Withdrawal>>,
}

fn slots(value: &Value) -> Result<BTreeMap<U256, U256>, String> {
    let fields = object(value, "map[common.Hash]common.Hash")?;
    if fields.len() > SLOTS_MAX {
        return Err(format!("{} slots overridden, expected at most {SLOTS_MAX}", fields.len()));
    }
    let word = |text: &Value| B256::from_arg(text).map(|word| U256::from_be_bytes(word.0));
    let slot = |(slot, value): (&String, &Value)| {
        Ok::<_, String>((word(&Value::String(slot.clone()))?, word(value)?))
    };
    fields.iter().map(slot).collect()
}

impl FromArg for AccountOverrides {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "override.OverrideAccount")?;
        let storage = |name: &'static str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => slots(value).map(Some).map_err(|reason| format!("{name}: {reason}")),
        };
        Ok(Self {
            nonce: field::<Quantity>(fields, "nonce")?.map(|nonce| nonce.0),
            balance: field(fields, "balance")?,
            code: field(fields, "code")?,
            state: storage("state")?,
            state_diff: storage("stateDiff")?,
            move_precompile_to: field(fields, "movePrecompileToAddress")?,
        })
    }
}

impl FromArg for StateOverrides {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "override.StateOverride")?;
        if fields.len() > OVERRIDES_MAX {
            return Err(format!(
                "{} accounts overridden, expected at most {OVERRIDES_MAX}",
                fields.len()
            ));
        }
        let account = |(address, account): (&String, &Value)| {
            let address = Address::from_arg(&Value::String(address.clone()))?;
            Ok::<_, String>((address, AccountOverrides::from_arg(account)?))
        };
        fields.iter().map(account).collect::<Result<_, _>>().map(Self)
    }
}

impl FromArg for BlockOverrides {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "override.BlockOverrides")?;
        let number =
            |name| Ok::<_, String>(field::<Quantity>(fields, name)?.map(|number| number.0));
        Ok(Self {
            number: field(fields, "number")?,
            difficulty: field(fields, "difficulty")?,
            time: number("time")?,
            gas_limit: number("gasLimit")?,
            fee_recipient: field(fields, "feeRecipient")?,
            prev_randao: field(fields, "prevRandao")?,
            base_fee: field(fields, "baseFeePerGas")?,
            blob_base_fee: field(fields, "blobBaseFee")?,
            beacon_root: field(fields, "beaconRoot")?,
            withdrawals: field(fields, "withdrawals")?,
        })
    }
}

impl FromArg for Withdrawal {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "types.Withdrawal")?;
        Ok(Self {
            index: needed::<Quantity>(fields, "index")?.0,
            validator_index: needed::<Quantity>(fields, "validatorIndex")?.0,
            address: needed(fields, "address")?,
            amount: needed::<Quantity>(fields, "amount")?.0,
        })
    }
}
