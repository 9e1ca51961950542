//! Transactions: alone, where a block stands, and against the entries they spend.
//!
//! **Spec:** rusty-kaspa's `consensus/src/processes/transaction_validator/`.

use super::TxRuleError;
use crate::{
    mass::storage_mass,
    params::{Era, Params, Rules},
    tx::{
        ComputeCommit, MAX_SOMPI, Outpoint, PopulatedTransaction, TX_VERSION, TX_VERSION_TOCCATA,
        Transaction,
    },
};

/// Lock times below this are DAA scores, others milliseconds.
pub const LOCK_TIME_THRESHOLD: u64 = 500_000_000_000;

/// Flag of a sequence that says it is no relative lock time.
pub const SEQUENCE_LOCK_DISABLED: u64 = 1 << 63;

/// Bits of a sequence that are a relative lock time.
const SEQUENCE_LOCK_MASK: u64 = 0xffff_ffff;

/// Inputs up to which every pair is compared; above, they are sorted.
const PAIRWISE_MAX: usize = 8;

/// Checks what a transaction says by itself, under the rules of an era.
///
/// # Errors
///
/// The first rule broken.
pub fn check_tx_in_isolation(
    params: &Params,
    rules: &Rules,
    tx: &Transaction,
) -> Result<(), TxRuleError> {
    check_inputs(rules, tx)?;
    check_outputs(rules, tx)?;
    check_coinbase(params, rules, tx)?;
    check_values(tx)?;
    check_duplicates(tx)?;
    check_gas(tx)?;
    check_subnetwork(tx)?;
    check_version(rules, tx)?;
    check_payload(rules, tx)
}

fn check_inputs(rules: &Rules, tx: &Transaction) -> Result<(), TxRuleError> {
    if !tx.is_coinbase() && tx.inputs.is_empty() {
        return Err(TxRuleError::NoTxInputs);
    }
    let (max, actual) = (rules.tx.inputs, tx.inputs.len() as u64);
    if actual > max {
        return Err(TxRuleError::TooManyInputs { max, actual });
    }
    let max = rules.tx.signature_script_len;
    let lengths = tx.inputs.iter().map(|input| input.signature_script.len() as u64);
    match lengths.enumerate().find(|(_, length)| *length > max) {
        None => Ok(()),
        Some((input, actual)) => Err(TxRuleError::TooBigSignatureScript { input, max, actual }),
    }
}

fn check_outputs(rules: &Rules, tx: &Transaction) -> Result<(), TxRuleError> {
    let (max, actual) = (rules.tx.outputs, tx.outputs.len() as u64);
    // A coinbase has a limit of its own.
    if !tx.is_coinbase() && actual > max {
        return Err(TxRuleError::TooManyOutputs { max, actual });
    }
    let max = rules.tx.script_public_key_len;
    let lengths = tx.outputs.iter().map(|output| output.script_public_key.script.len() as u64);
    match lengths.enumerate().find(|(_, length)| *length > max) {
        None => Ok(()),
        Some((output, actual)) => Err(TxRuleError::TooBigScriptPublicKey { output, max, actual }),
    }
}

fn check_coinbase(params: &Params, rules: &Rules, tx: &Transaction) -> Result<(), TxRuleError> {
    if !tx.is_coinbase() {
        return Ok(());
    }
    if !tx.inputs.is_empty() {
        return Err(TxRuleError::CoinbaseHasInputs { actual: tx.inputs.len() });
    }
    // Before Crescendo nobody looked at the mass, which no hash covered.
    if rules.era >= Era::Crescendo && tx.storage_mass > 0 {
        return Err(TxRuleError::CoinbaseNonZeroMassCommitment { actual: tx.storage_mass });
    }
    // One for each blue of a mergeset, the selected parent among them, and one for all reds.
    let (max, actual) = (u64::from(rules.rate.ghostdag_k) + 2, tx.outputs.len() as u64);
    if actual > max {
        return Err(TxRuleError::CoinbaseTooManyOutputs { max, actual });
    }
    let max = params.coinbase_payload_script_len_max;
    let lengths = tx.outputs.iter().map(|output| output.script_public_key.script.len());
    match lengths.enumerate().find(|(_, length)| *length > max.into()) {
        None => Ok(()),
        Some((output, actual)) => {
            Err(TxRuleError::CoinbaseScriptPublicKeyTooLong { output, max, actual })
        }
    }
}

