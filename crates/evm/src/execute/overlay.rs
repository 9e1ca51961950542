//! The state while a block is executed: what it read of the state before it, and what it changed so far.
//!
//! ```text
//!   StateView ──reads──► Overlay ◄──what a transaction did── interpreter
//!                           └──► StateChanges, in the order of addresses, without what is as before
//! ```
//!
//! # Invariants
//!
//! - A value is read of the view at most once.
//! - What [`Overlay::changes`] says does not depend on the order of reads, nor on how the block was executed.

use std::collections::BTreeMap;

use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256,
    map::{AddressMap, B256Map, Entry as MapEntry, U256Map},
};
use quintet_eth::state::{Account, AccountChange, StateChanges, StateView};
use rayon::prelude::*;
use revm::{
    Database,
    bytecode::Bytecode,
    state::{Account as Loaded, AccountInfo, EvmState},
};

use super::{BlockHashes, error::ReadError};

/// Accounts from which reading them is worth another thread.
const READ_AHEAD_MIN: usize = 64;

/// The state while a block is executed.
pub(crate) struct Overlay<'a, V, H> {
    view: &'a V,
    hashes: &'a H,
    /// Whether an account that is empty is none. **Spec:** EIP-161.
    clears_empty: bool,
    accounts: AddressMap<Entry>,
    codes: B256Map<Bytecode>,
}

/// One account.
#[derive(Debug, Default)]
struct Entry {
    before: Option<Account>,
    now: Option<Account>,
    /// No slot of before counts any more.
    wiped: bool,
    slots: U256Map<Slot>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    before: U256,
    now: U256,
}

/// What becomes of an account that the interpreter loaded.
pub(crate) enum Fate {
    /// Nothing was done to it.
    Untouched,
    /// It is gone with its slots.
    Gone,
    /// It is there.
    There {
        account: Account,
        /// It was made by this transaction, so that no slot of before counts.
        made: bool,
    },
}

/// Says what becomes of an account, by the marks the interpreter left on it.
///
/// Before EIP-161 the interpreter marks what is empty so that the same reading holds.
pub(crate) fn fate_of(loaded: &Loaded) -> Fate {
    if !loaded.is_touched() {
        return Fate::Untouched;
    }
    if loaded.is_selfdestructed() {
        return Fate::Gone;
    }
    let made = loaded.is_created();
    if !made && loaded.is_empty() {
        return Fate::Gone;
    }
    Fate::There { account: account_of(&loaded.info), made }
}

/// The hash of code that is none, given to the interpreter for an account without nonce and code that has slots.
///
/// The interpreter makes no contract where there is code, but does not know of slots. With this hash it refuses, as
/// it should (EIP-7610), and still finds nothing to run.
const HIDES_STORAGE: B256 = B256::ZERO;

/// Returns whether an account is of the sort that may have slots and no code.
pub(crate) fn may_hide_storage(account: &Account) -> bool {
    account.nonce == 0 && account.code_hash == KECCAK256_EMPTY
}

pub(super) fn account_of(info: &AccountInfo) -> Account {
    let hides = info.code_hash == HIDES_STORAGE;
    let code_hash = if hides { KECCAK256_EMPTY } else { info.code_hash };
    Account { nonce: info.nonce, balance: info.balance, code_hash }
}

/// Returns the account in the interpreter's form, without code.
pub(crate) const fn info_of(account: &Account, hides_storage: bool) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: if hides_storage { HIDES_STORAGE } else { account.code_hash },
        account_id: None,
        code: None,
    }
}

/// Returns an account after a payment: made by it if there was none, none if it stays empty and the rules clear that.
pub(crate) fn credited(
    account: Option<Account>,
    amount: U256,
    clears_empty: bool,
) -> Option<Account> {
    let none = Account { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY };
    let mut account = account.unwrap_or(none);
    account.balance = account.balance.saturating_add(amount);
    (!clears_empty || account != none).then_some(account)
}

/// Makes code ready to run: finds its jump targets.
pub(crate) fn analysed<E>(hash: B256, code: Bytes) -> Result<Bytecode, ReadError<E>> {
    Bytecode::new_raw_checked(code).map_err(|_| ReadError::BadCode { hash, address: Address::ZERO })
}

impl<'a, V: StateView, H> Overlay<'a, V, H> {
    pub(crate) fn new(view: &'a V, hashes: &'a H, clears_empty: bool) -> Self {
        let (accounts, codes) = (AddressMap::default(), B256Map::default());
        Self { view, hashes, clears_empty, accounts, codes }
    }

    fn entry(&mut self, address: Address) -> Result<&mut Entry, ReadError<V::Error>> {
        match self.accounts.entry(address) {
            MapEntry::Occupied(entry) => Ok(entry.into_mut()),
            MapEntry::Vacant(vacant) => {
                let before = self.view.account(address).map_err(ReadError::View)?;
                Ok(vacant.insert(Entry { before, now: before, ..Entry::default() }))
            }
        }
    }

