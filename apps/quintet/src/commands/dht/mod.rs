//! `quintet dht`.

mod ask;
mod content;
mod get;
mod key_file;
mod node;
mod put;
mod run;
mod status;

use quintet_primitives::hex;
use serde_json::json;

use crate::{
    cli::{DhtArgs, DhtCommand, KeygenArgs},
    output, runtime,
};

/// Carries out the command.
pub(super) fn run(args: DhtArgs) -> anyhow::Result<()> {
    let Some(command) = args.command else { return run::run(args.run) };
    match command {
        DhtCommand::Run(args) => run::run(*args),
        DhtCommand::Keygen(args) => keygen(&args),
        command => runtime::one_thread()?.run(Box::pin(call(command))),
    }
}

/// What is asked of a node that runs.
async fn call(command: DhtCommand) -> anyhow::Result<()> {
    match command {
        DhtCommand::Put(args) => put::run(args).await,
        DhtCommand::Get(args) => get::run(args).await,
        DhtCommand::Ping(args) => ask::ping(args).await,
        DhtCommand::Lookup(args) => ask::lookup(args).await,
        DhtCommand::Table(args) => ask::table(args).await,
        DhtCommand::Announce(args) => ask::announce(args).await,
        DhtCommand::Peers(args) => ask::peers(args).await,
        DhtCommand::Unpublish(args) => ask::unpublish(args).await,
        DhtCommand::Status(args) => status::run(args).await,
        DhtCommand::Run(_) | DhtCommand::Keygen(_) => Ok(()),
    }
}

fn keygen(args: &KeygenArgs) -> anyhow::Result<()> {
    let public_key = hex::encode(&key_file::create(&args.file)?.public_key());
    if args.json {
        return output::json(&json!({ "file": args.file, "public_key": public_key }));
    }
    output::line(format!("wrote {}; its public key is", args.file.display()))?;
    output::line(public_key)
}
