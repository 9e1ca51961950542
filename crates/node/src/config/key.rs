//! Dotted keys: reading and writing value trees by path, and the environment's spelling of a key.

use serde_json::Value;

/// Begins every environment variable of the configuration.
pub(super) const ENV_PREFIX: &str = "QUINTET_";

/// The environment variable of a dotted key: `dht.max_peers` is `QUINTET_DHT_MAX_PEERS`.
pub(super) fn env_name(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace(['.', '-'], "_").to_ascii_uppercase())
}

/// Whether `name` may name a section.
pub(super) fn is_section_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What follows `base` in `path`, if `path` is `base` or lies within it: `[2].host` or `.rate`.
pub(super) fn suffix<'a>(path: &'a str, base: &str) -> Option<&'a str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The value at `path`, such as `limits.rate` or `bootstrap[2]`; the tree itself for an empty path.
pub(super) fn get<'a>(tree: &'a Value, path: &str) -> Option<&'a Value> {
    let mut steps = path.split(['.', '[']).filter(|step| !step.is_empty());
    steps.try_fold(tree, |node, step| match step.strip_suffix(']') {
        Some(index) => node.get(index.parse::<usize>().ok()?),
        None => node.get(step),
    })
}

/// Replaces the value at the dotted `path`; a path that is not in the tree changes nothing.
pub(super) fn set(tree: &mut Value, path: &str, value: Value) {
    if let Some(slot) = path.split('.').try_fold(tree, |node, step| node.get_mut(step)) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_tables_and_list_elements_by_path() {
        let tree = json!({"limits": {"rate": 5}, "list": ["a", {"b": 1}]});
        assert_eq!(get(&tree, "limits.rate"), Some(&json!(5)));
        assert_eq!(get(&tree, "list[1].b"), Some(&json!(1)));
        assert_eq!(get(&tree, "list[7]"), None);
        assert_eq!(get(&tree, ""), Some(&tree));
    }

    #[test]
    fn a_suffix_begins_at_a_boundary() {
        assert_eq!(suffix("peers[1]", "peers"), Some("[1]"));
        assert_eq!(suffix("peers.max", "peers"), Some(".max"));
        assert_eq!(suffix("peers_max", "peers"), None);
    }
}
