//! Calls that nobody signed: `eth_call`, `eth_estimateGas`, `eth_createAccessList`, `eth_simulateV1`.

use alloy_primitives::{Address, TxKind, U256};
use quintet_eth::state::StateView as _;
use quintet_eth_chain::{BlockTag, ChainReader, EstimateError, Simulator};
use quintet_evm::execute::{AccountOverride, CallTransaction, Ending};
use serde_json::json;

use super::{Entry, state::state_error};
use crate::{
    answer::Answer,
    args::{AccountOverrides, Args, BlockId, BlockOverrides, CallArgs, StateOverrides},
    error::{EthError, EthResult, codes},
    json::{access_list, data, quantity},
    node::{EthNode, Named as _},
    schema::{Block, BlockFields, Call, Data, List, Object, Overrides, Uint},
    simulate,
};

pub(super) fn entries() -> Vec<Entry> {
    let call = |entry: Entry| {
        entry
            .param::<Call>("call", "The call.")
            .optional::<Block>("block", "After which block; the head if left out.")
            .optional::<Overrides>("overrides", "Accounts taken to be other than they are.")
            .reads_state()
            .fails(codes::REVERTED, "it reverted; data is what it said")
            .fails(
                codes::SERVER,
                "it cannot run, or ended badly: insufficient funds, out of gas and the like",
            )
    };
    vec![
        call(Entry::timed("eth_call", "Runs a call and keeps nothing of it.", run).tried(run_at_once))
            .optional::<BlockFields>("blockOverrides", "Fields of the block taken to be other than they are.")
            .gives::<Data>("output", "What it returned."),
        call(Entry::timed("eth_estimateGas", "Tells how much gas a call needs.", estimate))
            .optional::<BlockFields>("blockOverrides", "Fields of the block taken to be other than they are.")
            .gives::<Uint>("gas", "A limit with which it ends well."),
        call(Entry::timed("eth_createAccessList", "Tells which places a call reads.", create_access_list))
            .gives::<Object>("list", "The list, the gas used with it, an error if it fails."),
        Entry::timed("eth_simulateV1", "Runs calls in blocks that are not there.", simulate::run)
            .param::<Object>("payload", "blockStateCalls with blockOverrides, stateOverrides and calls; validation; traceTransfers; returnFullTransactions.")
            .optional::<Block>("block", "On which block; the head if left out.")
            .reads_state()
            .fails(codes::NONCE_TOO_LOW, "with validation: a nonce is used")
            .fails(codes::NONCE_TOO_HIGH, "with validation: a nonce is too far ahead")
            .fails(codes::BASE_FEE_TOO_LOW, "a call does not pay the base fee")
            .fails(codes::INTRINSIC_GAS, "gas does not pay for what a call costs before it runs")
            .fails(codes::INSUFFICIENT_FUNDS, "a sender cannot pay")
            .fails(codes::BLOCK_GAS_LIMIT, "a block is full")
            .fails(codes::BLOCK_NUMBER, "numbers of blocks do not grow")
            .fails(codes::BLOCK_TIMESTAMP, "timestamps of blocks do not grow")
            .fails(codes::SENDER_CODE, "with validation: a sender is a contract")
            .fails(codes::INITCODE, "a contract's code is too long")
            .fails(codes::LIMIT, "too many blocks or calls")
            .gives::<List>("blocks", "The blocks, each with what its calls did."),
    ]
}

fn narrow(name: &str, number: U256) -> EthResult<u128> {
    u128::try_from(number)
        .map_err(|_| EthError::params(format!("{name} is above 2^128 - 1, expected less")))
}

/// A call with its place.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) simulator: Simulator,
    pub(crate) call: CallTransaction,
}

/// Takes an account to be other than it is.
pub(crate) fn account_override(account: AccountOverrides) -> EthResult<AccountOverride> {
    let AccountOverrides { nonce, balance, code, state, state_diff, .. } = account;
    Ok(AccountOverride {
        nonce,
        balance,
        code,
        storage: state,
        slots: state_diff.unwrap_or_default(),
    })
}

/// Checks overrides that contradict themselves.
pub(crate) fn check_overrides(overrides: &StateOverrides) -> EthResult<()> {
    for (address, account) in &overrides.0 {
        if account.state.is_some() && account.state_diff.is_some() {
            let address = address.to_checksum(None);
            return Err(EthError::server(format!(
                "account {address} has both 'state' and 'stateDiff'"
            )));
        }
    }
    Ok(())
}

