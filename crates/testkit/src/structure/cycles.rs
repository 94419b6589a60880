//! Module cycles: child modules of one module that refer to each other in a circle. Each child counts
//! together with everything below it.

use super::modules::{Modules, Reference};
use std::collections::{BTreeMap, BTreeSet};

/// Child modules of one module that can all be reached from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The path of the module whose children they are; `crate` for the root.
    pub parent: String,
    /// Names of the children.
    pub members: Vec<String>,
    /// For each ordered pair of members that refer to each other: the references.
    pub edges: BTreeMap<(String, String), Vec<Reference>>,
}

/// References between children of one module, by the children's numbers.
type Graph = BTreeMap<usize, BTreeMap<usize, Vec<Reference>>>;

/// Every cycle of a target, the largest first.
pub(super) fn find(modules: &Modules) -> Vec<Cycle> {
    let mut graphs: BTreeMap<usize, Graph> = BTreeMap::new();
    for reference in modules.references() {
        let (parent, from, to) = siblings(modules, &reference);
        let graph = graphs.entry(parent).or_default();
        let edges = graph.entry(from).or_default();
        edges.entry(to).or_default().push(reference);
    }
    let mut cycles = Vec::new();
    for (parent, graph) in &graphs {
        for members in components(graph) {
            cycles.push(cycle(modules, *parent, graph, &members));
        }
    }
    cycles.sort_by_key(|cycle| std::cmp::Reverse(cycle.members.len()));
    cycles
}

/// The module that contains both ends of a reference, and the two of its children that contain one each.
fn siblings(modules: &Modules, reference: &Reference) -> (usize, usize, usize) {
    let from = modules.ancestors(reference.from);
    let to = modules.ancestors(reference.to);
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    (from[common - 1], from[common], to[common])
}

fn cycle(modules: &Modules, parent: usize, graph: &Graph, members: &BTreeSet<usize>) -> Cycle {
    let name = |module: usize| modules.all[module].name.clone();
    let mut edges = BTreeMap::new();
    for from in members {
        for (to, references) in graph.get(from).into_iter().flatten() {
            if members.contains(to) {
                edges.insert((name(*from), name(*to)), references.clone());
            }
        }
    }
    Cycle {
        parent: modules.path_of(parent),
        members: members.iter().map(|member| name(*member)).collect(),
        edges,
    }
}

/// Strongly connected components with more than one member: of each module, those that it reaches
/// and that reach it. The graphs have tens of nodes, so a search from each node is fast enough.
fn components(graph: &Graph) -> Vec<BTreeSet<usize>> {
    let reached: BTreeMap<usize, BTreeSet<usize>> = graph
        .keys()
        .map(|start| (*start, reachable(graph, *start)))
        .collect();
    let mut components: Vec<BTreeSet<usize>> = Vec::new();
    for (module, reaches) in &reached {
        let is_known = components
            .iter()
            .any(|component| component.contains(module));
        let mut component: BTreeSet<usize> = reaches
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(module)))
            .collect();
        component.insert(*module);
        if !is_known && component.len() > 1 {
            components.push(component);
        }
    }
    components
}

fn reachable(graph: &Graph, start: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut next = vec![start];
    while let Some(module) = next.pop() {
        for to in graph.get(&module).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(*to) {
                next.push(*to);
            }
        }
    }
    seen
}
