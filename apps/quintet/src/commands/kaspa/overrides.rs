//! Parameters that differ from a network's own, read from a file.

use std::path::Path;

use anyhow::Context as _;
use quintet_kaspa_protocol::params::{Overrides, Params};

use crate::exit::UsageError;

/// Returns the parameters with what the file changes.
///
/// # Errors
///
/// If it cannot be read; [`UsageError`] if it does not hold parameters, or these contradict one another.
pub(super) fn apply(params: Params, file: &Path) -> anyhow::Result<Params> {
    let shown = file.display();
    let text =
        std::fs::read_to_string(file).with_context(|| format!("--override-params-file {shown}"))?;
    let overrides: Overrides = serde_json::from_str(&text)
        .map_err(|error| UsageError::new(format!("--override-params-file {shown}: {error}")))?;
    let changed = overrides.apply(params);
    Ok(changed
        .map_err(|error| UsageError::new(format!("--override-params-file {shown}: {error}")))?)
}