    /// Reads accounts by all threads, so that they are here when they are asked for. One that cannot be read is read again then.
    pub(crate) fn read_ahead(&mut self, mut addresses: Vec<Address>)
    where
        V: Sync,
        H: Sync,
    {
        addresses.retain(|address| !self.accounts.contains_key(address));
        if addresses.len() < READ_AHEAD_MIN {
            return;
        }
        let view = self.view;
        let read = |address: &Address| Some((*address, view.account(*address).ok()?));
        let read: Vec<_> = addresses.par_iter().with_min_len(READ_AHEAD_MIN).map(read).collect();
        self.accounts.reserve(read.len());
        for (address, before) in read.into_iter().flatten() {
            let entry = || Entry { before, now: before, ..Entry::default() };
            self.accounts.entry(address).or_insert_with(entry);
        }
    }

    /// Returns an account as it is now.
    pub(crate) fn account(
        &mut self,
        address: Address,
    ) -> Result<Option<Account>, ReadError<V::Error>> {
        Ok(self.entry(address)?.now)
    }

    pub(super) fn slot(
        &mut self,
        address: Address,
        slot: U256,
    ) -> Result<U256, ReadError<V::Error>> {
        let view = self.view;
        let entry = self.entry(address)?;
        if let Some(known) = entry.slots.get(&slot) {
            return Ok(known.now);
        }
        if entry.wiped || entry.before.is_none() {
            return Ok(U256::ZERO);
        }
        let before = view.storage(address, slot).map_err(ReadError::View)?;
        entry.slots.insert(slot, Slot { before, now: before });
        Ok(before)
    }

    /// Reads of a state that does not change while it is read so: without keeping what was read.
    pub(crate) fn peek(&self) -> Peek<'_, 'a, V, H> {
        Peek { overlay: self }
    }

    /// Takes over what a transaction did.
    pub(crate) fn commit(&mut self, state: EvmState) -> Result<(), ReadError<V::Error>> {
        for (address, mut loaded) in state {
            let fate = fate_of(&loaded);
            if let (Fate::There { account, .. }, Some(code)) = (&fate, loaded.info.code.take())
                && account.code_hash != KECCAK256_EMPTY
            {
                self.codes.entry(account.code_hash).or_insert(code);
            }
            match fate {
                Fate::Untouched => {}
                Fate::Gone => {
                    let entry = self.entry(address)?;
                    entry.wiped |= entry.before.is_some();
                    entry.now = None;
                    entry.slots.clear();
                }
                Fate::There { account, made } => self.settle(address, account, made, &loaded)?,
            }
        }
        Ok(())
    }

    fn settle(
        &mut self,
        address: Address,
        account: Account,
        made: bool,
        loaded: &Loaded,
    ) -> Result<(), ReadError<V::Error>> {
        let view = self.view;
        let entry = self.entry(address)?;
        if made {
            entry.wiped |= entry.before.is_some();
            entry.slots.clear();
        }
        entry.now = Some(account);
        for (slot, value) in loaded.changed_storage_slots() {
            let now = value.present_value;
            match entry.slots.entry(*slot) {
                MapEntry::Occupied(known) => known.into_mut().now = now,
                MapEntry::Vacant(vacant) => {
                    let fresh = entry.wiped || entry.before.is_none();
                    let before = if fresh {
                        U256::ZERO
                    } else {
                        view.storage(address, *slot).map_err(ReadError::View)?
                    };
                    vacant.insert(Slot { before, now });
                }
            }
        }
        Ok(())
    }

    /// Pays an amount, of nobody's balance.
    pub(crate) fn credit(
        &mut self,
        address: Address,
        amount: U256,
    ) -> Result<(), ReadError<V::Error>> {
        let clears_empty = self.clears_empty;
        let entry = self.entry(address)?;
        let gone = entry.now.is_some();
        entry.now = credited(entry.now, amount, clears_empty);
        if gone && entry.now.is_none() {
            entry.wiped |= entry.before.is_some();
            entry.slots.clear();
        }
        Ok(())
    }

    /// Sets an account whose code and slots stay: what a transfer leaves.
    pub(crate) fn set_account(
        &mut self,
        address: Address,
        account: Account,
    ) -> Result<(), ReadError<V::Error>> {
        self.entry(address)?.now = Some(account);
        Ok(())
    }

    /// Gives an account code, and a nonce if it has none.
    pub(crate) fn set_code(
        &mut self,
        address: Address,
        code: Bytes,
    ) -> Result<(), ReadError<V::Error>> {
        let hash = alloy_primitives::keccak256(&code);
        let code = analysed(hash, code)?;
        self.codes.entry(hash).or_insert(code);
        let entry = self.entry(address)?;
        let none = Account { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY };
        entry.now = Some(Account { code_hash: hash, ..entry.now.unwrap_or(none) });
        Ok(())
    }

