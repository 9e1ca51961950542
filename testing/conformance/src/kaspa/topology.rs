//! DAGs given as names and parents, and a way to put them into the DAG under test.

use std::collections::HashMap;

use quintet_kaspa_protocol::{
    dag::{BlockId, Colouring, Dag, GhostdagParams},
    target,
};
use quintet_primitives::Hash256;
use serde::Deserialize;

use crate::{
    file::File,
    suite::{Mismatch, Report},
};

/// A block of a file: its name and its parents'.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(alias = "ID")]
    pub(super) id: String,
    #[serde(alias = "Parents")]
    parents: Option<Vec<String>>,
}

/// A file of blocks, in either of the forms there are.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Blocks {
    List(Vec<Named>),
    Object {
        #[serde(alias = "Blocks")]
        blocks: Vec<Named>,
    },
}

impl Blocks {
    pub(super) fn into_list(self) -> Vec<Named> {
        match self {
            Self::List(blocks) | Self::Object { blocks } => blocks,
        }
    }
}

/// Easiest bits of main: all blocks have the same work.
const BITS: u32 = 0x1e7f_ffff;

/// A DAG and the names of its blocks.
pub(super) struct Built {
    pub(super) dag: Dag,
    names: HashMap<String, BlockId>,
    colouring: Colouring,
    params: GhostdagParams,
}

/// The name's bytes and zeros: what the reference's test takes for the hash, which decides between equals.
fn hash_of(name: &str) -> Hash256 {
    let mut bytes = [0; 32];
    for (byte, from) in bytes.iter_mut().zip(name.bytes()) {
        *byte = from;
    }
    Hash256::new(bytes)
}

impl Built {
    /// Builds the DAG of a file without a bound of mergesets, as attack DAGs merge what no node would, and asks for the pasts of about
    /// `searched` of its blocks. Returns nothing if there is no such DAG.
    pub(super) fn of_file(
        file: &File,
        searched: usize,
        report: &mut Report,
    ) -> Option<(Self, Vec<Named>)> {
        let blocks = match serde_json::from_slice::<Blocks>(&file.bytes) {
            Ok(blocks) => blocks.into_list(),
            Err(error) => {
                report.unreadable = Some(format!("expected blocks with parents: {error}"));
                return None;
            }
        };
        let mut built = Self::new(18, usize::MAX);
        let name = file.name.display();
        let mut inserted = false;
        report.case(format!("{name}: insertion"), || {
            built.insert_all(&blocks)?;
            inserted = true;
            built.check_invariants()
        });
        if !inserted {
            return None;
        }
        let step = (blocks.len() / searched).max(1);
        for block in built.blocks().step_by(step) {
            report.case(format!("{name}: past of {}", block.number()), || built.check_past(block));
        }
        Some((built, blocks))
    }

    pub(super) fn new(k: u16, mergeset_max: usize) -> Self {
        Self {
            dag: Dag::new(0),
            names: HashMap::new(),
            colouring: Colouring::new(),
            params: GhostdagParams::new(k, mergeset_max),
        }
    }

    /// Inserts a block; one without parents becomes a genesis.
    pub(super) fn insert(&mut self, name: &str, parents: &[String]) -> Result<BlockId, Mismatch> {
        let mut numbers =
            parents.iter().map(|parent| self.find(parent)).collect::<Result<Vec<_>, _>>()?;
        if numbers.is_empty() {
            numbers.push(BlockId::ORIGIN);
        }
        let failed = |error| Mismatch::new(format!("block {name}"), "inserted", error);
        let Self { dag, colouring, params, .. } = self;
        let found = colouring.run(dag, &numbers, params).map_err(failed)?;
        let block =
            dag.insert(hash_of(name), &numbers, target::work(BITS), found).map_err(failed)?;
        self.names.insert(name.to_owned(), block);
        Ok(block)
    }

    pub(super) fn insert_all(&mut self, blocks: &[Named]) -> Result<(), Mismatch> {
        blocks.iter().try_for_each(|block| {
            self.insert(&block.id, block.parents.as_deref().unwrap_or_default()).map(|_| ())
        })
    }

    pub(super) fn find(&self, name: &str) -> Result<BlockId, Mismatch> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| Mismatch::new("name", "a block that came before", name))
    }

    /// Returns the name of a block, for a person.
    pub(super) fn name(&self, block: BlockId) -> String {
        let found = self.names.iter().find(|&(_, &number)| number == block);
        found.map_or_else(|| "?".to_owned(), |(name, _)| name.clone())
    }

    /// Colours a block that would have all blocks without children as parents.
    pub(super) fn virtual_block(
        &mut self,
    ) -> Result<quintet_kaspa_protocol::dag::Ghostdag, Mismatch> {
        let mut childless = vec![true; self.dag.len()];
        for block in self.blocks() {
            for parent in self.dag.parents(block) {
                childless[parent.row()] = false;
            }
        }
        let tips: Vec<BlockId> = self.blocks().filter(|tip| childless[tip.row()]).collect();
        let params = GhostdagParams { mergeset_max: usize::MAX, ..self.params };
        let found = self.colouring.run(&self.dag, &tips, &params);
        found.cloned().map_err(|error| Mismatch::new("virtual block", "coloured", error))
    }

    /// All blocks in order of insertion.
    pub(super) fn blocks(&self) -> impl Iterator<Item = BlockId> + use<> {
        (1..u32::try_from(self.dag.len()).unwrap_or(u32::MAX)).map(BlockId::new)
    }

    /// Returns, for every block, whether it is in the past of `block` or itself, by plain search.
    pub(super) fn searched_past(&self, block: BlockId) -> Vec<bool> {
        let mut past = vec![false; self.dag.len()];
        past[block.row()] = true;
        let mut open = vec![block];
        while let Some(at) = open.pop() {
            for &parent in self.dag.parents(at) {
                if !past[parent.row()] {
                    past[parent.row()] = true;
                    open.push(parent);
                }
            }
        }
        past
    }

    /// Compares the answers about every block against `block` with those of a search.
    pub(super) fn check_past(&self, block: BlockId) -> Result<(), Mismatch> {
        let past = self.searched_past(block);
        for other in self.blocks() {
            let expected = past[other.row()];
            let actual = self.dag.reachability().is_dag_ancestor_of(other, block);
            if expected != actual {
                let what = format!("{} in past of {}", self.name(other), self.name(block));
                return Err(Mismatch::new(what, expected, actual));
            }
        }
        Ok(())
    }

    /// Checks what holds in every DAG: blue scores and works grow along selected parents, counts are those of mergesets, and parents
    /// are ancestors.
    pub(super) fn check_invariants(&self) -> Result<(), Mismatch> {
        let dag = &self.dag;
        for block in self.blocks() {
            let parent = dag.selected_parent(block);
            let all_below = dag
                .parents(block)
                .iter()
                .all(|&parent| dag.reachability().is_dag_ancestor_of(parent, block));
            let counted = dag.blue_score(parent) + dag.blues(block).len() as u64;
            let grows = parent.is_origin() || dag.blue_work(parent) < dag.blue_work(block);
            let chained = dag.reachability().is_chain_ancestor_of(parent, block);
            let in_k = dag.blues(block).len() <= usize::from(self.params.k) + 1
                && dag.anticone_sizes(block).iter().all(|entry| entry.size <= self.params.k);
            let facts = [all_below, counted == dag.blue_score(block), grows, chained, in_k];
            if facts.contains(&false) {
                return Err(Mismatch::new(self.name(block), [true; 5], facts));
            }
        }
        Ok(())
    }
}
