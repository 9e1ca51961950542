//! One node a lookup has heard of, and how far the lookup has got with it.

use core::net::{IpAddr, SocketAddr};

use quintet_primitives::time::Instant;

use crate::{
    contact::{self, Contact},
    message::Token,
    table,
};

/// How far a lookup has got with a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not asked yet.
    Unqueried,
    /// Not to be asked before this instant, because of pacing.
    Postponed {
        /// When it may be asked.
        until: Instant,
    },
    /// Asked; occupies one of the alpha places until `soft`.
    InFlight {
        /// When the lookup stops to rely on it.
        soft: Instant,
        /// When it fails.
        hard: Instant,
    },
    /// Asked and slow; the lookup goes on without it, and still takes its answer until `hard`.
    Slow {
        /// When it fails.
        hard: Instant,
    },
    /// Answered.
    Answered,
    /// Did not answer, answered with an error, or can not be asked.
    Failed,
}

/// A candidate: a contact with its history in this lookup.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub(super) contact: Contact,
    pub(super) progress: Progress,
    pub(super) hop: u8,
    pub(super) path: u8,
    pub(super) had_value: bool,
    /// The id has been tried at another address before.
    pub(super) readdressed: bool,
    pub(super) token: Option<Token>,
}

impl Candidate {
    pub(super) const fn new(contact: Contact, hop: u8, path: u8) -> Self {
        Self {
            contact,
            progress: Progress::Unqueried,
            hop,
            path,
            had_value: false,
            readdressed: false,
            token: None,
        }
    }

    /// Returns id and address.
    #[must_use]
    pub const fn contact(&self) -> Contact {
        self.contact
    }

    /// Returns how far the lookup has got with it.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.progress
    }

    /// Returns how many queries led here: 1 for a node known beforehand, one more than its namer
    /// otherwise.
    #[must_use]
    pub const fn hop(&self) -> u8 {
        self.hop
    }

    /// Returns the path it belongs to, counted from 0.
    #[must_use]
    pub const fn path(&self) -> u8 {
        self.path
    }

    /// Whether the lookup relies on it at present: it has answered, or may soon.
    pub(super) const fn in_play(&self) -> bool {
        matches!(
            self.progress,
            Progress::Unqueried | Progress::InFlight { .. } | Progress::Answered
        )
    }

    /// Whether it is out of play for a while only.
    pub(super) const fn may_return(&self) -> bool {
        matches!(self.progress, Progress::Postponed { .. } | Progress::Slow { .. })
    }

    /// The next instant at which its progress changes by itself.
    pub(super) const fn changes_at(&self) -> Option<Instant> {
        match self.progress {
            Progress::Postponed { until } => Some(until),
            Progress::InFlight { soft, .. } => Some(soft),
            Progress::Slow { hard } => Some(hard),
            Progress::Unqueried | Progress::Answered | Progress::Failed => None,
        }
    }

    /// Lets time pass; returns whether the candidate failed by it.
    pub(super) fn advance(&mut self, now: Instant) -> bool {
        match self.progress {
            Progress::Postponed { until } if until <= now => self.progress = Progress::Unqueried,
            Progress::InFlight { hard, .. } | Progress::Slow { hard } if hard <= now => {
                self.progress = Progress::Failed;
                return true;
            }
            Progress::InFlight { soft, hard } if soft <= now => {
                self.progress = Progress::Slow { hard };
            }
            Progress::Unqueried
            | Progress::Postponed { .. }
            | Progress::InFlight { .. }
            | Progress::Slow { .. }
            | Progress::Answered
            | Progress::Failed => {}
        }
        false
    }
}

/// The block of addresses a candidate counts against; none for local addresses.
pub(super) fn group(addr: &SocketAddr) -> Option<IpAddr> {
    (!contact::is_local(addr)).then(|| table::group(addr.ip()))
}
