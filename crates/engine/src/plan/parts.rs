//! Parts of a network, and how many images go through each together.

use super::graph::{Graph, Node, Value};

/// Floats of the largest result of a group of images: enough images that weights are used several times while they are in
/// a cache, few enough that results stay near.
const GROUP_FLOATS: usize = 13 << 18;
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

/// Divides a network in two where from some node on weights outweigh activations: there more images go together, since
/// fetching the weights costs more than fetching the images. One part where that would gain nothing.
pub(super) fn divide(graph: &Graph<'_>, image: [usize; 3], shapes: &[[usize; 3]]) -> Vec<Part> {
    let len = |value: Value| -> usize {
        match value {
            Value::Images => image.iter().product(),
            Value::Node(node) => shapes[node].iter().product(),
        }
    };
    let largest = |from: usize| -> usize {
        let results = (from..shapes.len()).map(|node| len(Value::Node(node)));
        let read = graph.nodes[from..].iter().flat_map(reads).map(len);
        results.chain(read).max().unwrap_or(1).max(1)
    };
    let heavy = |node: usize| match &graph.nodes[node] {
        Node::Conv(conv) => {
            let activations: usize = reads(&graph.nodes[node]).map(len).sum::<usize>() + len(Value::Node(node));
            conv.weight.values.len() > activations
        }
        Node::MaxPool { .. } => false,
        Node::GlobalAvgPool { .. } => true,
    };
    let nodes = shapes.len();
    let results = shapes.iter().map(|shape| shape.iter().product()).max().unwrap_or(1usize).max(1);
    let early = (GROUP_FLOATS / results).clamp(1, MOST_IMAGES);
    let from = (0..nodes).rev().take_while(|&node| heavy(node)).last().unwrap_or(nodes);
    if from == 0 || from == nodes {
        return vec![Part { first: 0, end: nodes, group: early }];
    }
    let late = (GROUP_FLOATS / largest(from)).min(MOST_IMAGES) / early * early;
    match late > early {
        true => vec![Part { first: 0, end: from, group: early }, Part { first: from, end: nodes, group: late }],
        false => vec![Part { first: 0, end: nodes, group: early }],
    }
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
