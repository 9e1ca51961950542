//! What peers are worth to gossip: op-node's figures, so that a node that is good for the one is good for the other.
//!
//! One bad message takes a peer below the line at which it is not listened to; it is back after about half a minute without another. What
//! op-node counts and we do not: a peer that brings little. Blocks come on the topic of one version, and on the other three there is nothing to
//! bring.
//!
//! **Spec:** GossipSub 1.1, "Peer Scoring"; op-node's `p2p/peer_params.go` and `topic_params.go`.

use std::{net::Ipv4Addr, net::Ipv6Addr, time::Duration};

use libp2p::gossipsub::{PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams};

/// Blocks that the figures call an epoch.
const EPOCH: u32 = 6;
/// What is left of a count when it has decayed, and below which it is nothing.
const DECAYED: f64 = 0.01;

/// Returns by what a count is multiplied each block so that little is left after as many.
fn decay(blocks: u32) -> f64 {
    DECAYED.powf(1.0 / f64::from(blocks.max(1)))
}

/// Returns the scores of a chain with such a block time.
pub(super) fn params(topics: impl Iterator<Item = TopicHash>, block_time: u64) -> PeerScoreParams {
    let block = Duration::from_secs(block_time.max(1));
    let hour = 3_600.0 / block.as_secs_f64();
    let topic = TopicScoreParams {
        topic_weight: 0.8,
        time_in_mesh_weight: 10.0 / hour,
        time_in_mesh_quantum: block,
        time_in_mesh_cap: hour,
        first_message_deliveries_weight: 1.0,
        first_message_deliveries_decay: decay(20 * EPOCH),
        first_message_deliveries_cap: 23.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -140.447_5,
        invalid_message_deliveries_decay: decay(50 * EPOCH),
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: topics.map(|name| (name, topic.clone())).collect(),
        topic_score_cap: 34.0,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: -35.0,
        ip_colocation_factor_threshold: 10.0,
        // Nodes of one machine are one operator's.
        ip_colocation_factor_whitelist: [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            .into(),
        behaviour_penalty_weight: -16.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: decay(10 * EPOCH),
        decay_interval: block,
        decay_to_zero: DECAYED,
        retain_score: block * 100 * EPOCH,
        ..PeerScoreParams::default()
    }
}

/// Returns the lines below which peers get less, and at last nothing.
pub(super) const fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -40.0,
        graylist_threshold: -40.0,
        accept_px_threshold: 20.0,
        opportunistic_graft_threshold: 0.05,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_ones_that_gossip_takes() {
        for block_time in [0, 1, 2, 60] {
            let params = params([TopicHash::from_raw("a")].into_iter(), block_time);
            assert_eq!(params.validate(), Ok(()));
        }
        assert_eq!(thresholds().validate(), Ok(()));
    }

    #[test]
    fn a_bad_message_silences_a_peer_for_a_while() {
        let params = params([TopicHash::from_raw("a")].into_iter(), 2);
        let topic = &params.topics[&TopicHash::from_raw("a")];
        let after = |blocks: i32| {
            let count = topic.invalid_message_deliveries_decay.powi(blocks);
            topic.topic_weight * topic.invalid_message_deliveries_weight * count * count
        };
        let line = thresholds().graylist_threshold;
        assert!(after(10) < line);
        assert!(after(60) > line);
    }
}
