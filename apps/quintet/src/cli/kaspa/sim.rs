//! `quintet kaspa sim`: what can be said.

use std::{num::NonZero, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  quintet kaspa sim --bps 10 --tps 1000 --blocks 6000
  quintet kaspa sim --miners 20 --views 4 --jitter 50   parts of the network that see blocks in different orders
  quintet kaspa sim --sweep delay=0.1,0.5,1,2,5,10 --plot delays.svg
  quintet kaspa sim --sweep bps=1,10,32,100 --json
  quintet kaspa sim --blocks 250000 --scale 50 --views 0 --tps 1 --delay 0.5 --samples pruned.csv --plot pruned.svg
  quintet kaspa sim --days 7 --views 0 --tps 1 --data-dir week --samples week.csv --plot week.svg

Every block goes through the whole consensus: header, body, UTXO state. Time is simulated; the same options make the same blocks on
every machine. PARENTS is the width of the DAG, MERGED the blocks a chain block merges, ACCEPTED the milliseconds from a block to the arrival of
the chain block that accepts its transactions, AHEAD how many times faster than the simulated network this machine processed its blocks: below 1 it
could not keep up.";

/// Options of a simulation.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SimArgs {
    /// Blocks a second; all rules follow from it, K for a delay of five seconds.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) bps: u64,

    /// Seconds a block is on its way to everybody.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub(crate) delay: Micros,

    /// Percent by which the delay of a block to one view is longer or shorter at most.
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    pub(crate) jitter: u64,

    /// Miners, each with a key of its own.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) miners: u32,

    /// Parts of the network with a consensus of their own; it takes jitter to tell them apart. With 0 miners share that of the node that is
    /// measured: half the work, but its speed says little.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) views: u32,

    /// Transactions a second, each with one signature; blocks hold fewer until coins may be spent.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) tps: u64,

    /// Blocks to mine.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) blocks: u64,

    /// Simulated days, instead of a number of blocks.
    #[arg(long, value_name = "DAYS", conflicts_with = "blocks")]
    pub(crate) days: Option<u64>,

    /// The rules: those of the network's latest upgrade, or of the one before.
    #[arg(long, value_enum, default_value_t = SimEra::Toccata)]
    pub(crate) era: SimEra,

    /// Blocks until a coinbase may be spent.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) coinbase_maturity: u64,

    /// Depths of finality, merging and pruning, windows and proofs this many times shorter: many pruning periods in the time of one.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = scale)]
    pub(crate) scale: NonZero<u64>,

    /// The devnet's rules with what this file changes, as `quintet kaspa run` and kaspad read it; proof of work must be left out.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["bps", "era", "coinbase_maturity", "scale", "sweep"]
    )]
    pub(crate) override_params_file: Option<PathBuf>,

    /// Where randomness begins.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// One simulation for each of some values: bps, delay, jitter, miners or tps, an equals sign, the values separated by commas.
    #[arg(long, value_name = "OPTION=VALUES")]
    pub(crate) sweep: Option<Sweep>,

    /// Write the blocks to this file, as JSON lines compressed with gzip.
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    pub(crate) out: Option<PathBuf>,

    /// Keep the DAG of the node that is measured in this directory, which must be empty or not there; in memory if not given.
    #[arg(long, value_name = "DIR", conflicts_with = "sweep")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Write what memory and disk held into this CSV file, time and again.
    #[arg(long, value_name = "FILE", conflicts_with = "sweep")]
    pub(crate) samples: Option<PathBuf>,

    /// Simulated seconds between two samples.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample_every: u64,

    /// Draw the figures of a sweep, or the samples, into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,

    /// Do not tell how far it has come.
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// An era that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimEra {
    /// Ten blocks a second on the main network, before scripts and lanes were extended.
    Crescendo,
    /// The latest.
    Toccata,
}

/// A time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Micros(pub(crate) u64);

/// Reads how many times shorter depths are.
fn scale(text: &str) -> Result<NonZero<u64>, String> {
    /// Below this a finality depth would be nothing.
    const SCALE_MAX: u64 = 10_000;
    let value = text.parse().ok().filter(|value: &NonZero<u64>| value.get() <= SCALE_MAX);
    value.ok_or_else(|| format!("expected a whole number from 1 to {SCALE_MAX}, got {text:?}"))
}

