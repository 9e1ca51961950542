//! Kademlia, sans-IO: keys, routing table, lookups, record rules and three wire codecs.
