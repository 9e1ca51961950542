//! What does not need a node: help, completions, the manual, kinds that are not here.

use crate::quintet::Home;

#[test]
fn completions_know_the_commands() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.ok(&["completions", shell]);
        for word in ["up", "dht", "keygen", "completions", "rpc-listen", "script-trace"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(home.run(&["completions", "tcsh"]).code, Some(2));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let home = Home::new();
    assert!(home.ok(&["man"]).contains(".TH quintet 1"));
    let dir = home.path("man1");
    home.ok(&["man", &dir]);
    for page in [
        "quintet.1",
        "quintet-up.1",
        "quintet-dht.1",
        "quintet-dht-put.1",
        "quintet-bitcoin-import.1",
    ] {
        assert!(std::path::Path::new(&dir).join(page).is_file(), "{page}");
    }
}

#[test]
fn help_teaches_with_examples_and_defaults() {
    let home = Home::new();
    for command in [
        &["--help"][..],
        &["dht", "--help"],
        &["up", "--help"],
        &["dht", "put", "--help"],
        &["config", "--help"],
        &["bitcoin", "--help"],
        &["bitcoin", "import", "--help"],
        &["bitcoin", "verify", "--help"],
        &["bitcoin", "script-trace", "--help"],
        &["rollup", "--help"],
        &["rollup", "derive", "--help"],
        &["rollup", "execute", "--help"],
        &["lux", "--help"],
        &["lux", "dev", "--help"],
    ] {
        let help = home.ok(command);
        assert!(help.contains("Examples:"), "{command:?}");
    }
    let help = home.ok(&["dht", "--help"]);
    assert!(help.contains("[default: 0.0.0.0:6881] [key: dht.listen]"), "{help}");
    let short = home.ok(&["dht", "-h"]);
    assert!(short.contains("--listen") && !short.contains("--storage-peers"), "{short}");
    assert!(home.ok(&["--version"]).starts_with("quintet "));
}

#[test]
fn a_kind_that_needs_more_to_run_is_told_apart_from_a_typing_error() {
    let home = Home::new();
    let says_where = |args: &[&str], kind: &str| {
        let ended = home.run(args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let said = format!("see `quintet {kind} --help`");
        assert!(ended.err.contains(&said), "{}", ended.err);
    };
    for kind in ["bitcoin", "kaspa", "lux", "rollup"] {
        says_where(&[kind], kind);
    }
    let ended = home.run(&["up", "--kinds", "monero"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("expected a kind (dht, bitcoin, kaspa, lux, rollup); found \"monero\""),
        "{}",
        ended.err
    );
    let ended = home.run(&["dth"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("unrecognized subcommand"), "{}", ended.err);
}

#[test]
fn numbers_out_of_range_are_usage_errors() {
    let home = Home::new();
    for args in [
        &["up", "--nodes", "1"][..],
        &["up", "--nodes", "257"],
        &["dht", "get", "abc"],
        &["dht", "put"],
    ] {
        assert_eq!(home.run(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn a_dashboard_for_other_machines_is_refused() {
    let ended = Home::new().run(&["up", "--dashboard", "0.0.0.0:0"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("expected a loopback address"), "{}", ended.err);
}
