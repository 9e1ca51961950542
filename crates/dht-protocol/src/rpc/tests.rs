//! Matching answers to questions, pacing, and giving up.

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Each query of these tests goes to a fresh address unless pacing is what is tested.
fn host(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([8, 8, high, low], 6881))
}

fn rpc() -> (Rpc<u32>, StdRng) {
    (Rpc::new(Config::default()), StdRng::seed_from_u64(1))
}

fn id(byte: u8) -> Key {
    Key::new([byte; 20])
}

#[test]
fn an_answer_is_matched_once() {
    let (mut rpc, mut rng) = rpc();
    let tid = rpc.issue(host(1), Some(id(1)), 7, at(0), &mut rng).unwrap().tid;
    assert_eq!(tid.as_bytes().len(), 4, "mainline answers no other length");
    let answer = rpc.on_answer(&tid, host(1), Some(id(1)), at(50));
    let Answer::Matched { query, rtt } = answer else { panic!("{answer:?}") };
    assert_eq!((query.caller, rtt), (7, Duration::from_millis(50)));
    assert_eq!(rpc.on_answer(&tid, host(1), Some(id(1)), at(51)), Answer::Unsolicited, "a replay");
    let counters = rpc.counters();
    assert_eq!((counters.issued, counters.answered, counters.unsolicited), (1, 1, 1));
    assert!(rpc.is_empty());
}

#[test]
fn an_answer_from_another_port_or_host_leaves_the_query_outstanding() {
    let (mut rpc, mut rng) = rpc();
    let to = addr("8.8.8.8:1");
    let tid = rpc.issue(to, None, 0, at(0), &mut rng).unwrap().tid;
    for forger in ["8.8.8.8:2", "8.8.8.9:1", "[::1]:1"] {
        let answer = rpc.on_answer(&tid, addr(forger), Some(id(1)), at(1));
        assert_eq!(answer, Answer::WrongAddress { expected: to });
    }
    assert_eq!(rpc.counters().wrong_address, 3);
    assert!(matches!(rpc.on_answer(&tid, to, Some(id(1)), at(2)), Answer::Matched { .. }));
}

#[test]
fn an_answer_under_another_id_settles_the_query_as_failed() {
    let (mut rpc, mut rng) = rpc();
    let tid = rpc.issue(host(1), Some(id(1)), 0, at(0), &mut rng).unwrap().tid;
    let answer = rpc.on_answer(&tid, host(1), Some(id(2)), at(1));
    assert!(matches!(answer, Answer::IdChanged { actual, .. } if actual == id(2)), "{answer:?}");
    assert!(rpc.is_empty());
    assert_eq!(rpc.counters().id_changed, 1);
}

#[test]
fn an_error_without_an_id_answers_a_query() {
    let (mut rpc, mut rng) = rpc();
    let tid = rpc.issue(host(1), Some(id(1)), 0, at(0), &mut rng).unwrap().tid;
    assert!(matches!(rpc.on_answer(&tid, host(1), None, at(1)), Answer::Matched { .. }));
}

#[test]
fn foreign_transaction_ids_match_nothing() {
    let (mut rpc, mut rng) = rpc();
    let tid = rpc.issue(host(1), None, 0, at(0), &mut rng).unwrap().tid;
    let longer = TransactionId::from_slice(&[tid.as_bytes(), &[0]].concat()).unwrap();
    let shorter = TransactionId::from_slice(&tid.as_bytes()[..2]).unwrap();
    for foreign in [longer, shorter] {
        assert_eq!(rpc.on_answer(&foreign, host(1), None, at(1)), Answer::Unsolicited);
    }
}

#[test]
fn queries_expire_in_order_and_only_when_their_time_is_over() {
    let (mut rpc, mut rng) = rpc();
    for number in 0..3 {
        rpc.issue(host(number), None, number.into(), at(number.into()), &mut rng).unwrap();
    }
    let hard = u64::try_from(Timeouts::default().hard.as_millis()).unwrap();
    assert_eq!(rpc.next_deadline(), Some(at(hard)));
    assert_eq!(rpc.expire(at(hard - 1)).count(), 0);
    let expired: Vec<u32> = rpc.expire(at(hard + 1)).map(|query| query.caller).collect();
    assert_eq!(expired, [0, 1]);
    assert_eq!((rpc.len(), rpc.counters().expired), (1, 2));
}

