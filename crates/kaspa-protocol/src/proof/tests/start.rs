//! Starting from a pruning point: trusted data, what is kept, past pruning points.

use std::collections::HashSet;

use super::*;

const FINALITY_DEPTH: u64 = 60;

fn sim(seed: u64) -> Sim {
    let mut sim = Sim::new();
    sim.grow(400, 5, seed);
    sim
}

/// The last mergesets of the chain below a block stand for its window.
fn window(sim: &Sim, block: BlockId) -> Vec<BlockId> {
    let chain = core::iter::successors(Some(block), |&at| Some(sim.dag.selected_parent(at)));
    let chain = chain.take_while(|at| !at.is_origin()).take(10);
    chain.flat_map(|at| sim.dag.mergeset(at).to_vec()).filter(|at| !at.is_origin()).collect()
}

struct Sent {
    point: (Hash256, Arc<Header>),
    data: TrustedData,
    trusted: Vec<TrustedHeader>,
    segment: Vec<Arc<Header>>,
    bodies: HashSet<Hash256>,
    rules: ImportRules,
}

fn send(sim: &Sim, point: BlockId) -> Sent {
    let data =
        TrustedData::collect(&sim.dag, point, &[sim.tip()], K, FINALITY_DEPTH, 10_000, |block| {
            window(sim, block)
        })
        .unwrap();
    let header = |&block: &BlockId| Arc::clone(&sim.headers[block.row() - 1]);
    let trusted = |block: &BlockId| TrustedHeader {
        header: header(block),
        ghostdag: TrustedGhostdag::of(&sim.dag, *block),
    };
    Sent {
        point: (*sim.dag.hash(point), header(&point)),
        trusted: data.window.iter().map(trusted).collect(),
        segment: data.chain_segment.iter().map(header).collect(),
        bodies: data.anticone.iter().map(|&block| *sim.dag.hash(block)).collect(),
        data,
        rules: ImportRules { k: K, finality_depth: FINALITY_DEPTH, genesis: sim.rules().genesis },
    }
}

impl Sent {
    fn import(&self, past: &[(Hash256, Arc<Header>)]) -> Result<TrustedImport, PruningImportError> {
        let Self { point: (hash, header), trusted, segment, bodies, rules, .. } = self;
        let has_body = |hash: &Hash256| bodies.contains(hash);
        TrustedImport::new((*hash, header), trusted, segment, past, rules, 9, has_body)
    }
}

#[test]
fn headers_above_a_pruning_point_are_the_same_to_who_started_there() {
    for seed in 0..8 {
        let sim = sim(seed);
        let point = sim.deep(90);
        let sent = send(&sim, point);
        let genesis = (sim.rules().genesis, Arc::clone(&sim.headers[0]));
        let import = sent.import(&[genesis]).unwrap();
        assert_eq!(import.pruning_point, import.dag.find(&sent.point.0).unwrap());
        let mut started = Sim {
            headers: import.blocks.iter().map(|block| Arc::clone(&block.header)).collect(),
            by_hash: HashMap::new(),
            edge: import.edge.clone(),
            dag: import.dag,
        };
        let (mut colouring, params) = (Colouring::new(), GhostdagParams::new(K, usize::MAX));
        let mut added = 0;
        for header in &sim.headers[point.row()..] {
            let hash = header.hash();
            let block = sim.dag.find(&hash).unwrap();
            if !sim.dag.reachability().is_dag_ancestor_of(point, block) {
                assert!(started.dag.find(&hash).is_some(), "the anticone was sent");
                continue;
            }
            let parents: Vec<BlockId> = header
                .direct_parents()
                .iter()
                .map(|parent| started.dag.find(parent).expect("sent or added before"))
                .collect();
            let found = colouring.run(&started.dag, &parents, &params).unwrap();
            let rules = LevelRules { ..sim.level_rules() };
            let named = rules.expect(&started, import.pruning_point, &parents).unwrap();
            assert!(crate::dag::same_level_parents(&named, &header.parents), "{hash}");
            let inserted = started.dag.insert(hash, &parents, target::work(BITS), found).unwrap();
            started.headers.push(Arc::clone(header));
            assert_eq!(
                TrustedGhostdag::of(&started.dag, inserted),
                TrustedGhostdag::of(&sim.dag, block)
            );
            added += 1;
        }
        assert!(added > 80);
    }
}

#[test]
fn the_chain_goes_down_to_the_inactivity_shortcut_of_whatever_follows() {
    let sim = sim(3);
    let point = sim.deep(90);
    let import = send(&sim, point).import(&[]).unwrap();
    let score = sim.dag.blue_score(point);
    for above in 0..FINALITY_DEPTH {
        let blue_score = score + above;
        let found = import.shortcut(blue_score, FINALITY_DEPTH).unwrap();
        let chain = core::iter::successors(Some(point), |&at| Some(sim.dag.selected_parent(at)));
        let mut chain = chain.take_while(|at| !at.is_origin());
        let expected =
            chain.find(|&at| sim.dag.blue_score(at) + FINALITY_DEPTH < blue_score).unwrap();
        assert_eq!(import.dag.hash(found), sim.dag.hash(expected), "at {blue_score}");
    }
}

