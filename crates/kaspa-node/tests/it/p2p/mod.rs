//! The network over real sockets on the loopback interface: our nodes with one another, and with peers that do what none should.

mod hostile;
pub(crate) mod node;
mod raw;
mod reference;
mod relay;
mod start;
mod sync;
