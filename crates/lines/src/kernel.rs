//! The inner loops, compiled once for every instruction set that the machine may have.
//!
//! The same safe code is compiled with wider registers; there is no fused multiply-add and every lane adds in the order of
//! the axes, so the results are equal to the last bit whichever version runs.

/// Rows that stand side by side in a block: for every axis, the values of these rows follow each other.
pub(crate) const LANES: usize = 16;

/// Compiles `$body` for AVX-512, AVX2 and the baseline and picks one when called.
macro_rules! for_every_machine {
    ($(#[$doc:meta])* $name:ident = $body:ident ($($arg:ident : $ty:ty),*) -> $out:ty) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $ty),*) -> $out {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f")]
                fn widest($($arg: $ty),*) -> $out {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                fn wide($($arg: $ty),*) -> $out {
                    $body($($arg),*)
                }
                if is_x86_feature_detected!("avx512f") {
                    // SAFETY: the processor has just been asked for the instruction set.
                    return unsafe { widest($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has just been asked for the instruction set.
                    return unsafe { wide($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}

for_every_machine! {
    /// For every row of `blocks`: squared distance from `origin` and length along `unit`. f32 in, f64 sums.
    line_distances = line_body(blocks: &[f32], origin: &[f64], unit: &[f64], squares: &mut [f64], alongs: &mut [f64]) -> ()
}

for_every_machine! {
    /// For every row of `blocks`: squared distance from `point`. f32 in, f64 sums.
    point_distances = point_body(blocks: &[f32], point: &[f64], squares: &mut [f64]) -> ()
}

for_every_machine! {
    /// For every row of `rows`, which lie one after another: its product with `point`. f32 in, f64 sums.
    products = products_body(rows: &[f32], point: &[f64], out: &mut [f64]) -> ()
}

for_every_machine! {
    /// Squared distance of two rows, in f32: what the HNSW graph orders by.
    squared_distance = pair_body(a: &[f32], b: &[f32]) -> f32
}

#[inline(always)]
fn line_body(blocks: &[f32], origin: &[f64], unit: &[f64], squares: &mut [f64], alongs: &mut [f64]) {
    let outs = squares.as_chunks_mut::<LANES>().0.iter_mut().zip(alongs.as_chunks_mut::<LANES>().0);
    for (block, (square_out, along_out)) in blocks.chunks_exact(LANES * origin.len()).zip(outs) {
        let mut square = [0.0_f64; LANES];
        let mut along = [0.0_f64; LANES];
        for ((column, &p), &u) in block.as_chunks::<LANES>().0.iter().zip(origin).zip(unit) {
            for lane in 0..LANES {
                let difference = f64::from(column[lane]) - p;
                square[lane] += difference * difference;
                along[lane] += difference * u;
            }
        }
        *square_out = square;
        *along_out = along;
    }
}

#[inline(always)]
fn point_body(blocks: &[f32], point: &[f64], squares: &mut [f64]) {
    let outs = squares.as_chunks_mut::<LANES>().0;
    for (block, square_out) in blocks.chunks_exact(LANES * point.len()).zip(outs) {
        let mut square = [0.0_f64; LANES];
        for (column, &p) in block.as_chunks::<LANES>().0.iter().zip(point) {
            for lane in 0..LANES {
                let difference = f64::from(column[lane]) - p;
                square[lane] += difference * difference;
            }
        }
        *square_out = square;
    }
}

/// Partial sums of a product: independent of each other, so that a processor adds several at once, and added in a fixed order.
const SUMS: usize = 8;

#[inline(always)]
fn products_body(rows: &[f32], point: &[f64], out: &mut [f64]) {
    for (row, out) in rows.chunks_exact(point.len()).zip(out) {
        *out = product(row, point);
    }
}

/// Sum of products.
#[inline(always)]
pub(crate) fn product(a: &[impl Copy + Into<f64>], b: &[f64]) -> f64 {
    let ((whole_a, rest_a), (whole_b, rest_b)) = (a.as_chunks::<SUMS>(), b.as_chunks::<SUMS>());
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(&x, y)| x.into() * y).sum();
    let mut sums = [0.0; SUMS];
    for (x, y) in whole_a.iter().zip(whole_b) {
        for lane in 0..SUMS {
            sums[lane] += x[lane].into() * y[lane];
        }
    }
    let halves: [f64; SUMS / 2] = std::array::from_fn(|lane| sums[lane] + sums[lane + SUMS / 2]);
    (halves[0] + halves[2]) + (halves[1] + halves[3]) + rest
}

#[inline(always)]
fn pair_body(a: &[f32], b: &[f32]) -> f32 {
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            let difference = x[lane] - y[lane];
            sums[lane] += difference * difference;
        }
    }
    for (lane, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[lane] += (x - y) * (x - y);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_gives_the_same_bits() {
        let k = 7;
        let blocks: Vec<f32> = (0..3 * k * LANES).map(|i| ((i * 31) % 113) as f32 * 0.37 - 9.0).collect();
        let origin: Vec<f64> = (0..k).map(|i| i as f64 * 0.3 - 1.0).collect();
        let unit: Vec<f64> = (0..k).map(|i| 0.5 - i as f64 * 0.1).collect();
        let (mut squares, mut alongs) = (vec![0.0; 3 * LANES], vec![0.0; 3 * LANES]);
        let (mut plain_squares, mut plain_alongs) = (squares.clone(), alongs.clone());
        line_distances(&blocks, &origin, &unit, &mut squares, &mut alongs);
        line_body(&blocks, &origin, &unit, &mut plain_squares, &mut plain_alongs);
        assert_eq!((&squares, &alongs), (&plain_squares, &plain_alongs));
        point_distances(&blocks, &origin, &mut plain_squares);
        assert_eq!(squares, plain_squares);
        let point: Vec<f64> = (0..21).map(|i| f64::from(i) * 0.7 - 3.0).collect();
        let mut sums = vec![0.0; blocks.len() / point.len()];
        products(&blocks, &point, &mut sums);
        let plain: Vec<f64> = blocks.chunks_exact(point.len()).map(|row| product(row, &point)).collect();
        assert_eq!(sums, plain);
        let (a, b) = (&blocks[..k * LANES / 2 + 3], &blocks[k * LANES / 2 + 3..k * LANES + 6]);
        assert_eq!(squared_distance(a, b).to_bits(), pair_body(a, b).to_bits());
    }
}
