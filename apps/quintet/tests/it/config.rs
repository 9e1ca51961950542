//! `quintet config`: where values come from, and what is said about wrong ones.

use serde_json::Value;

use crate::quintet::Home;

#[test]
fn a_wrong_value_names_file_and_line_key_value_and_what_was_expected() {
    let home = Home::new();
    let file = home.write("q.toml", "[log]\nlevel = \"info\"\n\n[dht]\nbucket_size = 3\n");
    for command in [&["dht", "--config", &file][..], &["config", "check", "--config", &file]] {
        let ended = home.run(command);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(ended.out, "");
        let expected = format!("{file}:5:15: dht.bucket_size = 3: expected 8 to 20 contacts");
        assert!(ended.err.contains(&expected), "{}", ended.err);
    }
}

#[test]
fn every_error_is_told_at_once_with_its_layer() {
    let home = Home::new();
    let file = home.write("q.toml", "[dht]\nlissten = \"127.0.0.1:1\"\n");
    let mut command =
        home.command(&["config", "check", "--config", &file, "--log", "loud", "--json"]);
    let output = command.env("QUINTET_OPS_LISTEN", "here").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["valid"], false);
    let errors = report["errors"].as_array().unwrap();
    let keys: Vec<&str> = errors.iter().filter_map(|error| error["key"].as_str()).collect();
    assert_eq!(keys, ["dht.lissten", "ops.listen", "log.level"]);
    assert_eq!(errors[0]["origin"]["line"], 2);
    assert_eq!(errors[0]["reason"], "unknown key; did you mean dht.listen?");
    assert_eq!(errors[1]["place"], "QUINTET_OPS_LISTEN");
    assert_eq!(errors[2]["place"], "--log");
}

#[test]
fn a_file_that_was_named_must_exist() {
    let ended = Home::new().run(&["config", "check", "--config", "absent.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("absent.toml: no such file"), "{}", ended.err);
}

#[test]
fn set_without_a_value_is_refused() {
    let ended = Home::new().run(&["config", "show", "--set", "log.level"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("expected key=value"), "{}", ended.err);
}

#[test]
fn show_tells_where_each_value_was_set() {
    let home = Home::new();
    let file = home.write("q.toml", "[dht]\nconcurrency = 5\n");
    let args = ["config", "show", "--origin", "--config", &file, "--rpc-listen", "127.0.0.1:7"];
    let output = home.command(&args).env("QUINTET_LOG_LEVEL", "debug").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    for line in [
        "level = \"debug\"  # QUINTET_LOG_LEVEL".to_owned(),
        format!("concurrency = 5  # {file}:2:15"),
        "listen = \"127.0.0.1:7\"  # --rpc-listen".to_owned(),
        "bucket_size = 8  # default".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is not in {shown}");
    }
}

#[test]
fn the_later_flag_wins_and_every_key_has_one() {
    let home = Home::new();
    let shown = home.json(&[
        "config",
        "show",
        "--origin",
        "--json",
        "--read-only",
        "--allow-local=false",
        "--bootstrap",
        "a.example:1",
        "--bootstrap",
        "b.example:2",
        "--limits-packets",
        "7",
        "--set",
        "dht.limits.packets=9",
    ]);
    assert_eq!(shown["dht.read_only"]["value"], true);
    assert_eq!(shown["dht.allow_local"]["value"], false);
    assert_eq!(shown["dht.bootstrap"]["value"], serde_json::json!(["a.example:1", "b.example:2"]));
    assert_eq!(shown["dht.limits.packets"]["value"], 9);
    assert_eq!(shown["dht.limits.packets"]["origin"]["flag"], "--set dht.limits.packets");
    assert_eq!(shown["dht.limits.packets"]["reloadable"], true);

    let keys = home.json(&["config", "keys", "--json"]);
    let keys = keys.as_array().unwrap();
    assert_eq!(keys.len(), shown.as_object().unwrap().len());
    assert!(keys.iter().all(|key| key["doc"].as_str().is_some_and(|doc| !doc.is_empty())));
}

#[test]
fn a_secret_is_not_shown() {
    let home = Home::new();
    let token = "0123456789abcdef0123";
    let args = ["config", "show", "--set", &format!("dht.rpc.bearer_token={token}")];
    let shown = home.ok(&args);
    assert!(shown.contains("bearer_token = \"<redacted>\""), "{shown}");
    assert!(!shown.contains(token));
}

#[test]
fn the_example_configuration_is_what_init_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quintet.toml");
    let example = std::fs::read_to_string(path).unwrap();
    let printed = Home::new().ok(&["config", "init"]);
    assert!(example == printed, "write it again: quintet config init > examples/quintet.toml");
}

#[test]
fn what_init_prints_is_valid_with_every_key_set() {
    let home = Home::new();
    let printed = home.ok(&["config", "init"]);
    let is_key = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
            && line.contains(" = ")
    };
    let set: String = printed
        .lines()
        .map(|line| if is_key(line) { format!("{}\n", &line[1..]) } else { format!("{line}\n") })
        .collect();
    assert_ne!(set, printed);
    let file = home.write("q.toml", &set);
    let checked = home.json(&["config", "check", "--json", "--config", &file]);
    assert_eq!(checked["valid"], true, "{checked}");
}
