//! A run: draw cases, ask both, count, and print every disagreement.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bench::bitcoin_chain::SplitMix;
use bitcoin::hex::DisplayHex as _;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::{
    Case, Judge, Templates, Verdict, grammar, mutate,
    ours::{decodes, verdict},
    sign::Signer,
};

/// Disagreements printed; the rest is counted.
const PRINTED_MAX: u64 = 50;
/// Cases a thread takes at a time.
const CHUNK: u64 = 512;

/// How many cases of which sort.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Cases.
    #[arg(long, default_value_t = 1_000_000)]
    pub cases: u64,
    /// Number of the first case.
    #[arg(long, default_value_t = 0)]
    pub first: u64,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; 0 for as many as there are cores.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// The folder of vectors whose bitcoin/core holds templates; without it only synthetic transactions are.
    #[arg(long, env = "QUINTET_VECTORS")]
    pub vectors: Option<PathBuf>,
    /// Runs one case as it was printed: TX;INPUT;FLAGS;AMOUNT:SCRIPT,…
    #[arg(long)]
    pub case: Option<String>,
}

#[derive(Debug, Default, Clone)]
struct Count {
    cases: u64,
    valid: u64,
    unable: u64,
    contradictions: u64,
}

type Counts = BTreeMap<String, Count>;

struct Run<'a> {
    seed: u64,
    templates: &'a Templates,
    signer: &'a Signer,
    judge: &'a dyn Judge,
    bar: &'a ProgressBar,
    printed: &'a AtomicU64,
}

/// Runs the cases and prints what came of them. The exit code says whether all agree.
///
/// # Errors
///
/// If vectors cannot be read.
pub fn run(arguments: &Arguments, judge: &dyn Judge) -> anyhow::Result<ExitCode> {
    if let Some(text) = &arguments.case {
        let case = Case::parse(text)?;
        let bytes = case.bytes();
        let (ours, theirs) = (verdict(&case, &bytes), judge.verdict(&case, &bytes));
        println!("quintet: {ours:?}\n{}: {theirs:?}", judge.name());
        return Ok(code(ours.contradicts(&theirs)));
    }
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()?;
    let started = Instant::now();
    let templates = Templates::load(arguments.vectors.as_deref(), arguments.seed)?;
    let signer = Signer::new();
    let style = "{bar:30} {pos}/{len} cases, {per_sec}, {eta} left";
    let bar = ProgressBar::new(arguments.cases).with_style(ProgressStyle::with_template(style)?);
    let printed = AtomicU64::new(0);
    let run = Run {
        seed: arguments.seed,
        templates: &templates,
        signer: &signer,
        judge,
        bar: &bar,
        printed: &printed,
    };
    let counts = Mutex::new(Counts::new());
    // Every template as it is, then as many drawn cases as were asked for.
    templates.0.par_iter().for_each(|case| {
        let mut local = Counts::new();
        run.verify(case, &mut local, "template");
        merge(&counts, local);
    });
    let end = arguments.first + arguments.cases;
    (0..arguments.cases.div_ceil(CHUNK)).into_par_iter().for_each(|chunk| {
        let mut local = Counts::new();
        let from = arguments.first + chunk * CHUNK;
        for number in from..(from + CHUNK).min(end) {
            run.one(number, &mut local);
        }
        bar.inc(CHUNK);
        merge(&counts, local);
    });
    bar.finish_and_clear();
    let counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(code(report(&counts, judge, started) > 0))
}

fn code(bad: bool) -> ExitCode {
    if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn merge(counts: &Mutex<Counts>, local: Counts) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    for (category, count) in local {
        let sum = counts.entry(category).or_default();
        sum.cases += count.cases;
        sum.valid += count.valid;
        sum.unable += count.unable;
        sum.contradictions += count.contradictions;
    }
}

fn report(counts: &Counts, judge: &dyn Judge, started: Instant) -> u64 {
    println!("{:<24} {:>9} {:>9} {:>9} {:>9}", "category", "cases", "valid", "not asked", "differ");
    let mut total = Count::default();
    for (category, count) in counts {
        let Count { cases, valid, unable, contradictions } = count;
        println!("{category:<24} {cases:>9} {valid:>9} {unable:>9} {contradictions:>9}");
        total.cases += cases;
        total.valid += valid;
        total.unable += unable;
        total.contradictions += contradictions;
    }
    println!(
        "{} cases against {}, {} valid, {} not asked, {} differ, {:.1} s",
        total.cases,
        judge.name(),
        total.valid,
        total.unable,
        total.contradictions,
        started.elapsed().as_secs_f64(),
    );
    total.contradictions
}

impl Run<'_> {
    fn one(&self, number: u64, counts: &mut Counts) {
        // Neighbouring numbers must not give neighbouring states: the generator adds a constant each time.
        let start = SplitMix::new(self.seed).next() ^ SplitMix::new(number).next();
        let mut random = SplitMix::new(start);
        let random = &mut random;
        match random.below(100) {
            0..45 => {
                let case = grammar::draw(random, self.signer);
                if random.percent(20) {
                    let case = mutate::mutate(case, random, self.signer);
                    self.verify(&case, counts, "mutated");
                } else {
                    self.verify(&case, counts, "drawn");
                }
            }
            45..95 => {
                let template = self.templates.0[random.index(self.templates.0.len())].clone();
                let case = mutate::mutate(template, random, self.signer);
                self.verify(&case, counts, "mutated");
            }
            _ => {
                let template = &self.templates.0[random.index(self.templates.0.len())];
                let mut bytes = template.bytes();
                mutate::bytes(&mut bytes, random);
                self.decode(&bytes, counts);
            }
        }
    }

    fn verify(&self, case: &Case, counts: &mut Counts, how: &str) {
        let bytes = case.bytes();
        let (ours, theirs) = (verdict(case, &bytes), self.judge.verdict(case, &bytes));
        let count = counts.entry(format!("{}, {how}", case.category)).or_default();
        count.cases += 1;
        count.valid += u64::from(theirs == Verdict::Valid);
        count.unable += u64::from(matches!(theirs, Verdict::Unable(_)));
        if ours.contradicts(&theirs) {
            count.contradictions += 1;
            let what = format!("quintet {ours:?}, {} {theirs:?}", self.judge.name());
            self.print(&format!("{} ({how}): {what}\n  {case}", case.category));
        }
    }

    fn decode(&self, bytes: &[u8], counts: &mut Counts) {
        let count = counts.entry("bytes of a transaction".to_owned()).or_default();
        count.cases += 1;
        let (ours, Some(theirs)) = (decodes(bytes), self.judge.decodes(bytes)) else {
            count.unable += 1;
            return;
        };
        count.valid += u64::from(theirs);
        if ours != Some(theirs) {
            count.contradictions += 1;
            let what = format!("quintet {ours:?}, {} {theirs}", self.judge.name());
            self.print(&format!("reads the bytes: {what}\n  {}", bytes.as_hex()));
        }
    }

    fn print(&self, text: &str) {
        if self.printed.fetch_add(1, Ordering::Relaxed) < PRINTED_MAX {
            self.bar.suspend(|| println!("{text}"));
        }
    }
}