fn check_values(tx: &Transaction) -> Result<(), TxRuleError> {
    let mut total = 0_u64;
    for (output, value) in tx.outputs.iter().map(|output| output.value).enumerate() {
        if value == 0 {
            return Err(TxRuleError::TxOutZero { output });
        }
        if value > MAX_SOMPI {
            return Err(TxRuleError::TxOutTooHigh { output, actual: value });
        }
        total = total.checked_add(value).ok_or(TxRuleError::OutputsValueOverflow)?;
        if total > MAX_SOMPI {
            return Err(TxRuleError::TotalTxOutTooHigh { actual: total });
        }
    }
    Ok(())
}

fn check_duplicates(tx: &Transaction) -> Result<(), TxRuleError> {
    let outpoints = || tx.inputs.iter().map(|input| input.previous_outpoint);
    let duplicate = if tx.inputs.len() <= PAIRWISE_MAX {
        outpoints().enumerate().find_map(|(at, outpoint)| {
            outpoints().take(at).any(|before| before == outpoint).then_some(outpoint)
        })
    } else {
        first_duplicate(outpoints().collect())
    };
    duplicate.map_or(Ok(()), |outpoint| Err(TxRuleError::TxDuplicateInputs { outpoint }))
}

/// Returns the least outpoint that is there twice.
pub(super) fn first_duplicate(mut outpoints: Vec<Outpoint>) -> Option<Outpoint> {
    outpoints.sort_unstable();
    outpoints.array_windows().find_map(|[a, b]| (a == b).then_some(*a))
}

fn check_gas(tx: &Transaction) -> Result<(), TxRuleError> {
    let version = tx.version;
    // Names of one byte and zeros are the system's; it takes no gas.
    let reserved = tx.subnetwork_id.as_bytes().iter().skip(1).all(|byte| *byte == 0);
    if tx.gas == 0 || (version >= TX_VERSION_TOCCATA && !reserved) {
        return Ok(());
    }
    Err(TxRuleError::TxHasGas { subnetwork_id: tx.subnetwork_id, version, actual: tx.gas })
}

fn check_subnetwork(tx: &Transaction) -> Result<(), TxRuleError> {
    let subnetwork_id = tx.subnetwork_id;
    let lane = tx.version >= TX_VERSION_TOCCATA && subnetwork_id.is_user_lane();
    if subnetwork_id.is_native() || tx.is_coinbase() || lane {
        return Ok(());
    }
    Err(TxRuleError::SubnetworksDisabled { subnetwork_id })
}

fn check_version(rules: &Rules, tx: &Transaction) -> Result<(), TxRuleError> {
    let max = if rules.era >= Era::Toccata { TX_VERSION_TOCCATA } else { TX_VERSION };
    if tx.version > max {
        return Err(TxRuleError::UnknownTxVersion { max, actual: tx.version });
    }
    let commits = tx.inputs.iter().map(|input| input.compute_commit).enumerate();
    for (input, commit) in commits {
        match (tx.version, commit) {
            (TX_VERSION, ComputeCommit::ComputeBudget(actual)) => {
                return Err(TxRuleError::ComputeBudgetInV0 { input, actual });
            }
            (TX_VERSION, ComputeCommit::SigOpCount(_)) | (_, ComputeCommit::ComputeBudget(_)) => {}
            (_, ComputeCommit::SigOpCount(actual)) => {
                return Err(TxRuleError::SigopCountInV1 { input, actual });
            }
        }
    }
    let bound = tx.outputs.iter().position(|output| output.covenant.is_some());
    match bound.filter(|_| tx.version == TX_VERSION) {
        None => Ok(()),
        Some(output) => Err(TxRuleError::CovenantBindingInV0 { output }),
    }
}

fn check_payload(rules: &Rules, tx: &Transaction) -> Result<(), TxRuleError> {
    if rules.era == Era::PreCrescendo && !tx.is_coinbase() && !tx.payload.is_empty() {
        return Err(TxRuleError::NonCoinbaseTxHasPayload { actual: tx.payload.len() });
    }
    Ok(())
}

