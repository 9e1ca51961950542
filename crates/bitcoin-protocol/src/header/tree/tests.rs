//! The tree against walking back step by step, and every contextual rule once kept and once broken.

use proptest::prelude::*;

use super::*;
use crate::{
    header::{ActiveChain, ChainView},
    rules::Ancestors,
};

const NOW: u64 = 4_000_000_000;

fn tree_of(params: Params) -> HeaderTree {
    HeaderTree::new(Arc::new(params), 7)
}

/// Returns a header on top of `parent` that keeps all contextual rules; `nonce` makes siblings differ.
fn next(tree: &HeaderTree, parent: HeaderId, seconds: u32, nonce: u32) -> Header {
    let time = tree.time(parent) + seconds;
    Header {
        version: Version::from_consensus(4),
        prev_blockhash: tree.hash(parent),
        merkle_root: TxMerkleNode::all_zeros(),
        time,
        bits: tree.next_bits(parent, time),
        nonce,
    }
}

/// Inserts a header as if its work had been done.
fn insert(tree: &mut HeaderTree, header: &Header) -> Result<HeaderId, HeaderError> {
    tree.insert_checked(&CheckedHeader::trusted(header), NOW)
}

fn grow(tree: &mut HeaderTree, parent: HeaderId, count: u32, seconds: u32) -> HeaderId {
    (0..count).fold(parent, |tip, _| {
        let header = next(tree, tip, seconds, 0);
        insert(tree, &header).unwrap()
    })
}

fn reason(result: Result<HeaderId, HeaderError>) -> String {
    result.unwrap_err().reject_reason().into_owned()
}

#[test]
fn a_header_without_work_is_refused_and_one_with_work_taken() {
    let mut tree = tree_of(Params::regtest());
    let mut header = next(&tree, HeaderId::GENESIS, 600, 0);
    let satisfies = |header: &Header| CheckedHeader::new(header, &Params::regtest()).is_ok();
    while satisfies(&header) {
        header.nonce += 1;
    }
    assert_eq!(reason(tree.insert(&header, NOW)), "high-hash");
    while !satisfies(&header) {
        header.nonce += 1;
    }
    let id = tree.insert(&header, NOW).unwrap();
    assert_eq!((tree.best(), tree.header(id), tree.height(id)), (id, header, 1));
    assert_eq!(tree.insert(&header, NOW), Ok(id), "known already");
    assert_eq!(tree.len(), 2);
}

#[test]
fn a_header_without_a_known_parent_is_refused() {
    let mut tree = tree_of(Params::regtest());
    let mut header = next(&tree, HeaderId::GENESIS, 600, 0);
    header.prev_blockhash = BlockHash::all_zeros();
    assert_eq!(reason(insert(&mut tree, &header)), "prev-blk-not-found");
}

#[test]
fn bits_other_than_the_chains_are_refused() {
    let mut tree = tree_of(Params::main());
    let mut header = next(&tree, HeaderId::GENESIS, 600, 0);
    header.bits = CompactTarget::from_consensus(0x1d00_fffe);
    assert_eq!(reason(insert(&mut tree, &header)), "bad-diffbits");
}

#[test]
fn a_time_must_be_after_the_median_of_eleven() {
    let mut tree = tree_of(Params::regtest());
    let tip = grow(&mut tree, HeaderId::GENESIS, 20, 100);
    let median = tree.median_time_past(tip);
    assert_eq!(median, tree.time(tip) - 500);
    let mut header = next(&tree, tip, 100, 0);
    header.time = median;
    assert_eq!(reason(insert(&mut tree, &header)), "time-too-old");
    header.time = median + 1;
    assert!(insert(&mut tree, &header).is_ok());
}

#[test]
fn the_median_of_few_times_is_the_upper_middle() {
    let mut tree = tree_of(Params::regtest());
    let genesis = tree.time(HeaderId::GENESIS);
    let one = grow(&mut tree, HeaderId::GENESIS, 1, 10);
    assert_eq!(tree.median_time_past(one), genesis + 10);
    let two = grow(&mut tree, one, 1, 10);
    assert_eq!(tree.median_time_past(two), genesis + 10);
}

#[test]
fn a_time_may_lie_two_hours_ahead_and_no_second_more() {
    let mut tree = tree_of(Params::regtest());
    let header = next(&tree, HeaderId::GENESIS, 600, 0);
    let now = u64::from(header.time) - FUTURE_MAX;
    let checked = CheckedHeader::trusted(&header);
    assert_eq!(reason(tree.insert_checked(&checked, now - 1)), "time-too-new");
    assert!(tree.insert_checked(&checked, now).is_ok());
}

