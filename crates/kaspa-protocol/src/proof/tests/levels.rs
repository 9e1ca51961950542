//! Proofs: what is built is valid, what is changed is refused for what was changed, and more work wins.

use super::*;

fn wide(blocks: usize, seed: u64) -> Sim {
    let mut sim = Sim::new();
    sim.grow(blocks, 5, seed);
    sim
}

#[test]
fn a_proof_of_the_genesis_is_the_genesis_on_every_level() {
    let sim = wide(10, 1);
    let proof = sim.valid(GENESIS);
    assert_eq!(proof.pruning_point(), sim.rules().genesis);
    for level in 0..=MAX_LEVEL {
        assert_eq!(proof.level(level).len(), 1);
    }
}

#[test]
fn a_built_proof_is_valid_for_a_stranger_and_far_smaller_than_the_dag() {
    for seed in 0..6 {
        let sim = wide(1_500, seed);
        for depth in [5, 40, 200] {
            let point = sim.deep(depth);
            let proof = sim.valid(point);
            assert_eq!(proof.pruning_point(), *sim.dag.hash(point));
            assert!(proof.level(0).len() < 300, "{} headers", proof.level(0).len());
            for level in 0..=MAX_LEVEL {
                for (hash, header) in proof.hashed(level) {
                    assert_eq!(hash, header.hash());
                    assert!(work(header).level >= level);
                }
            }
        }
    }
}

/// A DAG that is a chain, so that what lacks in a proof is what was taken out.
fn chain() -> (Sim, BlockId) {
    let mut sim = Sim::new();
    sim.grow(900, 1, 7);
    let point = (0..40).map(|depth| sim.deep(depth)).find(|&block| sim.level(block) == 2).unwrap();
    (sim, point)
}

/// What is said of a proof that was changed.
fn error_of(change: impl Fn(&mut PruningProof)) -> PruningImportError {
    let (sim, point) = chain();
    let mut proof = sim.proof(point, &[]).unwrap().proof;
    change(&mut proof);
    ValidProof::new(&proof, &sim.rules(), work).unwrap_err()
}

fn forged(header: &Header, change: impl Fn(&mut Header)) -> Arc<Header> {
    let mut header = header.clone();
    change(&mut header);
    Arc::new(header)
}

#[test]
fn every_change_is_refused_for_what_it_is() {
    use PruningImportError as E;
    let levels = usize::from(MAX_LEVEL) + 1;
    assert_eq!(
        error_of(|proof| proof.truncate(levels - 1)),
        E::ProofNotEnoughLevels { expected: levels, actual: levels - 1 }
    );
    assert_eq!(error_of(|proof| proof[0].clear()), E::PruningProofNotEnoughHeaders { level: 0 });
    assert_eq!(error_of(|proof| proof[5].clear()), E::PruningProofNotEnoughHeaders { level: 5 });
    let most = usize::try_from(M * LEVEL_HEADERS_PER_M).unwrap();
    assert_eq!(
        error_of(|proof| proof[1] = vec![Arc::clone(&proof[1][0]); most + 1]),
        E::PruningProofTooManyHeaders { level: 1, max: most, actual: most + 1 }
    );
    let low = error_of(|proof| {
        let low = proof[0].iter().find(|header| work(header).level == 0).cloned().unwrap();
        proof[3].push(low);
    });
    assert!(matches!(low, E::PruningProofWrongBlockLevel { expected: 3, actual: 0, .. }));
    let hanging = error_of(|proof| {
        let genesis = Arc::clone(&proof[levels - 1][0]);
        proof[0].insert(1, genesis);
    });
    assert!(matches!(hanging, E::PruningProofHeaderWithNoKnownParents { level: 0, .. }));
    let lazy = error_of(|proof| {
        let last = proof[1].last().unwrap().clone();
        proof[1].push(forged(&last, |header| header.blue_work = BlueWork::ZERO));
    });
    assert!(matches!(lazy, E::PruningProofInconsistentBlueWork { level: 1, .. }));
    let twice = error_of(|proof| {
        let last = proof[1].last().unwrap().clone();
        proof[1].push(last);
    });
    assert!(matches!(twice, E::PruningProofDuplicateHeaderAtLevel { level: 1, .. }));
    let related = error_of(|proof| {
        let level: Vec<_> = proof[0].iter().rev().take(3).map(|header| header.hash()).collect();
        let last = proof[0].last().unwrap().clone();
        let parents = LevelParents::from_levels([level]).unwrap();
        proof[0].push(forged(&last, |header| {
            header.parents = parents.clone();
            header.blue_work = BlueWork::MAX;
        }));
    });
    assert!(
        matches!(
            related,
            E::PruningProofSelectedTipNotParentOfPruningPoint { .. }
                | E::PruningProofRelatedParents { level: 0, .. }
                | E::PruningProofSelectedTipIsNotThePruningPoint { .. }
        ),
        "{related}"
    );
    let short = error_of(|proof| {
        let at = proof[0].len() - 3;
        proof[0] = proof[0].split_off(at);
    });
    assert!(matches!(short, E::PruningProofMissingBlockAtDepthMFromNextLevel { level: 0, .. }));
    let other_tip = error_of(|proof| drop(proof[1].pop()));
    assert!(matches!(other_tip, E::PruningProofSelectedTipIsNotThePruningPoint { level: 1, .. }));
    let no_parent = error_of(|proof| drop(proof[3].pop()));
    assert!(matches!(
        no_parent,
        E::PruningProofSelectedTipNotParentOfPruningPoint { level: 3, .. }
    ));
    let not_last = error_of(|proof| {
        let early = proof[1][1].clone();
        proof[1].push(forged(&early, |header| header.timestamp = 1));
    });
    assert!(matches!(not_last, E::PruningProofSelectedTipNotLast { level: 1, .. }), "{not_last}");
}