/// Returns whether [`check_tx_in_header_context`] will look at the median time, which is dear to get.
#[must_use]
pub const fn needs_median_time(tx: &Transaction) -> bool {
    tx.lock_time >= LOCK_TIME_THRESHOLD
}

/// Checks that the lock time has passed for a block of this DAA score and past median time.
///
/// # Errors
///
/// [`TxRuleError::NotFinalized`].
pub fn check_tx_in_header_context(
    tx: &Transaction,
    daa_score: u64,
    past_median_time: u64,
) -> Result<(), TxRuleError> {
    let actual = if needs_median_time(tx) { past_median_time } else { daa_score };
    let lock_time = tx.lock_time;
    if lock_time == 0 || lock_time < actual {
        return Ok(());
    }
    // Inputs that all have the highest sequence waive the lock time.
    match tx.inputs.iter().position(|input| input.sequence != u64::MAX) {
        None => Ok(()),
        Some(input) => Err(TxRuleError::NotFinalized { input, lock_time, actual }),
    }
}

/// Checks a transaction against the entries it spends, scripts and covenants aside, and returns its fee.
///
/// `pov_daa_score` is that of the block that would accept it, `block_daa_score` that of the block it is
/// in, which decides on the rules.
///
/// # Errors
///
/// The first rule broken.
pub fn check_tx_in_utxo_context(
    params: &Params,
    populated: PopulatedTransaction<'_>,
    pov_daa_score: u64,
    block_daa_score: u64,
) -> Result<u64, TxRuleError> {
    let rules = params.rules_at(block_daa_score);
    check_maturity(rules.rate.coinbase_maturity, populated, pov_daa_score)?;
    let inputs = sum_inputs(populated)?;
    let values = populated.tx().outputs.iter().map(|output| output.value);
    let outputs = values.fold(0, u64::saturating_add);
    let fee = inputs.checked_sub(outputs);
    let fee = fee.ok_or(TxRuleError::SpendTooHigh { inputs, outputs })?;
    if rules.era >= Era::Crescendo {
        let expected = storage_mass(params, populated).ok_or(TxRuleError::MassIncomputable)?;
        let actual = populated.tx().storage_mass;
        if expected != actual {
            return Err(TxRuleError::WrongMass { expected, actual });
        }
    }
    check_sequence_locks(populated, pov_daa_score)?;
    Ok(fee)
}

fn check_maturity(
    maturity: u64,
    populated: PopulatedTransaction<'_>,
    actual: u64,
) -> Result<(), TxRuleError> {
    let inputs = populated.tx().inputs.iter().zip(populated.entries()).enumerate();
    for (input, (spent, entry)) in inputs {
        let created = entry.block_daa_score;
        if entry.is_coinbase && created.saturating_add(maturity) > actual {
            let outpoint = spent.previous_outpoint;
            let error =
                TxRuleError::ImmatureCoinbaseSpend { input, outpoint, created, maturity, actual };
            return Err(error);
        }
    }
    Ok(())
}

fn sum_inputs(populated: PopulatedTransaction<'_>) -> Result<u64, TxRuleError> {
    populated.entries().iter().try_fold(0_u64, |total, entry| {
        let actual = total.checked_add(entry.amount).ok_or(TxRuleError::InputAmountOverflow)?;
        if actual > MAX_SOMPI {
            return Err(TxRuleError::InputAmountTooHigh { actual });
        }
        Ok(actual)
    })
}

fn check_sequence_locks(
    populated: PopulatedTransaction<'_>,
    actual: u64,
) -> Result<(), TxRuleError> {
    let inputs = populated.tx().inputs.iter().zip(populated.entries()).enumerate();
    for (input, (spent, entry)) in inputs {
        if spent.sequence & SEQUENCE_LOCK_DISABLED != 0 {
            continue;
        }
        // A lock of zero ends before the entry's own score: the last score that is locked.
        let lock = i128::from(spent.sequence & SEQUENCE_LOCK_MASK);
        let locked_until = i128::from(entry.block_daa_score) + lock - 1;
        if locked_until >= i128::from(actual) {
            let error =
                TxRuleError::SequenceLockConditionsAreNotMet { input, locked_until, actual };
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
