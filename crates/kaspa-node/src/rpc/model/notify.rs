//! Notifications, and what one asks for with them.
//!
//! | number | event |
//! |---|---|
//! | 0 | block added |
//! | 1 | virtual chain changed |
//! | 2, 3 | finality conflict, and its end |
//! | 4 | UTXOs changed |
//! | 5 | sink blue score changed |
//! | 6 | virtual DAA score changed |
//! | 7 | the pruning point's UTXO set came from elsewhere |
//! | 8 | new block template |

use quintet_kaspa_protocol::address::Address;
use quintet_primitives::Hash256;
use serde_json::{Map, Value};

use super::{
    super::wire::{Wire, WireError, put_payload, record},
    RpcAcceptedIds, RpcBlock, RpcUtxoByAddress,
};

record! {
    /// A block with a valid body is there.
    BlockAdded u16 1 {
        /// The block.
        block: RpcBlock = payload,
    }
    /// The selected chain changed.
    VirtualChainChanged u16 1 {
        /// Blocks that left it, downwards.
        removed_chain_block_hashes: Vec<Hash256> = plain,
        /// Blocks that joined it, upwards.
        added_chain_block_hashes: Vec<Hash256> = plain,
        /// What those accepted, if asked for.
        accepted_transaction_ids: Vec<RpcAcceptedIds> = plain,
    }
    /// A block that violates finality has more work than the sink.
    FinalityConflict u16 1 {
        /// The block.
        violating_block_hash: Hash256 = plain,
    }
    /// Unspent outputs came and went.
    UtxosChanged u16 1 {
        /// Those that came.
        added: Vec<RpcUtxoByAddress> = payload,
        /// Those that went.
        removed: Vec<RpcUtxoByAddress> = payload,
    }
    /// The sink's blue score is another.
    SinkBlueScoreChanged u16 1 {
        /// The score.
        sink_blue_score: u64 = plain,
    }
    /// The virtual block's DAA score is another.
    VirtualDaaScoreChanged u16 1 {
        /// The score.
        virtual_daa_score: u64 = plain,
    }
    /// The UTXO set came from elsewhere.
    PruningPointUtxoSetOverride u16 1 {}
    /// There is another block to mine.
    NewBlockTemplate u16 1 {}
}

/// Something clients are told of.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each holds the record of its name")]
pub enum Notification {
    BlockAdded(Box<BlockAdded>),
    VirtualChainChanged(VirtualChainChanged),
    FinalityConflict(FinalityConflict),
    UtxosChanged(UtxosChanged),
    SinkBlueScoreChanged(SinkBlueScoreChanged),
    VirtualDaaScoreChanged(VirtualDaaScoreChanged),
    PruningPointUtxoSetOverride(PruningPointUtxoSetOverride),
    NewBlockTemplate(NewBlockTemplate),
}

/// Names of the events, in the order of their numbers.
const NAMES: [&str; 9] = [
    "BlockAdded",
    "VirtualChainChanged",
    "FinalityConflict",
    "FinalityConflictResolved",
    "UtxosChanged",
    "SinkBlueScoreChanged",
    "VirtualDaaScoreChanged",
    "PruningPointUtxoSetOverride",
    "NewBlockTemplate",
];

