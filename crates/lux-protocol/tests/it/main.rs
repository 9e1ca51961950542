//! LuxTensor's consensus from outside: headers, messages, and networks of honest and faulty validators.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests' own parts meet unexpectedly fails the test"
)]

mod byzantine;
mod header;
mod network;
mod wire;
mod world;
