//! Groth16 proofs over BN254.
//!
//! The verifying key has one point for each public input and one more. Their number is paid for before they
//! are read.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_groth16::{Groth16, Proof, VerifyingKey, prepare_verifying_key};
use ark_serialize::{CanonicalDeserialize, Compress, SerializationError, Valid, Validate};

use super::failed;
use crate::script::ScriptError;

/// Script units for each public input's point of the key, and for the one more.
const POINT_UNITS: u64 = 250_000;

/// Bytes of a public input.
const INPUT_LEN: usize = 32;

/// Reads a public input: a number below the group order, little-endian.
pub(in crate::script) fn read_input(bytes: &[u8]) -> Result<Fr, ScriptError> {
    if bytes.len() != INPUT_LEN {
        return Err(failed("a public input must have 32 bytes"));
    }
    Fr::deserialize_uncompressed(bytes).map_err(|_| failed("a public input is too large"))
}

/// Verifies a proof; `charge` is called with what the key's points cost.
pub(in crate::script) fn verify(
    key: &[u8],
    proof: &[u8],
    inputs: &[Fr],
    charge: impl FnOnce(u64) -> Result<(), ScriptError>,
) -> Result<(), ScriptError> {
    let key = read_key(key, inputs.len(), charge)?;
    let prepared = prepare_verifying_key(&key);
    let mut rest = proof;
    let proof = Proof::<Bn254>::deserialize_compressed(&mut rest)
        .map_err(|_| failed("the Groth16 proof is malformed"))?;
    if !rest.is_empty() {
        return Err(failed("bytes are left behind the Groth16 proof"));
    }
    let inputs = Groth16::<Bn254>::prepare_inputs(&prepared, inputs)
        .map_err(|_| failed("the verifying key is for another number of inputs"))?;
    match Groth16::<Bn254>::verify_proof_with_prepared_inputs(&prepared, &proof, &inputs) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(failed("the Groth16 proof does not hold")),
    }
}

fn read_key(
    mut bytes: &[u8],
    inputs: usize,
    charge: impl FnOnce(u64) -> Result<(), ScriptError>,
) -> Result<VerifyingKey<Bn254>, ScriptError> {
    let malformed = |_: SerializationError| failed("the verifying key is malformed");
    let reader = &mut bytes;
    let alpha_g1 = point::<G1Affine>(reader, Validate::Yes).map_err(malformed)?;
    let beta_g2 = point::<G2Affine>(reader, Validate::Yes).map_err(malformed)?;
    let gamma_g2 = point::<G2Affine>(reader, Validate::Yes).map_err(malformed)?;
    let delta_g2 = point::<G2Affine>(reader, Validate::Yes).map_err(malformed)?;
    let count = point::<u64>(reader, Validate::Yes).map_err(malformed)?;
    // As many as the inputs, which the stack bounds, and one more.
    if u64::try_from(inputs).ok().and_then(|inputs| inputs.checked_add(1)) != Some(count) {
        return Err(failed("the verifying key is for another number of inputs"));
    }
    charge(count.saturating_mul(POINT_UNITS))?;
    let points = (0..count).map(|_| point::<G1Affine>(reader, Validate::No));
    let gamma_abc_g1: Vec<_> = points.collect::<Result<_, _>>().map_err(malformed)?;
    if !bytes.is_empty() {
        return Err(failed("bytes are left behind the verifying key"));
    }
    G1Affine::batch_check(gamma_abc_g1.iter()).map_err(malformed)?;
    Ok(VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1 })
}

fn point<P: CanonicalDeserialize>(
    reader: &mut &[u8],
    validate: Validate,
) -> Result<P, SerializationError> {
    P::deserialize_with_mode(reader, Compress::Yes, validate)
}
