//! A whole trie from sorted entries.
//!
//! ```text
//!   entries[a..b] share the path so far ─┬─ one       ─► leaf
//!                                        ├─ more shared half bytes ─► extension ─► branch
//!                                        └─ parting    ─► a slice for each half byte ─► branch
//! ```
//!
//! Nodes are written one behind the other into one buffer; a branch names its children, which lie there side by side, and takes their place.
//! Nothing is allocated for a node.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    Entry,
    nibbles::{Compact, Nibbles, nibble, shared},
    node::{NodeRef, encode_branch, encode_extension, encode_leaf},
    source::NodeSink,
};

/// Entries below one node from which its children are worth handing to other cores.
pub(super) const PARALLEL_MIN: usize = 512;

/// The entries of a node that have the same half byte at its depth.
pub(super) struct Group<'e, 'a> {
    pub(super) nibble: u8,
    pub(super) entries: &'e [Entry<'a>],
}

/// Splits sorted entries, none of which ends at `depth`, by their half bytes there.
pub(super) fn groups<'e, 'a>(
    mut entries: &'e [Entry<'a>],
    depth: usize,
) -> impl Iterator<Item = Group<'e, 'a>> {
    std::iter::from_fn(move || {
        let nibble = nibble(entries.first()?.key, depth);
        let end = entries.partition_point(|entry| self::nibble(entry.key, depth) <= nibble);
        let (group, rest) = entries.split_at(end);
        entries = rest;
        Some(Group { nibble, entries: group })
    })
}

/// Splits off the entry whose key ends at `depth`, which is the first.
pub(super) fn split_ending<'e, 'a>(
    entries: &'e [Entry<'a>],
    depth: usize,
) -> (Option<&'e Entry<'a>>, &'e [Entry<'a>]) {
    match entries.split_first() {
        Some((first, rest)) if 2 * first.key.len() <= depth => (Some(first), rest),
        _ => (None, entries),
    }
}

/// Names nodes that lie in `rlp` and tells the sink of those that are stored.
pub(super) fn seal<K: NodeSink>(
    path: &Nibbles,
    rlp: &[u8],
    nodes: &[(u8, Range<usize>)],
    sink: &mut K,
) -> [NodeRef; 16] {
    let mut refs = [NodeRef::EMPTY; 16];
    for (nibble, range) in nodes {
        let node = rlp.get(range.clone()).unwrap_or_default();
        let child = NodeRef::of_rlp(node);
        if child.as_hash().is_some() {
            sink.put(&path.join(&[*nibble]), node);
        }
        if let Some(place) = refs.get_mut(usize::from(*nibble)) {
            *place = child;
        }
    }
    refs
}

/// Appends to `rlp` the node that holds `entries`: at least one, sorted, each key once and no value empty, all sharing `path`, which is
/// as long as they are looked at. The node itself is not told to the sink; what is below is.
pub(super) fn build<K: NodeSink>(
    entries: &[Entry<'_>],
    path: &Nibbles,
    rlp: &mut Vec<u8>,
    sink: &mut K,
) {
    let depth = path.len();
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
    if entries.len() == 1 {
        return encode_leaf(&Compact::of_key(first.key, depth), first.value, rlp);
    }
    let shared = shared(first.key, last.key, depth);
    if shared == 0 {
        return build_branch(entries, path, rlp, sink);
    }
    let mut below = *path;
    for at in depth..depth + shared {
        below.push(nibble(first.key, at));
    }
    let start = rlp.len();
    build_branch(entries, &below, rlp, sink);
    let node = rlp.get(start..).unwrap_or_default();
    let child = NodeRef::of_rlp(node);
    if child.as_hash().is_some() {
        sink.put(&below, node);
    }
    rlp.truncate(start);
    let shared = Nibbles::from_slice(below.as_slice().get(depth..).unwrap_or_default());
    encode_extension(&shared.unwrap_or(Nibbles::EMPTY), &child, rlp);
}

fn build_branch<K: NodeSink>(
    entries: &[Entry<'_>],
    path: &Nibbles,
    rlp: &mut Vec<u8>,
    sink: &mut K,
) {
    let depth = path.len();
    let (ending, below) = split_ending(entries, depth);
    let start = rlp.len();
    let mut nodes = arrayvec::ArrayVec::<(u8, Range<usize>), 16>::new();
    if below.len() < PARALLEL_MIN {
        for group in groups(below, depth) {
            let begin = rlp.len();
            build(group.entries, &path.join(&[group.nibble]), rlp, sink);
            nodes.push((group.nibble, begin..rlp.len()));
        }
    } else {
        let groups: Vec<_> = groups(below, depth).collect();
        let built: Vec<_> = groups
            .par_iter()
            .map(|group| {
                let (mut rlp, mut sink) = (Vec::with_capacity(4096), K::default());
                build(group.entries, &path.join(&[group.nibble]), &mut rlp, &mut sink);
                (group.nibble, rlp, sink)
            })
            .collect();
        for (nibble, node, below) in built {
            let begin = rlp.len();
            rlp.extend_from_slice(&node);
            nodes.push((nibble, begin..rlp.len()));
            sink.append(below);
        }
    }
    let children = seal(path, rlp, &nodes, sink);
    rlp.truncate(start);
    encode_branch(&children, ending.map_or(&[], |entry| entry.value), rlp);
}
