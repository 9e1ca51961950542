//! Options of Bitcoin Core that change a network's rules: what its functional tests start nodes with.
//!
//! **Spec:** `HandleDeploymentArgs` and `ReadRegTestArgs` in Core's `chainparams.cpp`.

use thiserror::Error;

use super::{BuriedDeployment, DeploymentStart, Params};

/// What may differ between regtests, besides heights and votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegtestOptions {
    /// Whether the rules of BIP-0094 hold (`-test=bip94`).
    pub enforce_bip94: bool,
    /// Whether pruning begins at height 100 (`-fastprune`).
    pub fast_prune: bool,
}

/// Why an option's value is none, in Core's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OptionError {
    /// There is no `@`.
    #[error("Invalid format ({actual}) for -testactivationheight=name@height.")]
    Format {
        /// The value.
        actual: String,
    },
    /// The height is no number in `0..2^31 - 1`.
    #[error("Invalid height value ({actual}) for -testactivationheight=name@height.")]
    Height {
        /// The value.
        actual: String,
    },
    /// No rule has the name.
    #[error("Invalid name ({actual}) for -testactivationheight=name@height.")]
    Name {
        /// The value.
        actual: String,
    },
    /// There are not three or four parts.
    #[error(
        "Version bits parameters malformed, expecting deployment:start:end[:min_activation_height]"
    )]
    VoteParts,
    /// The start is no number.
    #[error("Invalid nStartTime ({actual})")]
    VoteStart {
        /// The part.
        actual: String,
    },
    /// The end is no number.
    #[error("Invalid nTimeout ({actual})")]
    VoteTimeout {
        /// The part.
        actual: String,
    },
    /// The height is no number.
    #[error("Invalid min_activation_height ({actual})")]
    VoteHeight {
        /// The part.
        actual: String,
    },
    /// No vote has the name.
    #[error("Invalid deployment ({actual})")]
    VoteName {
        /// The part.
        actual: String,
    },
}

/// Reads a number as Core does: no plus sign, no space.
fn number(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

impl Params {
    /// Moves the height of a buried rule: the value of `-testactivationheight=name@height`.
    ///
    /// # Errors
    ///
    /// [`OptionError`] in Core's words; nothing is changed.
    pub fn set_activation_height(&mut self, value: &str) -> Result<(), OptionError> {
        let actual = || value.to_owned();
        let Some((name, height)) = value.split_once('@') else {
            return Err(OptionError::Format { actual: actual() });
        };
        let height = number(height)
            .filter(|&height| height < i64::from(i32::MAX))
            .and_then(|height| u32::try_from(height).ok())
            .ok_or_else(|| OptionError::Height { actual: actual() })?;
        let rule = BuriedDeployment::by_option_name(name)
            .ok_or_else(|| OptionError::Name { actual: actual() })?;
        *match rule {
            BuriedDeployment::Bip34 => &mut self.bip34_height,
            BuriedDeployment::Bip65 => &mut self.bip65_height,
            BuriedDeployment::Bip66 => &mut self.bip66_height,
            BuriedDeployment::Csv => &mut self.csv_height,
            BuriedDeployment::Segwit => &mut self.segwit_height,
        } = height;
        Ok(())
    }

    /// Changes when a vote takes place: the value of `-vbparams=deployment:start:end[:min_activation_height]`.
    ///
    /// # Errors
    ///
    /// [`OptionError`] in Core's words; nothing is changed.
    pub fn set_vote(&mut self, value: &str) -> Result<(), OptionError> {
        let parts: Vec<_> = value.splitn(5, ':').collect();
        let (name, start, timeout, height) = match *parts {
            [name, start, timeout] => (name, start, timeout, "0"),
            [name, start, timeout, height] => (name, start, timeout, height),
            _ => return Err(OptionError::VoteParts),
        };
        let start =
            number(start).ok_or_else(|| OptionError::VoteStart { actual: start.to_owned() })?;
        let timeout = number(timeout)
            .ok_or_else(|| OptionError::VoteTimeout { actual: timeout.to_owned() })?;
        let height =
            number(height).ok_or_else(|| OptionError::VoteHeight { actual: height.to_owned() })?;
        let vote = self
            .deployments
            .iter_mut()
            .find(|vote| vote.name == name)
            .ok_or_else(|| OptionError::VoteName { actual: name.to_owned() })?;
        vote.start = DeploymentStart::from_core(start);
        vote.timeout = timeout;
        // A height below 0 delays nothing, one above every height delays for ever.
        vote.min_activation_height = u32::try_from(height.max(0)).unwrap_or(u32::MAX);
        Ok(())
    }
}
