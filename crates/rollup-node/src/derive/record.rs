//! Safe heads on disk: for each L1 block at which the safe head moved, the head and the configuration it records.
//!
//! What `optimism_safeHeadAtL1Block` answers from, what derivation begins again from after a stop, a crash or a reorganisation, and what tells
//! which L2 block is final once an L1 block is.
//!
//! ```text
//!   table safe-heads   L1 number ──► L1 block · safe L2 block · system configuration
//!   table meta         "chain" ──► genesis;  "finalized" ──► number of the L1 block called final
//! ```
//!
//! # Invariants
//!
//! - The first entry is where derivation began; it is never removed.
//! - Entries are written in the order of L1; what survives a crash is a prefix of them.
//!
//! **Spec:** op-node's `safedb`.

use std::path::Path;

use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B256, U256};
use quintet_rollup_protocol::{
    config::RollupConfig,
    refs::{L1Ref, L2Ref},
    system::SystemConfig,
};
use quintet_store::{
    Batch, DecodeError, Durability, Reader, Schema, Store, StoreError, StoreOptions, Table,
    ValueCodec,
};

use super::DriveError;

/// Name and version of the tables.
pub const RECORD_SCHEMA: Schema = Schema { name: "rollup-safe-heads", version: 1, migrations: &[] };

const HEADS: Table<u64, SafeEntry> = Table::new("safe-heads");
const META: Table<String, Vec<u8>> = Table::new("meta");
const CHAIN: &str = "chain";
const FINALIZED: &str = "finalized";

/// A safe head, and the L1 block up to which L1 had been read when it was the safe head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafeEntry {
    /// The L1 block.
    pub l1: L1Ref,
    /// The safe head.
    pub safe: L2Ref,
    /// The system configuration the safe head records.
    pub system: SystemConfig,
}

fn put_hash(hash: B256, out: &mut Vec<u8>) {
    out.extend_from_slice(hash.as_slice());
}

fn hash(reader: &mut Reader<'_>) -> Result<B256, DecodeError> {
    reader.array::<32>().map(B256::from)
}

fn word(reader: &mut Reader<'_>) -> Result<U256, DecodeError> {
    reader.array::<32>().map(U256::from_be_bytes)
}

impl ValueCodec for SafeEntry {
    fn encode_value(&self, out: &mut Vec<u8>) {
        let Self { l1, safe, system } = self;
        l1.number.encode_value(out);
        put_hash(l1.hash, out);
        put_hash(l1.parent_hash, out);
        l1.timestamp.encode_value(out);
        safe.number.encode_value(out);
        put_hash(safe.hash, out);
        put_hash(safe.parent_hash, out);
        safe.timestamp.encode_value(out);
        safe.l1_origin.number.encode_value(out);
        put_hash(safe.l1_origin.hash, out);
        safe.sequence_number.encode_value(out);
        out.extend_from_slice(system.batcher.as_slice());
        out.extend_from_slice(&system.overhead.to_be_bytes::<32>());
        out.extend_from_slice(&system.scalar.to_be_bytes::<32>());
        system.gas_limit.encode_value(out);
        system.eip1559_denominator.encode_value(out);
        system.eip1559_elasticity.encode_value(out);
        system.operator_fee_scalar.encode_value(out);
        system.operator_fee_constant.encode_value(out);
        system.min_base_fee.encode_value(out);
        system.da_footprint_gas_scalar.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // Fields are read in the order in which they are written here.
        let l1 = L1Ref {
            number: reader.u64()?,
            hash: hash(reader)?,
            parent_hash: hash(reader)?,
            timestamp: reader.u64()?,
        };
        let safe = L2Ref {
            number: reader.u64()?,
            hash: hash(reader)?,
            parent_hash: hash(reader)?,
            timestamp: reader.u64()?,
            l1_origin: BlockNumHash { number: reader.u64()?, hash: hash(reader)? },
            sequence_number: reader.u64()?,
        };
        let system = SystemConfig {
            batcher: Address::from(reader.array::<20>()?),
            overhead: word(reader)?,
            scalar: word(reader)?,
            gas_limit: reader.u64()?,
            eip1559_denominator: reader.u32()?,
            eip1559_elasticity: reader.u32()?,
            operator_fee_scalar: reader.u32()?,
            operator_fee_constant: reader.u64()?,
            min_base_fee: reader.u64()?,
            da_footprint_gas_scalar: reader.u16()?,
        };
        Ok(Self { l1, safe, system })
    }
}

/// Safe heads on disk, or in memory for a derivation that keeps nothing. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub struct SafeHeads {
    store: Store,
}

impl SafeHeads {
    /// Opens or begins a directory.
    ///
    /// # Errors
    ///
    /// [`DriveError`] if the directory cannot be used, or is another chain's.
    pub fn open(directory: &Path, config: &RollupConfig) -> Result<Self, DriveError> {
        let store = Store::open(directory, &RECORD_SCHEMA, &StoreOptions::for_metadata())?;
        Self::of(store, config)
    }

    /// Begins in memory.
    ///
    /// # Errors
    ///
    /// [`DriveError`]; none is known to happen.
    pub fn memory(config: &RollupConfig) -> Result<Self, DriveError> {
        Self::of(Store::memory(&RECORD_SCHEMA)?, config)
    }

