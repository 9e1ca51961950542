//! How long does it take to import the same block files? Bitcoin Core's kernel against this project.
//!
//! Each contender runs in a process of its own, on a data directory of its own beside the others': wall and CPU time, peak
//! memory, bytes on disk. The block files are read once before, so that all find them in the page cache.
//!
//! - `kernel`: every block of the files handed to the kernel in turn, which writes them into files of its own.
//! - `reindex`: the kernel over copies of the files (`-reindex`): it parses and connects, and copies no block.
//! - `ours`: the command given, `{data}` and `{files}` replaced.
//!
//! Where every input holds one ECDSA signature (`bitcoin_chain --mode ecdsa`), `--signatures` adds the limit: the time libsecp256k1 alone takes for as
//! many signatures on all cores at once, key parsing included, measured before and after the others because a machine's speed varies.
//!
//! The kernel's interface fixes its cache at 450 MiB, sets no assumed-valid block and gives no hash of the coins. So give
//! the other the same cache; for everything but scripts make the chain with `bitcoin_chain --mode trivial`, where scripts are
//! one opcode; and compare coins by bitcoind's `gettxoutsetinfo` over the `kernel` folder, which is kept with `--directory`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use bench::{bitcoin_chain::read_blocks, process};
use bitcoin::{
    Block,
    consensus::deserialize,
    secp256k1::{Keypair, Message, PublicKey, Secp256k1, SecretKey},
};
use clap::{Parser, ValueEnum};
use judge_kernel::{Chainstate, Outcome};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// Compares importing block files.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of the block files, as bitcoin_chain writes it.
    chain: PathBuf,
    /// Where to put the data directories; a temporary one unless given.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// The command of this project: quintet bitcoin import --data-dir {data} {files}
    #[arg(long)]
    ours: Option<String>,
    /// Threads that check scripts, the main one included; 0 for as many as there are cores.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Every input holds one ECDSA signature: show what share of their bare cost each contender reaches.
    #[arg(long)]
    signatures: bool,
    /// Only this contender.
    #[arg(long)]
    only: Option<Contender>,
    /// Runs one contender in this process and prints JSON.
    #[arg(long, hide = true, requires = "directory")]
    contender: Option<Contender>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Contender {
    Kernel,
    Reindex,
    Ours,
}

#[derive(Debug, Serialize, Deserialize)]
struct Figures {
    contender: Contender,
    wall_seconds: f64,
    cpu_seconds: f64,
    peak_rss_mib: f64,
    disk_bytes: u64,
    /// The height reached, where the contender tells.
    height: Option<i32>,
}

/// What the files hold.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    blocks: u32,
    transactions: u32,
    inputs: u64,
    bytes: u64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let (Some(contender), Some(directory)) = (arguments.contender, &arguments.directory) {
        let figures = one(&arguments, contender, directory)?;
        println!("{}", serde_json::to_string(&figures)?);
        return Ok(());
    }
    let load = survey(&arguments.chain)?;
    println!(
        "{}: {} blocks, {} transactions, {:.1} MiB; {}",
        arguments.chain.display(),
        load.blocks,
        load.transactions,
        process::mib(load.bytes),
        process::processor(),
    );
    let temporary = tempfile::tempdir()?;
    let directory = arguments.directory.as_deref().unwrap_or(temporary.path());
    let mut all: Vec<Figures> = Vec::new();
    let cores = std::thread::available_parallelism()?.get();
    let before = if arguments.signatures { Some(signature_rate(cores)?) } else { None };
    for contender in [Contender::Kernel, Contender::Reindex, Contender::Ours] {
        let wanted = arguments.only.is_none_or(|only| only == contender);
        if wanted && (contender != Contender::Ours || arguments.ours.is_some()) {
            all.push(spawn(&arguments, contender, &directory.join(format!("{contender:?}")))?);
        }
    }
    report(&all, load);
    if let Some(before) = before {
        let rate = (before + signature_rate(cores)?) / 2.0;
        let limit = load.inputs as f64 / rate;
        println!(
            "limit: {} signatures at {rate:.0} a second on {cores} cores take {limit:.2} s",
            load.inputs
        );
        for Figures { contender, wall_seconds, .. } in &all {
            println!("{contender:?}: {:.0} % of the limit", 100.0 * limit / wall_seconds);
        }
    }
    Ok(())
}

