//! Nodes and their RLP.
//!
//! ```text
//!   leaf        [ compact(rest of the key, ends), value ]
//!   extension   [ compact(shared half bytes), branch ]
//!   branch      [ child × 16, value or "" ]
//! ```
//!
//! A child whose RLP is shorter than 32 bytes lies in its parent as it is; any other is named by its keccak256.

use alloy_primitives::{B256, keccak256};
use alloy_rlp::{EMPTY_STRING_CODE, Header};

use super::nibbles::{Compact, Nibbles};

/// What is wrong with a node's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Not canonical RLP.
    #[error("expected canonical RLP: {0}")]
    Rlp(alloy_rlp::Error),
    /// Neither 2 nor 17 items, or bytes behind them.
    #[error("expected a list of 2 or 17 items and nothing behind it")]
    Shape,
    /// A path that is none.
    #[error("expected a compact path with flags 0 to 3, zero padding and at most 64 half bytes")]
    Path,
    /// A child that is neither empty, a hash nor a node shorter than a hash.
    #[error("expected a child that is empty, a hash of 32 bytes or a list shorter than that")]
    Child,
    /// A leaf without a value, an extension without a path, a branch with fewer than two ways on.
    #[error(
        "expected a node that is needed: a leaf's value, an extension's path and two of a branch's ways are not empty"
    )]
    Needless,
}

/// How a node names its child.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NodeRef {
    /// 0: none; below 32: the child's RLP itself; 32: its hash.
    len: u8,
    bytes: [u8; 32],
}

impl NodeRef {
    /// No child.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; 32] };

    /// Names a child by its hash.
    #[must_use]
    pub const fn hash(hash: B256) -> Self {
        Self { len: 32, bytes: hash.0 }
    }

    /// Names a node by its RLP.
    #[must_use]
    pub fn of_rlp(rlp: &[u8]) -> Self {
        if rlp.len() < 32 { Self::embedded(rlp) } else { Self::hash(keccak256(rlp)) }
    }

    /// Takes up to 31 bytes of RLP.
    pub(super) fn embedded(rlp: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(rlp) {
            *to = *from;
        }
        Self { len: u8::try_from(rlp.len().min(31)).unwrap_or_default(), bytes }
    }

    /// Whether there is no child.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The child's hash, if it is named by one.
    #[must_use]
    pub const fn as_hash(&self) -> Option<B256> {
        if self.len == 32 { Some(B256::new(self.bytes)) } else { None }
    }

    /// The child's RLP, if it lies in its parent.
    #[must_use]
    pub fn as_embedded(&self) -> Option<&[u8]> {
        if self.is_empty() || self.len == 32 {
            return None;
        }
        self.bytes.get(..usize::from(self.len))
    }

    /// Bytes in the parent's RLP.
    pub(super) fn rlp_len(&self) -> usize {
        match self.len {
            0 => 1,
            32 => 33,
            len => usize::from(len),
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self.len {
            0 => out.push(EMPTY_STRING_CODE),
            32 => {
                out.push(EMPTY_STRING_CODE + 32);
                out.extend_from_slice(&self.bytes);
            }
            len => out.extend_from_slice(self.bytes.get(..usize::from(len)).unwrap_or_default()),
        }
    }

    fn decode(buffer: &mut &[u8]) -> Result<Self, NodeError> {
        let item = Item::take(buffer)?;
        match (item.list, item.payload.len()) {
            (false, 0) => Ok(Self::EMPTY),
            (false, 32) => Ok(Self::hash(B256::from_slice(item.payload))),
            (true, _) if item.raw.len() < 32 => Ok(Self::embedded(item.raw)),
            _ => Err(NodeError::Child),
        }
    }
}

impl std::fmt::Debug for NodeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        f.debug_tuple("NodeRef").field(&alloy_primitives::hex::encode(bytes)).finish()
    }
}

/// The ways on from a node where keys part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// One for each half byte.
    pub children: [NodeRef; 16],
    /// The value of the key that ends here; empty if none does, as in every trie of Ethereum's.
    pub value: Vec<u8>,
}

