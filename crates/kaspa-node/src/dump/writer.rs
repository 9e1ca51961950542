//! Writing a file of blocks.

use std::{
    fmt,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use quintet_kaspa_protocol::{block::Block, params::Params};

use super::{DumpError, parameters, rust};

/// Bytes handed to the system at once.
const WRITE_BYTES: usize = 1 << 20;

/// A file of blocks that is being written, by the Rust node's names of fields.
///
/// Dropped without [`Writer::finish`] it may lack its end.
pub struct Writer {
    out: Box<dyn Finish>,
    line: Vec<u8>,
    lines: u64,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("lines", &self.lines).finish_non_exhaustive()
    }
}

/// What has an end to write.
trait Finish: Write + Send {
    fn finish(self: Box<Self>) -> std::io::Result<()>;
}

struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write + Send> Finish for Plain<W> {
    fn finish(mut self: Box<Self>) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl<W: Write + Send> Finish for GzEncoder<W> {
    fn finish(self: Box<Self>) -> std::io::Result<()> {
        (*self).finish()?.flush()
    }
}

impl Writer {
    /// Creates a file, compressed if its name ends with `.gz`, and writes the parameters and their genesis.
    ///
    /// # Errors
    ///
    /// As for [`Writer::new`], or if the file cannot be created.
    pub fn create(path: &Path, params: &Params) -> Result<Self, DumpError> {
        let file = File::create(path).map_err(|source| DumpError::Io { line: 0, source })?;
        let file = BufWriter::with_capacity(WRITE_BYTES, file);
        if path.extension().is_some_and(|extension| extension == "gz") {
            Self::begin(Box::new(GzEncoder::new(file, Compression::default())), params)
        } else {
            Self::new(file, params)
        }
    }

    /// Writes the parameters and their genesis to `out`, uncompressed.
    ///
    /// # Errors
    ///
    /// [`DumpError::Unsayable`] for parameters the format has no names for; [`DumpError::Io`].
    pub fn new(out: impl Write + Send + 'static, params: &Params) -> Result<Self, DumpError> {
        Self::begin(Box::new(Plain(out)), params)
    }

    fn begin(out: Box<dyn Finish>, params: &Params) -> Result<Self, DumpError> {
        let mut writer = Self { out, line: Vec::new(), lines: 0 };
        writer.line(&parameters::write(params)?)?;
        writer.write(&params.genesis.block())?;
        Ok(writer)
    }

    /// Writes a block: neither the genesis, which is there, nor one whose parents are not.
    ///
    /// # Errors
    ///
    /// [`DumpError::Io`].
    pub fn write(&mut self, block: &Block) -> Result<(), DumpError> {
        self.line(&rust::BlockJson::write(block))
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// [`DumpError::Io`].
    pub fn finish(self) -> Result<(), DumpError> {
        let line = self.lines;
        self.out.finish().map_err(|source| DumpError::Io { line, source })
    }

    fn line(&mut self, value: &impl serde::Serialize) -> Result<(), DumpError> {
        self.lines += 1;
        let line = self.lines;
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)
            .map_err(|source| DumpError::Json { line, expected: "a value JSON can say", source })?;
        self.line.push(b'\n');
        self.out.write_all(&self.line).map_err(|source| DumpError::Io { line, source })
    }
}
