//! Networks of nodes: joining, storing, finding, losing packets and nodes.

use core::time::Duration;

use quintet_crypto::ed25519::SecretKey;

use super::world::{World, local};
use crate::{
    dht::{Failure, Outcome, Wish},
    key::Key,
    message::{Item, MutableItem, code},
    record::{ITEM_LIFETIME, PEER_LIFETIME},
};

fn immutable(text: &str) -> Item {
    Item::Immutable { value: format!("{}:{text}", text.len()).into_bytes() }
}

fn owner() -> SecretKey {
    SecretKey::from_seed(&[5; 32])
}

fn mutable(seq: i64, text: &str) -> Item {
    let value = format!("{}:{text}", text.len()).into_bytes();
    Item::Mutable(MutableItem::sign(&owner(), b"salt".to_vec(), seq, value))
}

fn get_mutable() -> Wish {
    Wish::GetMutable { public_key: owner().public_key(), salt: b"salt".to_vec() }
}

fn stored(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Stored { acknowledged, .. } => *acknowledged,
        other => panic!("expected a store, got {other:?}"),
    }
}

#[test]
fn nodes_that_join_through_one_get_to_know_each_other() {
    let world = World::of(20, 1);
    for (addr, node) in &world.nodes {
        let contacts = node.dht.contacts().len();
        assert!(contacts >= 8, "{addr} knows {contacts}");
    }
}

#[test]
fn what_one_node_stores_every_other_reads() {
    let mut world = World::of(30, 2);
    let item = immutable("hello");
    let outcome = world.fulfil(local(3), Wish::PutItem { item: item.clone(), cas: None });
    assert_eq!(stored(&outcome), 8);
    for reader in 0..30 {
        let found = world.fulfil(local(reader), Wish::GetImmutable { key: item.target() });
        assert!(
            matches!(&found, Outcome::Item(Some(got), _) if *got == item),
            "node {reader}: {found:?}"
        );
    }
}

#[test]
fn the_newest_version_of_a_mutable_item_wins() {
    let mut world = World::of(30, 3);
    for (seq, text) in [(1, "first"), (2, "second")] {
        let outcome = world.fulfil(local(1), Wish::PutItem { item: mutable(seq, text), cas: None });
        assert_eq!(stored(&outcome), 8);
    }
    let Outcome::Item(Some(found), _) = world.fulfil(local(20), get_mutable()) else {
        panic!("expected an item");
    };
    assert_eq!(found, mutable(2, "second"));

    let stale = world.fulfil(local(9), Wish::PutItem { item: mutable(1, "first"), cas: None });
    let Outcome::Stored { acknowledged: 0, refused, .. } = stale else { panic!("{stale:?}") };
    assert!(refused.iter().all(|(_, code, _)| *code == code::SEQ_TOO_LOW));
}

#[test]
fn compare_and_swap_is_refused_where_another_version_lies() {
    let mut world = World::of(12, 4);
    world.fulfil(local(1), Wish::PutItem { item: mutable(1, "a"), cas: None });
    let lost = world.fulfil(local(2), Wish::PutItem { item: mutable(3, "b"), cas: Some(2) });
    // The two writers do not store at themselves, so their eight closest differ by one.
    let Outcome::Stored { acknowledged, refused, .. } = lost else { panic!("{lost:?}") };
    assert!(acknowledged <= 1 && refused.len() >= 7, "{acknowledged} {refused:?}");
    assert!(refused.iter().all(|(_, code, _)| *code == code::CAS_MISMATCH));
    let won = world.fulfil(local(2), Wish::PutItem { item: mutable(3, "b"), cas: Some(1) });
    assert!(stored(&won) >= 7);
}

#[test]
fn an_item_that_breaks_a_rule_is_refused_before_anybody_is_asked() {
    let mut world = World::of(2, 5);
    let item = Item::Immutable { value: b"no bencoding".to_vec() };
    let outcome = world.fulfil(local(0), Wish::PutItem { item, cas: None });
    assert!(matches!(outcome, Outcome::Failed(Failure::Invalid(_))), "{outcome:?}");
}

