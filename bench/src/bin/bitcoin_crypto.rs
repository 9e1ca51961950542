//! What the hashes and signatures of a chain cost, one core, beside Bitcoin Core and libsecp256k1.
//!
//! Core's figures were measured elsewhere on this kind of machine (its own `bench_bitcoin`) and stand
//! here as constants; libsecp256k1's single verification is measured in this run. Each figure is the
//! best of many short rounds, in the thread's own time, since other work on the machine only ever adds.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{hint::black_box, time::Duration};

use bench::thread_time;
use clap::Parser;
use quintet_crypto::{
    digest::sha256d,
    ecdsa_lanes::{EcdsaItem, RecoverItem, recover_many, verify_ecdsa_many},
    merkle,
    muhash::{MuHash, Num3072, Sha256ChaCha20},
    schnorr_batch::Batch,
    secp::{SecretKey, ecdsa_recover, ecdsa_verify, schnorr_verify, tweak_add, tweak_check},
};

/// Core, measured elsewhere on this kind of machine: microseconds.
const CORE_MUHASH_INSERT: f64 = 4.5;
const CORE_MUHASH_FINALISE: f64 = 41.0;
const CORE_MERKLE_LEAF: f64 = 0.077;
const CORE_VERIFY: f64 = 24.5;
const CORE_TWEAK: f64 = 20.0;

/// Different signatures in a round.
const SIGNATURES: usize = 8192;

#[derive(Parser)]
#[command(
    about = "Measures hashes and signatures, one core, beside Bitcoin Core and libsecp256k1."
)]
struct Arguments {
    /// Rounds per figure; the best counts.
    #[arg(long, default_value_t = 25)]
    rounds: u32,
}

fn main() {
    let Arguments { rounds } = Arguments::parse();
    println!("Core's figures: measured elsewhere on this kind of machine.");
    println!(
        "{:<36} {:>10} {:>12} {:>14}",
        "best of rounds", "µs each", "Core / ours", "single / ours"
    );
    let bench = Bench { rounds };
    bench.hashes();
    bench.sets();
    bench.ecdsa();
    bench.signatures();
}

struct Bench {
    rounds: u32,
}

impl Bench {
    /// Returns the microseconds of one of `count` operations in the best round.
    fn best(&self, count: usize, mut round: impl FnMut()) -> f64 {
        let best = (0..self.rounds.max(1)).map(|_| {
            let ((), took) = thread_time::of(&mut round);
            took
        });
        let best: Duration = best.min().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let count = count as f64;
        best.as_secs_f64() * 1e6 / count
    }

    fn hashes(&self) {
        let block = [7_u8; 64];
        let each = self.best(1000, || {
            for _ in 0..1000 {
                black_box(sha256d(&[black_box(&block)]));
            }
        });
        line("sha256d of 64 bytes, one by one", each, None, None);
        for leaves in [9001_u32, 2000, 100] {
            let leaves: Vec<_> =
                (0..leaves).map(|leaf| sha256d(&[&leaf.to_le_bytes()]).into_bytes()).collect();
            let each = self.best(leaves.len(), || {
                black_box(merkle::root(black_box(&leaves)));
            });
            line(
                &format!("Merkle root, a leaf of {}", leaves.len()),
                each,
                Some(CORE_MERKLE_LEAF),
                None,
            );
        }
    }

    fn sets(&self) {
        let mut set = MuHash::<Sha256ChaCha20>::new();
        let each = self.best(200, || {
            for number in 0..200_u32 {
                set.insert(&[&number.to_le_bytes(), &[1; 60]]);
            }
        });
        line("MuHash insert", each, Some(CORE_MUHASH_INSERT), None);
        set.remove(&[b"something"]);
        let each = self.best(10, || {
            for _ in 0..10 {
                black_box(black_box(&set).finalise());
            }
        });
        line("MuHash finalise", each, Some(CORE_MUHASH_FINALISE), None);
        let mut number = Num3072::from_bytes(&[0x5a; 384]);
        let each = self.best(100, || {
            for _ in 0..100 {
                number = number.multiply(black_box(&number));
            }
        });
        line("  product of 3072 bits", each, None, None);
        let each = self.best(10, || {
            for _ in 0..10 {
                number = black_box(number).invert();
            }
        });
        line("  inverse of 3072 bits", each, None, None);
    }

