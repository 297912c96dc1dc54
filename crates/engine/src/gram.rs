//! Sums of products of columns, of rows that come block by block.

use std::ops::Range;

use rayon::prelude::*;

use crate::gemm::{Panels, block_rows};
use crate::instruction_set::multiversion;
use crate::kernel::{self, Block, MR, NR, Run, most_rows, most_rows_of_two};
use crate::{InstructionSet, check_len, instruction_set, scratch};

/// Columns of a tile's side: what one task sums alone. Its sums (128 KiB) stay in a second-level cache.
const TILE: usize = 128;
/// Rows that are packed together: a tile takes two panels of 128 KiB from them.
const SLICE_ROWS: usize = 256;
/// Rows whose products are added in `f32`, before their sum is added in `f64`.
const SUM_ROWS: usize = 128;
/// Numbers of the highest or widest register block.
const MOST_NUMBERS: usize = 2 * NR * MR;

/// The sums `x[i] x[j]` over centred rows, for each pair of columns: the upper triangle of a Gram matrix.
///
/// **Precision.** Rows are centred in `f64` and rounded to `f32`. The products of 128 rows are added in `f32`, all else in `f64`.
/// [`Gram::usual_error`] says how large an entry's error is. The order of the sums is that of
/// the rows, so threads change no bit. Fused products give other bits than [`InstructionSet::Portable`].
///
/// ```
/// use latentwalk_engine::Gram;
///
/// let mut gram = Gram::new(2);
/// // Two rows, centred on their mean.
/// gram.add(&[1.0, 10.0, 3.0, 30.0], &[2.0, 20.0]);
/// assert_eq!([gram.get(0, 0), gram.get(0, 1), gram.get(1, 1)], [2.0, 20.0, 200.0]);
/// ```
#[derive(Debug, Clone)]
pub struct Gram {
    d: usize,
    tiles: Vec<Tile>,
}

/// Sums that only their holder touches: of one range of columns with another one, which is the same or lies behind it.
///
/// Of a range with itself, what lies below the diagonal is not used.
#[derive(Debug)]
pub struct GramTile<'a> {
    /// The columns that the sums' rows stand for.
    pub rows: Range<usize>,
    /// The columns that the sums' columns stand for.
    pub columns: Range<usize>,
    /// Row after row.
    pub sums: &'a mut [f64],
    /// From one row of `sums` to the next.
    pub stride: usize,
}

/// The sums of a [`GramTile`].
#[derive(Debug, Clone)]
struct Tile {
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
    /// `rows x TILE`.
    sums: Vec<f64>,
}

impl Gram {
    /// No sums yet, of `d` columns.
    #[must_use]
    pub fn new(d: usize) -> Self {
        let starts = || (0..d).step_by(TILE);
        let pairs =
            starts().flat_map(|row| starts().filter(move |&column| column >= row).map(move |column| (row, column)));
        Self { d, tiles: pairs.map(|(row, column)| Tile::new(row, column, d)).collect() }
    }

    /// The usual error of an entry over `n` rows, relative to the root of its two columns' sums of squares.
    ///
    /// Each of the `n / 128` sums in `f32` rounds its growing partial sums by up to half a unit in their last place.
    #[must_use]
    pub fn usual_error(n: usize) -> f64 {
        let summed = n.clamp(1, SUM_ROWS) as f64;
        summed * f64::from(f32::EPSILON) / 4.0 / (3.0 * n.max(1) as f64).sqrt()
    }

