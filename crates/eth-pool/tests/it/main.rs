//! The pool through its public interface: rules one by one, the journal, and a naive model that random histories are held against.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::cast_possible_truncation, reason = "the numbers of these tests are small")]

mod chain;
mod journal;
mod model;
mod rules;
mod signed;
