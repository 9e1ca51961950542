//! Random scripts that run: fragments that consume what they were given, with true signatures.
//!
//! Bytes drawn at random die at the first opcode. Here a script is a row of fragments, each with the stack items it needs;
//! most leave nothing, so the next one begins where it should. Noise is put in between, and some items are spoilt, so that
//! about half of the cases fail, at any place.

use bench::bitcoin_chain::SplitMix;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute,
    hashes::{Hash as _, hash160, ripemd160, sha1, sha256, sha256d},
    script::Builder,
    transaction,
};

use super::{
    Case,
    assembler::push,
    closed,
    sign::{Form, Place, Request, Signer, Spend, Tree, reveal},
};

/// Fragments of a script at most.
const FRAGMENTS_MAX: usize = 6;
/// Conditions inside conditions at most.
const DEPTH_MAX: u32 = 3;

/// A stack item a fragment needs.
#[derive(Debug, Clone)]
enum Item {
    Bytes(Vec<u8>),
    Signature(Request),
}

/// A script being written, with the items it needs, those needed first at the end.
#[derive(Debug)]
struct Draft<'a> {
    random: &'a mut SplitMix,
    signer: &'a Signer,
    leaf: bool,
    script: Vec<u8>,
    opcodes: u32,
    separator: Option<(usize, u32)>,
    items: Vec<Item>,
}

