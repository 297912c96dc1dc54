//! Parts of a network, and how many images go through each together.

use super::graph::{Graph, Node, Value};

/// Floats that a result of the images that go together has at most, where one image has no more: few enough that results
/// stay in a cache until they are read, many enough that weights, once there, serve several images.
const GROUP_FLOATS: usize = 13 << 17;
/// By how much a group is larger than the one of the part before, at least: what goes from part to part waits in memory of
/// its own.
const GROWTH: usize = 4;
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
///
/// In ResNet-50 at 224 pixels 2 images go together, and 8 from the third stage on.
pub(super) fn divide(graph: &Graph<'_>, image: [usize; 3], shapes: &[[usize; 3]]) -> Vec<Part> {
    let len = |value: Value| -> usize {
        match value {
            Value::Images => image.iter().product(),
            Value::Node(node) => shapes[node].iter().product(),
        }
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut largest = 1;
    for (node, of) in graph.nodes.iter().enumerate().rev() {
        // Images are read by the first part, where they are however many there are.
        let read = reads(of).filter(|value| *value != Value::Images).map(len);
        largest = read.chain([len(Value::Node(node))]).fold(largest, usize::max);
        let group = 1 << (GROUP_FLOATS / largest).clamp(1, MOST_IMAGES).ilog2();
        match parts.last_mut() {
            Some(part) if part.group == group => part.first = node,
            following => {
                let end = following.map_or(shapes.len(), |part| part.first);
                parts.push(Part { first: node, end, group });
            }
        }
    }
    let mut kept: Vec<Part> = Vec::new();
    for part in parts.into_iter().rev() {
        match kept.last_mut() {
            Some(last) if part.group < GROWTH * last.group => last.end = part.end,
            _ => kept.push(part),
        }
    }
    kept
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::graph::{Conv, Values, Weights};

    fn conv(input: Value) -> Node<'static> {
        let weight = Weights { name: "weight".to_owned(), values: Values::Borrowed(&[]) };
        Node::Conv(Conv {
            input,
            weight,
            bias: None,
            norm: None,
            out_channels: 1,
            kernel: 1,
            stride: 1,
            padding: 0,
            add: None,
            relu: false,
        })
    }

    #[test]
    fn groups_grow_in_multiples_as_results_shrink() {
        let nodes = [Value::Images, Value::Node(0), Value::Node(1), Value::Node(2), Value::Node(3)].map(conv).into();
        let graph = Graph { channels: 3, nodes };
        let shapes = [[56, 56, 256], [28, 28, 512], [14, 14, 1024], [7, 7, 512], [1, 1, 1]];
        let parts = divide(&graph, [224, 224, 3], &shapes);
        let expected = [
            Part { first: 0, end: 3, group: 2 },
            Part { first: 3, end: 4, group: 8 },
            Part { first: 4, end: 5, group: 64 },
        ];
        assert_eq!(parts, expected);
        let reads: Vec<_> = graph.nodes.iter().map(|node| [Some(node.input()), None]).collect();
        assert_eq!(holders(&reads, &parts), [0, 0, 1, 2, 2]);
        // Of small images all go together.
        assert_eq!(divide(&graph, [8, 8, 3], &[[4, 4, 16]; 5]), [Part { first: 0, end: 5, group: MOST_IMAGES }]);
    }
}
