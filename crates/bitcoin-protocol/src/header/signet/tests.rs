//! The two transactions against those another library builds from the text of BIP-0325.

use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, TxIn, TxOut, Witness, absolute, consensus::serialize,
    transaction,
};

use super::*;
use crate::{block::encode_header, network::Params};

fn tx(
    previous: OutPoint,
    script_sig: Vec<u8>,
    witness: Witness,
    output: Vec<u8>,
) -> bitcoin::Transaction {
    bitcoin::Transaction {
        version: transaction::Version(0),
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: previous,
            script_sig: ScriptBuf::from_bytes(script_sig),
            sequence: Sequence::ZERO,
            witness,
        }],
        output: vec![TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(output) }],
    }
}

/// A coinbase whose second output commits to witnesses and holds `pushed`.
fn coinbase(pushed: &[u8]) -> bitcoin::Transaction {
    let mut commitment = [&COMMITMENT[..], &[9; 32]].concat();
    if pushed.len() >= 0x4c {
        commitment.push(0x4c);
    }
    if !pushed.is_empty() {
        commitment.push(u8::try_from(pushed.len()).unwrap());
        commitment.extend_from_slice(pushed);
    }
    let mut coinbase =
        tx(OutPoint::null(), vec![1, 1], Witness::from_slice(&[[0; 32]]), vec![0x51]);
    let script_pubkey = ScriptBuf::from_bytes(commitment);
    coinbase.output.push(TxOut { value: Amount::ZERO, script_pubkey });
    coinbase
}

fn block(transactions: &[bitcoin::Transaction]) -> Block {
    let mut header = crate::block::decode_header(Params::signet().genesis_header().unwrap());
    header.nonce = 0;
    let mut bytes = encode_header(&header).to_vec();
    put_size(&mut bytes, transactions.len() as u64);
    transactions.iter().for_each(|tx| bytes.extend(serialize(tx)));
    Block::decode(bytes).unwrap()
}

fn marked(solution: &[u8]) -> Vec<u8> {
    [&[0xec, 0xc7, 0xda, 0xa2], solution].concat()
}

#[test]
fn the_transactions_are_those_of_the_bip() {
    let witness = Witness::from_slice(&[vec![1, 2, 3], vec![]]);
    let solution = [&[2, 0x51, 0x52][..], &serialize(&witness)].concat();
    let others = [tx(OutPoint::null(), vec![7], Witness::new(), vec![0x51]); 1];
    let signed = block(&[&[coinbase(&marked(&solution))], &others[..]].concat());
    let challenge = vec![0x53, 0x54];
    let built = SignetTransactions::new(&signed, &challenge).unwrap();

    // What was signed: the block whose coinbase has only the mark.
    let txids = [coinbase(&marked(&[])), others[0].clone()].map(|tx| tx.compute_txid());
    let root = bitcoin::merkle_tree::calculate_root(txids.into_iter()).unwrap();
    let header = signed.header();
    let mut script_sig = vec![0, 72];
    script_sig.extend(serialize(&header.version));
    script_sig.extend(serialize(&header.prev_blockhash));
    script_sig.extend(serialize(&root));
    script_sig.extend(serialize(&header.time));
    let to_spend = tx(OutPoint::null(), script_sig, Witness::new(), challenge);
    assert_eq!(built.to_spend.view().bytes(), serialize(&to_spend));
    let previous = OutPoint { txid: to_spend.compute_txid(), vout: 0 };
    let to_sign = tx(previous, vec![0x51, 0x52], witness, vec![0x6a]);
    assert_eq!(built.to_sign.view().bytes(), serialize(&to_sign));
}

#[test]
fn a_block_without_a_solution_has_an_empty_one() {
    let built = SignetTransactions::new(&block(&[coinbase(&[])]), &[0x51]).unwrap();
    let input = built.to_sign.view().inputs().next().unwrap();
    assert!(input.script_sig.is_empty() && input.witness.is_empty());
}

