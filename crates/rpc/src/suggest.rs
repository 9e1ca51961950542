//! "Did you mean": the known method names nearest to an unknown one.

/// Most names suggested at once.
const SUGGESTIONS_MAX: usize = 3;
/// Longest name, in bytes, for which suggestions are looked for; the cost grows with its length.
const NAME_BYTES_MAX: usize = 64;

/// The known names that differ from `unknown` by few edits or only by their prefix, nearest first.
pub(crate) fn nearest(unknown: &str, known: &[&'static str]) -> Vec<&'static str> {
    if unknown.is_empty() || unknown.len() > NAME_BYTES_MAX {
        return Vec::new();
    }
    let unknown = unknown.to_ascii_lowercase();
    let mut ranked: Vec<(usize, &'static str)> = known
        .iter()
        .filter_map(|name| rank(&unknown, &name.to_ascii_lowercase()).map(|rank| (rank, *name)))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name).collect()
}

fn rank(unknown: &str, known: &str) -> Option<usize> {
    let distance = edits(unknown.as_bytes(), known.as_bytes());
    let near = distance <= (known.len() / 3).max(2);
    // `getPeers` for `kind_getPeers`, or with another kind's prefix.
    let bare = |name: &str| name.rsplit(['_', '.']).next().map(str::to_owned);
    let same_word = bare(unknown) == bare(known);
    (near || same_word).then_some(distance)
}

/// Insertions, deletions and substitutions between two names (Levenshtein), with one row of memory.
fn edits(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to) {
            let above = *cell;
            let substituted = diagonal + usize::from(a != b);
            left = substituted.min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["node_status", "node_stop", "table_list", "rpc.discover"];

    #[test]
    fn edits_are_counted() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 2),
            ("same", "same", 0),
        ] {
            assert_eq!(edits(from.as_bytes(), to.as_bytes()), expected, "{from} → {to}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_method() {
        assert_eq!(nearest("node_statsu", KNOWN), ["node_status"]);
        assert_eq!(nearest("NODE_STOP", KNOWN), ["node_stop"]);
        assert_eq!(nearest("discover", KNOWN), ["rpc.discover"]);
    }

    #[test]
    fn a_stranger_finds_nothing() {
        assert_eq!(nearest("eth_blockNumber", KNOWN), [""; 0]);
        assert_eq!(nearest("", KNOWN), [""; 0]);
        assert_eq!(nearest(&"n".repeat(65), KNOWN), [""; 0]);
    }
}