#[test]
fn a_period_may_not_begin_more_than_ten_minutes_back_where_bip94_holds() {
    let params = Params { enforce_bip94: true, ..Params::regtest() };
    let mut tree = tree_of(params);
    // Slow enough that the median lies further back than ten minutes.
    let tip = grow(&mut tree, HeaderId::GENESIS, 143, 600);
    let mut header = next(&tree, tip, 0, 0);
    header.time = tree.time(tip) - 601;
    assert_eq!(reason(insert(&mut tree, &header)), "time-timewarp-attack");
    header.time += 1;
    assert!(insert(&mut tree, &header).is_ok());
    // Inside of a period, and without the rule, only the median counts.
    let mut free = tree_of(Params::regtest());
    let tip = grow(&mut free, HeaderId::GENESIS, 143, 600);
    let mut header = next(&free, tip, 0, 0);
    header.time = free.time(tip) - 601;
    assert!(insert(&mut free, &header).is_ok());
}

#[test]
fn versions_are_outdated_one_soft_fork_at_a_time() {
    let heights = |bip34, bip66, bip65| Params {
        bip34_height: bip34,
        bip66_height: bip66,
        bip65_height: bip65,
        ..Params::regtest()
    };
    for (params, refused) in [
        (heights(1, 9, 9), [1, -1, i32::MIN].as_slice()),
        (heights(9, 1, 9), [2, 1].as_slice()),
        (heights(9, 9, 1), [3, 2].as_slice()),
    ] {
        let mut tree = tree_of(params);
        for &version in refused {
            let mut header = next(&tree, HeaderId::GENESIS, 600, 0);
            header.version = Version::from_consensus(version);
            let expected = format!("bad-version(0x{version:08x})");
            assert_eq!(reason(insert(&mut tree, &header)), expected);
            header.version = Version::from_consensus(refused[0].max(1) + 1);
            assert!(insert(&mut tree, &header).is_ok());
        }
        let one_before = heights(2, 2, 2);
        let mut tree = tree_of(one_before);
        let mut header = next(&tree, HeaderId::GENESIS, 600, 0);
        header.version = Version::from_consensus(0);
        assert!(insert(&mut tree, &header).is_ok());
    }
}

#[test]
fn a_late_block_on_a_test_network_is_easy_and_the_next_is_measured_by_the_last_that_was_not() {
    let mut tree = tree_of(Params::testnet3());
    // A first period four times too fast, so that difficulty is above the least.
    let tip = grow(&mut tree, HeaderId::GENESIS, 2016, 100);
    let hard = tree.bits(tip);
    let easy = pow::compact(Params::testnet3().pow_limit);
    assert_ne!(hard, easy);
    let tip = grow(&mut tree, tip, 5, 1200);
    assert_eq!(tree.bits(tip), hard, "twenty minutes are not late");
    let late = grow(&mut tree, tip, 3, 1201);
    assert_eq!(tree.bits(late), easy);
    assert_eq!(tree.next_bits(late, tree.time(late) + 1200), hard, "walks back over three");
    // The walk ends at the beginning of the period, late or not.
    let mut tree = tree_of(Params::testnet3());
    let tip = grow(&mut tree, HeaderId::GENESIS, 30, 1201);
    assert_eq!(tree.next_bits(tip, tree.time(tip) + 600), easy);
}

#[test]
fn a_period_of_a_test_network_that_ends_late_forgets_its_difficulty_but_not_with_bip94() {
    for (params, forgets) in [(Params::testnet3(), true), (Params::testnet4(), false)] {
        let mut tree = tree_of(params);
        let tip = grow(&mut tree, HeaderId::GENESIS, 2016 + 2014, 100);
        let hard = tree.bits(tip);
        let last = grow(&mut tree, tip, 1, 1201);
        let after = tree.next_bits(last, tree.time(last) + 1);
        let harder = pow::expand(after).value < pow::expand(hard).value;
        assert_eq!(harder, !forgets);
    }
}

#[test]
fn main_retargets_after_2016_blocks_and_not_before() {
    let mut tree = tree_of(Params::main());
    let tip = grow(&mut tree, HeaderId::GENESIS, 2015, 150);
    let limit = CompactTarget::from_consensus(0x1d00_ffff);
    assert_eq!(tree.bits(tip), limit);
    assert_eq!(tree.next_bits(tip, 0), CompactTarget::from_consensus(0x1c3f_ffc0));
    let tip = grow(&mut tree, tip, 1, 150);
    assert_eq!(tree.bits(tip), CompactTarget::from_consensus(0x1c3f_ffc0));
    assert_eq!(tree.next_bits(tip, 0), tree.bits(tip));
}