#[test]
fn the_nonce_is_not_signed_and_the_time_is() {
    let first = block(&[coinbase(&[])]);
    let changed = |at: usize| {
        let mut bytes = first.bytes().to_vec();
        bytes[at] ^= 1;
        SignetTransactions::new(&Block::decode(bytes).unwrap(), &[0x51]).unwrap()
    };
    let txid = |built: &SignetTransactions| built.to_spend.view().txid();
    let unchanged = SignetTransactions::new(&first, &[0x51]).unwrap();
    assert_eq!(txid(&changed(76)), txid(&unchanged));
    assert_ne!(txid(&changed(68)), txid(&unchanged));
}

#[test]
fn a_block_without_a_place_for_a_solution_is_refused() {
    assert!(matches!(SignetTransactions::new(&block(&[]), &[0x51]), Err(SignetError::NoCoinbase)));
    let bare = tx(OutPoint::null(), vec![1, 1], Witness::new(), vec![0x51]);
    assert!(matches!(
        SignetTransactions::new(&block(&[bare]), &[0x51]),
        Err(SignetError::NoCommitment)
    ));
}

#[test]
fn a_solution_that_is_cut_or_goes_on_is_refused() {
    let whole = [1, 0x51, 1, 2, 7, 7];
    let solve =
        |solution: &[u8]| SignetTransactions::new(&block(&[coinbase(&marked(solution))]), &[0x51]);
    assert!(solve(&whole).is_ok());
    for cut in 1..whole.len() {
        assert!(matches!(solve(&whole[..cut]), Err(SignetError::Solution(_))), "{cut}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert!(matches!(solve(&longer), Err(SignetError::Solution(DecodeError::Trailing { .. }))));
}

#[test]
fn a_block_is_signed_by_whom_the_challenge_names_and_by_nobody_else() {
    use bitcoin::{
        secp256k1::{Message, Secp256k1, SecretKey},
        sighash::SighashCache,
    };
    let secp = Secp256k1::new();
    let key = SecretKey::from_slice(&[7; 32]).unwrap();
    let mut challenge = vec![33];
    challenge.extend_from_slice(&key.public_key(&secp).serialize());
    challenge.push(0xac);
    let params = Params::signet_with(challenge.clone());

    // The mark stands where the solution will.
    let unsigned =
        SignetTransactions::new(&block(&[coinbase(&marked(&[0, 0]))]), &challenge).unwrap();
    let to_sign = unsigned.to_sign.view().bytes();
    let to_sign: bitcoin::Transaction = bitcoin::consensus::deserialize(to_sign).unwrap();
    let sign = |key: &SecretKey| {
        let script = ScriptBuf::from_bytes(challenge.clone());
        let hash = SighashCache::new(&to_sign).legacy_signature_hash(0, &script, 1).unwrap();
        let message = Message::from_digest(hash.to_byte_array());
        let mut signature = secp.sign_ecdsa(&message, key).serialize_der().to_vec();
        signature.push(1);
        let length = u8::try_from(signature.len()).unwrap();
        let solution = [&[length + 1, length], &signature[..], &[0]].concat();
        block(&[coinbase(&marked(&solution))])
    };
    let signed = sign(&key);
    assert_eq!(check_solution(&signed, &params), Ok(()));
    let other = SecretKey::from_slice(&[8; 32]).unwrap();
    assert!(matches!(check_solution(&sign(&other), &params), Err(SignetError::Unsatisfied(_))));
    // The signature covers the time, and not the nonce.
    let changed = |at: usize| {
        let mut bytes = signed.bytes().to_vec();
        bytes[at] ^= 1;
        check_solution(&Block::decode(bytes).unwrap(), &params)
    };
    assert!(changed(68).is_err());
    assert_eq!(changed(76), Ok(()));
}

#[test]
fn genesis_and_networks_without_a_challenge_need_no_solution() {
    let genesis = Block::decode(Params::signet().genesis).unwrap();
    assert_eq!(check_solution(&genesis, &Params::signet()), Ok(()));
    let unsigned = block(&[coinbase(&[])]);
    assert_eq!(check_solution(&unsigned, &Params::main()), Ok(()));
    assert_eq!(check_solution(&unsigned, &Params::signet_with(vec![0x51])), Ok(()));
    assert!(check_solution(&unsigned, &Params::signet()).is_err());
}
