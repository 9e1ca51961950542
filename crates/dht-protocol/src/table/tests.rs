//! The table against its invariants, over any history.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

const OWNER: Key = Key::new([0x55; 20]);

fn at(seconds: u64) -> Instant {
    Instant::from_secs(seconds)
}

/// A contact of bucket `bits` with its own address in a local range.
fn local(bits: usize, number: u16) -> Contact {
    let id = OWNER.random_at(bits, &mut StdRng::seed_from_u64(number.into()));
    let [high, low] = number.to_be_bytes();
    Contact::new(id, SocketAddr::from(([127, 1, high, low], 6881)))
}

fn public(bits: usize, number: u16, addr: &str) -> Contact {
    Contact { addr: addr.parse().unwrap(), ..local(bits, number) }
}

fn table() -> RoutingTable {
    RoutingTable::new(OWNER, Family::V4, Config::default())
}

/// A table whose bucket 0 holds the nodes 0..8, seen at second 0.
fn full_bucket() -> RoutingTable {
    let mut table = table();
    for number in 0..8 {
        assert_eq!(table.on_response(local(0, number), false, at(0)), Insert::Added);
    }
    table
}

fn live(table: &RoutingTable) -> Vec<Contact> {
    table.nodes().map(Node::contact).collect()
}

#[test]
fn only_who_answered_becomes_live() {
    let mut table = table();
    assert_eq!(table.on_named(local(0, 1), at(0)), Named::Verify(local(0, 1)));
    assert_eq!(table.on_query(local(0, 2), false, at(0)), Named::Verify(local(0, 2)));
    assert_eq!(table.closest(OWNER).count(), 0);
    assert_eq!(table.on_response(local(0, 1), true, at(0)), Insert::Added);
    assert_eq!(live(&table), [local(0, 1)]);
    assert_eq!(table.on_failure(local(0, 2), at(0)), Failure::Removed { successor: None });
    assert_eq!(table.buckets().map(|bucket| bucket.replacements.len()).sum::<usize>(), 0);
}

#[test]
fn what_can_not_be_a_neighbour_is_refused() {
    let mut table = table();
    let refused = |contact| Named::Refused(contact);
    let own = Contact { id: OWNER, ..local(0, 1) };
    assert_eq!(table.on_named(own, at(0)), refused(Refusal::Own));
    assert_eq!(table.on_named(public(0, 1, "[::1]:1"), at(0)), refused(Refusal::OtherFamily));
    assert_eq!(table.on_named(public(0, 1, "1.2.3.4:0"), at(0)), refused(Refusal::Unusable));
    assert_eq!(table.on_query(local(0, 1), true, at(0)), refused(Refusal::ReadOnly));
    assert!(table.is_empty());
}

#[test]
fn old_nodes_that_answer_stay_and_the_newcomer_waits() {
    let mut table = full_bucket();
    let newcomer = local(0, 100);
    assert_eq!(table.on_response(newcomer, false, at(60)), Insert::Full { ping: None });
    assert_eq!(table.len(), 8);
    assert!(!table.contains(newcomer));
}

#[test]
fn a_questionable_node_is_pinged_and_keeps_its_place_if_it_answers() {
    let mut table = full_bucket();
    let later = at(GOOD_FOR.as_secs());
    let oldest = local(0, 0);
    assert_eq!(table.on_response(local(0, 100), false, later), Insert::Full { ping: Some(oldest) });
    assert_eq!(table.on_response(oldest, false, later), Insert::Refreshed);
    let next = table.on_response(local(0, 101), false, later);
    assert_eq!(next, Insert::Full { ping: Some(local(0, 1)) }, "the oldest is another one now");
}

#[test]
fn a_node_silent_twice_gives_way_to_the_one_that_waits() {
    let mut table = full_bucket();
    let (newcomer, oldest) = (local(0, 100), local(0, 0));
    let _ = table.on_response(newcomer, false, at(1));
    assert_eq!(table.on_failure(oldest, at(2)), Failure::Kept { failures: 1 });
    let removed = Failure::Removed { successor: Some(newcomer) };
    assert_eq!(table.on_failure(oldest, at(3)), removed);
    assert!(table.contains(newcomer) && !table.contains(oldest));
}

