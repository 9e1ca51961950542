//! Keys, the scripts that pay to them, and the signatures that spend those.

use anyhow::Context as _;
use bitcoin::{
    EcdsaSighashType, PublicKey, ScriptBuf, TapSighashType, Transaction, TxOut, Witness,
    XOnlyPublicKey, ecdsa,
    hashes::{Hash as _, HashEngine as _, sha256},
    key::TapTweak as _,
    opcodes::all as op,
    script::{Builder, PushBytesBuf},
    secp256k1::{All, Keypair, Message, Secp256k1, SecretKey},
    sighash::{Prevouts, SighashCache},
    taproot::{self, LeafVersion, TapLeafHash, TaprootBuilder},
};

use super::Kind;

/// Who can spend an output: a kind of script of the key with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The kind of script.
    pub kind: Kind,
    /// The number of the key; taken modulo the number of keys.
    pub key: usize,
}

/// What a signature signs of the outputs and of the other inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighash {
    /// All of both; `DEFAULT` in taproot.
    All,
    /// No output.
    None,
    /// The output of the input's index.
    Single,
    /// All outputs, and no other input.
    AllAnyoneCanPay,
}

impl Sighash {
    const fn ecdsa(self) -> EcdsaSighashType {
        match self {
            Self::All => EcdsaSighashType::All,
            Self::None => EcdsaSighashType::None,
            Self::Single => EcdsaSighashType::Single,
            Self::AllAnyoneCanPay => EcdsaSighashType::AllPlusAnyoneCanPay,
        }
    }

    const fn taproot(self) -> TapSighashType {
        match self {
            Self::All => TapSighashType::Default,
            Self::None => TapSighashType::None,
            Self::Single => TapSighashType::Single,
            Self::AllAnyoneCanPay => TapSighashType::AllPlusAnyoneCanPay,
        }
    }
}

#[derive(Debug)]
struct Key {
    secret: SecretKey,
    public: PublicKey,
    pair: Keypair,
    tweaked: Keypair,
    multisig: ScriptBuf,
    taproot_key: ScriptBuf,
    leaf: ScriptBuf,
    taproot_script: ScriptBuf,
    control_block: Vec<u8>,
}

/// A pool of keys that follow from a seed.
#[derive(Debug)]
pub struct Keys {
    secp: Secp256k1<All>,
    keys: Vec<Key>,
}

impl Keys {
    /// Derives `count` keys.
    ///
    /// # Errors
    ///
    /// If `count` is 0.
    pub fn new(seed: u64, count: usize) -> anyhow::Result<Self> {
        anyhow::ensure!(count > 0, "expected at least one key");
        let secp = Secp256k1::new();
        let secrets =
            (0..count).map(|index| secret(seed, index)).collect::<anyhow::Result<Vec<_>>>()?;
        let publics: Vec<PublicKey> =
            secrets.iter().map(|key| PublicKey::new(key.public_key(&secp))).collect();
        let keys = (0..count)
            .map(|index| {
                let three = [0, 1, 2].map(|offset| publics[(index + offset) % count]);
                key(&secp, secrets[index], &three)
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { secp, keys })
    }

    /// Returns how many keys there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.keys.len()
    }

    fn key(&self, number: usize) -> &Key {
        &self.keys[number % self.keys.len()]
    }

    /// Returns the script that pays to an owner.
    #[must_use]
    pub fn script_pubkey(&self, owner: Owner) -> ScriptBuf {
        let key = self.key(owner.key);
        match owner.kind {
            Kind::P2pkh => ScriptBuf::new_p2pkh(&key.public.pubkey_hash()),
            Kind::P2shMultisig => key.multisig.to_p2sh(),
            Kind::P2shP2wpkh => p2wpkh(key).to_p2sh(),
            Kind::P2wpkh => p2wpkh(key),
            Kind::P2wshMultisig => key.multisig.to_p2wsh(),
            Kind::TaprootKey => key.taproot_key.clone(),
            Kind::TaprootScript => key.taproot_script.clone(),
            Kind::BareMultisig => key.multisig.clone(),
            Kind::Trivial => Builder::new().push_opcode(op::OP_PUSHNUM_1).into_script(),
        }
    }