    /// The sum of the products of columns `i` and `j`.
    ///
    /// # Panics
    /// Where there is no such column.
    #[must_use]
    pub fn get(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.min(j), i.max(j));
        assert!(j < self.d, "engine: column {j} of {}", self.d);
        let (above, left) = (i / TILE, j / TILE);
        // Tiles lie row by row, each row one tile shorter than the one before.
        let wide = self.d.div_ceil(TILE);
        let first = above * wide - above * above.saturating_sub(1) / 2;
        self.tiles[first + left - above].sums[i % TILE * TILE + j % TILE]
    }

    /// Adds the products of rows, each less `center`.
    ///
    /// **Shapes**: `rows` any number of rows of `d`, one after another; `center` `d`.
    ///
    /// # Panics
    /// Where a slice does not fit the shape.
    pub fn add(&mut self, rows: &[f32], center: &[f64]) {
        assert_eq!(center.len(), self.d, "engine: `center` of another width");
        if self.d == 0 {
            return;
        }
        let (d, isa) = (self.d, instruction_set());
        let n = rows.len() / d;
        check_len("rows", rows, n * d);
        let width = Panels::len(1, d);
        scratch::with(n * width, |packed| {
            let slices = packed.par_chunks_mut(SLICE_ROWS * width).zip(rows.par_chunks(SLICE_ROWS * d));
            slices.for_each(|(packed, rows)| center_into_panels(isa, rows, center, packed));
            let packed = &*packed;
            self.tiles.par_iter_mut().for_each(|tile| {
                for slice in packed.chunks(SLICE_ROWS * width) {
                    tile.add(isa, slice, slice.len() / width);
                }
            });
        });
    }

    /// Lets `add` change the sums tile by tile, in parallel.
    pub fn update(&mut self, add: impl Fn(GramTile<'_>) + Sync) {
        self.tiles.par_iter_mut().for_each(|tile| {
            let rows = tile.row..tile.row + tile.rows;
            let columns = tile.column..tile.column + tile.columns;
            add(GramTile { rows, columns, sums: &mut tile.sums, stride: TILE });
        });
    }

    /// Adds `weight` times the product of each pair of `apart`'s values: what two groups of rows, each summed around its own mean,
    /// lack when they are put together and their means lie `apart`.
    ///
    /// **Source.** Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
    ///
    /// # Panics
    /// Where `apart` does not hold `d` values.
    pub fn add_outer(&mut self, apart: &[f64], weight: f64) {
        assert_eq!(apart.len(), self.d, "engine: `apart` of another width");
        self.update(|tile| {
            let right = &apart[tile.columns];
            for (&left, sums) in apart[tile.rows].iter().zip(tile.sums.chunks_exact_mut(tile.stride)) {
                let left = left * weight;
                sums.iter_mut().zip(right).for_each(|(sum, right)| *sum += left * right);
            }
        });
    }

    /// Adds the sums of other rows.
    ///
    /// # Panics
    /// Where they have another number of columns.
    pub fn add_sums(&mut self, other: &Self) {
        assert_eq!(other.d, self.d, "engine: sums of another width");
        for (tile, other) in self.tiles.iter_mut().zip(&other.tiles) {
            tile.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        }
    }
}

impl Tile {
    fn new(row: usize, column: usize, d: usize) -> Self {
        let rows = TILE.min(d - row);
        Self { row, column, rows, columns: TILE.min(d - column), sums: vec![0.0; rows * TILE] }
    }

    /// Adds the products of packed rows.
    fn add(&mut self, isa: InstructionSet, packed: &[f32], depth: usize) {
        let panel = |column: usize| &packed[column / NR * depth * NR..][..depth * NR];
        let mut column = 0;
        while column < self.columns {
            let of_two = most_rows_of_two(isa).filter(|_| self.columns - column > NR);
            let columns = (self.columns - column).min(if of_two.is_some() { 2 * NR } else { NR });
            let right = panel(self.column + column);
            let second = of_two.map(|_| panel(self.column + column + NR));
            let most = of_two.unwrap_or(most_rows(isa));
            // Of a tile on the diagonal, what lies below it is left out.
            let end = if self.row == self.column { (column + columns).min(self.rows) } else { self.rows };
            let mut row = 0;
            while row < end {
                let rows = block_rows(most, end - row);
                let nth = |i: usize| self.row + row + i.min(rows - 1);
                let left = std::array::from_fn(|i| &panel(nth(i))[nth(i) % NR..]);
                let sums = &mut self.sums[row * TILE + column..];
                multiply(isa, depth, left, right, second, sums, [rows, columns]);
                row += rows;
            }
            column += columns;
        }
    }
}

/// `sums[i, j] += left[i] . right[j]` over the depth of packed panels, for `size` rows and columns; rows of `sums` are [`TILE`] apart.
/// Element `p` of row `i` is `left[i][p * NR]`.
fn multiply(
    isa: InstructionSet,
    depth: usize,
    left: [&[f32]; MR],
    right: &[f32],
    second: Option<&[f32]>,
    sums: &mut [f64],
    [rows, columns]: [usize; 2],
) {
    let mut products = [0.0_f32; MOST_NUMBERS];
    let start = products.as_mut_ptr();
    for from in (0..depth).step_by(SUM_ROWS) {
        let runs = [Run { start: 0, len: SUM_ROWS.min(depth - from) }];
        let right = &right[from * NR..][..runs[0].len * NR];
        let second = second.map(|second| second[from * NR..][..runs[0].len * NR].as_ptr());
        let block = Block {
            rows,
            columns,
            a: std::array::from_fn(|i| left[i][from * NR..][..(runs[0].len - 1) * NR + 1].as_ptr()),
            a_step: NR,
            runs: &runs,
            b: right.as_ptr(),
            second,
            c: std::array::from_fn(|i| start.wrapping_add(i.min(rows - 1) * 2 * NR)),
            c_second: NR,
            accumulate: false,
        };
        // SAFETY: the slices hold as many steps as the run; `products` holds all rows of two panels, and nothing else touches it.
        unsafe { kernel::run(isa, &block) };
        add_products(isa, &products, sums, [rows, columns]);
    }
}

multiversion! {
    /// Adds rows of products, `2 * NR` apart, to sums, [`TILE`] apart.
    fn add_products(products: &[f32; MOST_NUMBERS], sums: &mut [f64], size: [usize; 2]) {
        let [rows, columns] = size;
        for (products, sums) in products.chunks_exact(2 * NR).take(rows).zip(sums.chunks_mut(TILE)) {
            sums[..columns].iter_mut().zip(&products[..columns]).for_each(|(sum, &product)| *sum += f64::from(product));
        }
    }
}

