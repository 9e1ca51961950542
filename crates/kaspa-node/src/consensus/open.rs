//! The start: a new ledger gets its genesis, an old one is read back.

use std::sync::{Arc, Mutex, RwLock};

use quintet_kaspa_protocol::{
    dag::BlockId, hashing::UtxoMuHash, lanes::LaneTree, params::Params, state::UtxoDiff,
};

use super::{
    Bodies, Columns, Consensus, ConsensusError, Options, Records, Scripts, first_state,
    header::genesis_row, lanes, rules::GENESIS,
};
use crate::ports::{BlockStatus, ChainRecord, Committed, Ledger, LedgerError, VirtualStep};

/// Columns as they were read back.
struct Loaded {
    columns: Option<Columns>,
    statuses: Vec<(BlockId, BlockStatus)>,
}

impl Consensus {
    /// Opens consensus over a ledger: puts the genesis into a new one, reads an old one back and resolves what came after its last commit.
    ///
    /// # Errors
    ///
    /// [`ConsensusError`] if the ledger fails, or is another network's.
    pub fn open(
        params: Params,
        options: Options,
        ledger: Arc<dyn Ledger>,
    ) -> Result<Self, ConsensusError> {
        let (mut columns, committed) = load(&params, &options, &*ledger)?;
        let committed = match committed {
            Some(committed) => committed,
            None => begin(&params, &*ledger, &mut columns)?,
        };
        columns.pruning_points = committed.pruning_points;
        columns.find_edge();
        let lanes = lanes::at(&params, &columns, &*ledger, committed.sink)?;
        let consensus = Self::over(params, options, ledger, columns, committed.sink, lanes)?;
        consensus.resolve_virtual()?;
        Ok(consensus)
    }

    /// Makes consensus over columns that agree with a ledger; the virtual block is not resolved yet.
    pub(super) fn over(
        params: Params,
        options: Options,
        ledger: Arc<dyn Ledger>,
        columns: Columns,
        sink: BlockId,
        lanes: LaneTree,
    ) -> Result<Self, ConsensusError> {
        let state = first_state(&params, columns.hash(sink), sink, lanes);
        let scripts = Scripts::new(options.threads.max(1), options.verified_bytes, options.salt)?;
        Ok(Self {
            bodies: Bodies::new(options.bodies_bytes),
            records: Records::default(),
            scripts,
            published: RwLock::new(Arc::new(state)),
            resolving: Mutex::new(()),
            numbering: RwLock::new(()),
            refused: Mutex::default(),
            disqualified: Mutex::default(),
            proof_roots: Mutex::default(),
            offer: Mutex::default(),
            pruning_set: RwLock::new(()),
            listener: options.listener.clone(),
            columns: RwLock::new(columns),
            ledger,
            options,
            params,
        })
    }
}

/// Reads a ledger back: the columns, and what was committed last.
pub(super) fn load(
    params: &Params,
    options: &Options,
    ledger: &dyn Ledger,
) -> Result<(Columns, Option<Committed>), ConsensusError> {
    let genesis = genesis_row(params)?;
    let mut loaded = Loaded { columns: None, statuses: Vec::new() };
    let mut failed = None;
    let result = ledger.load(&mut |block| {
        let outcome = match &mut loaded.columns {
            None if block.row.hash != genesis.hash => {
                Err(ConsensusError::OtherGenesis { expected: genesis.hash, actual: block.row.hash })
            }
            None => Columns::new(options, &block.row).map(|columns| {
                loaded.columns = Some(columns);
            }),
            Some(columns) => columns.push(&block.row).map(|_| ()),
        };
        loaded.statuses.push((block.block, block.status));
        outcome.map_err(|error| {
            let actual = error.to_string();
            failed = Some(error);
            LedgerError::Damaged { expected: "rows that fit one another".to_owned(), actual }
        })
    });
    let committed = match (result, failed) {
        (_, Some(error)) => return Err(error),
        (result, None) => result?,
    };
    let mut columns = match loaded.columns {
        Some(columns) => columns,
        None => Columns::new(options, &genesis)?,
    };
    for (block, status) in loaded.statuses {
        match status {
            BlockStatus::Deleted => columns.delete(block),
            _ if status.has_body() => columns.add_body(block),
            _ => {}
        }
        columns.set_status(block, status);
    }
    Ok((columns, committed))
}

/// Puts the genesis into a new ledger.
fn begin(
    params: &Params,
    ledger: &dyn Ledger,
    columns: &mut Columns,
) -> Result<Committed, ConsensusError> {
    let block = params.genesis.block();
    let header = Arc::new(block.header);
    let row = genesis_row(params)?;
    if columns.status(GENESIS) == BlockStatus::HeaderOnly {
        // Nothing was appended, or no more than the genesis before a crash: then there is nothing to append again.
        if ledger.header(GENESIS)?.is_none() {
            ledger.append_header(GENESIS, &header, &row)?;
        }
        ledger.append_body(GENESIS, &Arc::new(block.transactions))?;
        columns.add_body(GENESIS);
    }
    let record = ChainRecord {
        diff: UtxoDiff::new(),
        acceptance: Vec::new(),
        multiset: UtxoMuHash::new(),
        lanes: Vec::new(),
        payload_and_context: quintet_primitives::Hash256::default(),
    };
    ledger.commit(&VirtualStep {
        sink: GENESIS,
        removed: &[],
        added: &[],
        diff: &UtxoDiff::new(),
        validated: &[(GENESIS, Arc::new(record))],
        disqualified: &[],
    })?;
    columns.set_status(GENESIS, BlockStatus::UtxoValid);
    Ok(Committed { sink: GENESIS, pruning_points: vec![GENESIS] })
}