    /// Signs every input of a transaction. Without any randomness: the same signatures wherever it runs.
    ///
    /// # Errors
    ///
    /// If there are fewer outputs spent or owners than inputs.
    pub fn sign(
        &self,
        tx: &mut Transaction,
        prevouts: &[TxOut],
        owners: &[(Owner, Sighash)],
    ) -> anyhow::Result<()> {
        let mut solved = Vec::with_capacity(owners.len());
        let mut cache = SighashCache::new(&*tx);
        for (index, (owner, sighash)) in owners.iter().enumerate() {
            let spend = Spend { keys: self, index, prevouts, sighash: *sighash };
            solved.push(spend.solve(&mut cache, *owner)?);
        }
        for (input, (script_sig, witness)) in tx.input.iter_mut().zip(solved) {
            input.script_sig = script_sig;
            input.witness = witness;
        }
        Ok(())
    }
}

/// One input being signed.
struct Spend<'a> {
    keys: &'a Keys,
    index: usize,
    prevouts: &'a [TxOut],
    sighash: Sighash,
}

impl Spend<'_> {
    fn solve(
        &self,
        cache: &mut SighashCache<&Transaction>,
        owner: Owner,
    ) -> anyhow::Result<(ScriptBuf, Witness)> {
        let key = self.keys.key(owner.key);
        let signers = [key, self.keys.key(owner.key + 2)];
        Ok(match owner.kind {
            Kind::P2pkh => {
                let signature = self.legacy(cache, &self.prevout()?.script_pubkey, key)?;
                let script = Builder::new().push_slice(signature.serialize());
                (script.push_key(&key.public).into_script(), Witness::new())
            }
            Kind::P2shMultisig => {
                let redeem = PushBytesBuf::try_from(key.multisig.to_bytes())?;
                let script = self.legacy_multisig(cache, &key.multisig, signers)?;
                (script.push_slice(redeem).into_script(), Witness::new())
            }
            Kind::BareMultisig => {
                let script = self.legacy_multisig(cache, &key.multisig, signers)?;
                (script.into_script(), Witness::new())
            }
            Kind::P2shP2wpkh => {
                let program = p2wpkh(key);
                let redeem = PushBytesBuf::try_from(program.to_bytes())?;
                let script = Builder::new().push_slice(redeem).into_script();
                (script, self.p2wpkh(cache, &program, key)?)
            }
            Kind::P2wpkh => {
                (ScriptBuf::new(), self.p2wpkh(cache, &self.prevout()?.script_pubkey, key)?)
            }
            Kind::P2wshMultisig => (ScriptBuf::new(), self.p2wsh(cache, &key.multisig, signers)?),
            Kind::TaprootKey => (ScriptBuf::new(), self.taproot_key(cache, key)?),
            Kind::TaprootScript => (ScriptBuf::new(), self.taproot_script(cache, key)?),
            Kind::Trivial => (ScriptBuf::new(), Witness::new()),
        })
    }

    fn prevout(&self) -> anyhow::Result<&TxOut> {
        self.prevouts.get(self.index).context("expected an output spent for each input")
    }

    fn ecdsa(&self, message: Message, key: &Key) -> ecdsa::Signature {
        let signature = self.keys.secp.sign_ecdsa(&message, &key.secret);
        ecdsa::Signature { signature, sighash_type: self.sighash.ecdsa() }
    }

    fn legacy(
        &self,
        cache: &SighashCache<&Transaction>,
        script: &ScriptBuf,
        key: &Key,
    ) -> anyhow::Result<ecdsa::Signature> {
        let kind = self.sighash.ecdsa().to_u32();
        let hash = cache.legacy_signature_hash(self.index, script, kind)?;
        Ok(self.ecdsa(Message::from_digest(hash.to_byte_array()), key))
    }

    fn legacy_multisig(
        &self,
        cache: &SighashCache<&Transaction>,
        script: &ScriptBuf,
        signers: [&Key; 2],
    ) -> anyhow::Result<Builder> {
        let mut solution = Builder::new().push_opcode(op::OP_PUSHBYTES_0);
        for key in signers {
            solution = solution.push_slice(self.legacy(cache, script, key)?.serialize());
        }
        Ok(solution)
    }

    fn p2wpkh(
        &self,
        cache: &mut SighashCache<&Transaction>,
        program: &ScriptBuf,
        key: &Key,
    ) -> anyhow::Result<Witness> {
        let value = self.prevout()?.value;
        let hash = cache.p2wpkh_signature_hash(self.index, program, value, self.sighash.ecdsa())?;
        let signature = self.ecdsa(Message::from_digest(hash.to_byte_array()), key);
        Ok(Witness::p2wpkh(&signature, &key.public.inner))
    }

    fn p2wsh(
        &self,
        cache: &mut SighashCache<&Transaction>,
        script: &ScriptBuf,
        signers: [&Key; 2],
    ) -> anyhow::Result<Witness> {
        let value = self.prevout()?.value;
        let hash = cache.p2wsh_signature_hash(self.index, script, value, self.sighash.ecdsa())?;
        let message = Message::from_digest(hash.to_byte_array());
        let mut witness = Witness::new();
        witness.push([]);
        for key in signers {
            witness.push_ecdsa_signature(&self.ecdsa(message, key));
        }
        witness.push(script.as_bytes());
        Ok(witness)
    }

    fn taproot_key(
        &self,
        cache: &mut SighashCache<&Transaction>,
        key: &Key,
    ) -> anyhow::Result<Witness> {
        let (prevouts, kind) = (Prevouts::All(self.prevouts), self.sighash.taproot());
        let hash = cache.taproot_key_spend_signature_hash(self.index, &prevouts, kind)?;
        let message = Message::from_digest(hash.to_byte_array());
        let signature = self.keys.secp.sign_schnorr_no_aux_rand(&message, &key.tweaked);
        Ok(Witness::p2tr_key_spend(&taproot::Signature { signature, sighash_type: kind }))
    }

    fn taproot_script(
        &self,
        cache: &mut SighashCache<&Transaction>,
        key: &Key,
    ) -> anyhow::Result<Witness> {
        let (prevouts, kind) = (Prevouts::All(self.prevouts), self.sighash.taproot());
        let leaf = TapLeafHash::from_script(&key.leaf, LeafVersion::TapScript);
        let hash = cache.taproot_script_spend_signature_hash(self.index, &prevouts, leaf, kind)?;
        let message = Message::from_digest(hash.to_byte_array());
        let signature = self.keys.secp.sign_schnorr_no_aux_rand(&message, &key.pair);
        let mut witness = Witness::new();
        witness.push(taproot::Signature { signature, sighash_type: kind }.serialize());
        witness.push(key.leaf.as_bytes());
        witness.push(&key.control_block);
        Ok(witness)
    }
}

