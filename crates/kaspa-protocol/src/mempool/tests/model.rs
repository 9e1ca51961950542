//! The pool against a list of transactions: who spends what, who is ready, who goes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;
use crate::state::UtxoDiff;

/// A pool without indices.
#[derive(Debug, Default)]
struct Model {
    all: BTreeMap<Hash256, (Arc<Transaction>, u64)>,
}

impl Model {
    fn parents(&self, tx: &Transaction) -> BTreeSet<Hash256> {
        let spent = tx.inputs.iter().map(|input| input.previous_outpoint.transaction_id);
        spent.filter(|id| self.all.contains_key(id)).collect()
    }

    fn spenders(&self, tx: &Transaction) -> BTreeSet<Hash256> {
        let spends = |other: &Transaction, outpoint: &Outpoint| {
            other.inputs.iter().any(|input| input.previous_outpoint == *outpoint)
        };
        let owners = |outpoint: &Outpoint| {
            let found = self.all.iter().find(|(_, (other, _))| spends(other, outpoint));
            found.map(|(id, _)| *id)
        };
        tx.inputs.iter().filter_map(|input| owners(&input.previous_outpoint)).collect()
    }

    fn remove_family(&mut self, id: Hash256) {
        self.all.remove(&id);
        let is_child = |tx: &Transaction| {
            tx.inputs.iter().any(|input| input.previous_outpoint.transaction_id == id)
        };
        let children: Vec<Hash256> =
            self.all.iter().filter(|(_, (tx, _))| is_child(tx)).map(|(id, _)| *id).collect();
        for child in children {
            self.remove_family(child);
        }
    }

    fn assert_is(&self, pool: &Pool) {
        assert_eq!(pool.len(), self.all.len());
        let mut bytes = 0;
        for (id, (tx, _)) in &self.all {
            let entry = pool.get(id).unwrap();
            assert_eq!(entry.parents, self.parents(tx));
            assert_eq!(pool.frontier().contains(id), entry.parents.is_empty());
            for input in &tx.inputs {
                assert_eq!(pool.spender(&input.previous_outpoint), Some(*id));
            }
            for parent in &entry.parents {
                assert!(pool.get(parent).unwrap().children.contains(id));
            }
            bytes += entry.checked.bytes();
        }
        assert_eq!(pool.bytes(), bytes);
        let ready = self.all.values().filter(|(tx, _)| self.parents(tx).is_empty()).count();
        assert_eq!(pool.frontier().len(), ready);
    }
}

