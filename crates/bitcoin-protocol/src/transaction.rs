//! Parsed transactions over one shared buffer.
//!
//! A block holds thousands of small scripts and witnesses. Giving each its own allocation costs more
//! than parsing it, so a [`Transactions`] keeps the buffer as it came and flat arrays of where things
//! lie in it:
//!
//! ```text
//!   bytes    [ version | marker | inputs | outputs | witnesses | lock time ][ next transaction …
//!   entries  one a transaction: its extent, its first input, output and witness item, its two ids
//!   inputs, outputs, items   flat, in order of appearance
//! ```
//!
//! [`Tx`], [`Input`], [`Output`] and [`Witness`] are views: copyable, borrowing from the table.
//!
//! # Invariants
//!
//! - What was parsed re-serialises to the same bytes: they are the same bytes.
//! - Memory is proportional to the length of the buffer, whatever its counts claim.
//!
//! **Spec:** BIP-0141 and BIP-0144 (ids, witnesses, weight).

use bitcoin::{OutPoint, Txid, Wtxid, hashes::Hash};
use bytes::Bytes;
use quintet_crypto::{digest::sha256d, sha256d_many};

use crate::encode::{DecodeError, Reader};

/// Weight units one byte outside of a witness counts for (BIP-0141).
pub const WITNESS_SCALE_FACTOR: usize = 4;

/// Fewest bytes of an input, an output, a transaction: what a claimed count is measured against.
const INPUT_BYTES_MIN: usize = 41;
const OUTPUT_BYTES_MIN: usize = 9;
pub(crate) const TRANSACTION_BYTES_MIN: usize = 10;

/// Transactions whose ids are computed together: enough to fill the lanes of [`sha256d_many`], few enough that a
/// buffer full of tiny ones takes no more memory than its tables do.
const HASHED_AT_ONCE: usize = 4096;

/// A part of the buffer.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    #[expect(clippy::cast_possible_truncation, reason = "a reader holds at most `SIZE_MAX` bytes")]
    const fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

/// Where the things of a transaction lie in a flat array.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    first: u32,
    count: u32,
}

impl Run {
    #[expect(clippy::cast_possible_truncation, reason = "there are fewer things than bytes")]
    const fn new(first: usize, end: usize) -> Self {
        Self { first: first as u32, count: (end - first) as u32 }
    }

    fn of<T>(self, all: &[T]) -> &[T] {
        &all[self.first as usize..][..self.count as usize]
    }
}

#[derive(Debug, Clone, Copy)]
struct InputEntry {
    /// Begins with the outpoint; the script follows.
    start: u32,
    script_sig: Span,
    sequence: u32,
    witness: Run,
}

#[derive(Debug, Clone, Copy)]
struct OutputEntry {
    value: i64,
    script_pubkey: Span,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    whole: Span,
    /// Inputs and outputs with their counts: what both serialisations share.
    body: Span,
    inputs: Run,
    outputs: Run,
    has_witness: bool,
    txid: Txid,
    wtxid: Wtxid,
}

impl Entry {
    /// Returns what the id without witnesses is the hash of.
    fn hashed<'b>(&self, bytes: &'b [u8]) -> [&'b [u8]; 3] {
        let whole = self.whole.of(bytes);
        if self.has_witness {
            [&whole[..4], self.body.of(bytes), &whole[whole.len() - 4..]]
        } else {
            [whole, &[], &[]]
        }
    }
}

/// What a count of zero inputs means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The marker of BIP-0144.
    WithWitness,
    /// A transaction without inputs.
    Plain,
}

/// Transactions parsed from one buffer, in its order.
#[derive(Debug, Clone)]
pub struct Transactions {
    bytes: Bytes,
    entries: Vec<Entry>,
    inputs: Vec<InputEntry>,
    outputs: Vec<OutputEntry>,
    items: Vec<Span>,
}

impl Transactions {
    /// Parses a compact size and that many transactions from `reader`, which reads `bytes`.
    pub(crate) fn decode_counted(
        bytes: &Bytes,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let (count, reserve) = reader.count(TRANSACTION_BYTES_MIN)?;
        let mut all = Self::with_capacity(bytes.clone(), reserve, reader.left());
        for _ in 0..count {
            all.decode_form(reader, Form::WithWitness)?;
        }
        all.compute_ids();
        Ok(all)
    }

