//! Lookups driven by hand, and over networks made at random.

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

const T0: Instant = Instant::ZERO;
const TARGET: Key = Key::new([0; 20]);
const OWN: Key = Key::new([0xff; 20]);

fn after(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// The node at distance `low` from the target, at a local address of its own.
fn node(low: u16) -> Contact {
    let [high, low] = low.to_be_bytes();
    let mut id = [0; 20];
    id[18..].copy_from_slice(&[high, low]);
    Contact::new(Key::new(id), SocketAddr::from(([127, 0, high, low], 1)))
}

fn nodes(lows: impl IntoIterator<Item = u16>) -> Vec<Contact> {
    lows.into_iter().map(node).collect()
}

fn at(low: u16, addr: &str) -> Contact {
    Contact { addr: addr.parse().unwrap(), ..node(low) }
}

fn lookup_of(goal: Goal, config: Config, seeds: &[Contact]) -> Lookup {
    let searcher = Searcher { id: OWN, addr: Some("127.9.9.9:9".parse().unwrap()) };
    Lookup::new(TARGET, goal, searcher, Family::V4, config, seeds.iter().copied())
}

fn lookup(seeds: &[Contact]) -> Lookup {
    lookup_of(Goal::Nodes, Config::default(), seeds)
}

/// Polls until there is nothing to send, and returns who is to be asked.
fn queries(lookup: &mut Lookup, now: Instant) -> Vec<Contact> {
    core::iter::from_fn(|| match lookup.poll(now) {
        Action::Query(contact) => Some(contact),
        Action::Wait(_) | Action::Done => None,
    })
    .collect()
}

fn token(byte: u8) -> Option<Token> {
    Token::from_slice(&[byte])
}

fn candidates(lookup: &Lookup) -> Vec<Contact> {
    lookup.candidates().map(Candidate::contact).collect()
}

#[test]
fn walks_towards_the_target_and_counts_the_hops() {
    let mut lookup = lookup(&[node(8)]);
    assert_eq!(lookup.poll(T0), Action::Query(node(8)));
    lookup.on_response(node(8), &nodes([2, 4]), token(8)).unwrap();
    assert_eq!(queries(&mut lookup, T0), nodes([2, 4]));
    lookup.on_response(node(2), &nodes([1]), token(2)).unwrap();
    lookup.on_response(node(4), &[], None).unwrap();
    assert_eq!(queries(&mut lookup, T0), nodes([1]));
    lookup.on_response(node(1), &[], token(1)).unwrap();
    assert_eq!(lookup.poll(T0), Action::Done);
    let outcome = lookup.into_outcome();
    let closest: Vec<Contact> = outcome.closest.iter().map(|responder| responder.contact).collect();
    assert_eq!(closest, nodes([1, 2, 4, 8]));
    assert_eq!(outcome.closest[1].token, token(2), "a store needs it");
    assert_eq!((outcome.queries, outcome.failures, outcome.hops), (4, 0, 3));
}

#[test]
fn alpha_queries_are_in_flight_and_more_once_the_closest_has_answered() {
    let mut lookup = lookup(&nodes(1..=20));
    assert_eq!(queries(&mut lookup, T0), nodes(1..=4));
    lookup.on_response(node(2), &[], None).unwrap();
    assert_eq!(queries(&mut lookup, T0), nodes([5]));
    lookup.on_response(node(1), &[], None).unwrap();
    assert_eq!(queries(&mut lookup, T0), nodes([6, 7, 8]), "the rest of the eight closest");
}

#[test]
fn a_slow_node_holds_nothing_up_and_its_late_answer_counts() {
    let mut lookup = lookup(&nodes(1..=9));
    let timeouts = Timeouts { soft: Duration::from_millis(200), hard: Duration::from_secs(1) };
    for contact in queries(&mut lookup, T0) {
        lookup.on_sent(contact, timeouts, T0).unwrap();
    }
    assert_eq!(lookup.poll(after(199)), Action::Wait(after(200)));
    assert_eq!(queries(&mut lookup, after(200)), nodes(5..=8), "the soft timeout frees the places");
    lookup.on_response(node(3), &nodes([0x100]), token(3)).unwrap();
    let outcome = lookup.into_outcome();
    assert_eq!(outcome.closest.len(), 1);
    assert_eq!(outcome.failures, 0);
}

#[test]
fn the_lookup_is_done_without_the_slow_if_enough_others_answered() {
    let mut lookup = lookup(&nodes(1..=9));
    let silent = node(1);
    let mut now = T0;
    loop {
        let asked = queries(&mut lookup, now);
        for contact in asked.into_iter().filter(|contact| *contact != silent) {
            lookup.on_response(contact, &[], None).unwrap();
        }
        match lookup.poll(now) {
            Action::Query(contact) => lookup.on_response(contact, &[], None).unwrap(),
            Action::Wait(until) => now = until,
            Action::Done => break,
        }
    }
    assert_eq!(lookup.poll(now), Action::Done);
    assert_eq!(now, T0.saturating_add(Timeouts::default().soft));
    assert_eq!(lookup.into_outcome().closest.len(), 8);
}

#[test]
fn silence_counts_as_failure_at_the_hard_timeout() {
    let mut lookup = lookup(&[node(1)]);
    assert_eq!(lookup.poll(T0), Action::Query(node(1)));
    let hard = T0.saturating_add(Timeouts::default().hard);
    let soft = T0.saturating_add(Timeouts::default().soft);
    assert_eq!(lookup.poll(T0), Action::Wait(soft));
    assert_eq!(lookup.poll(soft), Action::Wait(hard), "with nobody else to ask, it is waited for");
    assert_eq!(lookup.poll(hard), Action::Done);
    assert!(lookup.on_response(node(1), &[], None).is_err(), "now it is too late");
    let outcome = lookup.into_outcome();
    assert_eq!((outcome.closest.len(), outcome.failures, outcome.hops), (0, 1, 0));
}

#[test]
fn a_paced_node_is_asked_later_or_not_at_all() {
    let mut lookup = lookup(&nodes([1, 2]));
    assert_eq!(lookup.poll(T0), Action::Query(node(1)));
    lookup.on_paced(node(1), after(250), T0).unwrap();
    assert_eq!(lookup.poll(T0), Action::Query(node(2)));
    lookup.on_paced(node(2), after(60_000), T0).unwrap();
    assert_eq!(lookup.poll(T0), Action::Wait(after(250)));
    assert_eq!(lookup.poll(after(250)), Action::Query(node(1)));
    lookup.on_response(node(1), &[], None).unwrap();
    assert_eq!(lookup.poll(after(250)), Action::Done);
    assert_eq!(lookup.into_outcome().queries, 1);
}

#[test]
fn rejects_an_answer_nobody_asked_for() {
    let mut lookup = lookup(&nodes([1, 2]));
    let unsolicited = |contact| Err(UnsolicitedError { contact });
    assert_eq!(lookup.on_response(node(1), &[], None), unsolicited(node(1)), "not asked yet");
    assert_eq!(queries(&mut lookup, T0), nodes([1, 2]));
    let forged = at(1, "127.0.0.1:2");
    assert_eq!(lookup.on_response(forged, &[], None), unsolicited(forged), "another port");
    lookup.on_response(node(1), &[], None).unwrap();
    assert_eq!(lookup.on_response(node(1), &nodes([7]), None), unsolicited(node(1)), "twice");
    assert_eq!(lookup.on_failure(node(1)), unsolicited(node(1)));
    assert_eq!(candidates(&lookup), nodes([1, 2]));
}

#[test]
fn one_valid_copy_of_an_immutable_item_ends_the_lookup() {
    let mut lookup = lookup_of(Goal::Immutable, Config::default(), &nodes([3, 4, 5]));
    assert_eq!(queries(&mut lookup, T0), nodes([3, 4, 5]));
    lookup.on_response(node(3), &[], token(3)).unwrap();
    lookup.on_response(node(4), &nodes([1]), token(4)).unwrap();
    lookup.found(node(4));
    assert_eq!(lookup.poll(T0), Action::Done);
    let outcome = lookup.into_outcome();
    assert_eq!((outcome.holders, outcome.hops), (1, 1));
    let cache_at = outcome.cache_at.unwrap();
    assert_eq!(cache_at.contact, node(3), "the closest that answered without it");
}

#[test]
fn where_values_may_differ_all_of_the_closest_are_heard() {
    let exhaustive = Config { early_exit: false, ..Config::default() };
    for (goal, config) in [
        (Goal::Peers { scrape: false }, Config::default()),
        (Goal::Mutable { newer_than: None }, Config::default()),
        (Goal::Immutable, exhaustive),
    ] {
        let mut lookup = lookup_of(goal, config, &nodes([3, 4]));
        assert_eq!(queries(&mut lookup, T0), nodes([3, 4]));
        lookup.on_response(node(3), &nodes([1]), token(3)).unwrap();
        lookup.found(node(3));
        assert_eq!(lookup.poll(T0), Action::Query(node(1)), "{goal:?}");
    }
}

#[test]
fn a_value_from_a_stranger_is_not_counted() {
    let mut lookup = lookup_of(Goal::Immutable, Config::default(), &nodes([3]));
    lookup.found(node(3));
    lookup.found(node(9));
    assert_eq!(lookup.poll(T0), Action::Query(node(3)));
}

#[test]
fn what_can_not_be_a_candidate_is_ignored() {
    let mut lookup = lookup(&[at(8, "8.8.8.8:1")]);
    assert_eq!(lookup.poll(T0), Action::Query(at(8, "8.8.8.8:1")));
    let own = Contact { id: OWN, addr: "9.9.9.1:1".parse().unwrap() };
    let named = [
        own,
        at(1, "127.9.9.9:9"),
        at(1, "9.9.9.9:0"),
        at(1, "224.0.0.1:1"),
        at(1, "[2001:db8::1]:1"),
        at(1, "8.8.8.8:1"),
        at(1, "192.168.0.1:1"),
    ];
    lookup.on_response(at(8, "8.8.8.8:1"), &named, None).unwrap();
    assert_eq!(candidates(&lookup), [at(8, "8.8.8.8:1")]);
}

#[test]
fn one_address_block_gets_the_three_closest_it_was_named_for() {
    let mut lookup = lookup(&[at(99, "8.8.8.8:1")]);
    let _ = lookup.poll(T0);
    let named: Vec<Contact> =
        (10..18).rev().map(|low| at(low, &format!("9.9.9.{low}:1"))).collect();
    lookup.on_response(at(99, "8.8.8.8:1"), &named, None).unwrap();
    let kept: Vec<Key> = candidates(&lookup).iter().map(|contact| contact.id).take(3).collect();
    assert_eq!(kept, [node(10).id, node(11).id, node(12).id]);
    assert_eq!(candidates(&lookup).len(), 4);
}

#[test]
fn a_reply_gives_at_most_k_candidates() {
    let mut lookup = lookup(&[node(500)]);
    let _ = lookup.poll(T0);
    lookup.on_response(node(500), &nodes(1..=30), None).unwrap();
    assert_eq!(candidates(&lookup).len(), 1 + 8);
}

#[test]
fn an_id_whose_address_failed_is_tried_at_one_other_address() {
    let mut lookup = lookup(&nodes([1, 2, 3, 4]));
    assert_eq!(queries(&mut lookup, T0).len(), 4);
    lookup.on_failure(node(1)).unwrap();
    let (second, third) = (at(1, "127.7.7.7:1"), at(1, "127.8.8.8:1"));
    lookup.on_response(node(2), &[second], None).unwrap();
    assert_eq!(queries(&mut lookup, T0), [second]);
    lookup.on_failure(second).unwrap();
    lookup.on_response(node(3), &[third], None).unwrap();
    assert_eq!(queries(&mut lookup, T0), []);
}

#[test]
fn a_walk_that_never_ends_is_ended() {
    let mut lookup = lookup(&[node(u16::MAX)]);
    let mut sent = 0;
    // Every node names nodes that are closer still.
    while let Action::Query(contact) = lookup.poll(T0) {
        sent += 1;
        let distance = u16::from_be_bytes([contact.id.as_bytes()[18], contact.id.as_bytes()[19]]);
        let closer =
            nodes((1..=8).map(|step| distance.saturating_sub(step)).filter(|low| *low > 0));
        lookup.on_response(contact, &closer, None).unwrap();
    }
    assert_eq!((sent, lookup.poll(T0)), (QUERIES_MAX, Action::Done));

    let mut slow = self::lookup(&nodes(1..=8));
    let _ = queries(&mut slow, T0);
    assert_eq!(slow.poll(T0.saturating_add(LIFETIME_MAX)), Action::Done);
}

#[test]
fn disjoint_paths_share_no_node_and_each_finds_its_own_closest() {
    let config = Config { paths: 2, ..Config::default() };
    let mut lookup = lookup_of(Goal::Nodes, config, &nodes([0x800, 0x801]));
    assert_eq!(queries(&mut lookup, T0), nodes([0x800, 0x801]));
    // A liar on one path names eight of its own, closer than anybody honest.
    lookup.on_response(node(0x800), &nodes(1..=8), None).unwrap();
    lookup.on_response(node(0x801), &nodes(0x101..=0x108), None).unwrap();
    let mut asked = Vec::new();
    loop {
        let batch = queries(&mut lookup, T0);
        if batch.is_empty() {
            break;
        }
        for contact in batch {
            asked.push(contact);
            lookup.on_response(contact, &[], None).unwrap();
        }
    }
    asked.sort_unstable();
    let expected: Vec<Contact> = nodes((1..=8).chain(0x101..=0x108));
    assert_eq!(asked, expected, "the honest path was walked to its end");
}

#[test]
fn the_question_follows_from_the_goal() {
    let key = node(7).id;
    assert_eq!(Goal::Nodes.request(key), Request::FindNode { target: key });
    let peers = Goal::Peers { scrape: true }.request(key);
    let expected =
        Request::FindValue { key, kind: ValueKind::Peers, newer_than: None, scrape: true };
    assert_eq!(peers, expected);
}

#[derive(Debug, Clone)]
enum Event {
    Respond { which: usize, named: Vec<u16> },
    Fail(usize),
    Pace(usize, u64),
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => (any::<usize>(), prop::collection::vec(1_u16..2_000, 0..30))
            .prop_map(|(which, named)| Event::Respond { which, named }),
        2 => any::<usize>().prop_map(Event::Fail),
        1 => (any::<usize>(), 0_u64..4_000).prop_map(|(which, wait)| Event::Pace(which, wait)),
        1 => (0_u64..3_000).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 0..150)
}