impl Draft<'_> {
    fn op(&mut self, opcode: u8) {
        self.script.push(opcode);
        self.opcodes += 1;
    }

    fn data(&mut self, bytes: &[u8]) {
        push(&mut self.script, bytes);
        self.opcodes += 1;
    }

    fn number(&mut self, number: i64) {
        self.script.extend_from_slice(Builder::new().push_int(number).as_bytes());
        self.opcodes += 1;
    }

    fn need(&mut self, item: Item) {
        self.items.insert(0, item);
    }

    fn bytes(&mut self) -> Vec<u8> {
        const LENGTHS: [usize; 12] = [0, 1, 1, 2, 3, 4, 5, 20, 32, 33, 75, 76];
        let len = match self.random.below(40) {
            0 => 520,
            1 => 521,
            2 => 255,
            _ => LENGTHS[self.random.index(LENGTHS.len())],
        };
        let mut bytes = vec![0; len];
        self.random.fill(&mut bytes);
        bytes
    }

    /// Returns a number as the stack holds it, at times not in its shortest form.
    fn stack_number(&mut self) -> Vec<u8> {
        const EDGES: [i64; 12] =
            [0, 1, -1, 2, 16, 17, 127, 128, 255, 0x7fff_ffff, -0x7fff_ffff, 0x8000_0000];
        let number = EDGES[self.random.index(EDGES.len())];
        let mut buffer = [0; 8];
        let len = bitcoin::script::write_scriptint(&mut buffer, number);
        let mut bytes = buffer[..len].to_vec();
        if self.random.percent(3) {
            bytes.push(0);
        }
        bytes
    }

    fn sighash(&mut self) -> u8 {
        const TYPES: [u8; 7] = [0, 2, 3, 0x81, 0x82, 0x83, 0x80];
        let all = u8::from(!self.leaf);
        match self.random.below(20) {
            0..12 => all,
            19 => self.random.byte(),
            _ => TYPES[self.random.index(TYPES.len())],
        }
    }

    fn signature(&mut self, key: usize) {
        let sighash = self.sighash();
        let item = if self.random.percent(6) {
            Item::Bytes(Vec::new())
        } else {
            Item::Signature(Request { key, sighash, separator: self.separator })
        };
        self.need(item);
    }

    fn public_key(&mut self, key: usize) -> Vec<u8> {
        let form = match (self.leaf, self.random.below(20)) {
            (_, 0) => return self.bytes(),
            (true, 1) | (false, 0..16) => Form::Compressed,
            (true, _) => Form::XOnly,
            (false, 16 | 17) => Form::Full,
            (false, _) => Form::Hybrid,
        };
        self.signer.public_key(key, form)
    }

    fn fragment(&mut self, depth: u32) {
        match self.random.below(100) {
            0..22 => self.check_signature(),
            22..36 => self.multisig(),
            36..46 => self.hash_lock(),
            46..60 => self.arithmetic(),
            60..70 => self.stack_words(),
            70..80 if depth < DEPTH_MAX => self.condition(depth),
            80..86 => self.lock_time(),
            86..92 => {
                self.op(0xab);
                self.separator = Some((self.script.len(), self.opcodes - 1));
            }
            92..95 => self.noise(),
            _ => self.op(0x61),
        }
    }

    /// Ends a check: its answer is required, turned around and required, or thrown away.
    fn settle(&mut self, check: u8, check_verify: u8) {
        match self.random.below(10) {
            0..6 => self.op(check_verify),
            6 => {
                self.op(check);
                self.op(0x91);
                self.op(0x69);
            }
            7 => {
                self.op(check);
                self.op(0x69);
            }
            _ => {
                self.op(check);
                self.op(0x75);
            }
        }
    }

    fn check_signature(&mut self) {
        let key = self.random.index(8);
        self.signature(key);
        if self.leaf && self.random.percent(30) {
            self.number(3);
            let public = self.public_key(key);
            self.data(&public);
            self.op(0xba);
            self.op(0x75);
            return;
        }
        let public = self.public_key(key);
        self.data(&public);
        self.settle(0xac, 0xad);
    }

    fn multisig(&mut self) {
        let most = if self.random.percent(5) { 21 } else { 4 };
        let keys = 1 + self.random.index(most);
        let signatures = self.random.index(keys + 1);
        let mut left = signatures;
        let dummy = if self.random.percent(4) { vec![1] } else { Vec::new() };
        let mut needed = vec![Item::Bytes(dummy)];
        self.number(i64::try_from(signatures).unwrap_or(0));
        for key in 0..keys {
            let public = self.public_key(key);
            self.data(&public);
            if left > 0 && (keys - key == left || self.random.percent(50)) {
                left -= 1;
                let sighash = self.sighash();
                needed.push(Item::Signature(Request { key, sighash, separator: self.separator }));
            }
        }
        self.number(i64::try_from(keys).unwrap_or(0));
        needed.into_iter().rev().for_each(|item| self.need(item));
        self.settle(0xae, 0xaf);
    }

    fn hash_lock(&mut self) {
        let preimage = self.bytes();
        let (opcode, hash) = match self.random.below(5) {
            0 => (0xa6, ripemd160::Hash::hash(&preimage).to_byte_array().to_vec()),
            1 => (0xa7, sha1::Hash::hash(&preimage).to_byte_array().to_vec()),
            2 => (0xa8, sha256::Hash::hash(&preimage).to_byte_array().to_vec()),
            3 => (0xa9, hash160::Hash::hash(&preimage).to_byte_array().to_vec()),
            _ => (0xaa, sha256d::Hash::hash(&preimage).to_byte_array().to_vec()),
        };
        self.need(Item::Bytes(preimage));
        self.op(opcode);
        self.data(&hash);
        self.op(0x88);
    }

    fn arithmetic(&mut self) {
        let (opcode, takes) = match self.random.below(20) {
            0..6 => (0x8b + self.random.byte() % 8, 1),
            6 => (0xa5, 3),
            _ => (0x93 + self.random.byte() % 18, 2),
        };
        for _ in 0..takes {
            let number = self.stack_number();
            self.need(Item::Bytes(number));
        }
        self.op(opcode);
        // NUMEQUALVERIFY leaves nothing.
        if opcode != 0x9d {
            self.op(0x75);
        }
    }

    /// Words that move stack items, with what they leave dropped.
    fn stack_words(&mut self) {
        /// Opcode, items pushed for it, items it leaves.
        const WORDS: [(u8, u8, u8); 17] = [
            (0x6d, 2, 0),
            (0x6e, 2, 4),
            (0x6f, 3, 6),
            (0x70, 4, 6),
            (0x71, 6, 6),
            (0x72, 4, 4),
            (0x73, 1, 2),
            (0x74, 0, 1),
            (0x75, 1, 0),
            (0x76, 1, 2),
            (0x77, 2, 1),
            (0x78, 2, 3),
            (0x7b, 3, 3),
            (0x7c, 2, 2),
            (0x7d, 2, 3),
            (0x82, 1, 2),
            (0x87, 2, 1),
        ];
        let (opcode, takes, leaves) = WORDS[self.random.index(WORDS.len())];
        for _ in 0..takes {
            let bytes = self.bytes();
            self.data(&bytes);
        }
        match self.random.below(8) {
            0 if takes > 1 => {
                // PICK and ROLL of an item there may not be.
                let index = self.random.below(u64::from(takes) + 1);
                self.number(i64::try_from(index).unwrap_or(0));
                let opcode = 0x79 + self.random.byte() % 2;
                self.op(opcode);
                (0..takes + u8::from(opcode == 0x79)).for_each(|_| self.op(0x75));
            }
            1 if takes > 0 => {
                self.op(0x6b);
                self.op(0x6c);
                (0..takes).for_each(|_| self.op(0x75));
            }
            _ => {
                self.op(opcode);
                (0..leaves).for_each(|_| self.op(0x75));
            }
        }
    }

    fn condition(&mut self, depth: u32) {
        let chosen = self.random.percent(50);
        let inverted = self.random.percent(30);
        let selector = match (chosen != inverted, self.random.below(20)) {
            (_, 0) => self.bytes(),
            (true, _) => vec![1],
            (false, _) => Vec::new(),
        };
        self.need(Item::Bytes(selector));
        self.op(0x63 + u8::from(inverted));
        for branch in [true, false] {
            let (items, separator) = (self.items.clone(), self.separator);
            self.fragment(depth + 1);
            if branch != chosen {
                (self.items, self.separator) = (items, separator);
            }
            if branch {
                self.op(0x67);
            }
        }
        if !self.random.percent(2) {
            self.op(0x68);
        }
    }

    fn lock_time(&mut self) {
        const TIMES: [i64; 9] =
            [0, 1, 499, 500, 501, 499_999_999, 500_000_001, 0x0040_0001, 0x8000_0001];
        let time = TIMES[self.random.index(TIMES.len())];
        self.number(time);
        let opcode = 0xb1 + self.random.byte() % 2;
        self.op(opcode);
        self.op(0x75);
    }

    fn noise(&mut self) {
        for _ in 0..=self.random.below(2) {
            let opcode = self.random.byte();
            self.op(opcode);
        }
    }
}

