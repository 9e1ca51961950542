//! KRPC packet by packet, for what no library's interface can ask.
//!
//! Written apart from the node's own codec on purpose: a mistake common to both ends of one codec
//! would not show.
//!
//! Spec: BEP 3 (bencoding), BEP 5.

mod bencode;
mod raw;

pub use bencode::Bencode;
pub use raw::{Raw, Reply};

/// Makes a dictionary from `key => value` pairs.
#[macro_export]
macro_rules! dict {
    ($($key:literal => $value:expr),* $(,)?) => {
        $crate::krpc::Bencode::Dict(
            [$(($key.as_bytes().to_vec(), $crate::krpc::Bencode::from($value))),*].into(),
        )
    };
}
