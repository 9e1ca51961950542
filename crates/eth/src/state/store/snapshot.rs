//! A whole state in a file: to carry to another node, or to begin with.
//!
//! ```text
//!   "QNTSTATE" · version u32 · head: number u64, hash, root
//!   chunk: length u32 · crc32c u32 · records        repeated
//!   chunk of length 0                               the end
//!
//!   record  1 account   hash · flags, nonce, balance, code hash, storage root
//!           2 slot      hash · value                of the account before it
//!           3 code      length · bytes              of the account before it, once or more
//! ```
//!
//! Import trusts nothing: accounts and slots come in the order of their hashes, every storage root and the root of the state are
//! computed, code is hashed. Memory is bounded by a chunk and [`IMPORT_RECORDS`]; the head is written last, so that an import that ended
//! early leaves no state.

use std::{
    collections::HashSet,
    io::{Read, Write},
};

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use quintet_crypto::crc32c;
use quintet_store::{
    Batch, DecodeError, Durability, Reader, Snapshot, Table, ValueCodec, put_varint,
};

use super::{
    Head, Latest, StateError, StateReader, StateStore, WithSnapshot,
    commit::{PRUNE_ROWS, put_flat, put_nodes},
    nodes::DiskNodes,
    tables::{
        ACCOUNT_HISTORY, ACCOUNTS, CODES, DIFFS, FIRST, HEAD, NODES, Raw, SLOT_HISTORY, SLOT_NODES,
        SLOTS, SlotValue, put_number, take_number,
    },
};
use crate::{
    state::{
        AccountLeaf, StateView as _,
        root::{HashedChange, SlotChange, update_state, update_storage},
    },
    trie::{EMPTY_ROOT, NodeUpdate, Updated},
};

const MAGIC: [u8; 8] = *b"QNTSTATE";
const VERSION: u32 = 1;

/// Records are written out when a chunk is at least so long, bytes.
const CHUNK_BYTES: usize = 256 << 10;

/// Longest chunk read, bytes: a full one and a record of code behind it.
const CHUNK_BYTES_MAX: usize = CHUNK_BYTES + CODE_BYTES_MAX + 1_024;

/// Longest code, bytes: far above what any chain allows (EIP-170: 24,576).
const CODE_BYTES_MAX: usize = 16 << 20;

/// Accounts and slots held before they are written.
const IMPORT_RECORDS: usize = 50_000;

/// Hashes of code remembered so that it is not written twice; then they are forgotten.
const CODES_SEEN: usize = 65_536;

/// An epoch no cache has: import reads past them.
const NO_CACHE: u64 = u64::MAX - 1;

const ACCOUNT: u8 = 1;
const SLOT: u8 = 2;
const CODE: u8 = 3;

/// What a snapshot file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// The block whose state it is.
    pub head: Head,
    /// Accounts.
    pub accounts: u64,
    /// Slots.
    pub slots: u64,
}

/// Writes records in checksummed chunks.
struct Chunks<W> {
    out: W,
    chunk: Vec<u8>,
}

