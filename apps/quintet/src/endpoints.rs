//! What a running node says about itself: printed when it is up, and kept in its data directory so that
//! commands on the same machine find it.
//!
//! The file is written whole and removed when the node ends in order. One left behind by a crash names an
//! address where nothing answers, and the command says so.

use std::{
    fs,
    io::{self, ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use quintet_dht_node::DhtHandle;
use serde::{Deserialize, Serialize};

/// The file's name in the data directory.
const FILE: &str = "node.json";

/// The name of the cookie's file in a DHT node's data directory.
pub(crate) const COOKIE_FILE: &str = "rpc.cookie";

/// Bytes of the file that are read; a larger one is not ours.
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// Where a node answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    /// Always `ready`: the line is an event.
    pub(crate) event: String,
    /// The kind.
    pub(crate) kind: String,
    /// The instance's name.
    pub(crate) node: String,
    /// Its id, 40 hexadecimal digits.
    pub(crate) id: String,
    /// Its UDP addresses.
    pub(crate) dht: Vec<String>,
    /// Its RPC address, if it has one.
    pub(crate) rpc: Option<String>,
    /// Where its metrics are, if it serves them.
    pub(crate) metrics: Option<String>,
    /// Its data directory.
    pub(crate) data_dir: PathBuf,
    /// Its cookie file, if it has one.
    pub(crate) cookie: Option<PathBuf>,
    /// Its process.
    pub(crate) pid: u32,
}

/// The file of a running node; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct Published {
    path: PathBuf,
}

impl Endpoints {
    /// Asks a DHT node that has just started.
    pub(crate) async fn of_dht(
        node: &str,
        handle: &DhtHandle,
        data_dir: &Path,
    ) -> anyhow::Result<Self> {
        let status = handle.client().status().await?;
        let cookie = data_dir.join(COOKIE_FILE);
        Ok(Self {
            event: "ready".to_owned(),
            kind: "dht".to_owned(),
            node: node.to_owned(),
            id: status.dht.id.to_string(),
            dht: handle.local_addrs().iter().map(SocketAddr::to_string).collect(),
            rpc: handle.rpc_addr().map(|addr| format!("http://{addr}")),
            metrics: None,
            data_dir: data_dir.to_owned(),
            cookie: cookie.exists().then_some(cookie),
            pid: std::process::id(),
        })
    }

    /// Writes the file into the node's data directory.
    pub(crate) fn publish(&self) -> anyhow::Result<Published> {
        let path = self.data_dir.join(FILE);
        let temporary = self.data_dir.join(format!("{FILE}.tmp"));
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let written = fs::File::create(&temporary)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&temporary, &path));
        written.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Published { path })
    }

    /// What the node that uses this data directory said last; none if there is no such file.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(FILE);
        match read_bounded(&path) {
            Ok(text) => {
                let endpoints = serde_json::from_str(&text);
                endpoints.map(Some).with_context(|| {
                    format!("{} is damaged: remove it and restart the node", path.display())
                })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(data_dir: &Path) -> Endpoints {
        Endpoints {
            event: "ready".to_owned(),
            kind: "dht".to_owned(),
            node: "dht".to_owned(),
            id: "00".repeat(20),
            dht: vec!["127.0.0.1:6881".to_owned()],
            rpc: Some("http://127.0.0.1:9641".to_owned()),
            metrics: None,
            data_dir: data_dir.to_owned(),
            cookie: None,
            pid: 7,
        }
    }

    #[test]
    fn a_running_node_is_found_by_its_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Endpoints::read(dir.path()).unwrap(), None);
        let published = endpoints(dir.path()).publish().unwrap();
        assert_eq!(Endpoints::read(dir.path()).unwrap(), Some(endpoints(dir.path())));
        drop(published);
        assert_eq!(Endpoints::read(dir.path()).unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        let error = Endpoints::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("node.json is damaged"), "{error}");
    }
}