impl Branch {
    /// Without ways on.
    pub(super) const EMPTY: Self = Self { children: [NodeRef::EMPTY; 16], value: Vec::new() };

    pub(super) fn child(&self, nibble: u8) -> NodeRef {
        self.children.get(usize::from(nibble)).copied().unwrap_or(NodeRef::EMPTY)
    }

    pub(super) fn set_child(&mut self, nibble: u8, child: NodeRef) {
        if let Some(place) = self.children.get_mut(usize::from(nibble)) {
            *place = child;
        }
    }

    fn ways(&self) -> usize {
        self.children.iter().filter(|child| !child.is_empty()).count()
            + usize::from(!self.value.is_empty())
    }
}

/// A node by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// The end of one key.
    Leaf {
        /// What the key has behind the path of this node.
        rest: Nibbles,
        /// Never empty.
        value: Vec<u8>,
    },
    /// Half bytes all keys below share.
    Extension {
        /// Never empty.
        shared: Nibbles,
        /// The branch behind them.
        child: NodeRef,
    },
    /// Where keys part.
    Branch(Box<Branch>),
}

impl Node {
    /// Appends the RLP.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf { rest, value } => {
                encode_leaf(&Nibbles::to_compact(rest.as_slice(), true), value, out);
            }
            Self::Extension { shared, child } => encode_extension(shared, child, out),
            Self::Branch(branch) => encode_branch(&branch.children, &branch.value, out),
        }
    }

    /// Reads a node.
    ///
    /// # Errors
    ///
    /// [`NodeError`] if the bytes are not the one encoding of a node.
    pub fn decode(mut rlp: &[u8]) -> Result<Self, NodeError> {
        let list = Item::take(&mut rlp)?;
        if !list.list || !rlp.is_empty() {
            return Err(NodeError::Shape);
        }
        let mut items = list.payload;
        let mut probe = items;
        let first = Item::take(&mut probe)?;
        Item::take(&mut probe)?;
        if !probe.is_empty() {
            return Self::decode_branch(items);
        }
        if first.list {
            return Err(NodeError::Path);
        }
        let (path, ends) = Nibbles::from_compact(first.payload).ok_or(NodeError::Path)?;
        items = items.get(first.raw.len()..).unwrap_or_default();
        if ends {
            let value = Item::take(&mut items)?;
            return match (value.list, value.payload) {
                (true, _) => Err(NodeError::Shape),
                (_, []) => Err(NodeError::Needless),
                (_, value) => Ok(Self::Leaf { rest: path, value: value.to_vec() }),
            };
        }
        let child = NodeRef::decode(&mut items)?;
        if path.is_empty() || child.is_empty() {
            return Err(NodeError::Needless);
        }
        Ok(Self::Extension { shared: path, child })
    }

    fn decode_branch(mut items: &[u8]) -> Result<Self, NodeError> {
        let mut branch = Box::new(Branch::EMPTY);
        for child in &mut branch.children {
            if items.is_empty() {
                return Err(NodeError::Shape);
            }
            *child = NodeRef::decode(&mut items)?;
        }
        if items.is_empty() {
            return Err(NodeError::Shape);
        }
        let value = Item::take(&mut items)?;
        if value.list || !items.is_empty() {
            return Err(NodeError::Shape);
        }
        branch.value = value.payload.to_vec();
        if branch.ways() < 2 { Err(NodeError::Needless) } else { Ok(Self::Branch(branch)) }
    }
}

/// One RLP item: what it holds, and all its bytes.
struct Item<'a> {
    list: bool,
    payload: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Item<'a> {
    fn take(buffer: &mut &'a [u8]) -> Result<Self, NodeError> {
        let whole = *buffer;
        let header = Header::decode(buffer).map_err(NodeError::Rlp)?;
        // The header says no more than there is.
        let (payload, rest) = buffer
            .split_at_checked(header.payload_length)
            .ok_or(NodeError::Rlp(alloy_rlp::Error::InputTooShort))?;
        *buffer = rest;
        let raw = whole.get(..whole.len() - rest.len()).unwrap_or_default();
        Ok(Self { list: header.list, payload, raw })
    }
}

