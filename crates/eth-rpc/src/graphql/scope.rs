//! What one request reads and may spend.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_graphql::{
    Context, Error, ErrorExtensions as _, ServerError, ServerResult, Value,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextResolve, ResolveInfo},
};
use quintet_eth_chain::{ChainReader, SealedBlock};

use super::{BYTES_MAX, FIELDS_MAX, scalars::Data};
use crate::{
    args::BlockId,
    deadline::Deadline,
    error::{EthError, EthResult},
    node::{EthNode, Named as _},
};

/// What a field gives.
pub(super) type Answer<T> = Result<T, Error>;

/// What one request reads, and what it has left to spend.
pub(super) struct Scope {
    pub(super) node: Arc<EthNode>,
    pub(super) reader: ChainReader,
    pub(super) deadline: Deadline,
    fields: AtomicUsize,
    bytes: AtomicUsize,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Takes `amount` of what is left.
fn take(left: &AtomicUsize, amount: usize) -> bool {
    let less = |left: usize| left.checked_sub(amount);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
}

impl Scope {
    pub(super) fn begin(node: &Arc<EthNode>) -> EthResult<Self> {
        Ok(Self {
            node: Arc::clone(node),
            reader: node.reader()?,
            deadline: Deadline::after(node.config.call_timeout_ms),
            fields: AtomicUsize::new(FIELDS_MAX),
            bytes: AtomicUsize::new(BYTES_MAX),
        })
    }

    /// Spends a field.
    fn field(&self) -> EthResult<()> {
        if !take(&self.fields, 1) {
            return Err(EthError::server(format!(
                "the answer has more than {FIELDS_MAX} fields: ask for less at a time"
            )));
        }
        self.deadline.check()
    }

    /// Spends bytes and gives them.
    pub(super) fn data(&self, bytes: impl AsRef<[u8]>) -> Answer<Data> {
        let bytes = bytes.as_ref();
        if !take(&self.bytes, bytes.len()) {
            return Err(wrong(EthError::server(format!(
                "the answer has more than {BYTES_MAX} bytes of data: ask for less at a time"
            ))));
        }
        Ok(Data(bytes.to_vec()))
    }

    /// Finds a block, if there is one.
    pub(super) fn block(&self, id: BlockId) -> EthResult<Option<Arc<SealedBlock>>> {
        match self.reader.named(id)? {
            Some(at) => self.reader.sealed(at.hash).map(Some),
            None => Ok(None),
        }
    }
}

/// The scope of the request that asks.
pub(super) fn scope(context: &Context<'_>) -> Answer<Arc<Scope>> {
    context.data::<Arc<Scope>>().cloned()
}

/// Says what went wrong, with JSON-RPC's code beside.
pub(super) fn wrong(error: EthError) -> Error {
    let EthError { code, message, data } = error;
    Error::new(message.clone()).extend_with(|_, fields| {
        fields.set("errorCode", code);
        fields.set("errorMessage", message.clone());
        if let Some(data) = data.as_ref().and_then(|data| data.as_str()) {
            fields.set("errorData", data);
        }
    })
}

/// Makes every field spend.
pub(super) struct Spending;

impl ExtensionFactory for Spending {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for Spending {
    async fn resolve(
        &self,
        context: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let spent = context.data::<Arc<Scope>>().map(|scope| scope.field());
        match spent {
            Ok(Err(error)) => {
                let place = info.field.name.pos;
                let mut told: ServerError = wrong(error).into_server_error(place);
                told.path = path_of(&info);
                Err(told)
            }
            Ok(Ok(())) | Err(_) => next.run(context, info).await,
        }
    }
}

fn path_of(info: &ResolveInfo<'_>) -> Vec<async_graphql::PathSegment> {
    let mut path: Vec<_> = info.path_node.parents().map(segment).collect();
    path.reverse();
    path.push(segment(info.path_node));
    path
}

fn segment(node: &async_graphql::QueryPathNode<'_>) -> async_graphql::PathSegment {
    match node.segment {
        async_graphql::QueryPathSegment::Index(index) => async_graphql::PathSegment::Index(index),
        async_graphql::QueryPathSegment::Name(name) => {
            async_graphql::PathSegment::Field(name.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_not_spent_twice() {
        let left = AtomicUsize::new(3);
        assert!(take(&left, 2));
        assert!(!take(&left, 2), "two of one");
        assert!(take(&left, 1));
        assert!(!take(&left, 1));
    }
}
