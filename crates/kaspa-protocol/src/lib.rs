//! Kaspa's rules, sans-IO: what a header, a transaction and a block of the DAG must satisfy, in every era.

pub mod dag;