fn string_len(bytes: &[u8]) -> usize {
    match bytes {
        [single] if *single < EMPTY_STRING_CODE => 1,
        _ => alloy_rlp::length_of_length(bytes.len()) + bytes.len(),
    }
}

fn encode_string(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes {
        [single] if *single < EMPTY_STRING_CODE => out.push(*single),
        _ => {
            Header { list: false, payload_length: bytes.len() }.encode(out);
            out.extend_from_slice(bytes);
        }
    }
}

/// Appends the RLP of a leaf.
pub(super) fn encode_leaf(rest: &Compact, value: &[u8], out: &mut Vec<u8>) {
    let payload_length = string_len(rest.as_slice()) + string_len(value);
    Header { list: true, payload_length }.encode(out);
    encode_string(rest.as_slice(), out);
    encode_string(value, out);
}

/// Appends the RLP of an extension.
pub(super) fn encode_extension(shared: &Nibbles, child: &NodeRef, out: &mut Vec<u8>) {
    let shared = Nibbles::to_compact(shared.as_slice(), false);
    let payload_length = string_len(shared.as_slice()) + child.rlp_len();
    Header { list: true, payload_length }.encode(out);
    encode_string(shared.as_slice(), out);
    child.encode(out);
}

/// Appends the RLP of a branch.
pub(super) fn encode_branch(children: &[NodeRef; 16], value: &[u8], out: &mut Vec<u8>) {
    let children_length: usize = children.iter().map(NodeRef::rlp_len).sum();
    Header { list: true, payload_length: children_length + string_len(value) }.encode(out);
    for child in children {
        child.encode(out);
    }
    encode_string(value, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(node: &Node) -> Vec<u8> {
        let mut rlp = Vec::new();
        node.encode(&mut rlp);
        rlp
    }

    fn branch() -> Node {
        let mut branch = Branch::EMPTY;
        branch.set_child(3, NodeRef::hash(B256::repeat_byte(7)));
        branch.set_child(9, NodeRef::of_rlp(&encoded(&leaf())));
        branch.value = b"here".to_vec();
        Node::Branch(Box::new(branch))
    }

    fn leaf() -> Node {
        Node::Leaf { rest: Nibbles::unpack(b"key"), value: b"value".to_vec() }
    }

    fn extension() -> Node {
        Node::Extension {
            shared: Nibbles::unpack(b"s").join(&[1]),
            child: NodeRef::of_rlp(&encoded(&branch())),
        }
    }

    #[test]
    fn a_node_comes_back_and_no_other_bytes_do() {
        for node in [leaf(), extension(), branch()] {
            let rlp = encoded(&node);
            assert_eq!(Node::decode(&rlp), Ok(node));
            for end in 0..rlp.len() {
                Node::decode(&rlp[..end]).unwrap_err();
            }
            let behind = [rlp.as_slice(), &[0x80]].concat();
            assert_eq!(Node::decode(&behind), Err(NodeError::Shape));
        }
    }

    #[test]
    fn a_node_nobody_needs_is_refused() {
        let empty_leaf = Node::Leaf { rest: Nibbles::EMPTY, value: Vec::new() };
        let pathless = Node::Extension { shared: Nibbles::EMPTY, child: NodeRef::hash(B256::ZERO) };
        let childless = Node::Extension { shared: Nibbles::unpack(b"x"), child: NodeRef::EMPTY };
        let mut one_way = Branch::EMPTY;
        one_way.set_child(0, NodeRef::hash(B256::ZERO));
        for node in [empty_leaf, pathless, childless, Node::Branch(Box::new(one_way))] {
            assert_eq!(Node::decode(&encoded(&node)), Err(NodeError::Needless));
        }
    }

    #[test]
    fn a_child_as_long_as_a_hash_does_not_lie_in_its_parent() {
        // A list of 31 items behind a header of one byte is 32 bytes long.
        let child = [&[0xc0 + 31][..], &[0x01; 31]].concat();
        let rlp = [&[0xe2][..], &[0x11], &child].concat();
        let rlp = [&[0xc0 + 33][..], &rlp[1..]].concat();
        assert_eq!(Node::decode(&rlp), Err(NodeError::Child));
    }
}
