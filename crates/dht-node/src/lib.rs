//! The DHT node: the Kademlia core with sockets, disk and RPC.