    /// Makes an empty table over `bytes`, of which `left` are still to be read.
    pub(crate) fn with_capacity(bytes: Bytes, transactions: usize, left: usize) -> Self {
        // A guess from real blocks (about 250 bytes for an input with its witness, 100 for an output); vectors grow if it is low.
        Self {
            bytes,
            entries: Vec::with_capacity(transactions),
            inputs: Vec::with_capacity(left / 200),
            outputs: Vec::with_capacity(left / 150),
            items: Vec::new(),
        }
    }

    /// Parses one transaction, which may have witnesses, and computes its ids.
    pub(crate) fn decode_one(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.decode_form(reader, Form::WithWitness)?;
        self.compute_last_id();
        Ok(())
    }

    /// Parses one transaction and leaves its ids zero.
    fn decode_form(&mut self, reader: &mut Reader<'_>, form: Form) -> Result<(), DecodeError> {
        let start = reader.at();
        let (first_input, first_output) = (self.inputs.len(), self.outputs.len());
        reader.take(4)?;
        let mut body_start = reader.at();
        let mut flags = 0;
        if self.decode_inputs(reader)? == 0 && form == Form::WithWitness {
            // No input: either the witness marker, or a transaction that later rules refuse.
            [flags] = reader.array()?;
            if flags != 0 {
                body_start = reader.at();
                self.decode_inputs(reader)?;
                self.decode_outputs(reader)?;
            }
        } else {
            self.decode_outputs(reader)?;
        }
        let body = Span::new(body_start, reader.at());
        let has_witness = flags & 1 != 0;
        if has_witness && !self.decode_witnesses(first_input, reader)? {
            return Err(DecodeError::SuperfluousWitness { at: start });
        }
        if flags & !1 != 0 {
            return Err(DecodeError::UnknownFlags { at: start, actual: flags & !1 });
        }
        reader.take(4)?;
        let whole = Span::new(start, reader.at());
        self.entries.push(Entry {
            whole,
            body,
            inputs: Run::new(first_input, self.inputs.len()),
            outputs: Run::new(first_output, self.outputs.len()),
            has_witness,
            txid: Txid::all_zeros(),
            wtxid: Wtxid::all_zeros(),
        });
        Ok(())
    }

    /// Computes the ids of all transactions, many at once: one after another they take five times as long as parsing.
    fn compute_ids(&mut self) {
        let mut messages = Vec::with_capacity(self.entries.len().min(HASHED_AT_ONCE));
        for entries in self.entries.chunks_mut(HASHED_AT_ONCE) {
            messages.clear();
            messages.extend(entries.iter().map(|entry| entry.hashed(&self.bytes)));
            let witnessed = entries.iter().filter(|entry| entry.has_witness);
            messages.extend(witnessed.map(|entry| [entry.whole.of(&self.bytes), &[], &[]]));
            let digests = sha256d_many(&messages);
            let (txids, wtxids) = digests.split_at(entries.len());
            let mut wtxids = wtxids.iter();
            for (entry, txid) in entries.iter_mut().zip(txids) {
                let wtxid = if entry.has_witness { wtxids.next() } else { None };
                entry.txid = Txid::from_byte_array(*txid);
                entry.wtxid = Wtxid::from_byte_array(*wtxid.unwrap_or(txid));
            }
        }
    }

    /// Computes the ids of the transaction parsed last.
    fn compute_last_id(&mut self) {
        if let Some(entry) = self.entries.last_mut() {
            let txid = sha256d(&entry.hashed(&self.bytes)).into_bytes();
            let whole = entry.whole.of(&self.bytes);
            let wtxid = if entry.has_witness { sha256d(&[whole]).into_bytes() } else { txid };
            entry.txid = Txid::from_byte_array(txid);
            entry.wtxid = Wtxid::from_byte_array(wtxid);
        }
    }

    fn decode_inputs(&mut self, reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
        let (count, reserve) = reader.count(INPUT_BYTES_MIN)?;
        self.inputs.reserve(reserve);
        for _ in 0..count {
            let start = Span::new(reader.at(), reader.at()).start;
            reader.take(36)?;
            let script_sig = Self::sized(reader)?;
            let sequence = reader.u32()?;
            self.inputs.push(InputEntry { start, script_sig, sequence, witness: Run::default() });
        }
        Ok(count)
    }