#[test]
fn equal_work_does_not_switch_and_more_work_does() {
    let mut tree = tree_of(Params::regtest());
    let first = grow(&mut tree, HeaderId::GENESIS, 3, 600);
    let header = next(&tree, HeaderId::GENESIS, 600, 1);
    let rival = insert(&mut tree, &header).unwrap();
    let rival = grow(&mut tree, rival, 2, 600);
    assert_eq!((tree.work(first), tree.best()), (tree.work(rival), first));
    let rival = grow(&mut tree, rival, 1, 600);
    assert_eq!(tree.best(), rival);
}

#[test]
fn a_failed_block_takes_its_descendants_along_until_it_is_reconsidered() {
    let mut tree = tree_of(Params::regtest());
    let trunk = grow(&mut tree, HeaderId::GENESIS, 5, 600);
    let failed = grow(&mut tree, trunk, 1, 600);
    let tip = grow(&mut tree, failed, 4, 600);
    let header = next(&tree, trunk, 600, 1);
    let rival = insert(&mut tree, &header).unwrap();

    tree.mark_failed(failed);
    assert_eq!(tree.validity(failed), Validity::Failed);
    assert_eq!(tree.validity(tip), Validity::FailedChild);
    assert_eq!(tree.best(), rival);
    let known = tree.header(tip);
    assert_eq!(reason(insert(&mut tree, &known)), "duplicate-invalid");
    let onto = next(&tree, tip, 600, 0);
    assert_eq!(reason(insert(&mut tree, &onto)), "bad-prevblk");

    // From the middle of the failed chain: what comes before and what comes after is valid again.
    let middle = tree.ancestor(tip, 8).unwrap();
    tree.reconsider(middle);
    assert_eq!(tree.validity(failed), Validity::Valid);
    assert_eq!((tree.validity(tip), tree.best()), (Validity::Valid, tip));
    assert!(insert(&mut tree, &onto).is_ok());
}

#[test]
fn genesis_cannot_fail() {
    let mut tree = tree_of(Params::regtest());
    tree.mark_failed(HeaderId::GENESIS);
    assert_eq!(tree.validity(HeaderId::GENESIS), Validity::Valid);
}

#[test]
fn a_restored_tree_is_the_same_tree() {
    let mut tree = tree_of(Params::regtest());
    grow(&mut tree, HeaderId::GENESIS, 50, 600);
    let mut restored = tree_of(Params::regtest());
    for index in 0..tree.len() {
        let header = tree.header(tree.id(index).unwrap());
        restored.restore(&CheckedHeader::trusted(&header)).unwrap();
    }
    assert_eq!((restored.len(), restored.best()), (tree.len(), tree.best()));
    assert_eq!(restored.work(restored.best()), tree.work(tree.best()));
    assert_eq!(tree.id(tree.len()), None);
}

#[test]
fn a_locator_is_dense_at_the_end_and_reaches_genesis() {
    let mut tree = tree_of(Params::regtest());
    let tip = grow(&mut tree, HeaderId::GENESIS, 1000, 1);
    let locator = tree.locator(tip);
    let heights: Vec<_> =
        locator.iter().map(|hash| tree.height(tree.find(hash).unwrap())).collect();
    assert_eq!(heights[..12], [1000, 999, 998, 997, 996, 995, 994, 993, 992, 991, 990, 989]);
    assert_eq!(heights[12..], [987, 983, 975, 959, 927, 863, 735, 479, 0]);
    assert_eq!(tree.locator(HeaderId::GENESIS), [tree.hash(HeaderId::GENESIS)]);
}

#[test]
fn the_active_chain_follows_its_tip_and_finds_forks() {
    let mut tree = tree_of(Params::regtest());
    let trunk = grow(&mut tree, HeaderId::GENESIS, 10, 600);
    let long = grow(&mut tree, trunk, 10, 600);
    let header = next(&tree, trunk, 600, 1);
    let short = insert(&mut tree, &header).unwrap();

    let mut chain = ActiveChain::to(&tree, long);
    assert_eq!((chain.height(), chain.tip(), chain.at(10)), (20, long, Some(trunk)));
    assert!(chain.contains(&tree, trunk) && !chain.contains(&tree, short));
    assert_eq!(chain.fork(&tree, short), trunk);
    assert_eq!(chain.find_fork(&tree, &tree.locator(short)), trunk);
    chain.set_tip(&tree, short);
    assert_eq!((chain.height(), chain.at(11), chain.at(12)), (11, Some(short), None));
    assert_eq!(chain, ActiveChain::to(&tree, short));
    // A peer that is ahead of us on our own chain.
    chain.set_tip(&tree, trunk);
    assert_eq!(chain.find_fork(&tree, &[tree.hash(long)]), trunk);
    assert_eq!(chain.find_fork(&tree, &[BlockHash::all_zeros()]), HeaderId::GENESIS);
    assert_eq!(chain.from(9).len(), 2);
    assert_eq!(chain.from(99), []);
}