    fn of(store: Store, config: &RollupConfig) -> Result<Self, DriveError> {
        let genesis = &config.genesis.l2;
        let expected = format!("{} {} {}", config.l2_chain_id, genesis.number, genesis.hash);
        match store.get(&META, &CHAIN.to_owned())? {
            Some(actual) if actual == expected.as_bytes() => {}
            Some(actual) => {
                let actual = String::from_utf8_lossy(&actual).into_owned();
                return Err(DriveError::OtherChain { expected, actual });
            }
            None => {
                let mut batch = Batch::new();
                batch.put(&META, &CHAIN.to_owned(), &expected.into_bytes());
                store.commit(batch, Durability::Sync)?;
            }
        }
        Ok(Self { store })
    }

    /// Returns the entry derivation began with.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn first(&self) -> Result<Option<SafeEntry>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let mut all = snapshot.range(&HEADS, ..)?;
        Ok(all.next().transpose()?.map(|(_, entry)| entry))
    }

    /// Returns the newest entry.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn last(&self) -> Result<Option<SafeEntry>, StoreError> {
        self.at(u64::MAX)
    }

    /// Returns the newest entry of an L1 block at or below a number: what was safe then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn at(&self, l1_number: u64) -> Result<Option<SafeEntry>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let mut below = snapshot.range_rev(&HEADS, ..=l1_number)?;
        Ok(below.next().transpose()?.map(|(_, entry)| entry))
    }

    /// Returns the newest entry whose safe head has its L1 origin at or below a number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn with_origin_at(&self, origin_max: u64) -> Result<Option<SafeEntry>, StoreError> {
        // An entry's L1 block is at or above its safe head's origin, by a sequencing window at most; origins grow with entries.
        for entry in self.store.snapshot()?.range_rev(&HEADS, ..)? {
            let (_, entry) = entry?;
            if entry.safe.l1_origin.number <= origin_max {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Writes entries; they are on disk some time after, in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn write(&self, entries: &[SafeEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        for entry in entries {
            batch.put(&HEADS, &entry.l1.number, entry);
        }
        self.store.commit(batch, Durability::Buffered)
    }

    /// Forgets the entries of L1 blocks above a number, but the first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn rewind(&self, l1_number: u64) -> Result<(), StoreError> {
        let first = self.first()?.map_or(0, |entry| entry.l1.number);
        let mut batch = Batch::new();
        for entry in
            self.store.snapshot()?.range(&HEADS, l1_number.max(first).saturating_add(1)..)?
        {
            batch.delete(&HEADS, &entry?.0);
        }
        self.store.commit(batch, Durability::Sync)
    }

    /// Returns the number of the newest L1 block that was called final.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn finalized(&self) -> Result<u64, StoreError> {
        let bytes = self.store.get(&META, &FINALIZED.to_owned())?;
        let number = bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
        Ok(number.unwrap_or_default())
    }

    /// Takes note that an L1 block was called final.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn finalize(&self, l1_number: u64) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(&META, &FINALIZED.to_owned(), &l1_number.to_be_bytes().to_vec());
        self.store.commit(batch, Durability::Buffered)
    }

    /// Puts everything on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the disk fails.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> SafeEntry {
        let l1 = L1Ref { number, hash: B256::repeat_byte(1), ..L1Ref::default() };
        let l1_origin = BlockNumHash { number: number - 2, hash: B256::repeat_byte(2) };
        let safe = L2Ref { number: number * 6, l1_origin, ..L2Ref::default() };
        let system = SystemConfig {
            da_footprint_gas_scalar: 7,
            overhead: U256::MAX,
            ..SystemConfig::default()
        };
        SafeEntry { l1, safe, system }
    }

    fn config() -> RollupConfig {
        crate::testing::config()
    }

    #[test]
    fn entries_are_found_by_what_is_known_of_them() {
        let heads = SafeHeads::memory(&config()).unwrap();
        assert_eq!(heads.last().unwrap(), None);
        heads.write(&[entry(10), entry(12), entry(20)]).unwrap();
        assert_eq!(heads.first().unwrap(), Some(entry(10)));
        assert_eq!(heads.at(19).unwrap(), Some(entry(12)));
        assert_eq!(heads.with_origin_at(17).unwrap(), Some(entry(12)));
        assert_eq!(heads.with_origin_at(7).unwrap(), None);
        heads.rewind(11).unwrap();
        assert_eq!(heads.last().unwrap(), Some(entry(10)));
        heads.rewind(0).unwrap();
        assert_eq!(heads.last().unwrap(), Some(entry(10)), "where derivation began stays");
    }

    #[test]
    fn an_entry_has_the_length_its_page_says() {
        let mut bytes = Vec::new();
        entry(10).encode_value(&mut bytes);
        assert_eq!(bytes.len(), 330);
        assert_eq!(SafeEntry::decode_value(&mut Reader::new(&bytes)), Ok(entry(10)));
    }

    #[test]
    fn the_directory_of_another_chain_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(SafeHeads::open(dir.path(), &config()).unwrap());
        let other = RollupConfig { l2_chain_id: 12, ..config() };
        let error = SafeHeads::open(dir.path(), &other).unwrap_err();
        assert!(matches!(error, DriveError::OtherChain { .. }), "{error}");
    }
}
