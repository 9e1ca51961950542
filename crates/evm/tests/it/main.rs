//! Integration tests of the executors.

mod contended;
mod world;
