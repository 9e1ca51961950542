//! Breaking a valid block, one rule at a time.
//!
//! A change breaks its own rule only if what commits to it is made right again: the witness commitment, the Merkle root,
//! the proof of work. How far that is done is drawn too, so that the commitments' own rules are broken as well.

use bench::bitcoin_chain::{SplitMix, commit, mine};
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid,
    Witness, absolute, block::Version, hashes::Hash as _,
};

/// A way to break a block.
pub struct Break {
    /// What it does.
    pub name: &'static str,
    change: fn(&mut Block, &mut SplitMix, &[OutPoint]),
}

/// What is made right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Commitment, Merkle root and proof of work.
    All,
    /// Merkle root and proof of work.
    MerkleRoot,
    /// Proof of work.
    Work,
    /// Nothing.
    Nothing,
}

/// The ways there are.
pub const BREAKS: [Break; 34] = [
    Break {
        name: "swap transactions",
        change: |block, random, _| {
            let (a, b) = (any(block, random), any(block, random));
            block.txdata.swap(a, b);
        },
    },
    Break {
        name: "repeat a transaction",
        change: |block, random, _| {
            let copy = block.txdata[any(block, random)].clone();
            block.txdata.push(copy);
        },
    },
    Break {
        name: "repeat the tail",
        change: |block, _, _| {
            // The list doubled from an odd place on has the same Merkle root (CVE-2012-2459).
            let tail = block.txdata.len() & block.txdata.len().wrapping_neg();
            let copies = block.txdata[block.txdata.len() - tail..].to_vec();
            block.txdata.extend(copies);
        },
    },
    Break {
        name: "drop a transaction",
        change: |block, random, _| {
            let at = any(block, random);
            block.txdata.remove(at);
        },
    },
    Break {
        name: "no coinbase",
        change: |block, _, _| {
            block.txdata.remove(0);
        },
    },
    Break { name: "no transaction", change: |block, _, _| block.txdata.clear() },
    Break {
        name: "second coinbase",
        change: |block, _, _| {
            let copy = block.txdata[0].clone();
            block.txdata.push(copy);
        },
    },
    Break {
        name: "spend twice in a transaction",
        change: |block, random, _| {
            with(block, random, |tx, _| {
                let copy = tx.input[0].clone();
                tx.input.push(copy);
            });
        },
    },
    Break {
        name: "spend what is not there",
        change: |block, random, _| {
            with(block, random, |tx, random| {
                tx.input[0].previous_output.vout ^= 1 << random.below(9)
            });
        },
    },
    Break {
        name: "spend an old output again",
        change: |block, random, old| {
            let previous = old.get(random.index(old.len())).copied();
            with(block, random, |tx, _| {
                tx.input[0].previous_output = previous.unwrap_or_default();
            });
        },
    },
    Break {
        name: "spend nothing",
        change: |block, random, _| {
            with(block, random, |tx, _| tx.input.push(input(OutPoint::null())));
        },
    },
    Break {
        name: "pay more",
        change: |block, random, _| {
            with(block, random, |tx, random| raise(tx, random.below(1 << 34)));
        },
    },
    Break {
        name: "pay a little less",
        change: |block, random, _| {
            with(block, random, |tx, _| {
                let output = &mut tx.output[0];
                output.value = output.value.checked_sub(Amount::ONE_SAT).unwrap_or(output.value);
            });
        },
    },
    Break {
        name: "pay more than there is",
        change: |block, random, _| {
            with(block, random, |tx, random| {
                let edge = 2_100_000_000_000_000;
                let values = [edge, edge + 1, u64::MAX, 1 << 63, edge / 2 + 1];
                tx.output[0].value = Amount::from_sat(values[random.index(values.len())]);
            });
        },
    },
    Break {
        name: "pay nobody",
        change: |block, random, _| {
            with(block, random, |tx, _| tx.output.clear());
        },
    },
    Break { name: "coinbase pays more", change: |block, _, _| raise(&mut block.txdata[0], 1) },
    Break {
        name: "coinbase pays less",
        change: |block, _, _| {
            let output = &mut block.txdata[0].output[0];
            output.value = output.value.checked_sub(Amount::ONE_SAT).unwrap_or(output.value);
        },
    },
    Break {
        name: "coinbase height",
        change: |block, random, _| {
            let script = &mut block.txdata[0].input[0].script_sig;
            let mut bytes = script.to_bytes();
            let at = random.index(3).min(bytes.len() - 1);
            bytes[at] ^= 1 << random.below(8);
            *script = ScriptBuf::from_bytes(bytes);
        },
    },
    Break {
        name: "coinbase script length",
        change: |block, random, _| {
            let script = &mut block.txdata[0].input[0].script_sig;
            let mut bytes = script.to_bytes();
            bytes.resize([0, 1, 2, 3, 99, 100, 101][random.index(7)], 0);
            *script = ScriptBuf::from_bytes(bytes);
        },
    },
    Break {
        name: "coinbase witness",
        change: |block, random, _| {
            let items: &[&[u8]] = match random.below(5) {
                0 => &[],
                1 => &[&[0; 31]],
                2 => &[&[0; 33]],
                3 => &[&[0; 32], &[0; 32]],
                _ => &[&[7; 32]],
            };
            block.txdata[0].input[0].witness = Witness::from_slice(items);
        },
    },
    Break {
        name: "no witness commitment",
        change: |block, _, _| {
            block.txdata[0].output.truncate(1);
        },
    },
    Break {
        name: "two witness commitments",
        change: |block, random, _| {
            let outputs = &mut block.txdata[0].output;
            let copy = outputs[outputs.len() - 1].clone();
            outputs.insert(random.index(2), copy);
        },
    },
    Break {
        name: "a byte of a witness",
        change: |block, random, _| {
            with(block, random, |tx, random| {
                let at = random.index(tx.input.len());
                let mut items = tx.input[at].witness.to_vec();
                if let Some(item) = items.first_mut().filter(|item| !item.is_empty()) {
                    let at = random.index(item.len());
                    item[at] ^= 1 << random.below(8);
                } else {
                    items.push(vec![1]);
                }
                tx.input[at].witness = Witness::from_slice(&items);
            });
        },
    },
    Break {
        name: "a byte of a scriptSig",
        change: |block, random, _| {
            with(block, random, |tx, random| {
                let script = &mut tx.input[0].script_sig;
                let mut bytes = script.to_bytes();
                if bytes.is_empty() {
                    bytes.push(0x51);
                }
                let at = random.index(bytes.len());
                bytes[at] ^= 1 << random.below(8);
                *script = ScriptBuf::from_bytes(bytes);
            });
        },
    },
    Break {
        name: "lock time",
        change: |block, random, _| {
            let (height, time) = (block.txdata.len(), block.header.time);
            with(block, random, |tx, random| {
                let near = u32::try_from(height).unwrap_or(0) + 100;
                let locks = [0, near, near + 100, time - 6_000, time - 3_000, time - 2_999, time];
                tx.lock_time = absolute::LockTime::from_consensus(locks[random.index(locks.len())]);
                tx.input[0].sequence = Sequence::ENABLE_LOCKTIME_NO_RBF;
            });
        },
    },
    Break {
        name: "relative lock",
        change: |block, random, _| {
            with(block, random, |tx, random| {
                tx.version = bitcoin::transaction::Version(1 + i32::from(random.percent(80)));
                let time = if random.percent(50) { 1 << 22 } else { 0 };
                let most = [2, 10, 300][random.index(3)];
                let ticks = random.below(most);
                tx.input[0].sequence = Sequence(u32::try_from(ticks).unwrap_or(0) | time);
            });
        },
    },
    Break {
        name: "signature operations",
        change: |block, random, _| {
            // Each OP_CHECKMULTISIG costs 80 of the 80,000.
            let count = 800 + random.index(260);
            block.txdata[0].output.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: ScriptBuf::from_bytes(vec![0xae; count]),
            });
        },
    },
    Break {
        name: "weight",
        change: |block, random, _| {
            let room = 4_000_000 - block.weight().to_wu();
            // The output's own frame: value, a length of five bytes at most, and the count of outputs stays one byte.
            let bytes = usize::try_from(room / 4).unwrap_or(0) - 13 - 2 + random.index(5);
            block.txdata[0].output.push(TxOut {
                value: Amount::ZERO,
                script_pubkey: ScriptBuf::from_bytes(vec![0x6a; bytes]),
            });
        },
    },
    Break {
        name: "an output nobody can spend, spent",
        change: |block, random, _| {
            let at = any(block, random);
            let script_pubkey = ScriptBuf::from_bytes(vec![0x6a]);
            block.txdata[at].output.insert(0, TxOut { value: Amount::ZERO, script_pubkey });
            let txid = block.txdata[at].compute_txid();
            let spend = block.txdata.last_mut();
            if let Some(tx) = spend {
                tx.input.push(input(OutPoint { txid, vout: 0 }));
            }
        },
    },
    Break {
        name: "time",
        change: |block, random, _| {
            let median = block.header.time - 3_600;
            block.header.time = [median - 1, median, median + 1, 0][random.index(4)];
        },
    },
    Break {
        name: "version",
        change: |block, random, _| {
            let versions = [-1, 0, 1, 2, 3, 4, 5, i32::MAX];
            block.header.version = Version::from_consensus(versions[random.index(versions.len())]);
        },
    },
    Break {
        name: "bits",
        change: |block, random, _| {
            let bits = [0x207f_fffe, 0x2100_ffff, 0x207f_ffff, 0, 0x1d00_ffff, 0x2080_0000];
            block.header.bits = CompactTarget::from_consensus(bits[random.index(bits.len())]);
        },
    },
    Break {
        name: "nonce",
        change: |block, random, _| {
            block.header.nonce = block.header.nonce.wrapping_add(u32::from(random.byte()));
        },
    },
    Break {
        name: "previous block",
        change: |block, random, _| {
            let mut hash = [0; 32];
            random.fill(&mut hash);
            block.header.prev_blockhash = bitcoin::BlockHash::from_byte_array(hash);
        },
    },
];