/// What happens to the pool.
#[derive(Debug, Clone)]
enum Happening {
    /// A transaction comes that spends some coins and some outputs of earlier transactions.
    Comes { spends: Vec<(bool, usize)>, fee: u64 },
    /// A block accepts a ready one.
    Accepted(usize),
    /// A block spends a coin otherwise.
    Spent(usize),
    /// One is thrown out.
    Removed(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let spends = prop::collection::vec((any::<bool>(), 0_usize..12), 1..4);
    prop_oneof![
        6 => (spends, 1_u64..100_000).prop_map(|(spends, fee)| Happening::Comes { spends, fee }),
        2 => (0_usize..32).prop_map(Happening::Accepted),
        1 => (0_usize..12).prop_map(Happening::Spent),
        1 => (0_usize..32).prop_map(Happening::Removed),
    ]
}

fn comes(
    pool: &mut Pool,
    model: &mut Model,
    made: &mut Vec<Arc<Transaction>>,
    spends: &[(bool, usize)],
    fee: u64,
) {
    let outpoint = |&(of_pool, number): &(bool, usize)| match made.get(number) {
        Some(parent) if of_pool => Outpoint::new(parent.id(), 0),
        _ => coin(number as u64),
    };
    let spends: BTreeSet<Outpoint> = spends.iter().map(outpoint).collect();
    let tx = tx(&spends.into_iter().collect::<Vec<_>>(), 1, made.len() as u64);
    made.push(Arc::clone(&tx));
    let known = |input: &TransactionInput| {
        let id = input.previous_outpoint.transaction_id;
        model.all.contains_key(&id) || coin_ids().contains(&id)
    };
    if !tx.inputs.iter().all(known) {
        return;
    }
    let candidate = checked(pool, &tx, fee);
    let rate = candidate.candidate(pool.policy());
    let rivals = model.spenders(&tx);
    let pays_more = rivals.iter().all(|rival| {
        let theirs = pool.get(rival).unwrap().checked.candidate(pool.policy());
        rate.cmp_feerate(&theirs).is_gt()
    });
    let parents = model.parents(&tx);
    let mut after = Model { all: model.all.clone() };
    for rival in &rivals {
        after.remove_family(*rival);
    }
    let keeps_parents = parents.iter().all(|parent| after.all.contains_key(parent));
    let added = pool.add(candidate, Priority::Low, Replacement::Allowed, 1);
    assert_eq!(added.is_ok(), pays_more && keeps_parents, "{added:?}");
    if added.is_ok() {
        after.all.insert(tx.id(), (tx, fee));
        *model = after;
    }
}

fn coin_ids() -> BTreeSet<Hash256> {
    (0..12).map(|number| coin(number).transaction_id).collect()
}

fn step(pool: &mut Pool, model: &mut Model, made: &mut Vec<Arc<Transaction>>, what: &Happening) {
    let nobody = HashSet::new();
    match what {
        Happening::Comes { spends, fee } => comes(pool, model, made, spends, *fee),
        Happening::Accepted(number) => {
            let ready: Vec<Hash256> = pool.frontier().ascending().map(|item| item.id).collect();
            let Some(id) = ready.get(number % ready.len().max(1)) else { return };
            let (tx, _) = model.all.remove(id).unwrap();
            let mut diff = UtxoDiff::new();
            for input in &tx.inputs {
                diff.remove(input.previous_outpoint, entry(1000)).unwrap();
            }
            diff.add(Outpoint::new(*id, 0), entry(1000)).unwrap();
            let accepted = [*id];
            let change = VirtualChange {
                accepted: &accepted,
                unaccepted: &nobody,
                diff: &diff,
                daa_score: 2,
            };
            assert_eq!(pool.follow(&change).accepted, 1);
        }
        Happening::Spent(number) => {
            let outpoint = coin(*number as u64);
            let owner = pool.spender(&outpoint);
            if let Some(owner) = owner {
                model.remove_family(owner);
            }
            let mut diff = UtxoDiff::new();
            diff.remove(outpoint, entry(1000)).unwrap();
            let change =
                VirtualChange { accepted: &[], unaccepted: &nobody, diff: &diff, daa_score: 2 };
            pool.follow(&change);
        }
        Happening::Removed(number) => {
            let ids: Vec<Hash256> = model.all.keys().copied().collect();
            let Some(id) = ids.get(number % ids.len().max(1)) else { return };
            model.remove_family(*id);
            pool.remove_with_descendants(id);
        }
    }
}

proptest! {
    #[test]
    fn the_pool_is_a_list_with_indices(steps in prop::collection::vec(happening(), 1..80)) {
        let mut pool = Pool::new(policy(), 1);
        let mut model = Model::default();
        let mut made = Vec::new();
        for what in &steps {
            step(&mut pool, &mut model, &mut made, what);
            model.assert_is(&pool);
        }
    }

    #[test]
    fn bounds_hold_whatever_comes(
        fees in prop::collection::vec((1_u64..100_000, any::<bool>(), 0_usize..20), 1..120),
    ) {
        let mut pool = Pool::new(Policy { count_max: 10, bytes_max: 12_000, ..policy() }, 1);
        let mut made: Vec<Arc<Transaction>> = Vec::new();
        for (number, (fee, chained, parent)) in fees.into_iter().enumerate() {
            let parent = made.get(parent).filter(|tx| chained && pool.get(&tx.id()).is_some());
            let spends = parent.map_or(coin(number as u64), |tx| Outpoint::new(tx.id(), 0));
            let tx = tx(&[spends], 1, number as u64);
            let _ = add(&mut pool, &tx, fee);
            made.push(tx);
            prop_assert!(pool.len() <= 10);
            prop_assert!(pool.bytes() <= 12_000);
        }
    }
}
