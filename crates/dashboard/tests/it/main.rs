//! The dashboard over real sockets: what it sends, what it refuses, and how the feed behaves.

#![expect(clippy::unwrap_used, reason = "a test ends where its setting fails")]

mod feed;
mod http_surface;
mod raw;
