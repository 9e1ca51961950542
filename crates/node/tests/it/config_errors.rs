//! Bad configuration: what each error says, and that all are said at once.

use std::{ffi::OsString, fs};

use quintet_node::config::{
    CONFIG_FILE_MAX_BYTES, FlagValue, ISSUES_MAX, Schema, Section, Sources,
};
use serde::{Deserialize, Serialize};

use crate::sections::{DhtConfig, env, errors, file, lines, schema};

/// Loads a file with one line in `[dht]` and returns the one error, without its position.
fn error_of(line: &str) -> String {
    let found = errors(&format!("[dht]\n{line}\n"), &[], &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    let (position, rest) = found[0].split_once(": ").unwrap();
    assert!(position.starts_with("quintet.toml:2:"), "{position}");
    rest.to_owned()
}

#[test]
fn every_wrong_value_says_what_was_expected() {
    let integer = "expected an integer from 0 to 65535";
    let bind = "expected an IP address and port to bind, such as 127.0.0.1:6881, 0.0.0.0:6881 or [::]:6881";
    let reach = "expected a host and port to reach, such as router.example.org:6881, 192.0.2.1:6881 or [2001:db8::1]:6881";
    let size = "expected a size such as 4096, 512KiB, 64MiB, 2GiB or 1GB";
    let duration = "expected a duration with its unit, such as 250ms, 30s, 5m, 1h30m or 7d";
    for (line, key_and_value, reason) in [
        ("max_peers = \"many\"", "dht.max_peers = \"many\"", integer),
        ("max_peers = 70000", "dht.max_peers = 70000", integer),
        ("max_peers = -1", "dht.max_peers = -1", integer),
        ("max_peers = 1.5", "dht.max_peers = 1.5", integer),
        ("max_peers = [1]", "dht.max_peers = [1]", integer),
        ("max_peers = 1979-05-27", "dht.max_peers = \"1979-05-27\"", integer),
        ("max_peers = { a = 1 }", "dht.max_peers", integer),
        ("workers = 0", "dht.workers = 0", "expected an integer from 1 to 255"),
        ("listen = \"localhost:1\"", "dht.listen = \"localhost:1\"", bind),
        ("listen = 6881", "dht.listen = 6881", bind),
        ("bootstrap = \"a.example:1\"", "dht.bootstrap = \"a.example:1\"", "expected a list"),
        ("bootstrap = [\"a.example:1\", \"b\"]", "dht.bootstrap[1] = \"b\"", reach),
        ("timeout = 5", "dht.timeout = 5", duration),
        ("timeout = \"5 minutes\"", "dht.timeout = \"5 minutes\"", duration),
        ("cache = \"64M\"", "dht.cache = \"64M\"", size),
        ("cache = -1", "dht.cache = -1", size),
        (
            "external = \"nowhere\"",
            "dht.external = \"nowhere\"",
            "expected an IP address and port, such as 127.0.0.1:6881",
        ),
        ("read_only = \"yes\"", "dht.read_only = \"yes\"", "expected true or false"),
        ("ratio = \"half\"", "dht.ratio = \"half\"", "expected a number"),
        ("ratio = nan", "dht.ratio = \"NaN\"", "expected a number"),
        ("ratio = 1.5", "dht.ratio = 1.5", "expected a number from 0 to 1"),
        ("labels = 5", "dht.labels = 5", "expected a table"),
        ("labels = { a = 5 }", "dht.labels.a", "expected a string"),
        ("limits = 5", "dht.limits", "expected a table with the keys burst, rate"),
    ] {
        assert_eq!(error_of(line), format!("{key_and_value}: {reason}"), "{line}");
    }
}

#[test]
fn an_unknown_key_comes_with_the_known_one_that_is_close() {
    for (line, message) in [
        ("max_pers = 5", "unknown key dht.max_pers; did you mean dht.max_peers?"),
        ("limits.rat = 5", "unknown key dht.limits.rat; did you mean dht.limits.rate?"),
        ("frobnicate = 5", "unknown key dht.frobnicate; `quintet config init` prints every key"),
    ] {
        assert_eq!(error_of(line), message);
    }
    let outside = errors("[dth]\nmax_peers = 5\n", &[], &[]);
    assert_eq!(outside, ["quintet.toml:1:2: unknown key dth; did you mean dht?"]);
    let outside = errors("max_peers = 5\n", &[], &[]);
    assert_eq!(outside, ["quintet.toml:1:1: unknown key max_peers; did you mean dht.max_peers?"]);
}

#[test]
fn all_errors_of_all_layers_come_at_once_in_the_order_of_the_layers() {
    let text = "[log]\nlevel = \"verbose\"\nformat = \"xml\"\n\n[dht]\nlisten = \"here\"\n\
                bootstrap = [\n  \"a.example:1\",\n  \"b\",\n]\nmax_pers = 3\n";
    let vars = [
        ("QUINTET_DHT_MAX_PEERS", "many"),
        ("QUINTET_DHT_MAX_PERS", "5"),
        ("QUINTET_DHT_BOOTSTRAP", "a.example:1,:2"),
    ];
    let found = errors(text, &vars, &["ops.listen=localhost", "dht.workers=0", "dth.workers=1"]);
    let bind = "expected an IP address and port to bind, such as 127.0.0.1:6881, 0.0.0.0:6881 or [::]:6881";
    let reach = "expected a host and port to reach, such as router.example.org:6881, 192.0.2.1:6881 or [2001:db8::1]:6881";
    assert_eq!(
        found,
        [
            "quintet.toml:2:9: log.level = \"verbose\": expected a level (off, error, warn, info, debug, trace), with exceptions by module if need be, such as info,quintet_dht_node=debug".to_owned(),
            "quintet.toml:3:10: log.format = \"xml\": expected human or json".to_owned(),
            format!("quintet.toml:6:10: dht.listen = \"here\": {bind}"),
            format!("quintet.toml:9:3: dht.bootstrap[1] = \"b\": {reach}"),
            "quintet.toml:11:1: unknown key dht.max_pers; did you mean dht.max_peers?".to_owned(),
            format!("QUINTET_DHT_BOOTSTRAP: dht.bootstrap[1] = \":2\": {reach}"),
            "QUINTET_DHT_MAX_PEERS: dht.max_peers = \"many\": expected an integer from 0 to 65535".to_owned(),
            "QUINTET_DHT_MAX_PERS: unknown key QUINTET_DHT_MAX_PERS; did you mean QUINTET_DHT_MAX_PEERS?".to_owned(),
            "--set dht.workers: dht.workers = 0: expected an integer from 1 to 255".to_owned(),
            "--set dth.workers: unknown key dth.workers; did you mean dht.workers?".to_owned(),
            format!("--set ops.listen: ops.listen = \"localhost\": {bind}"),
        ]
    );
}

#[test]
fn the_report_begins_with_the_number_of_errors() {
    let (dir, sources) = file("[dht]\nmax_peers = true\n");
    let error = schema().load(&sources).unwrap_err();
    let path = dir.path().join("quintet.toml");
    assert_eq!(
        error.to_string(),
        format!(
            "the configuration has 1 error:\n  {}:2:13: dht.max_peers = true: expected an integer from 0 to 65535",
            path.display()
        )
    );
}

#[test]
fn keys_that_contradict_each_other_are_both_named() {
    let found = errors("[dht]\nmin_peers = 9\n", &[("QUINTET_DHT_MAX_PEERS", "5")], &[]);
    assert_eq!(
        found,
        [
            "quintet.toml:2:13: dht.min_peers = 9: expected at most max_peers (dht.max_peers = 5, from QUINTET_DHT_MAX_PEERS)"
        ]
    );
}

#[test]
fn a_contradiction_with_a_wrong_value_is_not_reported_on_top() {
    let found = errors("[dht]\nmin_peers = 100\nmax_peers = \"x\"\n", &[], &[]);
    assert_eq!(
        found,
        ["quintet.toml:3:13: dht.max_peers = \"x\": expected an integer from 0 to 65535"]
    );
}

#[test]
fn a_wrong_value_is_reported_even_where_a_flag_overrides_it() {
    let found = errors("[dht]\nmax_peers = \"x\"\n", &[], &["dht.max_peers=5"]);
    assert_eq!(
        found,
        ["quintet.toml:2:13: dht.max_peers = \"x\": expected an integer from 0 to 65535"]
    );
}

#[test]
fn variables_of_no_section_belong_to_somebody_else() {
    let vars = env(&[("QUINTET_VECTORS", "x"), ("QUINTET_DHTX", "x"), ("PATH", "x")]);
    schema().load(&Sources::default().with_env(vars)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let value = OsString::from_vec(vec![0xff]);
    let vars = [(OsString::from("QUINTET_DHT_LISTEN"), value)];
    let error = schema().load(&Sources::default().with_env(vars)).unwrap_err();
    assert_eq!(
        error.issues()[0].to_string(),
        "QUINTET_DHT_LISTEN: dht.listen: expected UTF-8 text"
    );
}

#[test]
fn broken_toml_is_reported_with_its_place_beside_the_other_layers() {
    let found = errors("[dht]\nmax_peers = = 5\n", &[("QUINTET_DHT_WORKERS", "0")], &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("quintet.toml:2:13: not valid TOML: "), "{}", found[0]);
    assert!(found[1].starts_with("QUINTET_DHT_WORKERS: "), "{}", found[1]);
}

#[test]
fn a_key_given_twice_in_a_file_is_refused() {
    let found = errors("[dht]\nmax_peers = 5\nmax_peers = 6\n", &[], &[]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("quintet.toml:3:1: not valid TOML: duplicate key"),
        "{}",
        found[0]
    );
}

#[test]
fn a_named_file_must_exist_and_the_default_one_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("absent.toml");
    schema().load(&Sources::default().with_file(&path, false)).unwrap();
    let error = schema().load(&Sources::default().with_file(&path, true)).unwrap_err();
    assert_eq!(
        lines(&error, dir.path()),
        ["absent.toml: no such file; `quintet config init` prints one to start from"]
    );
}

#[test]
fn a_file_that_is_huge_binary_or_a_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.toml");
    let error_of = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = schema().load(&Sources::default().with_file(&path, true)).unwrap_err();
        lines(&error, dir.path()).remove(0)
    };
    let huge = vec![b'#'; usize::try_from(CONFIG_FILE_MAX_BYTES).unwrap() + 1];
    assert_eq!(error_of(&huge), "x.toml: expected at most 1048576 bytes; the file has more");
    assert_eq!(error_of(b"a\xff"), "x.toml: expected UTF-8 text; found another byte at 1");
    let error = schema().load(&Sources::default().with_file(dir.path(), true)).unwrap_err();
    assert!(error.to_string().contains("cannot be"), "{error}");
}

