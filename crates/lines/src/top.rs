//! The few best of many.

/// A candidate: a pool row with its squared distance and its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) square: f64,
    pub(crate) row: usize,
    pub(crate) position: f64,
}

impl Candidate {
    /// Nearer first, ties by row: a total order, so that no result depends on how the work was split.
    pub(crate) fn before(&self, other: &Self) -> bool {
        self.square.total_cmp(&other.square).then(self.row.cmp(&other.row)).is_lt()
    }
}

/// The `count` best candidates, in order.
#[derive(Debug, Clone)]
pub(crate) struct Top {
    count: usize,
    best: Vec<Candidate>,
}

impl Top {
    pub(crate) fn new(count: usize) -> Self {
        Self { count, best: Vec::new() }
    }

    /// Whether an offer of this squared distance could be kept.
    pub(crate) fn admits(&self, square: f64) -> bool {
        self.best.len() < self.count || self.best.last().is_some_and(|worst| square <= worst.square)
    }

    pub(crate) fn offer(&mut self, candidate: Candidate) {
        let place = self.best.partition_point(|kept| kept.before(&candidate));
        if place < self.count {
            self.best.insert(place, candidate);
            self.best.truncate(self.count);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for candidate in other.best {
            self.offer(candidate);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Candidate> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_nearest_and_breaks_ties_by_row() {
        let mut top = Top::new(3);
        for (row, square) in [(9, 2.0), (4, 1.0), (7, 1.0), (2, 3.0), (1, 1.0), (0, 5.0)] {
            top.offer(Candidate { square, row, position: 0.0 });
        }
        let rows: Vec<usize> = top.into_vec().iter().map(|c| c.row).collect();
        assert_eq!(rows, [1, 4, 7]);
    }
}
