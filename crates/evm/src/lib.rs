//! Ethereum blocks executed exactly: every fork, in sequence and in parallel, on revm.
