//! The two passes of the resize, whatever the processor.

/// Bits after the point of a weight.
pub(super) const PRECISION: u32 = 22;
/// Channels of a pixel.
pub(super) const RGB: usize = 3;

/// The pixels that one target pixel is made of.
#[derive(Debug, PartialEq)]
pub(super) struct Taps {
    pub(super) first: usize,
    pub(super) weights: Vec<i32>,
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// One row resized.
pub(super) fn across(row: &[u8], taps: &[Taps]) -> Vec<u8> {
    let mut out = Vec::with_capacity(taps.len() * RGB);
    for Taps { first, weights } in taps {
        let mut sums = [1_i32 << (PRECISION - 1); RGB];
        for (&weight, pixel) in weights.iter().zip(row[first * RGB..].chunks_exact(RGB)) {
            sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += weight * i32::from(value));
        }
        out.extend(sums.map(rounded));
    }
    out
}

/// Bytes of one row from `from` on, out of the first of `rows`.
pub(super) fn down(rows: &[u8], row: usize, weights: &[i32], out: &mut [u8], from: usize) {
    for (at, out) in out.iter_mut().enumerate().skip(from) {
        let sum = weights
            .iter()
            .enumerate()
            .fold(1_i32 << (PRECISION - 1), |sum, (k, &weight)| sum + weight * i32::from(rows[k * row + at]));
        *out = rounded(sum);
    }
}
