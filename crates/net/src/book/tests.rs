//! What the book promises, and a check of its tables against each other.

use std::{collections::HashSet, net::Ipv4Addr};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

const DAY: u64 = 24 * 60 * 60;
const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9));

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(NOW.as_secs() + seconds)
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn book() -> Book {
    Book::new(BookConfig::default(), [42; 16])
}

/// A public address of its own for every number.
fn addr(number: u32) -> SocketAddr {
    let [a, b, c, d] = number.to_be_bytes();
    SocketAddr::from(([11 + a % 64, b, c, d], 8333))
}

impl Book {
    /// Every address lies in its places, every place holds an address that lies there.
    fn check(&self) {
        let mut new = 0;
        let mut tried = 0;
        for (id, entry) in self.entries.iter() {
            assert_eq!(self.entries.find(entry.addr), Some(id));
            match &entry.home {
                Home::New(places) => {
                    assert!((1..=NEW_PLACES_PER_ADDRESS).contains(&places.len()));
                    for (index, place) in places.iter().enumerate() {
                        assert!(!places[..index].contains(place));
                        assert_eq!(self.new.get(*place), Some(id));
                    }
                    new += places.len();
                }
                Home::Tried(place) => {
                    assert_eq!(*place, self.placement.tried_place(entry.addr));
                    assert_eq!(self.tried.get(*place), Some(id));
                    tried += 1;
                }
            }
        }
        assert_eq!((self.new.len(), self.tried.len()), (new, tried));
        assert!(self.contested.len() <= collision::CONTESTED_MAX);
    }
}

#[test]
fn an_address_is_new_until_it_was_reached() {
    let mut book = book();
    assert_eq!(book.add(addr(1), SOURCE, NOW, NOW, &mut rng()), Added::New);
    assert_eq!(book.add(addr(1), SOURCE, NOW, NOW, &mut rng()), Added::Known);
    assert_eq!((book.new_count(), book.tried_count()), (1, 0));
    book.attempted(addr(1), true, at(1));
    assert_eq!(book.get(addr(1)).unwrap().attempts, 1);
    assert_eq!(book.succeeded(addr(1), at(2)), Promotion::Promoted);
    assert_eq!(book.succeeded(addr(1), at(3)), Promotion::AlreadyTried);
    assert_eq!((book.new_count(), book.tried_count()), (0, 1));
    assert_eq!(book.get(addr(1)).unwrap().attempts, 0);
    assert_eq!(book.succeeded(addr(2), at(3)), Promotion::Unknown);
    book.check();
    assert!(book.remove(addr(1)));
    assert!(!book.remove(addr(1)));
    assert!(book.is_empty());
    book.check();
}

#[test]
fn addresses_nobody_can_be_reached_at_stay_out() {
    let mut book = book();
    for text in ["8.8.8.8:0", "0.0.0.0:1", "224.0.0.1:1", "127.0.0.1:1", "10.0.0.1:1", "[::]:1"] {
        let added = book.add(text.parse().unwrap(), SOURCE, NOW, NOW, &mut rng());
        assert_eq!(added, Added::Unusable, "{text}");
    }
    let mut local = Book::new(BookConfig { allow_local: true }, [42; 16]);
    let loopback = "127.0.0.1:1".parse().unwrap();
    assert_eq!(local.add(loopback, SOURCE, NOW, NOW, &mut rng()), Added::New);
    let broadcast = "255.255.255.255:1".parse().unwrap();
    assert_eq!(local.add(broadcast, SOURCE, NOW, NOW, &mut rng()), Added::Unusable);
}

#[test]
fn one_source_group_reaches_one_sixteenth_of_the_new_table() {
    let mut book = book();
    let mut rng = rng();
    for number in 0..50_000_u32 {
        book.add(addr(number.wrapping_mul(2_654_435_761)), SOURCE, NOW, NOW, &mut rng);
    }
    book.check();
    assert!(book.new_count() <= 64 * BUCKET_SIZE, "{} new", book.new_count());
}