impl Notification {
    /// Returns the event's number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::BlockAdded(_) => 0,
            Self::VirtualChainChanged(_) => 1,
            Self::FinalityConflict(_) => 2,
            Self::UtxosChanged(_) => 4,
            Self::SinkBlueScoreChanged(_) => 5,
            Self::VirtualDaaScoreChanged(_) => 6,
            Self::PruningPointUtxoSetOverride(_) => 7,
            Self::NewBlockTemplate(_) => 8,
        }
    }

    /// Returns the event's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAMES.get(usize::from(self.number())).copied().unwrap_or_default()
    }

    /// Appends it as Borsh: a version, the event's number, and the record.
    pub fn put(&self, out: &mut Vec<u8>) {
        1_u16.put(out);
        u16::from(self.number()).put(out);
        match self {
            Self::BlockAdded(record) => put_payload(&**record, out),
            Self::VirtualChainChanged(record) => put_payload(record, out),
            Self::FinalityConflict(record) => put_payload(record, out),
            Self::UtxosChanged(record) => put_payload(record, out),
            Self::SinkBlueScoreChanged(record) => put_payload(record, out),
            Self::VirtualDaaScoreChanged(record) => put_payload(record, out),
            Self::PruningPointUtxoSetOverride(record) => put_payload(record, out),
            Self::NewBlockTemplate(record) => put_payload(record, out),
        }
    }

    /// Returns it as JSON: the record under the event's name.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let record = match self {
            Self::BlockAdded(record) => record.to_json(),
            Self::VirtualChainChanged(record) => record.to_json(),
            Self::FinalityConflict(record) => record.to_json(),
            Self::UtxosChanged(record) => record.to_json(),
            Self::SinkBlueScoreChanged(record) => record.to_json(),
            Self::VirtualDaaScoreChanged(record) => record.to_json(),
            Self::PruningPointUtxoSetOverride(record) => record.to_json(),
            Self::NewBlockTemplate(record) => record.to_json(),
        };
        let mut fields = Map::new();
        fields.insert(self.name().to_owned(), record);
        Value::Object(fields)
    }
}

/// What a client wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// The chain's changes, with or without what was accepted.
    VirtualChain {
        /// Whether ids of accepted transactions are wanted.
        with_ids: bool,
    },
    /// Changes of what addresses may spend; of all, if there are none.
    Utxos {
        /// The addresses.
        addresses: Vec<Address>,
    },
    /// Another event, by its number.
    Event(u8),
}

impl Scope {
    /// Returns the event's number.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::VirtualChain { .. } => 1,
            Self::Utxos { .. } => 4,
            Self::Event(number) => *number,
        }
    }
}

impl Wire for Scope {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.number());
        match self {
            Self::VirtualChain { with_ids } => with_ids.put(out),
            Self::Utxos { addresses } => addresses.put(out),
            Self::Event(_) => {}
        }
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        match u8::take(input)? {
            1 => Ok(Self::VirtualChain { with_ids: bool::take(input)? }),
            4 => Ok(Self::Utxos { addresses: Vec::take(input)? }),
            number if usize::from(number) < NAMES.len() => Ok(Self::Event(number)),
            other => Err(WireError::new("an event, 0 to 8", other.to_string())),
        }
    }

    fn put_versioned(&self, out: &mut Vec<u8>) {
        1_u16.put(out);
        self.put(out);
    }

    fn take_versioned(input: &mut &[u8]) -> Result<Self, WireError> {
        u16::take(input)?;
        Self::take(input)
    }

    fn to_json(&self) -> Value {
        let mut inner = Map::new();
        match self {
            Self::VirtualChain { with_ids } => {
                inner.insert("includeAcceptedTransactionIds".to_owned(), with_ids.to_json());
            }
            Self::Utxos { addresses } => {
                inner.insert("addresses".to_owned(), addresses.to_json());
            }
            Self::Event(_) => {}
        }
        let name = NAMES.get(usize::from(self.number())).copied().unwrap_or_default();
        let mut fields = Map::new();
        fields.insert(name.to_owned(), Value::Object(inner));
        Value::Object(fields)
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let found = value.as_object().and_then(|fields| fields.iter().next());
        let place = found.and_then(|(name, _)| NAMES.iter().position(|known| known == name));
        let (Some((_, inner)), Some(place)) = (found, place) else {
            return Err(WireError::new("an event's name", value.to_string()));
        };
        match u8::try_from(place).unwrap_or(0) {
            1 => {
                // Both spellings are about.
                let with_ids = inner
                    .get("includeAcceptedTransactionIds")
                    .or_else(|| inner.get("include_accepted_transaction_ids"));
                Ok(Self::VirtualChain {
                    with_ids: with_ids.is_some_and(|v| v == &Value::Bool(true)),
                })
            }
            4 => {
                let addresses = inner.get("addresses").unwrap_or(&Value::Null);
                Ok(Self::Utxos { addresses: Vec::of_json(addresses)? })
            }
            number => Ok(Self::Event(number)),
        }
    }
}
