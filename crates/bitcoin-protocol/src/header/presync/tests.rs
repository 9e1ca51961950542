//! Honest peers get through; lying ones are given up with bounded memory.

use super::*;
use crate::network::HeadersSync;

const PERIOD: u32 = 10;
const BUFFER: u32 = 50;
const SECRET: Secret = Secret { offset: 13, key: [5; 16] };

fn tree() -> HeaderTree {
    let headers_sync = HeadersSync { commitment_period: PERIOD, redownload_buffer: BUFFER };
    HeaderTree::new(Arc::new(Params { headers_sync, ..Params::regtest() }), 0)
}

/// Returns `count` headers on top of `last`; `seed` makes chains differ. Work is claimed, as the module does not look.
fn headers_on(last: &CheckedHeader, count: u32, seed: u32) -> Vec<CheckedHeader> {
    let mut headers = Vec::new();
    let mut last = *last;
    for nonce in 0..count {
        let header = Header {
            version: Version::from_consensus(4),
            prev_blockhash: last.hash(),
            time: last.header().time + 1,
            nonce: nonce ^ seed,
            ..*last.header()
        };
        last = CheckedHeader::trusted(&header);
        headers.push(last);
    }
    headers
}

fn headers(tree: &HeaderTree, count: u32, seed: u32) -> Vec<CheckedHeader> {
    headers_on(&CheckedHeader::trusted(&tree.header(HeaderId::GENESIS)), count, seed)
}

/// Returns the work of genesis and this many headers of regtest.
fn work_of(headers: u32) -> U256 {
    U256::from(2 * (u64::from(headers) + 1))
}

fn sync(tree: &HeaderTree, minimum_work: U256) -> HeaderSync {
    let now = u64::from(tree.time(HeaderId::GENESIS)) + 10_000;
    HeaderSync::new(tree, HeaderId::GENESIS, minimum_work, &SECRET, now)
}

#[test]
fn an_honest_peer_gets_its_whole_chain_through() {
    let mut tree = tree();
    let chain = headers(&tree, 1000, 0);
    let mut sync = sync(&tree, work_of(900));
    for (index, message) in chain.chunks(100).enumerate() {
        assert_eq!(sync.phase(), if index < 9 { Phase::Presync } else { Phase::Redownload });
        if index < 9 {
            let progress = sync.process(message, true).unwrap();
            assert_eq!((progress.ready.len(), progress.request_more), (0, true));
        }
    }
    assert_eq!(sync.phase(), Phase::Redownload);
    assert_eq!(sync.locator()[0], tree.hash(HeaderId::GENESIS));

    let mut ready = Vec::new();
    for message in chain.chunks(100) {
        if sync.phase() == Phase::Done {
            break;
        }
        ready.extend(sync.process(message, true).unwrap().ready);
        assert!(sync.held.len() <= BUFFER as usize);
    }
    assert_eq!(sync.phase(), Phase::Done);
    assert_eq!(ready, chain[..900]);
    for header in &ready {
        tree.insert_checked(header, u64::from(u32::MAX)).unwrap();
    }
    assert_eq!(tree.height(tree.best()), 900);
    assert_eq!(sync.process(&chain[900..], true), Err(SyncError::Over));
}

#[test]
fn the_next_headers_are_asked_for_from_the_last_that_came() {
    let tree = tree();
    let chain = headers(&tree, 300, 0);
    let mut sync = sync(&tree, work_of(200));
    sync.process(&chain[..100], true).unwrap();
    assert_eq!(sync.locator(), [chain[99].hash(), tree.hash(HeaderId::GENESIS)]);
    assert_eq!(sync.presync(), (100, chain[99].header().time, work_of(100)));
    sync.process(&chain[100..200], true).unwrap();
    sync.process(&chain[..60], true).unwrap();
    assert_eq!(sync.locator()[0], chain[59].hash());
    assert_eq!(sync.redownload_height(), 60);
}

#[test]
fn a_chain_that_ends_without_enough_work_is_dropped_without_blame() {
    let tree = tree();
    let chain = headers(&tree, 100, 0);
    let mut sync = sync(&tree, work_of(101));
    let progress = sync.process(&chain, false).unwrap();
    assert_eq!(progress, Progress::default());
    assert_eq!((sync.phase(), sync.heap_bytes()), (Phase::Done, 0));
}

#[test]
fn enough_work_is_enough_even_in_a_message_with_room() {
    let tree = tree();
    let chain = headers(&tree, 100, 0);
    let mut sync = sync(&tree, work_of(100));
    assert!(sync.process(&chain, false).unwrap().request_more);
    assert_eq!(sync.process(&chain, false).unwrap().ready, chain);
}