#[test]
fn one_address_group_reaches_eight_buckets_of_the_tried_table() {
    let mut book = book();
    let mut rng = rng();
    for number in 0..10_000_u32 {
        let [.., c, d] = number.to_be_bytes();
        let addr = SocketAddr::from(([20, 20, c, d], 1));
        let source = IpAddr::from([30, c, d, 1]);
        book.add(addr, source, NOW, NOW, &mut rng);
        book.succeeded(addr, NOW);
    }
    book.check();
    assert!(book.tried_count() <= 8 * BUCKET_SIZE, "{} tried", book.tried_count());
}

#[test]
fn an_address_named_by_many_has_at_most_eight_places() {
    let mut book = book();
    let mut rng = rng();
    for number in 0..20_000_u32 {
        let [.., c, d] = number.to_be_bytes();
        let seen = at(u64::from(number) * 4_000);
        book.add(addr(1), IpAddr::from([30 + c % 64, d, 1, 1]), seen, seen, &mut rng);
    }
    book.check();
    assert_eq!(book.len(), 1);
    assert_eq!(book.new.len(), NEW_PLACES_PER_ADDRESS);
}

#[test]
fn a_hopeless_address_gives_its_place_to_a_newcomer_and_a_good_one_does_not() {
    let mut book = book();
    let place = book.placement.new_place(addr(0), SOURCE);
    let rival = (1..).map(addr).find(|a| book.placement.new_place(*a, SOURCE) == place).unwrap();
    book.add(addr(0), SOURCE, NOW, NOW, &mut rng());
    assert_eq!(book.add(rival, SOURCE, NOW, NOW, &mut rng()), Added::NoRoom);
    let later = at(31 * DAY);
    assert_eq!(book.add(rival, SOURCE, later, later, &mut rng()), Added::New);
    assert!(book.get(addr(0)).is_none());
    book.check();
}

#[test]
fn failures_make_an_address_hopeless_only_while_others_can_be_reached() {
    let mut book = book();
    book.add(addr(1), SOURCE, NOW, NOW, &mut rng());
    book.add(addr(2), SOURCE, NOW, NOW, &mut rng());
    for minute in 0..10 {
        book.attempted(addr(1), true, at(minute * 120));
    }
    assert_eq!(book.get(addr(1)).unwrap().attempts, 1);
    for minute in 10..12 {
        book.succeeded(addr(2), at(minute * 120));
        book.attempted(addr(1), true, at(minute * 120 + 60));
    }
    assert_eq!(book.get(addr(1)).unwrap().attempts, 3);
    let hopeless = |book: &Book| {
        let told = book.sample(10, 100, at(9_999), &mut rng());
        told.iter().all(|(told, _)| *told != addr(1))
    };
    assert!(hopeless(&book));
    book.succeeded(addr(1), at(9_000));
    assert!(!hopeless(&book));
}

#[test]
fn a_claim_from_the_future_is_not_believed() {
    let mut book = book();
    book.add(addr(1), SOURCE, at(DAY), NOW, &mut rng());
    assert_eq!(book.get(addr(1)).unwrap().last_seen.as_secs(), NOW.as_secs() - 5 * DAY);
}

/// A resident and a candidate for its place among the tried.
fn contested() -> (Book, SocketAddr, SocketAddr) {
    let mut book = book();
    let resident = addr(0);
    let place = book.placement.tried_place(resident);
    let rival = (1..).map(addr).find(|a| book.placement.tried_place(*a) == place).unwrap();
    book.add(resident, SOURCE, NOW, NOW, &mut rng());
    book.add(rival, SOURCE, NOW, NOW, &mut rng());
    assert_eq!(book.succeeded(resident, NOW), Promotion::Promoted);
    let much_later = at(DAY);
    assert_eq!(book.succeeded(rival, much_later), Promotion::Contested { resident });
    assert_eq!(book.next_test(&mut rng()), Some(resident));
    (book, resident, rival)
}

