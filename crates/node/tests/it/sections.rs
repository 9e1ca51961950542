//! A section with a key of every type, and ways to load it.

use std::{collections::BTreeMap, ffi::OsString, fs, net::SocketAddr, num::NonZeroU8, path::Path};

use quintet_node::{
    config::{
        BindAddr, ByteSize, Config, ConfigError, FlagValue, HostPort, HumanDuration, Issues,
        Schema, Secret, Section, Sources,
    },
    ops::OpsConfig,
    telemetry::LogConfig,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DhtConfig {
    pub(crate) listen: BindAddr,
    pub(crate) max_peers: u16,
    pub(crate) min_peers: u16,
    pub(crate) bootstrap: Vec<HostPort>,
    pub(crate) timeout: HumanDuration,
    pub(crate) cache: ByteSize,
    pub(crate) external: Option<SocketAddr>,
    pub(crate) seed: Option<u64>,
    pub(crate) password: Secret,
    pub(crate) token: Option<Secret>,
    pub(crate) read_only: bool,
    pub(crate) ratio: f64,
    pub(crate) workers: NonZeroU8,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) rate: u32,
    pub(crate) burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rate: 100, burst: 200 }
    }
}

impl Default for DhtConfig {
    fn default() -> Self {
        Self {
            listen: BindAddr::loopback(6881),
            max_peers: 64,
            min_peers: 8,
            bootstrap: Vec::new(),
            timeout: HumanDuration::from_secs(5),
            cache: ByteSize::from_mib(64),
            external: None,
            seed: None,
            password: Secret::default(),
            token: None,
            read_only: false,
            ratio: 0.5,
            workers: NonZeroU8::MIN,
            labels: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

impl Section for DhtConfig {
    const NAME: &'static str = "dht";
    const DOCS: &'static [(&'static str, &'static str)] = &[
        ("", "The DHT."),
        ("listen", "Where it listens."),
        ("max_peers", "Peers at most."),
        ("min_peers", "Peers at least."),
        ("bootstrap", "Whom to ask first."),
        ("timeout", "Time a peer has to answer."),
        ("cache", "Memory for records."),
        ("external", "The address others see."),
        ("seed", "Fixes the randomness."),
        ("password", "Admits clients."),
        ("token", "Admits other clients."),
        ("read_only", "Answers no queries."),
        ("ratio", "A fraction."),
        ("workers", "Threads."),
        ("labels", "Free words."),
        ("limits.rate", "Packets a second."),
        ("limits.burst", "Packets at once."),
    ];
    const RELOADABLE: &'static [&'static str] = &["max_peers", "min_peers", "password", "limits"];

    fn validate(&self, issues: &mut Issues) {
        if self.min_peers > self.max_peers {
            issues.conflict("min_peers", "max_peers", "at most max_peers");
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            issues.reject("ratio", "a number from 0 to 1");
        }
        if self.limits.rate > self.limits.burst {
            issues.conflict("limits.rate", "limits.burst", "at most limits.burst");
        }
    }
}

pub(crate) fn schema() -> Schema {
    Schema::new().section::<LogConfig>().section::<OpsConfig>().section::<DhtConfig>()
}

/// A directory that holds `quintet.toml`.
pub(crate) fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("quintet.toml");
    fs::write(&path, text).unwrap();
    (dir, Sources::default().with_file(path, true))
}

pub(crate) fn env(vars: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    vars.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

pub(crate) fn set(argument: &str) -> FlagValue {
    FlagValue::from_set(argument).unwrap()
}

pub(crate) fn load(
    text: &str,
    vars: &[(&str, &str)],
    sets: &[&str],
) -> Result<Config, ConfigError> {
    let (_dir, sources) = file(text);
    let flags = sets.iter().map(|argument| set(argument));
    schema().load(&sources.with_env(env(vars)).with_flags(flags))
}

/// The lines of the report, without the directory of the file.
pub(crate) fn errors(text: &str, vars: &[(&str, &str)], sets: &[&str]) -> Vec<String> {
    let (dir, sources) = file(text);
    let flags = sets.iter().map(|argument| set(argument));
    let error = schema().load(&sources.with_env(env(vars)).with_flags(flags)).unwrap_err();
    lines(&error, dir.path())
}

pub(crate) fn lines(error: &ConfigError, dir: &Path) -> Vec<String> {
    let dir = format!("{}/", dir.display());
    let text = error.to_string().replace(&dir, "");
    text.lines().skip(1).map(|line| line.trim_start().to_owned()).collect()
}
