//! Unspent outputs: what two kinds of ledger share, and neither owns.
//!
//! A coin here is a key of 36 bytes (transaction id and index) and an opaque value; what the value
//! means is the kind's own affair.
