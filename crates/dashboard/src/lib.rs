//! The web page of a running network and the WebSocket feed behind it.