/// Breaks a copy of a block, and makes right again what was drawn.
///
/// # Errors
///
/// If no nonce meets the target.
pub fn broken(
    block: &Block,
    way: &Break,
    random: &mut SplitMix,
    old: &[OutPoint],
) -> anyhow::Result<(Block, Repair)> {
    let mut block = block.clone();
    (way.change)(&mut block, random, old);
    let repair = match random.below(20) {
        0..16 => Repair::All,
        16 | 17 => Repair::MerkleRoot,
        18 => Repair::Work,
        _ => Repair::Nothing,
    };
    // Where there is no list or no target to meet, there is nothing to make right.
    let minable = (0x1f00_0000..=0x207f_ffff).contains(&block.header.bits.to_consensus());
    if block.txdata.is_empty() || !minable || way.name == "nonce" {
        return Ok((block, Repair::Nothing));
    }
    let repair = if way.name == "repeat the tail" { Repair::Nothing } else { repair };
    match repair {
        Repair::All => {
            commit(&mut block)?;
            mine(&mut block, true)?;
        }
        Repair::MerkleRoot => mine(&mut block, true)?,
        Repair::Work => mine(&mut block, false)?,
        Repair::Nothing => {}
    }
    Ok((block, repair))
}

/// Returns the place of a transaction that is not the coinbase, or of the coinbase if there is no other.
fn any(block: &Block, random: &mut SplitMix) -> usize {
    match block.txdata.len() {
        0 | 1 => 0,
        count => 1 + random.index(count - 1),
    }
}

fn with(
    block: &mut Block,
    random: &mut SplitMix,
    change: impl FnOnce(&mut Transaction, &mut SplitMix),
) {
    let at = any(block, random);
    change(&mut block.txdata[at], random);
}

fn raise(tx: &mut Transaction, by: u64) {
    let output = &mut tx.output[0];
    output.value = output.value.checked_add(Amount::from_sat(by)).unwrap_or(Amount::MAX_MONEY);
}

fn input(previous_output: OutPoint) -> TxIn {
    let previous_output =
        if previous_output.txid == Txid::all_zeros() { OutPoint::null() } else { previous_output };
    TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::MAX,
        witness: Witness::new(),
    }
}
