//! Each rule by itself.

use std::collections::HashSet;

use super::*;
use crate::state::UtxoDiff;

fn pool() -> Pool {
    Pool::new(policy(), 1)
}

fn follow(
    pool: &mut Pool,
    accepted: &[&Arc<Transaction>],
    unaccepted: &[&Arc<Transaction>],
) -> Followed {
    let mut diff = UtxoDiff::new();
    for tx in unaccepted {
        for input in &tx.inputs {
            diff.add(input.previous_outpoint, entry(1000)).unwrap();
        }
        diff.remove(Outpoint::new(tx.id(), 0), entry(1000)).unwrap();
    }
    for tx in accepted {
        for input in &tx.inputs {
            diff.remove(input.previous_outpoint, entry(1000)).unwrap();
        }
        diff.add(Outpoint::new(tx.id(), 0), entry(1000)).unwrap();
    }
    let accepted: Vec<Hash256> = accepted.iter().map(|tx| tx.id()).collect();
    let unaccepted: HashSet<Hash256> = unaccepted.iter().map(|tx| tx.id()).collect();
    pool.follow(&VirtualChange {
        accepted: &accepted,
        unaccepted: &unaccepted,
        diff: &diff,
        daa_score: 2,
    })
}

#[test]
fn a_child_is_ready_when_its_parent_was_accepted() {
    let mut pool = pool();
    let parent = tx(&[coin(1)], 1, 0);
    let child = tx(&[Outpoint::new(parent.id(), 0)], 1, 0);
    add(&mut pool, &parent, 1000).unwrap();
    add(&mut pool, &child, 9000).unwrap();
    assert!(pool.frontier().contains(&parent.id()) && !pool.frontier().contains(&child.id()));
    let followed = follow(&mut pool, &[&parent], &[]);
    assert_eq!((followed.accepted, followed.double_spent), (1, 0));
    assert!(pool.frontier().contains(&child.id()));
    assert_eq!(
        add(&mut pool, &parent, 1000).unwrap_err(),
        Refusal::AlreadyAccepted { id: parent.id() }
    );
}

#[test]
fn what_a_block_spends_otherwise_goes_with_its_children() {
    let mut pool = pool();
    let parent = tx(&[coin(1)], 1, 0);
    let child = tx(&[Outpoint::new(parent.id(), 0), coin(2)], 1, 0);
    add(&mut pool, &parent, 1000).unwrap();
    add(&mut pool, &child, 1000).unwrap();
    let other = tx(&[coin(1)], 1, 77);
    let followed = follow(&mut pool, &[&other], &[]);
    assert_eq!((followed.accepted, followed.double_spent), (0, 2));
    assert!(pool.is_empty() && pool.bytes() == 0);
}

#[test]
fn what_a_reorganisation_took_away_is_tried_again_and_its_child_stays() {
    let mut pool = pool();
    let parent = tx(&[coin(1)], 1, 0);
    let child = tx(&[Outpoint::new(parent.id(), 0)], 1, 0);
    add(&mut pool, &parent, 1000).unwrap();
    follow(&mut pool, &[&parent], &[]);
    add(&mut pool, &child, 1000).unwrap();
    assert!(pool.frontier().contains(&child.id()));
    let followed = follow(&mut pool, &[], &[&parent]);
    assert_eq!(followed.retry, vec![(Arc::clone(&parent), Priority::Low)]);
    assert_eq!(followed.double_spent, 0);
    add(&mut pool, &parent, 1000).unwrap();
    assert!(!pool.frontier().contains(&child.id()), "its parent is in the pool again");
    assert!(pool.get(&parent.id()).unwrap().children.contains(&child.id()));
}

#[test]
fn orphans_are_tried_when_their_parent_comes_or_is_accepted() {
    let mut pool = pool();
    let (first, second) = (tx(&[coin(1)], 1, 0), tx(&[coin(2)], 1, 0));
    for parent in [&first, &second] {
        let orphan = tx(&[Outpoint::new(parent.id(), 0)], 1, 0);
        let masses = Masses::default();
        pool.add_orphan(Arc::clone(&orphan), orphan.id(), &masses, Priority::Low, 1).unwrap();
    }
    let added = add(&mut pool, &first, 1000).unwrap();
    assert_eq!(added.unorphaned.len(), 1);
    let followed = follow(&mut pool, &[&second], &[]);
    assert_eq!(followed.retry.len(), 1);
    assert_eq!(pool.orphan_count(), 0);
}

#[test]
fn an_orphan_is_pushed_out_unless_a_client_brought_it() {
    let mut pool = Pool::new(Policy { orphans_max: 2, ..policy() }, 1);
    let masses = Masses::default();
    let mut orphan = |number, priority| {
        let orphan = tx(&[coin(number)], 1, 0);
        let id = orphan.id();
        (pool.add_orphan(orphan, id, &masses, priority, 1), pool.orphan_count())
    };
    assert_eq!(orphan(1, Priority::High), (Ok(()), 1));
    assert_eq!(orphan(2, Priority::Low), (Ok(()), 2));
    assert_eq!(orphan(3, Priority::High), (Ok(()), 2));
    assert_eq!(orphan(4, Priority::Low), (Err(Refusal::OrphansFull { actual: 2, max: 2 }), 2));
}

