//! Reading a file of blocks, line by line.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use flate2::bufread::GzDecoder;
use quintet_kaspa_protocol::{
    block::Block,
    params::{Genesis, Network, Overrides, Params},
};
use serde_json::Value;

use super::{DumpError, DumpedBlock, LINE_BYTES_MAX, go, rust};

/// Bytes asked of the system at once.
const READ_BYTES: usize = 1 << 20;

/// How gzip begins.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Whose names of fields a file uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Go,
    Rust,
}

/// The blocks of a file, one after the other, the genesis first. After an error the iteration ends.
pub struct Reader {
    lines: Lines,
    params: Params,
    dialect: Dialect,
    genesis: Option<DumpedBlock>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("line", &self.lines.number)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a file, compressed or not, and reads up to its genesis.
    ///
    /// # Errors
    ///
    /// As for [`Reader::new`], or if there is no such file.
    pub fn open(path: &Path) -> Result<Self, DumpError> {
        let file = File::open(path).map_err(|source| DumpError::Io { line: 0, source })?;
        Self::new(BufReader::with_capacity(READ_BYTES, file))
    }

    /// Takes the bytes of a file, compressed or not, and reads up to its genesis.
    ///
    /// # Errors
    ///
    /// [`DumpError`] if there are no parameters or no genesis to begin with.
    pub fn new(mut bytes: impl BufRead + Send + 'static) -> Result<Self, DumpError> {
        let start = bytes.fill_buf().map_err(|source| DumpError::Io { line: 1, source })?;
        let bytes: Box<dyn BufRead + Send> = if start.starts_with(&GZIP_MAGIC) {
            Box::new(BufReader::with_capacity(READ_BYTES, GzDecoder::new(bytes)))
        } else {
            Box::new(bytes)
        };
        let mut lines = Lines { bytes, line: Vec::new(), number: 0, ended: false };
        let (overrides, dialect) = lines.opening()?;
        let genesis = lines.block(dialect)?;
        let line = lines.number;
        let (network, first) = genesis_of(&genesis.block, line)?;
        let params = match overrides {
            Some(overrides) => overrides
                .apply(Params::of(network))
                .map_err(|source| DumpError::Params { line: 1, source })?,
            // Files without parameters are the Go node's, of a network of developers before Crescendo.
            None if network == Network::Devnet => Params::devnet_pre_crescendo(),
            None => Params::of(network),
        };
        Ok(Self {
            lines,
            params: Params { genesis: first, ..params },
            dialect,
            genesis: Some(genesis),
        })
    }

    /// Returns the parameters the blocks were made under: those of the network whose genesis the file begins with, and the values its
    /// first line puts in their place.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// Returns the number of the line last read, from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.lines.number
    }
}

impl Iterator for Reader {
    type Item = Result<DumpedBlock, DumpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(genesis) = self.genesis.take() {
            return Some(Ok(genesis));
        }
        match self.lines.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let block = self.lines.block(self.dialect);
        self.lines.ended |= block.is_err();
        Some(block)
    }
}

/// The lines of a file, empty ones left out.
struct Lines {
    bytes: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    number: u64,
    ended: bool,
}

impl Lines {
    /// Reads the next line; returns whether there is one.
    fn advance(&mut self) -> Result<bool, DumpError> {
        while !self.ended {
            self.line.clear();
            self.number += 1;
            let outcome = self.read_line();
            self.ended = !matches!(outcome, Ok(true));
            if !outcome? {
                return Ok(false);
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self) -> Result<bool, DumpError> {
        let line = self.number;
        let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut bytes = (&mut self.bytes).take(limit.saturating_add(1));
        let read = bytes
            .read_until(b'\n', &mut self.line)
            .map_err(|source| DumpError::Io { line, source })?;
        if self.line.len() > LINE_BYTES_MAX {
            return Err(DumpError::LineLength { line, expected: LINE_BYTES_MAX });
        }
        Ok(read > 0)
    }

    /// Reads the parameters, if there are any, and stops at the genesis.
    fn opening(&mut self) -> Result<(Option<Overrides>, Dialect), DumpError> {
        let first = self.opening_value()?;
        if let Some(dialect) = dialect_of(&first) {
            return Ok((None, dialect));
        }
        let line = self.number;
        let overrides: Overrides = serde_json::from_value(first)
            .map_err(|source| DumpError::Json { line, expected: "parameters or a block", source })?;
        let genesis = self.opening_value()?;
        let dialect = dialect_of(&genesis).ok_or_else(|| {
            let reason = io::Error::other("neither `Header` nor `header`");
            DumpError::Io { line: self.number, source: reason }
        })?;
        Ok((Some(overrides), dialect))
    }

    fn opening_value(&mut self) -> Result<Value, DumpError> {
        if !self.advance()? {
            return Err(DumpError::NoGenesis { line: self.number });
        }
        let json = |source| DumpError::Json { line: self.number, expected: "JSON", source };
        serde_json::from_slice(&self.line).map_err(json)
    }

    /// Reads the block on the line at hand.
    fn block(&self, dialect: Dialect) -> Result<DumpedBlock, DumpError> {
        let line = self.number;
        let json = |expected| move |source| DumpError::Json { line, expected, source };
        let block = match dialect {
            Dialect::Go => serde_json::from_slice::<go::BlockJson>(&self.line)
                .map_err(json("a block by the Go node's names of fields"))?
                .read(),
            Dialect::Rust => serde_json::from_slice::<rust::BlockJson>(&self.line)
                .map_err(json("a block by the Rust node's names of fields"))?
                .read(),
        };
        block.map_err(|source| DumpError::Field { line, source })
    }
}

fn dialect_of(value: &Value) -> Option<Dialect> {
    match value {
        _ if value.get("Header").is_some() => Some(Dialect::Go),
        _ if value.get("header").is_some() => Some(Dialect::Rust),
        _ => None,
    }
}

/// Returns the network whose coinbase the first block has, and the block as a genesis: time, target and nonce differ where a network was
/// restarted.
fn genesis_of(block: &Block, line: u64) -> Result<(Network, Genesis), DumpError> {
    let foreign = |actual| DumpError::ForeignGenesis { line, actual };
    if !block.header.direct_parents().is_empty() {
        return Err(foreign("a block that has parents"));
    }
    let payload = block.transactions.first().map(|coinbase| coinbase.payload.as_slice());
    let named = |network: &Network| {
        Some(Params::of(*network).genesis.coinbase_payload) == payload
    };
    let network = Network::ALL
        .into_iter()
        .find(named)
        .ok_or_else(|| foreign("a block with a coinbase of no network"))?;
    let header = &block.header;
    let genesis = Genesis {
        hash_merkle_root: header.hash_merkle_root,
        utxo_commitment: header.utxo_commitment,
        timestamp: header.timestamp,
        bits: header.bits,
        nonce: header.nonce,
        daa_score: header.daa_score,
        coinbase_payload: Params::of(network).genesis.coinbase_payload,
    };
    if genesis.block() != *block {
        return Err(foreign("a block that is more than time, target and nonce"));
    }
    Ok((network, genesis))
}
