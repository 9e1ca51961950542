//! What clients send: parameters by position, read as go-ethereum reads them, with its words for what is wrong.
//!
//! ```text
//!   [ "0x…", {…}, "latest" ] ─► Args ─► required(0)? ─► optional(1)? ─► value or "invalid argument 1: …"
//! ```
//!
//! **Spec:** go-ethereum's `rpc/json.go`, `common/hexutil`, `rpc/types.go`.

mod call;
mod filter;
mod overrides;
mod values;

use quintet_rpc::Params;
use serde_json::Value;

pub(crate) use self::{
    call::{CallArgs, field, needed, object},
    filter::{FilterArgs, FilterBlocks, TOPICS_MAX},
    overrides::{AccountOverrides, BlockOverrides, StateOverrides},
    values::{BlockId, FromArg, Quantity, Rewards, Slot, slot},
};
use crate::{
    deadline::Deadline,
    error::{EthError, EthResult},
};

/// Parameters of a call, by position.
#[derive(Debug)]
pub(crate) struct Args {
    values: Vec<Value>,
    deadline: Deadline,
}

impl Args {
    /// Reads the parameters of a method that takes at most `most`.
    pub(crate) fn read(params: &Params<'_>, most: usize, deadline: Deadline) -> EthResult<Self> {
        let Some(text) = params.as_str() else {
            return Ok(Self { values: Vec::new(), deadline });
        };
        if text.trim_start().starts_with('{') {
            return Err(EthError::params("non-array args"));
        }
        let values: Vec<Value> = serde_json::from_str(text)
            .map_err(|error| EthError::params(format!("invalid params: {error}")))?;
        if values.len() > most {
            return Err(EthError::params(format!("too many arguments, want at most {most}")));
        }
        Ok(Self { values, deadline })
    }

    /// When the call must have ended.
    pub(crate) const fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// Returns a parameter that must be there.
    pub(crate) fn required<T: FromArg>(&self, index: usize) -> EthResult<T> {
        self.optional(index)?
            .ok_or_else(|| EthError::params(format!("missing value for required argument {index}")))
    }

    /// Returns a parameter that may be left out or null.
    pub(crate) fn optional<T: FromArg>(&self, index: usize) -> EthResult<Option<T>> {
        let Some(value) = self.values.get(index).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let invalid = |reason| EthError::params(format!("invalid argument {index}: {reason}"));
        T::from_arg(value).map(Some).map_err(invalid)
    }

    /// Returns the block that a parameter names, the head if it is left out.
    pub(crate) fn block(&self, index: usize) -> EthResult<BlockId> {
        Ok(self.optional(index)?.unwrap_or(BlockId::Latest))
    }
}