proptest! {
    #[test]
    fn no_history_breaks_the_invariants(
        events in events(), seed: u64, k in 0_usize..30, alpha in 0_usize..20, paths in 0_u8..8,
    ) {
        let config = Config { k, alpha, alpha_final: alpha * 2, paths, early_exit: true };
        let in_range = config.in_range();
        let places = in_range.alpha_final.next_multiple_of(in_range.paths.into());
        let first = u16::try_from(seed % 1_000).unwrap();
        let mut lookup = lookup_of(Goal::Nodes, config, &nodes(first..first + 8));
        let (mut now, mut owing, mut asked) = (T0, Vec::new(), Vec::new());
        for event in events {
            for contact in queries(&mut lookup, now) {
                prop_assert!(!asked.contains(&contact), "asked twice");
                asked.push(contact);
                owing.push(contact);
            }
            let flying = |c: &&Candidate| matches!(c.progress(), Progress::InFlight { .. });
            prop_assert!(lookup.candidates().filter(flying).count() <= places);
            prop_assert!(lookup.candidates().count() <= CANDIDATES_MAX);
            let pick = |which: usize, owing: &mut Vec<Contact>| {
                (!owing.is_empty()).then(|| owing.swap_remove(which % owing.len()))
            };
            match event {
                Event::Respond { which, named } => if let Some(contact) = pick(which, &mut owing) {
                    let _ = lookup.on_response(contact, &nodes(named), None);
                },
                Event::Fail(which) => if let Some(contact) = pick(which, &mut owing) {
                    let _ = lookup.on_failure(contact);
                },
                Event::Pace(which, wait) => if let Some(contact) = pick(which, &mut owing) {
                    let until = now.saturating_add(Duration::from_millis(wait + 1));
                    if lookup.on_paced(contact, until, now).is_ok() {
                        asked.retain(|other| *other != contact);
                    }
                },
                Event::Wait(millis) => now = now.saturating_add(Duration::from_millis(millis)),
            }
        }
        // Left alone, it comes to an end.
        let _ = queries(&mut lookup, now);
        let end = now.saturating_add(LIFETIME_MAX);
        prop_assert_eq!(lookup.poll(end), Action::Done);
        let outcome = lookup.into_outcome();
        prop_assert!(outcome.queries <= QUERIES_MAX && outcome.closest.len() <= in_range.k);
    }

    #[test]
    fn in_an_honest_network_the_closest_are_found(seed: u64) {
        let mut rng = StdRng::seed_from_u64(seed);
        let known: Vec<Contact> = (1..300).map(|number| Contact {
            id: Key::random(&mut rng), ..node(number)
        }).collect();
        let mut closest = known.clone();
        closest.sort_unstable_by_key(|contact| TARGET.distance(contact.id));
        closest.truncate(8);
        let mut lookup = lookup_of(Goal::Nodes, Config::default(), &known[..4]);
        while let Action::Query(contact) = lookup.poll(T0) {
            lookup.on_response(contact, &closest, None).unwrap();
        }
        let found: Vec<Contact> =
            lookup.into_outcome().closest.iter().map(|responder| responder.contact).collect();
        prop_assert_eq!(found, closest);
    }
}
