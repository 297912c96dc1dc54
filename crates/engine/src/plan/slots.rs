//! Which buffer holds which result.

use super::graph::Value;

/// A buffer for each node's result: free again once its last reader is done.
pub(super) fn assign(reads: &[[Option<Value>; 2]]) -> Vec<usize> {
    let mut last_read: Vec<usize> = (0..reads.len()).collect();
    for (node, values) in reads.iter().enumerate() {
        for input in inputs(values) {
            last_read[input] = node;
        }
    }
    let (mut slots, mut free, mut count) = (Vec::new(), Vec::new(), 0);
    for (node, values) in reads.iter().enumerate() {
        slots.push(free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        }));
        let mut done: Vec<usize> = inputs(values).chain([node]).filter(|&input| last_read[input] == node).collect();
        done.sort_unstable();
        done.dedup();
        free.extend(done.into_iter().map(|input| slots[input]));
    }
    slots
}

fn inputs(values: &[Option<Value>; 2]) -> impl Iterator<Item = usize> {
    values.iter().flatten().filter_map(|value| match value {
        Value::Node(node) => Some(*node),
        Value::Images => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_result_is_overwritten_before_its_last_reader() {
        let node = |i| Some(Value::Node(i));
        // A stem, a block with a projection, a block without, and a mean that reads the first block too.
        let reads = [
            [Some(Value::Images), None],
            [node(0), None],
            [node(0), None],
            [node(1), node(2)],
            [node(3), None],
            [node(4), node(3)],
            [node(3), None],
            [node(5), None],
        ];
        let slots = assign(&reads);
        for (reader, values) in reads.iter().enumerate() {
            for input in inputs(values) {
                for writer in input + 1..=reader {
                    assert_ne!(slots[writer], slots[input], "node {writer} overwrites {input}, which {reader} reads");
                }
            }
        }
        assert!(slots.iter().max() < Some(&4));
    }
}