    /// Verification and recovery in lanes beside libsecp256k1's.
    fn ecdsa(&self) {
        let cases = cases();
        let single = self.best(100, || {
            for case in &cases[..100] {
                assert!(ecdsa_verify(&case.ecdsa, &case.long_key, &case.message));
            }
        });
        line("ECDSA, one by one", single, Some(CORE_VERIFY), None);
        for size in [4, 8, 16, 32, 64, 256, 1024] {
            let each = self.best(size, || {
                let items: Vec<_> = cases[..size]
                    .iter()
                    .filter_map(|case| {
                        EcdsaItem::from_der_lax(&case.ecdsa, &case.long_key, &case.message)
                    })
                    .collect();
                assert!(
                    items.len() == size && verify_ecdsa_many(&items).iter().all(|valid| *valid)
                );
            });
            line(&format!("ECDSA, {size} in lanes"), each, Some(CORE_VERIFY), Some(single));
        }
        let single = self.best(100, || {
            for case in &cases[..100] {
                assert!(
                    ecdsa_recover(&case.recovery.signature, case.recovery.odd, &case.message)
                        .is_some()
                );
            }
        });
        line("key recovery, one by one", single, None, None);
        for size in [4, 8, 16, 32, 64, 256, 1024] {
            let each = self.best(size, || {
                let items: Vec<_> = cases[..size].iter().map(|case| case.recovery).collect();
                assert!(recover_many(&items).iter().all(Option::is_some));
            });
            line(&format!("key recovery, {size} in lanes"), each, None, Some(single));
        }
    }

    fn signatures(&self) {
        let cases = cases();
        let single = self.best(100, || {
            for case in &cases[..100] {
                assert!(schnorr_verify(&case.schnorr, &case.key, &case.message));
            }
        });
        line("Schnorr, one by one", single, Some(CORE_VERIFY), None);
        let tweak = self.best(100, || {
            for case in &cases[..100] {
                assert!(tweak_check(&case.output, case.odd, &case.key, &case.message));
            }
        });
        line("tweak check, one by one", tweak, Some(CORE_TWEAK), None);
        for size in [16, 64, 256, 1024, 4096, SIGNATURES] {
            let each = self.best(size, || {
                let mut batch = Batch::new();
                for case in &cases[..size] {
                    batch.add_signature(&case.schnorr, &case.key, &case.message);
                }
                assert!(batch.verify());
            });
            line(&format!("Schnorr, {size} at once"), each, Some(CORE_VERIFY), Some(single));
        }
        for size in [16, 64, 256, 1024, 4096, SIGNATURES] {
            let each = self.best(size, || {
                let mut batch = Batch::new();
                for case in &cases[..size] {
                    batch.add_tweak(&case.output, case.odd, &case.key, &case.message);
                }
                assert!(batch.verify());
            });
            line(&format!("tweak checks, {size} at once"), each, Some(CORE_TWEAK), Some(tweak));
        }
    }
}

/// Prints a figure and how many times longer the others take.
fn line(name: &str, each: f64, core: Option<f64>, single: Option<f64>) {
    let ratio =
        |other: Option<f64>| other.map_or(String::new(), |other| format!("{:.2}x", other / each));
    println!("{name:<36} {each:>10.3} {:>12} {:>14}", ratio(core), ratio(single));
}

struct Case {
    message: [u8; 32],
    key: [u8; 32],
    long_key: [u8; 33],
    ecdsa: Vec<u8>,
    recovery: RecoverItem,
    schnorr: [u8; 64],
    output: [u8; 32],
    odd: bool,
}

/// Signatures by as many keys over as many messages.
fn cases() -> Vec<Case> {
    let numbers = 1_u64..;
    let cases = numbers.filter_map(|number| {
        let message = sha256d(&[&number.to_le_bytes()]).into_bytes();
        let secret = SecretKey::from_bytes(&sha256d(&[&message]).into_bytes()).ok()?;
        let (key, _) = secret.x_only_public_key();
        let (output, odd) = tweak_add(&key, &message)?;
        let (ecdsa, schnorr) =
            (secret.sign_ecdsa(&message), secret.sign_schnorr(&message, &[0; 32]));
        let (signature, of_r) = secret.sign_ecdsa_recoverable(&message)?;
        let recovery = RecoverItem { signature, odd: of_r, message };
        let long_key = secret.public_key();
        Some(Case { message, key, long_key, ecdsa, recovery, schnorr, output, odd })
    });
    cases.take(SIGNATURES).collect()
}
