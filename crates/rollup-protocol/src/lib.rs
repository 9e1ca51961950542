//! The OP Stack's derivation, sans-IO: L1 data in, payload attributes of the safe chain out.