#[test]
fn a_bad_node_without_a_successor_is_not_handed_out_and_gives_way_to_the_next() {
    let mut table = full_bucket();
    let bad = local(0, 3);
    let _ = table.on_failure(bad, at(1));
    assert_eq!(table.on_failure(bad, at(1)), Failure::Kept { failures: 2 });
    assert!(table.closest(bad.id).all(|node| node.contact() != bad));
    let replaced = Insert::Replaced { removed: bad };
    assert_eq!(table.on_response(local(0, 100), false, at(2)), replaced);
}

#[test]
fn while_we_are_cut_off_nobody_is_removed() {
    let mut table = full_bucket();
    for second in 200..210 {
        for node in live(&table) {
            let _ = table.on_failure(node, at(second));
        }
    }
    assert_eq!(table.len(), 8);
    let _ = table.on_response(local(0, 0), false, at(300));
    let _ = table.on_failure(local(0, 1), at(300));
    assert!(!table.contains(local(0, 1)), "the others answer, so it is its own silence");
}

#[test]
fn a_node_with_a_fitting_id_takes_the_place_of_one_without() {
    let mut table = full_bucket();
    let secure = local(0, 100);
    let replaced = Insert::Replaced { removed: local(0, 0) };
    assert_eq!(table.on_response(secure, true, at(1)), replaced);
    let refused = table.on_response(local(0, 101), false, at(1));
    assert_eq!(refused, Insert::Full { ping: None });
    assert!(table.contains(secure));
}

#[test]
fn a_responder_that_changes_its_id_is_dropped() {
    let mut table = full_bucket();
    let changed = Contact { id: local(4, 9).id, ..local(0, 0) };
    assert_eq!(table.on_response(changed, true, at(1)), Insert::Refused(Refusal::IdChanged));
    assert!(!table.contains(local(0, 0)) && !table.contains(changed));
    assert_eq!(table.on_response(changed, true, at(2)), Insert::Added, "a newcomer like any other");
}

#[test]
fn an_id_at_another_address_is_refused_until_its_owner_is_bad() {
    let mut table = full_bucket();
    let (old, new) = (local(0, 0), Contact { addr: local(0, 50).addr, ..local(0, 0) });
    assert_eq!(table.on_response(new, true, at(1)), Insert::Refused(Refusal::IdTaken));
    let _ = table.on_failure(old, at(1));
    let _ = table.on_failure(old, at(1));
    assert_eq!(table.on_response(new, true, at(1)), Insert::Added);
    assert!(table.contains(new) && !table.contains(old));
}

#[test]
fn one_address_block_gets_two_places_in_a_bucket_and_ten_in_the_table() {
    let mut table = table();
    let refused = |refusal| Insert::Refused(refusal);
    for bits in 0..5 {
        for host in 0..2 {
            let number = u16::try_from(bits * 2 + host).unwrap();
            let contact = public(bits, number, &format!("8.8.8.{number}:1"));
            assert_eq!(table.on_response(contact, true, at(0)), Insert::Added);
        }
    }
    let third = public(0, 90, "8.8.8.90:1");
    assert_eq!(table.on_response(third, true, at(0)), refused(Refusal::GroupFullInBucket));
    let eleventh = public(7, 91, "8.8.8.91:1");
    assert_eq!(table.on_response(eleventh, true, at(0)), refused(Refusal::GroupFullInTable));
    let same_ip = public(9, 92, "8.8.8.0:2");
    assert_eq!(table.on_response(same_ip, true, at(0)), refused(Refusal::IpTaken));
    let elsewhere = public(0, 93, "8.8.9.1:1");
    assert_eq!(table.on_response(elsewhere, true, at(0)), Insert::Added);
}

#[test]
fn the_flood_of_a_thousand_ids_on_four_blocks_gets_forty_places() {
    let mut table = table();
    for number in 0..1_000_u16 {
        let id = Key::random(&mut StdRng::seed_from_u64(number.into()));
        let addr = SocketAddr::from((
            [9, 9, u8::try_from(number % 4).unwrap(), u8::try_from(number / 4).unwrap()],
            1,
        ));
        let _ = table.on_response(Contact::new(id, addr), true, at(0));
    }
    let verified = table.buckets().flat_map(|bucket| bucket.live.iter().chain(bucket.replacements));
    assert!(verified.count() <= 4 * GROUP_TABLE_MAX);
}