    fn decode_outputs(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        let (count, reserve) = reader.count(OUTPUT_BYTES_MIN)?;
        self.outputs.reserve(reserve);
        for _ in 0..count {
            let value = i64::from_le_bytes(reader.array()?);
            let script_pubkey = Self::sized(reader)?;
            self.outputs.push(OutputEntry { value, script_pubkey });
        }
        Ok(())
    }

    /// Parses the witness of every input from `first_input` on; returns whether one of them holds an item.
    fn decode_witnesses(
        &mut self,
        first_input: usize,
        reader: &mut Reader<'_>,
    ) -> Result<bool, DecodeError> {
        let before = self.items.len();
        for input in &mut self.inputs[first_input..] {
            let first = self.items.len();
            let (count, reserve) = reader.count(1)?;
            self.items.reserve(reserve);
            for _ in 0..count {
                self.items.push(Self::sized(reader)?);
            }
            input.witness = Run::new(first, self.items.len());
        }
        Ok(self.items.len() > before)
    }

    fn sized(reader: &mut Reader<'_>) -> Result<Span, DecodeError> {
        let len = reader.sized()?.len();
        Ok(Span::new(reader.at() - len, reader.at()))
    }

    /// Returns how many transactions there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the transaction at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Tx<'_>> {
        self.entries.get(index).map(|entry| Tx { table: self, entry })
    }

    /// Returns the transactions in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Tx<'_>> + DoubleEndedIterator + Clone {
        self.entries.iter().map(|entry| Tx { table: self, entry })
    }

    /// Returns how many inputs all transactions have together.
    #[must_use]
    pub const fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// Returns how many outputs all transactions have together.
    #[must_use]
    pub const fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Returns the bytes of heap the arrays take, without the buffer.
    #[must_use]
    pub const fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.inputs.capacity() * size_of::<InputEntry>()
            + self.outputs.capacity() * size_of::<OutputEntry>()
            + self.items.capacity() * size_of::<Span>()
    }
}

/// One transaction with a buffer of its own.
#[derive(Debug, Clone)]
pub struct Transaction(Transactions);

impl Transaction {
    /// Parses a transaction that fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are no transaction or go on after it.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        Self::decode_form(&bytes.into(), Form::WithWitness)
    }

    /// Parses a transaction that fills `bytes` in the serialisation without witnesses.
    ///
    /// Only there a transaction may have no inputs and yet an output: a draft, or the unsigned transaction
    /// of BIP-0174. Nodes do not relay this form; tools try it after the other.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are no transaction or go on after it.
    pub fn decode_plain(bytes: impl Into<Bytes>) -> Result<Self, DecodeError> {
        Self::decode_form(&bytes.into(), Form::Plain)
    }

    fn decode_form(bytes: &Bytes, form: Form) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes)?;
        let mut all = Transactions::with_capacity(bytes.clone(), 1, reader.left());
        all.decode_form(&mut reader, form)?;
        reader.finish()?;
        all.compute_last_id();
        Ok(Self(all))
    }

    /// Returns the view of it.
    #[must_use]
    pub fn view(&self) -> Tx<'_> {
        // `decode` is the only constructor and leaves exactly one entry.
        Tx { table: &self.0, entry: &self.0.entries[0] }
    }
}

/// A transaction: a view into [`Transactions`].
#[derive(Debug, Clone, Copy)]
pub struct Tx<'a> {
    table: &'a Transactions,
    entry: &'a Entry,
}

