//! Random histories, held against a model that keeps a list and computes everything anew.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use proptest::prelude::*;
use quintet_eth_pool::{HeadChange, Pool, PoolConfig, PoolError, Touched};

use crate::chain::{Tx, World, address, head, tx};

const SENDERS: u8 = 4;
const SLOTS_MAX: usize = 12;
const QUEUED_MAX: usize = 4;

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    Add(Tx),
    Remove {
        from: u8,
        nonce: u64,
    },
    /// A block that takes some of the best, and sets a balance and the base fee.
    Block {
        takes: usize,
        poor: u8,
        balance: u64,
        base_fee: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let add = (1..=SENDERS, 0..8_u64, 1..40_u128, 1..40_u128, 0..3_u64, prop::bool::weighted(0.1));
    let add = add.prop_map(|(from, nonce, fee, tip, value, long)| {
        let input = if long { 40_000 } else { 0 };
        let value = value * 100_000;
        Step::Add(Tx { value, input, ..tx(from, nonce).paying(fee.max(tip), tip) })
    });
    let remove = (1..=SENDERS, 0..8_u64).prop_map(|(from, nonce)| Step::Remove { from, nonce });
    let block = (0..5_usize, 1..=SENDERS, 0..4_000_000_u64, 1..30_u64).prop_map(
        |(takes, poor, balance, base_fee)| Step::Block { takes, poor, balance, base_fee },
    );
    prop_oneof![12 => add, 1 => remove, 2 => block]
}

/// All transactions in a list, in the order of arrival.
#[derive(Debug, Default)]
struct Model {
    held: Vec<(u64, Tx)>,
    arrivals: u64,
    base_fee: u64,
}

impl Model {
    fn of(&self, from: u8) -> BTreeMap<u64, (u64, Tx)> {
        let own = self.held.iter().filter(|(_, one)| one.from == from);
        own.map(|(arrival, one)| (one.nonce, (*arrival, *one))).collect()
    }

    /// The nonce after the last pending one, and what the pending ones cost.
    fn pending(&self, from: u8, world: &World) -> (u64, u64) {
        let account = world.accounts[&address(from)];
        let (mut next, mut spent) = (account.nonce, 0);
        let own = self.of(from);
        while let Some((_, one)) = own.get(&next) {
            if U256::from(spent + one.cost()) > account.balance {
                break;
            }
            spent += one.cost();
            next += 1;
        }
        (next, spent)
    }

    fn is_pending(&self, one: &Tx, world: &World) -> bool {
        one.nonce < self.pending(one.from, world).0
    }

    /// Who could give way: each sender's last, by whether it is pending, its worst tip on the way, its age.
    fn tails(&self, world: &World) -> Vec<((bool, i128, u64), Tx)> {
        let mut tails = Vec::new();
        for from in 1..=SENDERS {
            let own = self.of(from);
            let Some((arrival, last)) = own.values().next_back().copied() else { continue };
            let tip = own.values().map(|(_, one)| self.tip(one)).min().unwrap();
            tails.push(((self.is_pending(&last, world), tip, u64::MAX - arrival), last));
        }
        tails.sort_by_key(|(rank, last)| (*rank, address(last.from)));
        tails
    }

    fn tip(&self, one: &Tx) -> i128 {
        i128::try_from(one.tip)
            .unwrap()
            .min(i128::try_from(one.fee).unwrap() - i128::from(self.base_fee))
    }

    fn slots(one: &Tx) -> usize {
        if one.input > 0 { 2 } else { 1 }
    }

    fn queued(&self, world: &World) -> usize {
        self.held.iter().filter(|(_, one)| !self.is_pending(one, world)).count()
    }

