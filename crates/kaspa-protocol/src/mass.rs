//! Mass: what a transaction costs those who check it, pass it on, and keep what it leaves behind.
//!
//! | mass | of | known from |
//! |---|---|---|
//! | compute | bytes, script bytes, signature operations or compute budget | the transaction |
//! | transient | bytes, until they are pruned | the transaction |
//! | storage (KIP-9) | how many small outputs it makes of large ones | the entries it spends |
//!
//! Storage mass is committed in the transaction, so that a block's sum is known before its entries are;
//! it is computed and compared when they are. Coinbases have no mass.
//!
//! **Spec:** KIP-9, KIP-13; rusty-kaspa's `consensus/core/src/mass/`.

use crate::{
    params::Params,
    tx::{
        PopulatedTransaction, ScriptPublicKey, TX_VERSION, Transaction, TransactionInput,
        TransactionOutput, UtxoEntry,
    },
};

/// Grams of a unit of compute budget.
pub const GRAMS_PER_COMPUTE_BUDGET: u64 = 100;

/// Grams of a signature operation in version 0.
pub const GRAMS_PER_SIG_OP: u64 = 1000;

/// Grams of transient mass of a byte (KIP-13).
pub const TRANSIENT_GRAMS_PER_BYTE: u64 = 4;

/// Bytes of the set an output takes per unit of plurality: all standard scripts fit one.
const PLURALITY_UNIT: u64 = 100;

/// Bytes an entry takes besides its script: outpoint, amount, DAA score, flag, version, length.
const ENTRY_OVERHEAD: u64 = 32 + 4 + 8 + 8 + 1 + 2 + 8;

/// Masses a transaction alone determines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TxMass {
    /// Compute mass in grams.
    pub compute: u64,
    /// Transient mass in grams.
    pub transient: u64,
}

/// Returns the masses a transaction alone determines.
#[must_use]
pub fn tx_mass(params: &Params, tx: &Transaction) -> TxMass {
    if tx.is_coinbase() {
        return TxMass::default();
    }
    let size = estimated_size(tx);
    let script_bytes = |output: &TransactionOutput| 2 + length(&output.script_public_key.script);
    let script_bytes: u64 = tx.outputs.iter().map(script_bytes).sum();
    let scripts: u64 = tx.inputs.iter().map(|input| script_grams(input, tx.version)).sum();
    let compute = size
        .saturating_mul(params.mass_per_tx_byte)
        .saturating_add(script_bytes.saturating_mul(params.mass_per_script_pub_key_byte))
        .saturating_add(scripts);
    TxMass { compute, transient: size * TRANSIENT_GRAMS_PER_BYTE }
}

/// Returns the size of a transaction in the reckoning of masses. No encoding has it; everybody agrees
/// on it.
#[must_use]
pub fn estimated_size(tx: &Transaction) -> u64 {
    let budget = if tx.version > TX_VERSION { 2 } else { 0 };
    let input = |input: &TransactionInput| 36 + 8 + length(&input.signature_script) + 8 + budget;
    // Version, counts, lock time, subnetwork, gas, the payload's hash, length and bytes.
    let fixed = 2 + 8 + 8 + 8 + 20 + 8 + 32 + 8;
    fixed
        + tx.inputs.iter().map(input).sum::<u64>()
        + tx.outputs.iter().map(estimated_output_size).sum::<u64>()
        + length(&tx.payload)
}

/// Returns the part of [`estimated_size`] an output has.
#[must_use]
pub fn estimated_output_size(output: &TransactionOutput) -> u64 {
    let covenant = if output.covenant.is_some() { 2 + 32 } else { 0 };
    8 + 2 + 8 + length(&output.script_public_key.script) + covenant
}

fn script_grams(input: &TransactionInput, version: u16) -> u64 {
    // What does not belong to the version is refused by validation.
    let commit = input.compute_commit;
    if version == TX_VERSION {
        u64::from(commit.sig_op_count().unwrap_or(0)) * GRAMS_PER_SIG_OP
    } else {
        u64::from(commit.compute_budget().unwrap_or(0)) * GRAMS_PER_COMPUTE_BUDGET
    }
}

const fn length(bytes: &[u8]) -> u64 {
    bytes.len() as u64
}

/// An output or entry in the reckoning of storage mass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Units of a hundred bytes it takes.
    pub plurality: u64,
    /// Sompi.
    pub amount: u64,
}

impl Cell {
    fn new(amount: u64, script: &ScriptPublicKey, has_covenant: bool) -> Self {
        let covenant = if has_covenant { 32 } else { 0 };
        let bytes = ENTRY_OVERHEAD + length(&script.script) + covenant;
        Self { plurality: bytes.div_ceil(PLURALITY_UNIT), amount }
    }
}

impl From<&UtxoEntry> for Cell {
    fn from(entry: &UtxoEntry) -> Self {
        Self::new(entry.amount, &entry.script_public_key, entry.covenant_id.is_some())
    }
}

impl From<&TransactionOutput> for Cell {
    fn from(output: &TransactionOutput) -> Self {
        Self::new(output.value, &output.script_public_key, output.covenant.is_some())
    }
}

/// Returns the storage mass of a transaction; `None` if it is too high for a number, or an amount zero.
#[must_use]
pub fn storage_mass(params: &Params, populated: PopulatedTransaction<'_>) -> Option<u64> {
    if populated.tx().is_coinbase() {
        return Some(0);
    }
    let inputs = populated.entries().iter().map(Cell::from);
    let outputs = populated.tx().outputs.iter().map(Cell::from);
    storage_mass_of(inputs, outputs, params.storage_mass_parameter)
}