impl<W: Write> Chunks<W> {
    fn end_record(&mut self) -> Result<(), StateError> {
        if self.chunk.len() >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StateError> {
        let length = u32::try_from(self.chunk.len()).unwrap_or(u32::MAX);
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&crc32c(&self.chunk).to_be_bytes())?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl StateReader {
    /// Writes the newest state to `out`.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] if this reads an older state; [`StateError`] if reading or writing fails.
    pub fn export(&self, out: impl Write) -> Result<SnapshotSummary, StateError> {
        let head = self.newest_head()?;
        let mut chunks = Chunks { out, chunk: Vec::with_capacity(2 * CHUNK_BYTES) };
        let mut start = MAGIC.to_vec();
        VERSION.encode_value(&mut start);
        head.encode_value(&mut start);
        chunks.out.write_all(&start)?;
        let mut summary = SnapshotSummary { head, accounts: 0, slots: 0 };
        let mut seen = HashSet::new();
        let snapshot = self.snapshot();
        for row in snapshot.range(&ACCOUNTS, ..)? {
            let (hash, account) = row?;
            summary.accounts += 1;
            chunks.chunk.push(ACCOUNT);
            chunks.chunk.extend_from_slice(&hash);
            account.encode_value(&mut chunks.chunk);
            chunks.end_record()?;
            if account.has_code() && !seen.contains(&account.code_hash) {
                if seen.len() == CODES_SEEN {
                    seen.clear();
                }
                seen.insert(account.code_hash);
                let code = self.code(account.code_hash)?;
                chunks.chunk.push(CODE);
                put_varint(code.len() as u64, &mut chunks.chunk);
                chunks.chunk.extend_from_slice(&code);
                chunks.end_record()?;
            }
            for row in snapshot.prefix(&SLOTS, &hash)? {
                let ((_, slot), SlotValue(value)) = row?;
                summary.slots += 1;
                chunks.chunk.push(SLOT);
                chunks.chunk.extend_from_slice(&slot);
                put_number(&value, &mut chunks.chunk);
                chunks.end_record()?;
            }
        }
        if !chunks.chunk.is_empty() {
            chunks.flush()?;
        }
        chunks.flush()?;
        chunks.out.flush()?;
        Ok(summary)
    }
}

/// An account whose slots are still coming, or that waits to be written.
struct Pending {
    hash: B256,
    leaf: AccountLeaf,
    /// Root over the slots that are written.
    written: B256,
    slots: Vec<SlotChange>,
}

impl Pending {
    fn change(self) -> HashedChange<Vec<NodeUpdate>> {
        let before = AccountLeaf { storage_root: self.written, ..self.leaf };
        HashedChange {
            hash: self.hash,
            before: Some(before),
            after: Some(before),
            wiped: false,
            slots: self.slots,
            nodes: Vec::new(),
        }
    }
}

struct Import<'a> {
    state: &'a StateStore,
    root: B256,
    pending: Vec<Pending>,
    records: usize,
    batch: Batch,
    last_account: Option<B256>,
    last_slot: Option<B256>,
    summary: SnapshotSummary,
    record: u64,
}

fn malformed(record: u64, reason: impl Into<String>) -> StateError {
    StateError::Snapshot { record, reason: reason.into() }
}

impl StateStore {
    /// Reads a state from `source` into this store, which must hold none, and makes it the newest.
    ///
    /// # Errors
    ///
    /// [`StateError::NotEmpty`] if there is a state; [`StateError::Snapshot`] if the file is damaged or does not lead to the root it
    /// names; the store holds no state then, and another import begins anew.
    pub fn import(&self, mut source: impl Read) -> Result<SnapshotSummary, StateError> {
        let _writing = self.write_lock();
        if let Some(head) = self.head() {
            return Err(StateError::NotEmpty { number: head.number });
        }
        self.clear()?;
        let mut start = [0; 8 + 4 + 8 + 32 + 32];
        source.read_exact(&mut start)?;
        let mut reader = Reader::new(&start);
        let header = |error: DecodeError| malformed(0, error.to_string());
        if reader.array().map_err(header)? != MAGIC || reader.u32().map_err(header)? != VERSION {
            return Err(malformed(0, "expected a state snapshot of version 1, got something else"));
        }
        let head = Head::decode_value(&mut reader).map_err(header)?;
        let mut import = Import {
            state: self,
            root: EMPTY_ROOT,
            pending: Vec::new(),
            records: 0,
            batch: Batch::new(),
            last_account: None,
            last_slot: None,
            summary: SnapshotSummary { head, accounts: 0, slots: 0 },
            record: 0,
        };
        while let Some(chunk) = next_chunk(&mut source, import.record)? {
            let mut reader = Reader::new(&chunk);
            while !reader.rest().is_empty() {
                import.take(&mut reader)?;
                import.record += 1;
            }
        }
        import.finish()
    }