impl<'a> Tx<'a> {
    /// Returns the serialisation it was parsed from, with witnesses if it has any.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.entry.whole.of(&self.table.bytes)
    }

    /// Returns the counts, inputs and outputs as serialised: what lies between version and lock time without witnesses.
    #[must_use]
    pub fn body(self) -> &'a [u8] {
        self.entry.body.of(&self.table.bytes)
    }

    /// Returns the version. Rules compare it as unsigned or as signed; BIP-0068 as unsigned.
    #[must_use]
    pub fn version(self) -> u32 {
        self.word(&self.bytes()[..4])
    }

    /// Returns the lock time: a height below 500,000,000, else Unix seconds.
    #[must_use]
    pub fn lock_time(self) -> u32 {
        let bytes = self.bytes();
        self.word(&bytes[bytes.len() - 4..])
    }

    fn word(self, bytes: &[u8]) -> u32 {
        bytes.first_chunk().copied().map_or(0, u32::from_le_bytes)
    }

    /// Returns the id that leaves witnesses out.
    #[must_use]
    pub const fn txid(self) -> Txid {
        self.entry.txid
    }

    /// Returns the id that covers witnesses (for a coinbase, its true hash; the commitment takes zero in its place).
    #[must_use]
    pub const fn wtxid(self) -> Wtxid {
        self.entry.wtxid
    }

    /// Returns whether a witness is serialised.
    #[must_use]
    pub const fn has_witness(self) -> bool {
        self.entry.has_witness
    }

    /// Returns the bytes without witnesses.
    #[must_use]
    pub const fn base_size(self) -> usize {
        self.entry.body.len as usize + 8
    }

    /// Returns the bytes with witnesses.
    #[must_use]
    pub const fn total_size(self) -> usize {
        self.entry.whole.len as usize
    }

    /// Returns the weight, weight units (BIP-0141).
    #[must_use]
    pub const fn weight(self) -> usize {
        self.base_size() * (WITNESS_SCALE_FACTOR - 1) + self.total_size()
    }

    /// Returns whether it has the one input without an outpoint that makes a coinbase.
    #[must_use]
    pub fn is_coinbase(self) -> bool {
        self.entry.inputs.count == 1 && self.inputs().all(|input| input.previous.is_null())
    }

    /// Returns the inputs in order.
    pub fn inputs(self) -> impl ExactSizeIterator<Item = Input<'a>> + DoubleEndedIterator + Clone {
        let table = self.table;
        self.entry.inputs.of(&table.inputs).iter().map(move |entry| Input::new(table, entry))
    }

    /// Returns the input at `index`.
    #[must_use]
    pub fn input(self, index: usize) -> Option<Input<'a>> {
        let entry = self.entry.inputs.of(&self.table.inputs).get(index)?;
        Some(Input::new(self.table, entry))
    }

    /// Returns the outputs in order.
    pub fn outputs(
        self,
    ) -> impl ExactSizeIterator<Item = Output<'a>> + DoubleEndedIterator + Clone {
        let table = self.table;
        self.entry.outputs.of(&table.outputs).iter().map(move |entry| Output::new(table, entry))
    }

    /// Returns the output at `index`.
    #[must_use]
    pub fn output(self, index: usize) -> Option<Output<'a>> {
        let entry = self.entry.outputs.of(&self.table.outputs).get(index)?;
        Some(Output::new(self.table, entry))
    }
}

/// An input: a view.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The output it spends.
    pub previous: OutPoint,
    /// The script before the spent output's script.
    pub script_sig: &'a [u8],
    /// The sequence number: BIP-0068 relative lock, replacement signal.
    pub sequence: u32,
    /// The witness; empty if none is serialised.
    pub witness: Witness<'a>,
}

impl<'a> Input<'a> {
    #[inline]
    fn new(table: &'a Transactions, entry: &InputEntry) -> Self {
        let previous = &table.bytes[entry.start as usize..][..36];
        let mut txid = [0; 32];
        txid.copy_from_slice(&previous[..32]);
        let vout = previous[32..].first_chunk().copied().map_or(0, u32::from_le_bytes);
        Self {
            previous: OutPoint { txid: Txid::from_byte_array(txid), vout },
            script_sig: entry.script_sig.of(&table.bytes),
            sequence: entry.sequence,
            witness: Witness { bytes: &table.bytes, items: entry.witness.of(&table.items) },
        }
    }
}

/// An output: a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output<'a> {
    /// Satoshis as serialised: out of range until a rule has looked.
    pub value: i64,
    /// The script that must be satisfied to spend it.
    pub script_pubkey: &'a [u8],
}

impl<'a> Output<'a> {
    #[inline]
    fn new(table: &'a Transactions, entry: &OutputEntry) -> Self {
        Self { value: entry.value, script_pubkey: entry.script_pubkey.of(&table.bytes) }
    }
}

/// The witness of an input: a stack of byte strings, bottom first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Witness<'a> {
    bytes: &'a [u8],
    items: &'a [Span],
}

impl<'a> Witness<'a> {
    /// Returns how many items there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.items.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.items.is_empty()
    }

    /// Returns the item at `index` from the bottom.
    #[must_use]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        self.items.get(index).map(|span| span.of(self.bytes))
    }

    /// Returns the items, bottom first.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator + Clone {
        self.items.iter().map(move |span| span.of(self.bytes))
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
