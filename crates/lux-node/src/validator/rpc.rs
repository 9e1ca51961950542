//! `lux_*`: what a network's node tells of consensus beside Ethereum's methods.

use std::sync::{Arc, PoisonError};

use quintet_eth_rpc::EthError;
use quintet_lux_protocol::vote::Checkpoint;
use quintet_rpc::{
    ErrorObjectOwned, Method, Methods, Registry, RpcError, RpcModule, RpcResult, StartError,
};
use serde_json::{Value, json};

use super::{ValidatorNode, actor::now_millis, engine::Engine};

type Run = fn(&mut Engine) -> Result<Value, EthError>;

struct Entry {
    name: &'static str,
    summary: &'static str,
    run: Run,
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "lux_validators",
        summary: "Tells the validators with their stakes, and which of them is this node.",
        run: validators,
    },
    Entry {
        name: "lux_slot",
        summary: "Tells the slot, its epoch, when it began and who proposes in it.",
        run: slot,
    },
    Entry {
        name: "lux_finality",
        summary: "Tells the head, the justified (safe) and the final checkpoint, and the votes of the newest slots.",
        run: finality,
    },
    Entry {
        name: "lux_equivocations",
        summary: "Tells which validators said two things, with the evidence.",
        run: equivocations,
    },
    Entry {
        name: "lux_status",
        summary: "Tells where this node is, as peers are told.",
        run: status,
    },
];

/// Returns all methods of a network's node.
///
/// # Errors
///
/// [`StartError`] if two methods have one name.
pub fn module(node: &ValidatorNode) -> Result<Methods, StartError> {
    let mut all: Methods = quintet_eth_rpc::module(Arc::clone(&node.node))?.into();
    let mut module = RpcModule::new(Arc::clone(&node.engine));
    for entry in ENTRIES {
        let run = entry.run;
        module.register_async_method(entry.name, move |_, engine, _| async move {
            let answer = tokio::task::spawn_blocking(move || {
                run(&mut engine.lock().unwrap_or_else(PoisonError::into_inner))
            });
            let answer: RpcResult<Value> = match answer.await {
                Ok(answer) => answer.map_err(object),
                Err(error) => Err(RpcError::internal("run a method", &error).into()),
            };
            answer
        })?;
    }
    all.merge(module)?;
    Ok(all)
}

fn object(error: EthError) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(error.code, error.message, error.data)
}

/// Returns the descriptions of all methods of a network's node.
#[must_use]
pub fn registry() -> Registry {
    ENTRIES.iter().fold(quintet_eth_rpc::registry(), |registry, entry| {
        let method = Method::new(entry.name, entry.summary);
        registry.method(method.result::<Value>("result", "What was asked for."))
    })
}

fn quantity(number: u64) -> Value {
    json!(format!("{number:#x}"))
}

fn checkpoint(at: Checkpoint, engine: &Engine) -> Value {
    let number = engine.consensus().position(&at.block).map(|at| quantity(at.number));
    json!({ "slot": quantity(at.slot), "hash": at.block.to_string(), "number": number })
}

fn validators(engine: &mut Engine) -> Result<Value, EthError> {
    let own = engine.index();
    let set = engine.consensus().set();
    let accused: Vec<usize> =
        engine.consensus().evidence().map(|found| found.validator()).collect();
    let each = set.validators().iter().enumerate().map(|(index, one)| {
        json!({
            "index": index,
            "address": one.address.to_string(),
            "vrfKey": alloy_primitives::B256::new(one.vrf_key).to_string(),
            "stake": quantity(one.stake),
            "local": own == Some(index),
            "equivocated": accused.contains(&index),
        })
    });
    Ok(json!(each.collect::<Vec<_>>()))
}

fn slot(engine: &mut Engine) -> Result<Value, EthError> {
    let params = *engine.consensus().params();
    let slot = params.slot_at(now_millis());
    let proposer = engine.proposer(slot);
    let proposer = proposer.and_then(|index| engine.consensus().set().get(index));
    Ok(json!({
        "slot": quantity(slot),
        "epoch": quantity(params.epoch_of(slot)),
        "startMillis": quantity(params.start_of(slot)),
        "slotMillis": quantity(params.slot_millis),
        "proposer": proposer.map(|one| one.address.to_string()),
    }))
}

fn finality(engine: &mut Engine) -> Result<Value, EthError> {
    let consensus = engine.consensus();
    let finality = consensus.finality();
    let newest = consensus.slot();
    let recent = (newest.saturating_sub(3)..=newest).flat_map(|slot| finality.links(slot));
    let votes = recent.map(|(vote, stake)| {
        json!({
            "source": checkpoint(vote.source, engine),
            "target": checkpoint(vote.target, engine),
            "stake": quantity(stake),
        })
    });
    let head = engine.head();
    Ok(json!({
        "head": { "number": quantity(head.number), "hash": head.hash.to_string() },
        "safe": checkpoint(finality.justified(), engine),
        "finalized": checkpoint(finality.finalised(), engine),
        "totalStake": quantity(consensus.set().total()),
        "unfinalBlocks": quantity(consensus.unfinal_blocks() as u64),
        "votes": votes.collect::<Vec<_>>(),
    }))
}

fn equivocations(engine: &mut Engine) -> Result<Value, EthError> {
    let consensus = engine.consensus();
    let found = consensus.evidence().map(|found| {
        let mut bytes = Vec::new();
        found.evidence().encode(&mut bytes);
        json!({
            "validator": consensus.set().get(found.validator()).map(|one| one.address.to_string()),
            "offence": found.offence().name(),
            "slot": quantity(found.slot()),
            "evidence": alloy_primitives::Bytes::from(bytes).to_string(),
        })
    });
    Ok(json!(found.collect::<Vec<_>>()))
}

fn status(engine: &mut Engine) -> Result<Value, EthError> {
    let status = engine.status().map_err(|error| EthError::server(error.to_string()))?;
    Ok(json!({
        "genesis": status.genesis.to_string(),
        "headNumber": quantity(status.head_number),
        "head": status.head.to_string(),
        "finalizedNumber": quantity(status.finalised_number),
        "finalized": checkpoint(status.finalised, engine),
    }))
}