#[test]
fn a_file_wrong_in_every_line_gets_a_bounded_report() {
    let text: String = (0..500).map(|i| format!("key{i} = 1\n")).collect();
    let (_dir, sources) = file(&text);
    let error = schema().load(&sources).unwrap_err();
    assert_eq!(error.issues().len(), ISSUES_MAX);
    let report = error.to_string();
    assert!(report.starts_with("the configuration has 500 errors:"), "{report}");
    assert!(report.ends_with("… and 400 more"), "{report}");
}

#[test]
fn secrets_appear_in_no_error() {
    let text = "password = 777777\ntoken = [\"777777\"]\npasword = \"777777\"\n";
    let text = format!("[dht]\n{text}\n[log]\nlevel = \"x\n# 777777\"\n");
    let broken = errors(&text, &[], &["dht.password=<redacted>"]);
    let text = text.replace("\"x\n# 777777\"", "\"info\"");
    let wrong = errors(&text, &[], &["dht.password=<redacted>"]);
    assert_eq!(
        wrong,
        [
            "quintet.toml:2:12: dht.password = <redacted>: expected a string",
            "quintet.toml:3:9: dht.token = <redacted>: expected a string",
            "quintet.toml:4:1: unknown key dht.pasword; did you mean dht.password?",
            "--set dht.password: dht.password = <redacted>: expected the secret itself, not the placeholder that config show prints",
        ]
    );
    assert!(!broken.concat().contains("777777"), "{broken:#?}");
}

#[test]
fn set_needs_a_key_and_a_value() {
    let error = FlagValue::from_set("log.level").unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected key=value, such as --set log.level=debug; found \"log.level\""
    );
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Careless {
    max: u8,
    a_b: u8,
    a: Inner,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    b: u8,
}

impl Section for Careless {
    const NAME: &'static str = "careless";
    const DOCS: &'static [(&'static str, &'static str)] =
        &[("", "x"), ("mix", "x"), ("a_b", "x"), ("a.b", "x")];
    const RELOADABLE: &'static [&'static str] = &["gone"];
}

#[test]
fn a_careless_section_is_found_out() {
    let schema = Schema::new().section::<Careless>().section::<DhtConfig>().section::<DhtConfig>();
    assert_eq!(
        schema.defects(),
        [
            "careless.max: the key has no documentation",
            "careless.mix: documented, but no such key",
            "careless.gone: declared reloadable, but no such key",
            "section dht: registered twice",
            "careless.a.b: QUINTET_CARELESS_A_B is also the variable of careless.a_b",
        ]
    );
    assert!(schema.load(&Sources::default()).is_err());
}

#[test]
fn the_sections_of_this_crate_are_declared_with_care() {
    assert_eq!(schema().defects(), Vec::<String>::new());
}