#[test]
fn a_level_that_is_not_deep_enough_is_refused() {
    let (sim, point) = chain();
    let proof = sim.proof(point, &[]).unwrap().proof;
    let mut refused = 0;
    for level in 0..usize::from(MAX_LEVEL) {
        for cut in 1..proof[level].len() {
            let mut short = proof.clone();
            short[level].drain(..cut);
            match ValidProof::new(&short, &sim.rules(), work) {
                Err(PruningImportError::PruningProofSelectedTipNotEnoughBlueScore {
                    level: at,
                    expected,
                    actual,
                    ..
                }) => {
                    assert_eq!(usize::from(at), level);
                    assert!(actual < expected);
                    refused += 1;
                }
                Err(PruningImportError::PruningProofMissingBlockAtDepthMFromNextLevel {
                    ..
                }) => (),
                other => assert!(other.is_ok(), "{other:?}"),
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn proof_of_work_is_asked_for_unless_it_is_skipped() {
    let (sim, point) = chain();
    let proof = sim.proof(point, &[]).unwrap().proof;
    let target = proof[0][3].hash();
    let cheat = |header: &Header| ProofOfWork { is_valid: header.hash() != target, ..work(header) };
    let error = ValidProof::new(&proof, &sim.rules(), cheat).unwrap_err();
    assert!(matches!(error, PruningImportError::ProofOfWorkFailed { hash, .. } if hash == target));
    let rules = ProofRules { skip_proof_of_work: true, ..sim.rules() };
    assert!(ValidProof::new(&proof, &rules, cheat).is_ok());
}

#[test]
fn more_work_above_a_shared_block_wins_and_nobody_wins_against_himself() {
    let mut base = Sim::new();
    base.grow(600, 3, 1);
    let [mut short, mut long] = [base.clone(), base];
    short.grow(150, 3, 2);
    long.grow(250, 3, 3);
    let [short_proof, long_proof] = [&short, &long].map(|sim| sim.valid(sim.deep(30)));
    let [short_work, long_work] = [&short, &long].map(|sim| sim.dag.blue_work(sim.tip()));
    assert_eq!(long_proof.check_stronger_than(&short_proof, short_work, long_work), Ok(()));
    let weak = Err(ProofWeakness::InsufficientBlueWork);
    assert_eq!(short_proof.check_stronger_than(&long_proof, long_work, short_work), weak);
    assert_eq!(short_proof.check_stronger_than(&short_proof, short_work, short_work), weak);
    assert_eq!(
        short_proof.check_stronger_than(&short_proof, short_work, short_work + BlueWork::ONE),
        Ok(()),
        "work above the pruning point counts"
    );
}

#[test]
fn without_shared_blocks_a_level_deeper_wins() {
    let (mut short, mut long) = (Sim::new(), Sim::new());
    short.grow(200, 3, 4);
    long.grow(1_200, 3, 5);
    let [short_proof, long_proof] = [&short, &long].map(|sim| sim.valid(sim.deep(10)));
    let work = BlueWork::ZERO;
    assert_eq!(long_proof.check_stronger_than(&short_proof, work, work), Ok(()));
    let nothing = long.valid(GENESIS);
    assert_eq!(short_proof.check_stronger_than(&nothing, work, work), Ok(()));
    let few = short_proof.check_stronger_than(&long_proof, work, work);
    assert!(few.is_err(), "{few:?}");
}

#[test]
fn a_proof_is_built_again_and_again_from_what_pruning_keeps() {
    let mut sim = Sim::new();
    let (mut roots, mut point) = (Vec::new(), GENESIS);
    for step in 0..8 {
        sim.grow(250, 3, 100 + step);
        let next = sim.deep(30);
        assert!(sim.dag.reachability().is_chain_ancestor_of(point, next));
        point = next;
        let built = sim.proof(point, &roots).unwrap();
        ValidProof::new(&built.proof, &sim.rules(), work).unwrap();
        assert_eq!(sim.proof(point, &roots).unwrap().proof, built.proof, "the same every time");
        let mut left: HashMap<Hash256, Arc<Header>> = built
            .proof
            .iter()
            .flatten()
            .map(|header| (header.hash(), Arc::clone(header)))
            .collect();
        for (hash, header) in &sim.by_hash {
            let block = sim.dag.find(hash);
            if block.is_some_and(|block| !sim.dag.reachability().is_dag_ancestor_of(block, point)) {
                left.insert(*hash, Arc::clone(header));
            }
        }
        sim.by_hash = left;
        roots = built.roots;
        assert!(sim.proof(point, &roots).is_ok(), "and after pruning");
    }
}
