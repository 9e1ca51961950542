//! The curve's field, group and scalars, in variable time: for what is public and comes in numbers.
//!
//! Whatever is secret, and whatever is verified alone, stays with libsecp256k1 ([`secp`](crate::secp)).

pub(crate) mod curve;
pub(crate) mod field;
#[cfg(target_arch = "x86_64")]
pub(crate) mod ifma;
pub(crate) mod scalar;
