//! Layers: which one wins, and where each value says it comes from.

use proptest::prelude::*;
use quintet_node::{
    config::{FlagValue, HumanDuration, Origin, Schema, Sources},
    ops::OpsConfig,
    telemetry::{LogConfig, LogFormat},
};
use serde_json::{Value, json};

use crate::sections::{DhtConfig, file, load, schema};

#[test]
fn without_layers_the_defaults_hold() {
    let config = schema().load(&Sources::default()).unwrap();
    assert_eq!(*config.section::<DhtConfig>().unwrap(), DhtConfig::default());
    assert_eq!(config.origin("dht.listen"), Some(Origin::Default));
    assert_eq!(config.origin("dht.nonsense"), None);
}

#[test]
fn every_type_reads_from_the_file() {
    let text = r#"
        [log]
        format = "json"
        [dht]
        listen = "0.0.0.0:7000"
        bootstrap = ["router.example.org:6881", "192.0.2.1:80"]
        timeout = "1h30m"
        cache = 4096
        external = "192.0.2.9:1"
        seed = 7
        password = "hunter2"
        token = "tok"
        ratio = 1
        labels = { a = "b" }
        limits.rate = 7
    "#;
    let config = load(text, &[], &[]).unwrap();
    let dht = config.section::<DhtConfig>().unwrap();
    assert_eq!(dht.listen.to_string(), "0.0.0.0:7000");
    assert_eq!(dht.bootstrap.len(), 2);
    assert_eq!(dht.timeout, HumanDuration::from_secs(5400));
    assert_eq!(dht.cache.bytes(), 4096);
    assert_eq!((dht.seed, dht.external.map(|addr| addr.port())), (Some(7), Some(1)));
    assert_eq!(dht.password.expose(), "hunter2");
    assert_eq!((dht.ratio, dht.limits.rate, dht.limits.burst), (1.0, 7, 200));
    assert_eq!(dht.labels.get("a").map(String::as_str), Some("b"));
    assert_eq!(config.section::<LogConfig>().unwrap().format, LogFormat::Json);
}

#[test]
fn every_type_reads_from_text() {
    let vars = [
        ("QUINTET_DHT_LISTEN", "[::]:7000"),
        ("QUINTET_DHT_BOOTSTRAP", "router.example.org:6881, 192.0.2.1:80"),
        ("QUINTET_DHT_READ_ONLY", "true"),
        ("QUINTET_DHT_LIMITS_RATE", "1_0"),
        ("QUINTET_DHT_PASSWORD", "123"),
    ];
    let sets = ["dht.external=192.0.2.9:1", "dht.seed=7", "dht.token=5", "dht.labels={ a = 'b' }"];
    let config = load("", &vars, &sets).unwrap();
    let dht = config.section::<DhtConfig>().unwrap();
    assert_eq!(dht.listen.to_string(), "[::]:7000");
    assert_eq!(dht.bootstrap.len(), 2);
    assert!(dht.read_only);
    assert_eq!((dht.limits.rate, dht.seed), (10, Some(7)));
    assert_eq!((dht.password.expose(), dht.token.as_ref().unwrap().expose()), ("123", "5"));
    assert_eq!(dht.labels.get("a").map(String::as_str), Some("b"));
    assert_eq!(dht.external.map(|addr| addr.port()), Some(1));
}

#[test]
fn empty_text_empties_lists_and_unsets_what_may_be_unset() {
    let text = "[dht]\nbootstrap = [\"a.example:1\"]\nseed = 7\n";
    let config =
        load(text, &[("QUINTET_DHT_BOOTSTRAP", ""), ("QUINTET_DHT_SEED", "")], &[]).unwrap();
    let dht = config.section::<DhtConfig>().unwrap();
    assert_eq!((dht.bootstrap.len(), dht.seed), (0, None));
}

#[test]
fn a_repeated_flag_makes_a_list_and_the_last_flag_wins() {
    let hosts = ["a.example:1", "b.example:2"].map(str::to_owned);
    let flags = [
        FlagValue::list("dht.bootstrap", hosts, "--bootstrap"),
        FlagValue::new("dht.max_peers", "10", "--max-peers"),
        FlagValue::new("dht.max_peers", "20", "--set dht.max_peers"),
    ];
    let config = schema().load(&Sources::default().with_flags(flags)).unwrap();
    let dht = config.section::<DhtConfig>().unwrap();
    assert_eq!((dht.bootstrap.len(), dht.max_peers), (2, 20));
    let origin = config.origin("dht.bootstrap").map(|origin| origin.to_string());
    assert_eq!(origin.as_deref(), Some("--bootstrap"));
}

#[test]
fn an_unregistered_section_is_an_error() {
    let config = Schema::new().section::<LogConfig>().load(&Sources::default()).unwrap();
    let error = config.section::<OpsConfig>().unwrap_err();
    assert!(error.to_string().starts_with("expected section ops ("), "{error}");
}