/// Returns C·(Σ 1/output − Σ 1/input) where that is above zero, a cell of plurality p counting as p
/// cells of a p-th of its amount.
///
/// The inputs' sum is taken as if all had their mean, which is less; but where there is one output, or
/// one input, or two of each, they are taken as they are, so that plain payments cost little.
///
/// **Spec:** KIP-9; each division is cut on its own, as in rusty-kaspa's `calc_storage_mass`.
#[must_use]
pub fn storage_mass_of(
    inputs: impl Iterator<Item = Cell> + Clone,
    mut outputs: impl Iterator<Item = Cell>,
    c: u64,
) -> Option<u64> {
    let harmonic = |cell: Cell| {
        let scaled = c.checked_mul(cell.plurality)?.checked_mul(cell.plurality)?;
        scaled.checked_div(cell.amount)
    };
    let (outputs, outputs_harmonic) = outputs.try_fold((0_u64, 0_u64), |(count, sum), cell| {
        Some((count.checked_add(cell.plurality)?, sum.checked_add(harmonic(cell)?)?))
    })?;
    let sum = |(count, amount): (u64, u64), cell: Cell| {
        (count.saturating_add(cell.plurality), amount.saturating_add(cell.amount))
    };
    let (count, amount) = inputs.clone().fold((0, 0), sum);
    let relaxed = outputs == 1 || count == 1 || (outputs == 2 && count == 2);
    let inputs_share = if relaxed {
        inputs.map(|cell| harmonic(cell).unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
    } else {
        let mean = amount.checked_div(count)?.max(1);
        count.saturating_mul(c / mean)
    };
    Some(outputs_harmonic.saturating_sub(inputs_share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        params::{Network, STORAGE_MASS_PARAMETER as C},
        tx::{ComputeCommit, CovenantBinding, Outpoint, SubnetworkId},
    };
    use quintet_primitives::Hash256;

    fn mass(inputs: &[u64], outputs: &[u64]) -> Option<u64> {
        let cells = |amounts: &[u64]| {
            amounts.to_vec().into_iter().map(|amount| Cell { plurality: 1, amount })
        };
        storage_mass_of(cells(inputs), cells(outputs), C)
    }

    #[test]
    fn few_large_outputs_cost_nothing_and_dust_costs_all() {
        let kas = 100_000_000;
        assert_eq!(mass(&[100 * kas], &[50 * kas, 50 * kas]), Some(2 * 200 - 100));
        assert_eq!(mass(&[kas, kas, kas], &[3 * kas]), Some(0), "merging is free");
        assert_eq!(mass(&[10 * kas], &[1, 10 * kas - 1]), Some(C + 1000 - 1000));
        assert_eq!(mass(&[kas], &[0]), None, "an amount of zero");
        // Two and two by the harmonic mean, three and two by the arithmetic one.
        assert_eq!(mass(&[kas, 9 * kas], &[kas, 9 * kas]), Some(0));
        assert_eq!(mass(&[kas, 9 * kas, 5 * kas], &[kas, 14 * kas]), Some(10_000 + 714 - 3 * 2000));
    }

    #[test]
    fn plurality_counts_as_so_many_cells() {
        let cell = |plurality, amount| Cell { plurality, amount };
        let one = storage_mass_of([cell(1, 1000)].into_iter(), [cell(2, 1000)].into_iter(), 1000);
        assert_eq!(one, Some(4 - 1));
        let script = |bytes| ScriptPublicKey::new(0, &vec![0; bytes]);
        assert_eq!(Cell::new(1, &script(35), false).plurality, 1);
        assert_eq!(Cell::new(1, &script(37), false).plurality, 1);
        assert_eq!(Cell::new(1, &script(38), false).plurality, 2);
        assert_eq!(Cell::new(1, &script(35), true).plurality, 2);
    }

    #[test]
    fn each_version_pays_for_its_own_commitment() {
        let params = Params::of(Network::Simnet);
        let output = TransactionOutput::new(1, ScriptPublicKey::new(0, &[0; 34]));
        let tx = |version, compute_commit| Transaction {
            version,
            inputs: vec![TransactionInput {
                previous_outpoint: Outpoint::default(),
                signature_script: vec![0; 66],
                sequence: 0,
                compute_commit,
            }],
            outputs: vec![output.clone(), output.clone()],
            lock_time: 0,
            subnetwork_id: SubnetworkId::NATIVE,
            gas: 0,
            payload: vec![],
            storage_mass: 0,
        };
        // The plain payment: 316 bytes, 72 bytes of scripts, one signature.
        let size = 94 + 118 + 2 * 52;
        let old = tx(0, ComputeCommit::SigOpCount(1));
        assert_eq!(estimated_size(&old), size);
        assert_eq!(
            tx_mass(&params, &old),
            TxMass { compute: size + 720 + 1000, transient: 4 * size }
        );
        let mut new = tx(1, ComputeCommit::ComputeBudget(10));
        assert_eq!(tx_mass(&params, &new).compute, size + 2 + 720 + 1000);
        let covenant_id = Hash256::default();
        new.outputs[0].covenant = Some(CovenantBinding { authorizing_input: 0, covenant_id });
        assert_eq!(estimated_size(&new), size + 2 + 34);
        new.subnetwork_id = SubnetworkId::COINBASE;
        assert_eq!(tx_mass(&params, &new), TxMass::default());
    }
}