#[test]
fn a_view_shows_the_ancestors_of_a_block_and_nothing_above() {
    let mut tree = tree_of(Params::regtest());
    let parent = grow(&mut tree, HeaderId::GENESIS, 20, 600);
    let tip = grow(&mut tree, parent, 1, 600);
    let view = ChainView::new(&tree, parent);
    assert_eq!(view.hash(0), Some(tree.hash(HeaderId::GENESIS)));
    assert_eq!(view.hash(20), Some(tree.hash(parent)));
    assert_eq!(view.hash(tree.height(tip)), None);
    assert_eq!(view.median_time_past(20), tree.time(parent) - 5 * 600);
}

#[test]
fn equivalent_time_is_what_the_network_takes_for_the_difference() {
    let mut tree = tree_of(Params::regtest());
    let tip = grow(&mut tree, HeaderId::GENESIS, 10, 600);
    assert_eq!(tree.equivalent_time(tip, HeaderId::GENESIS, tip), 6000);
    assert_eq!(tree.equivalent_time(HeaderId::GENESIS, tip, tip), -6000);
}

#[test]
fn a_header_takes_no_more_memory_than_the_documentation_says() {
    let bytes = size_of::<Link>()
        + size_of::<Facts>()
        + size_of::<BlockHash>()
        + size_of::<U256>()
        + size_of::<u32>()
        + size_of::<Validity>();
    assert_eq!(bytes, 129);
}

/// A tree whose header `i + 1` stands on one of the headers before it, chosen by `parents[i]`.
fn any_tree(parents: &[u16]) -> HeaderTree {
    let mut tree = tree_of(Params::regtest());
    for (nonce, &parent) in (0..).zip(parents) {
        // Mostly recent ones, so that chains grow long.
        let back = usize::from(parent % 4);
        let parent = tree.id(tree.len() - 1 - back.min(tree.len() - 1)).unwrap();
        let header = next(&tree, parent, 600, nonce);
        insert(&mut tree, &header).unwrap();
    }
    tree
}

fn walk_back(tree: &HeaderTree, mut id: HeaderId, height: u32) -> HeaderId {
    while tree.height(id) > height {
        id = tree.parent(id).unwrap();
    }
    id
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn skipping_finds_the_ancestors_that_walking_back_finds(
        parents in proptest::collection::vec(any::<u16>(), 1..400),
        from in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let tree = any_tree(&parents);
        let id = tree.id(from.index(tree.len())).unwrap();
        for height in 0..=tree.height(id) {
            prop_assert_eq!(tree.ancestor(id, height), Some(walk_back(&tree, id, height)));
        }
        prop_assert_eq!(tree.ancestor(id, tree.height(id) + 1), None);

        let other = tree.id(other.index(tree.len())).unwrap();
        let mut height = tree.height(id).min(tree.height(other));
        while walk_back(&tree, id, height) != walk_back(&tree, other, height) {
            height -= 1;
        }
        let common = tree.last_common_ancestor(id, other);
        prop_assert_eq!(common, walk_back(&tree, id, height));
        prop_assert!(tree.is_ancestor(common, id) && tree.is_ancestor(common, other));
    }

    #[test]
    fn every_header_is_found_by_its_hash(
        parents in proptest::collection::vec(any::<u16>(), 1..1500),
    ) {
        let tree = any_tree(&parents);
        for index in 0..tree.len() {
            let id = tree.id(index).unwrap();
            prop_assert_eq!(tree.find(&tree.hash(id)), Some(id));
        }
        prop_assert_eq!(tree.find(&BlockHash::all_zeros()), None);
    }

    #[test]
    fn the_best_is_the_first_seen_of_the_valid_ones_with_most_work(
        parents in proptest::collection::vec(any::<u16>(), 1..100),
        failed in any::<prop::sample::Index>(),
    ) {
        let mut tree = any_tree(&parents);
        tree.mark_failed(tree.id(failed.index(tree.len())).unwrap());
        let ids = || (0..tree.len()).filter_map(|index| tree.id(index));
        for id in ids() {
            let parent = tree.parent(id).map(|parent| tree.validity(parent));
            let is_below_failed = parent.is_some_and(|mark| mark != Validity::Valid);
            prop_assert_eq!(tree.validity(id) == Validity::FailedChild, is_below_failed);
        }
        let most = ids()
            .filter(|&id| tree.validity(id) == Validity::Valid)
            .max_by_key(|&id| tree.work(id))
            .unwrap();
        prop_assert_eq!(tree.work(tree.best()), tree.work(most));
        prop_assert_eq!(tree.validity(tree.best()), Validity::Valid);
    }
}
