//! Whole lookups through a network in one process: every node knows `k` random nodes of each bucket,
//! queries take one round, and nothing is lost but what dead nodes swallow.
//!
//! The expected figures come from an independent model of the same network (2,000 lookups); ours must
//! lie within 10 %.

use std::{collections::BTreeSet, net::SocketAddr, ops::Range};

use quintet_dht_protocol::{
    contact::{Contact, Family},
    key::{KEY_BITS, Key},
    lookup::{Action, Config, Goal, Lookup, Progress, Searcher},
};
use quintet_primitives::time::Instant;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::index};

const LOOKUPS: usize = 150;

struct Network {
    /// In order of their ids, so that a bucket is a range.
    nodes: Vec<Contact>,
    dead: BTreeSet<usize>,
    k: usize,
    seed: u64,
}

impl Network {
    fn new(nodes: usize, k: usize, dead_share: f64, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut ids: Vec<Key> = (0..nodes).map(|_| Key::random(&mut rng)).collect();
        ids.sort_unstable();
        let contacts = (0_u32..).zip(ids).map(|(number, id)| {
            let [_, a, b, c] = number.to_be_bytes();
            Contact::new(id, SocketAddr::from(([10, a, b, c], 1)))
        });
        let dead = (0..nodes).filter(|_| rng.random_bool(dead_share)).collect();
        Self { nodes: contacts.collect(), dead, k, seed }
    }

    fn is_dead(&self, contact: Contact) -> bool {
        let found = self.nodes.binary_search_by_key(&contact.id, |node| node.id);
        self.dead.contains(&found.expect("a node of this network"))
    }

    /// The nodes that share exactly `bits` bits with `owner`.
    fn bucket(&self, owner: Key, bits: usize) -> Range<usize> {
        let (mut low, mut high) = ([0; Key::LEN], [0xff; Key::LEN]);
        for bit in 0..=bits {
            let mask = 0x80 >> (bit % 8);
            let own = owner.as_bytes()[bit / 8] & mask;
            let wanted = if bit == bits { own ^ mask } else { own };
            low[bit / 8] |= wanted;
            high[bit / 8] = (high[bit / 8] & !mask) | wanted;
        }
        let (low, high) = (Key::new(low), Key::new(high));
        let start = self.nodes.partition_point(|node| node.id < low);
        start..self.nodes.partition_point(|node| node.id <= high)
    }

    /// What `owner` answers: the `k` closest to `target` of `k` random nodes from each bucket. Always
    /// the same for the same owner.
    fn closest_known(&self, owner: Key, target: Key) -> Vec<Contact> {
        let mix = |seed: u64, byte: &u8| seed.rotate_left(8) ^ u64::from(*byte);
        let mut rng = StdRng::seed_from_u64(owner.as_bytes().iter().fold(self.seed, mix));
        let (mut known, mut others) = (Vec::new(), self.nodes.len() - 1);
        for bits in 0..KEY_BITS {
            let bucket = self.bucket(owner, bits);
            others -= bucket.len();
            let chosen = index::sample(&mut rng, bucket.len(), self.k.min(bucket.len()));
            known.extend(chosen.iter().map(|at| self.nodes[bucket.start + at]));
            if others == 0 {
                break;
            }
        }
        known.sort_by_cached_key(|contact| target.distance(contact.id));
        known.truncate(self.k);
        known
    }

    fn closest_alive(&self, target: Key) -> Contact {
        let alive = (0..self.nodes.len()).filter(|at| !self.dead.contains(at));
        let closest = alive.min_by_key(|&at| target.distance(self.nodes[at].id));
        self.nodes[closest.expect("somebody lives")]
    }
}

/// Means over all lookups.
#[derive(Debug, Default)]
struct Figures {
    rounds_to_closest: f64,
    rounds: f64,
    queries: f64,
    failures: f64,
    found: f64,
}

fn run(network: &Network, config: Config) -> Figures {
    let mut rng = StdRng::seed_from_u64(network.seed + 1);
    let mut sums = Figures::default();
    for _ in 0..LOOKUPS {
        let searcher = network.nodes[rng.random_range(0..network.nodes.len())];
        let target = Key::random(&mut rng);
        add(&mut sums, network, config, searcher, target);
    }
    let lookups = LOOKUPS as f64;
    Figures {
        rounds_to_closest: sums.rounds_to_closest / sums.found,
        rounds: sums.rounds / lookups,
        queries: sums.queries / lookups,
        failures: sums.failures / lookups,
        found: sums.found / lookups,
    }
}

