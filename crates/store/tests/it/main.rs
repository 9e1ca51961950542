//! The store seen from outside: one suite for every engine, and crashes of every kind.

#![expect(clippy::panic, reason = "a test fails by panicking, also in a function it calls")]

mod backup;
mod codec;
mod crash;
mod directory;
mod engines;
mod integrity;
mod kill;
mod model;
mod poison;
mod schema;
mod segment;
mod segment_kill;
mod subject;
