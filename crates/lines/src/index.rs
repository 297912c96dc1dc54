//! The HNSW index: approximate neighbours of a point, with its recall measured.

use std::fmt;

use hnsw_rs::prelude::{Distance, Hnsw};
use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::error::{Error, Result};
use crate::kernel;
use crate::space::{Neighbour, Space};

/// Links of a point on every layer but the lowest.
pub const DEFAULT_M: usize = 16;
/// Width of the search while building.
///
/// Below four times the links the graph comes apart: 24 links built with 48 found half of the neighbours.
pub const DEFAULT_EF_CONSTRUCTION: usize = 64;
/// Width of the search while asking.
pub const DEFAULT_EF: usize = 64;

/// Layers of the graph, at most; the library's own bound.
const LAYERS: usize = 16;

/// How the graph is built.
///
/// There is no seed: the library draws layers from its own fixed one, and points are inserted one after the other, so
/// that the same rows give the same graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswOptions {
    /// Links per point, 2 to 128. Default [`DEFAULT_M`].
    pub m: usize,
    /// Width of the search while building, `m` to 100,000. Default [`DEFAULT_EF_CONSTRUCTION`].
    pub ef_construction: usize,
}

impl Default for HnswOptions {
    fn default() -> Self {
        Self { m: DEFAULT_M, ef_construction: DEFAULT_EF_CONSTRUCTION }
    }
}

impl HnswOptions {
    /// The library exits the process when `m` is above 256 and keeps it in one byte: neither is left to it.
    pub(crate) fn check(&self) -> Result<()> {
        checks::option("m", self.m as f64, 2.0, 128.0)?;
        checks::option("ef_construction", self.ef_construction as f64, self.m as f64, 1e5)
    }
}

/// Squared Euclidean distance. It orders as the distance does; the library saves its type's name with a graph.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SquaredL2;

impl Distance<f32> for SquaredL2 {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        kernel::squared_distance(a, b)
    }
}

/// A hierarchical navigable small-world graph over the rows of a [`Space`].
///
/// The graph holds its own copy of the rows; about 9 kB of memory a row at `m` 16 and 50 axes.
pub struct HnswIndex {
    pub(crate) graph: Hnsw<'static, f32, SquaredL2>,
    pub(crate) options: HnswOptions,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) fingerprint: u64,
}

impl fmt::Debug for HnswIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HnswIndex").field("n", &self.n).field("k", &self.k).field("options", &self.options).finish()
    }
}