    /// Removes what an import that ended early left.
    fn clear(&self) -> Result<(), StateError> {
        self.clear_table(&ACCOUNTS)?;
        self.clear_table(&SLOTS)?;
        self.clear_table(&CODES)?;
        self.clear_table(&NODES)?;
        self.clear_table(&SLOT_NODES)?;
        self.clear_table(&DIFFS)?;
        self.clear_table(&ACCOUNT_HISTORY)?;
        self.clear_table(&SLOT_HISTORY)
    }

    fn clear_table<K: quintet_store::KeyCodec, V: ValueCodec>(
        &self,
        table: &Table<K, V>,
    ) -> Result<(), StateError> {
        loop {
            let mut batch = Batch::new();
            let removed = batch.delete_range(&self.store.snapshot()?, table, .., PRUNE_ROWS)?;
            self.store.commit(batch, Durability::Buffered)?;
            if removed < PRUNE_ROWS {
                return Ok(());
            }
        }
    }
}

/// Reads a chunk; `None` at the end mark, behind which nothing may come.
fn next_chunk(source: &mut impl Read, record: u64) -> Result<Option<Vec<u8>>, StateError> {
    let mut start = [0; 8];
    source.read_exact(&mut start)?;
    let [a, b, c, d, e, f, g, h] = start;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    let expected = u32::from_be_bytes([e, f, g, h]);
    if length > CHUNK_BYTES_MAX {
        return Err(malformed(
            record,
            format!("chunk has {length} bytes, expected at most {CHUNK_BYTES_MAX}"),
        ));
    }
    let mut chunk = Vec::new();
    source.by_ref().take(length as u64).read_to_end(&mut chunk)?;
    let actual = crc32c(&chunk);
    if chunk.len() != length || actual != expected {
        return Err(malformed(
            record,
            format!("chunk has checksum {actual:#x}, expected {expected:#x}"),
        ));
    }
    if length > 0 {
        return Ok(Some(chunk));
    }
    if source.read(&mut [0])? > 0 {
        return Err(malformed(record, "bytes follow the end mark"));
    }
    Ok(None)
}

impl Import<'_> {
    fn take(&mut self, reader: &mut Reader<'_>) -> Result<(), StateError> {
        let record = self.record;
        let read = |error: DecodeError| malformed(record, error.to_string());
        match reader.u8().map_err(read)? {
            ACCOUNT => {
                let hash = B256::new(reader.array().map_err(read)?);
                let leaf = AccountLeaf::decode_value(reader).map_err(read)?;
                if self.last_account.is_some_and(|last| last >= hash) {
                    return Err(malformed(record, "accounts are not in the order of their hashes"));
                }
                if self.records >= IMPORT_RECORDS {
                    self.flush(true)?;
                }
                (self.last_account, self.last_slot) = (Some(hash), None);
                self.pending.push(Pending { hash, leaf, written: EMPTY_ROOT, slots: Vec::new() });
                self.summary.accounts += 1;
            }
            SLOT => {
                let hash = B256::new(reader.array().map_err(read)?);
                let after = take_number(reader).map_err(read)?;
                if self.last_slot.is_some_and(|last| last >= hash) || after.is_zero() {
                    return Err(malformed(
                        record,
                        "slots are not in the order of their hashes, or zero",
                    ));
                }
                if self.records >= IMPORT_RECORDS {
                    self.flush(false)?;
                }
                self.last_slot = Some(hash);
                let Some(account) = self.pending.last_mut() else {
                    return Err(malformed(record, "a slot without an account before it"));
                };
                account.slots.push(SlotChange { hash, before: U256::ZERO, after });
                self.summary.slots += 1;
            }
            CODE => {
                let code = reader.counted_bytes().map_err(read)?;
                let hash = keccak256(code);
                let account = self.pending.last().map(|account| account.leaf.code_hash);
                if account != Some(hash) || hash == KECCAK256_EMPTY {
                    return Err(malformed(
                        record,
                        "code that is not that of the account before it",
                    ));
                }
                self.batch.put(&CODES, &hash.0, &Raw(Bytes::copy_from_slice(code)));
                if self.batch.bytes() > quintet_store::BATCH_BYTES_MAX / 8 {
                    self.write()?;
                }
            }
            other => {
                return Err(malformed(
                    record,
                    format!("record of kind {other}, expected 1, 2 or 3"),
                ));
            }
        }
        self.records += 1;
        Ok(())
    }

