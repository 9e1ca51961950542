//! The handshake, as a state machine.
//!
//! ```text
//!   ours ── version ──────────► theirs        both at once, at the start
//!        ◄───────── version ───
//!        ── verack ───────────►               each after the other's version
//!        ◄───────── verack ────
//!        ── ready ────────────►               each after the other's version and verack
//!        ◄───────── ready ─────
//! ```
//!
//! No message of a flow may come before `ready`, and none is sent before both were. A second message of the handshake is an error.
//!
//! **Spec:** the reference's `KaspadHandshake` and `FlowContext::initialize_connection`.

use quintet_kaspa_protocol::wire::{Message, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, Version};

use super::error::PeerError;

/// What is told to a node that reached itself.
const LOOPBACK: &str = "LOOPBACK_CONNECTION";

/// How far the handshake is.
#[derive(Debug)]
pub(super) struct Handshake {
    ours: Version,
    theirs: Option<Version>,
    is_acknowledged: bool,
    is_ready_sent: bool,
}

/// What to do after a message.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// What to send.
    pub(super) send: Vec<Message>,
    /// Who the peer is and which protocol both speak, once all is said.
    pub(super) done: Option<Agreed>,
}

/// What a handshake leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    /// What the peer said of itself.
    pub(super) version: Version,
    /// The protocol spoken: the older of the newest that each knows.
    pub(super) protocol: u32,
}

impl Handshake {
    /// Begins; what to send first stands beside.
    pub(super) fn begin(ours: Version) -> (Self, Message) {
        let first = Message::Version(Box::new(ours.clone()));
        (Self { ours, theirs: None, is_acknowledged: false, is_ready_sent: false }, first)
    }

    /// Takes the next message.
    pub(super) fn take(&mut self, message: Message) -> Result<Step, PeerError> {
        let mut step = Step { send: Vec::new(), done: None };
        match message {
            Message::Version(theirs) if self.theirs.is_none() => {
                self.check(&theirs)?;
                self.theirs = Some(*theirs);
                step.send.push(Message::Verack);
            }
            Message::Verack if !self.is_acknowledged => self.is_acknowledged = true,
            Message::Ready if self.is_ready_sent => {
                step.done = self.theirs.take().map(|version| {
                    let protocol = version.protocol_version.min(PROTOCOL_VERSION);
                    Agreed { version, protocol }
                });
                return Ok(step);
            }
            Message::Reject(reason) => return Err(PeerError::Rejected { reason }),
            other => {
                let expected = "version, verack and ready, once each";
                return Err(PeerError::Unexpected { expected, actual: other.kind() });
            }
        }
        if self.is_acknowledged && self.theirs.is_some() && !self.is_ready_sent {
            self.is_ready_sent = true;
            step.send.push(Message::Ready);
        }
        Ok(step)
    }

    fn check(&self, theirs: &Version) -> Result<(), PeerError> {
        let unsuitable = |reason: String| Err(PeerError::Unsuitable { reason });
        if theirs.id == self.ours.id {
            return unsuitable(LOOPBACK.to_owned());
        }
        if theirs.network != self.ours.network {
            return unsuitable(format!(
                "Network mismatch - local: {}, remote: {}",
                self.ours.network, theirs.network
            ));
        }
        if theirs.protocol_version < PROTOCOL_VERSION_MIN {
            return unsuitable(format!(
                "P2P protocol version mismatch - local: {PROTOCOL_VERSION}, remote: {}",
                theirs.protocol_version
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(id: u8) -> Version {
        Version {
            protocol_version: 11,
            network: "kaspa-devnet".to_owned(),
            services: 0,
            timestamp: 0,
            address: None,
            id: [id; 16],
            user_agent: "/test:1/".to_owned(),
            disable_relay_tx: false,
            subnetwork_id: None,
        }
    }

    fn take_version(theirs: Version) -> Result<Step, PeerError> {
        Handshake::begin(version(1)).0.take(Message::Version(Box::new(theirs)))
    }

    #[test]
    fn two_nodes_agree_on_the_older_protocol() {
        let (mut a, hello_a) = Handshake::begin(version(1));
        let (mut b, hello_b) = Handshake::begin(Version { protocol_version: 10, ..version(2) });
        let (mut to_a, mut to_b) = (vec![hello_b], vec![hello_a]);
        let (mut of_a, mut of_b) = (None, None);
        while !to_a.is_empty() || !to_b.is_empty() {
            for message in std::mem::take(&mut to_a) {
                let step = a.take(message).unwrap();
                to_b.extend(step.send);
                of_a = of_a.or(step.done);
            }
            for message in std::mem::take(&mut to_b) {
                let step = b.take(message).unwrap();
                to_a.extend(step.send);
                of_b = of_b.or(step.done);
            }
        }
        assert_eq!(of_a.unwrap().protocol, 10);
        assert_eq!(of_b.unwrap().version.id, [1; 16]);
    }

    #[test]
    fn another_network_is_refused_by_name() {
        let theirs = Version { network: "kaspa-mainnet".to_owned(), ..version(2) };
        let error = take_version(theirs).unwrap_err().to_string();
        assert_eq!(error, "Network mismatch - local: kaspa-devnet, remote: kaspa-mainnet");
    }

    #[test]
    fn older_protocols_and_ourselves_are_refused() {
        let old = take_version(Version { protocol_version: 9, ..version(2) });
        assert!(old.unwrap_err().to_string().contains("remote: 9"));
        assert_eq!(take_version(version(1)).unwrap_err().to_string(), LOOPBACK);
        assert!(take_version(Version { protocol_version: 12, ..version(2) }).is_ok());
    }

    #[test]
    fn no_message_may_come_twice_or_before_its_turn() {
        let (mut at, _) = Handshake::begin(version(1));
        assert!(at.take(Message::Ready).is_err(), "ready before the version");
        let (mut at, _) = Handshake::begin(version(1));
        at.take(Message::Verack).unwrap();
        assert!(at.take(Message::Verack).is_err(), "a second verack");
        let (mut at, _) = Handshake::begin(version(1));
        assert!(at.take(Message::Ping(1)).is_err(), "a flow before ready");
    }
}
