//! Seeds of the Bitcoin targets: real blocks, their headers and transactions, and Bitcoin Core's script vectors, if there
//! is a folder of vectors in `QUINTET_VECTORS`.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use quintet_bitcoin_protocol::Block;
use serde_json::Value;

/// Bytes of a seed at most: the fuzzer is fastest with small ones.
const SEED_BYTES_MAX: usize = 20_000;
/// Transactions taken of a block.
const TRANSACTIONS_MAX: usize = 20;
/// All the flags there are.
const FLAGS: [u8; 4] = 0x001f_ffff_u32.to_le_bytes();

/// Writes what there is under `corpus`.
pub fn write(corpus: &Path) -> Result<(), Box<dyn Error>> {
    let Some(vectors) = env::var_os("QUINTET_VECTORS").map(PathBuf::from) else { return Ok(()) };
    for entry in fs::read_dir(vectors.join("bitcoin/blocks"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().replace('.', "-");
        let block = Block::decode(read(&path)?)?;
        if block.bytes().len() <= SEED_BYTES_MAX {
            seed(corpus, "bitcoin_block", &name, block.bytes())?;
        }
        seed(corpus, "bitcoin_header", &name, &block.bytes()[..80])?;
        let small = block.transactions().iter().filter(|tx| tx.bytes().len() <= SEED_BYTES_MAX);
        for (index, tx) in small.take(TRANSACTIONS_MAX).enumerate() {
            seed(corpus, "bitcoin_transaction", &format!("{name}-{index}"), tx.bytes())?;
        }
    }
    scripts(corpus, &vectors.join("bitcoin/core/script_assets_test.json.gz"))
}

/// Writes the inputs of the script assets: flags, length and script of the output, transaction.
fn scripts(corpus: &Path, path: &Path) -> Result<(), Box<dyn Error>> {
    let rows: Vec<Value> = serde_json::from_slice(&read(path)?)?;
    for (number, row) in rows.iter().enumerate() {
        let index =
            row["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(0);
        let (Some(tx), Some(prevout)) = (hex(&row["tx"]), hex(&row["prevouts"][index])) else {
            continue;
        };
        // Eight bytes of amount, and a length of one byte: longer scripts are left out.
        let Some(script) = prevout.get(9..).filter(|script| script.len() < 253) else { continue };
        let [len, _] = u16::try_from(script.len())?.to_le_bytes();
        let bytes = [&FLAGS[..], &[len, 0], script, &tx].concat();
        seed(corpus, "bitcoin_script", &number.to_string(), &bytes)?;
    }
    Ok(())
}

fn seed(corpus: &Path, target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{name}")), bytes)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if path.extension().is_some_and(|kind| kind == "gz") {
        MultiGzDecoder::new(file).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn hex(value: &Value) -> Option<Vec<u8>> {
    let text = value.as_str()?;
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok())
        .collect()
}