multiversion! {
    /// Packs rows, less their centre, into panels of [`NR`] columns; the last panel is filled with zeros.
    fn center_into_panels(rows: &[f32], center: &[f64], packed: &mut [f32]) {
        let d = center.len();
        let panel = packed.len() / d.div_ceil(NR);
        for (p, row) in rows.chunks_exact(d).enumerate() {
            let (whole, rest) = row.as_chunks::<NR>();
            let (centers, rest_of_center) = center.as_chunks::<NR>();
            for (q, (values, center)) in whole.iter().zip(centers).enumerate() {
                let out = &mut packed[q * panel + p * NR..][..NR];
                out.iter_mut().zip(values).zip(center).for_each(|((out, &value), center)| *out = less(value, *center));
            }
            if !rest.is_empty() {
                let out = &mut packed[whole.len() * panel + p * NR..][..NR];
                out.fill(0.0);
                let values = rest.iter().zip(rest_of_center);
                out.iter_mut().zip(values).for_each(|(out, (&value, center))| *out = less(value, *center));
            }
        }
    }
}

#[inline(always)]
fn less(value: f32, center: f64) -> f32 {
    (f64::from(value) - center) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_portable_kernels;

    fn numbers(n: usize, d: usize) -> Vec<f32> {
        (0..n * d).map(|i| (i * 7919 % 2003) as f32 / 100.0 + (i % d) as f32).collect()
    }

    /// Shapes that meet one column, part of a panel, a second panel, a tile and one column more, a slice and one row more.
    const SHAPES: [(usize, usize); 8] =
        [(1, 1), (3, 5), (64, 16), (65, 17), (SLICE_ROWS, 40), (SLICE_ROWS + 1, 128), (300, 129), (70, 300)];

    #[test]
    fn sums_are_those_of_the_definition() {
        for (n, d) in SHAPES {
            let rows = numbers(n, d);
            let center: Vec<f64> = (0..d).map(|j| 10.0 + j as f64 + 0.3).collect();
            let mut gram = Gram::new(d);
            gram.add(&rows, &center);
            let portable = with_portable_kernels(|| {
                let mut gram = Gram::new(d);
                gram.add(&rows, &center);
                gram
            });
            let exact = |i: usize, j: usize| -> f64 {
                let at = |r: usize, j: usize| f64::from(rows[r * d + j]) - center[j];
                (0..n).map(|r| at(r, i) * at(r, j)).sum()
            };
            for (i, j) in (0..d).flat_map(|i| (i..d).map(move |j| (i, j))).step_by(1 + d / 7) {
                let scale = (exact(i, i) * exact(j, j)).sqrt();
                for got in [gram.get(i, j), gram.get(j, i), portable.get(i, j)] {
                    // 128 sums in f32: at most 128 * 2^-24 of the sum of the sizes; half of it is enough.
                    assert!((got - exact(i, j)).abs() <= 4e-6 * scale, "{n} x {d}, ({i}, {j}): {got}");
                }
            }
        }
    }

    #[test]
    fn neither_threads_nor_cuts_between_slices_change_a_bit() {
        let (n, d) = (3 * SLICE_ROWS + 5, 150);
        let (rows, center) = (numbers(n, d), vec![11.0; d]);
        let mut whole = Gram::new(d);
        whole.add(&rows, &center);
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().map(|pool| {
            pool.install(|| {
                let mut gram = Gram::new(d);
                for part in rows.chunks(SLICE_ROWS * d) {
                    gram.add(part, &center);
                }
                gram
            })
        });
        let alone = alone.expect("a pool of one thread");
        assert!((0..d).all(|i| (i..d).all(|j| whole.get(i, j).to_bits() == alone.get(i, j).to_bits())));
    }

    #[test]
    fn groups_around_their_own_means_add_up() {
        let d = 130;
        let rows = numbers(100, d);
        let mean = |rows: &[f32]| -> Vec<f64> {
            let n = (rows.len() / d) as f64;
            (0..d).map(|j| rows.iter().skip(j).step_by(d).map(|&v| f64::from(v)).sum::<f64>() / n).collect()
        };
        let (first, second) = rows.split_at(30 * d);
        let (mut left, mut right, mut whole) = (Gram::new(d), Gram::new(d), Gram::new(d));
        left.add(first, &mean(first));
        right.add(second, &mean(second));
        whole.add(&rows, &mean(&rows));
        let apart: Vec<f64> = mean(first).iter().zip(mean(second)).map(|(a, b)| b - a).collect();
        left.add_sums(&right);
        left.add_outer(&apart, 30.0 * 70.0 / 100.0);
        for (i, j) in [(0, 0), (5, 100), (128, 129), (3, 128)] {
            let scale = (whole.get(i, i) * whole.get(j, j)).sqrt();
            assert!((left.get(i, j) - whole.get(i, j)).abs() < 1e-6 * scale, "({i}, {j})");
        }
    }
}
