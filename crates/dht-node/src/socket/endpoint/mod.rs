//! One UDP socket, and waiting for it.
//!
//! Where the system has epoll or its like, a socket is watched only while somebody waits for it. A
//! lasting watch tells a thread of the runtime of every packet that comes in and of all room that
//! earlier packets leave, while another thread is reading and writing already: at 100,000 replies a
//! second that cost more than the replies themselves.

#[cfg(not(unix))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use self::portable::Endpoint;
#[cfg(unix)]
pub(super) use self::unix::Endpoint;
