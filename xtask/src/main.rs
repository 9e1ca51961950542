//! Repository tasks: layer check, tidiness check, generated documents.

fn main() {}
