//! What a transaction must look like to be relayed. Reasons are Bitcoin Core's, word for word.
//!
//! **Spec:** Bitcoin Core, `IsStandardTx`, `ValidateInputsStandardness`, `IsWitnessStandard`, `CheckSigopsBIP54`, `GetDustThreshold`.

use super::{FeeRate, Template};
use crate::{
    script::{
        Instructions, ScriptFlags, WitnessProgram, count_sigops, is_p2sh, is_push_only,
        is_unspendable,
    },
    transaction::{Input, Output, Tx},
};

/// Heaviest transaction, weight units.
pub const WEIGHT_MAX: usize = 400_000;
/// Smallest transaction without witnesses, bytes: a smaller one could pass for an inner node of a Merkle tree (CVE-2017-12842).
pub const BASE_BYTES_MIN: usize = 65;
/// Cost of signature operations of a transaction.
pub const SIGOP_COST_MAX: u64 = 16_000;
/// Virtual bytes that a signature operation counts for.
pub const BYTES_PER_SIGOP: u64 = 20;

const VERSIONS: std::ops::RangeInclusive<u32> = 1..=3;
const SCRIPT_SIG_BYTES_MAX: usize = 1_650;
const P2SH_SIGOPS_MAX: u64 = 15;
const LEGACY_SIGOPS_MAX: u64 = 2_500;
const MULTISIG_KEYS_MAX: u8 = 3;
const DUST_OUTPUTS_MAX: usize = 1;
const P2WSH_SCRIPT_BYTES_MAX: usize = 3_600;
const P2WSH_ITEMS_MAX: usize = 100;
const P2WSH_ITEM_BYTES_MAX: usize = 80;
const TAPSCRIPT_ITEM_BYTES_MAX: usize = 80;
const ANNEX_TAG: u8 = 0x50;
const TAPSCRIPT_LEAF: u8 = 0xc0;
const LEAF_MASK: u8 = 0xfe;

/// The rules scripts of relayed transactions are run under.
pub const STANDARD_FLAGS: ScriptFlags = ScriptFlags::all().difference(ScriptFlags::SIGPUSHONLY);

/// What an operator may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Whether anything but valid transactions is asked for.
    pub require_standard: bool,
    /// Bytes of all outputs that carry data; `None` for none at all.
    pub data_bytes_max: Option<usize>,
    /// Whether bare multisignature outputs are relayed.
    pub bare_multisig: bool,
    /// The rate below which an output costs more than it is worth.
    pub dust: FeeRate,
    /// The rate below which nothing is relayed.
    pub relay_min: FeeRate,
    /// What a replacement pays for its own relay, and what the floor rises by.
    pub incremental: FeeRate,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            require_standard: true,
            data_bytes_max: Some(100_000),
            bare_multisig: true,
            dust: FeeRate(3_000),
            relay_min: FeeRate(100),
            incremental: FeeRate(100),
        }
    }
}

