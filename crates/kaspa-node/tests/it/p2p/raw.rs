//! A peer driven byte for byte: what it sends need not make sense.

use std::{net::SocketAddr, time::Duration};

use quintet_kaspa_protocol::wire::{Frame, METHOD, Message, PROTOCOL_VERSION, Version};

use crate::call::Call;

/// How long there may be no room, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(20);

/// A connection to a node.
pub(super) struct Raw(Call);

impl Raw {
    /// Opens a call.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self(Call::connect(address, METHOD).await)
    }

    /// Opens a call and shakes hands.
    pub(super) async fn meet(address: SocketAddr, network: &str) -> Self {
        Self::connect(address).await.shake(network).await
    }

    /// The same as soon as there is room: a place is free only once what was sent last on it has left.
    pub(super) async fn meet_eventually(address: SocketAddr, network: &str) -> Self {
        let calling = async {
            loop {
                if let Ok(call) = Call::try_connect(address, METHOD).await {
                    return call;
                }
                tokio::time::sleep(RETRY).await;
            }
        };
        let call = tokio::time::timeout(PATIENCE, calling).await.expect("no room");
        Self(call).shake(network).await
    }

    async fn shake(mut self, network: &str) -> Self {
        self.send(Message::Version(Box::new(version(network)))).await;
        self.send(Message::Verack).await;
        self.wait_for("ready", |message| matches!(message, Message::Ready).then_some(())).await;
        self.send(Message::Ready).await;
        self
    }

    pub(super) async fn send_bytes(&self, bytes: Vec<u8>) {
        self.0.send(bytes).await;
    }

    pub(super) async fn send(&self, message: Message) {
        self.send_bytes(Frame::new(message).encode()).await;
    }

    pub(super) async fn send_frame(&self, frame: Frame) {
        self.send_bytes(frame.encode()).await;
    }

    /// Returns the next frame; `None` once the node has closed the connection.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let bytes = self.0.next().await.ok()??;
        Some(Frame::decode(&bytes).unwrap())
    }

    pub(super) async fn wait_for<T>(
        &mut self,
        what: &str,
        mut is_it: impl FnMut(&Message) -> Option<T>,
    ) -> T {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("closed before {what}"));
            if let Some(found) = is_it(&frame.message) {
                return found;
            }
        }
    }

    /// Waits until the node closes the connection and returns what it said last.
    pub(super) async fn end(mut self) -> Option<String> {
        let mut said = None;
        while let Some(frame) = self.next().await {
            if let Message::Reject(reason) = frame.message {
                said = Some(reason);
            }
        }
        said
    }
}

/// What a node of a network says of itself.
pub(super) fn version(network: &str) -> Version {
    Version {
        protocol_version: PROTOCOL_VERSION,
        network: network.to_owned(),
        services: 0,
        timestamp: 0,
        address: None,
        id: rand::random(),
        user_agent: "/raw:0/".to_owned(),
        disable_relay_tx: false,
        subnetwork_id: None,
    }
}