#[test]
fn trusted_data_that_does_not_fit_is_refused() {
    use PruningImportError as E;
    let sim = sim(4);
    let point = sim.deep(90);
    let good = || send(&sim, point);
    assert!(good().import(&[]).is_ok());
    let mut sent = good();
    let beside = *sim.dag.hash(sent.data.anticone[1]);
    sent.bodies.remove(&beside);
    assert_eq!(sent.import(&[]).unwrap_err(), E::PruningPointAnticoneMissingBody { hash: beside });
    let mut sent = good();
    let gone = sent.segment.pop().unwrap().hash();
    assert_eq!(sent.import(&[]).unwrap_err(), E::MissingPruningPointChainSegment { hash: gone });
    let mut sent = good();
    sent.segment.push(Arc::clone(sim.headers.last().unwrap()));
    let hash = sim.headers.last().unwrap().hash();
    let unexpected = E::UnexpectedPruningPointChainSegmentBlock { hash };
    assert_eq!(sent.import(&[]).unwrap_err(), unexpected);
    let mut sent = good();
    let above = sim.tip();
    sent.trusted.push(TrustedHeader {
        header: Arc::clone(&sim.headers[above.row() - 1]),
        ghostdag: TrustedGhostdag::of(&sim.dag, above),
    });
    // Its parents did not come, so it hangs beside the pruning point, and has no body.
    let hash = *sim.dag.hash(above);
    assert_eq!(sent.import(&[]).unwrap_err(), E::PruningPointAnticoneMissingBody { hash });
    let mut sent = good();
    let child = (point.number()..).map(|number| BlockId::new(number + 1));
    let mut child = child.filter(|&block| {
        sim.dag.parents(block) == [point] || sim.dag.selected_parent(block) == point
    });
    let child = child.next().unwrap();
    sent.trusted.push(TrustedHeader {
        header: Arc::clone(&sim.headers[child.row() - 1]),
        ghostdag: TrustedGhostdag::of(&sim.dag, child),
    });
    let hash = *sim.dag.hash(child);
    assert_eq!(sent.import(&[]).unwrap_err(), E::TrustedBlockInPruningPointFuture { hash });
    let mut sent = good();
    sent.trusted[5].ghostdag.blue_score += 1;
    assert!(matches!(sent.import(&[]), Err(E::TrustedDataInconsistent { .. })));
}

#[test]
fn pruning_keeps_what_the_next_proof_and_the_next_peer_need() {
    let sim = sim(5);
    let point = sim.deep(90);
    let sent = send(&sim, point);
    let built = sim.proof(point, &[]).unwrap();
    let past = [sim.rules().genesis];
    let kept = Kept::new(&sim, &sim.level_rules(), &built.proof, &sent.data, &past, |header| {
        header.hash()
    });
    let headers: HashSet<Hash256> = kept.headers().copied().collect();
    let mut pruned = sim.clone();
    for number in 1..sim.dag.len() {
        let block = BlockId::new(u32::try_from(number).unwrap());
        let hash = sim.dag.hash(block);
        if !kept.in_dag(&sim.dag, block) {
            assert!(!kept.body(&sim.dag, block));
            assert!(sim.dag.reachability().is_dag_ancestor_of(block, point));
            pruned.dag.delete(block);
        }
        if !kept.header(&sim.dag, block) {
            pruned.by_hash.remove(hash);
        }
    }
    assert!(pruned.by_hash.len() < sim.by_hash.len());
    assert!(headers.contains(&past[0]));
    assert_eq!(pruned.proof(point, &built.roots).unwrap().proof, built.proof);
    let again = send(&pruned, point).data;
    assert_eq!((again.anticone, again.window), (sent.data.anticone, sent.data.window));
    let bodies = (1..sim.dag.len()).map(|number| BlockId::new(u32::try_from(number).unwrap()));
    for block in bodies {
        let below = block != point && sim.dag.reachability().is_dag_ancestor_of(block, point);
        assert_eq!(kept.body(&sim.dag, block), !below);
    }
}

#[test]
fn past_pruning_points_are_held_together_by_what_they_and_the_chain_name() {
    use PruningImportError as E;
    let mut points: Vec<Arc<Header>> = Vec::new();
    for number in 0..7_usize {
        let mut header = blank(LevelParents::default(), 1);
        header.blue_score = 10 * number as u64;
        header.pruning_point = points
            .get(number.saturating_sub(3))
            .map_or_else(Hash256::default, |point| point.hash());
        points.push(Arc::new(header));
    }
    let hash = |number: usize| points[number].hash();
    let good = PastPruningPoints::new(points.clone(), hash(6)).unwrap();
    assert_eq!(good.points().len(), 7);
    let genesis = hash(0);
    // A point to come, then the last, twice, and those that no later point names.
    let named = [Hash256::new([9; 32]), hash(6), hash(6), hash(5), hash(4)];
    assert_eq!(good.check_named(named, &genesis), Ok(()));
    assert_eq!(
        good.check_named([hash(5)], &genesis),
        Err(E::MissingPointedPruningPoint { hash: hash(6) })
    );
    assert_eq!(
        good.check_named([hash(6), hash(4)], &genesis),
        Err(E::WrongPointedPruningPoint { expected: hash(4), actual: hash(5) })
    );
    assert_eq!(good.check_named(named, &hash(1)), Err(E::UnpointedPruningPoint { hash: hash(1) }));
    let cut = PastPruningPoints::new(points[1..].to_vec(), hash(6)).unwrap();
    assert_eq!(cut.check_named(named, &genesis), Err(E::UnpointedPruningPoint { hash: genesis }));
    let new = |points: Vec<Arc<Header>>| PastPruningPoints::new(points, hash(6)).unwrap_err();
    assert_eq!(new(Vec::new()), E::MissingPastPruningPoints);
    let last = E::WrongLastPruningPoint { expected: hash(6), actual: hash(5) };
    assert_eq!(new(points[..6].to_vec()), last);
    let mut twice = points.clone();
    twice.push(Arc::clone(&points[6]));
    assert_eq!(new(twice), E::DuplicatedPastPruningPoints { count: 1 });
    let mut back = points.clone();
    back.swap(4, 5);
    let down = E::InconsistentPastPruningPoints { index: 5, previous: 50, actual: 40 };
    assert_eq!(new(back), down);
}