/// Checks what needs nothing but the transaction.
///
/// # Errors
///
/// Bitcoin Core's reject reason.
pub fn check_transaction(tx: Tx<'_>, policy: &Policy) -> Result<(), &'static str> {
    if !VERSIONS.contains(&tx.version()) {
        return Err("version");
    }
    if tx.weight() > WEIGHT_MAX {
        return Err("tx-size");
    }
    for input in tx.inputs() {
        if input.script_sig.len() > SCRIPT_SIG_BYTES_MAX {
            return Err("scriptsig-size");
        }
        if !is_push_only(input.script_sig) {
            return Err("scriptsig-not-pushonly");
        }
    }
    let mut data_left = policy.data_bytes_max.unwrap_or(0);
    for output in tx.outputs() {
        match Template::of(output.script_pubkey) {
            Template::Nonstandard => return Err("scriptpubkey"),
            Template::Multisig { total, .. } if total > MULTISIG_KEYS_MAX => {
                return Err("scriptpubkey");
            }
            Template::Multisig { .. } if !policy.bare_multisig => return Err("bare-multisig"),
            Template::NullData => {
                let left = data_left.checked_sub(output.script_pubkey.len());
                data_left = left.ok_or("datacarrier")?;
            }
            _ => {}
        }
    }
    if dust_outputs(tx, policy.dust).count() > DUST_OUTPUTS_MAX {
        return Err("dust");
    }
    Ok(())
}

/// Returns which outputs are dust.
pub fn dust_outputs(tx: Tx<'_>, rate: FeeRate) -> impl Iterator<Item = usize> + '_ {
    let outputs = tx.outputs().enumerate();
    let is_dust = move |output: &Output<'_>| {
        u64::try_from(output.value)
            .is_ok_and(|value| value < dust_threshold(output.script_pubkey, rate))
    };
    outputs.filter(move |(_, output)| is_dust(output)).map(|(index, _)| index)
}

/// Returns the value below which an output costs more to spend than it is worth, satoshis.
#[must_use]
pub fn dust_threshold(script: &[u8], rate: FeeRate) -> u64 {
    if is_unspendable(script) {
        return 0;
    }
    let length = script.len() as u64;
    let count = match length {
        0..=0xfc => 1,
        0xfd..=0xffff => 3,
        _ => 5,
    };
    let input = if WitnessProgram::parse(script).is_some() {
        32 + 4 + 1 + 107 / 4 + 4
    } else {
        32 + 4 + 1 + 107 + 4
    };
    rate.fee(8 + count + length + input)
}

/// Returns what the last push of a script of pushes pushed; `None` if there is none, or it is malformed.
fn last_push(script: &[u8]) -> Option<Vec<u8>> {
    let mut instructions = Instructions::new(script);
    let mut last = None;
    for instruction in instructions.by_ref() {
        last = Some(match instruction.opcode {
            0x4f => vec![0x81],
            opcode @ 0x51..=0x60 => vec![opcode - 0x50],
            _ => instruction.data.to_vec(),
        });
    }
    (instructions.at() == script.len()).then_some(last).flatten()
}

/// Checks the outputs that are spent.
///
/// # Errors
///
/// `bad-txns-nonstandard-inputs`, with what is wrong.
pub fn check_inputs(tx: Tx<'_>, spent: &[Output<'_>]) -> Result<(), String> {
    let legacy: u64 = tx.inputs().zip(spent).map(|(input, coin)| legacy_sigops(input, *coin)).sum();
    if legacy > LEGACY_SIGOPS_MAX {
        return Err("non-witness sigops exceed bip54 limit".to_owned());
    }
    for (index, (input, coin)) in tx.inputs().zip(spent).enumerate() {
        match Template::of(coin.script_pubkey) {
            Template::Nonstandard => return Err(format!("input {index} script unknown")),
            Template::WitnessUnknown => {
                return Err(format!("input {index} witness program is undefined"));
            }
            Template::ScriptHash => {
                let missing = || format!("input {index} P2SH redeemscript missing");
                let redeem = last_push(input.script_sig).ok_or_else(missing)?;
                let sigops = count_sigops(&redeem, true);
                if sigops > P2SH_SIGOPS_MAX {
                    return Err(format!(
                        "p2sh redeemscript sigops exceed limit (input {index}: {sigops} > {P2SH_SIGOPS_MAX})"
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns the signature operations of an input that no witness pays for.
///
/// **Spec:** Bitcoin Core, `CheckSigopsBIP54`.
fn legacy_sigops(input: Input<'_>, coin: Output<'_>) -> u64 {
    let redeem = if is_p2sh(coin.script_pubkey) { last_push(input.script_sig) } else { None };
    let redeemed = redeem.map_or(0, |redeem| count_sigops(&redeem, true));
    count_sigops(input.script_sig, true) + count_sigops(coin.script_pubkey, true) + redeemed
}

/// Checks the witnesses; returns whether they are of a standard form.
#[must_use]
pub fn check_witnesses(tx: Tx<'_>, spent: &[Output<'_>]) -> bool {
    tx.inputs().zip(spent).all(|(input, coin)| {
        input.witness.is_empty() || is_witness_standard(input, coin.script_pubkey)
    })
}

fn is_witness_standard(input: Input<'_>, script: &[u8]) -> bool {
    let nested = is_p2sh(script);
    let redeem;
    let script = if nested {
        let Some(last) = last_push(input.script_sig) else { return false };
        redeem = last;
        &redeem[..]
    } else {
        script
    };
    let Some(program) = WitnessProgram::parse(script) else { return false };
    if program.is_anchor() && !nested {
        return false;
    }
    let items: Vec<_> = input.witness.iter().collect();
    match (program.version, program.program.len()) {
        (0, 32) => {
            let [items @ .., script] = &items[..] else { return false };
            script.len() <= P2WSH_SCRIPT_BYTES_MAX
                && items.len() <= P2WSH_ITEMS_MAX
                && items.iter().all(|item| item.len() <= P2WSH_ITEM_BYTES_MAX)
        }
        (1, 32) if !nested => is_taproot_standard(&items),
        _ => true,
    }
}

fn is_taproot_standard(items: &[&[u8]]) -> bool {
    let annexed = items.len() >= 2
        && items.last().and_then(|last| last.first()).is_some_and(|&first| first == ANNEX_TAG);
    if annexed {
        return false;
    }
    match items {
        [] => false,
        [_] => true,
        [stack @ .., _script, control] => match control.first() {
            None => false,
            Some(first) if first & LEAF_MASK == TAPSCRIPT_LEAF => {
                stack.iter().all(|item| item.len() <= TAPSCRIPT_ITEM_BYTES_MAX)
            }
            Some(_) => true,
        },
    }
}