#[test]
fn another_chain_the_second_time_is_caught_before_much_gets_out() {
    let tree = tree();
    let chain = headers(&tree, 1000, 0);
    let other = headers(&tree, 1000, 0x1000_0000);
    let mut sync = sync(&tree, work_of(1000));
    sync.process(&chain, true).unwrap();
    let mut out = 0;
    let error = loop {
        match sync.process(&other[out..out + 1], true) {
            Ok(progress) => {
                assert!(progress.ready.len() <= 1);
                out += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SyncError::CommitmentMismatch { .. }));
    // Each commitment lets a lie pass with one chance in two; the buffer holds five of them.
    assert!(out <= 10 * PERIOD as usize, "{out}");
    assert_eq!((sync.phase(), sync.heap_bytes()), (Phase::Done, 0));
}

#[test]
fn a_longer_chain_of_less_work_runs_out_of_commitments() {
    let tree = tree();
    let chain = headers(&tree, 100, 0);
    let mut sync = sync(&tree, work_of(100));
    sync.process(&chain, true).unwrap();
    // As if the same headers had come with less work.
    sync.minimum_work = work_of(200);
    sync.process(&chain, true).unwrap();
    let more = headers_on(&chain[99], 20, 0);
    assert!(matches!(sync.process(&more, true), Err(SyncError::CommitmentOverrun { .. })));
}

#[test]
fn headers_that_do_not_connect_end_it_in_either_phase() {
    let tree = tree();
    let chain = headers(&tree, 100, 0);
    let mut first = sync(&tree, work_of(100));
    let error = first.process(&chain[1..], true).unwrap_err();
    let expected = tree.hash(HeaderId::GENESIS);
    assert_eq!(error, SyncError::NotContinuous { height: 1, expected, actual: chain[0].hash() });
    let mut second = sync(&tree, work_of(100));
    second.process(&chain, true).unwrap();
    assert!(matches!(second.process(&chain[1..], true), Err(SyncError::NotContinuous { .. })));
}

#[test]
fn a_message_has_at_least_one_header_and_at_most_2000() {
    let tree = tree();
    let chain = headers(&tree, 2001, 0);
    let mut first = sync(&tree, work_of(5000));
    assert_eq!(first.process(&[], true), Err(SyncError::Count { actual: 0 }));
    let mut second = sync(&tree, work_of(5000));
    assert_eq!(second.process(&chain, true), Err(SyncError::Count { actual: 2001 }));
    let mut third = sync(&tree, work_of(5000));
    assert!(third.process(&chain[..2000], true).is_ok());
}

#[test]
fn difficulty_may_not_jump() {
    let headers_sync = HeadersSync { commitment_period: PERIOD, redownload_buffer: BUFFER };
    let tree = HeaderTree::new(Arc::new(Params { headers_sync, ..Params::main() }), 0);
    let mut jump = *headers(&tree, 1, 0)[0].header();
    jump.bits = CompactTarget::from_consensus(0x1b00_ffff);
    let mut sync = sync(&tree, U256::MAX);
    let error = sync.process(&[CheckedHeader::trusted(&jump)], true).unwrap_err();
    assert!(matches!(error, SyncError::Difficulty { height: 1, .. }));
}

#[test]
fn memory_stays_bounded_against_a_peer_that_never_ends() {
    let tree = tree();
    let mut sync = sync(&tree, U256::MAX);
    let most = (10_000 + FUTURE_MAX) * 6 / u64::from(PERIOD);
    assert_eq!(sync.commitments_max, most);
    let mut last = CheckedHeader::trusted(&tree.header(HeaderId::GENESIS));
    let mut sent = 0u64;
    let error = loop {
        let message = headers_on(&last, 2000, 0);
        last = message[1999];
        // A bit a commitment, in words, in a vector that doubles.
        assert!(sync.heap_bytes() <= usize::try_from(most / 64 + 1).unwrap() * 16 + 1024);
        if let Err(error) = sync.process(&message, true) {
            break error;
        }
        sent += 2000;
    };
    assert!(matches!(error, SyncError::TooLong { most: bound, .. } if bound == most));
    assert!(sent <= (most + 1) * u64::from(PERIOD));
    assert_eq!(sync.heap_bytes(), 0);
}

#[test]
fn memory_stays_bounded_while_headers_are_held_back() {
    let tree = tree();
    let chain = headers(&tree, 20_000, 0);
    let mut sync = sync(&tree, work_of(20_000));
    for message in chain.chunks(2000) {
        sync.process(message, true).unwrap();
    }
    let bound = (BUFFER as usize + MESSAGE_HEADERS_MAX) * HELD_BYTES * 2 + 4096;
    let mut ready = 0;
    for message in chain.chunks(2000) {
        ready += sync.process(message, true).unwrap().ready.len();
        assert!(sync.heap_bytes() <= bound, "{}", sync.heap_bytes());
    }
    assert_eq!(ready, 20_000);
    assert_eq!(HELD_BYTES, 80);
}

#[test]
fn what_is_committed_to_depends_on_the_secret() {
    let tree = tree();
    let chain = headers(&tree, 1000, 0);
    let bits = |secret: &Secret| {
        let mut sync = HeaderSync::new(&tree, HeaderId::GENESIS, U256::MAX, secret, 2_000_000_000);
        sync.process(&chain, true).unwrap();
        core::iter::from_fn(|| sync.commitments.pop()).collect::<Vec<_>>()
    };
    assert_ne!(bits(&SECRET), bits(&Secret { key: [6; 16], ..SECRET }));
    assert_ne!(bits(&SECRET), bits(&Secret { offset: 4, ..SECRET }));
    assert_eq!(bits(&SECRET).len(), 100);
}