impl HnswIndex {
    /// Builds the graph, one row after the other.
    ///
    /// Insertion in parallel would be faster, but gives another graph each time and has been seen to lose points.
    ///
    /// **Errors.** Options outside their range.
    pub fn build(space: &Space, options: HnswOptions) -> Result<Self> {
        options.check()?;
        let graph = Hnsw::new(options.m, space.len(), LAYERS, options.ef_construction, SquaredL2);
        for row in 0..space.len() {
            graph.insert((&space.row(row), row));
        }
        Ok(Self { graph, options, n: space.len(), k: space.width(), fingerprint: space.fingerprint() })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Never true: an empty pool is refused.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Number of axes.
    pub fn width(&self) -> usize {
        self.k
    }

    /// How the graph was built.
    pub fn options(&self) -> HnswOptions {
        self.options
    }

    /// About `count` rows nearest to a mapped point, nearest first, ties by row; fewer when the graph finds no more.
    ///
    /// **Shapes.** `point` is k long, in the mapped space. **Errors.** Another width, values that are not usable.
    pub fn search(&self, point: &[f32], count: usize, ef: usize) -> Result<Vec<Neighbour>> {
        checks::width("the query point", self.k, point.len())?;
        checks::usable("the query point", 0, point.iter().map(|&v| f64::from(v)))?;
        checks::option("ef", ef as f64, 1.0, 1e6)?;
        let count = count.min(self.n);
        let mut found = self.graph.search(point, count, ef.max(count));
        found.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.d_id.cmp(&b.d_id)));
        let neighbour =
            |n: &hnsw_rs::prelude::Neighbour| Neighbour { row: n.d_id, distance: f64::from(n.distance).sqrt() };
        Ok(found.iter().map(neighbour).collect())
    }

    /// Share of the `count` exact nearest rows that the index finds, averaged over queries.
    ///
    /// A row found counts when it is no farther than the last exact one, so that rows equally far (duplicates) are worth
    /// the same. **Shapes.** `queries` is q × k, in the mapped space ([`crate::Line::mapped_point`] of stops, or
    /// [`crate::Metric::map`] of points). **Errors.** No queries, another space than the index was built over, values
    /// that are not usable.
    pub fn recall_at(&self, space: &Space, count: usize, ef: usize, queries: ArrayView2<'_, f32>) -> Result<f64> {
        self.check_space(space)?;
        checks::some("the queries", queries.nrows())?;
        checks::some("the list of neighbours asked for", count)?;
        checks::rows("queries", self.k, queries)?;
        let found: Vec<usize> = (0..queries.nrows())
            .into_par_iter()
            .map(|i| {
                let query = queries.row(i).to_vec();
                let exact = space.nearest(&query, count, &[])?;
                let farthest = exact.last().map_or(0, |last| last.row);
                let limit = space.square_from(farthest, &query);
                let near = self.search(&query, count, ef)?;
                Ok(near.iter().filter(|n| space.square_from(n.row, &query) <= limit).count())
            })
            .collect::<Result<_>>()?;
        let possible = queries.nrows() * count.min(self.n);
        Ok(found.iter().sum::<usize>() as f64 / possible as f64)
    }

    /// Share of at most `most` of the pool's rows, evenly spaced, that are found (or a duplicate of them is) when asked for: 1
    /// for a sound graph.
    ///
    /// **Errors.** Another space than the index was built over.
    pub fn self_retrieval(&self, space: &Space, ef: usize, most: usize) -> Result<f64> {
        self.check_space(space)?;
        let asked = most.clamp(1, self.n);
        let found: Vec<bool> = (0..asked)
            .into_par_iter()
            .map(|at| at * self.n / asked)
            .map(|row| Ok(self.search(&space.row(row), 1, ef)?.first().is_some_and(|n| n.distance == 0.0)))
            .collect::<Result<_>>()?;
        Ok(found.iter().filter(|&&yes| yes).count() as f64 / asked as f64)
    }

    /// The least width of search, of 16, 32, … 512, whose recall reaches `target`, with that recall; else the last one.
    ///
    /// **Errors.** As [`HnswIndex::recall_at`].
    pub fn choose_ef(
        &self,
        space: &Space,
        count: usize,
        target: f64,
        queries: ArrayView2<'_, f32>,
    ) -> Result<(usize, f64)> {
        let mut ef = 16;
        loop {
            let recall = self.recall_at(space, count, ef, queries)?;
            if recall >= target || ef == 512 {
                return Ok((ef, recall));
            }
            ef *= 2;
        }
    }

    pub(crate) fn check_space(&self, space: &Space) -> Result<()> {
        checks::width("the index", space.width(), self.k)?;
        checks::length("the index", space.len(), self.n)?;
        let (what, metric) = ("the index".to_owned(), space.metric().kind());
        let refused = || Error::OtherSpace { what, rows: space.len(), metric };
        if self.fingerprint == space.fingerprint() { Ok(()) } else { Err(refused()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use ndarray::{Array2, s};
    use rand::Rng;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::Metric;

    /// `n` points of 20 clusters in `k` axes.
    fn clustered(n: usize, k: usize, seed: u64) -> Array2<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let centres = Array2::from_shape_fn((20, k), |_| rng.random_range(-3.0_f32..3.0));
        Array2::from_shape_fn((n, k), |(i, j)| {
            centres[[i % 20, j]] + (0..4).map(|_| rng.random_range(-0.7_f32..0.7)).sum::<f32>()
        })
    }

    fn built(n: usize, k: usize) -> (Array2<f32>, Space, HnswIndex) {
        let z = clustered(n + 200, k, 5);
        let space = Space::new(Metric::euclidean(k).unwrap(), z.slice(s![..n, ..])).unwrap();
        let index = HnswIndex::build(&space, HnswOptions::default()).unwrap();
        (z, space, index)
    }

    #[test]
    fn recall_and_self_retrieval_are_measured() {
        let (z, space, index) = built(2000, 50);
        let queries = z.slice(s![2000.., ..]);
        let recall = index.recall_at(&space, 10, DEFAULT_EF, queries).unwrap();
        assert!(recall >= 0.95, "recall {recall}");
        assert!(index.self_retrieval(&space, DEFAULT_EF, space.len()).unwrap() >= 0.999);
        let (ef, reached) = index.choose_ef(&space, 10, 0.9, queries).unwrap();
        assert!(reached >= 0.9 && ef <= DEFAULT_EF, "{ef} {reached}");
        // More than there are: all of them.
        assert!(index.search(&z.row(0).to_vec(), 5000, 64).unwrap().len() <= 2000);
    }

    #[test]
    fn serial_builds_are_identical_and_survive_a_move() {
        let (z, space, index) = built(600, 12);
        let again = HnswIndex::build(&space, HnswOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        index.save(&first).unwrap();
        again.save(&second).unwrap();
        for entry in fs::read_dir(&first).unwrap() {
            let name = entry.unwrap().file_name();
            assert_eq!(fs::read(first.join(&name)).unwrap(), fs::read(second.join(&name)).unwrap(), "{name:?}");
        }
        let moved = folder.path().join("elsewhere");
        fs::rename(&first, &moved).unwrap();
        let loaded = HnswIndex::load(&moved, &space).unwrap();
        assert_eq!((loaded.len(), loaded.width(), loaded.options()), (600, 12, HnswOptions::default()));
        for row in z.rows() {
            let query = row.to_vec();
            assert_eq!(index.search(&query, 10, 32).unwrap(), loaded.search(&query, 10, 32).unwrap());
        }
        // A loaded index saves again, also over what is there.
        loaded.save(&moved).unwrap();
        let third = HnswIndex::load(&moved, &space).unwrap();
        assert_eq!(
            index.search(&z.row(3).to_vec(), 10, 32).unwrap(),
            third.search(&z.row(3).to_vec(), 10, 32).unwrap()
        );
    }

    #[test]
    fn other_sizes_other_rows_and_damage_are_refused() {
        let (z, space, index) = built(120, 6);
        let folder = tempfile::tempdir().unwrap();
        index.save(folder.path()).unwrap();
        let shorter = Space::new(Metric::euclidean(6).unwrap(), z.slice(s![..119, ..])).unwrap();
        let narrower = Space::new(Metric::euclidean(5).unwrap(), z.slice(s![..120, ..5])).unwrap();
        let other = Space::new(Metric::euclidean(6).unwrap(), z.slice(s![1..121, ..])).unwrap();
        for (wrong, what) in [(&shorter, "rows"), (&narrower, "axes"), (&other, "fingerprint of the rows")] {
            let error = HnswIndex::load(folder.path(), wrong).unwrap_err();
            assert!(matches!(&error, Error::Mismatch { what: got, .. } if *got == what), "{error}");
        }
        for file in ["lines.hnsw.graph", "lines.hnsw.data"] {
            let path = folder.path().join(file);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            assert!(matches!(HnswIndex::load(folder.path(), &space), Err(Error::Mismatch { what: "bytes", .. })));
            let mut flipped = whole.clone();
            flipped[whole.len() / 2] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert!(matches!(HnswIndex::load(folder.path(), &space), Err(Error::Mismatch { what: "checksum", .. })));
            fs::remove_file(&path).unwrap();
            assert!(matches!(HnswIndex::load(folder.path(), &space), Err(Error::Io { .. })));
            fs::write(&path, &whole).unwrap();
        }
        assert!(HnswIndex::load(folder.path(), &space).is_ok());
        fs::write(folder.path().join("lines.hnsw.json"), "{}").unwrap();
        assert!(matches!(HnswIndex::load(folder.path(), &space), Err(Error::Content { .. })));
        let blocked = folder.path().join("lines.hnsw.json").join("below-a-file");
        assert!(matches!(index.save(&blocked), Err(Error::Io { .. })));
    }

    #[test]
    fn what_the_library_would_panic_on_is_refused() {
        let (_, space, index) = built(60, 4);
        assert!(matches!(index.search(&[0.0, f32::NAN, 0.0, 0.0], 3, 10), Err(Error::NotUsable { axis: 1, .. })));
        assert!(matches!(index.search(&[0.0; 3], 3, 10), Err(Error::Shape { unit: "axes", expected: 4, got: 3, .. })));
        assert!(matches!(index.search(&[0.0; 4], 3, 0), Err(Error::Option { .. })));
        for m in [0, 1, 129, 257] {
            let options = HnswOptions { m, ..HnswOptions::default() };
            assert!(matches!(HnswIndex::build(&space, options), Err(Error::Option { name: "m", .. })));
        }
        let narrow = HnswOptions { ef_construction: 3, ..HnswOptions::default() };
        assert!(HnswIndex::build(&space, narrow).is_err());
        let one = Space::new(Metric::euclidean(1).unwrap(), ndarray::array![[2.0_f32]].view()).unwrap();
        let lone = HnswIndex::build(&one, HnswOptions::default()).unwrap();
        assert_eq!(lone.search(&[2.5], 5, 10).unwrap(), [Neighbour { row: 0, distance: 0.5 }]);
    }
}
