//! Logs.

use std::sync::Arc;

use alloy_primitives::Log as Logged;
use async_graphql::Object;

use super::{
    account::Account,
    block::Mined,
    scalars::{Data, Long, Word},
    scope::{Answer, Scope},
    transaction::Transaction,
};
use crate::{args::FilterArgs, error::EthResult, methods::search_logs, node::Named as _};

/// A log with its place.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) scope: Arc<Scope>,
    pub(super) log: Logged,
    /// Its index in the block.
    pub(super) index: usize,
    pub(super) transaction: Transaction,
}

/// Searches logs.
pub(super) fn search(scope: &Arc<Scope>, filter: &FilterArgs) -> EthResult<Vec<Log>> {
    let found = search_logs(&scope.node, &scope.reader, filter, &scope.deadline)?;
    let mut last: Option<Arc<Mined>> = None;
    let mut logs = Vec::with_capacity(found.len());
    for entry in found {
        let block = match last.take().filter(|block| block.sealed.hash == entry.block.hash) {
            Some(block) => block,
            None => Arc::new(Mined::new(scope.reader.sealed(entry.block.hash)?)),
        };
        last = Some(Arc::clone(&block));
        let transaction = Transaction::mined(scope, block, entry.transaction_index);
        let scope = Arc::clone(scope);
        logs.push(Log { scope, log: entry.log, index: entry.log_index, transaction });
    }
    Ok(logs)
}

/// Log is what a contract logged.
#[Object]
impl Log {
    /// Its index in the block.
    async fn index(&self) -> Long {
        Long::count(self.index)
    }

    /// The contract that logged it, at a block, the head if none is named.
    async fn account(&self, block: Option<Long>) -> Account {
        Account::at(&self.scope, self.log.address, block)
    }

    /// Its topics, none to four.
    async fn topics(&self) -> Vec<Word> {
        self.log.data.topics().iter().copied().map(Word).collect()
    }

    /// Its data.
    async fn data(&self) -> Answer<Data> {
        self.scope.data(&self.log.data.data)
    }

    /// The transaction that made it.
    async fn transaction(&self) -> Transaction {
        self.transaction.clone()
    }
}
