//! Real block files, where there are any.

/// Bytes of a real block file, and the path it lies at.
#[derive(Debug)]
pub(crate) struct BlockFile {
    pub(crate) path: String,
}

/// Returns a third-party block file; without it the caller says so in one line and passes, unless `CI` is set.
pub(crate) fn block_file(name: &str) -> Option<BlockFile> {
    find("bitcoin/chain", name)
}

/// Returns a third-party file of a DAG's blocks, likewise.
pub(crate) fn dag_file(name: &str) -> Option<BlockFile> {
    find("kaspa/dags_json", name)
}

/// Returns a third-party file of rollups, likewise.
pub(crate) fn rollup_file(name: &str) -> Option<BlockFile> {
    find("rollup", name)
}

fn find(folder: &str, name: &str) -> Option<BlockFile> {
    let path = test_vectors::find(&format!("{folder}/{name}"))?;
    Some(BlockFile { path: path.display().to_string() })
}
