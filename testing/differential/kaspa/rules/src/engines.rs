//! Both engines on one case: a transaction, what it spends, and one of its inputs.

use kaspa_consensus_core::{
    hashing::sighash::SigHashReusedValuesUnsync,
    mass::ScriptUnits,
    tx::{PopulatedTransaction as TheirPopulated, Transaction, UtxoEntry},
};
use kaspa_hashes::Hash;
use kaspa_txscript::{
    EngineCtx, EngineCtxUnsync, EngineFlags, SeqCommitAccessor, TxScriptEngine, caches::Cache,
    covenants::CovenantsContext,
};
use quintet_kaspa_protocol::{
    script::{
        Covenants, Deferred, Immediate, Rules, SequencingCommitments, TxContext, verify_input,
    },
    tx::PopulatedTransaction,
};
use quintet_primitives::Hash256;

use super::{convert, reason::Reason};

/// What an engine says: script units spent, or why not.
pub type Verdict = Result<u64, Reason>;

/// A transaction whose inputs are the cases.
#[derive(Debug, Clone)]
pub struct Case {
    /// The transaction.
    pub tx: Transaction,
    /// What each of its inputs spends.
    pub entries: Vec<UtxoEntry>,
    /// Whether scripts can see a chain.
    pub sees_chain: bool,
}

/// The chain that scripts see: a block's first byte says what it is.
struct Chain;

fn on_chain(first: u8) -> Option<bool> {
    match first {
        0..100 => Some(true),
        100..200 => Some(false),
        _ => None,
    }
}

fn commitment(block: &[u8; 32]) -> Option<[u8; 32]> {
    (block[0] % 2 == 0).then(|| block.map(|byte| byte ^ 0x5a))
}

impl SeqCommitAccessor for Chain {
    fn is_chain_ancestor_from_pov(&self, block: Hash) -> Option<bool> {
        on_chain(block.as_bytes()[0])
    }

    fn seq_commitment_within_depth(&self, block: Hash) -> Option<Hash> {
        commitment(&block.as_bytes()).map(Hash::from_bytes)
    }
}

impl SequencingCommitments for Chain {
    fn is_chain_ancestor(&self, block: &Hash256) -> Option<bool> {
        on_chain(block.as_bytes()[0])
    }

    fn commitment_within_depth(&self, block: &Hash256) -> Option<Hash256> {
        commitment(block.as_bytes()).map(Hash256::new)
    }
}

/// Asks the reference, for every input. The first error is the covenants'.
pub fn theirs(case: &Case) -> Result<Vec<Verdict>, Reason> {
    let populated = TheirPopulated::new(&case.tx, case.entries.clone());
    let covenants = CovenantsContext::from_tx(&populated).map_err(|error| Reason::from(&error))?;
    let (reused, cache) = (SigHashReusedValuesUnsync::new(), Cache::new(0));
    let context = context(case, &cache, &covenants, &reused);
    let one = |(index, (input, entry))| {
        let input: &kaspa_consensus_core::tx::TransactionInput = input;
        let limit = input.compute_commit.allowed_script_units();
        let mut engine = TxScriptEngine::from_transaction_input_with_script_units_limit(
            &populated,
            input,
            index,
            entry,
            context,
            EngineFlags::default(),
            limit,
        );
        engine.execute().map_err(|error| Reason::from(&error))?;
        Ok(engine.used_script_units().0)
    };
    Ok(case.tx.inputs.iter().zip(&case.entries).enumerate().map(one).collect())
}

fn context<'c>(
    case: &Case,
    cache: &'c Cache<kaspa_txscript::SigCacheKey, bool>,
    covenants: &'c CovenantsContext,
    reused: &'c SigHashReusedValuesUnsync,
) -> EngineCtxUnsync<'c> {
    let chain: Option<&dyn SeqCommitAccessor> = case.sees_chain.then_some(&Chain as _);
    EngineCtx::new(cache)
        .with_covenants_ctx(covenants)
        .with_seq_commit_accessor_opt(chain)
        .with_reused(reused)
}

/// Runs `script` alone as an input's, and returns what it leaves, lowest first; `None` if it fails.
pub fn left_by(case: &Case, input: usize, script: &[u8]) -> Option<Vec<Vec<u8>>> {
    let populated = TheirPopulated::new(&case.tx, case.entries.clone());
    let covenants = CovenantsContext::from_tx(&populated).ok()?;
    let (reused, cache) = (SigHashReusedValuesUnsync::new(), Cache::new(0));
    let context = context(case, &cache, &covenants, &reused);
    let entry = UtxoEntry {
        script_public_key: kaspa_consensus_core::tx::ScriptPublicKey::from_vec(0, script.to_vec()),
        ..case.entries[input].clone()
    };
    let spending = kaspa_consensus_core::tx::TransactionInput {
        signature_script: Vec::new(),
        ..case.tx.inputs[input].clone()
    };
    let engine = TxScriptEngine::from_transaction_input_with_script_units_limit(
        &populated,
        &spending,
        input,
        &entry,
        context,
        EngineFlags::default(),
        ScriptUnits(u64::MAX),
    );
    let stacks = engine.execute_and_return_stacks().ok()?;
    Some(stacks.dstack.into_iter().map(|item| item.to_vec()).collect())
}

/// Asks ours, for every input, at once and with signatures set aside.
///
/// # Errors
///
/// The covenants' error.
pub fn ours(case: &Case) -> Result<Vec<Verdict>, Reason> {
    let tx = convert::transaction(&case.tx);
    let entries: Vec<_> = case.entries.iter().map(convert::entry).collect();
    let populated = PopulatedTransaction::new(&tx, &entries).expect("as many entries as inputs");
    let covenants = Covenants::of(populated).map_err(|error| Reason::from(&error))?;
    let mut context = TxContext::new(populated, Rules::toccata()).with_covenants(covenants);
    if case.sees_chain {
        context = context.with_commitments(&Chain);
    }
    let one = |index| {
        let now = verify_input(&context, index, &mut Immediate);
        let mut deferred = Deferred::default();
        let mut later = deferred.verify(&context, index);
        if later.is_ok() && !deferred.settle() {
            later = verify_input(&context, index, &mut Immediate);
        }
        if later != now {
            return Err(Reason("set aside, it says something else", 0, 0));
        }
        now.map(|spent| spent.script_units).map_err(|error| Reason::from(&error))
    };
    Ok((0..tx.inputs.len()).map(one).collect())
}
