//! JSON-RPC over HTTP and WebSocket with authentication, limits and an OpenRPC document.
