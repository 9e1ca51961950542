//! `admin_*`: what an operator may make the node do.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_rollup_protocol::payload::{Envelope, EnvelopeJson, PayloadVersion};
use quintet_rpc::{
    InternalContext as _, Method, Registry, RpcError, RpcModule, RpcResult, StartError,
};
use serde_json::Value;

use super::{Context, methods::blocking};
use crate::{
    engine::{Engine as _, Processed, UnsafeBlock},
    sequencer::{Refused, SequencerControl},
};

/// What op-node answers with where it has nothing better.
const SERVER_ERROR: i32 = -32_000;

fn refused(refused: Refused) -> RpcError {
    RpcError::Application { code: SERVER_ERROR, message: refused.to_string(), data: None }
}

fn sequencer(context: &Context) -> Result<&SequencerControl, RpcError> {
    context.sequencer.as_ref().ok_or_else(|| RpcError::Unavailable {
        what: "the sequencer".to_owned(),
        advice: "start the node with --sequencer.enabled".to_owned(),
    })
}

pub(super) fn module(context: Arc<Context>) -> Result<RpcModule<Arc<Context>>, StartError> {
    let mut module = RpcModule::new(context);
    module.register_async_method("admin_startSequencer", |params, context, _| async move {
        let named: B256 = params.one().or_else(|_| params.sequence().next())?;
        blocking(&context, move |context| {
            let (head, _) = context.reader.head().or_internal("reading the head")?;
            sequencer(context)?.start(head.hash, named).map_err(refused)
        })
        .await
    })?;
    module.register_async_method("admin_stopSequencer", |_, context, _| async move {
        sequencer(&context)?.stop().await.map_err(refused)?;
        blocking(&context, |context| {
            let (head, _) = context.reader.head().or_internal("reading the head")?;
            Ok(head.hash)
        })
        .await
    })?;
    module.register_method::<RpcResult<bool>, _>("admin_sequencerActive", |_, context, _| {
        Ok(context.sequencer.as_ref().is_some_and(SequencerControl::is_active))
    })?;
    module.register_async_method("admin_postUnsafePayload", |params, context, _| async move {
        let envelope: EnvelopeJson = params.sequence().next()?;
        blocking(&context, move |context| post(context, &envelope.into())).await
    })?;
    Ok(module)
}

/// Takes a block that somebody vouches for.
fn post(context: &Context, envelope: &Envelope) -> Result<(), RpcError> {
    let bad = |reason: String| RpcError::Application {
        code: SERVER_ERROR,
        message: format!("payload is not taken: {reason}"),
        data: None,
    };
    let version = PayloadVersion::of_block(&context.config, envelope.payload.timestamp);
    let block = envelope.block_rlp(version).map_err(|error| bad(error.to_string()))?;
    if envelope.payload.number <= context.status.heads().safe_l2.number {
        return Err(bad("the safe head is at its height already".to_owned()));
    }
    let block = UnsafeBlock { hash: envelope.payload.block_hash, block };
    match context.engine.clone().insert(&block).or_internal("inserting a block")? {
        Processed::Valid { .. } => Ok(()),
        Processed::Invalid { reason } => Err(bad(reason)),
    }
}

pub(super) fn describe(registry: Registry) -> Registry {
    registry
        .method(
            Method::new("admin_startSequencer", "Begins to make blocks.")
                .param::<String>("head", "Hash of the block to begin on, which must be the head.")
                .error(SERVER_ERROR, "it runs already, or the head is another one"),
        )
        .method(
            Method::new("admin_stopSequencer", "Ends making blocks.")
                .result::<String>("head", "Hash of the last block.")
                .error(SERVER_ERROR, "it does not run"),
        )
        .method(
            Method::new("admin_sequencerActive", "Tells whether blocks are made.")
                .result::<bool>("active", "Whether they are."),
        )
        .method(
            Method::new("admin_postUnsafePayload", "Takes a block as if gossip had brought it.")
                .param::<Value>("payload", "The payload in an envelope, as gossip has it.")
                .error(SERVER_ERROR, "it is not the block it says it is, or is invalid"),
        )
}
