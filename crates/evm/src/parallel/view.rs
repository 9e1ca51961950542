//! The state as one transaction of a block sees it: what those before it wrote so far, else what was before the block.

use alloy_primitives::{
    Address, B256, KECCAK256_EMPTY, U256,
    map::{AddressMap, AddressSet},
};
use quintet_eth::state::{Account, StateView};
use revm::{Database, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo};
use thiserror::Error;

use super::{
    cache::Codes,
    memory::{Blocked, Found, Funds, Location, Memory, Value, Version},
};
use crate::execute::{BlockHashes, Peek, ReadError, credited, info_of, may_hide_storage};

/// A read and the versions it met.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) location: Location,
    pub(super) origins: Vec<Version>,
}

/// Why a transaction was not run to its end.
#[derive(Debug, Error)]
pub(super) enum Interrupted<E> {
    /// The state cannot be read, or a wrong guess asked it for what is not there.
    #[error("{0}")]
    Read(#[source] ReadError<E>),
    /// It met what another will write again.
    #[error("transaction {0} must be done first")]
    Blocked(usize),
}

impl<E: std::error::Error + Send + Sync + 'static> DBErrorMarker for Interrupted<E> {}

impl<E> From<Blocked> for Interrupted<E> {
    fn from(Blocked(index): Blocked) -> Self {
        Self::Blocked(index)
    }
}

/// The state as one transaction sees it.
pub(super) struct TransactionView<'b, 'a, V, H> {
    memory: &'b Memory,
    codes: &'b Codes,
    base: Peek<'b, 'a, V, H>,
    clears_empty: bool,
    index: usize,
    reads: Vec<Read>,
    accounts: AddressMap<Option<Account>>,
    wipes: AddressSet,
}

impl<'b, 'a, V: StateView, H: BlockHashes> TransactionView<'b, 'a, V, H> {
    pub(super) fn new(
        memory: &'b Memory,
        codes: &'b Codes,
        base: Peek<'b, 'a, V, H>,
        clears_empty: bool,
    ) -> Self {
        let (accounts, wipes) = (AddressMap::default(), AddressSet::default());
        Self { memory, codes, base, clears_empty, index: 0, reads: Vec::new(), accounts, wipes }
    }

    /// Begins another transaction.
    pub(super) fn begin(&mut self, index: usize) {
        self.index = index;
        self.reads.clear();
        self.accounts.clear();
        self.wipes.clear();
    }

    /// Takes what was read.
    pub(super) fn take_reads(&mut self) -> Vec<Read> {
        core::mem::take(&mut self.reads)
    }

    /// Returns an account as the transaction found it, if it looked.
    pub(super) fn found(&self, address: &Address) -> Option<Account> {
        self.accounts.get(address).copied().flatten()
    }

    fn read(&mut self, location: Location) -> Result<Vec<Value>, Interrupted<V::Error>> {
        let Found { origins, values } = self.memory.read(&location, self.index)?;
        self.reads.push(Read { location, origins });
        Ok(values)
    }

    /// Returns the hash of an account's code, whether or not the account is there.
    pub(super) fn code_hash(&mut self, address: Address) -> Result<B256, Interrupted<V::Error>> {
        if let Some(Value::Code(hash)) = self.read(Location::Code(address))?.first() {
            return Ok(*hash);
        }
        let base = self.base.account(address).map_err(Interrupted::Read)?;
        Ok(base.map_or(KECCAK256_EMPTY, |account| account.code_hash))
    }

    /// Returns who last wiped an account's slots, if anybody did within the block.
    fn wiped_by(&mut self, address: Address) -> Result<Option<Version>, Interrupted<V::Error>> {
        let location = Location::Wipe(address);
        let Found { origins, .. } = self.memory.read(&location, self.index)?;
        let last = origins.first().copied();
        if self.wipes.insert(address) {
            self.reads.push(Read { location, origins });
        }
        Ok(last)
    }

    fn account(&mut self, address: Address) -> Result<Option<Account>, Interrupted<V::Error>> {
        let values = self.read(Location::Account(address))?;
        let code = match self.read(Location::Code(address))?.first() {
            Some(Value::Code(hash)) => Some(*hash),
            _ => None,
        };
        let (written, amounts) = match values.split_last() {
            Some((Value::Account(funds), amounts)) => (Some(*funds), amounts),
            _ => (None, values.as_slice()),
        };
        let base = if code.is_some() && written.is_some() {
            None
        } else {
            self.base.account(address).map_err(Interrupted::Read)?
        };
        let code_hash = code.unwrap_or(base.map_or(KECCAK256_EMPTY, |base| base.code_hash));
        let mut account = match written {
            Some(funds) => {
                funds.map(|Funds { nonce, balance }| Account { nonce, balance, code_hash })
            }
            None => base.map(|base| Account { code_hash, ..base }),
        };
        for amount in amounts.iter().rev() {
            account = match amount {
                Value::Debit(amount) => debited(account, *amount),
                Value::Credit(amount) => credited(account, *amount, self.clears_empty),
                Value::Account(_) | Value::Code(_) | Value::Wiped | Value::Slot(_) => account,
            };
        }
        self.accounts.insert(address, account);
        Ok(account)
    }
}

/// Returns an account after a payment that used a nonce. Whether it could pay is looked at when the block is put
/// together; until then a guess.
fn debited(account: Option<Account>, amount: U256) -> Option<Account> {
    account.map(|account| Account {
        nonce: account.nonce.saturating_add(1),
        balance: account.balance.saturating_sub(amount),
        ..account
    })
}

impl<V: StateView, H: BlockHashes> Database for TransactionView<'_, '_, V, H> {
    type Error = Interrupted<V::Error>;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Self::Error> {
        let Some(account) = self.account(address)? else { return Ok(None) };
        let hides = may_hide_storage(&account)
            && self.wiped_by(address)?.is_none()
            && self.base.has_storage(address).map_err(Interrupted::Read)?;
        Ok(Some(info_of(&account, hides)))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Self::Error> {
        if let Some(code) = self.codes.get(&hash) {
            return Ok(code);
        }
        let code = self.base.code(hash).map_err(Interrupted::Read)?;
        self.codes.insert(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        let location = Location::Slot(address, slot);
        let Found { origins, values } = self.memory.read(&location, self.index)?;
        let written = origins.first().copied();
        self.reads.push(Read { location, origins });
        let wiped = self.wiped_by(address)?;
        match (values.first(), written, wiped) {
            // Within one transaction the slots come after.
            (Some(Value::Slot(value)), Some(written), wiped)
                if wiped.is_none_or(|wiped| written.index >= wiped.index) =>
            {
                Ok(*value)
            }
            (_, _, Some(_)) => Ok(U256::ZERO),
            _ => self.base.storage(address, slot).map_err(Interrupted::Read),
        }
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Self::Error> {
        self.base.block_hash(number).map_err(Interrupted::Read)
    }
}
