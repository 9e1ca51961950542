//! Runs third-party test vectors against the protocol crates.

fn main() {}
