//! Inverse cosine transforms in integers, whole and of reduced size.
//!
//! **Source.** Loeffler, Ligtenberg and Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (1989), with
//! constants of 13 bits and 2 more bits kept between the passes: the arithmetic of libjpeg's default. Between the passes
//! values are of 16 bits and saturate, as in libjpeg-turbo's vector code; no picture that an encoder wrote gets there. The
//! products are gathered into one matrix a half: integers add up to the same in any order. The reduced transforms leave out
//! the frequencies that a smaller block cannot hold, as libjpeg does.

use crate::entropy::Block;
use crate::segments::Quant;

/// Bits after the point of a constant.
pub(crate) const BITS: u32 = 13;
/// Bits kept between the passes.
const KEPT: u32 = 2;
/// Bits that a pass over columns and one over rows take off.
pub(crate) const COLUMN_SHIFT: u32 = BITS - KEPT;
pub(crate) const ROW_SHIFT: u32 = BITS + KEPT + 3;

/// A constant with [`BITS`] after the point.
const fn fixed(value: f64) -> i32 {
    (value * (1 << BITS) as f64 + 0.5) as i32
}

/// The odd half: what inputs 1, 3, 5, 7 add to outputs 0 to 3 and take from outputs 7 to 4.
pub(crate) const ODD: [[i32; 4]; 4] = {
    let (z1, z2, z3, z4) = (fixed(0.899976223), fixed(2.562915447), fixed(1.961570560), fixed(0.390180644));
    let z5 = fixed(1.175875602);
    [
        [fixed(1.501321110) - z1 - z4 + z5, z5, z5 - z4, z5 - z1],
        [z5, fixed(3.072711026) - z2 - z3 + z5, z5 - z2, z5 - z3],
        [z5 - z4, z5 - z2, fixed(2.053119869) - z2 - z4 + z5, z5],
        [z5 - z1, z5 - z3, z5, fixed(0.298631336) - z1 - z3 + z5],
    ]
};

/// What inputs 2 and 6 add to outputs 0 and 1.
pub(crate) const EVEN: [[i32; 2]; 2] = {
    let z1 = fixed(0.541196100);
    [[z1 + fixed(0.765366865), z1], [z1, z1 - fixed(1.847759065)]]
};

/// What inputs 2 and 6, and 1, 3, 5, 7 add in the transform to 4 outputs.
pub(crate) const FOUR_EVEN: [i32; 2] = [fixed(1.847759065), -fixed(0.765366865)];
pub(crate) const FOUR_ODD: [[i32; 4]; 2] = [
    [fixed(2.562915447), fixed(0.899976223), -fixed(0.601344887), -fixed(0.509795579)],
    [fixed(1.061594337), -fixed(2.172734803), fixed(1.451774981), -fixed(0.211164243)],
];
/// What inputs 1, 3, 5, 7 add in the transform to 2 outputs.
pub(crate) const TWO_ODD: [i32; 4] = [fixed(3.624509785), -fixed(1.272758580), fixed(0.850430095), -fixed(0.720959822)];

/// The sample of a block that has nothing but its first coefficient, at any size.
pub(crate) fn flat(block: &Block, quant: &Quant) -> u8 {
    sample((i32::from(block[0].wrapping_mul(quant[0] as i16)) + 4) >> 3)
}

/// A sample, which the transform gives as a difference from the middle.
fn sample(value: i32) -> u8 {
    (value.clamp(-128, 127) + 128) as u8
}

fn shifted(value: i32, shift: u32) -> i32 {
    value.wrapping_add(1 << (shift - 1)) >> shift
}

