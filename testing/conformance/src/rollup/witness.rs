//! A state of which only some nodes of its trie are known, by their hashes: read, changed, and its root taken.
//!
//! Written apart from the project's trie, so that the two can be compared.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_rlp::{Decodable, Encodable, Header};
use alloy_trie::{EMPTY_ROOT_HASH, TrieAccount};
use quintet_eth::state::{Account, StateChanges, StateView};
use thiserror::Error;

/// Why a witness does not say what is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum WitnessError {
    #[error("no node or code has the hash {0}")]
    Unknown(B256),
    #[error("a node or an account is no RLP of one")]
    Malformed,
}

type Preimages = Arc<HashMap<B256, Bytes>>;

/// A thread that panicked left the nodes as they were or as they are.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part of a trie.
#[derive(Debug, Clone)]
enum Node {
    Empty,
    /// Known by its hash alone, until somebody looks.
    Hidden(B256),
    Leaf(Vec<u8>, Vec<u8>),
    Extension(Vec<u8>, Box<Self>),
    Branch(Box<[Self; 16]>),
}

fn nibbles(key: B256) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

/// Reads a path in compact form; says whether it is that of a leaf.
fn path(compact: &[u8]) -> Result<(bool, Vec<u8>), WitnessError> {
    let first = *compact.first().ok_or(WitnessError::Malformed)?;
    let all: Vec<u8> = compact.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let skip = if first & 0x10 == 0 { 2 } else { 1 };
    Ok((first & 0x20 != 0, all[skip..].to_vec()))
}

fn compact(path: &[u8], leaf: bool) -> Vec<u8> {
    let flag = if leaf { 0x20 } else { 0 };
    let odd = path.len() % 2 == 1;
    let first = if odd { flag | 0x10 | path[0] } else { flag };
    let pairs = path[usize::from(odd)..].chunks(2).map(|pair| (pair[0] << 4) | pair[1]);
    core::iter::once(first).chain(pairs).collect()
}

impl Node {
    fn decode(mut bytes: &[u8]) -> Result<Self, WitnessError> {
        let malformed = |_| WitnessError::Malformed;
        let items = &mut Header::decode_bytes(&mut bytes, true).map_err(malformed)?;
        let mut parts: Vec<&[u8]> = Vec::new();
        while !items.is_empty() {
            let whole = *items;
            let header = Header::decode(items).map_err(malformed)?;
            let start = whole.len() - items.len();
            let end = start + header.payload_length;
            // A node within a node stays whole; text loses its head.
            parts.push(if header.list { &whole[..end] } else { &whole[start..end] });
            *items = &whole[end..];
        }
        let child = |part: &[u8]| match part.len() {
            0 => Ok(Self::Empty),
            32 => Ok(Self::Hidden(B256::from_slice(part))),
            _ => Self::decode(part),
        };
        match parts.as_slice() {
            [path_part, value] => {
                let (leaf, path) = path(path_part)?;
                Ok(if leaf {
                    Self::Leaf(path, value.to_vec())
                } else {
                    Self::Extension(path, Box::new(child(value)?))
                })
            }
            [children @ .., _] if children.len() == 16 => {
                let children = children.iter().map(|part| child(part));
                let children: Vec<_> = children.collect::<Result<_, _>>()?;
                let children = children.try_into().map_err(|_| WitnessError::Malformed)?;
                Ok(Self::Branch(Box::new(children)))
            }
            _ => Err(WitnessError::Malformed),
        }
    }

    fn open(&mut self, preimages: &Preimages) -> Result<(), WitnessError> {
        if let Self::Hidden(hash) = self {
            let bytes = preimages.get(hash).ok_or(WitnessError::Unknown(*hash))?;
            *self = Self::decode(bytes)?;
        }
        Ok(())
    }

    fn get(&mut self, key: &[u8], preimages: &Preimages) -> Result<Option<Vec<u8>>, WitnessError> {
        self.open(preimages)?;
        match self {
            Self::Leaf(path, value) => Ok((path == key).then(|| value.clone())),
            Self::Extension(path, child) => match key.strip_prefix(path.as_slice()) {
                Some(rest) => child.get(rest, preimages),
                None => Ok(None),
            },
            Self::Branch(children) => children[usize::from(key[0])].get(&key[1..], preimages),
            Self::Empty | Self::Hidden(_) => Ok(None),
        }
    }

