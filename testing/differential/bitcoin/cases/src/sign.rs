//! Scripts put where they are run, and signatures over them: legacy, behind a script hash, segwit, taproot.

use bitcoin::{
    EcdsaSighashType, ScriptBuf, TapSighashType, Transaction, TxOut, Witness, XOnlyPublicKey,
    hashes::Hash as _,
    key::TapTweak as _,
    secp256k1::{All, Keypair, Message, Secp256k1, SecretKey},
    sighash::{Annex, Prevouts, SighashCache},
    taproot::{LeafVersion, TapLeafHash, TapNodeHash},
};

use super::assembler::push;

/// Where a script is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// As the output's script.
    Bare,
    /// Behind a script hash (BIP-0016).
    P2sh,
    /// As a witness script (BIP-0141).
    P2wsh,
    /// As a witness script behind a script hash.
    Nested,
    /// As a leaf (BIP-0342).
    Leaf,
}

/// A leaf's place in its tree.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The version of the leaf.
    pub version: u8,
    /// The hashes beside the way up.
    pub path: Vec<[u8; 32]>,
}

/// What a signature is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which key.
    pub key: usize,
    /// What is signed of the transaction: the byte behind the signature.
    pub sighash: u8,
    /// Where the script begins that is signed: behind the last `OP_CODESEPARATOR` that was run; its number among the
    /// opcodes.
    pub separator: Option<(usize, u32)>,
}

/// Keys, and what is needed to sign with them.
#[derive(Debug)]
pub struct Signer {
    secp: Secp256k1<All>,
    pairs: Vec<Keypair>,
}

impl Signer {
    /// Makes a signer of eight keys, the same in every run.
    pub fn new() -> Self {
        let secp = Secp256k1::new();
        let pair = |byte: u8| SecretKey::from_slice(&[byte; 32]).ok();
        let pairs =
            (1..=8).filter_map(pair).map(|key| Keypair::from_secret_key(&secp, &key)).collect();
        Self { secp, pairs }
    }

    fn pair(&self, key: usize) -> &Keypair {
        &self.pairs[key % self.pairs.len()]
    }

    /// Returns a key of one of the five forms, serialised: compressed, full, hybrid, or only its X coordinate.
    pub fn public_key(&self, key: usize, form: Form) -> Vec<u8> {
        let public = self.pair(key).public_key();
        match form {
            Form::Compressed => public.serialize().to_vec(),
            Form::Full => public.serialize_uncompressed().to_vec(),
            Form::Hybrid => {
                let mut bytes = public.serialize_uncompressed().to_vec();
                bytes[0] = 6 + (bytes[64] & 1);
                bytes
            }
            Form::XOnly => public.x_only_public_key().0.serialize().to_vec(),
        }
    }

    /// Returns the script of an output that is spent by a script in this place, and the leaf's control block.
    pub fn output(&self, place: Place, script: &ScriptBuf, tree: &Tree) -> (ScriptBuf, Vec<u8>) {
        match place {
            Place::Bare => (script.clone(), Vec::new()),
            Place::P2sh => (script.to_p2sh(), Vec::new()),
            Place::P2wsh => (script.to_p2wsh(), Vec::new()),
            Place::Nested => (script.to_p2wsh().to_p2sh(), Vec::new()),
            Place::Leaf => {
                let (internal, _) = self.pair(0).x_only_public_key();
                self.leaf_output(internal, script, tree)
            }
        }
    }

    /// Returns the output of an internal key and a tree with this leaf, and the control block.
    pub fn leaf_output(
        &self,
        internal: XOnlyPublicKey,
        script: &ScriptBuf,
        tree: &Tree,
    ) -> (ScriptBuf, Vec<u8>) {
        let leaf = TapNodeHash::from(leaf_hash(script, tree.version));
        let root = tree.path.iter().fold(leaf, |node, sibling| {
            TapNodeHash::from_node_hashes(node, TapNodeHash::from_byte_array(*sibling))
        });
        let (key, parity) = internal.tap_tweak(&self.secp, Some(root));
        let mut control = vec![(tree.version & 0xfe) | parity.to_u8()];
        control.extend(internal.serialize());
        tree.path.iter().for_each(|sibling| control.extend(sibling));
        (ScriptBuf::new_p2tr_tweaked(key), control)
    }

    /// Signs as a script in this place asks for it; `None` if there is nothing to sign.
    pub fn sign(
        &self,
        request: &Request,
        place: Place,
        script: &ScriptBuf,
        version: u8,
        spend: &Spend<'_>,
    ) -> Option<Vec<u8>> {
        let start = request.separator.map_or(0, |(at, _)| at);
        let code = ScriptBuf::from_bytes(script.as_bytes().get(start..)?.to_vec());
        match place {
            Place::Bare | Place::P2sh => self.legacy(request, &without_separators(&code), spend),
            Place::P2wsh | Place::Nested => self.segwit(request, &code, spend),
            Place::Leaf => self.leaf(request, script, version, spend),
        }
    }

    fn ecdsa(&self, key: usize, digest: [u8; 32], sighash: u8) -> Vec<u8> {
        let message = Message::from_digest(digest);
        let signature = self.secp.sign_ecdsa(&message, &self.pair(key).secret_key());
        let mut bytes = signature.serialize_der().to_vec();
        bytes.push(sighash);
        bytes
    }

    fn legacy(&self, request: &Request, code: &ScriptBuf, spend: &Spend<'_>) -> Option<Vec<u8>> {
        let cache = SighashCache::new(spend.tx);
        let hash = cache.legacy_signature_hash(spend.input, code, request.sighash.into()).ok()?;
        Some(self.ecdsa(request.key, hash.to_byte_array(), request.sighash))
    }

