//! The book of peers and the bans, kept between runs.
//!
//! Two files, each replaced whole: one with the book, one beside it, ending in `.bans`, with the bans.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use quintet_net::{
    bans::BanList,
    book::{Book, BookConfig},
};
use tracing::warn;

use super::{
    error::NetworkError,
    hub::{Hub, lock},
    settings::Settings,
};

/// How often the files are written.
const SAVE_EVERY: Duration = Duration::from_secs(600);

fn bans_path(path: &Path) -> PathBuf {
    path.with_added_extension("bans")
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, NetworkError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(of_no_use(path, &error)),
    }
}

fn of_no_use(path: &Path, reason: &dyn std::fmt::Display) -> NetworkError {
    NetworkError::Book { path: path.display().to_string(), reason: reason.to_string() }
}

/// Reads both files, if there are any.
pub(super) fn load(settings: &Settings) -> Result<(Option<Book>, BanList), NetworkError> {
    let Some(path) = &settings.book else { return Ok((None, BanList::new())) };
    let config = BookConfig { allow_local: settings.allow_local };
    let book = read(path)?.map(|bytes| Book::from_bytes(config, &bytes)).transpose();
    let book = book.map_err(|error| of_no_use(path, &error))?;
    let path = bans_path(path);
    let bans = read(&path)?.map(|bytes| BanList::from_bytes(&bytes)).transpose();
    let bans = bans.map_err(|error| of_no_use(&path, &error))?;
    Ok((book, bans.unwrap_or_default()))
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_added_extension("new");
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, path)
}

/// Writes both files.
async fn save(hub: &Arc<Hub>) {
    let Some(path) = hub.settings.book.clone() else { return };
    let (book, bans) = (lock(&hub.book).to_bytes(), hub.bans_bytes());
    let writing = tokio::task::spawn_blocking(move || {
        replace(&path, &book).and_then(|()| replace(&bans_path(&path), &bans))
    });
    if let Ok(Err(error)) = writing.await {
        warn!(%error, "the peers could not be written down");
    }
}

/// Writes both files now and then, and at the end.
pub(super) async fn keep(hub: Arc<Hub>) {
    loop {
        tokio::select! {
            () = hub.cancel.cancelled() => break,
            () = tokio::time::sleep(SAVE_EVERY) => save(&hub).await,
        }
    }
    save(&hub).await;
}
