//! Actors: a bounded inbox, a client handle, a supervisor and an event bus, on tokio.
