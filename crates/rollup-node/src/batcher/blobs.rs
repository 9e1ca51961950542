//! A transaction whose data is in a blob, as a node's pool takes it: with the blob, its commitment and proofs beside it.
//!
//! ```text
//!   3 │ rlp [ transaction, blobs, commitments, proofs ]            to Prague: a proof a blob
//!   3 │ rlp [ transaction, 1, blobs, commitments, cell proofs ]    from Osaka: 128 proofs a blob
//! ```
//!
//! A block, and the transaction's hash, have the transaction alone.
//!
//! **Spec:** EIP-4844, "Networking"; EIP-7594, "Networking".

use alloy_consensus::TxEip4844;
use alloy_eips::eip4844::Bytes48;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Encodable as _, Header};
use quintet_rollup_protocol::inbox::{
    blob::{self, BlobError},
    kzg::{self, KzgError},
};
use thiserror::Error;

use crate::wallet::Wallet;

/// Type of a transaction with blobs.
const BLOB_TX: u8 = 3;
/// Version of what goes beside a transaction from Osaka.
const CELL_PROOFS: u8 = 1;

/// Chains whose nodes have had Osaka for long: Ethereum, Sepolia, Hoodi.
const OSAKA_CHAINS: [u64; 3] = [1, 11_155_111, 560_048];

/// Which proofs nodes of L1 ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proofs {
    /// One a blob.
    Blob,
    /// One a cell of a blob.
    Cells,
}

impl Proofs {
    /// Returns what nodes of a chain ask for, as far as that is known; others are as Prague has it.
    #[must_use]
    pub fn of_chain(chain_id: u64) -> Self {
        if OSAKA_CHAINS.contains(&chain_id) { Self::Cells } else { Self::Blob }
    }
}

/// Why data is in no blob.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlobTxError {
    /// It is too long.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The library refuses it.
    #[error(transparent)]
    Kzg(#[from] KzgError),
}

/// A blob with what shows that it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    blob: Bytes,
    commitment: Bytes48,
    proofs: Vec<Bytes48>,
    hash: B256,
    has_cells: bool,
}

impl Sidecar {
    /// Puts data into a blob. Costs some ten milliseconds, and some two hundred with proofs of cells.
    ///
    /// # Errors
    ///
    /// [`BlobTxError`] if it does not fit into one.
    pub fn new(data: &[u8], proofs: Proofs) -> Result<Self, BlobTxError> {
        Self::of_blob(blob::encode(data)?.into(), proofs)
    }

    /// Takes a blob.
    ///
    /// # Errors
    ///
    /// [`BlobTxError`] if it is none.
    pub fn of_blob(blob: Bytes, proofs: Proofs) -> Result<Self, BlobTxError> {
        let (commitment, proof, hash) = kzg::commit(&blob)?;
        let (proofs, has_cells) = match proofs {
            Proofs::Blob => (vec![proof], false),
            Proofs::Cells => (kzg::cell_proofs(&blob)?, true),
        };
        Ok(Self { blob, commitment, proofs, hash, has_cells })
    }

    /// Returns the hash that the transaction names.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.hash
    }
}

/// Puts sidecars beside a transaction with their blobs, in the order in which it names them; others are returned as they are.
#[must_use]
pub fn network_form(tx: &Bytes, sidecars: &[&Sidecar]) -> Bytes {
    let Some((&BLOB_TX, body)) = tx.split_first() else { return tx.clone() };
    let mut fields = body.to_vec();
    if sidecars.iter().any(|sidecar| sidecar.has_cells) {
        CELL_PROOFS.encode(&mut fields);
    }
    sidecars.iter().map(|one| one.blob.clone()).collect::<Vec<_>>().encode(&mut fields);
    sidecars.iter().map(|one| one.commitment).collect::<Vec<_>>().encode(&mut fields);
    sidecars.iter().flat_map(|one| one.proofs.clone()).collect::<Vec<_>>().encode(&mut fields);
    let mut out = vec![BLOB_TX];
    Header { list: true, payload_length: fields.len() }.encode(&mut out);
    out.extend_from_slice(&fields);
    out.into()
}

/// Signs a transaction with one blob; returns it as a pool takes it, and its hash.
pub(super) fn signed(wallet: &Wallet, tx: TxEip4844, sidecar: &Sidecar) -> (Bytes, B256) {
    let alone = wallet.sign(TxEip4844 { blob_versioned_hashes: vec![sidecar.hash], ..tx });
    (network_form(&alone, &[sidecar]), keccak256(&alone))
}

#[cfg(test)]
mod tests {
    use alloy_rlp::Decodable as _;

    use super::*;

    /// Reads the header of a list; returns what is in it.
    fn list<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
        let header = Header::decode(bytes).unwrap();
        assert!(header.list);
        let (inside, rest) = bytes.split_at(header.payload_length);
        *bytes = rest;
        inside
    }

    #[test]
    fn a_pool_is_given_the_transaction_its_blob_and_the_proofs_its_fork_asks_for() {
        let wallet = Wallet::new(B256::repeat_byte(7)).unwrap();
        for (proofs, count) in [(Proofs::Blob, 1), (Proofs::Cells, 128)] {
            let sidecar = Sidecar::new(b"a frame", proofs).unwrap();
            let (raw, hash) =
                signed(&wallet, TxEip4844 { nonce: 5, ..TxEip4844::default() }, &sidecar);
            assert_eq!(raw[0], 3);
            let mut rest = &raw[1..];
            let mut fields = list(&mut rest);
            assert!(rest.is_empty());
            // The transaction alone has the hash.
            let before = fields;
            list(&mut fields);
            let alone = [&[3], &before[..before.len() - fields.len()]].concat();
            assert_eq!(keccak256(&alone), hash);
            if proofs == Proofs::Cells {
                assert_eq!(u8::decode(&mut fields), Ok(1));
            }
            let blobs = Vec::<Bytes>::decode(&mut fields).unwrap();
            assert_eq!(blob::decode(&blobs[0]).unwrap().as_ref(), b"a frame");
            let commitments = Vec::<Bytes48>::decode(&mut fields).unwrap();
            let of_cells = Vec::<Bytes48>::decode(&mut fields).unwrap();
            assert_eq!((blobs.len(), commitments.len(), of_cells.len()), (1, 1, count));
            assert!(fields.is_empty());
            if proofs == Proofs::Blob {
                let held = kzg::verify(&blobs[0], &commitments[0], &of_cells[0], sidecar.hash());
                assert_eq!(held, Ok(()));
            }
        }
    }

    #[test]
    fn what_does_not_fit_into_a_blob_is_refused_and_what_has_none_left_as_it_is() {
        let long = vec![0; blob::BLOB_DATA_MAX + 1];
        assert!(matches!(Sidecar::new(&long, Proofs::Blob), Err(BlobTxError::Blob(_))));
        let plain: Bytes = vec![2, 0xc0].into();
        assert_eq!(network_form(&plain, &[]), plain);
    }

    #[test]
    fn the_chains_everybody_knows_ask_for_proofs_of_cells() {
        assert_eq!(Proofs::of_chain(1), Proofs::Cells);
        assert_eq!(Proofs::of_chain(31_337), Proofs::Blob);
    }
}