impl Prepared {
    /// Puts a call into its place.
    pub(crate) fn new(
        node: &EthNode,
        reader: &ChainReader,
        args: &CallArgs,
        block: BlockId,
        overrides: StateOverrides,
        fields: BlockOverrides,
    ) -> EthResult<Self> {
        let at = reader.needed(block)?;
        let mut simulator = reader.simulator(BlockTag::Hash(at.hash))?;
        check_overrides(&overrides)?;
        for (address, account) in overrides.0 {
            if account.move_precompile_to.is_some() {
                return Err(EthError::server(
                    "movePrecompileToAddress is taken by eth_simulateV1 only: use that",
                ));
            }
            simulator.overrides.insert(address, account_override(account)?);
        }
        apply(&mut simulator, fields)?;
        let nonce = match args.nonce {
            Some(nonce) => nonce,
            None => {
                let from = args.from.unwrap_or_default();
                let account = simulator.state().account(from).map_err(state_error)?;
                account.map_or(0, |account| account.nonce)
            }
        };
        let call = call_of(args, nonce, node.chain.spec().chain_id())?;
        Ok(Self { simulator, call })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what a client sent, read for this call")]
fn apply(simulator: &mut Simulator, fields: BlockOverrides) -> EthResult<()> {
    let unsupported = |name| {
        EthError::server(format!("block override {name:?} is not supported for this RPC method"))
    };
    if fields.beacon_root.is_some() {
        return Err(unsupported("beaconRoot"));
    }
    if fields.withdrawals.is_some() {
        return Err(unsupported("withdrawals"));
    }
    let header = &mut simulator.header;
    let narrow = |name: &str, number: U256| {
        u64::try_from(number)
            .map_err(|_| EthError::params(format!("{name} is above 2^64 - 1, expected less")))
    };
    if let Some(number) = fields.number {
        header.number = narrow("number", number)?;
    }
    if let Some(base_fee) = fields.base_fee {
        header.base_fee_per_gas = Some(narrow("baseFeePerGas", base_fee)?);
    }
    header.difficulty = fields.difficulty.unwrap_or(header.difficulty);
    header.timestamp = fields.time.unwrap_or(header.timestamp);
    header.gas_limit = fields.gas_limit.unwrap_or(header.gas_limit);
    header.beneficiary = fields.fee_recipient.unwrap_or(header.beneficiary);
    header.mix_hash = fields.prev_randao.unwrap_or(header.mix_hash);
    if let Some(price) = fields.blob_base_fee {
        simulator.blob_price = Some(u128::try_from(price).unwrap_or(u128::MAX));
    }
    Ok(())
}

/// Makes a call of what a client says. A missing gas limit is left at zero.
pub(crate) fn call_of(args: &CallArgs, nonce: u64, chain_id: u64) -> EthResult<CallTransaction> {
    if args.gas_price.is_some() && (args.max_fee.is_some() || args.tip.is_some()) {
        return Err(EthError::server(
            "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
        ));
    }
    if let Some(actual) = args.chain_id
        && actual != U256::from(chain_id)
    {
        return Err(EthError::server(format!(
            "chainId does not match node's (have={actual}, want={chain_id})"
        )));
    }
    if args.blob_hashes.as_ref().is_some_and(Vec::is_empty) {
        return Err(EthError::server("need at least 1 blob for a blob transaction"));
    }
    if args.blob_hashes.is_some() && args.to.is_none() {
        return Err(EthError::server("missing \"to\" in blob transaction"));
    }
    let fee = match (args.gas_price, args.max_fee) {
        (Some(price), _) => narrow("gasPrice", price)?,
        (None, Some(fee)) => narrow("maxFeePerGas", fee)?,
        (None, None) => 0,
    };
    let tip = match (args.tip, args.max_fee) {
        (Some(tip), _) => Some(narrow("maxPriorityFeePerGas", tip)?),
        (None, Some(_)) => Some(0),
        (None, None) => None,
    };
    if let Some(tip) = tip
        && fee > 0
        && fee < tip
    {
        return Err(EthError::server(format!(
            "maxFeePerGas ({fee}) < maxPriorityFeePerGas ({tip})"
        )));
    }
    let tip = tip.map(|tip| if fee == 0 { 0 } else { tip });
    Ok(CallTransaction {
        from: args.from.unwrap_or(Address::ZERO),
        to: args.to.map_or(TxKind::Create, TxKind::Call),
        gas_limit: args.gas.unwrap_or_default(),
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: tip,
        value: args.value.unwrap_or_default(),
        input: args.input.clone().unwrap_or_default(),
        nonce,
        access_list: args.access_list.clone().unwrap_or_default(),
        blob_hashes: args.blob_hashes.clone().unwrap_or_default(),
        max_fee_per_blob_gas: match args.max_blob_fee {
            Some(fee) => narrow("maxFeePerBlobGas", fee)?,
            None => 0,
        },
        authorization_list: args.authorizations.clone().unwrap_or_default(),
    })
}

fn prepare(node: &EthNode, args: &Args) -> EthResult<Prepared> {
    let call: CallArgs = args.required(0)?;
    let overrides = args.optional(2)?.unwrap_or_default();
    let fields = args.optional(3)?.unwrap_or_default();
    Prepared::new(node, &node.reader()?, &call, args.block(1)?, overrides, fields)
}

/// Gives a call the gas it asks for, at most what one call may have.
pub(crate) const fn capped(node: &EthNode, gas_limit: u64) -> u64 {
    let cap = node.config.gas_cap;
    if gas_limit == 0 || gas_limit > cap { cap } else { gas_limit }
}

fn run(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Prepared { simulator, mut call } = prepare(node, args)?;
    call.gas_limit = capped(node, call.gas_limit);
    let called = simulator.call(&call, None).map_err(|error| supplied(error, call.gas_limit))?;
    ended(called.ending)
}

/// Runs a call if it is over at once.
fn run_at_once(
    node: &EthNode,
    args: &Args,
    go_on: &mut dyn FnMut() -> bool,
) -> EthResult<Option<Answer>> {
    let Prepared { simulator, mut call } = prepare(node, args)?;
    call.gas_limit = capped(node, call.gas_limit);
    let called = simulator.call_while(&call, go_on);
    let called = called.map_err(|error| supplied(error, call.gas_limit))?;
    called.map(|called| ended(called.ending)).transpose()
}

fn ended(ending: Ending) -> EthResult<Answer> {
    match ending {
        Ending::Returned { output, .. } => Ok(data(&output).into()),
        Ending::Reverted { output } => Err(EthError::reverted(&output)),
        Ending::Halted(halt) => Err(EthError::halted(&halt)),
    }
}

/// Says of a call that cannot run how much gas it was given, as go-ethereum does.
pub(crate) fn supplied(error: quintet_eth_chain::ChainError, gas: u64) -> EthError {
    match error {
        quintet_eth_chain::ChainError::Refused(refused) => {
            let told = EthError::from(&refused);
            EthError::server(format!("err: {} (supplied gas {gas})", told.message))
        }
        other => other.into(),
    }
}

/// Says why no gas is enough.
pub(crate) fn estimate_error(error: EstimateError) -> EthError {
    match error {
        EstimateError::Reverted { output } => EthError::reverted(&output),
        EstimateError::Halted(halt) => EthError::halted(&halt),
        EstimateError::Allowance { .. } | EstimateError::Funds => {
            EthError::server(error.to_string())
        }
        EstimateError::Chain(error) => error.into(),
    }
}

fn estimate(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Prepared { simulator, call } = prepare(node, args)?;
    let gas = simulator.estimate_gas(&call, node.config.gas_cap).map_err(estimate_error)?;
    Ok(quantity(gas).into())
}

fn create_access_list(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Prepared { simulator, mut call } = prepare(node, args)?;
    call.gas_limit = capped(node, call.gas_limit);
    let gas = call.gas_limit;
    let outcome = simulator.access_list(&call).map_err(|error| supplied(error, gas))?;
    let mut answer = crate::json::fields(json!({
        "accessList": access_list(Some(&outcome.list)),
        "gasUsed": quantity(outcome.called.gas_used),
    }));
    let error = match outcome.called.ending {
        Ending::Returned { .. } => None,
        Ending::Reverted { .. } => Some("execution reverted".to_owned()),
        Ending::Halted(halt) => Some(halt.to_string()),
    };
    if let Some(error) = error {
        answer.insert("error".to_owned(), json!(error));
    }
    Ok(serde_json::Value::Object(answer).into())
}
