//! A trie after a batch of changes.
//!
//! ```text
//!   change(path, child, entries)      the node at `path` afterwards, not yet named: its parent may have to merge with it
//!     ├─ none there    build
//!     ├─ leaf          build, with its entry among the others
//!     ├─ extension     entries that leave it make a branch in its middle
//!     └─ branch        each child with its entries; then
//!                        two ways on or more   name the children that changed
//!                        one                   merge with what is there, read if need be
//!                        none                  gone
//! ```

use std::ops::Range;

use alloy_primitives::{B256, keccak256};
use arrayvec::ArrayVec;
use rayon::prelude::*;

use super::{
    EMPTY_ROOT, Entry, KEY_BYTES_MAX, TrieError,
    build::{Group, PARALLEL_MIN, build, groups, seal, split_ending},
    nibbles::{Nibbles, shared_with},
    node::{Branch, Node, NodeRef},
    source::{NodeSink, NodeSource, Nothing},
};

/// A trie after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated<K> {
    /// Its root.
    pub root: B256,
    /// What became of nodes.
    pub nodes: K,
}

/// Returns the root of a trie that holds `entries` alone.
///
/// # Errors
///
/// [`TrieError::Order`] unless the entries are sorted by their keys, each once; [`TrieError::KeyLength`] if a key is too long.
pub fn root(entries: &[Entry<'_>]) -> Result<B256, TrieError<std::convert::Infallible>> {
    update::<_, Nothing>(&Nothing, EMPTY_ROOT, entries).map(|updated| updated.root)
}

/// Changes the trie with this root. Entries whose value is empty remove their keys.
///
/// Cost: one hash for each node on the paths of the keys; large batches go to all cores.
///
/// # Errors
///
/// [`TrieError`] if the source fails, lacks a node or has a malformed one, and unless the entries are sorted by their keys, each once.
pub fn update<S: NodeSource, K: NodeSink>(
    source: &S,
    root: B256,
    entries: &[Entry<'_>],
) -> Result<Updated<K>, TrieError<S::Error>> {
    check(entries)?;
    let old = if root == EMPTY_ROOT { NodeRef::EMPTY } else { NodeRef::hash(root) };
    let mut nodes = K::default();
    let place = Place { path: Nibbles::EMPTY, old };
    let after = Update { source }.change(&place, entries, &mut nodes)?;
    let Some(node) = after else {
        if !old.is_empty() {
            nodes.remove(&Nibbles::EMPTY);
        }
        return Ok(Updated { root: EMPTY_ROOT, nodes });
    };
    let mut rlp = Vec::with_capacity(600);
    node.encode(&mut rlp);
    let new = keccak256(&rlp);
    if new != root {
        nodes.put(&Nibbles::EMPTY, &rlp);
    }
    Ok(Updated { root: new, nodes })
}

fn check<E>(entries: &[Entry<'_>]) -> Result<(), TrieError<E>> {
    if let Some(entry) = entries.iter().find(|entry| entry.key.len() > KEY_BYTES_MAX) {
        return Err(TrieError::KeyLength { actual: entry.key.len() });
    }
    let unsorted = entries.windows(2).position(|pair| match pair {
        [a, b] => a.key >= b.key,
        _ => false,
    });
    unsorted.map_or(Ok(()), |before| Err(TrieError::Order { index: before + 1 }))
}

/// A node afterwards, with the place where it was, if it was anywhere.
#[derive(Debug, Clone, Copy)]
struct Place {
    path: Nibbles,
    /// What the parent said was there before.
    old: NodeRef,
}

impl Place {
    /// Tells the sink that what was there is gone or lies elsewhere.
    fn clear<K: NodeSink>(&self, sink: &mut K) {
        if self.old.as_hash().is_some() {
            sink.remove(&self.path);
        }
    }
}

/// A child that was looked at: the node afterwards, none if it is gone.
type After = Option<Node>;

struct Update<'s, S> {
    source: &'s S,
}

impl<S: NodeSource> Update<'_, S> {
    fn load(&self, place: &Place) -> Result<Node, TrieError<S::Error>> {
        let malformed = |source| TrieError::Node { path: place.path, source };
        if let Some(rlp) = place.old.as_embedded() {
            return Node::decode(rlp).map_err(malformed);
        }
        let hash = place.old.as_hash().unwrap_or(EMPTY_ROOT);
        let rlp = self.source.node(&place.path, &hash).map_err(TrieError::Source)?;
        let rlp = rlp.ok_or(TrieError::Missing { path: place.path, hash })?;
        Node::decode(&rlp).map_err(malformed)
    }

    /// Returns the node at `place` after `entries`, all of which share its path.
    fn change<K: NodeSink>(
        &self,
        place: &Place,
        entries: &[Entry<'_>],
        sink: &mut K,
    ) -> Result<After, TrieError<S::Error>> {
        if place.old.is_empty() {
            return Ok(built(entries, &place.path, sink));
        }
        match self.load(place)? {
            Node::Leaf { rest, value } => {
                Ok(change_leaf(&place.path, &rest, &value, entries, sink))
            }
            Node::Extension { shared, child } => {
                self.change_extension(&place.path, shared.as_slice(), child, entries, sink)
            }
            Node::Branch(branch) => self.change_branch(&place.path, branch, entries, sink),
        }
    }

    /// The branch `child` lies behind `shared`, which may be empty. Entries part from it anywhere.
    fn change_extension<K: NodeSink>(
        &self,
        path: &Nibbles,
        shared: &[u8],
        child: NodeRef,
        entries: &[Entry<'_>],
        sink: &mut K,
    ) -> Result<After, TrieError<S::Error>> {
        let depth = path.len();
        let common = |entry: &Entry<'_>| shared_with(entry.key, depth, shared);
        let is_along = |entry: &Entry<'_>| common(entry) == shared.len();
        // Keys along the whole of it are neighbours, as the entries are sorted.
        let begin = entries.iter().position(is_along).unwrap_or(entries.len());
        let (before, rest) = entries.split_at(begin);
        let end = rest.iter().position(|entry| !is_along(entry)).unwrap_or(rest.len());
        let (along, behind) = rest.split_at(end);
        let below = Place { path: path.join(shared), old: child };
        // Of the others those that remove something remove nothing.
        let parting =
            before.iter().chain(behind).filter(|entry| !entry.value.is_empty()).map(common).min();
        let Some(parting) = parting else {
            let after = self.change(&below, along, sink)?;
            return Ok(merge(shared, &below, after, sink));
        };
        let (head, tail) = shared.split_at(parting);
        let Some((way, tail)) = tail.split_first() else { return Ok(None) };
        let middle = path.join(head);
        let kept: Vec<_> = entries
            .iter()
            .filter(|entry| !entry.value.is_empty() || is_along(entry))
            .copied()
            .collect();
        let (ending, kept) = split_ending(&kept, middle.len());
        let mut branch = Branch::EMPTY;
        branch.value = ending.map(|entry| entry.value.to_vec()).unwrap_or_default();
        let mut changed = ArrayVec::<(u8, NodeRef, After), 16>::new();
        for group in groups(kept, middle.len()) {
            let way_path = middle.join(&[group.nibble]);
            let after = if group.nibble == *way {
                // With nothing in between the child stays where it was.
                self.change_extension(&way_path, tail, child, group.entries, sink)?
            } else {
                built(group.entries, &way_path, sink)
            };
            let old = if group.nibble == *way && tail.is_empty() { child } else { NodeRef::EMPTY };
            changed.push((group.nibble, old, after));
        }
        if !changed.iter().any(|(nibble, ..)| nibble == way) {
            if let Some(shared) = Nibbles::from_slice(tail).filter(|tail| !tail.is_empty()) {
                changed.push((*way, NodeRef::EMPTY, Some(Node::Extension { shared, child })));
            } else {
                branch.set_child(*way, child);
            }
        }
        let below = Place { path: middle, old: NodeRef::EMPTY };
        let after = self.finish(&middle, Box::new(branch), changed, sink)?;
        Ok(merge(head, &below, after, sink))
    }

    fn change_branch<K: NodeSink>(
        &self,
        path: &Nibbles,
        mut branch: Box<Branch>,
        entries: &[Entry<'_>],
        sink: &mut K,
    ) -> Result<After, TrieError<S::Error>> {
        let (ending, below) = split_ending(entries, path.len());
        if let Some(entry) = ending {
            branch.value = entry.value.to_vec();
        }
        let mut changed = ArrayVec::new();
        let one = |group: &Group<'_, '_>, sink: &mut K| {
            let old = branch.child(group.nibble);
            let place = Place { path: path.join(&[group.nibble]), old };
            Ok((group.nibble, old, self.change(&place, group.entries, sink)?))
        };
        if below.len() < PARALLEL_MIN {
            for group in groups(below, path.len()) {
                changed.push(one(&group, sink)?);
            }
        } else {
            let groups: Vec<_> = groups(below, path.len()).collect();
            let done: Result<Vec<_>, TrieError<S::Error>> = groups
                .par_iter()
                .map(|group| {
                    let mut sink = K::default();
                    Ok((one(group, &mut sink)?, sink))
                })
                .collect();
            for (child, below) in done? {
                changed.push(child);
                sink.append(below);
            }
        }
        self.finish(path, branch, changed, sink)
    }

    /// Puts a branch together: `changed` children are not named yet, the others are as they were.
    fn finish<K: NodeSink>(
        &self,
        path: &Nibbles,
        mut branch: Box<Branch>,
        changed: ArrayVec<(u8, NodeRef, After), 16>,
        sink: &mut K,
    ) -> Result<After, TrieError<S::Error>> {
        for (nibble, ..) in &changed {
            branch.set_child(*nibble, NodeRef::EMPTY);
        }
        let kept = branch.children.iter().filter(|child| !child.is_empty()).count();
        let there = changed.iter().filter(|(.., after)| after.is_some()).count();
        let ways = kept + there + usize::from(!branch.value.is_empty());
        if ways > 1 {
            name(path, &mut branch, &changed, sink);
            return Ok(Some(Node::Branch(branch)));
        }
        let mut last = None;
        for (nibble, old, after) in changed {
            let place = Place { path: path.join(&[nibble]), old };
            match after {
                Some(node) => last = Some((nibble, place, node)),
                None => place.clear(sink),
            }
        }
        if let Some((nibble, place, node)) = last {
            return Ok(merge(&[nibble], &place, Some(node), sink));
        }
        for (nibble, old) in (0_u8..).zip(branch.children) {
            if !old.is_empty() {
                let place = Place { path: path.join(&[nibble]), old };
                let node = self.load(&place)?;
                return Ok(merge(&[nibble], &place, Some(node), sink));
            }
        }
        let value = branch.value;
        Ok((!value.is_empty()).then_some(Node::Leaf { rest: Nibbles::EMPTY, value }))
    }
}

/// Names the children that changed and tells the sink what became of their places.
fn name<K: NodeSink>(
    path: &Nibbles,
    branch: &mut Branch,
    changed: &[(u8, NodeRef, After)],
    sink: &mut K,
) {
    let mut rlp = Vec::with_capacity(2048);
    let mut nodes = ArrayVec::<(u8, Range<usize>), 16>::new();
    for (nibble, _, after) in changed {
        if let Some(node) = after {
            let begin = rlp.len();
            node.encode(&mut rlp);
            nodes.push((*nibble, begin..rlp.len()));
        }
    }
    let refs = seal(path, &rlp, &nodes, sink);
    for (nibble, old, _) in changed {
        let new = refs.get(usize::from(*nibble)).copied().unwrap_or(NodeRef::EMPTY);
        branch.set_child(*nibble, new);
        if new.as_hash().is_none() {
            Place { path: path.join(&[*nibble]), old: *old }.clear(sink);
        }
    }
}

/// Returns the node that leads to `after`, which is at `below`, over `shared` half bytes.
fn merge<K: NodeSink>(shared: &[u8], below: &Place, after: After, sink: &mut K) -> After {
    let joined = |more: &Nibbles| Nibbles::EMPTY.join(shared).join(more.as_slice());
    match after {
        // Nothing in front of it: it stays where it is, and its parent names it.
        Some(node) if shared.is_empty() => Some(node),
        None => {
            if !shared.is_empty() {
                below.clear(sink);
            }
            None
        }
        Some(Node::Leaf { rest, value }) => {
            below.clear(sink);
            Some(Node::Leaf { rest: joined(&rest), value })
        }
        Some(Node::Extension { shared, child }) => {
            below.clear(sink);
            Some(Node::Extension { shared: joined(&shared), child })
        }
        Some(node @ Node::Branch(_)) => {
            let mut rlp = Vec::with_capacity(600);
            node.encode(&mut rlp);
            let child = NodeRef::of_rlp(&rlp);
            if child.as_hash().is_none() {
                below.clear(sink);
            } else if child != below.old {
                sink.put(&below.path, &rlp);
            }
            Some(Node::Extension { shared: Nibbles::EMPTY.join(shared), child })
        }
    }
}

/// The entry of the leaf takes its place among the others, unless one of them is of its key.
fn change_leaf<K: NodeSink>(
    path: &Nibbles,
    rest: &Nibbles,
    value: &[u8],
    entries: &[Entry<'_>],
    sink: &mut K,
) -> After {
    let (key, len) = path.join(rest.as_slice()).pack();
    let key = key.get(..len).unwrap_or_default();
    let at = entries.partition_point(|entry| entry.key < key);
    if entries.get(at).is_some_and(|entry| entry.key == key) {
        return built(entries, path, sink);
    }
    let (before, behind) = entries.split_at(at);
    let with: Vec<_> = before
        .iter()
        .copied()
        .chain([Entry { key, value }])
        .chain(behind.iter().copied())
        .collect();
    built(&with, path, sink)
}

/// Returns the node at `path` of a subtree that holds `entries` alone.
fn built<K: NodeSink>(entries: &[Entry<'_>], path: &Nibbles, sink: &mut K) -> After {
    let kept: Vec<_>;
    let entries = if entries.iter().any(|entry| entry.value.is_empty()) {
        kept = entries.iter().filter(|entry| !entry.value.is_empty()).copied().collect();
        kept.as_slice()
    } else {
        entries
    };
    if let [entry] = entries {
        let rest = Nibbles::unpack(entry.key);
        let rest = Nibbles::from_slice(rest.as_slice().get(path.len()..)?)?;
        return Some(Node::Leaf { rest, value: entry.value.to_vec() });
    }
    let mut rlp = Vec::with_capacity(2048);
    build(entries, path, &mut rlp, sink);
    // What was just written is well-formed; nothing was written for no entries.
    Node::decode(&rlp).ok()
}