    /// Takes every slot of an account to be zero.
    pub(super) fn wipe(&mut self, address: Address) -> Result<(), ReadError<V::Error>> {
        let entry = self.entry(address)?;
        entry.wiped = true;
        entry.slots.clear();
        Ok(())
    }

    /// Sets some slots of an account.
    pub(super) fn set_slots(
        &mut self,
        address: Address,
        slots: &BTreeMap<U256, U256>,
    ) -> Result<(), ReadError<V::Error>> {
        for (slot, now) in slots {
            let before = self.slot(address, *slot)?;
            self.entry(address)?.slots.insert(*slot, Slot { before, now: *now });
        }
        Ok(())
    }

    /// Moves the whole balance of one account to another.
    pub(crate) fn drain(&mut self, from: Address, to: Address) -> Result<(), ReadError<V::Error>> {
        let Some(account) = self.account(from)? else { return Ok(()) };
        self.entry(from)?.now = Some(Account { balance: U256::ZERO, ..account });
        self.credit(to, account.balance)
    }

    /// Returns what the block changed so far.
    pub(crate) fn changes(&self) -> StateChanges {
        let mut changes = StateChanges::default();
        for (address, entry) in &self.accounts {
            let differs = |slot: &Slot| {
                if entry.wiped { !slot.now.is_zero() } else { slot.now != slot.before }
            };
            let changed = entry.slots.iter().filter(|(_, slot)| differs(slot));
            let storage: BTreeMap<_, _> = changed.map(|(slot, value)| (*slot, value.now)).collect();
            if entry.now == entry.before && !entry.wiped && storage.is_empty() {
                continue;
            }
            let hash = |account: Option<Account>| {
                account.map_or(KECCAK256_EMPTY, |account| account.code_hash)
            };
            let code = hash(entry.now);
            if code != hash(entry.before)
                && let Some(known) = self.codes.get(&code)
            {
                changes.codes.insert(code, known.original_bytes());
            }
            let change = AccountChange { account: entry.now, wiped: entry.wiped, storage };
            changes.accounts.insert(*address, change);
        }
        changes
    }
}

impl<V: StateView, H: BlockHashes> Overlay<'_, V, H> {
    /// Returns code, of the state before or made since.
    pub(super) fn code_bytes(&self, hash: B256) -> Result<Bytes, ReadError<V::Error>> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        self.peek().code(hash).map(|code| code.original_bytes())
    }
}

impl<V: StateView, H: BlockHashes> Database for Overlay<'_, V, H> {
    type Error = ReadError<V::Error>;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        let Some(account) = self.account(address)? else { return Ok(None) };
        let hides = may_hide_storage(&account) && self.peek().has_storage(address)?;
        Ok(Some(info_of(&account, hides)))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Self::Error> {
        if hash == HIDES_STORAGE {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code.clone());
        }
        let code = analysed(hash, self.view.code(hash).map_err(ReadError::View)?)?;
        self.codes.insert(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.slot(address, slot)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.hashes.block_hash(number).ok_or(ReadError::NoBlockHash { number })
    }
}

/// Reads of an overlay that many may do at once.
pub(crate) struct Peek<'b, 'a, V, H> {
    overlay: &'b Overlay<'a, V, H>,
}

impl<V: StateView, H: BlockHashes> Peek<'_, '_, V, H> {
    pub(crate) fn account(&self, address: Address) -> Result<Option<Account>, ReadError<V::Error>> {
        match self.overlay.accounts.get(&address) {
            Some(entry) => Ok(entry.now),
            None => self.overlay.view.account(address).map_err(ReadError::View),
        }
    }

    /// Returns whether an account has slots from before the block.
    pub(crate) fn has_storage(&self, address: Address) -> Result<bool, ReadError<V::Error>> {
        if self.overlay.accounts.get(&address).is_some_and(|entry| entry.wiped) {
            return Ok(false);
        }
        self.overlay.view.has_storage(address).map_err(ReadError::View)
    }

    pub(crate) fn storage(
        &self,
        address: Address,
        slot: U256,
    ) -> Result<U256, ReadError<V::Error>> {
        if let Some(entry) = self.overlay.accounts.get(&address) {
            if let Some(known) = entry.slots.get(&slot) {
                return Ok(known.now);
            }
            if entry.wiped || entry.before.is_none() {
                return Ok(U256::ZERO);
            }
        }
        self.overlay.view.storage(address, slot).map_err(ReadError::View)
    }

    pub(crate) fn code(&self, hash: B256) -> Result<Bytecode, ReadError<V::Error>> {
        if hash == HIDES_STORAGE {
            return Ok(Bytecode::default());
        }
        match self.overlay.codes.get(&hash) {
            Some(code) => Ok(code.clone()),
            None => analysed(hash, self.overlay.view.code(hash).map_err(ReadError::View)?),
        }
    }

    pub(crate) fn block_hash(&self, number: u64) -> Result<B256, ReadError<V::Error>> {
        self.overlay.hashes.block_hash(number).ok_or(ReadError::NoBlockHash { number })
    }
}