#[test]
fn replacement_follows_its_policy() {
    let mut pool = pool();
    let (one, two) = (tx(&[coin(1)], 1, 0), tx(&[coin(2)], 1, 0));
    add(&mut pool, &one, 1000).unwrap();
    add(&mut pool, &two, 2000).unwrap();
    let rival = tx(&[coin(1)], 1, 5);
    let both = tx(&[coin(1), coin(2)], 1, 6);
    let try_with = |pool: &mut Pool, tx: &Arc<Transaction>, fee, replacement| {
        let checked = checked(pool, tx, fee);
        pool.add(checked, Priority::High, replacement, 1).map(|added| added.replaced.len())
    };
    let forbidden = try_with(&mut pool, &rival, 9999, Replacement::Forbidden);
    assert_eq!(forbidden, Err(Refusal::DoubleSpend { outpoint: coin(1), owner: one.id() }));
    let nothing = try_with(&mut pool, &tx(&[coin(3)], 1, 0), 9999, Replacement::Mandatory);
    assert_eq!(nothing, Err(Refusal::NothingToReplace));
    let many = try_with(&mut pool, &both, 99_999, Replacement::Mandatory);
    assert_eq!(many, Err(Refusal::TooManyToReplace));
    let same = try_with(&mut pool, &rival, 1000, Replacement::Allowed);
    assert_eq!(same, Err(Refusal::FeeRateTooLow { owner: one.id() }));
    assert_eq!(try_with(&mut pool, &rival, 1001, Replacement::Mandatory), Ok(1));
    assert_eq!(try_with(&mut pool, &both, 99_999, Replacement::Allowed), Ok(2));
    assert_eq!(pool.len(), 1);
}

#[test]
fn a_full_pool_keeps_what_pays_more_and_what_clients_brought() {
    let mut pool = Pool::new(Policy { count_max: 3, ..policy() }, 1);
    for (number, fee) in [(1, 1000), (2, 2000), (3, 3000)] {
        add(&mut pool, &tx(&[coin(number)], 1, 0), fee).unwrap();
    }
    assert_eq!(add(&mut pool, &tx(&[coin(4)], 1, 0), 999).unwrap_err(), Refusal::Full);
    add(&mut pool, &tx(&[coin(5)], 1, 0), 1500).unwrap();
    assert_eq!(pool.len(), 3);
    assert_eq!(pool.spender(&coin(1)), None, "the lowest went");
    let kept = tx(&[coin(6)], 1, 0);
    let kept_checked = checked(&pool, &kept, 1600);
    pool.add(kept_checked, Priority::High, Replacement::Forbidden, 1).unwrap();
    for number in 7..10 {
        add(&mut pool, &tx(&[coin(number)], 1, 0), 9000 + number).unwrap();
    }
    assert!(pool.get(&kept.id()).is_some(), "a client's stays however little it pays");
}

#[test]
fn old_ones_of_peers_expire() {
    let mut pool = pool();
    let of_client = tx(&[coin(2)], 1, 0);
    add(&mut pool, &tx(&[coin(1)], 1, 0), 1000).unwrap();
    let client = checked(&pool, &of_client, 1000);
    pool.add(client, Priority::High, Replacement::Forbidden, 1).unwrap();
    let after = pool.policy().expire_after;
    assert_eq!(pool.expire(after, 1_000_000), 0);
    assert_eq!(pool.expire(after + 2, 1_000_001), 0, "not looked at so soon again");
    let every = pool.policy().expire_every;
    assert_eq!(pool.expire(after + every + 2, 2_000_000), 1);
    assert!(pool.get(&of_client.id()).is_some());
}

#[test]
fn forms_that_are_not_standard_are_refused_where_asked() {
    let policy = Policy { accept_non_standard: false, ..policy() };
    let params = params();
    let strange = tx(&[coin(1)], 1, 0);
    let refusal = policy.check_in_isolation(&params, &strange, strange.id()).unwrap_err();
    let reason = NonStandard::OutputScript { output: 0 };
    assert_eq!(refusal, Refusal::NonStandard { id: strange.id(), reason });
    let mut plain = (*strange).clone();
    let key = crate::script::ScriptClass::PublicKey(&[7; 32]).to_script().unwrap();
    plain.outputs[0].script_public_key = ScriptPublicKey::new(0, &key);
    let id = plain.id();
    let masses = policy.check_in_isolation(&params, &plain, id).unwrap();
    let spent = [UtxoEntry { script_public_key: ScriptPublicKey::new(0, &key), ..entry(5) }];
    let min = masses.compute.max(masses.normalised_transient(&policy.block_mass)) * 100;
    assert_eq!(policy.check_in_context(&plain, id, &spent, &masses, min), Ok(()));
    let refusal = policy.check_in_context(&plain, id, &spent, &masses, min - 1).unwrap_err();
    assert!(matches!(refusal, Refusal::NonStandard { reason: NonStandard::ComputeFee { .. }, .. }));
    let refusal = policy.check_in_context(&plain, id, &[entry(5)], &masses, min).unwrap_err();
    let reason = NonStandard::InputScript { input: 0 };
    assert_eq!(refusal, Refusal::NonStandard { id, reason });
    let heavy = Masses { storage: policy.block_mass.storage + 1, ..masses };
    let refusal = policy.check_in_context(&plain, id, &spent, &heavy, min).unwrap_err();
    assert!(matches!(refusal, Refusal::StorageMass { .. }));
}
