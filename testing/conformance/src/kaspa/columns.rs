//! `dags_json/*.jsonl`: what real headers say of the DAG, against the columns: selected parents and colours through blue score and
//! blue work, windows through DAA score, bits and time, depths by the absence of a violation, the pruning point, and the parents of
//! every level; since Toccata also the sequencing commitments, as long as no block below has transactions that might not be accepted.
//!
//! Two forms: the Go node's (before Crescendo, no line of parameters) and the reference's (parameters on the first line).

use std::{borrow::Cow, collections::HashMap};

use quintet_kaspa_node::dump::DumpedBlock;
use quintet_kaspa_protocol::{
    dag::{
        BlockId, Colouring, Dag, DepthRules, Depths, ExpectedDepths, ExpectedPruning,
        GhostdagParams, LevelRules, LevelView, PruningPoints, PruningRules, Sampling, WindowRules,
        WindowSize, Windows, same_level_parents,
    },
    header::LevelParents,
    lanes::{Activity, LaneContext, LaneTree, shortcut_block},
    params::{Era, Params},
    pow, target,
};
use quintet_primitives::Hash256;
use ruint::aliases::{U192, U256};
use serde_json::Value;

use super::dump::Dump;
use crate::{
    file::File,
    suite::{Mismatch, Report, expect_eq},
};

/// Inserts every header of a dump into the columns, and compares what they expect of it.
pub(super) fn run(file: &File, dump: &Dump, report: &mut Report) {
    let text = String::from_utf8_lossy(&file.bytes);
    let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
    let lines = match lines {
        Ok(lines) => lines,
        Err(error) => {
            report.unreadable = Some(format!("expected JSON lines: {error}"));
            return;
        }
    };
    let has_parameters = lines.first().is_some_and(|line| line.get("pruning_proof_m").is_some());
    let parameters = if has_parameters { lines.first() } else { None };
    let Some((genesis, blocks)) = lines[usize::from(has_parameters)..].split_first() else {
        report.unreadable = Some("expected a genesis".to_owned());
        return;
    };
    let name = file.name.display();
    let mut columns = None;
    report.case(format!("{name}:0"), || {
        columns = Some(Columns::new(&Header::read(genesis)?, parameters)?);
        Ok(())
    });
    let Some(mut columns) = columns else { return };
    for (number, block) in blocks.iter().enumerate() {
        report.case(format!("{name}:{}", number + 1), || columns.add(&Header::read(block)?));
    }
    let levels = Levels::new(&columns.dag, dump);
    for number in 1..dump.blocks.len() {
        report.case(format!("{name}:{number} levels"), || levels.check(number));
    }
    let mut commitments = Commitments::new(&columns, dump);
    for number in 1..dump.blocks.len() {
        let below = &dump.blocks[number - 1].block;
        if below.transactions.len() > 1
            || dump.params.era_at(below.header.daa_score) != Era::Toccata
        {
            break;
        }
        report.case(format!("{name}:{number} commitment"), || commitments.check(number));
    }
}

/// The lanes after each block, where coinbases are all that is accepted.
struct Commitments<'a> {
    dag: &'a Dag,
    blocks: &'a [DumpedBlock],
    finality_depth: u64,
    /// By number, that of the root first; none after the genesis.
    trees: Vec<LaneTree>,
}

impl<'a> Commitments<'a> {
    fn new(columns: &'a Columns, dump: &'a Dump) -> Self {
        let finality_depth = columns.depth_rules.finality_depth;
        let trees = vec![LaneTree::new(); 2];
        Self { dag: &columns.dag, blocks: &dump.blocks, finality_depth, trees }
    }

    fn check(&mut self, number: usize) -> Result<(), Mismatch> {
        let (dag, blocks) = (self.dag, self.blocks);
        let header = &blocks[number].block.header;
        let block = BlockId::new(u32::try_from(number + 1).unwrap_or(u32::MAX));
        let found = dag.ghostdag(block);
        let parent = &blocks[found.selected_parent.row() - 1].block.header;
        let mut order: Vec<BlockId> = found.merged_descending(dag).collect();
        order.push(found.selected_parent);
        let mut activity = Activity::new();
        for merged in order.into_iter().rev() {
            let DumpedBlock { hash, block } = &blocks[merged.row() - 1];
            let coinbase = &block.transactions[0];
            activity.merge(hash, &block.header.blue_work, &coinbase.payload);
            if merged == found.selected_parent {
                activity.accept(coinbase.subnetwork_id, &coinbase.id(), coinbase.version);
            }
        }
        let depth = self.finality_depth;
        let (selected, score) = (found.selected_parent, found.blue_score);
        let shortcut = shortcut_block(dag, selected, score, depth, GENESIS, GENESIS);
        let context = LaneContext {
            parent_commitment: parent.accepted_id_merkle_root,
            parent_timestamp: parent.timestamp,
            daa_score: header.daa_score,
            blue_score: score,
            inactivity_shortcut: blocks[shortcut.row() - 1].block.header.accepted_id_merkle_root,
            finality_depth: depth,
        };
        let made = context.commit(&self.trees[selected.row()], &activity);
        self.trees.push(made.tree);
        expect_eq("sequencing commitment", header.accepted_id_merkle_root, made.commitment)
    }
}

