//! Limits over any sequence of calls: never more than they allow.

use std::{
    net::IpAddr,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    time::Duration,
};

use proptest::prelude::*;
use quintet_net::limits::{
    AddressLimiter, AddressLimiterConfig, ConnectionLimits, Connections, Decision, Direction,
    DirectionLimits, Rate, Shortage, TokenBucket,
};
use quintet_net::{DecodeError, Host, bans::BanList, book::Book};
use quintet_primitives::{addr::NetGroup, time::Instant};

proptest! {
    #[test]
    fn a_bucket_hands_out_no_token_too_many_and_none_too_late(
        amount in 1..1_000_000_u64,
        period_nanos in 1..10_000_000_000_u64,
        capacity in 1..1_000_000_u64,
        steps in proptest::collection::vec((0..3_000_000_000_u64, 0..1_000_000_u64), 1..100),
    ) {
        let rate = Rate::new(NonZeroU64::new(amount).unwrap(), Duration::from_nanos(period_nanos)).unwrap();
        let mut bucket = TokenBucket::new(rate, NonZeroU64::new(capacity).unwrap(), Instant::ZERO);
        let mut now = Duration::ZERO;
        let mut taken = 0_u128;
        for (wait, wanted) in steps {
            now += Duration::from_nanos(wait);
            let earned = now.as_nanos() * u128::from(amount) / u128::from(period_nanos);
            match bucket.take(wanted, Instant::new(now)) {
                Ok(()) => taken += u128::from(wanted),
                Err(Shortage::Never { .. }) => prop_assert!(wanted > capacity),
                Err(Shortage::Until { until }) => {
                    prop_assert!(until > Instant::new(now));
                    let just_before = until.since_start() - Duration::from_nanos(1);
                    prop_assert!(bucket.clone().take(wanted, Instant::new(just_before)).is_err());
                    prop_assert!(bucket.clone().take(wanted, until).is_ok());
                }
            }
            prop_assert!(taken <= u128::from(capacity) + earned);
        }
    }

    #[test]
    fn extreme_rates_and_instants_do_not_overflow(
        amount: u64, period: u64, capacity: u64, wanted: u64, at: u64,
    ) {
        let [amount, period, capacity] = [amount, period, capacity].map(|n| n.max(1));
        let rate = Rate::new(NonZeroU64::new(amount).unwrap(), Duration::from_nanos(period)).unwrap();
        let mut bucket = TokenBucket::new(rate, NonZeroU64::new(capacity).unwrap(), Instant::ZERO);
        let now = Instant::new(Duration::from_secs(at));
        prop_assert_eq!(bucket.take(wanted, now).is_ok(), wanted <= capacity);
        prop_assert!(bucket.available(Instant::new(Duration::MAX)) <= capacity);
    }

    #[test]
    fn a_host_alone_is_admitted_its_burst_and_its_rate_and_no_more(
        per_second in 1..1_000_u64,
        burst in 1..50_u32,
        waits in proptest::collection::vec(0..50_000_000_u64, 1..500),
    ) {
        let config = AddressLimiterConfig {
            rate: Rate::per_second(NonZeroU64::new(per_second).unwrap()),
            burst: NonZeroU32::new(burst).unwrap(),
            hosts: NonZeroUsize::MIN,
        };
        let mut limiter = AddressLimiter::new(config, [1; 16]);
        let mut now = Duration::ZERO;
        let mut admitted = 0;
        for wait in waits {
            now += Duration::from_nanos(wait);
            let decision = limiter.admit([192, 0, 2, 1].into(), Instant::new(now));
            match decision {
                Decision::Admit => admitted += 1,
                Decision::Refuse { until } => prop_assert!(until > Instant::new(now)),
            }
            let earned = now.as_nanos() * u128::from(per_second) / 1_000_000_000;
            prop_assert!(admitted <= u128::from(burst) + earned);
        }
    }

    #[test]
    fn any_number_of_hosts_is_admitted_no_more_than_the_table_allows(
        sources in proptest::collection::vec((any::<u32>(), 0..2_000_000_u64), 1..2_000),
    ) {
        const BURST: u32 = 3;
        let config = AddressLimiterConfig {
            rate: Rate::per_second(NonZeroU64::new(10).unwrap()),
            burst: NonZeroU32::new(BURST).unwrap(),
            hosts: NonZeroUsize::MIN,
        };
        let mut limiter = AddressLimiter::new(config, [1; 16]);
        let places = limiter.capacity() as u128;
        let mut now = Duration::ZERO;
        let mut admitted = 0;
        for (source, wait) in sources {
            now += Duration::from_nanos(wait);
            let ip = IpAddr::from(source.to_be_bytes());
            admitted += u128::from(limiter.admit(ip, Instant::new(now)) == Decision::Admit);
            let earned = now.as_nanos() * 10 / 1_000_000_000 + 1;
            prop_assert!(admitted <= places * (u128::from(BURST) + earned));
        }
    }

    #[test]
    fn connections_stay_within_every_limit(
        steps in proptest::collection::vec((any::<bool>(), any::<bool>(), 0..4_u8, 0..4_u8), 1..300),
    ) {
        let limits = DirectionLimits { total: 12, per_host: 2, per_group: 5 };
        let mut connections = Connections::new(ConnectionLimits {
            inbound: limits,
            outbound: limits,
            exempt_local: false,
        });
        let mut open = Vec::new();
        for (opens, inbound, group, host) in steps {
            let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
            if opens {
                open.extend(connections.open(direction, [20, group, 0, host].into()));
            } else if !open.is_empty() {
                connections.close(open.swap_remove(usize::from(host) % open.len()));
            }
            for direction in [Direction::Inbound, Direction::Outbound] {
                let here: Vec<_> = open.iter().filter(|slot| slot.direction() == direction).collect();
                prop_assert_eq!(connections.count(direction), here.len());
                prop_assert!(here.len() <= limits.total);
                for slot in &here {
                    let (host, group) = (Host::of(slot.ip()), NetGroup::of(slot.ip()));
                    let hosts = here.iter().filter(|other| Host::of(other.ip()) == host);
                    let groups = here.iter().filter(|other| NetGroup::of(other.ip()) == group);
                    prop_assert!(hosts.count() <= limits.per_host);
                    prop_assert!(groups.count() <= limits.per_group);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        prop_assert!(BanList::from_bytes(&bytes).is_err());
        prop_assert!(Book::from_bytes(Default::default(), &bytes).is_err());
    }
}

#[test]
fn a_book_is_not_mistaken_for_a_ban_list() {
    let book = Book::new(Default::default(), [0; 16]);
    let error = BanList::from_bytes(&book.to_bytes()).unwrap_err();
    assert_eq!(error, DecodeError::Magic { expected: *b"QBAN", actual: *b"QPBK" });
}
