//! Proofs that a trie holds a value under a key, or none.
//!
//! A proof is the stored nodes from the root towards the key, the root first. It ends at the value, at the place where the way of
//! the key is missing, or at a node that leads elsewhere; the latter two prove that there is no value.
//!
//! **Spec:** EIP-1186.

use alloy_primitives::{B256, Bytes, keccak256};

use super::{
    EMPTY_ROOT, KEY_BYTES_MAX, TrieError,
    nibbles::Nibbles,
    node::{Node, NodeError, NodeRef},
    source::NodeSource,
};

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It ends before the value or its absence is shown.
    #[error("proof ends at path {path}, expected a node with hash {expected}")]
    Incomplete {
        /// Where it ends.
        path: Box<Nibbles>,
        /// The hash of the node that should follow.
        expected: B256,
    },
    /// A node that is not the one named by its parent, or by the root.
    #[error("proof node at path {path} has hash {actual}, expected {expected}")]
    Hash {
        /// Where it should be.
        path: Box<Nibbles>,
        /// The hash its parent names.
        expected: B256,
        /// Its hash.
        actual: B256,
    },
    /// A node that is none.
    #[error("proof node at path {path} is malformed: {source}")]
    Node {
        /// Where it should be.
        path: Box<Nibbles>,
        /// What is wrong.
        source: NodeError,
    },
    /// Nodes nobody asked for.
    #[error("proof has {actual} nodes, expected {expected}")]
    Surplus {
        /// Nodes that lead to the key.
        expected: usize,
        /// Nodes there are.
        actual: usize,
    },
    /// A key that is too long.
    #[error("trie key has {actual} bytes, expected at most {KEY_BYTES_MAX}")]
    KeyLength {
        /// Its length, bytes.
        actual: usize,
    },
}

/// What lies behind a node on the way to a key.
enum Step {
    /// Another node, further along.
    Down(NodeRef, usize),
    /// The value; empty if there is none.
    End(Vec<u8>),
}

/// Goes on from a node towards the key; `rest` is what the key has behind the node's path.
fn step(node: Node, rest: &[u8]) -> Step {
    match node {
        Node::Leaf { rest: own, value } if own.as_slice() == rest => Step::End(value),
        Node::Leaf { .. } => Step::End(Vec::new()),
        Node::Extension { shared, child } if rest.starts_with(shared.as_slice()) => {
            Step::Down(child, shared.len())
        }
        Node::Extension { .. } => Step::End(Vec::new()),
        Node::Branch(branch) => match rest.first() {
            Some(nibble) => Step::Down(branch.child(*nibble), 1),
            None => Step::End(branch.value),
        },
    }
}

/// Walks to a key; `next` gives the node that is named by a hash. Returns the value, empty if there is none.
fn walk<E>(
    root: B256,
    key: &[u8],
    mut next: impl FnMut(&Nibbles, B256) -> Result<Node, E>,
    malformed: impl Fn(Nibbles, NodeError) -> E,
) -> Result<Vec<u8>, E> {
    let whole = Nibbles::unpack(key);
    let mut path = Nibbles::EMPTY;
    let mut child = if root == EMPTY_ROOT { NodeRef::EMPTY } else { NodeRef::hash(root) };
    loop {
        let node = match (child.as_hash(), child.as_embedded()) {
            (Some(hash), _) => next(&path, hash)?,
            (None, Some(rlp)) => Node::decode(rlp).map_err(|error| malformed(path, error))?,
            (None, None) => return Ok(Vec::new()),
        };
        let rest = whole.as_slice().get(path.len()..).unwrap_or_default();
        match step(node, rest) {
            Step::End(value) => return Ok(value),
            Step::Down(to, over) => {
                path = path.join(rest.get(..over).unwrap_or_default());
                child = to;
            }
        }
    }
}

/// The nodes of a proof, and the value they lead to.
pub type Proof = (Vec<Bytes>, Vec<u8>);

/// Returns the nodes that lead to `key`, and the value, empty if there is none.
///
/// # Errors
///
/// [`TrieError`] if the source fails, lacks a node or has a malformed one, and if the key is too long.
pub fn prove<S: NodeSource>(
    source: &S,
    root: B256,
    key: &[u8],
) -> Result<Proof, TrieError<S::Error>> {
    if key.len() > KEY_BYTES_MAX {
        return Err(TrieError::KeyLength { actual: key.len() });
    }
    let mut nodes = Vec::new();
    let next = |path: &Nibbles, hash: B256| {
        let rlp = source.node(path, &hash).map_err(TrieError::Source)?;
        let rlp = rlp.ok_or(TrieError::Missing { path: *path, hash })?;
        let node = Node::decode(&rlp).map_err(|source| TrieError::Node { path: *path, source })?;
        nodes.push(rlp);
        Ok(node)
    };
    let value = walk(root, key, next, |path, source| TrieError::Node { path, source })?;
    Ok((nodes, value))
}

/// Returns the value that a trie with this root holds under `key`, or `None` if the proof shows that it holds none.
///
/// A trie without entries needs no node; some nodes write its root, `0x80`, which is taken too.
///
/// # Errors
///
/// [`ProofError`] unless the nodes are exactly those that lead from the root to the key.
pub fn verify_proof<N: AsRef<[u8]>>(
    root: B256,
    key: &[u8],
    proof: &[N],
) -> Result<Option<Vec<u8>>, ProofError> {
    if key.len() > KEY_BYTES_MAX {
        return Err(ProofError::KeyLength { actual: key.len() });
    }
    if root == EMPTY_ROOT && proof.len() == 1 && proof.iter().all(|node| node.as_ref() == [0x80]) {
        return Ok(None);
    }
    let mut nodes = proof.iter();
    let next = |path: &Nibbles, expected: B256| {
        let node =
            nodes.next().ok_or(ProofError::Incomplete { path: Box::new(*path), expected })?;
        let actual = keccak256(node);
        if actual != expected {
            return Err(ProofError::Hash { path: Box::new(*path), expected, actual });
        }
        Node::decode(node.as_ref())
            .map_err(|source| ProofError::Node { path: Box::new(*path), source })
    };
    let value =
        walk(root, key, next, |path, source| ProofError::Node { path: Box::new(path), source })?;
    let used = proof.len() - nodes.len();
    if used < proof.len() {
        return Err(ProofError::Surplus { expected: used, actual: proof.len() });
    }
    Ok((!value.is_empty()).then_some(value))
}
