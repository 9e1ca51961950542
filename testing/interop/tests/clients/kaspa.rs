//! The PyPI client `kaspa` on a node that mines: it asks everything it can, listens, pays, and is told of its payment; in both encodings. The npm
//! client `kaspa-rpc-client` and the miner `kaspa-miner` over gRPC, where proof of work counts.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use interop::{Binary, Kaspa, KaspaEncoding, MINER_WORDS, lab, skipped};
use serde_json::Value;

/// Connections that subscribe one after the other.
const ROUNDS: u32 = 10;

/// What every subscriber is told of sooner or later on a node that mines for it.
const TOLD: [&str; 6] = [
    "BlockAdded",
    "NewBlockTemplate",
    "SinkBlueScoreChanged",
    "UtxosChanged",
    "VirtualChainChanged",
    "VirtualDaaScoreChanged",
];

/// Blocks the miner finds; half a minute of them, at most.
const FOUND: u32 = 30;

fn with_node(test: impl FnOnce(&Kaspa) -> Result<()>) -> Result<()> {
    if let Some(reason) = Kaspa::client_absence() {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| test(&Kaspa::start(lab, &binary)?))
}

fn names(told: &Value) -> BTreeSet<&str> {
    told.as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

fn check(saw: &Value) -> Result<()> {
    let told = names(&saw["told"]);
    for event in TOLD {
        ensure!(told.contains(event), "not told of {event}: {saw}");
    }
    let version = saw["version"].as_str().context("a version")?;
    ensure!(version.starts_with("quintet-"), "{saw}");
    ensure!(saw["network"] == "simnet", "{saw}");
    for more_than_none in ["blocks", "tips", "chain", "template_transactions", "balance"] {
        ensure!(saw[more_than_none].as_u64() > Some(0), "{more_than_none}: {saw}");
    }
    // The same payment again spends what is spent.
    ensure!(saw["refused"].is_string(), "{saw}");
    // What is told of the payment: the block that holds it, the chain block that accepts it, the coin it makes.
    for place in ["in_block", "accepted_by", "made_coin"] {
        ensure!(saw[place] == true, "{place}: {saw}");
    }
    Ok(())
}

#[test]
fn a_wallet_asks_listens_and_pays_in_both_encodings() -> Result<()> {
    with_node(|node| {
        for encoding in [KaspaEncoding::Borsh, KaspaEncoding::Json] {
            let saw = node.wallet(encoding)?;
            check(&saw).with_context(|| format!("{encoding:?}"))?;
        }
        Ok(())
    })
}

#[test]
fn every_subscription_of_every_connection_is_answered_and_told() -> Result<()> {
    with_node(|node| {
        for encoding in [KaspaEncoding::Borsh, KaspaEncoding::Json] {
            let saw = node.subscribe(encoding, ROUNDS)?;
            let rounds = saw.as_array().context("rounds")?;
            ensure!(rounds.len() == usize::try_from(ROUNDS)?, "{encoding:?}: {saw}");
            for round in rounds {
                let told = names(round);
                for event in TOLD {
                    ensure!(told.contains(event), "{encoding:?}: not told of {event}: {saw}");
                }
            }
        }
        Ok(())
    })
}

#[test]
fn an_old_client_asks_listens_and_mines_over_grpc() -> Result<()> {
    if let Some(reason) = Kaspa::npm_absence() {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| {
        let saw = Kaspa::start_with_work(lab, &binary)?.ask_over_grpc()?;
        let told = names(&saw["told"]);
        for event in ["blockAdded", "newBlockTemplate", "virtualDaaScoreChanged"] {
            ensure!(told.contains(event), "not told of {event}: {saw}");
        }
        for event in ["blueScoreChanged", "chainChanged", "utxosChanged"] {
            ensure!(told.contains(event), "not told of {event}: {saw}");
        }
        let version = saw["version"].as_str().context("a version")?;
        ensure!(version.starts_with("quintet-"), "{saw}");
        ensure!(saw["network"] == "simnet" && saw["name"] == "kaspa-simnet", "{saw}");
        for so in ["is_synced", "is_tip", "is_ordered"] {
            ensure!(saw[so] == true, "{so}: {saw}");
        }
        // Genesis and what the client mined; each block but the newest has been accepted, and paid.
        ensure!(saw["blocks"] == 5 && saw["listed"] == 5 && saw["chain"] == 4, "{saw}");
        ensure!(saw["accepted"] == 4 && saw["tips"] == 1 && saw["transactions"] == 1, "{saw}");
        ensure!(saw["coins"] == 3, "{saw}");
        ensure!(saw["balance"].as_u64() > Some(0), "{saw}");
        ensure!(
            saw["balances"][0] == saw["balance"] && saw["circulating"] == saw["balance"],
            "{saw}"
        );
        for (asked, words) in [
            ("getHeaders", "RPC not implemented"),
            ("getBlock ?", "expected hash"),
            (
                "getBlock 0000000000000000000000000000000000000000000000000000000000000000",
                "cannot find header",
            ),
        ] {
            let error = saw["errors"][asked].as_str().with_context(|| format!("{asked}: {saw}"))?;
            ensure!(error.contains(words), "{asked}: {error}");
        }
        Ok(())
    })
}

#[test]
fn a_miner_finds_blocks_over_grpc() -> Result<()> {
    if let Some(reason) = Kaspa::npm_absence() {
        return skipped(&reason);
    }
    // Not everywhere can it be built, so its absence is no failure.
    if let Some(reason) = Kaspa::miner_absence() {
        eprintln!("not tried: {reason}");
        return Ok(());
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| {
        let node = Kaspa::start_with_work(lab, &binary)?;
        let _miner = node.start_miner()?;
        let saw = node.watch_over_grpc(FOUND)?;
        let payloads = saw["payloads"].as_array().context("payloads")?;
        ensure!(payloads.len() >= usize::try_from(FOUND)?, "{saw}");
        for payload in payloads {
            let words = payload.as_str().context("a payload")?;
            ensure!(words.ends_with(&format!("/0.2.7/{MINER_WORDS}")), "{words}: {saw}");
        }
        ensure!(saw["balance"].as_u64() > Some(0), "{saw}");
        Ok(())
    })
}
