//! `blocks/<height>.bin`: real blocks without the coins they spend.
//!
//! All is checked that needs no coins: form, id, work, Merkle root, transactions, legacy signature
//! operations, height in the coinbase, witness commitment, weight. Then bytes are changed one at a time, all over the
//! block, and each change must be refused.

use std::path::Path;

use bitcoin::hashes::Hash;
use quintet_bitcoin_protocol::{
    Block, Tx, encode::put_size, header::pow, rules::check_block, rules::check_block_in_context,
};

use super::chain::Known;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Bytes changed per block, spread evenly.
const CHANGES: usize = 24;

/// The ids of the blocks of main, by height.
const IDS: [(u32, &str); 21] = [
    (91_722, "00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e"),
    (91_842, "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec"),
    (169_482, "0000000000000756935f1ee9d5987857b604046f846d3df56d024cdb5f368665"),
    (173_818, "00000000000008a5097526239afca1d59e6e112aca135ab7dd5189b5fe9f0696"),
    (227_835, "00000000000001aa077d7aa84c532a4d69bdbff519609d1da0835261b7a74eb6"),
    (333_961, "00000000000000001203c1ea455e38612bdf36e9967fdead11935c8e22283ecc"),
    (363_731, "00000000000000000c28e23330c29046f19e817fe8fe039f4044b2b2882aef53"),
    (370_661, "00000000000000001416a613602d73bbe5c79170fd8f39d509896b829cf9021e"),
    (383_616, "00000000000000000aab6a2b34e979b09ca185584bd1aecf204f24d150ff55e9"),
    (413_567, "0000000000000000025aff8be8a55df8f89c77296db6198f272d6577325d4069"),
    (426_884, "00000000000000000431d0ead6e0bd9f90ff0d469e9b05d51e3d04971f472973"),
    (481_815, "000000000000000000893c019d81f2d48ee33892c12428f3121bbd16ed6db926"),
    (481_824, "0000000000000000001c8018d9cb3b742ef25114f27563e3fc4a1902167f9893"),
    (481_829, "000000000000000000917cba69f69b758fe396c8e30ae97bbcf08c4eb975e726"),
    (482_683, "000000000000000000c238240ef6dcb26c37e75e16514e6ffc0aef7eee73e747"),
    (514_485, "000000000000000000050f70113ab1932c195442cb49bcc4ee4d7f426c8a3295"),
    (574_200, "0000000000000000001602407ac49862a7bca9d00f7f402db20b7be2f5de59d2"),
    (624_455, "0000000000000000000159c36c1e487714ef94d4e93419a2455eaa8cd0e05ddb"),
    (702_861, "000000000000000000000c835b2adcaedc20fdf6ee440009c249452c726dafae"),
    (800_000, "00000000000000000002a7c4c1e48d76c5a37902165a270156b7a8d72728a054"),
    (951_658, "00000000000000000001cbe4b4add61d60d9a470e0958f1b4024f202db9ca628"),
];

pub(super) struct Blocks;

impl Suite for Blocks {
    fn name(&self) -> &'static str {
        "blocks"
    }

    fn claims(&self, name: &Path) -> bool {
        let folder = name.parent().and_then(Path::file_name);
        folder.is_some_and(|folder| folder == "blocks")
            && name.extension().is_some_and(|extension| extension == "bin")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some((network, height)) = place(&file.name) else {
            report.unreadable = Some("expected a name of [<network>_]<height>.bin".to_owned());
            return;
        };
        let case = |fact: &str| format!("{}: {fact}", file.name.display());
        report.case(case("form"), || form(&file.bytes));
        report.case(case("id"), || id(&network, height, &decode(&file.bytes)?));
        report.case(case("rules"), || rules(&network, height, &file.bytes));
        for at in (0..file.bytes.len()).step_by((file.bytes.len() / CHANGES).max(1)) {
            report.case(case(&format!("byte {at} changed")), || {
                let mut changed = file.bytes.clone();
                changed[at] ^= 1;
                let refused = rules(&network, height, &changed).is_err();
                expect_eq("refused", true, refused)
            });
        }
    }
}

/// Returns the network and the height that the file's name says.
fn place(name: &Path) -> Option<(String, u32)> {
    let stem = name.file_stem()?.to_str()?;
    let (network, height) = stem.rsplit_once('_').unwrap_or(("mainnet", stem));
    Some((network.to_owned(), height.parse().ok()?))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Block, Mismatch> {
    Block::decode(bytes.to_vec())
        .map_err(|error| Mismatch::new("form", "a block", error.to_string()))
}

/// Takes the block apart and puts it together again from what the views say.
fn form(bytes: &[u8]) -> Result<(), Mismatch> {
    let block = decode(bytes)?;
    let mut whole = quintet_bitcoin_protocol::block::encode_header(block.header()).to_vec();
    put_size(&mut whole, block.transactions().len() as u64);
    let mut weight = 3 * whole.len() + whole.len();
    for tx in block.transactions().iter() {
        let (with, without) = (serialise(tx, tx.has_witness()), serialise(tx, false));
        expect_eq("size without witnesses", without.len(), tx.base_size())?;
        weight += 3 * without.len() + with.len();
        whole.extend(with);
    }
    expect_eq("weight", weight, block.weight())?;
    expect_eq("bytes again", true, whole == bytes)
}

fn serialise(tx: Tx<'_>, with_witness: bool) -> Vec<u8> {
    let mut out = tx.version().to_le_bytes().to_vec();
    if with_witness {
        out.extend([0, 1]);
    }
    put_size(&mut out, tx.inputs().len() as u64);
    for input in tx.inputs() {
        out.extend(input.previous.txid.as_byte_array());
        out.extend(input.previous.vout.to_le_bytes());
        put_sized(&mut out, input.script_sig);
        out.extend(input.sequence.to_le_bytes());
    }
    put_size(&mut out, tx.outputs().len() as u64);
    for output in tx.outputs() {
        out.extend(output.value.to_le_bytes());
        put_sized(&mut out, output.script_pubkey);
    }
    for input in tx.inputs().filter(|_| with_witness) {
        put_size(&mut out, input.witness.len() as u64);
        input.witness.iter().for_each(|item| put_sized(&mut out, item));
    }
    out.extend(tx.lock_time().to_le_bytes());
    out
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len() as u64);
    out.extend(bytes);
}

fn id(network: &str, height: u32, block: &Block) -> Result<(), Mismatch> {
    let known = IDS.iter().find(|(at, _)| network == "mainnet" && *at == height);
    known.map_or(Ok(()), |(_, id)| expect_eq("id", (*id).to_owned(), block.hash().to_string()))
}

/// Checks everything that needs no coins.
fn rules(network: &str, height: u32, bytes: &[u8]) -> Result<(), Mismatch> {
    let block = decode(bytes)?;
    let known = Known::new(network, height, block.header().time)?;
    let refused =
        |what, error: &dyn std::fmt::Display| Mismatch::new(what, "valid", error.to_string());
    let work = pow::check(&block.hash(), block.header().bits, known.params().pow_limit);
    expect_eq("enough work", true, work)?;
    check_block(&block, known.params()).map_err(|error| refused("block", &error))?;
    check_block_in_context(&block, &known.context(&block))
        .map_err(|error| refused("block in context", &error))
}