#[test]
fn peers_are_announced_with_the_source_port_or_their_own() {
    let mut world = World::of(20, 6);
    let info_hash = Key::new([7; 20]);
    for (from, port) in [(1, None), (2, Some(5000))] {
        world.fulfil(local(from), Wish::Announce { info_hash, port, seed: false });
    }
    let Outcome::Peers(peers, _) = world.fulfil(local(15), Wish::GetPeers { info_hash }) else {
        panic!("expected peers");
    };
    let mut second = local(2);
    second.set_port(5000);
    assert_eq!(peers, [local(1), second]);
}

#[test]
fn records_expire_and_the_disk_forgets_them_too() {
    let mut world = World::of(10, 7);
    world.fulfil(local(1), Wish::PutItem { item: immutable("x"), cas: None });
    world
        .fulfil(local(1), Wish::Announce { info_hash: Key::new([7; 20]), port: None, seed: false });
    let held = |world: &World| world.nodes.values().map(|node| node.disk.len()).sum::<usize>();
    assert_eq!(held(&world), 16);
    world.run(PEER_LIFETIME + Duration::from_secs(5));
    assert_eq!(held(&world), 8);
    world.run(ITEM_LIFETIME);
    assert_eq!(held(&world), 0);
}

#[test]
fn a_restarted_node_serves_what_it_had_acknowledged() {
    let mut world = World::of(10, 8);
    let item = immutable("kept");
    world.fulfil(local(1), Wish::PutItem { item: item.clone(), cas: None });
    let clock = world.clock();
    for (addr, node) in &mut world.nodes {
        let config = crate::dht::Config {
            bootstrap: if *addr == local(0) { Vec::new() } else { vec![local(0)] },
            ..node.dht.config().clone()
        };
        let mut reborn = crate::dht::Dht::new(config, clock, [9; 32]);
        for (key, record) in &node.disk {
            reborn.restore_record(*key, record.clone(), clock);
        }
        node.dht = reborn;
    }
    world.run(Duration::from_secs(30));
    let found = world.fulfil(local(5), Wish::GetImmutable { key: item.target() });
    assert!(matches!(found, Outcome::Item(Some(got), _) if got == item));
}

#[test]
fn a_third_of_the_packets_lost_delays_and_does_not_prevent() {
    let mut world = World::of(30, 9);
    world.loss = 33;
    let item = immutable("through the storm");
    let mut acknowledged = 0;
    for _ in 0..3 {
        let put = world.fulfil(local(4), Wish::PutItem { item: item.clone(), cas: None });
        acknowledged += stored(&put);
    }
    assert!(acknowledged > 0);
    let found = (0..5).any(|_| {
        let outcome = world.fulfil(local(22), Wish::GetImmutable { key: item.target() });
        matches!(outcome, Outcome::Item(Some(_), _))
    });
    assert!(found);
}

#[test]
fn half_of_the_nodes_may_die_before_a_record_is_read() {
    let mut world = World::of(40, 10);
    let item = immutable("survivor");
    world.fulfil(local(4), Wish::PutItem { item: item.clone(), cas: None });
    let holders: Vec<_> = world
        .nodes
        .iter()
        .filter(|(_, node)| !node.disk.is_empty())
        .map(|(addr, _)| *addr)
        .collect();
    // Half of all, and all holders but one among them.
    let others = (20..40).map(local).filter(|addr| !holders.contains(addr)).take(13);
    for addr in holders.iter().skip(1).copied().chain(others.collect::<Vec<_>>()) {
        world.nodes.get_mut(&addr).unwrap().alive = false;
    }
    let reader = *world.nodes.iter().find(|(_, node)| node.alive).unwrap().0;
    let found = world.fulfil(reader, Wish::GetImmutable { key: item.target() });
    assert!(matches!(found, Outcome::Item(Some(_), _)), "{found:?}");
}