/// Draws a case.
pub fn draw(random: &mut SplitMix, signer: &Signer) -> Case {
    if random.percent(4) {
        return key_spend(random, signer);
    }
    let place = [Place::Bare, Place::P2sh, Place::P2wsh, Place::Nested, Place::Leaf, Place::Leaf]
        [random.index(6)];
    let leaf = place == Place::Leaf;
    let mut draft = Draft {
        random,
        signer,
        leaf,
        script: Vec::new(),
        opcodes: 0,
        separator: None,
        items: Vec::new(),
    };
    for _ in 0..=draft.random.index(FRAGMENTS_MAX) {
        draft.fragment(0);
    }
    draft.number(1);
    let (script, items) = (ScriptBuf::from_bytes(draft.script), draft.items);
    let version = if random.percent(4) { 0xc2 } else { 0xc0 };
    let path = (0..random.below(4)).map(|_| hash(random)).collect();
    let (spent, control) = signer.output(place, &script, &Tree { version, path });
    let (mut tx, prevouts, input) = spending(random, spent);
    let annex = (leaf && random.percent(12)).then(|| vec![0x50, random.byte()]);
    let spend = Spend { tx: &tx, prevouts: &prevouts, input, annex: annex.as_deref() };
    let items: Vec<Vec<u8>> = items
        .into_iter()
        .map(|item| match item {
            Item::Bytes(bytes) => bytes,
            Item::Signature(request) => {
                let signature = signer.sign(&request, place, &script, version, &spend);
                spoilt(random, signature.unwrap_or_else(|| vec![request.sighash; 65]))
            }
        })
        .collect();
    let (script_sig, witness) = reveal(place, &script, &control, &items, annex.as_deref());
    tx.input[input].script_sig = script_sig;
    tx.input[input].witness = witness;
    let category = match place {
        Place::Bare => "grammar bare",
        Place::P2sh => "grammar p2sh",
        Place::P2wsh => "grammar p2wsh",
        Place::Nested => "grammar nested",
        Place::Leaf => "grammar leaf",
    };
    Case { category, tx, prevouts, input, flags: flags(random) }
}

