//! One simulated block after the other.

use std::collections::BTreeMap;

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::{
    eip4844::DATA_GAS_PER_BLOB,
    eip4895::{Withdrawal, Withdrawals},
};
use alloy_primitives::{Address, B256, Log, U256, hex};
use quintet_eth::{
    block::{EthBlock, EthBlockBody, transactions_root, withdrawals_root},
    state::StateChanges,
    tx::EthTransaction,
};
use quintet_eth_chain::{BlockRef, BlockTag, ChainReader, SealedBlock};
use quintet_evm::{
    execute::{BlockHashes, BlockOutcome, Called, Checks, Ending, RunError, Session},
    header::{base_fee, blobs},
    schedule::{Fork, Rules},
};
use serde_json::{Value, json};

use super::{
    Settled,
    calls::{Meets, check, refused, transaction},
    layered::Layered,
    logs::LogTracer,
};
use crate::{
    args::CallArgs,
    deadline::Deadline,
    error::{EthError, EthResult, codes},
    json::{self, LogPlace, data, log, quantity},
    methods::{account_override, call_of, check_overrides},
    node::EthNode,
};

/// Blocks simulated on a base.
pub(super) struct Simulation<'a> {
    node: &'a EthNode,
    state: Layered,
    hashes: Hashes<'a>,
    parent: Header,
    merged: bool,
    validate: bool,
    transfers: bool,
    /// Gas that is left of the cap.
    gas_left: u64,
}

/// Hashes of real blocks, and of simulated ones on top.
struct Hashes<'a> {
    reader: &'a ChainReader,
    base: BlockRef,
    simulated: BTreeMap<u64, B256>,
}

impl BlockHashes for Hashes<'_> {
    fn block_hash(&self, number: u64) -> Option<B256> {
        if number > self.base.number {
            return self.simulated.get(&number).copied();
        }
        if number == self.base.number {
            return Some(self.base.hash);
        }
        self.reader.canonical_hash(number).ok()?
    }
}

/// What a call came to, its logs with their numbers, and whether its gas was capped.
type RanCall = (Called, Vec<(usize, Log)>, bool);

/// What the calls of a block came to.
#[derive(Default)]
struct Ran {
    transactions: Vec<EthTransaction>,
    senders: Vec<Address>,
    calls: Vec<RanCall>,
    blob_gas: u64,
}

impl<'a> Simulation<'a> {
    pub(super) fn new(
        node: &'a EthNode,
        reader: &'a ChainReader,
        base: BlockRef,
        header: Header,
        validate: bool,
        transfers: bool,
    ) -> EthResult<Self> {
        let schedule = &node.chain.spec().schedule;
        let total = reader.total_difficulty(base.hash)?.unwrap_or_default();
        let state = Layered {
            base: reader.state_at(BlockTag::Hash(base.hash))?,
            changes: StateChanges::default(),
        };
        Ok(Self {
            node,
            state,
            hashes: Hashes { reader, base, simulated: BTreeMap::new() },
            merged: schedule.is_merged(total),
            parent: header,
            validate,
            transfers,
            gas_left: node.config.gas_cap,
        })
    }

    fn header(&self, block: &Settled) -> EthResult<(Rules, Header)> {
        let (parent, fields) = (&self.parent, &block.wanted.fields);
        let schedule = &self.node.chain.spec().schedule;
        let rules = schedule.rules(block.number, block.time, self.merged);
        let post_merge = rules.has(Fork::Paris);
        let has = |fork| rules.has(fork);
        let narrow = |number: U256| {
            u64::try_from(number)
                .map_err(|_| EthError::params("baseFeePerGas is above 2^64 - 1, expected less"))
        };
        let base_fee = match fields.base_fee {
            _ if !has(Fork::London) => None,
            Some(fee) => Some(narrow(fee)?),
            None if self.validate => Some(base_fee::of_child(parent)),
            None => Some(0),
        };
        let excess = rules.blobs.filter(|_| has(Fork::Cancun)).map(|params| {
            parent.excess_blob_gas.map_or(0, |_| blobs::excess_of_child(&rules, &params, parent))
        });
        let difficulty = if post_merge { U256::ZERO } else { parent.difficulty };
        Ok((
            rules,
            Header {
                parent_hash: parent.hash_slow(),
                ommers_hash: EMPTY_OMMER_ROOT_HASH,
                beneficiary: fields.fee_recipient.unwrap_or(parent.beneficiary),
                difficulty: fields.difficulty.unwrap_or(difficulty),
                number: block.number,
                gas_limit: fields.gas_limit.unwrap_or(parent.gas_limit),
                timestamp: block.time,
                mix_hash: fields.prev_randao.unwrap_or_default(),
                base_fee_per_gas: base_fee,
                excess_blob_gas: excess,
                parent_beacon_block_root: has(Fork::Cancun)
                    .then(|| fields.beacon_root.unwrap_or_default()),
                ..Header::default()
            },
        ))
    }