/// The parents of every level that the headers name, over the finished DAG: a block's past does not change any more.
struct Levels<'a> {
    dag: &'a Dag,
    blocks: &'a [DumpedBlock],
    levels: Vec<u8>,
    rules: LevelRules,
}

impl LevelView for Levels<'_> {
    fn dag(&self) -> &Dag {
        self.dag
    }

    fn level(&self, block: BlockId) -> u8 {
        self.levels[block.row() - 1]
    }

    fn level_parents(&self, block: BlockId) -> Cow<'_, LevelParents> {
        Cow::Borrowed(&self.blocks[block.row() - 1].block.header.parents)
    }

    fn edge(&self) -> &[BlockId] {
        &[]
    }
}

impl<'a> Levels<'a> {
    fn new(dag: &'a Dag, Dump { params, blocks }: &'a Dump) -> Self {
        let Params { max_block_level: max_level, .. } = *params;
        let level = |block: &DumpedBlock| pow::level_of_header(&block.block.header, max_level);
        let levels = blocks.iter().map(level).collect();
        let genesis = blocks.first().map(|block| block.hash).unwrap_or_default();
        Self { dag, blocks, levels, rules: LevelRules { genesis, max_level } }
    }

    fn check(&self, number: usize) -> Result<(), Mismatch> {
        let DumpedBlock { hash, block } = &self.blocks[number];
        let inserted = self.dag.find(hash).map(BlockId::row);
        expect_eq("number in the DAG", Some(number + 1), inserted)?;
        let parents = self.dag.parents(BlockId::new(u32::try_from(number + 1).unwrap_or(u32::MAX)));
        let expected = self
            .rules
            .expect(self, GENESIS, parents)
            .map_err(|error| Mismatch::new("parents of levels", "known", error))?;
        if same_level_parents(&expected, &block.header.parents) {
            return Ok(());
        }
        Err(Mismatch::new("parents of levels", expected, &block.header.parents))
    }
}

/// The fields of a header that speak of the DAG.
struct Header {
    hash: Hash256,
    parents: Vec<Hash256>,
    time: u64,
    bits: u32,
    daa_score: u64,
    blue_score: u64,
    blue_work: U192,
    pruning_point: Hash256,
}

fn field<'a>(of: &'a Value, names: [&str; 2]) -> Result<&'a Value, Mismatch> {
    let found = names.iter().find_map(|name| of.get(name));
    found.ok_or_else(|| Mismatch::new("field", names, "absent"))
}

fn number(of: &Value, names: [&str; 2]) -> Result<u64, Mismatch> {
    let value = field(of, names)?;
    value.as_u64().ok_or_else(|| Mismatch::new(names[0], "a number", value))
}

fn hash(value: &Value) -> Result<Hash256, Mismatch> {
    let parsed = value.as_str().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| Mismatch::new("hash", "64 digits", value))
}

impl Header {
    fn read(block: &Value) -> Result<Self, Mismatch> {
        let header = field(block, ["header", "Header"])?;
        let own = match header.get("hash") {
            Some(own) => own,
            None => field(field(block, ["VerboseData", ""])?, ["Hash", ""])?,
        };
        let levels = field(header, ["parentsByLevel", "Parents"])?;
        let direct = levels.get(0).map(|level| level.get("ParentHashes").unwrap_or(level));
        let direct = direct.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let work = field(header, ["blueWork", "BlueWork"])?.as_str().unwrap_or_default();
        Ok(Self {
            hash: hash(own)?,
            parents: direct.iter().map(hash).collect::<Result<_, _>>()?,
            time: number(header, ["timestamp", "Timestamp"])?,
            bits: u32::try_from(number(header, ["bits", "Bits"])?).unwrap_or(u32::MAX),
            daa_score: number(header, ["daaScore", "DAAScore"])?,
            blue_score: number(header, ["blueScore", "BlueScore"])?,
            blue_work: U192::from_str_radix(work, 16)
                .map_err(|error| Mismatch::new("blue work", "hexadecimal", error.to_string()))?,
            pruning_point: hash(field(header, ["pruningPoint", "PruningPoint"])?)?,
        })
    }
}

/// All columns, fed with headers.
struct Columns {
    dag: Dag,
    windows: Windows,
    depths: Depths,
    points: PruningPoints,
    colouring: Colouring,
    ghostdag: GhostdagParams,
    rules: WindowRules,
    depth_rules: DepthRules,
    pruning_rules: PruningRules,
}

/// The block for which everything is at any depth.
const GENESIS: BlockId = BlockId::new(1);

