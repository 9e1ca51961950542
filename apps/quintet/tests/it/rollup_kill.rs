//! `kill -9` while a rollup is derived and executed: the safe head is never wrong, and the next run goes on from the disk.
//!
//! `QUINTET_KILL_ROUNDS` says how often, else ten.

use std::{
    io::Read as _,
    process::Stdio,
    time::{Duration, Instant},
};

use quintet_rollup_node::testing::Manners;

use crate::{quintet::Home, rollup::Rollup};

/// Rounds unless somebody says otherwise.
const ROUNDS: u64 = 10;

/// L1 blocks of the chain.
const EPOCHS: u64 = 60;

#[test]
fn a_derivation_killed_at_any_moment_ends_as_one_that_was_left_alone() {
    let rounds = std::env::var("QUINTET_KILL_ROUNDS");
    let rounds = rounds.ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS).max(1);
    let home = Home::new();
    let latency = Duration::from_millis(5);
    let rollup = Rollup::new(&home, EPOCHS, Manners { latency, ..Manners::default() });
    let run = |dir: &str| {
        let mut arguments = rollup.arguments(dir);
        // Few at once, so that it takes a while.
        arguments.extend(["--in-flight", "2"].map(str::to_owned));
        arguments
    };

    let begun = Instant::now();
    let undisturbed = run(&home.path("undisturbed"));
    let undisturbed: Vec<_> = undisturbed.iter().map(String::as_str).collect();
    rollup.assert_blocks(&home.ok(&undisturbed));
    let whole = begun.elapsed();

    let dir = home.path("data");
    let arguments = run(&dir);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut killed = 0;
    for round in 0..rounds {
        let mut command = home.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        // Spread over the life of a process by the golden ratio, so that no two rounds are alike.
        let part = round.wrapping_mul(618_033_989) % 1_000_000_000;
        std::thread::sleep(whole.mul_f64(part as f64 / 1e9 * 0.7));
        child.kill().unwrap();
        killed += u64::from(child.wait().unwrap().code().is_none());
        let mut out = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
        rollup.assert_blocks(&String::from_utf8_lossy(&out));
    }
    assert!(killed > 0, "every process had ended before it was killed");
    let ended = home.ok(&arguments);
    rollup.assert_blocks(&ended);
    let end: serde_json::Value = serde_json::from_str(ended.lines().last().unwrap()).unwrap();
    assert_eq!(end["safe"]["hash"], rollup.sequencer.head().hash.to_string(), "{end}");
}
