//! What clients ask and get: the records of requests, answers and notifications, with the reference's names.
//!
//! **Spec:** rusty-kaspa's `rpc/core/src/model`.

mod block;
mod calls;
mod notify;
mod transaction;

pub use block::{RpcBlock, RpcBlockVerbose, RpcHeader, RpcRawBlock, RpcRawHeader};
pub use calls::*;
pub use notify::{
    BlockAdded, FinalityConflict, NewBlockTemplate, Notification, PruningPointUtxoSetOverride,
    Scope, SinkBlueScoreChanged, UtxosChanged, VirtualChainChanged, VirtualDaaScoreChanged,
};
pub use transaction::{
    RpcAcceptedIds, RpcInput, RpcInputVerbose, RpcMempoolEntry, RpcMempoolEntryByAddress,
    RpcOutpoint, RpcOutput, RpcOutputVerbose, RpcTransaction, RpcTransactionVerbose,
    RpcUtxoByAddress, RpcUtxoEntry, ScriptKind, TransactionFields, transaction_of,
};
