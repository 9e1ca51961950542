//! A run: draw cases, ask both engines, count, and print every disagreement.

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

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::{
    engines::{Case, Verdict, ours, theirs},
    frame, grammar, mutate,
    random::SplitMix,
    reason::Reason,
    spend::{self, Recipe},
    vectors,
};

/// Disagreements printed; the rest is counted.
const PRINTED_MAX: u64 = 40;
/// Cases a thread takes at a time.
const CHUNK: u64 = 256;

/// How many cases of which sort.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Inputs to verify, at least.
    #[arg(long, default_value_t = 1_000_000)]
    pub cases: u64,
    /// Number of the first transaction.
    #[arg(long, default_value_t = 0)]
    pub first: u64,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; 0 for as many as there are cores.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// The folder of vectors whose kaspa/script holds script tests; without it only drawn scripts are run.
    #[arg(long, env = "QUINTET_VECTORS")]
    pub vectors: Option<PathBuf>,
}

#[derive(Debug, Default, Clone)]
struct Count {
    cases: u64,
    valid: u64,
    differ: u64,
}

#[derive(Debug, Default)]
struct Counts {
    categories: BTreeMap<String, Count>,
    reasons: BTreeMap<&'static str, u64>,
}

struct Run<'r> {
    seed: u64,
    vectors: &'r [Case],
    bar: &'r ProgressBar,
    printed: &'r AtomicU64,
    counts: &'r Mutex<Counts>,
    done: &'r AtomicU64,
}

