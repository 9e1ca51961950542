//! `quintet dht get`.

use std::{fs, io::IsTerminal as _};

use anyhow::{Context as _, anyhow};
use quintet_dht_node::rpc_types::{GetInfo, RecordInfo};
use quintet_primitives::hex;
use serde_json::json;

use super::{ask, content, node::Node};
use crate::{cli::GetArgs, exit::AlreadyTold, output};

pub(super) async fn run(args: GetArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let params = match (&args.key, &args.public_key) {
        (Some(key), _) => json!({ "key": key, "raw": args.raw }),
        (None, Some(public_key)) => json!({
            "public_key": hex::encode(&public_key.0),
            "salt": args.salt.as_ref().map(|salt| hex::encode(salt.as_bytes())),
        }),
        (None, None) => json!({}),
    };
    let found: GetInfo = node.call("dht_get", params).await?;
    let Some(record) = &found.record else {
        if node.json {
            output::json(&found)?;
            return Err(AlreadyTold { usage: false }.into());
        }
        let queries = found.report.queries;
        let key = &found.key;
        return Err(anyhow!(
            "nobody has {key}: {queries} nodes were asked; records live two hours"
        ));
    };
    if let Some(path) = &args.output {
        let bytes = bytes(record)?;
        fs::write(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        if !node.json {
            output::line(format!("wrote {} bytes to {}", bytes.len(), path.display()))?;
            return ask::report(&found.report);
        }
    }
    if node.json {
        return output::json(&found);
    }
    show(record)
}

/// To a terminal as text that cannot steer it; to a pipe byte for byte.
fn show(record: &RecordInfo) -> anyhow::Result<()> {
    let bytes = bytes(record)?;
    if !std::io::stdout().is_terminal() {
        return output::print_bytes(&bytes);
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => output::line(output::harmless(text)),
        Err(_) => output::line(format!("{} (hex)", hex::encode(&bytes))),
    }
}

fn bytes(record: &RecordInfo) -> anyhow::Result<Vec<u8>> {
    let (RecordInfo::Immutable { value, .. }
    | RecordInfo::Mutable { value, .. }
    | RecordInfo::Raw { value, .. }) = record;
    let value = hex::decode(value).context("the node's answer is not hexadecimal")?;
    Ok(match record {
        RecordInfo::Raw { .. } => value,
        RecordInfo::Immutable { .. } | RecordInfo::Mutable { .. } => {
            content::decode(&value).to_vec()
        }
    })
}
