//! Each rule of `layers`: silent where it must be, and speaking for its own reason.

use super::*;
use crate::workspace::fixture::{Fixture, on};

const RULES: &str = r#"
[[layer]]
name = "foundation"
crates = ["primitives", "store"]

[[layer]]
name = "protocols"
crates = ["dht-protocol", "lux-protocol"]

[[layer]]
name = "nodes"
crates = ["dht-node", "lux-node"]

[arrows]
primitives = []
store = ["primitives"]
dht-protocol = ["primitives"]
lux-protocol = []
dht-node = ["store", "dht-protocol"]
lux-node = []

[dev]
lux-protocol = ["primitives"]
"#;

/// Six crates that obey [`RULES`]; the closure may change one crate's manifest tables.
fn house(rules: &str, change: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let lawful = |name: &str| match name {
        "store" => format!("[dependencies]\n{}", on("primitives")),
        "dht-protocol" => format!("[build-dependencies]\n{}", on("primitives")),
        "lux-protocol" => format!("[dev-dependencies]\n{}", on("primitives")),
        "dht-node" => format!(
            "[dependencies]\n{}tokio = \"1\"\n[target.'cfg(unix)'.dependencies]\n{}",
            on("store"),
            on("dht-protocol")
        ),
        _ => String::new(),
    };
    let names = ["primitives", "store", "dht-protocol", "lux-protocol", "dht-node", "lux-node"];
    let house = names.into_iter().fold(Fixture::new().file(LAYERS_FILE, rules), |house, name| {
        house.member(name, &change(name).unwrap_or_else(|| lawful(name)))
    });
    check(&house.load()).expect("readable rules").lines()
}

fn lawful(_: &str) -> Option<String> {
    None
}

/// Gives one crate other manifest tables.
fn with(changed: &'static str, tables: String) -> impl Fn(&str) -> Option<String> {
    move |name| (name == changed).then(|| tables.clone())
}

#[test]
fn a_lawful_house_is_silent() {
    assert_eq!(house(RULES, lawful), Vec::<String>::new());
}

#[test]
fn an_arrow_that_is_not_listed_is_an_error_at_its_line_in_the_manifest() {
    let tables = format!("[dependencies]\n{}{}", on("store"), on("dht-protocol"));
    let lines = house(RULES, with("lux-node", tables));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[1].starts_with(
            "error: crates/lux-node/Cargo.toml:8: lux-node -> store is no allowed arrow"
        ),
        "{lines:#?}"
    );
    assert!(lines[1].contains("add \"store\" to `lux-node` in layers.toml"), "{lines:#?}");
}

#[test]
fn an_arrow_for_development_does_not_allow_a_normal_one() {
    let lines = house(RULES, with("lux-protocol", format!("[dependencies]\n{}", on("primitives"))));
    assert!(lines[0].contains("lux-protocol -> primitives is no allowed arrow"), "{lines:#?}");
}

#[test]
fn a_crate_that_is_not_listed_is_an_error() {
    let rules = RULES.replace("\"lux-node\"", "").replace("lux-node = []", "");
    let lines = house(&rules, lawful);
    assert!(lines[0].contains("crate `lux-node` stands in no layer"), "{lines:#?}");
    assert!(lines[1].contains("crate `lux-node` has no line under [arrows]"), "{lines:#?}");
}

#[test]
fn a_crate_in_two_layers_is_an_error() {
    let rules =
        RULES.replace("\"primitives\", \"store\"]", "\"primitives\", \"store\", \"lux-node\"]");
    let lines = house(&rules, lawful);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("crate `lux-node` stands in two layers"), "{lines:#?}");
}

#[test]
fn a_listed_arrow_that_nobody_uses_is_a_warning() {
    let rules = RULES.replace("lux-node = []", "lux-node = [\"store\"]");
    let lines = house(&rules, lawful);
    assert_eq!(
        lines,
        ["warning: layers.toml:20: lux-node -> store is listed under [arrows] and not used; \
          take \"store\" out of the list"]
    );
}