#[test]
fn a_resident_that_answers_its_test_keeps_its_place() {
    let (mut book, resident, rival) = contested();
    book.succeeded(resident, at(DAY + 5));
    assert_eq!(book.resolve_contests(at(DAY + 6)), 0);
    assert!(book.get(resident).unwrap().tried);
    assert!(!book.get(rival).unwrap().tried);
    assert_eq!(book.next_test(&mut rng()), None);
    book.check();
}

#[test]
fn a_resident_that_does_not_answer_changes_places_with_the_candidate() {
    let (mut book, resident, rival) = contested();
    book.attempted(resident, true, at(DAY + 5));
    assert_eq!(book.resolve_contests(at(DAY + 30)), 0);
    assert!(book.get(resident).unwrap().tried);
    assert_eq!(book.resolve_contests(at(DAY + 66)), 1);
    assert!(!book.get(resident).unwrap().tried);
    assert!(book.get(rival).unwrap().tried);
    book.check();
}

#[test]
fn a_contest_nobody_tests_is_decided_for_the_candidate() {
    let (mut book, resident, rival) = contested();
    assert_eq!(book.resolve_contests(at(DAY + 40 * 60)), 0);
    assert_eq!(book.resolve_contests(at(DAY + 40 * 60 + 1)), 1);
    assert!(book.get(rival).unwrap().tried);
    assert!(!book.get(resident).unwrap().tried);
    book.check();
}

#[test]
fn a_selection_favours_neither_table_by_its_size() {
    let mut book = book();
    let mut rng = rng();
    for number in 0..3_000 {
        book.add(addr(number * 65_537), IpAddr::from([30, 1, 1, 1]), NOW, NOW, &mut rng);
    }
    let friend = addr(99);
    book.add(friend, SOURCE, NOW, NOW, &mut rng);
    assert_eq!(book.succeeded(friend, NOW), Promotion::Promoted);
    let later = at(DAY);
    let drawn = (0..1_000).filter(|_| {
        let peer = book.select(Pick::Any, later, &mut rng).unwrap();
        peer.addr == friend
    });
    let drawn = drawn.count();
    assert!((400..600).contains(&drawn), "{drawn} of 1000");
    assert!(book.select(Pick::New, later, &mut rng).is_some_and(|peer| !peer.tried));
    assert!(book.select(Pick::Tried, later, &mut rng).is_some_and(|peer| peer.tried));
}

#[test]
fn a_full_bucket_is_drawn_no_more_often_than_a_bucket_of_one() {
    let mut book = book();
    let mut rng = rng();
    // One source group fills one sixteenth of the buckets to the brim.
    for number in 0..50_000_u32 {
        book.add(addr(number.wrapping_mul(2_654_435_761)), SOURCE, NOW, NOW, &mut rng);
    }
    let honest: Vec<SocketAddr> = (0..64_u8)
        .map(|number| {
            let addr = SocketAddr::from(([90, number, 1, 1], 1));
            book.add(addr, IpAddr::from([100 + number, 1, 1, 1]), NOW, NOW, &mut rng);
            addr
        })
        .collect();
    let drawn = (0..2_000).filter(|_| {
        let peer = book.select(Pick::New, NOW, &mut rng).unwrap();
        honest.contains(&peer.addr)
    });
    let drawn = drawn.count();
    assert!(drawn > 600, "64 honest among {} were drawn {drawn} times of 2000", book.len());
}

#[test]
fn an_empty_book_selects_nobody_and_a_hopeless_one_somebody() {
    let mut book = book();
    assert!(book.select(Pick::Any, NOW, &mut rng()).is_none());
    book.add(addr(1), SOURCE, NOW, NOW, &mut rng());
    for attempt in 0..20 {
        book.last_good = Some(at(attempt * 2 + 1));
        book.attempted(addr(1), true, at(attempt * 2));
    }
    assert_eq!(book.select(Pick::Any, at(40), &mut rng()).unwrap().addr, addr(1));
}

