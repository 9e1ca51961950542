//! Which block files there are, and blocks read by place.

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use super::{BlkError, BlkReader, MASK_BYTES, MASK_FILE, Mask};

/// Most block files in a directory, files: 128 MiB each, so far beyond any chain.
const FILES_MAX: u32 = 100_000;

/// Where a block lies in a set of block files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlkPlace {
    /// Which of the files, from 0.
    pub file: u32,
    /// The block's first byte.
    pub offset: u64,
    /// Bytes of the block.
    pub len: u32,
}

/// Block files in the order in which they are read.
#[derive(Debug, Clone)]
pub struct BlkFiles {
    files: Vec<(PathBuf, Mask)>,
    magic: [u8; 4],
}

impl BlkFiles {
    /// Takes `blk00000.dat`, `blk00001.dat`, … of a directory, up to the first that is not there.
    ///
    /// # Errors
    ///
    /// [`BlkError::NoFiles`] if there is none, [`BlkError::MaskLength`], [`BlkError::Io`].
    pub fn in_directory(directory: &Path, magic: [u8; 4]) -> Result<Self, BlkError> {
        let mask = mask_in(directory)?;
        let mut files = Vec::new();
        for number in 0..FILES_MAX {
            let path = directory.join(file_name(number));
            if !path.try_exists().map_err(BlkError::io("look for", &path))? {
                break;
            }
            files.push((path, mask));
        }
        if files.is_empty() {
            return Err(BlkError::NoFiles { path: directory.to_owned() });
        }
        Ok(Self { files, magic })
    }

    /// Takes these files, each with the mask that lies beside it.
    ///
    /// # Errors
    ///
    /// [`BlkError::MaskLength`], [`BlkError::Io`].
    pub fn from_paths(
        paths: impl IntoIterator<Item = PathBuf>,
        magic: [u8; 4],
    ) -> Result<Self, BlkError> {
        let with_mask = |path: PathBuf| {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let mask = mask_in(directory.unwrap_or_else(|| Path::new(".")))?;
            Ok((path, mask))
        };
        let files = paths.into_iter().map(with_mask).collect::<Result<_, BlkError>>()?;
        Ok(Self { files, magic })
    }

    /// Returns the number of files.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the paths of the files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }

    /// Returns the bytes of all files, for a progress bar.
    ///
    /// # Errors
    ///
    /// [`BlkError::Io`].
    pub fn total_bytes(&self) -> Result<u64, BlkError> {
        let length = |path: &Path| {
            path.metadata().map(|metadata| metadata.len()).map_err(BlkError::io("measure", path))
        };
        self.paths().map(length).sum()
    }

    /// Begins to read file `file`.
    ///
    /// # Errors
    ///
    /// [`BlkError::NoSuchFile`], [`BlkError::Io`].
    pub fn reader(&self, file: u32) -> Result<BlkReader<File>, BlkError> {
        let (path, mask) = self.file(file)?;
        let source = File::open(path).map_err(BlkError::io("open", path))?;
        Ok(BlkReader::new(source, self.magic, mask))
    }

    /// Tells that reading file `file` was given up.
    pub(crate) fn broken(&self, file: u32, error: std::io::Error) -> BlkError {
        match self.file(file) {
            Ok((path, _)) => BlkError::io("read", path)(error),
            Err(unknown) => unknown,
        }
    }

    /// Reads the block at `place`. The bytes are whatever is there: compare the hash.
    ///
    /// # Errors
    ///
    /// [`BlkError::NoSuchFile`], [`BlkError::Io`].
    pub fn read(&self, place: BlkPlace) -> Result<Vec<u8>, BlkError> {
        let (path, mask) = self.file(place.file)?;
        let reading = || BlkError::io("read", path);
        let mut source = File::open(path).map_err(reading())?;
        source.seek(SeekFrom::Start(place.offset)).map_err(reading())?;
        let mut bytes = Vec::new();
        source.take(u64::from(place.len)).read_to_end(&mut bytes).map_err(reading())?;
        if u32::try_from(bytes.len()) != Ok(place.len) {
            return Err(reading()(ErrorKind::UnexpectedEof.into()));
        }
        mask.apply(&mut bytes, place.offset);
        Ok(bytes)
    }

    fn file(&self, file: u32) -> Result<(&Path, Mask), BlkError> {
        let index = usize::try_from(file).unwrap_or(usize::MAX);
        let missing = || BlkError::NoSuchFile { expected: self.files.len(), actual: file };
        self.files.get(index).map(|(path, mask)| (path.as_path(), *mask)).ok_or_else(missing)
    }
}

/// Returns the name of block file `number`.
pub(super) fn file_name(number: u32) -> String {
    format!("blk{number:05}.dat")
}

/// Reads the mask of a directory's block files; none means that they are not masked.
fn mask_in(directory: &Path) -> Result<Mask, BlkError> {
    let path = directory.join(MASK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Mask::default()),
        Err(error) => return Err(BlkError::io("open", path)(error)),
    };
    let actual = file.metadata().map_err(BlkError::io("measure", &path))?.len();
    let mut bytes = Vec::new();
    file.take(MASK_BYTES as u64).read_to_end(&mut bytes).map_err(BlkError::io("read", &path))?;
    match <[u8; MASK_BYTES]>::try_from(bytes) {
        Ok(mask) if actual == MASK_BYTES as u64 => Ok(Mask(mask)),
        _ => Err(BlkError::MaskLength { path, expected: MASK_BYTES, actual }),
    }
}
