//! Which buffer holds which result.

use super::graph::Value;

/// A buffer for each node's result: free again once its last reader is done. Of the free buffers, a result takes the
/// smallest that holds it, else the largest, which grows. A result that stays while earlier nodes run again has a buffer
/// from the start.
pub(super) fn assign(reads: &[[Option<Value>; 2]], sizes: &[usize], stays: &[bool]) -> Vec<usize> {
    let mut last_read: Vec<usize> = (0..reads.len()).collect();
    for (node, values) in reads.iter().enumerate() {
        for input in inputs(values) {
            last_read[input] = node;
        }
    }
    let (mut slots, mut free, mut held) = (vec![0; reads.len()], Vec::new(), Vec::new());
    for node in (0..reads.len()).filter(|&node| stays[node]) {
        slots[node] = held.len();
        held.push(sizes[node]);
    }
    for (node, values) in reads.iter().enumerate() {
        if !stays[node] {
            let slot = take(&mut free, &held, sizes[node]).unwrap_or(held.len());
            match held.get_mut(slot) {
                Some(held) => *held = sizes[node].max(*held),
                None => held.push(sizes[node]),
            }
            slots[node] = slot;
        }
        let mut done: Vec<usize> = inputs(values).chain([node]).filter(|&input| last_read[input] == node).collect();
        done.sort_unstable();
        done.dedup();
        free.extend(done.into_iter().map(|input| slots[input]));
    }
    slots
}

fn take(free: &mut Vec<usize>, held: &[usize], size: usize) -> Option<usize> {
    let fitting = (0..free.len()).filter(|&i| held[free[i]] >= size).min_by_key(|&i| held[free[i]]);
    let found = fitting.or_else(|| (0..free.len()).max_by_key(|&i| held[free[i]]))?;
    Some(free.swap_remove(found))
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
        let slots = assign(&reads, &[8, 2, 8, 8, 2, 8, 1, 1], &[false; 8]);
        for (reader, values) in reads.iter().enumerate() {
            for input in inputs(values) {
                for writer in input + 1..=reader {
                    assert_ne!(slots[writer], slots[input], "node {writer} overwrites {input}, which {reader} reads");
                }
            }
        }
        assert!(slots.iter().max() < Some(&4));
        // The large results share three buffers, and small ones do not take them while a small one is free.
        assert_ne!(slots[4], slots[3]);
    }

    #[test]
    fn a_result_that_stays_shares_its_buffer_with_no_earlier_one() {
        let node = |i| Some(Value::Node(i));
        let reads = [[Some(Value::Images), None], [node(0), None], [node(1), None], [node(2), None], [node(3), None]];
        let slots = assign(&reads, &[8, 4, 8, 2, 1], &[false, false, true, false, false]);
        assert!(!slots[..2].contains(&slots[2]), "{slots:?}");
        assert_ne!(slots[3], slots[2]);
    }
}