/// What the Go node runs a development network with, by the names the other files use.
fn go_parameters() -> HashMap<&'static str, u64> {
    HashMap::from([
        ("target_time_per_block", 1_000),
        ("ghostdag_k", 18),
        ("past_median_time_window_size", 263),
        ("past_median_time_sample_rate", 1),
        ("difficulty_window_size", 2_641),
        ("min_difficulty_window_size", 2_641),
        ("difficulty_sample_rate", 1),
        ("mergeset_size_limit", 180),
        ("merge_depth", 3_600),
        ("finality_depth", 86_400),
        ("pruning_depth", 185_798),
    ])
}

impl Columns {
    fn new(genesis: &Header, parameters: Option<&Value>) -> Result<Self, Mismatch> {
        let go = go_parameters();
        // Since Crescendo's own file: its windows are named otherwise there, and its rates lie in an object.
        let get = |name: &'static str| match parameters {
            None => Ok(go[name]),
            Some(all) => {
                let other = match name {
                    "past_median_time_window_size" => "past_median_time_sampled_window_size",
                    "difficulty_window_size" => "sampled_difficulty_window_size",
                    _ => name,
                };
                let inner = all.get("blockrate").or_else(|| all.get("crescendo"));
                inner
                    .and_then(|inner| number(inner, [name, other]).ok())
                    .map_or_else(|| number(all, [name, other]), Ok)
            }
        };
        let size = |name| get(name).map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let k = u16::try_from(get("ghostdag_k")?).unwrap_or(u16::MAX);
        let sampled = Sampling::Sampled { since: 0, earlier_target_time: 0 };
        let mut dag = Dag::new(0);
        let mut colouring = Colouring::new();
        let ghostdag = GhostdagParams::new(k, size("mergeset_size_limit")?);
        let failed = |error| Mismatch::new("genesis", "inserted", error);
        let found = colouring.run(&dag, &[BlockId::ORIGIN], &ghostdag).map_err(failed)?;
        dag.insert(genesis.hash, &[BlockId::ORIGIN], target::work(genesis.bits), found)
            .map_err(failed)?;
        let (mut depths, mut points) = (Depths::new(), PruningPoints::new());
        depths.push(ExpectedDepths::default());
        points.push(ExpectedPruning { sample: GENESIS, point: GENESIS });
        Ok(Self {
            dag,
            windows: Windows::new(genesis.time, genesis.bits, genesis.daa_score),
            depths,
            points,
            colouring,
            ghostdag,
            rules: WindowRules {
                difficulty: WindowSize {
                    size: size("difficulty_window_size")?,
                    rate: get("difficulty_sample_rate")?,
                },
                median: WindowSize {
                    size: size("past_median_time_window_size")?,
                    rate: get("past_median_time_sample_rate")?,
                },
                difficulty_min: size("min_difficulty_window_size")?,
                target_time: get("target_time_per_block")?,
                max_target: U256::MAX >> 1,
                sampling: if parameters.is_some() { sampled } else { Sampling::Full },
            },
            depth_rules: DepthRules {
                merge_depth: get("merge_depth")?,
                finality_depth: get("finality_depth")?,
                genesis: GENESIS,
            },
            pruning_rules: PruningRules {
                pruning_depth: get("pruning_depth")?,
                finality_depth: get("finality_depth")?,
                genesis: GENESIS,
            },
        })
    }

    fn add(&mut self, header: &Header) -> Result<(), Mismatch> {
        let failed = |error| Mismatch::new("the block", "valid", error);
        let known = |parent| {
            let found = self.dag.find(parent);
            found.ok_or_else(|| Mismatch::new("parent", "a block that came before", parent))
        };
        let parents = header.parents.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let found =
            self.colouring.run(&self.dag, &parents, &self.ghostdag).map_err(failed)?.clone();
        let expected = self.windows.expect(&self.dag, &found, &self.rules).map_err(failed)?;
        let depths =
            self.depths.expect(&self.dag, &found, &self.depth_rules, GENESIS).map_err(failed)?;
        let pruning = self.points.expect(&self.dag, &found, &self.pruning_rules);
        let work = target::work(header.bits);
        self.dag.insert(header.hash, &parents, work, &found).map_err(failed)?;
        self.windows
            .push(&found, &expected, self.rules.sampling, header.time, header.bits)
            .map_err(failed)?;
        self.depths.push(depths);
        self.points.push(pruning);
        expect_eq("blue score", header.blue_score, found.blue_score)?;
        expect_eq("blue work", header.blue_work, found.blue_work)?;
        expect_eq("DAA score", header.daa_score, expected.daa_score)?;
        expect_eq("bits", header.bits, expected.bits)?;
        expect_eq("later than the past median", true, header.time > expected.past_median_time)?;
        expect_eq("pruning point", header.pruning_point, *self.dag.hash(pruning.point))
    }
}
