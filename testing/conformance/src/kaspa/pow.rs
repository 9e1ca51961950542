//! `matrix.json`: parts of the proof of work: generation, rank and the last hash.

use std::path::Path;

use quintet_kaspa_protocol::pow::{Matrix, heavy_hash};
use quintet_primitives::Hash256;
use serde::Deserialize;

use super::hash;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Matrices;

impl Suite for Matrices {
    fn name(&self) -> &'static str {
        "pow"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "matrix")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Case {
    HeavyHash {
        matrix: Vec<Vec<u8>>,
        input: String,
        output: String,
        #[serde(rename = "note")]
        _note: String,
    },
    Generate {
        seed: String,
        matrix: Vec<Vec<u8>>,
    },
    /// Says in words what [`check_rank`] does.
    Rank {
        #[serde(rename = "note")]
        _note: String,
    },
}

fn rows(rows: &[Vec<u8>]) -> Result<[[u8; 64]; 64], Mismatch> {
    let row = |row: &Vec<u8>| <[u8; 64]>::try_from(row.as_slice());
    let rows: Vec<_> = rows
        .iter()
        .map(row)
        .collect::<Result<_, _>>()
        .map_err(|_| Mismatch::new("matrix", "rows of 64", "others"))?;
    rows.try_into().map_err(|_| Mismatch::new("matrix", "64 rows", "others"))
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        match self {
            Self::HeavyHash { matrix, input, output, .. } => {
                let matrix = Matrix::from_rows(rows(matrix)?);
                let actual = heavy_hash(&matrix, &hash("input", input)?);
                expect_eq("output", hash("output", output)?, actual)
            }
            Self::Generate { seed, matrix } => {
                let actual = Matrix::generate(&hash("seed", seed)?);
                expect_eq("matrix", &rows(matrix)?, actual.rows())
            }
            Self::Rank { .. } => check_rank(),
        }
    }
}

fn check_rank() -> Result<(), Mismatch> {
    let matrix = Matrix::generate(&Hash256::new([0x2a; 32]));
    expect_eq("full rank", true, matrix.has_full_rank())?;
    let mut rows = *matrix.rows();
    rows[0] = rows[1];
    expect_eq("full rank of repeated rows", false, Matrix::from_rows(rows).has_full_rank())?;
    expect_eq("full rank of zeros", false, Matrix::from_rows([[0; 64]; 64]).has_full_rank())
}
