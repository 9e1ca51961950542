//! Tests of the shelf: what it holds, refuses and pushes out.

use proptest::prelude::*;
use quintet_crypto::ed25519::SecretKey;
use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::message::MutableItem;

const OWN: Key = Key::new([0; 20]);
const NOW: UnixTime = UnixTime::from_secs(1_000_000);

fn source(host: u8) -> IpAddr {
    IpAddr::from([9, 9, host, 1])
}

fn key(first: u8) -> Key {
    let mut bytes = [0; 20];
    bytes[0] = first;
    Key::new(bytes)
}

fn immutable(text: &str) -> (Key, Item) {
    let item = Item::Immutable { value: format!("{}:{text}", text.len()).into_bytes() };
    (item.target(), item)
}

fn mutable(seq: i64, value: &str) -> (Key, Item) {
    let secret = SecretKey::from_seed(&[1; 32]);
    let value = format!("{}:{value}", value.len()).into_bytes();
    let item = Item::Mutable(MutableItem::sign(&secret, Vec::new(), seq, value));
    (item.target(), item)
}

fn shelf(limits: Limits) -> (Shelf, StdRng) {
    (Shelf::new(OWN, limits), StdRng::seed_from_u64(1))
}

/// Room for `values` values of 100 bytes.
fn small(values: usize) -> Limits {
    Limits { bytes_max: values * (100 + VALUE_OVERHEAD), ..Limits::default() }
}

#[test]
fn what_was_stored_is_found_until_it_expires() {
    let (mut shelf, _) = shelf(Limits::default());
    let (target, item) = immutable("hello");
    let changes = shelf.put_item(target, item.clone(), None, source(1), NOW).unwrap();
    assert!(matches!(changes.as_slice(), [Change::Put(RecordKey::Item(at), _)] if *at == target));
    assert_eq!(shelf.item(target), Some(&item));

    let end = NOW.saturating_add(ITEM_LIFETIME);
    assert_eq!(shelf.next_expiry(), Some(end));
    assert_eq!(shelf.expire(UnixTime::from_secs(end.as_secs() - 1)), []);
    assert_eq!(shelf.expire(end), [Change::Remove(RecordKey::Item(target))]);
    assert!(shelf.is_empty());
    assert_eq!(shelf.bytes(), 0);
}

#[test]
fn storing_again_renews_the_lifetime() {
    let (mut shelf, _) = shelf(Limits::default());
    let (target, item) = mutable(1, "a");
    shelf.put_item(target, item.clone(), None, source(1), NOW).unwrap();
    let later = UnixTime::from_secs(NOW.as_secs() + 3_600);
    shelf.put_item(target, item, None, source(2), later).unwrap();
    assert_eq!(shelf.expire(NOW.saturating_add(ITEM_LIFETIME)), []);
    assert_eq!(shelf.len(), 1);
}

#[test]
fn a_refused_version_changes_nothing() {
    let (mut shelf, _) = shelf(Limits::default());
    let (target, first) = mutable(5, "a");
    shelf.put_item(target, first.clone(), None, source(1), NOW).unwrap();
    let (_, older) = mutable(4, "b");
    assert!(shelf.put_item(target, older, None, source(1), NOW).is_err());
    let (_, newer) = mutable(6, "b");
    assert!(shelf.put_item(target, newer, Some(4), source(1), NOW).is_err());
    let (_, Item::Mutable(signed)) = mutable(7, "c") else { unreachable!() };
    let forged = Item::Mutable(MutableItem { seq: 8, ..signed });
    assert_eq!(shelf.put_item(target, forged, None, source(1), NOW), Err(Refusal::BadSignature));
    assert_eq!(shelf.item(target), Some(&first));
}

#[test]
fn a_full_shelf_pushes_out_the_farthest_and_refuses_what_is_farther() {
    let (mut shelf, _) = shelf(small(2));
    let value = || vec![7; 100];
    shelf.put_raw(key(2), value(), source(1), NOW).unwrap();
    shelf.put_raw(key(8), value(), source(1), NOW).unwrap();
    assert!(shelf.has_room_for(key(4)));
    assert!(!shelf.has_room_for(key(16)));
    assert_eq!(shelf.put_raw(key(16), value(), source(1), NOW), Err(Refusal::Full));

    let changes = shelf.put_raw(key(4), value(), source(1), NOW).unwrap();
    assert_eq!(changes[0], Change::Remove(RecordKey::Raw(key(8))));
    assert!(shelf.raw(key(2)).is_some() && shelf.raw(key(4)).is_some());
    // Replacing a value of the same size needs no room.
    assert_eq!(shelf.put_raw(key(4), value(), source(1), NOW).unwrap().len(), 1);
}

