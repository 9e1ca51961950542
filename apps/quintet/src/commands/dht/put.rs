//! `quintet dht put`.

use anyhow::{anyhow, bail};
use quintet_dht_node::rpc_types::{GetInfo, PutInfo, PutRecord, RecordInfo};
use quintet_dht_protocol::message::{MutableItem, SALT_MAX};
use quintet_primitives::hex;
use serde_json::json;

use super::{ask, content, key_file, node::Node};
use crate::{
    cli::PutArgs,
    exit::UsageError,
    output::{self, Style, paint},
};

/// Refusals that are told one by one.
const REFUSALS_SHOWN: usize = 3;

pub(super) async fn run(args: PutArgs) -> anyhow::Result<()> {
    let bytes = match (&args.text, &args.file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(file)) => content::read(file)?,
        (None, None) => return Err(UsageError::new("expected a text or --file").into()),
    };
    let node = Node::find(&args.connection)?;
    let record = if let Some(key) = args.raw {
        let value = Some(hex::encode(&bytes));
        PutRecord { key: Some(key.to_string()), value, ..PutRecord::default() }
    } else {
        let value = content::encode(&bytes, args.bencoded)?;
        match &args.key_file {
            Some(_) => sign(&args, value, &node).await?,
            None => PutRecord { value: Some(hex::encode(&value)), ..PutRecord::default() },
        }
    };
    let params = json!({ "record": record, "publish": args.publish });
    let stored: PutInfo = node.call("dht_put", params).await?;
    if node.json {
        let mut told = serde_json::to_value(&stored)?;
        if let (Some(told), Some(public_key)) = (told.as_object_mut(), &record.public_key) {
            told.insert("public_key".to_owned(), json!(public_key));
            told.insert("salt".to_owned(), json!(record.salt));
            told.insert("seq".to_owned(), json!(record.seq));
        }
        output::json(&told)?;
    } else {
        if let (Some(public_key), Some(seq)) = (&record.public_key, record.seq) {
            output::line(format!("version {seq} of public key {public_key}"))?;
        }
        tell(&stored)?;
    }
    require_one(&stored)
}

/// Signs the next version. The key stays here; what travels is the signature.
async fn sign(args: &PutArgs, value: Vec<u8>, node: &Node) -> anyhow::Result<PutRecord> {
    let Some(file) = &args.key_file else { bail!("expected --key-file") };
    let key = key_file::read(file)?;
    let salt = args.salt.clone().unwrap_or_default().into_bytes();
    if salt.len() > SALT_MAX {
        let found = salt.len();
        let wrong = format!("--salt: expected at most {SALT_MAX} bytes, found {found}");
        return Err(UsageError::new(wrong).into());
    }
    let public_key = hex::encode(&key.public_key());
    let seq = match args.seq {
        Some(seq) => seq,
        None => next_version(node, &public_key, &salt).await?,
    };
    let MutableItem { salt, seq, signature, value, .. } = MutableItem::sign(&key, salt, seq, value);
    Ok(PutRecord {
        value: Some(hex::encode(&value)),
        public_key: Some(public_key),
        salt: (!salt.is_empty()).then(|| hex::encode(&salt)),
        seq: Some(seq),
        signature: Some(hex::encode(&signature)),
        cas: args.cas,
        ..PutRecord::default()
    })
}

/// One more than the newest version anybody has; 1 for the first.
async fn next_version(node: &Node, public_key: &str, salt: &[u8]) -> anyhow::Result<i64> {
    let params = json!({ "public_key": public_key, "salt": hex::encode(salt) });
    let found: GetInfo = node.call("dht_get", params).await?;
    match found.record {
        Some(RecordInfo::Mutable { seq, .. }) => seq
            .checked_add(1)
            .ok_or_else(|| anyhow!("version {seq} is the last there can be: use another --salt")),
        Some(RecordInfo::Immutable { .. } | RecordInfo::Raw { .. }) | None => Ok(1),
    }
}

/// Tells who holds a record now.
pub(super) fn tell(stored: &PutInfo) -> anyhow::Result<()> {
    output::line(&stored.key)?;
    let PutInfo { acknowledged, refused, silent, .. } = stored;
    let holders = output::count(*acknowledged, "node holds it", "nodes hold it");
    let note = format!("{holders}, {} refused, {silent} did not answer", refused.len());
    output::line(paint(Style::Quiet, &note))?;
    for refusal in refused.iter().take(REFUSALS_SHOWN) {
        let (addr, code) = (&refusal.node.addr, refusal.code);
        output::line(format!("  {addr}: {code} {}", output::harmless(&refusal.message)))?;
    }
    ask::report(&stored.report)
}

/// A record that nobody took is not stored.
pub(super) fn require_one(stored: &PutInfo) -> anyhow::Result<()> {
    if stored.acknowledged > 0 {
        return Ok(());
    }
    let reason = stored.refused.first().map_or_else(
        || "no node answered".to_owned(),
        |refusal| format!("error {}: {}", refusal.code, output::harmless(&refusal.message)),
    );
    Err(anyhow!("nobody took the record {}: {reason}", stored.key))
}

#[cfg(test)]
mod tests {
    use quintet_dht_node::rpc_types::{ContactInfo, RefusalInfo, ReportInfo};

    use super::*;

    #[test]
    fn a_record_nobody_took_is_a_failure_with_a_reason() {
        let node = ContactInfo { id: String::new(), addr: "127.0.0.1:1".to_owned() };
        let refusal = RefusalInfo { node, code: 302, message: "seq\u{1b}[2J".to_owned() };
        let report = ReportInfo { queries: 0, failures: 0, hops: 0, elapsed_us: 0 };
        let key = "ab".to_owned();
        let stored = PutInfo { key, acknowledged: 0, refused: vec![refusal], silent: 0, report };
        let error = require_one(&stored).unwrap_err().to_string();
        assert_eq!(error, "nobody took the record ab: error 302: seq\\u{1b}[2J");
        assert!(require_one(&PutInfo { acknowledged: 1, ..stored }).is_ok());
    }
}