#[test]
fn a_bad_node_does_not_keep_its_address_from_a_successor() {
    let mut table = table();
    let (old, new) = (public(0, 1, "8.8.8.8:1"), public(3, 2, "8.8.8.8:2"));
    let _ = table.on_response(old, true, at(0));
    assert_eq!(table.on_response(new, true, at(1)), Insert::Refused(Refusal::IpTaken));
    let _ = table.on_failure(old, at(1));
    let _ = table.on_failure(old, at(1));
    assert_eq!(table.on_response(new, true, at(1)), Insert::Added);
}

#[test]
fn claims_alone_get_little_room() {
    let mut table = table();
    for number in 0..5_000_u16 {
        let _ = table.on_named(local(usize::from(number % 160), number), at(0));
    }
    let waiting = table.buckets().map(|bucket| bucket.replacements.len()).sum::<usize>();
    assert_eq!((waiting, table.len()), (UNVERIFIED_MAX, 0));
}

#[test]
fn maintenance_pings_who_is_silent_and_who_might_fill_a_vacancy() {
    let mut table = full_bucket();
    let candidate = local(3, 200);
    assert_eq!(table.on_named(candidate, at(0)), Named::Verify(candidate));
    assert_eq!(table.ping_due(at(1)), None, "the candidate was just handed out, the rest is good");
    assert_eq!(table.ping_due(at(61)), Some(candidate));
    let silent = at(GOOD_FOR.as_secs() + 1);
    let mut due: Vec<Contact> = core::iter::from_fn(|| table.ping_due(silent)).collect();
    due.sort_unstable();
    let mut expected: Vec<Contact> =
        (0..8).map(|number| local(0, number)).chain([candidate]).collect();
    expected.sort_unstable();
    assert_eq!(due, expected);
}

#[test]
fn a_range_nobody_was_heard_from_is_refreshed_once() {
    let mut table = full_bucket();
    let _ = table.on_response(local(1, 300), true, at(0));
    let rng = &mut StdRng::seed_from_u64(1);
    assert_eq!(table.refresh_due(at(899), rng), None);
    let due: Vec<Refresh> = core::iter::from_fn(|| table.refresh_due(at(900), rng)).collect();
    assert_eq!(due.iter().map(|refresh| refresh.bucket).collect::<Vec<_>>(), [0, 1]);
    assert!(due.iter().all(|refresh| OWNER.common_prefix(refresh.target) == refresh.bucket));
    table.mark_stale();
    table.on_lookup(local(0, 1).id, at(900));
    let due = table.refresh_due(at(901), rng).map(|refresh| refresh.bucket);
    assert_eq!(due, Some(1), "the looked-up range is fresh");
}

#[test]
fn made_up_ids_deep_in_the_table_cause_no_lookups() {
    let mut table = full_bucket();
    for bits in 100..108 {
        let _ = table.on_response(local(bits, u16::try_from(bits).unwrap()), true, at(0));
    }
    let rng = &mut StdRng::seed_from_u64(1);
    let due = core::iter::from_fn(|| table.refresh_due(at(900), rng)).count();
    assert!(due <= 2, "{due}");
}

#[test]
fn a_new_own_id_keeps_the_contacts() {
    let mut table = full_bucket();
    let before: BTreeSet<Contact> = live(&table).into_iter().collect();
    let owner = Key::random(&mut StdRng::seed_from_u64(0xffff_ffff));
    table.set_owner(owner);
    assert_eq!(live(&table).into_iter().collect::<BTreeSet<_>>(), before);
    check(&table, at(0));
}

/// Random nodes of a network of `n`, filled into a table until nothing changes any more.
fn filled(n: u32) -> RoutingTable {
    let mut table = table();
    let mut rng = StdRng::seed_from_u64(9);
    for number in 0..n {
        let id = Key::random(&mut rng);
        let [_, a, b, c] = number.to_be_bytes();
        let contact = Contact::new(id, SocketAddr::from(([10, a, b, c], 1)));
        let _ = table.on_response(contact, true, at(0));
    }
    table
}

#[test]
fn a_full_table_takes_less_than_32_kilobytes_and_knows_the_size_of_the_network() {
    let table = filled(20_000);
    assert!(table.memory_bytes() < 32 << 10, "{} bytes", table.memory_bytes());
    let estimate = table.size_estimate().unwrap();
    assert!((7_000.0..60_000.0).contains(&estimate), "{estimate}");
}

#[derive(Debug, Clone)]
enum Op {
    Response(Contact, bool),
    Query(Contact, bool),
    Named(Contact),
    Failure(Contact),
    Wait(u16),
    Maintain,
    Owner(u8),
}