#[test]
fn show_prints_values_origins_and_no_secret() {
    let text = "[dht]\nmax_peers = 5\nmin_peers = 1\npassword = \"hunter2\"\ncache = 65536\n";
    let (dir, sources) = file(text);
    let vars = crate::sections::env(&[("QUINTET_DHT_TOKEN", "hunter2")]);
    let config = schema().load(&sources.with_env(vars)).unwrap();
    let shown = config.render_toml(true).replace(&format!("{}/", dir.path().display()), "");
    for line in [
        "[dht]",
        "max_peers = 5  # quintet.toml:2:13",
        "cache = \"64KiB\"  # quintet.toml:5:9",
        "password = \"<redacted>\"  # quintet.toml:4:12",
        "token = \"<redacted>\"  # QUINTET_DHT_TOKEN",
        "# seed is not set  # default",
        "labels = {}  # default",
        "[dht.limits]",
        "rate = 100  # default",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let entry = &config.render_json(true)["dht.max_peers"];
    assert_eq!(entry["value"], 5);
    assert_eq!((&entry["origin"]["layer"], &entry["origin"]["line"]), (&json!("file"), &json!(2)));
    assert_eq!(config.render_json(false)["dht"]["limits"]["burst"], 200);
    let all = format!(
        "{shown}{}{}{config:?}{:?}",
        config.render_json(true),
        config.render_json(false),
        config.section::<DhtConfig>().unwrap()
    );
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn the_default_file_documents_every_key_and_changes_nothing() {
    let text = schema().render_default_file();
    assert!(
        text.contains(
            "\n# Peers at most. (reloads)\n# Environment: QUINTET_DHT_MAX_PEERS\n#max_peers = 64\n"
        ),
        "{text}"
    );
    let config = load(&text, &[], &[]).unwrap();
    assert_eq!(*config.section::<DhtConfig>().unwrap(), DhtConfig::default());
    // With every key uncommented, it says the same, and every value comes from the file.
    let key_line =
        |line: &str| line.starts_with('#') && !line.starts_with("# ") && !line.starts_with("##");
    let set: String = text
        .lines()
        .map(|line| if key_line(line) { &line[1..] } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let config = load(&set, &[], &[]).unwrap();
    assert_eq!(*config.section::<DhtConfig>().unwrap(), DhtConfig::default());
    assert!(matches!(config.origin("dht.limits.rate"), Some(Origin::File { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_highest_layer_that_sets_a_key_wins(
        file: Option<u16>, env: Option<u16>, flags in prop::collection::vec(any::<u16>(), 0..3),
    ) {
        let text = file.map_or(String::new(), |n| format!("[dht]\nseed = {n}\n"));
        let env_text = env.map(|n| n.to_string());
        let vars: Vec<_> =
            env_text.as_deref().map(|n| ("QUINTET_DHT_SEED", n)).into_iter().collect();
        let sets: Vec<String> = flags.iter().map(|n| format!("dht.seed={n}")).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let config = load(&text, &vars, &sets).unwrap();
        let expected = flags.last().copied().or(env).or(file).map(u64::from);
        prop_assert_eq!(config.section::<DhtConfig>().unwrap().seed, expected);
    }

    #[test]
    fn what_show_prints_reads_back_as_the_same(
        peers in 8_u16.., rate in 0_u32..=200, millis: u64, bytes: u64, ratio in 0.0..=1.0_f64,
        level in "(off|error|warn|info|debug|trace)", label in "\\PC{0,12}", read_only: bool,
    ) {
        let label: Value = json!(label);
        let (timeout, cache) = (HumanDuration::from_millis(millis), quintet_node::config::ByteSize::from_bytes(bytes));
        let sets = [
            format!("dht.max_peers={peers}"), format!("dht.limits.rate={rate}"),
            format!("dht.timeout={timeout}"), format!("dht.cache={cache}"),
            format!("dht.ratio={ratio}"), format!("log.level={level}"),
            format!("dht.read_only={read_only}"), format!("dht.labels={{ a = {label} }}"),
        ];
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let config = load("", &[], &sets).unwrap();
        let shown = config.render_toml(false);
        let again = load(&shown, &[], &[]).unwrap();
        prop_assert_eq!(again.render_toml(false), shown);
        prop_assert_eq!(
            again.section::<DhtConfig>().unwrap(),
            config.section::<DhtConfig>().unwrap()
        );
    }

    #[test]
    fn any_file_and_any_text_is_answered_without_a_panic(
        text in ".{0,200}", value in ".{0,40}", key in "dht\\.[a-z_.]{0,12}",
    ) {
        let vars = [("QUINTET_DHT_BOOTSTRAP", value.as_str()), ("QUINTET_DHT_SEED", &value)];
        let set = format!("{key}={value}");
        if !value.contains('\0') {
            let _ = load(&text, &vars, &[&set]);
        }
    }
}
