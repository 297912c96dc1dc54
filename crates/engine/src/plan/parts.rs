//! Parts of a network, and how many images go through each together.

use super::graph::{Graph, Node, Value};

/// Floats that a result of the images that go together has at most, where one image has no more: few enough that results
/// stay in a cache until they are read, many enough that weights, once there, serve several images.
const GROUP_FLOATS: usize = 13 << 17;
/// Most images that go together.
const MOST_IMAGES: usize = 64;

/// Nodes that follow each other, and run for the same images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: usize,
    /// The node after the last.
    pub(super) end: usize,
    /// Images that go together; a multiple of the part's before.
    pub(super) group: usize,
}

/// Divides a network where results get smaller, so that more images go together from there on.
pub(super) fn divide(graph: &Graph<'_>, image: [usize; 3], shapes: &[[usize; 3]]) -> Vec<Part> {
    let len = |value: Value| -> usize {
        match value {
            Value::Images => image.iter().product(),
            Value::Node(node) => shapes[node].iter().product(),
        }
    };
    let budget = GROUP_FLOATS;
    let mut parts: Vec<Part> = Vec::new();
    let mut largest = 1;
    for (node, of) in graph.nodes.iter().enumerate().rev() {
        // Images are read by the first part, where they are however many there are.
        let read = reads(of).filter(|value| *value != Value::Images).map(len);
        largest = read.chain([len(Value::Node(node))]).fold(largest, usize::max);
        let group = 1 << (budget / largest).clamp(1, MOST_IMAGES).ilog2();
        match parts.last_mut() {
            Some(part) if part.group == group => part.first = node,
            _ => parts.push(Part { first: node, end: parts.last().map_or(shapes.len(), |part| part.first), group }),
        }
    }
    parts.reverse();
    parts
}

fn reads(node: &Node<'_>) -> impl Iterator<Item = Value> + use<> {
    let add = match node {
        Node::Conv(conv) => conv.add,
        Node::MaxPool { .. } | Node::GlobalAvgPool { .. } => None,
    };
    [Some(node.input()), add].into_iter().flatten()
}

/// The part of a node.
pub(super) fn of(parts: &[Part], node: usize) -> usize {
    parts.iter().position(|part| node < part.end).unwrap_or(0)
}

/// The last part that reads each node's result, its own at least.
pub(super) fn holders(reads: &[[Option<Value>; 2]], parts: &[Part]) -> Vec<usize> {
    let mut holders: Vec<usize> = (0..reads.len()).map(|node| of(parts, node)).collect();
    for (reader, values) in reads.iter().enumerate() {
        for value in values.iter().flatten() {
            if let Value::Node(node) = value {
                holders[*node] = holders[*node].max(of(parts, reader));
            }
        }
    }
    holders
}