    fn segwit(&self, request: &Request, code: &ScriptBuf, spend: &Spend<'_>) -> Option<Vec<u8>> {
        let kind = EcdsaSighashType::from_standard(request.sighash.into()).ok()?;
        let value = spend.prevouts.get(spend.input)?.value;
        let mut cache = SighashCache::new(spend.tx);
        let hash = cache.p2wsh_signature_hash(spend.input, code, value, kind).ok()?;
        Some(self.ecdsa(request.key, hash.to_byte_array(), request.sighash))
    }

    fn leaf(
        &self,
        request: &Request,
        script: &ScriptBuf,
        version: u8,
        spend: &Spend<'_>,
    ) -> Option<Vec<u8>> {
        let kind = TapSighashType::from_consensus_u8(request.sighash).ok()?;
        let annex = spend.annex.and_then(|annex| Annex::new(annex).ok());
        let separator = request.separator.map_or(u32::MAX, |(_, number)| number);
        let hash = SighashCache::new(spend.tx)
            .taproot_signature_hash(
                spend.input,
                &Prevouts::All(spend.prevouts),
                annex,
                Some((leaf_hash(script, version), separator)),
                kind,
            )
            .ok()?;
        Some(self.schnorr(self.pair(request.key), hash.to_byte_array(), request.sighash))
    }

    fn schnorr(&self, pair: &Keypair, digest: [u8; 32], sighash: u8) -> Vec<u8> {
        let message = Message::from_digest(digest);
        let mut bytes = self.secp.sign_schnorr_no_aux_rand(&message, pair).serialize().to_vec();
        if sighash != 0 {
            bytes.push(sighash);
        }
        bytes
    }

    /// Returns a taproot output of a key alone, and signs for it.
    pub fn key_output(&self, key: usize) -> ScriptBuf {
        ScriptBuf::new_p2tr(&self.secp, self.pair(key).x_only_public_key().0, None)
    }

    /// Signs for a taproot output of a key alone.
    pub fn sign_key(&self, key: usize, sighash: u8, spend: &Spend<'_>) -> Option<Vec<u8>> {
        let kind = TapSighashType::from_consensus_u8(sighash).ok()?;
        let annex = spend.annex.and_then(|annex| Annex::new(annex).ok());
        let prevouts = Prevouts::All(spend.prevouts);
        let hash = SighashCache::new(spend.tx)
            .taproot_signature_hash(spend.input, &prevouts, annex, None, kind)
            .ok()?;
        let tweaked = self.pair(key).tap_tweak(&self.secp, None).to_keypair();
        Some(self.schnorr(&tweaked, hash.to_byte_array(), sighash))
    }
}

/// How a key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// 33 bytes.
    Compressed,
    /// 65 bytes.
    Full,
    /// 65 bytes whose first says the parity too.
    Hybrid,
    /// 32 bytes (BIP-0340).
    XOnly,
}

/// The input a signature is for.
#[derive(Debug, Clone, Copy)]
pub struct Spend<'a> {
    /// The transaction.
    pub tx: &'a Transaction,
    /// What its inputs spend.
    pub prevouts: &'a [TxOut],
    /// Which input.
    pub input: usize,
    /// The annex of a taproot input (BIP-0341).
    pub annex: Option<&'a [u8]>,
}

fn leaf_hash(script: &ScriptBuf, version: u8) -> TapLeafHash {
    // A version that is none, odd or the annex's mark, is given as it is by mutation only.
    let version = LeafVersion::from_consensus(version).unwrap_or(LeafVersion::TapScript);
    TapLeafHash::from_script(script, version)
}

/// Returns a script without its `OP_CODESEPARATOR`s, which legacy signatures leave out.
fn without_separators(script: &ScriptBuf) -> ScriptBuf {
    let mut kept = Vec::with_capacity(script.len());
    let bytes = script.as_bytes();
    let mut at = 0;
    for item in script.instruction_indices() {
        let Ok((start, _)) = item else { break };
        kept.extend_from_slice(&bytes[at..start]);
        at = start + usize::from(bytes[start] == 0xab);
    }
    kept.extend_from_slice(&bytes[at..]);
    ScriptBuf::from_bytes(kept)
}

/// Puts stack items and a script where an input shows them.
pub fn reveal(
    place: Place,
    script: &ScriptBuf,
    control: &[u8],
    items: &[Vec<u8>],
    annex: Option<&[u8]>,
) -> (ScriptBuf, Witness) {
    let pushes = |last: Option<&[u8]>| {
        let mut bytes = Vec::new();
        items.iter().map(Vec::as_slice).chain(last).for_each(|item| push(&mut bytes, item));
        ScriptBuf::from_bytes(bytes)
    };
    let stack = |rest: &[&[u8]]| {
        let all: Vec<&[u8]> = items.iter().map(Vec::as_slice).chain(rest.iter().copied()).collect();
        Witness::from_slice(&all)
    };
    match place {
        Place::Bare => (pushes(None), Witness::new()),
        Place::P2sh => (pushes(Some(script.as_bytes())), Witness::new()),
        Place::P2wsh => (ScriptBuf::new(), stack(&[script.as_bytes()])),
        Place::Nested => {
            let mut bytes = Vec::new();
            push(&mut bytes, script.to_p2wsh().as_bytes());
            (ScriptBuf::from_bytes(bytes), stack(&[script.as_bytes()]))
        }
        Place::Leaf => {
            let rest: Vec<&[u8]> = [script.as_bytes(), control].into_iter().chain(annex).collect();
            (ScriptBuf::new(), stack(&rest))
        }
    }
}
