//! Sums over the rows of row-major matrices with one column for each channel.
//!
//! Few channels would make inner loops too short to be worth starting. So the loops run over **periods**: as many rows as
//! hold about [`PERIOD`] numbers, with coefficients and sums repeated to that length.

use std::ops::Range;

use rayon::prelude::*;

use crate::InstructionSet;
use crate::instruction_set::multiversion;
use crate::scratch;

/// Numbers in a period, about.
const PERIOD: usize = 256;
/// Numbers, about, that one task sums in `f32` before they are added in `f64`: they stay in a second-level cache.
const CHUNK: usize = 1 << 14;

/// Rows of one period of `channels` columns.
fn period_rows(channels: usize) -> usize {
    (PERIOD / channels.max(1)).max(1)
}

/// Numbers that one task takes: whole periods, decided by `channels` alone.
pub(crate) fn chunk_len(channels: usize) -> usize {
    let period = period_rows(channels) * channels.max(1);
    period * (CHUNK / period).max(16)
}

/// Repeats one value per channel over a period.
pub(crate) fn repeat(values: &[f32]) -> Vec<f32> {
    values.repeat(period_rows(values.len()))
}

/// Sums `S` quantities of each column of a matrix of `rows` x `channels`.
///
/// `f(elements, sums)` adds the quantities of a range of elements, which starts with a period, to sums of one period;
/// they start as zeros. Tasks' sums are added in order, in `f64`.
pub(crate) fn chunked<const S: usize>(
    rows: usize,
    channels: usize,
    f: impl Fn(Range<usize>, [&mut [f32]; S]) + Sync,
) -> [Vec<f64>; S] {
    let mut totals: [Vec<f64>; S] = std::array::from_fn(|_| vec![0.0; channels]);
    let (len, chunk) = (rows * channels, chunk_len(channels));
    if len == 0 {
        return totals;
    }
    let period = period_rows(channels) * channels;
    scratch::with(len.div_ceil(chunk) * S * period, |partial| {
        partial.par_chunks_mut(S * period).enumerate().for_each(|(i, partial)| {
            partial.fill(0.0);
            f(i * chunk..((i + 1) * chunk).min(len), split(partial, period));
        });
        for partial in partial.chunks_exact(S * period) {
            for (total, sums) in totals.iter_mut().zip(partial.chunks_exact(period)) {
                for sums in sums.chunks_exact(channels) {
                    total.iter_mut().zip(sums).for_each(|(t, s)| *t += f64::from(*s));
                }
            }
        }
    });
    totals
}

/// Cuts a slice into `S` parts of `len`.
fn split<const S: usize>(slice: &mut [f32], len: usize) -> [&mut [f32]; S] {
    let mut rest = slice;
    std::array::from_fn(|_| {
        let (part, tail) = std::mem::take(&mut rest).split_at_mut(len);
        rest = tail;
        part
    })
}

multiversion! {
    fn sum_chunk(x: &[f32], sum: &mut [f32]) {
        for x in x.chunks(sum.len()) {
            sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
    }
}

/// The sum of each column of a matrix.
pub(crate) fn column_totals(isa: InstructionSet, rows: usize, channels: usize, x: &[f32]) -> Vec<f64> {
    let [totals] = chunked(rows, channels, |range, [sum]| sum_chunk(isa, &x[range], sum));
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_whole_periods() {
        for channels in 1..3000 {
            let period = repeat(&vec![1.0; channels]).len();
            assert_eq!((period % channels, chunk_len(channels) % period), (0, 0));
        }
    }

    #[test]
    fn columns_are_summed_whatever_their_number() {
        for (rows, channels) in [(1, 1), (5, 3), (33, 16), (100, 17), (7, 400), (30_000, 10)] {
            let x: Vec<f32> = (0..rows * channels).map(|i| (i % 97) as f32).collect();
            let totals = column_totals(crate::instruction_set(), rows, channels, &x);
            for (c, total) in totals.iter().enumerate() {
                let expected: f64 = x.iter().skip(c).step_by(channels).map(|&v| f64::from(v)).sum();
                assert_eq!(*total, expected, "{rows} x {channels}, column {c}");
            }
        }
    }
}
