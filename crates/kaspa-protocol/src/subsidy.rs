//! The emission: how many sompi a block of a DAA score brings into the world.
//!
//! ```text
//!   500 KAS a second │ 440, 415.3, 392.0 … each month 2^(-1/12) of the one before … 1 sompi │ nothing
//!                    └ deflationary phase begins                       426 months ┘
//! ```
//!
//! The reference stores 426 months, computed once in floating point and cut to whole sompi. Each value
//! is half of that twelve months before it, cut: a dozen numbers and a shift say the same.
//!
//! Per block it is the month's value divided by the blocks of a second, rounded up. Months count
//! seconds, which Crescendo made a tenth as long in DAA score.
//!
//! **Spec:** rusty-kaspa's `calc_block_subsidy`, `subsidy_month` in `consensus/src/processes/coinbase.rs`.

use crate::params::{ForkActivation, Params};

/// Seconds of a month: a twelfth of 365.25 days.
pub const SECONDS_PER_MONTH: u64 = 2_629_800;

/// Sompi a second in the first year of decline: 440 KAS times 2^(-month/12), cut.
const FIRST_YEAR: [u64; 12] = [
    44_000_000_000,
    41_530_469_757,
    39_199_543_598,
    36_999_442_271,
    34_922_823_143,
    32_962_755_691,
    31_112_698_372,
    29_366_476_791,
    27_718_263_097,
    26_162_556_530,
    24_694_165_062,
    23_308_188_075,
];

/// Returns the sompi of a second in a month of the decline, the first being 0.
#[must_use]
pub fn subsidy_per_second(month: u64) -> u64 {
    let year = u32::try_from(month / 12).unwrap_or(u32::MAX);
    let first_year = FIRST_YEAR.iter().cycle().nth(usize::try_from(month % 12).unwrap_or(0));
    first_year.and_then(|sompi| sompi.checked_shr(year)).unwrap_or(0)
}

/// Returns the sompi a block of this DAA score may create.
#[must_use]
pub fn block_subsidy(params: &Params, daa_score: u64) -> u64 {
    let Some(since) = daa_score.checked_sub(params.deflationary_phase_daa_score) else {
        return params.pre_deflationary_subsidy;
    };
    let (before, after) = (params.pre_crescendo.rate.bps(), params.crescendo.rate.bps());
    let crescendo = params.crescendo_activation;
    // Before, at and after the change of the rate a second is another number of blocks.
    let seconds = seconds_since(params, since, daa_score);
    let rate = if crescendo.is_active(daa_score) { after } else { before };
    subsidy_per_second(seconds / SECONDS_PER_MONTH).div_ceil(rate.max(1))
}

fn seconds_since(params: &Params, since: u64, daa_score: u64) -> u64 {
    let per_second = |blocks: u64, rate: u64| blocks.checked_div(rate).unwrap_or(blocks);
    let (before, after) = (params.pre_crescendo.rate.bps(), params.crescendo.rate.bps());
    let begin = params.deflationary_phase_daa_score;
    let crescendo: ForkActivation = params.crescendo_activation;
    match crescendo.daa_score().checked_sub(begin) {
        None => per_second(since, after),
        Some(slow) if crescendo.is_active(daa_score) => {
            let fast = daa_score.saturating_sub(crescendo.daa_score());
            per_second(slow, before).saturating_add(per_second(fast, after))
        }
        Some(_) => per_second(since, before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Network;

    #[test]
    fn a_month_is_the_twelfth_root_of_a_half_cut_to_whole_sompi() {
        // v = floor(44·10^9 / 2^(m/12)) is the largest with v^12 · 2^m ≤ (44·10^9)^12.
        use ruint::Uint;
        type Wide = Uint<512, 8>;
        let power = |value: u64| Wide::from(value).pow(Wide::from(12));
        let first = power(44_000_000_000);
        for (month, value) in (0_usize..).zip(FIRST_YEAR) {
            assert!(power(value) << month <= first, "{month}");
            assert!(power(value + 1) << month > first, "{month}");
        }
    }

    #[test]
    fn crescendo_changes_the_block_not_the_second() {
        let params = Params::of(Network::Mainnet);
        let fork = params.crescendo_activation.daa_score();
        let (before, after) = (block_subsidy(&params, fork - 1), block_subsidy(&params, fork));
        assert_eq!(before.div_ceil(10), after);
        // A month later by seconds is ten times as many blocks.
        let month = (fork - params.deflationary_phase_daa_score) / SECONDS_PER_MONTH;
        let rest =
            SECONDS_PER_MONTH - (fork - params.deflationary_phase_daa_score) % SECONDS_PER_MONTH;
        assert_eq!(block_subsidy(&params, fork + 10 * rest - 1), after);
        assert_eq!(
            block_subsidy(&params, fork + 10 * rest),
            subsidy_per_second(month + 1).div_ceil(10)
        );
    }

    #[test]
    fn emission_ends() {
        assert_eq!(subsidy_per_second(424), 1);
        assert_eq!(subsidy_per_second(425), 0);
        assert_eq!(subsidy_per_second(u64::MAX), 0);
        assert_eq!(block_subsidy(&Params::of(Network::Mainnet), u64::MAX - 1), 0);
        assert_eq!(block_subsidy(&Params::of(Network::Simnet), 0), 5_000_000_000);
    }
}
