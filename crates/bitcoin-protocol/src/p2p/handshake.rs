//! The handshake: who is there, and what both speak.
//!
//! ```text
//!   outbound:  version ──►            inbound:             ◄── version
//!              ◄── version                       version ──►
//!              wtxidrelay, sendaddrv2, verack ──►            (what the peer's version understands)
//!              ◄── wtxidrelay? sendaddrv2? feature? verack
//!              ──────────────────── open ────────────────────
//! ```
//!
//! # Invariants
//!
//! - Nothing but `version` is heard before it, and nothing but what is to be agreed on before `verack`: the rest is passed over.
//! - What is to be agreed on is refused after `verack`.
//! - Before a peer's `version` an inbound connection is told nothing at all, and before its `verack` nothing but the handshake.
//!
//! **Spec:** Bitcoin Core, `PeerManagerImpl::ProcessMessage`; BIP-0155, BIP-0339, BIP-0434.

use thiserror::Error;

use super::{
    FEATURE_VERSION, Message, PEER_VERSION_MIN, Services, VersionMessage, WTXID_RELAY_VERSION,
};

/// How far the handshake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    AwaitingVersion,
    AwaitingVerack,
    Open,
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Passed {
    /// It was part of the handshake, or is passed over.
    Absorbed,
    /// The peer's `version` was accepted: replies are in the outbox, `verack` the last of them.
    Introduced,
    /// The peer's `verack` came: the connection is open.
    Opened,
    /// It is for the node.
    Message(Box<Message>),
}

/// The connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is too old.
    #[error("peer using obsolete version {actual}")]
    Obsolete {
        /// Its version.
        actual: i32,
    },
    /// It does not offer what it was dialled for.
    #[error(
        "peer does not offer the expected services ({:08x} offered, {:08x} expected)",
        actual.bits(), expected.bits()
    )]
    Services {
        /// What is needed.
        expected: Services,
        /// What it offers.
        actual: Services,
    },
    /// It is this very node.
    #[error("connected to self")]
    Oneself,
    /// It wants to agree on something when the time for it is over.
    #[error("{command} received after verack")]
    Late {
        /// What it sent.
        command: &'static str,
    },
    /// It announces a feature in a version without features.
    #[error("feature received with incompatible version {actual}")]
    FeatureVersion {
        /// The version both speak.
        actual: u32,
    },
}

/// The handshake with one peer.
#[derive(Debug)]
pub struct Handshake {
    inbound: bool,
    /// What we say of ourselves; sent at once, or in answer to an inbound peer.
    ours: VersionMessage,
    /// Services a peer must offer.
    expected: Services,
    phase: Phase,
    theirs: Option<VersionMessage>,
    wtxid_relay: bool,
    wants_addrv2: bool,
}

impl Handshake {
    /// Begins the handshake with a peer that dialled us.
    #[must_use]
    pub const fn inbound(ours: VersionMessage) -> Self {
        Self::new(true, ours, Services::empty())
    }

    /// Begins the handshake with a peer we dialled, which must offer `expected`; returns what to send at once.
    #[must_use]
    pub fn outbound(ours: VersionMessage, expected: Services) -> (Self, Message) {
        let first = Message::Version(ours.clone());
        (Self::new(false, ours, expected), first)
    }

    const fn new(inbound: bool, ours: VersionMessage, expected: Services) -> Self {
        Self {
            inbound,
            ours,
            expected,
            phase: Phase::AwaitingVersion,
            theirs: None,
            wtxid_relay: false,
            wants_addrv2: false,
        }
    }

    /// Returns whether the peer's `verack` came.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Returns what the peer said of itself.
    #[must_use]
    pub const fn theirs(&self) -> Option<&VersionMessage> {
        self.theirs.as_ref()
    }

    /// Returns the version both speak; 0 before it is known.
    #[must_use]
    pub fn common_version(&self) -> u32 {
        self.theirs.as_ref().map_or(0, |theirs| theirs.version.min(self.ours.version))
    }

    /// Returns whether transactions are announced by the id that covers witnesses.
    #[must_use]
    pub const fn wtxid_relay(&self) -> bool {
        self.wtxid_relay
    }

    /// Returns whether the peer understands addresses in their new form.
    #[must_use]
    pub const fn wants_addrv2(&self) -> bool {
        self.wants_addrv2
    }

    /// Takes a message. `is_own_nonce` tells whether a nonce is one of ours; replies are put into `out`.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the connection ends.
    pub fn receive(
        &mut self,
        message: Message,
        is_own_nonce: impl FnOnce(u64) -> bool,
        out: &mut Vec<Message>,
    ) -> Result<Passed, Refusal> {
        match (self.phase, message) {
            (Phase::AwaitingVersion, Message::Version(theirs)) => {
                self.introduce(theirs, is_own_nonce, out)?;
                return Ok(Passed::Introduced);
            }
            (Phase::AwaitingVersion, _) | (_, Message::Version(_)) => {}
            (Phase::AwaitingVerack, Message::Verack) => {
                self.phase = Phase::Open;
                return Ok(Passed::Opened);
            }
            (Phase::AwaitingVerack, Message::WtxidRelay) => {
                self.wtxid_relay |= self.common_version() >= WTXID_RELAY_VERSION;
            }
            (Phase::AwaitingVerack, Message::SendAddrV2) => self.wants_addrv2 = true,
            (Phase::AwaitingVerack, Message::Feature { .. }) => {
                let actual = self.common_version();
                if actual < FEATURE_VERSION {
                    return Err(Refusal::FeatureVersion { actual });
                }
            }
            // Bitcoin Core takes these before the peer's `verack` already.
            (
                Phase::AwaitingVerack,
                message @ (Message::SendHeaders | Message::SendCmpct { .. }),
            ) => return Ok(Passed::Message(Box::new(message))),
            (Phase::AwaitingVerack, _) | (Phase::Open, Message::Verack) => {}
            (Phase::Open, Message::WtxidRelay) => {
                return Err(Refusal::Late { command: "wtxidrelay" });
            }
            (Phase::Open, Message::SendAddrV2) => {
                return Err(Refusal::Late { command: "sendaddrv2" });
            }
            (Phase::Open, Message::Feature { .. }) => {
                return Err(Refusal::Late { command: "feature" });
            }
            (Phase::Open, message) => return Ok(Passed::Message(Box::new(message))),
        }
        Ok(Passed::Absorbed)
    }

    fn introduce(
        &mut self,
        theirs: VersionMessage,
        is_own_nonce: impl FnOnce(u64) -> bool,
        out: &mut Vec<Message>,
    ) -> Result<(), Refusal> {
        if !theirs.services.contains(self.expected) {
            return Err(Refusal::Services { expected: self.expected, actual: theirs.services });
        }
        if theirs.version < PEER_VERSION_MIN {
            return Err(Refusal::Obsolete { actual: i32::try_from(theirs.version).unwrap_or(0) });
        }
        if self.inbound && is_own_nonce(theirs.nonce) {
            return Err(Refusal::Oneself);
        }
        if self.inbound {
            out.push(Message::Version(self.ours.clone()));
        }
        self.theirs = Some(theirs);
        if self.common_version() >= WTXID_RELAY_VERSION {
            out.extend([Message::WtxidRelay, Message::SendAddrV2]);
        }
        out.push(Message::Verack);
        self.phase = Phase::AwaitingVerack;
        Ok(())
    }
}