#[test]
fn an_operation_ends_even_if_everybody_is_gone() {
    let mut world = World::of(10, 11);
    for number in 1..10 {
        world.nodes.get_mut(&local(number)).unwrap().alive = false;
    }
    let get = world.fulfil(local(0), Wish::GetImmutable { key: Key::new([1; 20]) });
    assert!(matches!(get, Outcome::Item(None, _)), "{get:?}");
    let ping = world.fulfil(local(0), Wish::Ping { addr: local(1) });
    assert_eq!(ping, Outcome::Failed(Failure::Silent));
}

#[test]
fn a_node_alone_says_that_there_is_nobody_to_ask() {
    let mut world = World::new(12);
    world.add(local(0), |_| {});
    let outcome = world.fulfil(local(0), Wish::FindNode { target: Key::new([1; 20]) });
    assert_eq!(outcome, Outcome::Failed(Failure::NoContacts));
}

#[test]
fn a_node_that_found_nobody_keeps_trying_to_join() {
    let mut world = World::new(13);
    world.add(local(1), |config| config.bootstrap = vec![local(0)]);
    world.run(Duration::from_secs(90));
    world.add(local(0), |_| {});
    world.run(Duration::from_secs(90));
    assert_eq!(world.node(local(1)).dht.contacts().len(), 1);
}

#[test]
fn a_read_only_node_reads_and_stays_out_of_tables() {
    let mut world = World::of(10, 14);
    world.add(local(50), |config| {
        config.bootstrap = vec![local(0)];
        config.read_only = true;
    });
    world.run(Duration::from_secs(30));
    let item = immutable("public");
    world.fulfil(local(1), Wish::PutItem { item: item.clone(), cas: None });
    let found = world.fulfil(local(50), Wish::GetImmutable { key: item.target() });
    assert!(matches!(found, Outcome::Item(Some(_), _)));
    let quiet = world.node(local(50)).dht.id();
    for node in world.nodes.values() {
        assert!(node.dht.contacts().iter().all(|contact| contact.id != quiet));
    }
}

#[test]
fn raw_values_travel_between_our_own_nodes_where_they_are_allowed() {
    let mut world = World::new(15);
    for number in 0..10 {
        world.add(local(number), |config| {
            config.raw_values = true;
            config.bootstrap = vec![local(0)];
        });
    }
    world.run(Duration::from_secs(30));
    let key = Key::new([3; 20]);
    let put = world.fulfil(local(1), Wish::PutRaw { key, value: b"anything".to_vec() });
    assert!(stored(&put) >= 8, "{put:?}");
    let found = world.fulfil(local(9), Wish::GetRaw { key });
    assert!(matches!(found, Outcome::Raw(Some(value), _) if value == b"anything"));
}

#[test]
fn a_network_of_its_own_stores_and_reads() {
    let mut world = World::new(16);
    for number in 0..10 {
        world.add(local(number), |config| {
            config.network = crate::message::NetworkId(7);
            config.bootstrap = vec![local(0)];
        });
    }
    world.run(Duration::from_secs(30));
    let put = world.fulfil(local(1), Wish::PutItem { item: mutable(1, "ours"), cas: None });
    assert!(stored(&put) >= 8, "{put:?}");
    let found = world.fulfil(local(9), get_mutable());
    assert!(matches!(found, Outcome::Item(Some(_), _)));
}

#[test]
fn the_largest_item_travels_between_nodes_that_prefer_the_native_codec() {
    let mut world = World::of(12, 17);
    let value = [b"996:".as_slice(), &[b'x'; 996]].concat();
    let salt = vec![b's'; 64];
    let item = Item::Mutable(MutableItem::sign(&owner(), salt.clone(), 1, value));
    let put = world.fulfil(local(1), Wish::PutItem { item: item.clone(), cas: None });
    assert_eq!(stored(&put), 8);
    let wish = Wish::GetMutable { public_key: owner().public_key(), salt };
    for reader in 0..12 {
        let found = world.fulfil(local(reader), wish.clone());
        assert!(matches!(&found, Outcome::Item(Some(got), _) if *got == item), "{found:?}");
    }
}
