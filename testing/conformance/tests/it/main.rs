//! The runner over the project's vectors, and over small folders that are wrong in one way each.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its folder has failed")]

mod folder;
mod runner;
mod vectors;
