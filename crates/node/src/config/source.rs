//! The sources of one start: file, environment and flags, kept so that a reload can read them again.

use core::fmt;
use std::{ffi::OsString, path::PathBuf};

use super::key::ENV_PREFIX;

/// Bytes a configuration file may have; a file beyond it is not one of ours.
pub const CONFIG_FILE_MAX_BYTES: u64 = 1 << 20;

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSource {
    /// Its path, also used in messages.
    pub path: PathBuf,
    /// Whether it must exist: true where the user named it, false for the default path.
    pub required: bool,
}

/// Text given on the command line. `Debug` leaves the text out: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum FlagText {
    /// Read by the type of the key; lists are comma-separated.
    One(String),
    /// The elements of a list, from a flag that may be repeated.
    Many(Vec<String>),
}

/// A value from the command line.
#[derive(Clone, PartialEq, Eq)]
pub struct FlagValue {
    pub(super) key: String,
    pub(super) text: FlagText,
    pub(super) flag: String,
}

/// The argument of `--set` has no `=`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected key=value, such as --set log.level=debug; found {found:?}")]
pub struct MalformedSet {
    /// The argument up to its end; it has no `=`, so it is no `key=secret`.
    pub found: String,
}

impl FlagValue {
    /// A value for the dotted `key`, given with `flag` (as the user typed it, such as `--listen`).
    pub fn new(key: impl Into<String>, value: impl Into<String>, flag: impl Into<String>) -> Self {
        Self { key: key.into(), text: FlagText::One(value.into()), flag: flag.into() }
    }

    /// The elements of a list, from a flag that was given once for each.
    pub fn list(
        key: impl Into<String>,
        values: impl IntoIterator<Item = String>,
        flag: impl Into<String>,
    ) -> Self {
        let text = FlagText::Many(values.into_iter().collect());
        Self { key: key.into(), text, flag: flag.into() }
    }

    /// From the argument of `--set key=value`.
    ///
    /// # Errors
    ///
    /// [`MalformedSet`] if there is no `=`.
    pub fn from_set(argument: &str) -> Result<Self, MalformedSet> {
        let (key, value) =
            argument.split_once('=').ok_or_else(|| MalformedSet { found: argument.to_owned() })?;
        let key = key.trim();
        Ok(Self::new(key, value, format!("--set {key}")))
    }
}

impl fmt::Debug for FlagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, flag, .. } = self;
        f.debug_struct("FlagValue").field("key", key).field("flag", flag).finish_non_exhaustive()
    }
}

/// Everything a configuration is read from, besides the defaults.
#[derive(Clone, Default)]
pub struct Sources {
    pub(super) file: Option<FileSource>,
    pub(super) env: Vec<(String, OsString)>,
    pub(super) flags: Vec<FlagValue>,
}

impl Sources {
    /// Adds the file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>, required: bool) -> Self {
        self.file = Some(FileSource { path: path.into(), required });
        self
    }

    /// Adds the variables that begin with `QUINTET_`, such as those of `std::env::vars_os()`.
    #[must_use]
    pub fn with_env(mut self, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = vars.into_iter().filter_map(|(name, value)| {
            name.into_string().ok().filter(|name| name.starts_with(ENV_PREFIX)).map(|n| (n, value))
        });
        self.env.extend(named);
        self
    }

    /// Adds flags; the last one for a key wins.
    #[must_use]
    pub fn with_flags(mut self, flags: impl IntoIterator<Item = FlagValue>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// The configuration file, if one was named.
    #[must_use]
    pub const fn file(&self) -> Option<&FileSource> {
        self.file.as_ref()
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let env: Vec<_> = self.env.iter().map(|(name, _)| name).collect();
        let Self { file, flags, .. } = self;
        f.debug_struct("Sources")
            .field("file", file)
            .field("env", &env)
            .field("flags", flags)
            .finish()
    }
}