#[test]
fn a_line_for_a_crate_that_is_not_there_is_a_warning() {
    let rules = RULES.replace("[dev]", "[dev]\ngone = [\"store\"]");
    let lines = house(&rules, lawful);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].starts_with("warning: layers.toml:23: there is no crate `gone`"),
        "{lines:#?}"
    );
}

#[test]
fn a_cycle_through_a_development_dependency_is_an_error() {
    let rules = RULES.replace("[dev]", "[dev]\nprimitives = [\"store\"]");
    let lines = house(&rules, with("primitives", format!("[dev-dependencies]\n{}", on("store"))));
    let real = "error: crates/primitives/Cargo.toml:1: a cycle: primitives -> store -> primitives";
    assert!(lines.iter().any(|line| line.starts_with(real)), "{lines:#?}");
    let listed = "the list allows a cycle: primitives -> store -> primitives";
    assert!(lines.iter().any(|line| line.contains(listed)), "{lines:#?}");
}

#[test]
fn a_crate_that_uses_itself_in_its_tests_is_no_cycle() {
    let tables = "[dev-dependencies]\nquintet-primitives = { path = \".\" }\n".to_owned();
    assert_eq!(house(RULES, with("primitives", tables)), Vec::<String>::new());
}

#[test]
fn an_arrow_that_points_up_is_an_error_although_listed() {
    let rules = RULES
        .replace("lux-protocol = []", "lux-protocol = []\nextra = []")
        .replace("primitives = []\n", "primitives = [\"lux-protocol\"]\n");
    let lines =
        house(&rules, with("primitives", format!("[dependencies]\n{}", on("lux-protocol"))));
    let up = "primitives (foundation) -> lux-protocol (protocols) points up";
    assert!(lines.iter().any(|line| line.contains(up)), "{lines:#?}");
}

#[test]
fn two_node_kinds_that_meet_are_an_error_although_listed() {
    let rules = RULES.replace("lux-node = []", "lux-node = [\"dht-node\"]");
    let lines = house(&rules, with("lux-node", format!("[dependencies]\n{}", on("dht-node"))));
    assert_eq!(lines.len(), 2, "the manifest and the list: {lines:#?}");
    for line in &lines {
        assert!(line.contains("lux-node -> dht-node is refused, listed or not"), "{line}");
    }
}

#[test]
fn a_protocol_on_a_foundation_crate_with_effects_is_an_error_although_listed() {
    let rules = RULES.replace("lux-protocol = []", "lux-protocol = [\"store\"]");
    let tables = format!("[dependencies]\n{}[dev-dependencies]\n{}", on("store"), on("primitives"));
    let lines = house(&rules, with("lux-protocol", tables));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("lux-protocol -> store is refused"), "{lines:#?}");
    assert!(lines[0].contains("protocols do no I/O"), "{lines:#?}");
}

#[test]
fn a_protocol_on_tokio_is_an_error_and_a_node_on_tokio_is_not() {
    let tables = format!("[dependencies]\n{}tokio = \"1\"\n", on("primitives"));
    let lines = house(RULES, with("dht-protocol", tables));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].starts_with("error: crates/dht-protocol/Cargo.toml:9: `dht-protocol` uses tokio"),
        "{lines:#?}"
    );
}

#[test]
fn a_protocol_that_reaches_tokio_through_another_crate_is_an_error() {
    let lines = house(RULES, with("primitives", "[dependencies]\ntokio-util = \"0.7\"\n".into()));
    assert!(
        lines[0].contains("`primitives` uses tokio and is part of `dht-protocol`"),
        "{lines:#?}"
    );
}

#[test]
fn rules_with_a_key_nobody_knows_are_refused() {
    let fixture = Fixture::new().file(LAYERS_FILE, "arrow = 1\n");
    let error = check(&fixture.load()).expect_err("an unknown key");
    assert!(format!("{error:#}").contains("unknown field `arrow`"), "{error:#}");
}