/// Returns how many signatures a second libsecp256k1 verifies on all cores at once.
fn signature_rate(cores: usize) -> anyhow::Result<f64> {
    const SIGNATURES: u32 = 200;
    const SECONDS: f64 = 4.0;
    let secp = Secp256k1::new();
    let pair = Keypair::from_secret_key(&secp, &SecretKey::from_slice(&[7; 32])?);
    let public = pair.public_key().serialize();
    let signed: Vec<_> = (0..SIGNATURES)
        .map(|number| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_le_bytes());
            let message = Message::from_digest(digest);
            (message, secp.sign_ecdsa(&message, &pair.secret_key()))
        })
        .collect();
    let started = Instant::now();
    let verified: anyhow::Result<u64> = std::thread::scope(|scope| {
        let verify = || {
            let mut verified = 0_u64;
            while started.elapsed().as_secs_f64() < SECONDS {
                for (message, signature) in &signed {
                    secp.verify_ecdsa(message, signature, &PublicKey::from_slice(&public)?)?;
                }
                verified += u64::from(SIGNATURES);
            }
            anyhow::Ok(verified)
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(verify)).collect();
        let counts = threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?);
        counts.sum()
    });
    Ok(verified? as f64 / started.elapsed().as_secs_f64())
}

/// Reads all files: into the page cache, and to know what they hold.
fn survey(chain: &Path) -> anyhow::Result<Load> {
    let mut load = Load::default();
    read_blocks(chain, |block| {
        let parsed: Block = deserialize(&block)?;
        load.blocks += 1;
        load.transactions += u32::try_from(parsed.txdata.len())?;
        load.inputs += parsed.txdata.iter().skip(1).map(|tx| tx.input.len() as u64).sum::<u64>();
        load.bytes += u64::try_from(block.len())?;
        Ok(())
    })?;
    Ok(load)
}

