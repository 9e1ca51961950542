//! Libraries, each behind a script of `peers/lux` whose steps are what its users do; and the same transactions beside anvil.

use anyhow::Result;
use interop::{Anvil, Binary, EvmClient, Lux, compare, lab, skipped};

use super::with_chain;

/// Time of the first block of two chains that are compared.
const GENESIS_TIME: u64 = 1_750_000_000;

#[test]
fn ethers_does_what_its_users_do() -> Result<()> {
    with_chain(EvmClient::Ethers, |lab, lux| EvmClient::Ethers.run_script(lab, lux))
}

#[test]
fn viem_does_what_its_users_do() -> Result<()> {
    with_chain(EvmClient::Viem, |lab, lux| EvmClient::Viem.run_script(lab, lux))
}

#[test]
fn web3_py_does_what_its_users_do_and_verifies_proofs_itself() -> Result<()> {
    with_chain(EvmClient::Web3Py, |lab, lux| EvmClient::Web3Py.run_script(lab, lux))
}

#[test]
fn the_same_random_transactions_have_the_same_effects_on_anvil() -> Result<()> {
    if let Some(reason) = EvmClient::Ethers.absence().or_else(Anvil::absence) {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| {
        let anvil = Anvil::beside(GENESIS_TIME)?;
        compare(lab, &Lux::start(lab, &binary, &[])?, &anvil)
    })
}