fn add(sums: &mut Figures, network: &Network, config: Config, searcher: Contact, target: Key) {
    let seeds = network.closest_known(searcher.id, target);
    let me = Searcher { id: searcher.id, addr: Some(searcher.addr) };
    let mut lookup = Lookup::new(target, Goal::Nodes, me, Family::V4, config, seeds);
    let closest = network.closest_alive(target);
    let mut rounds = 0.0;
    let mut rounds_to_closest = (closest == searcher).then_some(0.0);
    loop {
        let round: Vec<Contact> = std::iter::from_fn(|| match lookup.poll(Instant::ZERO) {
            Action::Query(contact) => Some(contact),
            Action::Wait(_) | Action::Done => None,
        })
        .collect();
        if round.is_empty() {
            break;
        }
        rounds += 1.0;
        for contact in round {
            if network.is_dead(contact) {
                lookup.on_failure(contact).expect("it was asked");
            } else {
                let closer = network.closest_known(contact.id, target);
                lookup.on_response(contact, &closer, None).expect("it was asked");
            }
        }
        let reached = lookup.candidates().any(|candidate| {
            candidate.contact() == closest && candidate.progress() == Progress::Answered
        });
        if reached {
            rounds_to_closest.get_or_insert(rounds);
        }
    }
    let outcome = lookup.into_outcome();
    sums.rounds += rounds;
    sums.queries += outcome.queries as f64;
    sums.failures += outcome.failures as f64;
    if let Some(rounds) = rounds_to_closest {
        sums.found += 1.0;
        sums.rounds_to_closest += rounds;
    }
}

/// The model keeps alpha constant.
fn config(k: usize, alpha: usize) -> Config {
    Config { k, alpha, alpha_final: alpha, ..Config::default() }
}

fn assert_near(what: &str, actual: f64, expected: f64) {
    let deviation = (actual - expected).abs() / expected;
    assert!(deviation <= 0.10, "{what}: {actual:.2} is not within 10 % of {expected:.2}");
}

fn check(nodes: usize, k: usize, alpha: usize, expected: [f64; 3]) {
    let figures = run(&Network::new(nodes, k, 0.0, 7), config(k, alpha));
    eprintln!("n {nodes} k {k} α {alpha}: {figures:?}");
    assert_near("rounds to the closest", figures.rounds_to_closest, expected[0]);
    assert_near("rounds", figures.rounds, expected[1]);
    assert_near("queries", figures.queries, expected[2]);
    assert!(figures.found >= 1.0, "found {}", figures.found);
}

#[test]
fn ten_thousand_nodes_with_k_8_and_alpha_3() {
    check(10_000, 8, 3, [2.89, 4.79, 13.1]);
}

#[test]
fn ten_thousand_nodes_with_k_8_and_alpha_4() {
    check(10_000, 8, 4, [2.85, 4.01, 14.8]);
}

#[test]
fn ten_thousand_nodes_with_k_20_and_alpha_3() {
    check(10_000, 20, 3, [2.44, 8.16, 23.3]);
}

#[test]
fn a_thousand_nodes_with_k_20_and_alpha_3() {
    check(1_000, 20, 3, [1.90, 7.75, 22.0]);
}

#[test]
fn dead_nodes_cost_queries_and_hide_nobody() {
    // The model has 100,000 nodes here; with 10,000 a lookup asks fewer, in the same proportion.
    let alive = run(&Network::new(10_000, 8, 0.0, 7), config(8, 3));
    for (share, model_growth) in [(0.1, 16.0 / 14.9), (0.3, 19.6 / 14.9)] {
        let dead = run(&Network::new(10_000, 8, share, 7), config(8, 3));
        eprintln!("dead {share}: {dead:?}");
        assert!(dead.found >= 0.99, "{share}: found {}", dead.found);
        assert_near("share of failures", dead.failures / dead.queries, share);
        assert_near("growth of queries", dead.queries / alive.queries, model_growth);
    }
}

#[test]
fn more_queries_at_the_end_save_rounds_and_cost_few_queries() {
    let network = Network::new(10_000, 8, 0.0, 7);
    let constant = run(&network, config(8, 4));
    let rising = run(&network, Config::default());
    eprintln!("rising: {rising:?}");
    assert!(rising.rounds <= constant.rounds);
    assert!(rising.queries <= constant.queries * 1.1);
}

#[test]
fn disjoint_paths_find_the_closest_too() {
    let paths = Config { paths: 4, ..config(8, 4) };
    let figures = run(&Network::new(1_000, 8, 0.1, 7), paths);
    assert!(figures.found >= 0.99, "found {}", figures.found);
}