fn spawn(arguments: &Arguments, contender: Contender, data: &Path) -> anyhow::Result<Figures> {
    ensure!(!data.exists(), "{} exists; give another --directory", data.display());
    fs::create_dir_all(data)?;
    let name = contender.to_possible_value().context("a contender has a name")?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(&arguments.chain).arg("--directory").arg(data);
    command.args(["--contender", name.get_name(), "--threads", &arguments.threads.to_string()]);
    command.args(arguments.ours.iter().flat_map(|ours| ["--ours", ours]));
    let output = command.output()?;
    if !output.status.success() {
        bail!("{contender:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().context("expected figures")?)?)
}

fn one(arguments: &Arguments, contender: Contender, data: &Path) -> anyhow::Result<Figures> {
    let threads = match arguments.threads {
        0 => std::thread::available_parallelism()?.get(),
        threads => threads,
    };
    let workers = i32::try_from(threads.saturating_sub(1))?;
    if contender == Contender::Reindex {
        copy_files(&arguments.chain, &data.join("blocks"))?;
    }
    let started = Instant::now();
    let height = match contender {
        Contender::Kernel => Some(feed(&arguments.chain, data, workers)?),
        Contender::Reindex => Some(Chainstate::open(data, workers, false)?.height()),
        Contender::Ours => {
            run(arguments.ours.as_deref().unwrap_or_default(), &arguments.chain, data)?;
            None
        }
    };
    let wall_seconds = started.elapsed().as_secs_f64();
    let (cpu_seconds, peak_rss_mib) = match contender {
        Contender::Ours => children()?,
        Contender::Kernel | Contender::Reindex => {
            (process::cpu_seconds()?, process::peak_rss_mib()?)
        }
    };
    let disk_bytes = bytes_below(data)?;
    Ok(Figures { contender, wall_seconds, cpu_seconds, peak_rss_mib, disk_bytes, height })
}

/// Hands every block to the kernel; closing the chain state writes what is still in memory.
fn feed(chain: &Path, data: &Path, workers: i32) -> anyhow::Result<i32> {
    let chainstate = Chainstate::open(data, workers, false)?;
    let mut height = 0;
    read_blocks(chain, |block| {
        let outcome = chainstate.process(&block);
        let genesis = height == 0 && outcome == Outcome::Stored;
        ensure!(genesis || outcome == Outcome::Connected, "block {height}: {outcome:?}");
        height += 1;
        Ok(())
    })?;
    Ok(chainstate.height())
}

fn run(command: &str, chain: &Path, data: &Path) -> anyhow::Result<()> {
    let mut words = Vec::new();
    for word in command.split_whitespace() {
        if word == "{files}" {
            let mut files: Vec<PathBuf> = fs::read_dir(chain)?
                .map(|entry| Ok(entry?.path()))
                .collect::<std::io::Result<_>>()?;
            files.retain(|path| path.extension().is_some_and(|kind| kind == "dat"));
            files.retain(|path| path.file_name().is_some_and(|name| name != "xor.dat"));
            files.sort();
            words.extend(files.into_iter().map(PathBuf::into_os_string));
        } else {
            words.push(word.replace("{data}", &data.display().to_string()).into());
        }
    }
    let (program, rest) = words.split_first().context("expected a command")?;
    let status = Command::new(program).args(rest).stdout(std::io::stderr()).status()?;
    ensure!(status.success(), "{command}: {status}");
    Ok(())
}

/// Returns CPU seconds of all children, and the peak memory of the largest, MiB.
fn children() -> anyhow::Result<(f64, f64)> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        Ok::<_, anyhow::Error>(
            f64::from(u32::try_from(time.tv_sec())?)
                + f64::from(i32::try_from(time.tv_usec())?) / 1e6,
        )
    };
    let kib = u64::try_from(usage.max_rss())?;
    Ok((seconds(usage.user_time())? + seconds(usage.system_time())?, process::mib(kib << 10)))
}

fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        sum += if kind.is_dir() { bytes_below(&entry.path())? } else { disk_bytes(&entry)? };
    }
    Ok(sum)
}

/// Returns what a file takes on disk: block files are made longer ahead of what is written.
fn disk_bytes(entry: &fs::DirEntry) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(entry.metadata()?.blocks() * 512)
}

fn report(all: &[Figures], load: Load) {
    println!(
        "{:<10} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10} {:>7} {:>7}",
        "", "wall s", "CPU s", "RSS MiB", "disk MiB", "blocks/s", "tx/s", "wall x", "CPU x"
    );
    let Some(base) = all.first() else { return };
    for figures in all {
        let Figures { contender, wall_seconds, cpu_seconds, peak_rss_mib, disk_bytes, .. } =
            figures;
        println!(
            "{:<10} {wall_seconds:>9.2} {cpu_seconds:>9.2} {peak_rss_mib:>9.0} {:>9.1} {:>10.0} {:>10.0} {:>7.2} {:>7.2}",
            format!("{contender:?}").to_lowercase(),
            process::mib(*disk_bytes),
            f64::from(load.blocks) / wall_seconds,
            f64::from(load.transactions) / wall_seconds,
            base.wall_seconds / wall_seconds,
            base.cpu_seconds / cpu_seconds,
        );
    }
    for figures in all {
        if figures.height.is_some_and(|height| height.unsigned_abs() + 1 != load.blocks) {
            println!("{:?} stopped at height {:?}", figures.contender, figures.height);
        }
    }
}