#[test]
fn a_sample_is_bounded_by_count_and_by_share_and_holds_nobody_twice() {
    let mut book = book();
    let mut rng = rng();
    for number in 0..1_000 {
        book.add(addr(number * 65_537), IpAddr::from([30, 1, 1, 1]), NOW, NOW, &mut rng);
    }
    let told = book.sample(100, 23, NOW, &mut rng);
    assert_eq!(told.len(), 100);
    assert_eq!(told.iter().collect::<HashSet<_>>().len(), 100);
    assert_eq!(book.sample(10_000, 23, NOW, &mut rng).len(), book.len() * 23 / 100);
    assert!(book.sample(10_000, 23, at(31 * DAY), &mut rng).is_empty());
}

/// Something that happens to a book.
#[derive(Debug, Clone)]
enum Step {
    Add { addr: u32, source: [u8; 4], seen: u64 },
    Attempt { addr: u32, counts: bool },
    Succeed { addr: u32 },
    Remove { addr: u32 },
    Resolve,
    Wait { seconds: u64 },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    // Few addresses in few groups, so that places collide.
    let number = prop_oneof![0..200_u32, any::<u32>()];
    prop_oneof![
        6 => (number.clone(), any::<[u8; 4]>(), 0..10 * DAY)
            .prop_map(|(addr, source, seen)| Step::Add { addr, source, seen }),
        2 => (number.clone(), any::<bool>()).prop_map(|(addr, counts)| Step::Attempt { addr, counts }),
        4 => number.clone().prop_map(|addr| Step::Succeed { addr }),
        1 => number.prop_map(|addr| Step::Remove { addr }),
        1 => Just(Step::Resolve),
        1 => (0..20 * DAY).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_the_tables_agree_and_survive_a_restart(
        steps in proptest::collection::vec(step(), 0..400)
    ) {
        let mut book = book();
        let mut rng = rng();
        let mut now = NOW;
        for step in steps {
            match step {
                Step::Add { addr: number, source, seen } => {
                    let seen = UnixTime::from_secs(now.as_secs() - seen);
                    book.add(addr(number), source.into(), seen, now, &mut rng);
                }
                Step::Attempt { addr: number, counts } => book.attempted(addr(number), counts, now),
                Step::Succeed { addr: number } => {
                    book.succeeded(addr(number), now);
                }
                Step::Remove { addr: number } => {
                    book.remove(addr(number));
                }
                Step::Resolve => {
                    book.resolve_contests(now);
                }
                Step::Wait { seconds } => {
                    now = UnixTime::from_secs(now.as_secs() + seconds);
                }
                Step::Restart => {
                    let again = Book::from_bytes(book.config, &book.to_bytes()).unwrap();
                    let key = |peer: &PeerInfo| peer.addr;
                    let mut before: Vec<_> = book.peers().collect();
                    let mut after: Vec<_> = again.peers().collect();
                    before.sort_by_key(key);
                    after.sort_by_key(key);
                    prop_assert_eq!(before, after);
                    prop_assert_eq!(book.new.len(), again.new.len());
                    book = again;
                }
            }
            book.check();
        }
        prop_assert_eq!(book.select(Pick::Any, now, &mut rng).is_some(), !book.is_empty());
    }

    #[test]
    fn damaged_bytes_are_refused_and_never_believed(byte: u8, at in 0..1_000_usize) {
        let mut book = book();
        for number in 0..20 {
            book.add(addr(number), SOURCE, NOW, NOW, &mut rng());
        }
        let mut bytes = book.to_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(Book::from_bytes(BookConfig::default(), &bytes).is_err());
        prop_assert!(Book::from_bytes(BookConfig::default(), &bytes[..at]).is_err());
    }
}
