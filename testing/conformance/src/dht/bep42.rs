//! `bep42_*.json`: node ids tied to an address.

use std::{net::IpAddr, path::Path};

use quintet_dht_protocol::{key::Key, secure_id};
use quintet_primitives::addr;
use rand::{SeedableRng, rngs::StdRng};
use serde::Deserialize;

use super::array;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Bits of an id that the address decides.
const BITS: usize = 21;

pub(super) struct Bep42;

impl Suite for Bep42 {
    fn name(&self) -> &'static str {
        "bep42"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bep42_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ip: IpAddr,
    rand: Option<u8>,
    node_id: Key,
    valid: bool,
    crc32c: Option<String>,
    note: String,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let last = self.node_id.as_bytes()[Key::LEN - 1];
        expect_eq("validity", self.valid, secure_id::is_valid(self.node_id, self.ip))?;
        if let Some(rand) = self.rand {
            expect_eq("last byte of the id", rand, last)?;
        }
        let checksum = secure_id::checksum(self.ip, last);
        if let Some(crc) = &self.crc32c {
            let crc = u32::from_be_bytes(array("crc32c", crc)?);
            expect_eq("crc32c", format!("{crc:08x}"), format!("{checksum:08x}"))?;
        }
        // A local address may have any id; another must have the 21 bits its checksum says.
        let is_local = addr::is_local(self.ip);
        let [a, b, c, d, ..] = *self.node_id.as_bytes();
        let common = (u32::from_be_bytes([a, b, c, d]) ^ checksum).leading_zeros();
        expect_eq("21 bits of the checksum", self.valid, is_local || common >= 21)?;
        self.check_note(is_local)?;

        let generated = secure_id::generate(self.ip, last, &mut StdRng::seed_from_u64(0));
        expect_eq("validity of a generated id", true, secure_id::is_valid(generated, self.ip))?;
        if self.valid && !is_local {
            let common = generated.common_prefix(self.node_id);
            expect_eq("a generated id has the same 21 bits", true, common >= BITS)?;
        }
        Ok(())
    }

    /// Notes in words repeat the verdict, or say that the address is exempt.
    fn check_note(&self, is_local: bool) -> Result<(), Mismatch> {
        let note = self.note.to_lowercase();
        let fits = if note.contains("because class") {
            is_local
        } else {
            !note.contains("valid") || self.valid != note.contains("not valid")
        };
        if fits { Ok(()) } else { Err(Mismatch::new("note", &self.note, self.valid)) }
    }
}
