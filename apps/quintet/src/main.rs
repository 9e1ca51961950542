//! One node binary for five kinds of network: bitcoin, kaspa, lux, rollup and dht.

fn main() {}
