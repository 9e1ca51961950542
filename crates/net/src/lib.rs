//! Peers: address book, scores, bans, connection limits, rate limits, priority queues and dialling.
