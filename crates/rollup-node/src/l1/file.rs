//! L1 blocks out of a file: what was recorded once, derived again.
//!
//! ```text
//!   { "l1": [ { "block": {as eth_getBlockByNumber gives it}, "receipts": [ … ] or null } … ],
//!     "blobs": { "0x01…": "0x…" } }                                  plain or packed with gzip
//! ```
//!
//! Everything is checked as if a node had said it. The last block of the file is its head, and final.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use alloy_consensus::Receipt;
use alloy_primitives::{Address, B256, Bytes};
use flate2::read::MultiGzDecoder;
use futures_util::future::{self, BoxFuture};
use quintet_rollup_protocol::{inbox::kzg, refs::L1Ref, verify};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{L1Block, L1Error, L1Label, L1Source, blocks::recorded_block, json::receipt};

/// Longest file, unpacked, bytes.
pub const FILE_BYTES_MAX: u64 = 2 << 30;

#[derive(Deserialize)]
struct FileJson<'a> {
    #[serde(borrow)]
    l1: Vec<ItemJson<'a>>,
    #[serde(default)]
    blobs: BTreeMap<B256, Bytes>,
}

#[derive(Deserialize)]
struct ItemJson<'a> {
    #[serde(borrow)]
    block: &'a RawValue,
    #[serde(borrow, default)]
    receipts: Option<&'a RawValue>,
}

/// Recorded L1 blocks.
#[derive(Debug)]
pub struct FileL1 {
    path: String,
    blocks: BTreeMap<u64, L1Block>,
    receipts: BTreeMap<B256, Vec<Receipt>>,
    blobs: BTreeMap<B256, Bytes>,
}

/// Reads a file, unpacking it if it is packed.
///
/// # Errors
///
/// [`L1Error::File`] if it cannot be read or is longer than [`FILE_BYTES_MAX`].
pub fn read_text(path: &Path) -> Result<String, L1Error> {
    let shown = path.display().to_string();
    let bad = |error: std::io::Error| L1Error::File {
        path: shown.clone(),
        expected: "a file of text, plain or packed with gzip",
        actual: error.to_string(),
    };
    let mut file = BufReader::new(File::open(path).map_err(bad)?);
    let packed = std::io::BufRead::fill_buf(&mut file).map_err(bad)?.starts_with(&[0x1f, 0x8b]);
    let source: Box<dyn Read> =
        if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut text = String::new();
    let length = source.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(bad)?;
    if length as u64 > FILE_BYTES_MAX {
        let actual = format!("more than {FILE_BYTES_MAX} bytes");
        return Err(L1Error::File { path: shown, expected: "at most 2 GiB", actual });
    }
    Ok(text)
}

impl FileL1 {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if it is not of the form, or a block is not what its hash names.
    pub fn open(path: &Path, inbox: Address) -> Result<Self, L1Error> {
        let text = read_text(path)?;
        let path = path.display().to_string();
        let bad = |actual: String| L1Error::File {
            path: path.clone(),
            expected: "recorded L1 blocks under `l1`",
            actual,
        };
        let file: FileJson<'_> =
            serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        let mut found = Self {
            path: path.clone(),
            blocks: BTreeMap::new(),
            receipts: BTreeMap::new(),
            blobs: file.blobs,
        };
        for item in &file.l1 {
            let block = recorded_block(&path, item.block.get(), inbox)?;
            if let Some(text) = item.receipts.filter(|text| text.get() != "null") {
                let (list, raw) =
                    receipt::receipts(text.get()).map_err(|error| bad(error.to_string()))?;
                verify::receipts(&raw, block.receipts_root)
                    .map_err(|source| L1Error::Lie { endpoint: path.clone(), source })?;
                found.receipts.insert(block.header.block.hash, list);
            }
            found.blocks.insert(block.header.block.number, block);
        }
        for (hash, blob) in &found.blobs {
            kzg::verify_alone(blob, *hash)
                .map_err(|source| L1Error::Blob { endpoint: path.clone(), source })?;
        }
        if found.blocks.is_empty() {
            return Err(bad("none".to_owned()));
        }
        Ok(found)
    }

    /// Returns the numbers of the first and last block.
    #[must_use]
    pub fn range(&self) -> (u64, u64) {
        let number = |block: Option<(&u64, &L1Block)>| block.map_or(0, |(number, _)| *number);
        (number(self.blocks.first_key_value()), number(self.blocks.last_key_value()))
    }

    fn missing(&self, what: String) -> L1Error {
        let endpoint = self.path.clone();
        L1Error::Missing { endpoint, what, advice: "record it, or derive from a node" }
    }
}

impl L1Source for FileL1 {
    fn head(&self, _label: L1Label) -> BoxFuture<'_, Result<Option<L1Ref>, L1Error>> {
        let last = self.blocks.last_key_value().map(|(_, block)| block.header.block);
        Box::pin(future::ready(Ok(last)))
    }

    fn block(&self, number: u64) -> BoxFuture<'_, Result<Option<L1Block>, L1Error>> {
        Box::pin(future::ready(Ok(self.blocks.get(&number).cloned())))
    }

    fn receipts<'a>(
        &'a self,
        block: &'a L1Ref,
        _root: B256,
    ) -> BoxFuture<'a, Result<Vec<Receipt>, L1Error>> {
        let found = self.receipts.get(&block.hash).cloned();
        let found =
            found.ok_or_else(|| self.missing(format!("receipts of block {}", block.number)));
        Box::pin(future::ready(found))
    }

    fn blobs<'a>(
        &'a self,
        _block: &'a L1Ref,
        hashes: &'a [B256],
    ) -> BoxFuture<'a, Result<Vec<Bytes>, L1Error>> {
        let found = hashes
            .iter()
            .map(|hash| {
                let blob = self.blobs.get(hash).cloned();
                blob.ok_or_else(|| self.missing(format!("blob {hash}")))
            })
            .collect();
        Box::pin(future::ready(found))
    }
}
