//! `asmap*.raw`: maps from addresses to autonomous systems.

use std::{net::IpAddr, path::Path};

use quintet_bitcoin_protocol::asmap::Asmap;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// What Bitcoin Core's small map says: made up, a system for each of eight neighbouring networks.
const SMALL: (&str, [(&str, u32); 10]) = (
    "asmap.raw",
    [
        ("101.1.0.1", 1),
        ("101.2.255.255", 2),
        ("101.3.7.7", 3),
        ("101.4.0.0", 4),
        ("101.5.1.1", 5),
        ("101.6.1.1", 6),
        ("101.7.1.1", 7),
        ("101.8.1.1", 8),
        ("250.1.1.1", 1000),
        ("2001:db8::1", 0),
    ],
);

pub(super) struct AsmapFiles;

impl Suite for AsmapFiles {
    fn name(&self) -> &'static str {
        "asmap"
    }

    fn claims(&self, name: &Path) -> bool {
        super::is_named(name, "asmap", ".raw")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = file.name.display();
        report.case(format!("{case}: sanity"), || {
            let refused = |bytes: &[u8]| Asmap::new(bytes.to_vec()).err();
            expect_eq("refusal", None, refused(&file.bytes))?;
            for cut in 0..file.bytes.len().min(4096) {
                let refused = refused(&file.bytes[..cut]).is_some();
                expect_eq(format!("refusal of the first {cut} bytes"), true, refused)?;
            }
            Ok(())
        });
        let (name, facts) = SMALL;
        if file.own_name() != name {
            report.skip("no addresses of this map are known");
            return;
        }
        for (address, expected) in facts {
            report.case(format!("{case}: {address}"), || {
                let map = Asmap::new(file.bytes.clone())
                    .map_err(|error| Mismatch::new("map", "sane", error.to_string()))?;
                let parsed: IpAddr =
                    address.parse().map_err(|_| Mismatch::new("address", "an address", address))?;
                expect_eq(format!("system of {address}"), expected, map.lookup(parsed))
            });
        }
    }
}