/// Few ids, few addresses, few blocks: everything collides with everything.
fn contacts() -> impl Strategy<Value = Contact> {
    (0_usize..4, 0_u16..40, 0_u8..3, 0_u8..12, 1_u16..3, any::<bool>()).prop_map(
        |(bits, number, block, host, port, is_local)| {
            let first = if is_local { 10 } else { 8 };
            let addr = SocketAddr::from(([first, 8, block, host], port));
            Contact { addr, ..local(bits, number) }
        },
    )
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        8 => (contacts(), any::<bool>()).prop_map(|(contact, secure)| Op::Response(contact, secure)),
        2 => (contacts(), any::<bool>()).prop_map(|(contact, ro)| Op::Query(contact, ro)),
        2 => contacts().prop_map(Op::Named),
        6 => contacts().prop_map(Op::Failure),
        1 => (0_u16..1_000).prop_map(Op::Wait),
        1 => Just(Op::Maintain),
        1 => any::<u8>().prop_map(Op::Owner),
    ];
    prop::collection::vec(op, 0..200)
}

/// The invariants of the module's documentation.
fn check(table: &RoutingTable, now: Instant) {
    let (mut ids, mut addrs, mut blocks) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
    let limits = table.config.diversity;
    let mut ips = BTreeSet::new();
    for bucket in table.buckets() {
        assert!(bucket.live.len() <= table.k() && bucket.replacements.len() <= table.k());
        let mut in_bucket = BTreeMap::new();
        for node in bucket.live.iter().chain(bucket.replacements) {
            let contact = node.contact();
            assert_eq!(table.owner().common_prefix(contact.id), bucket.index);
            if !node.is_verified() {
                continue;
            }
            assert!(ids.insert(contact.id), "an id twice");
            assert!(addrs.insert(contact.addr), "an address twice");
            if !limits.exempts(&contact) {
                assert!(ips.insert(contact.addr.ip()), "an ip twice");
                *blocks.entry(group(contact.addr.ip())).or_insert(0) += 1;
                *in_bucket.entry(group(contact.addr.ip())).or_insert(0) += 1;
            }
        }
        assert!(bucket.live.iter().all(Node::is_verified));
        assert!(bucket.live.is_sorted_by_key(Node::last_seen));
        assert!(in_bucket.values().all(|&count| count <= limits.group_bucket_max));
        let vacancy = bucket.live.len() < table.k()
            || bucket.live.iter().any(|node| node.standing(now) == Standing::Bad);
        assert!(!(vacancy && bucket.replacements.iter().any(Node::is_verified)));
    }
    assert!(blocks.values().all(|&count| count <= limits.group_table_max));
    assert!(!ids.contains(&table.owner()));
}

proptest! {
    #[test]
    fn no_history_breaks_the_invariants(ops in ops()) {
        let mut table = table();
        let mut now = at(0);
        for op in ops {
            match op {
                Op::Response(contact, secure) => drop(table.on_response(contact, secure, now)),
                Op::Query(contact, read_only) => drop(table.on_query(contact, read_only, now)),
                Op::Named(contact) => drop(table.on_named(contact, now)),
                Op::Failure(contact) => drop(table.on_failure(contact, now)),
                Op::Wait(seconds) => now = now.saturating_add(Duration::from_secs(seconds.into())),
                Op::Maintain => while table.ping_due(now).is_some() {},
                Op::Owner(byte) => table.set_owner(Key::new([byte; 20])),
            }
            check(&table, now);
        }
    }

    #[test]
    fn the_walk_over_buckets_finds_what_sorting_everything_finds(
        seed: u64, nodes in 0_u16..400, near in 0_usize..160, failing in 0_u16..40,
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut table = table();
        for number in 0..nodes {
            let depth = rng.random_range(0..40);
            let _ = table.on_response(local(depth, number), true, at(0));
        }
        for contact in live(&table).into_iter().take(failing.into()) {
            let _ = table.on_failure(contact, at(0));
            let _ = table.on_failure(contact, at(0));
        }
        for target in [OWNER, Key::random(&mut rng), OWNER.random_at(near, &mut rng)] {
            let found: Vec<Contact> = table.closest(target).map(Node::contact).collect();
            let alive = table.nodes().filter(|node| node.failures() < FAILURES_BAD);
            let mut naive: Vec<Contact> = alive.map(Node::contact).collect();
            naive.sort_unstable_by_key(|contact| target.distance(contact.id));
            prop_assert_eq!(found, naive);
        }
    }
}
