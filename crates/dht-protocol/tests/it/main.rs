//! Integration tests, one binary.

mod lookup_model;