fn secret(seed: u64, index: usize) -> anyhow::Result<SecretKey> {
    let mut engine = sha256::Hash::engine();
    engine.input(b"quintet synthetic chain key");
    engine.input(&seed.to_le_bytes());
    engine.input(&u64::try_from(index)?.to_le_bytes());
    // A hash that is no key comes once in 2^128.
    Ok(SecretKey::from_slice(&sha256::Hash::from_engine(engine).to_byte_array())?)
}

fn p2wpkh(key: &Key) -> ScriptBuf {
    // The keys are compressed, as witness programs require.
    key.public.wpubkey_hash().map_or_else(|_| ScriptBuf::new(), |hash| ScriptBuf::new_p2wpkh(&hash))
}

fn key(secp: &Secp256k1<All>, secret: SecretKey, publics: &[PublicKey; 3]) -> anyhow::Result<Key> {
    let pair = Keypair::from_secret_key(secp, &secret);
    let (internal, _) = pair.x_only_public_key();
    let leaf = check_signature(internal);
    let other = check_signature(publics[1].inner.x_only_public_key().0);
    let tree = TaprootBuilder::new()
        .add_leaf(1, leaf.clone())?
        .add_leaf(1, other)?
        .finalize(secp, internal)
        .map_err(|_| anyhow::anyhow!("expected a whole tree of two leaves"))?;
    let control_block = tree
        .control_block(&(leaf.clone(), LeafVersion::TapScript))
        .context("expected the leaf in the tree")?
        .serialize();
    Ok(Key {
        secret,
        public: publics[0],
        pair,
        tweaked: pair.tap_tweak(secp, None).to_keypair(),
        multisig: multisig(publics),
        taproot_key: ScriptBuf::new_p2tr(secp, internal, None),
        leaf,
        taproot_script: ScriptBuf::new_p2tr_tweaked(tree.output_key()),
        control_block,
    })
}

fn check_signature(key: XOnlyPublicKey) -> ScriptBuf {
    Builder::new().push_x_only_key(&key).push_opcode(op::OP_CHECKSIG).into_script()
}

fn multisig(keys: &[PublicKey; 3]) -> ScriptBuf {
    let script = Builder::new().push_opcode(op::OP_PUSHNUM_2);
    let script = keys.iter().fold(script, |script, key| script.push_key(key));
    script.push_opcode(op::OP_PUSHNUM_3).push_opcode(op::OP_CHECKMULTISIG).into_script()
}
