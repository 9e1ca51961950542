//! `quintet rollup derive`.

use std::{
    io::{self, BufWriter, Write as _},
    time::Instant,
};

use quintet_rollup_node::derive::Progress as Derived;

use super::{
    lines::{Counters, Line, Named},
    open::{self, Opened},
};
use crate::{
    cli::DeriveArgs,
    output::{Progress, Speed, thousands},
    stop::{self, Stop},
    telemetry,
};

/// What is logged unless somebody asks for more: what is retried is no failure.
const LOG_LEVEL: &str = "error";

/// Bytes of lines kept back until they are written in one go.
const LINES_BYTES: usize = 1 << 16;

pub(super) fn run(args: DeriveArgs) -> anyhow::Result<()> {
    let closed = |error: &anyhow::Error| {
        error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    match stop::stoppable(move |stop| derive(&args, stop)) {
        // Who reads has seen enough.
        Err(error) if closed(&error) => Ok(()),
        other => other,
    }
}

fn derive(args: &DeriveArgs, stop: &Stop) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut progress = Progress::new(args.quiet);
    telemetry::for_a_command(args.log.as_deref().or(Some(LOG_LEVEL)), progress.beside())?;
    progress.busy("looking where to begin");
    let Opened { mut driver, last, _lock, _runtime } = open::open(args)?;
    let first = driver.origin().number;
    if let Some(last) = last {
        progress.begin(last.saturating_sub(first));
    }
    let mut out = Lines::new();
    let mut speed = Speed::<2>::new();
    let mut blocks = 0;
    let ended = loop {
        if stop.is_requested() {
            break false;
        }
        match driver.step()? {
            Derived::Block(block) => {
                blocks += 1;
                out.write(&Line::block(&block, args.transactions))?;
            }
            Derived::Invalid { number, reason } => {
                out.write(&Line::Invalid { number, reason: &reason })?;
            }
            Derived::Reset { reason, safe, base } => {
                let l1 = Named::new(base.number, base.hash);
                out.write(&Line::Reset { reason: &reason, safe: Named::l2(&safe), l1 })?;
            }
            Derived::Finalized(block) => {
                out.write(&Line::finalized(&block))?;
            }
            Derived::Origin(l1) => {
                let safe = driver.safe_head().number;
                speed.sample(Instant::now(), [l1.number, blocks]);
                let text = || told(l1.number, safe, speed.per_second());
                match last {
                    Some(_) => progress.update(l1.number.saturating_sub(first), text),
                    None => progress.still_busy(text),
                }
            }
            Derived::AtHead(_) | Derived::Waiting => out.flush()?,
            Derived::Done => break true,
        }
    };
    let l1 = *driver.origin();
    let end = Line::End {
        safe: Named::l2(driver.safe_head()),
        l1: Named::new(l1.number, l1.hash),
        blocks,
        seconds: begun.elapsed().as_secs_f64(),
        stopped: !ended,
        stats: Counters::new(driver.stats()),
    };
    driver.close()?;
    progress.finish();
    out.write(&end)?;
    out.flush()
}

fn told(l1: u64, safe: u64, speed: Option<[f64; 2]>) -> String {
    let mut text = format!("L1 {}, safe {}", thousands(l1), thousands(safe));
    if let Some([l1, l2]) = speed {
        text.push_str(&format!(", {l1:.0} L1 and {l2:.0} L2 blocks/s"));
    }
    text
}

/// Standard output, written in pieces of some size, and at once when nothing more is to be expected soon.
struct Lines {
    out: BufWriter<io::Stdout>,
}

impl Lines {
    fn new() -> Self {
        Self { out: BufWriter::with_capacity(LINES_BYTES, io::stdout()) }
    }

    fn write(&mut self, line: &Line<'_>) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        Ok(self.out.write_all(&text)?)
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }
}