    fn insert(
        &mut self,
        key: &[u8],
        value: Vec<u8>,
        preimages: &Preimages,
    ) -> Result<(), WitnessError> {
        self.open(preimages)?;
        let (path, rest) = match core::mem::replace(self, Self::Empty) {
            Self::Empty | Self::Hidden(_) => {
                *self = Self::Leaf(key.to_vec(), value);
                return Ok(());
            }
            Self::Branch(mut children) => {
                let inserted = children[usize::from(key[0])].insert(&key[1..], value, preimages);
                *self = Self::Branch(children);
                return inserted;
            }
            Self::Leaf(path, _) if path == key => {
                *self = Self::Leaf(path, value);
                return Ok(());
            }
            Self::Extension(path, mut child) if key.starts_with(&path) => {
                let inserted = child.insert(&key[path.len()..], value, preimages);
                *self = Self::Extension(path, child);
                return inserted;
            }
            Self::Leaf(path, old) => (path, Ok(old)),
            Self::Extension(path, child) => (path, Err(child)),
        };
        let shared = path.iter().zip(key).take_while(|(a, b)| a == b).count();
        let mut children: [Self; 16] = core::array::from_fn(|_| Self::Empty);
        let below = path[shared + 1..].to_vec();
        children[usize::from(path[shared])] = match rest {
            Ok(old) => Self::Leaf(below, old),
            Err(child) if below.is_empty() => *child,
            Err(child) => Self::Extension(below, child),
        };
        children[usize::from(key[shared])] = Self::Leaf(key[shared + 1..].to_vec(), value);
        let branch = Self::Branch(Box::new(children));
        *self = if shared == 0 {
            branch
        } else {
            Self::Extension(key[..shared].to_vec(), Box::new(branch))
        };
        Ok(())
    }

    fn remove(&mut self, key: &[u8], preimages: &Preimages) -> Result<(), WitnessError> {
        self.open(preimages)?;
        match self {
            Self::Leaf(path, _) if path == key => *self = Self::Empty,
            Self::Extension(path, child) => {
                if let Some(rest) = key.strip_prefix(path.as_slice()) {
                    child.remove(rest, preimages)?;
                    self.shorten(preimages)?;
                }
            }
            Self::Branch(children) => {
                children[usize::from(key[0])].remove(&key[1..], preimages)?;
                self.shorten(preimages)?;
            }
            Self::Leaf(..) | Self::Empty | Self::Hidden(_) => {}
        }
        Ok(())
    }

    /// Restores the form of a trie above a place where something went.
    fn shorten(&mut self, preimages: &Preimages) -> Result<(), WitnessError> {
        let (path, mut child) = match core::mem::replace(self, Self::Empty) {
            Self::Extension(path, child) => (path, *child),
            Self::Branch(mut children) => {
                let left: Vec<_> = (0..16u8)
                    .filter(|at| !matches!(children[usize::from(*at)], Self::Empty))
                    .collect();
                let [only] = left.as_slice() else {
                    *self = Self::Branch(children);
                    return Ok(());
                };
                (vec![*only], core::mem::replace(&mut children[usize::from(*only)], Self::Empty))
            }
            other => {
                *self = other;
                return Ok(());
            }
        };
        child.open(preimages)?;
        *self = match child {
            Self::Empty | Self::Hidden(_) => Self::Empty,
            Self::Leaf(below, value) => Self::Leaf([path, below].concat(), value),
            Self::Extension(below, child) => Self::Extension([path, below].concat(), child),
            branch @ Self::Branch(_) => Self::Extension(path, Box::new(branch)),
        };
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        match self {
            Self::Empty | Self::Hidden(_) => return vec![0x80],
            Self::Leaf(path, value) => {
                compact(path, true).as_slice().encode(&mut payload);
                value.as_slice().encode(&mut payload);
            }
            Self::Extension(path, child) => {
                compact(path, false).as_slice().encode(&mut payload);
                child.reference(&mut payload);
            }
            Self::Branch(children) => {
                children.iter().for_each(|child| child.reference(&mut payload));
                payload.push(0x80);
            }
        }
        let mut out = Vec::new();
        Header { list: true, payload_length: payload.len() }.encode(&mut out);
        out.extend(payload);
        out
    }