/// Runs the cases and prints what came of them. The exit code says whether all agree.
///
/// # Errors
///
/// If vectors cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()?;
    let started = Instant::now();
    let vectors = vectors::load(arguments.vectors.as_deref())?;
    let style = "{bar:30} {pos}/{len} inputs, {per_sec}, {eta} left";
    let bar = ProgressBar::new(arguments.cases).with_style(ProgressStyle::with_template(style)?);
    let run = Run {
        seed: arguments.seed,
        vectors: &vectors,
        bar: &bar,
        printed: &AtomicU64::new(0),
        counts: &Mutex::new(Counts::default()),
        done: &AtomicU64::new(0),
    };
    vectors.par_iter().for_each(|case| {
        let mut local = Counts::default();
        run.verify(case, &["vector"], "as it is", u64::MAX, &mut local);
        run.merge(local);
    });
    // Chunks come in rounds, so that the same transactions are run whatever the threads do.
    let mut from = arguments.first;
    while run.done.load(Ordering::Relaxed) < arguments.cases {
        let chunks = 16;
        (0..chunks).into_par_iter().for_each(|chunk| {
            let mut local = Counts::default();
            let from = from + chunk * CHUNK;
            for number in from..from + CHUNK {
                run.one(number, &mut local);
            }
            run.merge(local);
        });
        from += chunks * CHUNK;
    }
    bar.finish_and_clear();
    let differ = run.report(started, from - arguments.first);
    Ok(if differ > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Run<'_> {
    fn one(&self, number: u64, counts: &mut Counts) {
        let mut random = SplitMix::of_case(self.seed, number);
        let random = &mut random;
        if !self.vectors.is_empty() && random.percent(30) {
            let mut case = random.pick(self.vectors).clone();
            for _ in 0..=random.below(3) {
                mutate::case(&mut case, random);
            }
            return self.verify(&case, &["vector"], "changed", number, counts);
        }
        let inputs = if random.percent(60) { 1 } else { 2 + random.index(3) };
        let mut case = frame::draw(inputs, random);
        let mut recipes: Vec<Recipe> = Vec::new();
        for index in 0..inputs {
            recipes.push(grammar::draw(&case, index, random));
            frame::lock(&mut case, &recipes);
        }
        let mut how = "drawn";
        if random.percent(20) {
            how = "changed, then signed";
            let at = random.index(recipes.len());
            mutate::recipe(&mut recipes[at], random);
            frame::lock(&mut case, &recipes);
        }
        spend::sign(&mut case.tx, &case.entries, &recipes, random);
        if random.percent(40) {
            let spent: Vec<Option<u64>> = theirs(&case).map_or_else(
                |_| vec![None; inputs],
                |verdicts| verdicts.into_iter().map(Result::ok).collect(),
            );
            frame::commit(&mut case, &spent, random);
            spend::sign(&mut case.tx, &case.entries, &recipes, random);
        }
        if random.percent(20) {
            how = "signed, then changed";
            for _ in 0..=random.below(2) {
                mutate::case(&mut case, random);
            }
        }
        let categories: Vec<&str> = recipes.iter().map(|recipe| recipe.category).collect();
        self.verify(&case, &categories, how, number, counts);
    }

    fn verify(
        &self,
        case: &Case,
        categories: &[&str],
        how: &str,
        number: u64,
        counts: &mut Counts,
    ) {
        let inputs = case.tx.inputs.len();
        self.done.fetch_add(inputs as u64, Ordering::Relaxed);
        self.bar.inc(inputs as u64);
        let (ours, theirs) = (ours(case), theirs(case));
        let all = |result: Result<Vec<Verdict>, Reason>| match result {
            Ok(verdicts) => verdicts,
            Err(reason) => vec![Err(reason); inputs],
        };
        for (index, (ours, theirs)) in all(ours).into_iter().zip(all(theirs)).enumerate() {
            let category = categories.get(index).unwrap_or(&"");
            let count = counts.categories.entry(format!("{category}, {how}")).or_default();
            count.cases += 1;
            count.valid += u64::from(theirs.is_ok());
            let name = theirs.map_or_else(|reason| reason.0, |_| "valid");
            *counts.reasons.entry(name).or_default() += 1;
            if ours != theirs {
                count.differ += 1;
                self.print(
                    case,
                    index,
                    &format!(
                        "{category} ({how}) #{number}: quintet {ours:?}, reference {theirs:?}"
                    ),
                );
            }
        }
    }

    fn print(&self, case: &Case, index: usize, what: &str) {
        if self.printed.fetch_add(1, Ordering::Relaxed) >= PRINTED_MAX {
            return;
        }
        let short = |script: &[u8]| {
            let text = quintet_primitives::hex::encode(&script[..script.len().min(600)]);
            format!("{text} ({} bytes)", script.len())
        };
        let signature_script = short(&case.tx.inputs[index].signature_script);
        let script = &case.entries[index].script_public_key;
        self.bar.suspend(|| {
            println!(
                "{what}\n  input {index}: {signature_script}\n  {}: {}",
                script.version(),
                short(script.script())
            );
        });
    }

    fn merge(&self, local: Counts) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for (category, count) in local.categories {
            let sum = counts.categories.entry(category).or_default();
            sum.cases += count.cases;
            sum.valid += count.valid;
            sum.differ += count.differ;
        }
        for (reason, count) in local.reasons {
            *counts.reasons.entry(reason).or_default() += count;
        }
    }

    fn report(&self, started: Instant, transactions: u64) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{:<42} {:>9} {:>9} {:>7}", "category", "inputs", "valid", "differ");
        let mut total = Count::default();
        for (category, Count { cases, valid, differ }) in &counts.categories {
            println!("{category:<42} {cases:>9} {valid:>9} {differ:>7}");
            total.cases += cases;
            total.valid += valid;
            total.differ += differ;
        }
        let reasons: Vec<String> =
            counts.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        println!("results: {}", reasons.join(", "));
        println!(
            "{} inputs of {transactions} transactions against kaspa-txscript 2.1.0, {} valid ({:.1} %), {} differ, {:.1} s",
            total.cases,
            total.valid,
            100.0 * total.valid as f64 / total.cases.max(1) as f64,
            total.differ,
            started.elapsed().as_secs_f64(),
        );
        total.differ
    }
}
