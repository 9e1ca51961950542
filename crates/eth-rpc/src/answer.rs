//! What a method gives: a value, or text that is JSON already.

use serde::{Serialize, Serializer};
use serde_json::{Value, value::RawValue};

use crate::error::{EthError, EthResult};

/// What a method gives.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A value.
    Value(Value),
    /// JSON text, too long to be made a value of.
    Raw(Box<RawValue>),
}

impl Answer {
    /// Takes JSON text.
    pub(crate) fn raw(text: String) -> EthResult<Self> {
        RawValue::from_string(text)
            .map(Self::Raw)
            .map_err(|error| EthError::internal("writing an answer", &error))
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Raw(raw) => raw.serialize(serializer),
        }
    }
}
