//! Headers, as far as they can be checked alone.
//!
//! **Spec:** rusty-kaspa's `consensus/src/pipeline/header_processor/pre_ghostdag_validation.rs`.

use quintet_primitives::Hash256;

use super::RuleError;
use crate::{
    header::Header,
    params::Params,
    pow::{Pow, level_of},
};

/// The name of no block, which all blocks are in the future of.
pub const ORIGIN: Hash256 = Hash256::new([0xfe; 32]);

/// Checks a header that is no genesis, and returns its level of proof of work.
///
/// `now` is in milliseconds since 1970. The era is that of the DAA score the header claims, which is
/// checked when its windows are known.
///
/// # Errors
///
/// The first rule broken.
pub fn check_header_in_isolation(
    params: &Params,
    header: &Header,
    now: u64,
) -> Result<u8, RuleError> {
    let rules = params.rules_at(header.daa_score);
    let (expected, actual) = (rules.block_version, header.version);
    if actual != expected {
        return Err(RuleError::WrongBlockVersion { expected, actual });
    }
    let tolerance = params.timestamp_deviation_tolerance.saturating_mul(1000);
    let (max, actual) = (now.saturating_add(tolerance), header.timestamp);
    if actual > max {
        return Err(RuleError::TimeTooFarIntoTheFuture { max, actual });
    }
    let (max, actual) = (usize::from(rules.rate.max_block_parents), header.direct_parents().len());
    if actual == 0 {
        return Err(RuleError::NoParents);
    }
    if actual > max {
        return Err(RuleError::TooManyParents { max, actual });
    }
    if header.direct_parents().contains(&ORIGIN) {
        return Err(RuleError::OriginParent);
    }
    let pow = Pow::new(header);
    let value = match pow.check(header.nonce) {
        Some(value) => value,
        None if params.skip_proof_of_work => pow.value(header.nonce),
        None => return Err(RuleError::InvalidPoW),
    };
    Ok(level_of(&value, params.max_block_level))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{header::LevelParents, params::Network};

    fn header(parents: &[Hash256]) -> Header {
        let mut header = Params::of(Network::Simnet).genesis.header();
        header.version = 2;
        header.parents = LevelParents::from_levels([parents]).unwrap();
        header
    }

    #[test]
    fn each_rule_has_a_header_that_breaks_it() {
        let params = Params::of(Network::Simnet);
        let parent = Hash256::new([1; 32]);
        let now = header(&[]).timestamp;
        let check = |header: &Header| check_header_in_isolation(&params, header, now);
        let good = header(&[parent; 64]);
        assert!(check(&good).is_ok());

        let old = Header { version: 1, ..good.clone() };
        assert_eq!(check(&old), Err(RuleError::WrongBlockVersion { expected: 2, actual: 1 }));
        let max = now + 132_000;
        let future = Header { timestamp: max + 1, ..good.clone() };
        assert_eq!(
            check(&future),
            Err(RuleError::TimeTooFarIntoTheFuture { max, actual: max + 1 })
        );
        assert!(check(&Header { timestamp: max, ..good.clone() }).is_ok());
        assert_eq!(check(&header(&[])), Err(RuleError::NoParents));
        let many = header(&[parent; 65]);
        assert_eq!(check(&many), Err(RuleError::TooManyParents { max: 64, actual: 65 }));
        assert_eq!(check(&header(&[parent, ORIGIN])), Err(RuleError::OriginParent));

        let strict = Params { skip_proof_of_work: false, ..params.clone() };
        let hard = Header { bits: 0x0100_0001, ..good };
        assert!(check(&hard).is_ok(), "where nobody asks for work");
        assert_eq!(check_header_in_isolation(&strict, &hard, now), Err(RuleError::InvalidPoW));
    }
}
