//! `kill -9` in the middle of a replay, over and over: what comes out in the end is what an undisturbed replay gives.
//!
//! The DAG is pruned on the way. The coins are written after every few blocks, so that the process is nearly always between two writes when it dies. Rounds:
//! `QUINTET_KILL_ROUNDS`, else ten.

use std::{process::Stdio, time::Duration};

use serde_json::Value;

use crate::{quintet::Home, vectors::dag_file};

/// Rounds unless somebody says otherwise.
const ROUNDS: u64 = 10;

/// Longest time a process may live after it began, ms.
const LIFE_MS_MAX: u64 = 400;

/// A replay that writes its coins whenever it can.
fn replay(file: &str) -> [&str; 7] {
    ["kaspa", "replay", file, "--quiet", "--json", "--coins-bytes=1", "--threads=2"]
}

/// What a replay says of the virtual state.
///
/// Not the number of headers: rows of pruned blocks are counted until the next start.
fn state(ended: &Value) -> [Value; 4] {
    ["pruning_point", "sink", "virtual_daa_score", "utxo_commitment"].map(|key| ended[key].clone())
}

#[test]
fn a_replay_killed_at_any_moment_ends_as_one_that_was_left_alone() {
    let Some(file) = dag_file("rk_v2.0.1_custom_pruning.jsonl.gz") else { return };
    let rounds = std::env::var("QUINTET_KILL_ROUNDS");
    let rounds = rounds.ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS).max(1);
    let undisturbed = Home::new();
    let expected = undisturbed.json(&["kaspa", "replay", &file.path, "--quiet", "--json"]);
    assert_eq!(expected["replayed"]["refused"], 0, "{expected}");

    let home = Home::new();
    let mut killed = 0;
    for round in 0..rounds {
        let mut command = home.command(&replay(&file.path));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over the life of a process by the golden ratio, so that no two rounds are alike.
        let life = round.wrapping_mul(618_033_989) % 1_000_000_000 * LIFE_MS_MAX / 1_000_000_000;
        std::thread::sleep(Duration::from_millis(life));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
    }
    assert!(killed > 0, "every process had ended before it was killed");
    let ended = home.json(&replay(&file.path));
    assert_eq!(state(&ended), state(&expected), "{ended}");
    let again = home.json(&replay(&file.path));
    assert_eq!(state(&again), state(&expected), "{again}");
    assert_eq!(again["replayed"]["blocks"], 0, "nothing was left to replay");
}
