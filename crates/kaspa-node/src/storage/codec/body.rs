//! Bodies: the transactions of a block, without what their ids are computed from twice.

use quintet_kaspa_protocol::tx::{
    ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, Transaction,
    TransactionInput, TransactionOutput,
};
use quintet_store::{DecodeError, Reader, put_varint};

use super::{Serial, hash, len, put_bytes, put_hash, put_len, small};

/// Fewest bytes of a transaction, an input and an output: what bounds false counts.
const TX_LEAST: usize = 9;
const INPUT_LEAST: usize = 37;
const OUTPUT_LEAST: usize = 4;

const NATIVE: u8 = 0;
const COINBASE: u8 = 1;
const OTHER: u8 = 2;

const SIG_OPS: u8 = 0;
const BUDGET: u8 = 1;

/// Appends a body and whose it is.
pub(in super::super) fn encode_body(serial: Serial, body: &[Transaction], out: &mut Vec<u8>) {
    put_varint(serial, out);
    put_len(body.len(), out);
    body.iter().for_each(|transaction| put_transaction(transaction, out));
}

/// Takes a body and whose it is.
pub(in super::super) fn decode_body(
    bytes: &[u8],
) -> Result<(Serial, Vec<Transaction>), DecodeError> {
    let mut reader = Reader::new(bytes);
    let serial = reader.varint()?;
    let count = len(&mut reader, TX_LEAST)?;
    let mut body = Vec::with_capacity(count);
    for _ in 0..count {
        body.push(transaction(&mut reader)?);
    }
    reader.finish()?;
    Ok((serial, body))
}

fn put_transaction(transaction: &Transaction, out: &mut Vec<u8>) {
    put_varint(transaction.version.into(), out);
    match &transaction.subnetwork_id {
        id if id.is_native() => out.push(NATIVE),
        id if *id == SubnetworkId::COINBASE => out.push(COINBASE),
        id => {
            out.push(OTHER);
            out.extend_from_slice(id.as_bytes());
        }
    }
    put_len(transaction.inputs.len(), out);
    for input in &transaction.inputs {
        put_hash(&input.previous_outpoint.transaction_id, out);
        put_varint(input.previous_outpoint.index.into(), out);
        put_bytes(&input.signature_script, out);
        put_varint(input.sequence, out);
        match input.compute_commit {
            ComputeCommit::SigOpCount(count) => {
                out.push(SIG_OPS);
                put_varint(count.into(), out);
            }
            ComputeCommit::ComputeBudget(budget) => {
                out.push(BUDGET);
                put_varint(budget.into(), out);
            }
        }
    }
    put_len(transaction.outputs.len(), out);
    for output in &transaction.outputs {
        put_varint(output.value, out);
        put_varint(output.script_public_key.version.into(), out);
        put_bytes(&output.script_public_key.script, out);
        out.push(u8::from(output.covenant.is_some()));
        if let Some(covenant) = &output.covenant {
            put_varint(covenant.authorizing_input.into(), out);
            put_hash(&covenant.covenant_id, out);
        }
    }
    put_varint(transaction.lock_time, out);
    put_varint(transaction.gas, out);
    put_bytes(&transaction.payload, out);
    put_varint(transaction.storage_mass, out);
}

fn transaction(reader: &mut Reader<'_>) -> Result<Transaction, DecodeError> {
    let version = small(reader, "a version of 16 bits")?;
    let subnetwork_id = match reader.u8()? {
        NATIVE => SubnetworkId::NATIVE,
        COINBASE => SubnetworkId::COINBASE,
        OTHER => SubnetworkId::new(reader.array()?),
        other => return Err(DecodeError::invalid("a subnetwork, 0 to 2", other)),
    };
    let count = len(reader, INPUT_LEAST)?;
    let mut inputs = Vec::with_capacity(count);
    for _ in 0..count {
        inputs.push(input(reader)?);
    }
    let count = len(reader, OUTPUT_LEAST)?;
    let mut outputs = Vec::with_capacity(count);
    for _ in 0..count {
        outputs.push(output(reader)?);
    }
    Ok(Transaction {
        version,
        inputs,
        outputs,
        lock_time: reader.varint()?,
        subnetwork_id,
        gas: reader.varint()?,
        payload: reader.counted_bytes()?.to_vec(),
        storage_mass: reader.varint()?,
    })
}

fn input(reader: &mut Reader<'_>) -> Result<TransactionInput, DecodeError> {
    let transaction_id = hash(reader)?;
    let index = small(reader, "an index of 32 bits")?;
    Ok(TransactionInput {
        previous_outpoint: Outpoint::new(transaction_id, index),
        signature_script: reader.counted_bytes()?.to_vec(),
        sequence: reader.varint()?,
        compute_commit: match reader.u8()? {
            SIG_OPS => ComputeCommit::SigOpCount(small(reader, "a count of 8 bits")?),
            BUDGET => ComputeCommit::ComputeBudget(small(reader, "a budget of 16 bits")?),
            other => return Err(DecodeError::invalid("a sort of commitment, 0 or 1", other)),
        },
    })
}

fn output(reader: &mut Reader<'_>) -> Result<TransactionOutput, DecodeError> {
    let value = reader.varint()?;
    let version = small(reader, "a version of 16 bits")?;
    let script_public_key = ScriptPublicKey::new(version, reader.counted_bytes()?);
    let covenant = match reader.u8()? {
        0 => None,
        1 => Some(CovenantBinding {
            authorizing_input: small(reader, "an input of 16 bits")?,
            covenant_id: hash(reader)?,
        }),
        other => return Err(DecodeError::invalid("0, or 1 and a covenant", other)),
    };
    Ok(TransactionOutput { value, script_public_key, covenant })
}
