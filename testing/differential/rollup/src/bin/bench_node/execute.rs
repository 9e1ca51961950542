//! The witness blocks, executed: from the bytes of their transactions to their hashes.

use std::{fs, path::Path};

use anyhow::Result;
use quintet_rollup_node::{l1::file::read_text, witness::Fixture};

use crate::median;

pub(crate) fn run(vectors: &Path, rounds: usize, threads: usize) -> Result<()> {
    let mut files: Vec<_> = fs::read_dir(vectors.join("exec"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let (mut gas, mut seconds, mut transactions) = (0_u64, 0.0, 0);
    println!("block, transactions, Mgas, ms, Mgas a second");
    for path in &files {
        let fixture = Fixture::read(&read_text(path)?)?;
        let mut times = Vec::new();
        let mut last = None;
        for _ in 0..rounds {
            let executed = fixture.execute(threads)?;
            times.push(executed.time.as_secs_f64());
            last = Some(executed);
        }
        let Some(executed) = last else { continue };
        let time = median(&mut times);
        let used = executed.header.gas_used;
        println!(
            "{}, {}, {:.2}, {:.2}, {:.0}",
            executed.header.number,
            executed.transactions,
            used as f64 / 1e6,
            time * 1e3,
            used as f64 / 1e6 / time
        );
        gas += used;
        seconds += time;
        transactions += executed.transactions;
    }
    println!(
        "{} blocks, {transactions} transactions, {:.1} Mgas in {:.1} ms on {threads} threads: {:.0} Mgas a second",
        files.len(),
        gas as f64 / 1e6,
        seconds * 1e3,
        gas as f64 / 1e6 / seconds
    );
    Ok(())
}