    fn add(&mut self, new: Tx, world: &World) -> Result<(), &'static str> {
        if self.held.iter().any(|(_, one)| one.hash() == new.hash()) {
            return Err("already known");
        }
        let account = world.accounts[&address(new.from)];
        if new.nonce < account.nonce {
            return Err("nonce too low");
        }
        if U256::from(new.cost()) > account.balance {
            return Err("insufficient funds");
        }
        let own = self.of(new.from);
        let (next, spent) = self.pending(new.from, world);
        let same = own.get(&new.nonce).map(|(_, one)| *one);
        if new.nonce <= next {
            let freed = same.filter(|_| new.nonce < next).map_or(0, Tx::cost);
            if U256::from(spent - freed + new.cost()) > account.balance {
                return Err("insufficient funds");
            }
        }
        if let Some(old) = same {
            let enough = |old: u128, new: u128| new > old && new * 100 >= old * 110;
            if !(enough(old.fee, new.fee) && enough(old.tip, new.tip)) {
                return Err("replacement transaction underpriced");
            }
        }
        self.room(new, same, new.nonce != next && same.is_none(), world)?;
        self.held.retain(|(_, one)| (one.from, one.nonce) != (new.from, new.nonce));
        self.held.push((self.arrivals, new));
        self.arrivals += 1;
        Ok(())
    }

    fn room(
        &mut self,
        new: Tx,
        same: Option<Tx>,
        is_queued: bool,
        world: &World,
    ) -> Result<(), &'static str> {
        let mut slots: usize = self.held.iter().map(|(_, one)| Self::slots(one)).sum();
        slots = slots + Self::slots(&new) - same.map_or(0, |one| Self::slots(&one));
        let mut queued = self.queued(world) + usize::from(is_queued);
        let own = (!is_queued, self.tip(&new), u64::MAX - self.arrivals);
        let mut victims = Vec::new();
        for (rank, last) in self.tails(world) {
            if slots <= SLOTS_MAX && queued <= QUEUED_MAX {
                break;
            }
            if rank >= own {
                return Err(if is_queued { "txpool is full" } else { "transaction underpriced" });
            }
            let helps = slots > SLOTS_MAX || (queued > QUEUED_MAX && !rank.0);
            if last.from == new.from || !helps {
                continue;
            }
            slots -= Self::slots(&last);
            queued -= usize::from(!rank.0);
            victims.push(last.hash());
        }
        if slots > SLOTS_MAX || queued > QUEUED_MAX {
            return Err("txpool is full");
        }
        self.held.retain(|(_, one)| !victims.contains(&one.hash()));
        Ok(())
    }

    /// Drops what the state no longer lets be, then what no longer fits.
    fn refresh(&mut self, world: &World) {
        self.held.retain(|(_, one)| {
            let account = world.accounts[&address(one.from)];
            one.nonce >= account.nonce && U256::from(one.cost()) <= account.balance
        });
    }

    /// Takes out what the pool gave up, and checks that each time there were too many and it was a sender's last that waited.
    fn give_up(&mut self, gone: Vec<B256>, world: &World) {
        for hash in gone {
            assert!(self.queued(world) > QUEUED_MAX);
            let tails = self.tails(world);
            let tail = tails.iter().find(|(_, last)| last.hash() == hash);
            assert!(tail.is_some_and(|(rank, _)| !rank.0), "{hash} is no last that waits");
            self.held.retain(|(_, one)| one.hash() != hash);
        }
        assert!(self.queued(world) <= QUEUED_MAX);
    }

    fn hashes(&self, world: &World, pending: bool) -> Vec<B256> {
        let wanted = self.held.iter().filter(|(_, one)| self.is_pending(one, world) == pending);
        let mut hashes: Vec<_> = wanted.map(|(_, one)| one.hash()).collect();
        hashes.sort_unstable();
        hashes
    }

    /// The order of a block, found by looking through all senders each time.
    fn best(&self, world: &World) -> Vec<Tx> {
        let mut next: BTreeMap<u8, u64> =
            (1..=SENDERS).map(|one| (one, world.accounts[&address(one)].nonce)).collect();
        let mut best = Vec::new();
        loop {
            let heads = self.held.iter().filter(|(_, one)| {
                one.nonce == next[&one.from] && self.is_pending(one, world) && self.tip(one) >= 0
            });
            let Some((_, one)) =
                heads.max_by_key(|(arrival, one)| (self.tip(one), u64::MAX - arrival))
            else {
                return best;
            };
            best.push(*one);
            *next.get_mut(&one.from).unwrap() += 1;
        }
    }
}

