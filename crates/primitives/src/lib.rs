//! Value types that more than one node kind uses.
//!
//! Nothing in here knows a chain, a socket or a clock. A type moves in when a second kind needs it,
//! not before; what only one kind uses lives with that kind.
//!
//! - [`hex`]: bytes as lower-case hexadecimal, for people and JSON.
//! - [`time`]: instants that a simulator can construct, and wall-clock seconds.
//! - [`random`]: numbers that are the same on every machine.
//! - [`addr`]: IP address classes and network groups, the units of every diversity limit.
//! - [`generations`]: a bounded map that forgets what is old.
//! - [`Hash160`], [`Hash256`]: fixed-size byte strings that print as hexadecimal.

pub mod addr;
pub mod generations;
pub mod hex;
pub mod random;
pub mod time;

mod hash;

pub use hash::{Hash160, Hash256, HashLengthError};
