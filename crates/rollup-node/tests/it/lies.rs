//! Nodes that lie, lag and fail: refused by name, or waited for; never believed.

use quintet_rollup_node::{
    l1::{L1Source as _, rpc::RpcOptions},
    testing::Manners,
};

use crate::world::{By, World};

/// A lie, how batches are posted where it matters, and what is said of it.
const LIES: [(&str, By); 4] = [
    ("transactions", By::Calldata),
    ("raw transactions", By::Calldata),
    ("headers", By::Calldata),
    ("blobs", By::Blobs),
];

fn manners(lie: &str) -> Manners {
    let polite = Manners::default();
    match lie {
        "transactions" => Manners { hides_transactions: true, ..polite },
        "raw transactions" => Manners { hides_transactions: true, raw: true, ..polite },
        "headers" => Manners { forges_headers: true, ..polite },
        "blobs" => Manners { forges_blobs: true, ..polite },
        other => panic!("{other}"),
    }
}

#[test]
fn a_node_that_lies_alone_is_refused_and_nothing_is_derived() {
    for (lie, by) in LIES {
        let mut world = World::new();
        world.grow(4, by, true);
        let liar = world.node(manners(lie));
        let options = RpcOptions { rounds: 2, ..world.options() };
        let error = world.derive(world.source(&[&liar], options)).unwrap_err().to_string();
        let named = error.contains("lies") || error.contains("expected") && error.contains("blob");
        assert!(named && error.contains(&liar.url()), "{lie}: {error}");
    }
}

#[test]
fn beside_an_honest_node_a_liar_changes_nothing() {
    for (lie, by) in LIES {
        let mut world = World::new();
        world.grow(5, by, false);
        let (liar, honest) = (world.node(manners(lie)), world.node(Manners::default()));
        let source = world.source(&[&liar, &honest], world.options());
        world.assert_same(&world.derive(source).unwrap());
    }
}

#[test]
fn hidden_receipts_are_noticed() {
    let mut world = World::new();
    world.grow(2, By::Calldata, false);
    let block = {
        let l1 = world.l1.lock().unwrap();
        let made = l1.block(1).unwrap();
        quintet_rollup_protocol::view::L1Header::new(made.hash, &made.header).block
    };
    let root = world.l1.lock().unwrap().block(1).unwrap().header.receipts_root;
    for raw in [false, true] {
        let liar = world.node(Manners { hides_receipts: true, raw, ..Manners::default() });
        let options = RpcOptions { rounds: 1, ..world.options() };
        let source = world.source(&[&liar], options);
        let error = world.runtime.block_on(source.receipts(&block, root)).unwrap_err().to_string();
        assert!(error.contains("lies") && error.contains("receipts"), "{error}");
        let honest = world.node(Manners { raw, no_block_receipts: !raw, ..Manners::default() });
        let source = world.source(&[&liar, &honest], world.options());
        let receipts = world.runtime.block_on(source.receipts(&block, root)).unwrap();
        assert_eq!(receipts, world.l1.lock().unwrap().block(1).unwrap().receipts);
    }
}

#[test]
fn a_node_of_another_chain_is_refused() {
    let mut world = World::new();
    world.grow(2, By::Calldata, false);
    let stranger = world.node(Manners { chain_id: 1, ..Manners::default() });
    let options = RpcOptions { rounds: 1, ..world.options() };
    let error = world.derive(world.source(&[&stranger], options)).unwrap_err().to_string();
    assert!(error.contains("of chain 900, got one of chain 1"), "{error}");
}

#[test]
fn a_node_that_fails_at_first_is_asked_again() {
    let mut world = World::new();
    world.grow(5, By::Blobs, false);
    let node = world.node(Manners { fails_first: 3, ..Manners::default() });
    let options = RpcOptions { rounds: 20, ..world.options() };
    world.assert_same(&world.derive(world.source(&[&node], options)).unwrap());
}

#[test]
fn a_node_that_lags_behind_its_own_head_is_waited_for() {
    let mut world = World::new();
    world.grow(5, By::Calldata, false);
    let (lagging, honest) =
        (world.node(Manners { lags: 2, ..Manners::default() }), world.node(Manners::default()));
    let source = world.source(&[&lagging, &honest], world.options());
    world.assert_same(&world.derive(source).unwrap());
}

#[test]
fn a_forged_header_that_hashes_to_something_is_no_block_of_this_chain() {
    let mut world = World::new();
    world.grow(3, By::Calldata, false);
    let liar = world.node(Manners { forges_headers: true, raw: true, ..Manners::default() });
    let error = world.derive(world.source(&[&liar], world.options())).unwrap_err().to_string();
    assert!(error.contains("is this L1 the right one"), "{error}");
    let honest = world.node(Manners::default());
    let options = RpcOptions { quorum: 2, rounds: 1, ..world.options() };
    let error = world.derive(world.source(&[&liar, &honest], options)).unwrap_err().to_string();
    assert!(error.contains("2 nodes that have block 0"), "{error}");
}

#[test]
fn two_nodes_that_disagree_are_no_quorum() {
    let mut world = World::new();
    world.grow(3, By::Calldata, false);
    let honest = world.node(Manners::default());
    let other = World::new();
    {
        // The same genesis, another branch.
        let mut l1 = other.l1.lock().unwrap();
        l1.mine_empty(1);
        l1.reorganise(1);
        l1.mine_empty(4);
    }
    let fork = other.node(Manners::default());
    let options = RpcOptions { quorum: 2, rounds: 1, ..world.options() };
    let error = world.derive(world.source(&[&honest, &fork], options.clone())).unwrap_err();
    assert!(error.to_string().contains("disagree about block"), "{error}");
    let second = world.node(Manners::default());
    let source = world.source(&[&honest, &second], options);
    world.assert_same(&world.derive(source).unwrap());
}
