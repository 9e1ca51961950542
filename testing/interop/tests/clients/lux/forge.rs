//! Foundry's forge: a project's own tests on a fork of the chain, and its deployment script.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use interop::{EvmClient, Lab, Lux, output, project};
use serde_json::{Value, json};

use super::with_chain;

/// What the deployer of the token has.
const SUPPLY: &str = "1000000";

fn forge(lab: &Lab, lux: &Lux, folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = EvmClient::Forge.command(lab, lux)?;
    command.current_dir(folder).args(arguments);
    command.env("HOLDER", &lux.addresses()[0]).env("HELD", SUPPLY);
    output(command)
}

/// The JSON in what forge says.
fn json_in(said: &str) -> Result<Value> {
    let from = said.find('{').and_then(|at| said.get(at..));
    let text = from.with_context(|| format!("no JSON in {said}"))?;
    // What follows it, if anything does, is not asked for.
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    Ok(values.next().context("a value")??)
}

#[test]
fn a_foundry_projects_own_tests_pass_on_a_fork_and_its_script_deploys() -> Result<()> {
    with_chain(EvmClient::Forge, |lab, lux| {
        let (folder, solc) = project(lab)?;
        let solc = solc.to_str().context("a path of text")?;
        let url = lux.http();
        let on_chain = ["--use", solc, "--rpc-url", &url, "--private-key", &lux.keys()[0]];
        let create = ["create", "--json", "--broadcast", "src/Token.sol:Token"];
        let arguments = ["--constructor-args", "Forked", SUPPLY];
        let made = forge(lab, lux, &folder, &[&create[..], &on_chain, &arguments].concat())?;
        let made = json_in(&made)?;
        let token = made["deployedTo"].as_str().context("an address")?;
        ensure!(lux.call("eth_blockNumber", &json!([]))? == "0x1");

        let mut command = EvmClient::Forge.command(lab, lux)?;
        command.current_dir(&folder).args(["test", "--json", "--use", solc, "--fork-url", &url]);
        command.env("TOKEN", token).env("HOLDER", &lux.addresses()[0]);
        command.env("HELD", SUPPLY).env("BEFORE", "0");
        let outcome = json_in(&output(command)?)?;
        let results = &outcome["test/Fork.t.sol:ForkTest"]["test_results"];
        let results = results.as_object().with_context(|| format!("results in {outcome}"))?;
        ensure!(results.len() == 6, "{results:?}");
        ensure!(results.values().all(|one| one["status"] == "Success"), "{results:?}");

        let script = ["script", "--broadcast", "script/Deploy.s.sol:Deploy"];
        forge(lab, lux, &folder, &[&script[..], &on_chain].concat())?;
        let moved = Path::new("broadcast/Deploy.s.sol/31337/run-latest.json");
        let run: Value = serde_json::from_slice(&std::fs::read(folder.join(moved))?)?;
        let receipts = run["receipts"].as_array().context("receipts")?;
        ensure!(receipts.len() == 5, "{receipts:?}");
        for receipt in receipts {
            ensure!(receipt["status"] == "0x1", "{receipt}");
            let hash = &receipt["transactionHash"];
            let own = lux.call("eth_getTransactionReceipt", &json!([hash]))?;
            ensure!(own["gasUsed"] == receipt["gasUsed"], "{own} and {receipt}");
        }
        Ok(())
    })
}
