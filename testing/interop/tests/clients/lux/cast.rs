//! Foundry's cast: every command that asks or changes a chain.

use anyhow::{Context as _, Result, ensure};
use interop::{EvmClient, Lab, Lux, failure, output, project};
use serde_json::Value;

use super::with_chain;

/// cast on one chain.
struct Cast<'a> {
    lab: &'a Lab,
    lux: &'a Lux,
}

impl Cast<'_> {
    fn says(&self, arguments: &[&str]) -> Result<String> {
        let mut command = EvmClient::Cast.command(self.lab, self.lux)?;
        command.args(arguments);
        output(command)
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.says(arguments)?;
        serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
    }

    fn refuses(&self, arguments: &[&str]) -> Result<String> {
        let mut command = EvmClient::Cast.command(self.lab, self.lux)?;
        command.args(arguments);
        failure(command)
    }

    /// Sends with the first account's key; returns the receipt, which must tell of success.
    fn send(&self, arguments: &[&str]) -> Result<Value> {
        let key = &self.lux.keys()[0];
        let receipt =
            self.json(&[&["send", "--json", "--private-key", key], arguments].concat())?;
        ensure!(receipt["status"] == "0x1", "{arguments:?}: {receipt}");
        Ok(receipt)
    }
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().with_context(|| format!("{field} in {value}"))
}

#[test]
fn cast_asks_sends_and_follows_what_it_sent() -> Result<()> {
    with_chain(EvmClient::Cast, |lab, lux| {
        let cast = Cast { lab, lux };
        let (alice, bob) = (lux.addresses()[0].as_str(), lux.addresses()[1].as_str());
        ensure!(cast.says(&["chain-id"])? == "31337");
        ensure!(cast.says(&["client"])?.starts_with("quintet/"));
        ensure!(cast.says(&["balance", "--ether", bob])? == "10000.000000000000000000");
        for arguments in [&["--value", "1gwei"][..], &["--legacy", "--value", "2gwei"]] {
            let receipt = cast.send(&[&[bob][..], arguments].concat())?;
            let hash = text(&receipt, "transactionHash")?;
            ensure!(cast.json(&["receipt", "--json", hash])? == receipt);
            ensure!(cast.json(&["tx", "--json", hash])?["hash"] == receipt["transactionHash"]);
            let raw = cast.says(&["tx", "--raw", hash])?;
            ensure!(cast.says(&["keccak", &raw])? == hash, "{raw} is not of {hash}");
            ensure!(cast.says(&["run", hash])?.contains("Traces"));
        }
        ensure!(cast.says(&["balance", bob])? == "10000000000003000000000");
        let unlocked = ["send", "--unlocked", "--from", alice, bob, "--value", "1", "--json"];
        ensure!(cast.json(&unlocked)?["status"] == "0x1");
        ensure!(cast.says(&["nonce", alice])? == "3");
        ensure!(cast.says(&["block-number"])? == "3");
        let raw = cast.says(&["block", "--raw", "latest"])?;
        let block = cast.json(&["block", "--json", "latest"])?;
        ensure!(cast.says(&["keccak", &raw])? == text(&block, "hash")?, "header of {block}");
        let signed = ["mktx", "--private-key", &lux.keys()[0], bob, "--value", "5"];
        let published = cast.json(&["publish", &cast.says(&signed)?])?;
        ensure!(published["status"] == "0x1", "{published}");
        ensure!(cast.says(&["gas-price"])?.parse::<u128>()? > 0);
        Ok(())
    })
}

#[test]
fn cast_calls_contracts_and_reads_logs_storage_and_proofs() -> Result<()> {
    with_chain(EvmClient::Cast, |lab, lux| {
        let cast = Cast { lab, lux };
        let (alice, bob) = (lux.addresses()[0].as_str(), lux.addresses()[1].as_str());
        let (token, probe) =
            (deploy(&cast, "Token", &["Cast", "1000"])?, deploy(&cast, "Probe", &[])?);
        let transfer = "transfer(address,uint256)";
        let gas: u64 =
            cast.says(&["estimate", &token, transfer, bob, "7", "--from", alice])?.parse()?;
        let receipt = cast.send(&[&token, transfer, bob, "7"])?;
        let used = u64::from_str_radix(text(&receipt, "gasUsed")?.trim_start_matches("0x"), 16)?;
        ensure!(used <= gas && gas < used * 2, "estimated {gas}, used {used}");
        ensure!(cast.says(&["call", &token, "balanceOf(address)(uint256)", bob])? == "7");
        let event = "Transfer(address indexed,address indexed,uint256)";
        let logs = ["logs", "--json", "--from-block", "0", "--address", &token, event];
        ensure!(cast.json(&logs)?.as_array().map(Vec::len) == Some(2));
        let supply = cast.says(&["storage", &token, "1"])?;
        let proof = cast.json(&["proof", &token, "1"])?;
        ensure!(proof["storageProof"][0]["value"] == "0x3e8" && supply.ends_with("3e8"), "{proof}");
        ensure!(cast.says(&["storage-root", &token])? == text(&proof, "storageHash")?);
        ensure!(cast.says(&["codehash", &token])? == text(&proof, "codeHash")?);
        let list = ["access-list", "--from", alice, &token, transfer, bob, "1"];
        ensure!(cast.says(&list)?.contains("access list"));
        let why = cast.refuses(&["call", &probe, "fail(uint256)", "0"])?;
        ensure!(why.contains("said why"), "{why}");
        let why = cast.refuses(&["call", &token, transfer, alice, "2000", "--from", bob])?;
        // InsufficientBalance(7, 2000)
        ensure!(why.contains("cf479181") && why.contains("7d0"), "{why}");
        let receipt = cast.send(&["--auth", &probe, alice, "setMark(bytes32)", &hash_of_42()])?;
        ensure!(receipt["type"] == "0x4", "{receipt}");
        ensure!(cast.says(&["code", alice])?.starts_with("0xef0100"));
        Ok(())
    })
}

fn hash_of_42() -> String {
    format!("0x{:064x}", 42)
}

/// Deploys a contract that forge has compiled.
fn deploy(cast: &Cast<'_>, name: &str, arguments: &[&str]) -> Result<String> {
    let (folder, solc) = project(cast.lab)?;
    let mut command = EvmClient::Forge.command(cast.lab, cast.lux)?;
    command.current_dir(folder).args(["create", "--json", "--broadcast", "--use"]).arg(solc);
    command.args(["--private-key", &cast.lux.keys()[0], &format!("src/{name}.sol:{name}")]);
    if !arguments.is_empty() {
        command.arg("--constructor-args").args(arguments);
    }
    let said = output(command)?;
    let json = said.find('{').and_then(|at| said.get(at..)).context("JSON")?;
    Ok(text(&serde_json::from_str(json)?, "deployedTo")?.to_owned())
}