    fn write(&mut self) -> Result<(), StateError> {
        let batch = std::mem::take(&mut self.batch);
        Ok(self.state.store.commit(batch, Durability::Buffered)?)
    }

    /// Writes what is pending. The last account may go on, unless `whole`.
    fn flush(&mut self, whole: bool) -> Result<(), StateError> {
        let latest = WithSnapshot {
            snapshot: self.state.store.snapshot()?,
            head: None,
            epoch: NO_CACHE,
            branch: 0,
        };
        let nodes = DiskNodes::new(&latest, &self.state.caches);
        let mut pending = std::mem::take(&mut self.pending);
        let open = if whole { None } else { pending.pop() };
        let expected: Vec<_> = pending.iter().map(|account| account.leaf.storage_root).collect();
        let mut changes: Vec<_> = pending.into_iter().map(Pending::change).collect();
        let updated: Updated<Vec<NodeUpdate>> = update_state(&nodes, self.root, &mut changes)?;
        for (change, expected) in changes.iter().zip(expected) {
            let actual = change.after.map_or(EMPTY_ROOT, |account| account.storage_root);
            if actual != expected {
                let reason = format!(
                    "slots of account {} have root {actual}, expected {expected}",
                    change.hash
                );
                return Err(malformed(self.record, reason));
            }
        }
        self.root = updated.root;
        put_nodes(&mut self.batch, &changes, &updated.nodes);
        put_flat(&mut self.batch, &changes);
        if let Some(open) = open {
            let (hash, leaf) = (open.hash, open.leaf);
            let mut change = open.change();
            update_storage(&nodes, &mut change)?;
            let written = change.after.map_or(EMPTY_ROOT, |account| account.storage_root);
            let changes = [change];
            put_nodes(&mut self.batch, &changes, &[]);
            put_flat(&mut self.batch, &changes);
            self.pending.push(Pending { hash, leaf, written, slots: Vec::new() });
        }
        self.records = 0;
        drop(latest);
        self.write()
    }

    fn finish(mut self) -> Result<SnapshotSummary, StateError> {
        self.flush(true)?;
        let head = self.summary.head;
        if self.root != head.root {
            let reason = format!("state has root {}, expected {}", self.root, head.root);
            return Err(malformed(self.record, reason));
        }
        let state = self.state;
        let snapshot = state.store.snapshot()?;
        check_codes(&snapshot)?;
        let mut batch = Batch::new();
        batch.put(&HEAD, &(), &head);
        if state.options.archive {
            batch.put(&FIRST, &(), &head.number);
        }
        drop(snapshot);
        state.store.commit(batch, Durability::Sync)?;
        let snapshot = state.store.snapshot()?;
        let mut latest = state.latest.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Nobody found anything before, so that nothing but absence may be in memory.
        let epoch = latest.epoch + 1;
        state.renew_caches(epoch);
        *latest =
            Latest { snapshot: Some(snapshot), head: Some(head), epoch, branch: latest.branch };
        Ok(self.summary)
    }
}

fn check_codes(snapshot: &Snapshot) -> Result<(), StateError> {
    for row in snapshot.range(&ACCOUNTS, ..)? {
        let (_, account) = row?;
        if account.has_code() && snapshot.get(&CODES, &account.code_hash.0)?.is_none() {
            return Err(StateError::Code { hash: account.code_hash });
        }
    }
    Ok(())
}
