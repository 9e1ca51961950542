//! Every scenario with every client.

use anyhow::Result;

use crate::{kind::Kind, scenarios};

/// Makes one test of each scenario named.
macro_rules! with_each_client {
    ($($scenario:ident),* $(,)?) => {
        mod libtorrent {
            $(#[test] fn $scenario() -> super::Result<()> { super::scenarios::$scenario(super::Kind::Libtorrent) })*
        }
        mod bittorrent_dht {
            $(#[test] fn $scenario() -> super::Result<()> { super::scenarios::$scenario(super::Kind::BittorrentDht) })*
        }
        mod mainline {
            $(#[test] fn $scenario() -> super::Result<()> { super::scenarios::$scenario(super::Kind::Mainline) })*
        }
    };
}

with_each_client! {
    enters_our_tables,
    reads_an_immutable_item_of_ours,
    leaves_an_immutable_item_with_ours,
    reads_a_mutable_item_of_ours_and_its_update,
    leaves_a_mutable_item_and_its_update_with_ours,
    updates_a_mutable_item_of_ours,
    finds_a_peer_that_ours_announced,
    announces_itself_to_ours,
}