#[test]
fn a_cancelled_query_is_gone() {
    let (mut rpc, mut rng) = rpc();
    let tid = rpc.issue(host(1), None, 5, at(0), &mut rng).unwrap().tid;
    assert_eq!(rpc.cancel(&tid).map(|query| query.caller), Some(5));
    assert_eq!(rpc.cancel(&tid), None);
    assert_eq!(rpc.expire(at(1_000_000)).count(), 0);
}

#[test]
fn outstanding_queries_are_bounded() {
    let (mut rpc, mut rng) = rpc();
    let max = u16::try_from(OUTSTANDING_MAX).unwrap();
    for number in 0..max {
        rpc.issue(host(number), None, 0, at(0), &mut rng).unwrap();
    }
    assert_eq!(rpc.issue(host(max), None, 0, at(0), &mut rng), Err(IssueError::Full));
    assert!(rpc.destinations() <= DESTINATIONS_MAX);
}

#[test]
fn the_timeout_follows_the_answers_of_the_address_or_else_of_everybody() {
    let (mut rpc, mut rng) = rpc();
    assert_eq!(rpc.timeouts(host(1)), Timeouts::default());
    for round in 0..20 {
        let now = at(round * 1_000);
        let tid = rpc.issue(host(1), None, 0, now, &mut rng).unwrap().tid;
        let later = now.saturating_add(Duration::from_millis(400));
        let _ = rpc.on_answer(&tid, host(1), None, later);
    }
    let soft = rpc.timeouts(host(1)).soft;
    assert!((400..500).contains(&soft.as_millis()), "{soft:?}");
    assert_eq!(rpc.timeouts(host(2)), rpc.timeouts(host(1)), "the only teacher so far");
    let tid = rpc.issue(host(2), None, 0, at(50_000), &mut rng).unwrap().tid;
    let _ = rpc.on_answer(&tid, host(2), None, at(50_010));
    assert_eq!(rpc.timeouts(host(2)).soft, TIMEOUT_MIN);
}

#[test]
fn an_address_that_fails_rests_ever_longer_until_it_shows_itself() {
    let (mut rpc, mut rng) = rpc();
    let mut now = at(0);
    let mut rests = Vec::new();
    for _ in 0..10 {
        rpc.issue(host(1), None, 0, now, &mut rng).unwrap();
        now = rpc.next_deadline().unwrap();
        assert_eq!(rpc.expire(now).count(), 1);
        let Pace::At(until) = rpc.pace(host(1), now) else { panic!("no rest after a failure") };
        rests.push((until - now).as_secs());
        now = until;
    }
    assert_eq!(rests, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
    rpc.issue(host(1), None, 0, now, &mut rng).unwrap();
    now = rpc.next_deadline().unwrap();
    assert_eq!(rpc.expire(now).count(), 1);
    rpc.on_query(host(1), now);
    assert_eq!(rpc.pace(host(1), now), Pace::Now);
}

#[test]
fn local_addresses_have_their_own_pace() {
    let (mut rpc, mut rng) = rpc();
    let near = addr("127.0.0.1:6881");
    let sent = (0..1_000).filter(|_| rpc.issue(near, None, 0, at(0), &mut rng).is_ok()).count();
    assert_eq!(sent, usize::try_from(Pacing::LOCAL.burst).unwrap());
    let sent = (0..1_000).filter(|_| rpc.issue(host(1), None, 0, at(0), &mut rng).is_ok()).count();
    assert_eq!(sent, usize::try_from(Pacing::PUBLIC.burst).unwrap());
    assert_eq!(rpc.pace(host(1), at(0)), Pace::At(at(250)));
}

proptest! {
    #[test]
    fn no_address_gets_more_than_others_tolerate(gaps in prop::collection::vec(0_u64..600, 1..200)) {
        let (mut rpc, mut rng) = rpc();
        let (mut now, mut sent) = (0, Vec::new());
        for gap in gaps {
            now += gap;
            if let Ok(issued) = rpc.issue(host(1), None, 0, at(now), &mut rng) {
                sent.push(now);
                let _ = rpc.on_answer(&issued.tid, host(1), None, at(now));
            }
        }
        for &start in &sent {
            let window = sent.iter().filter(|&&time| (start..start + 10_000).contains(&time));
            prop_assert!(window.count() <= 10 * 4 + 2);
        }
    }
}