/// Reads seconds, with up to six decimals.
fn seconds(text: &str) -> Result<Micros, String> {
    let wrong = || format!("expected seconds such as 2 or 0.25, got {text:?}");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let micros: u64 = format!("{part:0<6}").parse().map_err(|_| wrong())?;
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    whole
        .checked_mul(1_000_000)
        .and_then(|whole| whole.checked_add(micros))
        .map(Micros)
        .ok_or_else(wrong)
}

/// One option and the values it goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sweep {
    option: Swept,
    values: Vec<u64>,
    shown: Vec<String>,
}

/// Options that can be swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Swept {
    Bps,
    Delay,
    Jitter,
    Miners,
    Tps,
}

impl Sweep {
    /// Most values of a sweep.
    const VALUES_MAX: usize = 100;

    /// The name of the option.
    pub(crate) const fn name(&self) -> &'static str {
        match self.option {
            Swept::Bps => "bps",
            Swept::Delay => "delay",
            Swept::Jitter => "jitter",
            Swept::Miners => "miners",
            Swept::Tps => "tps",
        }
    }

    /// What stands beside the axis of a plot.
    pub(crate) const fn axis(&self) -> &'static str {
        match self.option {
            Swept::Bps => "blocks a second",
            Swept::Delay => "delay, seconds",
            Swept::Jitter => "jitter of the delay, percent",
            Swept::Miners => "miners",
            Swept::Tps => "transactions a second wanted",
        }
    }

    /// The options of each simulation, and the value as it was given.
    pub(crate) fn each<'a>(
        &'a self,
        args: &'a SimArgs,
    ) -> impl Iterator<Item = (&'a str, SimArgs)> + 'a {
        self.values.iter().zip(&self.shown).map(move |(&value, shown)| {
            let mut args = args.clone();
            match self.option {
                Swept::Bps => args.bps = value,
                Swept::Delay => args.delay = Micros(value),
                Swept::Jitter => args.jitter = value,
                // More miners than there can be are refused with the plan.
                Swept::Miners => args.miners = u32::try_from(value).unwrap_or(u32::MAX),
                Swept::Tps => args.tps = value,
            }
            (shown.as_str(), args)
        })
    }
}

impl FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected an option and its values such as bps=1,10,32, got {text:?}");
        let (name, values) = text.split_once('=').ok_or_else(wrong)?;
        let option = match name {
            "bps" => Swept::Bps,
            "delay" => Swept::Delay,
            "jitter" => Swept::Jitter,
            "miners" => Swept::Miners,
            "tps" => Swept::Tps,
            _ => return Err(format!("expected bps, delay, jitter, miners or tps, got {name:?}")),
        };
        let shown: Vec<String> = values.split(',').map(str::to_owned).collect();
        if shown.len() > Self::VALUES_MAX {
            return Err(format!(
                "expected at most {} values, got {}",
                Self::VALUES_MAX,
                shown.len()
            ));
        }
        let value = |text: &String| match option {
            Swept::Delay => seconds(text).map(|Micros(micros)| micros),
            Swept::Bps | Swept::Jitter | Swept::Miners | Swept::Tps => {
                text.parse().map_err(|_| format!("expected a whole number, got {text:?}"))
            }
        };
        let values = shown.iter().map(value).collect::<Result<_, _>>()?;
        Ok(Self { option, values, shown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_up_to_six_decimals() {
        assert_eq!(seconds("2"), Ok(Micros(2_000_000)));
        assert_eq!(seconds("0.25"), Ok(Micros(250_000)));
        for text in ["", ".5", "-1", "1.0000001", "1e3", "99999999999999999999"] {
            assert!(seconds(text).unwrap_err().contains("expected seconds"), "{text}");
        }
    }

    #[test]
    fn a_sweep_names_an_option_and_its_values() {
        let sweep: Sweep = "delay=0.5,10".parse().unwrap();
        assert_eq!((sweep.name(), &sweep.values[..]), ("delay", &[500_000, 10_000_000][..]));
        assert!("bps".parse::<Sweep>().unwrap_err().contains("such as bps=1,10,32"));
        assert!("blocks=1".parse::<Sweep>().unwrap_err().contains("expected bps, delay"));
        assert!("bps=1,x".parse::<Sweep>().unwrap_err().contains("whole number, got \"x\""));
    }
}