fn saturated(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

fn dot<const N: usize>(weights: [i32; N], values: [i32; N]) -> i32 {
    weights.iter().zip(values).fold(0, |sum: i32, (weight, value)| sum.wrapping_add(weight.wrapping_mul(value)))
}

fn eight(input: [i32; 8]) -> [i32; 8] {
    let middle = [input[0].wrapping_add(input[4]) << BITS, input[0].wrapping_sub(input[4]) << BITS];
    let odd = ODD.map(|weights| dot(weights, [input[1], input[3], input[5], input[7]]));
    let slope = EVEN.map(|weights| dot(weights, [input[2], input[6]]));
    let mut out = [0; 8];
    for at in 0..2 {
        let even = [middle[at].wrapping_add(slope[at]), middle[at].wrapping_sub(slope[at])];
        for (place, even) in [at, 3 - at].into_iter().zip(even) {
            out[place] = even.wrapping_add(odd[place]);
            out[7 - place] = even.wrapping_sub(odd[place]);
        }
    }
    out
}

fn four(input: [i32; 8]) -> [i32; 4] {
    let middle = input[0] << (BITS + 1);
    let slope = dot(FOUR_EVEN, [input[2], input[6]]);
    let [outer, inner] = FOUR_ODD.map(|weights| dot(weights, [input[1], input[3], input[5], input[7]]));
    let (high, low) = (middle.wrapping_add(slope), middle.wrapping_sub(slope));
    [high.wrapping_add(outer), low.wrapping_add(inner), low.wrapping_sub(inner), high.wrapping_sub(outer)]
}

fn two(input: [i32; 8]) -> [i32; 2] {
    let middle = input[0] << (BITS + 2);
    let odd = dot(TWO_ODD, [input[1], input[3], input[5], input[7]]);
    [middle.wrapping_add(odd), middle.wrapping_sub(odd)]
}

/// Both passes of a transform to `N * N` samples; `less` is what each takes off beside the usual shift.
#[inline(always)]
fn both<const N: usize>(
    block: &Block,
    quant: &Quant,
    less: u32,
    transform: impl Fn([i32; 8]) -> [i32; N],
    (out, stride): (&mut [u8], usize),
) {
    let mut between = [[0; 8]; N];
    for x in 0..8 {
        let column = std::array::from_fn(|y| i32::from(block[y * 8 + x].wrapping_mul(quant[y * 8 + x] as i16)));
        for (row, value) in between.iter_mut().zip(transform(column)) {
            row[x] = saturated(shifted(value, COLUMN_SHIFT + less));
        }
    }
    for (row, line) in between.into_iter().zip(out.chunks_mut(stride)) {
        let samples = transform(row).map(|value| sample(shifted(value, ROW_SHIFT + less)));
        line[..N].copy_from_slice(&samples);
    }
}

/// Turns a block into `size * size` samples, `stride` bytes per row; `size` is 1, 2, 4 or 8.
pub(crate) fn inverse(size: usize, block: &Block, quant: &Quant, out: &mut [u8], stride: usize) {
    match size {
        8 => both(block, quant, 0, eight, (out, stride)),
        4 => both(block, quant, 1, four, (out, stride)),
        2 => both(block, quant, 2, two, (out, stride)),
        _ => out[0] = flat(block, quant),
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;

    /// The transform by its definition.
    fn exact(block: &Block) -> [f64; 64] {
        let scale = |k: usize| if k == 0 { 0.5_f64.sqrt() } else { 1.0 };
        let wave = |x: usize, k: usize| scale(k) * ((2 * x + 1) as f64 * k as f64 * PI / 16.0).cos() / 2.0;
        std::array::from_fn(|at| {
            let (x, y) = (at % 8, at / 8);
            (0..64).map(|k| f64::from(block[k]) * wave(x, k % 8) * wave(y, k / 8)).sum::<f64>() + 128.0
        })
    }

    fn random_block(seed: u64) -> Block {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        std::array::from_fn(|at| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) as i32 % (600 / (at as i32 + 1) + 1) - 300 / (at as i32 + 1)) as i16
        })
    }

    #[test]
    fn the_whole_transform_is_the_definition_rounded() {
        for seed in 0..200 {
            let block = random_block(seed);
            let mut out = [0; 64];
            inverse(8, &block, &[1; 64], &mut out, 8);
            for (got, wanted) in out.iter().zip(exact(&block)) {
                // Half a level is rounding, the rest what 13-bit constants lose.
                assert!((f64::from(*got) - wanted.clamp(0.0, 255.0)).abs() < 0.6, "{got} {wanted}");
            }
        }
    }

    #[test]
    fn a_flat_block_is_flat_at_every_size() {
        for dc in [-2000, -1024, -5, -4, 0, 3, 4, 800, 1024, 3000] {
            let mut block = [0; 64];
            block[0] = dc;
            for size in [1, 2, 4, 8] {
                let mut out = vec![7; size * 10];
                inverse(size, &block, &[3; 64], &mut out, 10);
                for row in out.chunks(10) {
                    assert!(row[..size].iter().all(|&value| value == flat(&block, &[3; 64])));
                    assert!(row[size..].iter().all(|&value| value == 7));
                }
            }
        }
    }

    #[test]
    fn reduced_blocks_are_the_whole_one_made_smaller() {
        for size in [2, 4] {
            let mut block = [0; 64];
            (block[0], block[1], block[8]) = (100, 80, -60);
            let (mut whole, mut reduced) = ([0; 64], vec![0; size * size]);
            inverse(8, &block, &[1; 64], &mut whole, 8);
            inverse(size, &block, &[1; 64], &mut reduced, size);
            let step = 8 / size;
            for (at, &value) in reduced.iter().enumerate() {
                let (x, y) = (at % size * step, at / size * step);
                let cell = (0..step * step).map(|k| f64::from(whole[(y + k / step) * 8 + x + k % step]));
                let mean = cell.sum::<f64>() / (step * step) as f64;
                assert!((f64::from(value) - mean).abs() < 2.0, "{value} {mean}");
            }
        }
    }
}