fn compare(pool: &Pool, model: &Model, world: &World) {
    let (pending, queued) = pool.content();
    let sorted = |content: quintet_eth_pool::Content| {
        let mut hashes: Vec<_> =
            content.values().flat_map(|own| own.values().map(|one| one.hash())).collect();
        hashes.sort_unstable();
        hashes
    };
    assert_eq!(sorted(pending), model.hashes(world, true), "pending");
    assert_eq!(sorted(queued), model.hashes(world, false), "queued");
    let best: Vec<_> = pool.best(model.base_fee, 1).map(|one| one.hash()).collect();
    assert_eq!(best, model.best(world).into_iter().map(Tx::hash).collect::<Vec<_>>(), "best");
    let status = pool.status();
    assert!(status.slots <= SLOTS_MAX && status.queued <= QUEUED_MAX, "{status:?}");
    assert_eq!(status.slots, model.held.iter().map(|(_, one)| Model::slots(one)).sum::<usize>());
}

fn block(
    (takes, poor, balance, base_fee): (usize, u8, u64, u64),
    pool: &mut Pool,
    model: &mut Model,
    world: &mut World,
) {
    let mined: Vec<_> = model.best(world).into_iter().take(takes).collect();
    for one in &mined {
        world.accounts.get_mut(&address(one.from)).unwrap().nonce += 1;
    }
    world.accounts.get_mut(&address(poor)).unwrap().balance = U256::from(balance);
    model.base_fee = base_fee;
    model.refresh(world);
    let change = HeadChange {
        head: head(base_fee),
        touched: Touched::All,
        included: mined.iter().map(|one| one.hash()).collect(),
        returned: Vec::new(),
    };
    let report = pool.set_head(change, world, 0).unwrap();
    assert_eq!(report.mined.len(), mined.len());
    let held = |hash: &B256| model.held.iter().any(|(_, one)| one.hash() == *hash);
    let evicted = report.dropped.iter().map(|one| one.hash()).filter(held).collect();
    model.give_up(evicted, world);
}

proptest! {
    #[test]
    fn the_pool_is_what_a_list_and_patience_would_make_of_it(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut world = (1..=SENDERS)
            .fold(World::default(), |world, one| world.with(address(one), 0, 5_000_000));
        let config = PoolConfig {
            slots_max: SLOTS_MAX,
            queued_max: QUEUED_MAX,
            ..PoolConfig::default()
        };
        let mut pool = Pool::new(config, head(7));
        let mut model = Model { base_fee: 7, ..Model::default() };
        for step in steps {
            match step {
                Step::Add(one) => {
                    let expected = model.add(one, &world);
                    let actual = one.add(&mut pool, &world);
                    match (expected, &actual) {
                        (Ok(()), Ok(_)) => {}
                        (Err(words), Err(error)) => {
                            prop_assert!(error.to_string().starts_with(words), "{words}: {error}");
                        }
                        _ => prop_assert!(false, "expected {expected:?}, got {actual:?}"),
                    }
                    let broken = matches!(actual, Err(PoolError::State { .. }));
                    prop_assert!(!broken);
                }
                Step::Remove { from, nonce } => {
                    let held = model.of(from).get(&nonce).map(|(_, one)| one.hash());
                    if let Some(hash) = held {
                        model.held.retain(|(_, one)| one.hash() != hash);
                        let removed = pool.remove(&hash);
                        prop_assert_eq!(removed[0].hash(), hash);
                        let gone = removed[1..].iter().map(|one| one.hash()).collect();
                        model.give_up(gone, &world);
                    }
                }
                Step::Block { takes, poor, balance, base_fee } => {
                    block((takes, poor, balance, base_fee), &mut pool, &mut model, &mut world);
                }
            }
            compare(&pool, &model, &world);
        }
    }
}
