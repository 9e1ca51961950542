//! A temporary folder of small vectors made here.

use std::{fs, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

/// A case of the distance suite in which everything is checked.
pub(crate) const DISTANCE: &str = r#"[{
    "a": "00000000000000000000000000000000000000ff",
    "b": "0000000000000000000000000000000000000000",
    "distance": 8,
    "leading_zero_bits": 152
}]"#;

pub(crate) fn with(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // Read and written: a copy would keep a read-only mark.
        fs::write(to.join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
}
