//! Reloading: what applies at once, what needs a restart, what is refused.

use std::fs;

use quintet_node::config::ReloadHandle;
use tokio_util::sync::CancellationToken;

use crate::sections::{DhtConfig, file, schema, set};

#[test]
fn publishes_what_may_change_and_reports_the_rest() {
    let (dir, sources) = file("[dht]\nmax_peers = 50\nlisten = \"127.0.0.1:1\"\n");
    let handle = ReloadHandle::new(schema().load(&sources).unwrap(), sources);
    let subscriber = handle.subscribe();
    let path = dir.path().join("quintet.toml");
    let text =
        "[dht]\nmax_peers = 60\nlisten = \"127.0.0.1:2\"\nlimits.rate = 7\npassword = \"p\"\n";
    fs::write(&path, text).unwrap();

    let report = handle.reload().unwrap();

    let applied: Vec<String> = report.applied.iter().map(ToString::to_string).collect();
    let file = path.display();
    assert_eq!(
        applied,
        [
            format!("dht.max_peers: 50 is now 60 ({file}:2:13)"),
            format!("dht.password: \"\" is now \"<redacted>\" ({file}:5:12)"),
            format!("dht.limits.rate: 100 is now 7 ({file}:4:15)"),
        ]
    );
    let restart: Vec<&str> = report.needs_restart.iter().map(|c| c.key.as_str()).collect();
    assert_eq!(restart, ["dht.listen"]);
    assert!(subscriber.has_changed().unwrap());
    let running = subscriber.borrow().section::<DhtConfig>().unwrap();
    assert_eq!((running.max_peers, running.limits.rate), (60, 7));
    assert_eq!(running.listen.to_string(), "127.0.0.1:1");
}

#[test]
fn a_configuration_that_is_not_valid_changes_nothing() {
    let (dir, sources) = file("[dht]\nmax_peers = 50\n");
    let handle = ReloadHandle::new(schema().load(&sources).unwrap(), sources);
    let subscriber = handle.subscribe();
    fs::write(dir.path().join("quintet.toml"), "[dht]\nmax_peers = 60\nworkers = 0\n").unwrap();
    let error = handle.reload().unwrap_err();
    assert!(error.to_string().contains("dht.workers = 0"), "{error}");
    assert!(!subscriber.has_changed().unwrap());
    assert_eq!(handle.current().section::<DhtConfig>().unwrap().max_peers, 50);
}

#[test]
fn a_missing_file_changes_nothing() {
    let (dir, sources) = file("[dht]\nmax_peers = 50\n");
    let handle = ReloadHandle::new(schema().load(&sources).unwrap(), sources);
    fs::remove_file(dir.path().join("quintet.toml")).unwrap();
    assert!(handle.reload().is_err());
    assert_eq!(handle.current().section::<DhtConfig>().unwrap().max_peers, 50);
}

#[test]
fn flags_keep_winning_and_an_unchanged_reload_is_silent() {
    let (dir, sources) = file("[dht]\nmax_peers = 50\n");
    let sources = sources.with_flags([set("dht.max_peers=70")]);
    let handle = ReloadHandle::new(schema().load(&sources).unwrap(), sources);
    let subscriber = handle.subscribe();
    fs::write(dir.path().join("quintet.toml"), "[dht]\nmax_peers = 60\n").unwrap();
    assert_eq!(handle.reload().unwrap(), quintet_node::config::ReloadReport::default());
    assert!(!subscriber.has_changed().unwrap());
}

#[cfg(unix)]
#[tokio::test]
async fn sighup_reloads() {
    let (dir, sources) = file("[dht]\nmax_peers = 50\n");
    let handle = ReloadHandle::new(schema().load(&sources).unwrap(), sources);
    let mut subscriber = handle.subscribe();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(handle.reload_on_sighup(shutdown.clone()).unwrap());
    fs::write(dir.path().join("quintet.toml"), "[dht]\nmax_peers = 60\n").unwrap();
    let pid = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    subscriber.changed().await.unwrap();
    assert_eq!(subscriber.borrow().section::<DhtConfig>().unwrap().max_peers, 60);
    shutdown.cancel();
    task.await.unwrap();
}
