//! `optimism_*`.

use std::sync::Arc;

use alloy_primitives::U64;
use quintet_eth_chain::BlockTag;
use quintet_rpc::{
    InternalContext as _, Method, Params, Registry, RpcError, RpcModule, RpcResult, StartError,
};
use serde_json::{Value, json};

use super::Context;
use crate::node::status;

pub(super) fn module(context: Arc<Context>) -> Result<RpcModule<Arc<Context>>, StartError> {
    let mut module = RpcModule::new(context);
    module.register_async_method("optimism_syncStatus", |_, context, _| async move {
        blocking(&context, sync_status).await
    })?;
    module.register_async_method("optimism_outputAtBlock", |params, context, _| async move {
        let number = number(&params)?;
        blocking(&context, move |context| output(context, number)).await
    })?;
    module.register_async_method(
        "optimism_safeHeadAtL1Block",
        |params, context, _| async move {
            let number = number(&params)?;
            blocking(&context, move |context| safe_head(context, number)).await
        },
    )?;
    module.register_method::<RpcResult<Value>, _>("optimism_rollupConfig", |_, context, _| {
        Ok(context.config.to_json())
    })?;
    module.register_method::<RpcResult<String>, _>("optimism_version", |_, _, _| Ok(version()))?;
    Ok(module)
}

fn version() -> String {
    format!("quintet/v{}", env!("CARGO_PKG_VERSION"))
}

/// Works on a thread that may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    context: &Arc<Context>,
    work: impl FnOnce(&Context) -> Result<T, RpcError> + Send + 'static,
) -> RpcResult<T> {
    let context = Arc::clone(context);
    let done = tokio::task::spawn_blocking(move || work(&context)).await;
    done.or_internal("working on a method")?.map_err(Into::into)
}

fn number(params: &Params<'_>) -> Result<u64, RpcError> {
    let bad = |actual: String| RpcError::InvalidParams {
        name: "number",
        expected: "the number of a block in hexadecimal, such as 0x10".to_owned(),
        actual,
    };
    let number: U64 = params.sequence().next().map_err(|error| bad(error.message().to_owned()))?;
    Ok(number.to())
}

fn sync_status(context: &Context) -> Result<Value, RpcError> {
    let (head, _) = context.reader.head().or_internal("reading the head")?;
    Ok(context.status.heads().to_json(&head))
}

fn output(context: &Context, number: u64) -> Result<Value, RpcError> {
    let found = context.reader.output(BlockTag::Number(number));
    let output = found.map_err(|error| RpcError::Unavailable {
        what: format!("the output of block {number}: {error}"),
        advice: "ask for a newer block".to_owned(),
    })?;
    let output = output.ok_or_else(|| RpcError::NotFound { what: format!("block {number}") })?;
    Ok(json!({
        "version": alloy_primitives::B256::ZERO,
        "outputRoot": output.root(),
        "blockRef": status::l2(&output.block),
        "withdrawalStorageRoot": output.storage_root,
        "stateRoot": output.state_root,
        "syncStatus": sync_status(context)?,
    }))
}

fn safe_head(context: &Context, number: u64) -> Result<Value, RpcError> {
    let entry = context.record.at(number).or_internal("reading safe heads")?;
    let what = || format!("a safe head at or before L1 block {number}");
    let entry = entry.ok_or_else(|| RpcError::NotFound { what: what() })?;
    Ok(json!({
        "l1Block": status::id(entry.l1.id()),
        "safeHead": status::id(entry.safe.id()),
    }))
}

pub(super) fn describe(registry: Registry) -> Registry {
    registry
        .method(
            Method::new("optimism_syncStatus", "Tells how far the node is on both chains.")
                .result::<Value>(
                    "status",
                    "L1: current, head, safe, finalized; L2: unsafe, safe, finalized.",
                ),
        )
        .method(
            Method::new("optimism_outputAtBlock", "Returns the output root of a block.")
                .param::<String>("number", "The block's number, in hexadecimal.")
                .result::<Value>("output", "The root of version 0 and what it is made of.")
                .error(quintet_rpc::code::NOT_FOUND, "there is no such block")
                .error(quintet_rpc::code::UNAVAILABLE, "its state is not kept any more"),
        )
        .method(
            Method::new(
                "optimism_safeHeadAtL1Block",
                "Returns what was safe when L1 had been read up to a block.",
            )
            .param::<String>("number", "The L1 block's number, in hexadecimal.")
            .result::<Value>("head", "The L1 block at which it became safe, and the safe head.")
            .error(quintet_rpc::code::NOT_FOUND, "L1 was not read from so early on"),
        )
        .method(
            Method::new("optimism_rollupConfig", "Returns the chain's configuration.")
                .result::<Value>("config", "As in rollup.json."),
        )
        .method(
            Method::new("optimism_version", "Returns name and version of the node.")
                .result::<String>("version", "Such as quintet/v0.1.0."),
        )
}
