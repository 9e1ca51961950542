//! One UDP socket and how the runtime watches it.
//!
//! Where epoll or its like is underneath, a socket is watched for reading alone. A watch for room to
//! send fires whenever the receiver of any earlier packet has read it; at 100,000 replies a second
//! that woke a thread that had nothing to do as often, and cost as much as all else. Room to send is
//! watched for only while somebody waits for it.

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use self::portable::Endpoint;
#[cfg(unix)]
pub(super) use self::unix::Endpoint;