fn key_spend(random: &mut SplitMix, signer: &Signer) -> Case {
    let key = random.index(8);
    let (mut tx, prevouts, input) = spending(random, signer.key_output(key));
    let annex = random.percent(30).then(|| vec![0x50, random.byte(), random.byte()]);
    let sighash = [0, 0, 0, 1, 2, 3, 0x81, 0x82, 0x83, 0x80][random.index(10)];
    let spend = Spend { tx: &tx, prevouts: &prevouts, input, annex: annex.as_deref() };
    let signature = signer.sign_key(key, sighash, &spend).unwrap_or_else(|| vec![sighash; 65]);
    let items: Vec<Vec<u8>> = [spoilt(random, signature)].into_iter().chain(annex).collect();
    tx.input[input].witness = Witness::from_slice(&items);
    Case { category: "grammar key", tx, prevouts, input, flags: flags(random) }
}

/// Draws flags: most often all of them, as blocks of today are checked.
pub fn flags(random: &mut SplitMix) -> u32 {
    let bits = if random.percent(70) {
        u32::MAX
    } else {
        u32::from_le_bytes(random.next().to_le_bytes()[..4].try_into().unwrap_or_default())
    };
    closed(bits)
}

/// Now and then changes a signature a little.
fn spoilt(random: &mut SplitMix, mut signature: Vec<u8>) -> Vec<u8> {
    if random.percent(7) && !signature.is_empty() {
        let at = random.index(signature.len());
        match random.below(4) {
            0 => signature[at] ^= 1 << random.below(8),
            1 => signature.insert(at, random.byte()),
            2 => {
                signature.remove(at);
            }
            _ => signature.truncate(at),
        }
    }
    signature
}

fn hash(random: &mut SplitMix) -> [u8; 32] {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    bytes
}

/// Returns a transaction that spends an output among others, what it spends, and by which input.
fn spending(random: &mut SplitMix, spent: ScriptBuf) -> (Transaction, Vec<TxOut>, usize) {
    let inputs = 1 + random.index(3);
    let at = random.index(inputs);
    let word = |random: &mut SplitMix| match random.below(4) {
        0 => 500,
        1 => 0,
        2 => 500_000_001,
        _ => u32::from(random.byte()),
    };
    let input = |random: &mut SplitMix| TxIn {
        previous_output: OutPoint {
            txid: Txid::from_byte_array(hash(random)),
            vout: random.byte().into(),
        },
        script_sig: ScriptBuf::new(),
        sequence: match random.below(5) {
            0 => Sequence::MAX,
            1 => Sequence::ZERO,
            2 => Sequence(0x0040_0002),
            3 => Sequence(0x8000_0001),
            _ => Sequence(500),
        },
        witness: Witness::new(),
    };
    let value = |random: &mut SplitMix| Amount::from_sat(random.below(1 << 40));
    let output = |random: &mut SplitMix| {
        let script_pubkey = ScriptBuf::from_bytes(vec![0x51; random.index(4)]);
        TxOut { value: value(random), script_pubkey }
    };
    let tx = Transaction {
        version: transaction::Version(if random.percent(80) {
            2
        } else {
            i32::from(random.byte()) - 5
        }),
        lock_time: absolute::LockTime::from_consensus(word(random)),
        input: (0..inputs).map(|_| input(random)).collect(),
        output: (0..=random.index(3)).map(|_| output(random)).collect(),
    };
    let prevouts = (0..inputs)
        .map(|index| {
            if index == at {
                TxOut { value: value(random), script_pubkey: spent.clone() }
            } else {
                output(random)
            }
        })
        .collect();
    (tx, prevouts, at)
}