#[test]
fn quotas_count_addresses_and_networks_and_are_given_back() {
    let limits = Limits { per_address_max: 2, per_network_max: 3, ..Limits::default() };
    let (mut shelf, _) = shelf(limits);
    let host = |last: u8| IpAddr::from([9, 9, 9, last]);
    let put = |shelf: &mut Shelf, at: u8, from: IpAddr| shelf.put_raw(key(at), vec![1], from, NOW);
    put(&mut shelf, 1, host(1)).unwrap();
    put(&mut shelf, 2, host(1)).unwrap();
    let refused = put(&mut shelf, 3, host(1));
    assert_eq!(refused, Err(Refusal::Quota { scope: "address", limit: 2 }));
    put(&mut shelf, 1, host(1)).unwrap();
    put(&mut shelf, 3, host(2)).unwrap();
    let refused = put(&mut shelf, 4, host(3));
    assert_eq!(refused, Err(Refusal::Quota { scope: "network", limit: 3 }));
    shelf.expire(NOW.saturating_add(RAW_LIFETIME));
    put(&mut shelf, 4, host(1)).unwrap();
}

#[test]
fn local_sources_have_no_quota_unless_the_limits_say_so() {
    let local = IpAddr::from([127, 0, 0, 1]);
    for (local_exempt, stored) in [(true, 5), (false, 1)] {
        let limits = Limits { per_address_max: 1, local_exempt, ..Limits::default() };
        let (mut shelf, _) = shelf(limits);
        let count =
            (0..5).filter(|at| shelf.put_raw(key(*at), vec![1], local, NOW).is_ok()).count();
        assert_eq!(count, stored);
    }
}

#[test]
fn peers_are_bounded_over_all_swarms() {
    let limits = Limits { peers_max: 10, ..Limits::default() };
    let (mut shelf, mut rng) = shelf(limits);
    for host in 0..20 {
        let peer = SocketAddr::new(source(host), 6881);
        shelf.put_peer(key(1), (peer, false), source(host), NOW, &mut rng).unwrap();
        assert!(shelf.len() <= 10);
    }
    let peer = SocketAddr::new(source(1), 6881);
    let farther = shelf.put_peer(key(200), (peer, false), source(1), NOW, &mut rng);
    assert_eq!(farther, Err(Refusal::Full));
    assert_eq!(shelf.peers(key(1), Family::V4, 100, &mut rng).len(), 10);
    assert_eq!(shelf.samples(5, &mut rng), (vec![key(1)], 1));
}

#[test]
fn another_own_id_keeps_every_record_findable() {
    let (mut shelf, mut rng) = shelf(Limits::default());
    let (target, item) = immutable("x");
    shelf.put_item(target, item.clone(), None, source(1), NOW).unwrap();
    let peer = SocketAddr::new(source(1), 6881);
    shelf.put_peer(key(9), (peer, true), source(1), NOW, &mut rng).unwrap();
    shelf.set_own(Key::new([0xff; 20]));
    assert_eq!(shelf.item(target), Some(&item));
    assert_eq!(shelf.peers(key(9), Family::V4, 9, &mut rng), [peer]);
}

proptest! {
    /// Replaying the changes into a map gives what the shelf holds, whatever happened to it.
    #[test]
    fn the_changes_tell_the_whole_story(
        steps in prop::collection::vec((0_u8..4, 0_u8..12, 0_u8..5, 0_u64..40_000), 1..200),
    ) {
        let limits = Limits { peers_max: 6, per_address_max: 8, ..small(6) };
        let (mut shelf, mut rng) = shelf(limits);
        let mut disk: BTreeMap<RecordKey, Record> = BTreeMap::new();
        let mut now = NOW;
        for (what, at, from, pause) in steps {
            now = now.saturating_add(core::time::Duration::from_secs(pause));
            let peer = SocketAddr::new(source(at), 1);
            let changes = match what {
                0 => shelf.put_raw(key(at), vec![at; 100], source(from), now).unwrap_or_default(),
                1 => shelf
                    .put_peer(key(from), (peer, false), source(from), now, &mut rng)
                    .unwrap_or_default(),
                2 => {
                    let (target, item) = mutable(at.into(), "value");
                    shelf.put_item(target, item, None, source(from), now).unwrap_or_default()
                }
                _ => shelf.expire(now),
            };
            for change in changes {
                match change {
                    Change::Put(key, record) => { disk.insert(key, record); }
                    Change::Remove(key) => { prop_assert!(disk.remove(&key).is_some()); }
                }
            }
            prop_assert!(shelf.bytes() <= limits.bytes_max);
            prop_assert!(shelf.peers <= limits.peers_max);
            prop_assert_eq!(disk.len(), shelf.len());
            prop_assert_eq!(disk.len(), shelf.expiries.len());
        }
        let mut restored = Shelf::new(OWN, limits);
        for (key, record) in disk {
            restored.restore(key, record, UnixTime::from_secs(0), &mut rng);
        }
        prop_assert_eq!(restored.len(), shelf.len());
        prop_assert_eq!(restored.bytes(), shelf.bytes());
    }
}
