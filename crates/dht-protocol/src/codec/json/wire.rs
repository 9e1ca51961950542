//! The object as it stands on the wire: every field any message can have, in the order of writing.

use serde::{Deserialize, Serialize};

use crate::contact::Family;

/// One packet. Which fields belong to which message is for the reader to judge: it takes what it
/// knows, and what is left did not belong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind_of_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) read_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) observed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) want: Option<Vec<Family>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) op: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) newer_than: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scrape: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cas: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes: Option<Vec<WireContact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes6: Option<Vec<WireContact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) samples: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seeds: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) downloaders: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}

impl Wire {
    /// Returns the name of a field that is still there, if any is.
    pub(super) fn leftover(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        let object = serde_json::to_value(self).ok()?;
        object.as_object()?.keys().next().cloned()
    }
}

/// A contact: 40 hexadecimal digits and `ip:port`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireContact {
    pub(super) id: String,
    pub(super) addr: String,
}
