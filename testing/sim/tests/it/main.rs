//! Every scenario with every kind. `QUINTET_SIM_ROUNDS` says how often nodes are killed.

use std::env;

use anyhow::Result;
use interop::{Binary, skipped};
use sim::{
    byzantine,
    kinds::{Bitcoin, Dht, Kaspa, Lux, Rollup},
    scenario::{self, crashes, foul_weather, partition, strangers},
};

/// How often nodes are killed where nothing is said.
const ROUNDS: usize = 4;

fn with_binary(test: impl FnOnce(&Binary) -> Result<()>) -> Result<()> {
    match Binary::find() {
        Ok(binary) => test(&binary),
        Err(reason) => skipped(&reason),
    }
}

fn rounds() -> usize {
    let said = env::var("QUINTET_SIM_ROUNDS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

macro_rules! scenarios {
    ($module:ident, $kind:ty, $seed:literal) => {
        mod $module {
            use super::*;

            #[test]
            fn halves_that_were_parted_agree_again() -> Result<()> {
                with_binary(|binary| partition::<$kind>(binary, $seed))
            }

            #[test]
            fn nodes_agree_in_foul_weather() -> Result<()> {
                with_binary(|binary| foul_weather::<$kind>(binary, $seed + 1))
            }

            #[test]
            fn a_killed_node_comes_back_with_all_it_acknowledged() -> Result<()> {
                with_binary(|binary| crashes::<$kind>(binary, $seed + 2, rounds()))
            }

            #[test]
            fn strangers_at_its_ports_cost_a_node_nothing() -> Result<()> {
                with_binary(|binary| strangers::<$kind>(binary, $seed + 3))
            }
        }
    };
}

scenarios!(bitcoin, Bitcoin, 1_000);
scenarios!(kaspa, Kaspa, 2_000);
scenarios!(lux, Lux, 3_000);
scenarios!(rollup, Rollup, 4_000);
scenarios!(dht, Dht, 5_000);

#[test]
fn a_rollup_goes_on_without_its_l1_and_all_of_it_is_safe_once_that_is_back() -> Result<()> {
    with_binary(|binary| scenario::rollup::l1_away(binary, 4_004))
}

#[test]
fn liars_among_a_rollups_peers_harm_nobody() -> Result<()> {
    with_binary(|binary| byzantine::rollup::liars(binary, 4_005))
}

#[test]
fn liars_in_a_dht_hide_nothing_and_hurt_nobody() -> Result<()> {
    with_binary(|binary| byzantine::dht::liars(binary, 5_004))
}

#[test]
fn liars_among_a_bitcoin_nodes_peers_harm_nobody() -> Result<()> {
    with_binary(|binary| byzantine::bitcoin::liars(binary, 1_004))
}

#[test]
fn liars_among_validators_stop_nothing_and_are_named() -> Result<()> {
    with_binary(|binary| byzantine::lux::liars(binary, 3_004))
}

#[test]
fn liars_among_a_kaspa_nodes_peers_harm_nobody() -> Result<()> {
    with_binary(|binary| byzantine::kaspa::liars(binary, 2_004))
}
