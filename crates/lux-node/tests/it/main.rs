//! The node as its users meet it.

mod dev;