    /// Runs a block and tells what it and its calls came to.
    pub(super) fn block(
        &mut self,
        block: Settled,
        full: bool,
        deadline: &Deadline,
    ) -> EthResult<Value> {
        let (rules, header) = self.header(&block)?;
        let blob_price = block.wanted.fields.blob_base_fee.map(|price| price.saturating_to());
        let checks = Checks { nonce: false, sender_code: false, gas_limit: false };
        let (ran, outcome) = {
            let view = self.state.clone();
            let mut session =
                Session::simulate(rules, &header, &view, &self.hashes, checks, blob_price);
            prepare(&mut session, &rules, &block)?;
            let price = blob_price
                .or_else(|| Some(blobs::price_of(rules.blobs.as_ref()?, header.excess_blob_gas?)));
            let mut gas_left = self.gas_left;
            let mut calls = Calls {
                chain_id: self.node.chain.spec().chain_id(),
                header: &header,
                validate: self.validate,
                transfers: self.transfers,
                blob_price: price.unwrap_or_default(),
                gas_left: &mut gas_left,
                logs: 0,
                ran: Ran::default(),
            };
            for call in &block.wanted.calls {
                deadline.check()?;
                calls.run(&mut session, call)?;
            }
            let ran = calls.ran;
            self.gas_left = gas_left;
            let withdrawals = rules.has(Fork::Shanghai).then_some(block.withdrawals.as_slice());
            let outcome = session
                .finish(&[], withdrawals)
                .map_err(|error| EthError::server(error.to_string()))?;
            (ran, outcome)
        };
        self.seal(&rules, header, block.withdrawals, ran, outcome, full)
    }

    fn seal(
        &mut self,
        rules: &Rules,
        mut header: Header,
        withdrawals: Vec<Withdrawal>,
        ran: Ran,
        outcome: BlockOutcome,
        full: bool,
    ) -> EthResult<Value> {
        header.receipts_root = outcome.receipts_root();
        header.logs_bloom = outcome.bloom();
        header.gas_used = outcome.gas_used;
        header.requests_hash = outcome.requests_hash();
        header.blob_gas_used = rules.has(Fork::Cancun).then_some(ran.blob_gas);
        header.transactions_root = transactions_root(&ran.transactions);
        header.withdrawals_root = rules.has(Fork::Shanghai).then(|| withdrawals_root(&withdrawals));
        self.state.add(outcome.changes);
        header.state_root = self
            .state
            .root()
            .map_err(|error| EthError::from(quintet_eth_chain::ChainError::State(error)))?;
        let hash = header.hash_slow();
        self.hashes.simulated.insert(header.number, hash);
        self.parent = header.clone();
        let withdrawals = rules.has(Fork::Shanghai).then(|| Withdrawals::new(withdrawals));
        let body = EthBlockBody { transactions: ran.transactions, ommers: Vec::new(), withdrawals };
        let sealed = SealedBlock {
            hash,
            block: EthBlock { header, body },
            senders: ran.senders,
            total_difficulty: U256::ZERO,
        };
        let calls = ran.calls.into_iter().enumerate();
        let calls: Vec<_> = calls.map(|(index, call)| written(&sealed, index, call)).collect();
        let mut out = json::fields(json::block(&sealed, full));
        out.insert("calls".to_owned(), Value::Array(calls));
        Ok(Value::Object(out))
    }
}

/// Overrides accounts, then does what comes before a block's transactions.
fn prepare(
    session: &mut Session<'_, Layered, Hashes<'_>>,
    rules: &Rules,
    block: &Settled,
) -> EthResult<()> {
    let accounts = &block.wanted.accounts;
    check_overrides(accounts)?;
    for (address, account) in &accounts.0 {
        let precompile = quintet_evm::precompiles::is_one(rules, address);
        if account.move_precompile_to.is_some() && !precompile {
            let address = address.to_checksum(None);
            return Err(EthError::server(format!("account {address} is not a precompile")));
        }
        if precompile && (account.move_precompile_to.is_some() || account.code.is_some()) {
            return Err(EthError::server(
                "precompiles cannot be moved or overridden on this node: leave movePrecompileToAddress and their code out",
            ));
        }
        let account = account_override(account.clone())?;
        let failed = |error: quintet_evm::execute::ReadError<_>| {
            EthError::internal("reading an overridden account", &error)
        };
        session.override_account(*address, &account).map_err(failed)?;
    }
    session.prepare().map_err(|error| EthError::internal("beginning a simulated block", &error))
}

