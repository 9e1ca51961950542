//! `kill -9` in the middle of an import, over and over: what comes out in the end is what an undisturbed import gives.
//!
//! The coins are written after every block, so that the process is nearly always between two writes when it dies. Rounds:
//! `QUINTET_KILL_ROUNDS`, else ten.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{quintet::Home, vectors::block_file};

/// Rounds unless somebody says otherwise.
const ROUNDS: u64 = 10;

/// Blocks that a round may import at most, so that there is something left for the next one.
const BLOCKS_A_ROUND: u64 = 60;

/// Longest time a process may live after it began, ms.
const LIFE_MS_MAX: u64 = 400;

/// An import that writes its coins after every block.
fn import(home: &Home, file: &str, height: u64) -> Child {
    let height = height.to_string();
    let args = [
        "bitcoin",
        "import",
        file,
        "--quiet",
        "--json",
        "--coins-bytes=1",
        "--threads=2",
        "--assume-valid=0",
        "--stop-at-height",
        &height,
    ];
    let mut command = home.command(&args);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Tip and set of coins.
fn state(home: &Home) -> (Value, Value) {
    let coins = home.json(&["bitcoin", "utxo-info", "--hash=muhash", "--json", "--quiet"]);
    (coins["bestblock"].clone(), coins["muhash"].clone())
}

#[test]
fn an_import_killed_at_any_moment_ends_as_one_that_was_left_alone() {
    let Some(file) = block_file("mainnet_blocks_0_599.dat") else { return };
    let rounds = std::env::var("QUINTET_KILL_ROUNDS");
    let rounds = rounds.ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let undisturbed = Home::new();
    undisturbed.ok(&["bitcoin", "import", &file.path, "--quiet"]);

    let home = Home::new();
    let mut killed = 0;
    for round in 0..rounds {
        let mut child = import(&home, &file.path, (round + 1) * BLOCKS_A_ROUND);
        // Spread over the life of a process by the golden ratio, so that no two rounds are alike.
        let life = round.wrapping_mul(618_033_989) % 1_000_000_000 * LIFE_MS_MAX / 1_000_000_000;
        std::thread::sleep(Duration::from_millis(life));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
    }
    assert!(killed > 0, "every process had ended before it was killed");
    let ended = home.json(&["bitcoin", "import", &file.path, "--quiet", "--json"]);
    assert_eq!(ended["blocks"], 599, "{ended}");
    assert_eq!(state(&home), state(&undisturbed));
    let verified = home.json(&["bitcoin", "verify", "--blocks=0", "--store", "--json", "--quiet"]);
    assert_eq!(verified["sound"], true, "{verified}");
}