    fn reference(&self, out: &mut Vec<u8>) {
        if let Self::Hidden(hash) = self {
            return hash.encode(out);
        }
        let encoded = self.encode();
        if encoded.len() < 32 { out.extend(encoded) } else { keccak256(encoded).encode(out) }
    }

    fn root(&self) -> B256 {
        match self {
            Self::Empty => EMPTY_ROOT_HASH,
            Self::Hidden(hash) => *hash,
            Self::Leaf(..) | Self::Extension(..) | Self::Branch(_) => keccak256(self.encode()),
        }
    }

    fn of_root(root: B256) -> Self {
        if root == EMPTY_ROOT_HASH { Self::Empty } else { Self::Hidden(root) }
    }
}

/// A state by the nodes that are known of it.
#[derive(Debug)]
pub(super) struct Witness {
    preimages: Preimages,
    accounts: Mutex<Node>,
    slots: Mutex<BTreeMap<Address, Node>>,
}

impl Witness {
    pub(super) fn new(root: B256, preimages: Vec<Bytes>) -> Self {
        let preimages = preimages.into_iter().map(|bytes| (keccak256(&bytes), bytes)).collect();
        let accounts = Mutex::new(Node::of_root(root));
        Self { preimages: Arc::new(preimages), accounts, slots: Mutex::default() }
    }

    /// Returns what is known by its hash.
    pub(super) fn preimage(&self, hash: B256) -> Option<&Bytes> {
        self.preimages.get(&hash)
    }

    fn trie_account(&self, address: Address) -> Result<Option<TrieAccount>, WitnessError> {
        let key = nibbles(keccak256(address));
        let Some(value) = lock(&self.accounts).get(&key, &self.preimages)? else {
            return Ok(None);
        };
        let account =
            TrieAccount::decode(&mut value.as_slice()).map_err(|_| WitnessError::Malformed)?;
        Ok(Some(account))
    }

    fn slots_of(&self, address: Address) -> Result<Node, WitnessError> {
        if let Some(slots) = lock(&self.slots).get(&address) {
            return Ok(slots.clone());
        }
        let account = self.trie_account(address)?;
        Ok(Node::of_root(account.map_or(EMPTY_ROOT_HASH, |account| account.storage_root)))
    }

    /// Returns the root after some changes.
    pub(super) fn root_after(&self, changes: &StateChanges) -> Result<B256, WitnessError> {
        let mut accounts = lock(&self.accounts).clone();
        for (address, change) in &changes.accounts {
            let key = nibbles(keccak256(address));
            let Some(Account { nonce, balance, code_hash }) = change.account else {
                accounts.remove(&key, &self.preimages)?;
                continue;
            };
            let mut slots = if change.wiped { Node::Empty } else { self.slots_of(*address)? };
            for (slot, value) in &change.storage {
                let key = nibbles(keccak256(B256::from(*slot)));
                if value.is_zero() {
                    slots.remove(&key, &self.preimages)?;
                } else {
                    slots.insert(&key, alloy_rlp::encode(value), &self.preimages)?;
                }
            }
            let account = TrieAccount { nonce, balance, storage_root: slots.root(), code_hash };
            accounts.insert(&key, alloy_rlp::encode(account), &self.preimages)?;
        }
        Ok(accounts.root())
    }
}

impl StateView for Witness {
    type Error = WitnessError;

    fn account(&self, address: Address) -> Result<Option<Account>, WitnessError> {
        let account = self.trie_account(address)?;
        Ok(account.map(|TrieAccount { nonce, balance, code_hash, .. }| Account {
            nonce,
            balance,
            code_hash,
        }))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, WitnessError> {
        let mut slots = self.slots_of(address)?;
        let value = slots.get(&nibbles(keccak256(B256::from(slot))), &self.preimages)?;
        lock(&self.slots).insert(address, slots);
        let decoded = value.map(|value| U256::decode(&mut value.as_slice())).transpose();
        Ok(decoded.map_err(|_| WitnessError::Malformed)?.unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, WitnessError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        self.preimage(hash).cloned().ok_or(WitnessError::Unknown(hash))
    }
}
