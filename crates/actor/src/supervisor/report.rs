//! What a supervisor tells: events while it runs, a report when it has stopped.

use std::{fmt, sync::Arc, time::Duration};

use thiserror::Error;

use super::Fault;

/// Something happened to a child.
#[derive(Debug, Clone)]
pub enum ChildEvent {
    /// The child was started for the first time.
    ChildStarted {
        /// The child's name.
        child: Arc<str>,
    },
    /// The child ended in an error or a panic.
    ChildFaulted {
        /// The child's name.
        child: Arc<str>,
        /// What ended it.
        fault: Fault,
        /// When it is started again; `None` if it is not.
        restart_in: Option<Duration>,
    },
    /// The child runs again after a fault and its back-off.
    ChildRestarted {
        /// The child's name.
        child: Arc<str>,
    },
    /// The child has ended for good.
    ChildStopped {
        /// The child's name.
        child: Arc<str>,
        /// How.
        ending: Ending,
    },
}

/// How a child ended for good.
#[derive(Debug, Clone)]
pub enum Ending {
    /// By itself and well, before anybody told it to.
    Finished,
    /// Well, this long after it was told to.
    Stopped {
        /// Time from the cancellation of its token to its end.
        took: Duration,
    },
    /// By a fault that no restart followed.
    Faulted {
        /// What ended it.
        fault: Fault,
    },
    /// It did not end within its grace and was aborted.
    Aborted {
        /// The grace it had.
        grace: Duration,
    },
    /// It never reached an await after being aborted: its thread is blocked or busy. It goes on
    /// until the process ends.
    Stuck,
}

impl Ending {
    /// Returns whether the child ended well and in time.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        matches!(self, Self::Finished | Self::Stopped { .. })
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Stopped { took } => write!(f, "stopped in {took:?}"),
            Self::Faulted { fault } => write!(f, "faulted: {fault}"),
            Self::Aborted { grace } => write!(f, "aborted after a grace of {grace:?}"),
            Self::Stuck => f.write_str("stuck: it did not end when aborted"),
        }
    }
}

/// How every child ended, in the order in which they did.
#[derive(Debug, Clone, Default)]
pub struct ShutdownReport {
    /// Each child's name and ending.
    pub children: Vec<(Arc<str>, Ending)>,
}

impl ShutdownReport {
    /// Returns whether every child ended well and in time.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.children.iter().all(|(_, ending)| ending.is_clean())
    }

    /// Returns how `child` ended.
    #[must_use]
    pub fn ending(&self, child: &str) -> Option<&Ending> {
        self.children.iter().find(|(name, _)| &**name == child).map(|(_, ending)| ending)
    }
}

impl fmt::Display for ShutdownReport {
    /// `name: ending`, one after the other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, ending)) in self.children.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{name}: {ending}")?;
        }
        Ok(())
    }
}

/// A child's fault that no restart may follow; every other child has been stopped because of it.
#[derive(Debug, Clone, Error)]
#[error("{child} of {supervisor}: {fault}")]
pub struct Escalation {
    /// The supervisor's name.
    pub supervisor: &'static str,
    /// The child's name.
    pub child: Arc<str>,
    /// What ended it.
    pub fault: Fault,
    /// How every child ended.
    pub report: ShutdownReport,
}