/// Runs the calls of a block.
struct Calls<'b> {
    chain_id: u64,
    header: &'b Header,
    validate: bool,
    transfers: bool,
    blob_price: u128,
    gas_left: &'b mut u64,
    logs: usize,
    ran: Ran,
}

impl Calls<'_> {
    fn run(
        &mut self,
        session: &mut Session<'_, Layered, Hashes<'_>>,
        args: &CallArgs,
    ) -> EthResult<()> {
        let from = args.from.unwrap_or_default();
        let account = session
            .account(from)
            .map_err(|error| EthError::internal("reading a sender", &error))?;
        let nonce = args.nonce.unwrap_or_else(|| account.map_or(0, |account| account.nonce));
        let mut call = call_of(args, nonce, self.chain_id)?;
        let remaining = self.header.gas_limit.saturating_sub(session.gas_used());
        let asked = args.gas.unwrap_or(remaining);
        if asked > remaining {
            return Err(EthError::new(
                codes::BLOCK_GAS_LIMIT,
                format!("block gas limit reached: remaining: {remaining}, required: {asked}"),
            ));
        }
        call.gas_limit = asked.min(*self.gas_left);
        if args.gas_price.is_none() {
            // Where nothing else is said a simulated transaction is of type 2. **Spec:** go-ethereum, `ToTransaction`.
            call.max_priority_fee_per_gas.get_or_insert_default();
        }
        let meets = Meets {
            account,
            base_fee: self.header.base_fee_per_gas,
            blob_price: self.blob_price,
            validate: self.validate,
        };
        check(&call, &meets)?;
        let mut tracer = LogTracer::new(self.transfers, self.logs);
        let called = match session.inspect_call(&call, Some(&mut tracer)) {
            Ok((called, _)) => called,
            Err(RunError::Refused(error)) => return Err(refused(&error, call.gas_limit)),
            Err(error) => return Err(EthError::internal("running a simulated call", &error)),
        };
        *self.gas_left = self.gas_left.saturating_sub(called.gas_used);
        let (logs, next) = tracer.finish();
        self.logs = next;
        let ran = &mut self.ran;
        ran.blob_gas += call.blob_hashes.len() as u64 * DATA_GAS_PER_BLOB;
        ran.transactions.push(transaction(args, &call, self.chain_id));
        ran.senders.push(from);
        ran.calls.push((called, logs, call.gas_limit < asked));
        Ok(())
    }
}

/// Writes what a call came to.
fn written(block: &SealedBlock, index: usize, (called, logs, capped): RanCall) -> Value {
    let header = block.header();
    let transaction = block.transactions().get(index).map(EthTransaction::hash).unwrap_or_default();
    let logs: Vec<_> = logs
        .iter()
        .map(|(number, one)| {
            let place = LogPlace {
                block: Some(block.hash),
                number: header.number,
                timestamp: header.timestamp,
                transaction,
                transaction_index: index,
                index: *number,
                removed: false,
            };
            log(one, &place)
        })
        .collect();
    let (output, error) = match &called.ending {
        Ending::Returned { output, .. } => (output.clone(), None),
        Ending::Reverted { output } => {
            let error = EthError::reverted(output);
            let data = hex::encode_prefixed(output);
            (
                output.clone(),
                Some(json!({ "message": error.message, "code": error.code, "data": data })),
            )
        }
        Ending::Halted(halt) => {
            let tail = " (gas limit was capped by the RPC server's global gas cap)";
            let message = format!("{halt}{}", if capped { tail } else { "" });
            (Default::default(), Some(json!({ "message": message, "code": codes::VM })))
        }
    };
    let output = if error.is_some() { Default::default() } else { output };
    let mut out = json::fields(json!({
        "returnData": data(&output),
        "logs": logs,
        "gasUsed": quantity(called.gas_used),
        "maxUsedGas": quantity(called.gas_peak),
        "status": quantity(u8::from(called.is_success())),
    }));
    if let Some(error) = error {
        out.insert("error".to_owned(), error);
    }
    Value::Object(out)
}
