//! Accounts: what they are, what a block changes of them, and the port through which execution reads them.
//!
//! ```text
//!   StateView ──► execution ──► StateChanges ──► state on disk: flat tables, trie, reverse diff ──► state root
//! ```

mod account;
mod proof;
pub mod root;
#[cfg(feature = "store")]
pub mod store;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};

pub use account::AccountLeaf;
pub use proof::{AccountProof, NOBODY, StateProofError, StorageProof, prove_account};

/// An account without its storage root, which is the trie's business.
///
/// **Spec:** Yellow Paper, section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Transactions sent, or contracts created by a contract.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// keccak256 of the code; of nothing for an account without code.
    pub code_hash: B256,
}

/// What a block changes of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The account afterwards; `None` if there is none any more.
    pub account: Option<Account>,
    /// Whether every slot it had before the block is gone: the account was destroyed, or destroyed and made again.
    pub wiped: bool,
    /// Slots that changed, with their values afterwards; zero deletes.
    pub storage: BTreeMap<U256, U256>,
}

/// What a block changes of the state, in the order of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateChanges {
    /// Accounts that changed.
    pub accounts: BTreeMap<Address, AccountChange>,
    /// Code that is new, by its keccak256.
    pub codes: BTreeMap<B256, Bytes>,
}

/// A state to read: that of one block.
pub trait StateView {
    /// Why a read fails: the disk, a peer, a witness that lacks what is asked.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Returns an account, or `None` if there is none.
    ///
    /// # Errors
    ///
    /// What keeps the state from being read.
    fn account(&self, address: Address) -> Result<Option<Account>, Self::Error>;

    /// Returns a slot's value, zero if it was never written.
    ///
    /// # Errors
    ///
    /// What keeps the state from being read.
    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error>;

    /// Returns code by its keccak256.
    ///
    /// # Errors
    ///
    /// What keeps the state from being read, and that no such code is there.
    fn code(&self, hash: B256) -> Result<Bytes, Self::Error>;

    /// Returns whether any slot of an account holds a value. Asked of accounts without nonce and code, where no
    /// contract may be made if one does.
    ///
    /// There are 28 such accounts on Ethereum's main network, from before EIP-161; a state that cannot hold any
    /// leaves this as it is.
    ///
    /// **Spec:** EIP-7610.
    ///
    /// # Errors
    ///
    /// What keeps the state from being read.
    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        let _ = address;
        Ok(false)
    }
}
