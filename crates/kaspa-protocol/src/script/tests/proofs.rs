//! Groth16 proofs. Succinct receipts are too long to stand here: the conformance suites verify one.

use quintet_primitives::hex;

use super::*;

/// A verifying key of five inputs, from the reference's tests.
const KEY: &str = "e2f26dbea299f5223b646cb1fb33eadb059d9407559d7441dfd902e3a79a4d2dabb73dc17fbc13021e2471e0c08bd67d8401f52b73d6d07483794cad4778180e0c06f33bbc4c79a9cadef253a68084d382f17788f885c9afd176f7cb2f036789edf692d95cbdde46ddda5ef7d422436779445c5e66006a42761e1f12efde0018c212f3aeb785e49712e7a9353349aaf1255dfb31b7bf60723a480d9293938e1933033e7fea1f40604eaacf699d4be9aacc577054a0db22d9129a1728ff85a01a1c3af829b62bf4914c0bcf2c81a4bd577190eff5f194ee9bac95faefd53cb0030600000000000000e43bdc655d0f9d730535554d9caa611ddd152c081a06a932a8e1d5dc259aac123f42a188f683d869873ccc4c119442e57b056e03e2fa92f2028c97bc20b9078747c30f85444697fdf436e348711c011115963f855197243e4b39e6cbe236ca8ba7f2042e11f9255afbb6c6e2c3accb88e401f2aac21c097c92b3fbdb99f98a9b0dcd6c075ada6ed0ddfece1d4a2d005f61a7d5df0b75c18a5b2374d64e495fab93d4c4b1200394d5253cce2f25a59b862ee8e4cd43686603faa09d5d0d3c1c8f";

const PROOF: &str = "570253c0c483a1b16460118e63c155f3684e784ae7d97e8fc3f544128b37fe15075eab5ac31150c8a44253d8525971241bbd7227fcefbae2db4ae71675c56a2e0eb9235136b15ab72f16e707832f3d6ae5b0ba7cca53ae17cb52b3201919eb9d908c16297abd90aa7e00267bc21a9a78116e717d4d76edd44e21cca17e3d592d";

const INPUTS: [&str; 5] = [
    "a54dc85ac99f851c92d7c96d7318af4100000000000000000000000000000000",
    "dbe7c0194edfcc37eb4d422a998c1f5600000000000000000000000000000000",
    "a95ac0b37bfedcd8136e6c1143086bf500000000000000000000000000000000",
    "d223ffcb21c6ffcb7c8f60392ca49dde00000000000000000000000000000000",
    "c07a65145c3cb48b6101962ea607a4dd93c753bb26975cb47feb00d3666e4404",
];

/// Inputs, the last first, their number, proof and key.
fn parts() -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> =
        INPUTS.iter().rev().map(|input| hex::decode(input).unwrap()).collect();
    parts.push(vec![5]);
    parts.push(hex::decode(PROOF).unwrap());
    parts.push(hex::decode(KEY).unwrap());
    parts
}

fn verify(parts: &[Vec<u8>], budget: u16) -> Result<Spent, ScriptError> {
    let signature_script: Vec<u8> = parts.iter().flat_map(|part| push(part)).collect();
    Spend::new(&[1, 0x20, OP_ZK_PRECOMPILE])
        .with_signature_script(&signature_script)
        .with_commitment(ComputeCommit::ComputeBudget(budget))
        .run(Rules::toccata())
}

#[test]
fn a_groth16_proof_holds_and_costs_its_price_and_that_of_its_inputs() {
    let spent = Spent { sigops: 0, script_units: 14_000_000 + 6 * 250_000 + 1 };
    assert_eq!(verify(&parts(), 1_550), Ok(spent));
    let limit = 1_550 * 10_000 - 1;
    let error = ScriptError::ScriptUnits { used: limit + 1, limit };
    assert_eq!(verify(&parts(), 1_549), Err(error));
    let error = ScriptError::ScriptUnits { used: 14_000_000, limit: 9_999 };
    assert_eq!(verify(&parts(), 0), Err(error));
}

#[test]
fn a_groth16_proof_with_any_part_changed_does_not_hold() {
    for part in [0, 4, 5, 6, 7] {
        for at in [0, 7] {
            let mut parts = parts();
            let Some(byte) = parts[part].get_mut(at) else { continue };
            *byte ^= 1;
            let result = verify(&parts, u16::MAX);
            assert!(result.is_err(), "part {part}, byte {at}");
        }
    }
    let mut longer = parts();
    longer[7].push(0);
    assert!(matches!(verify(&longer, u16::MAX), Err(ScriptError::Proof { .. })));
    let mut longer = parts();
    longer[6].push(0);
    assert!(matches!(verify(&longer, u16::MAX), Err(ScriptError::Proof { .. })));
}
