//! Loops over samples: transforms, upsampling, colour. Vector versions give the same bytes.

#[cfg(target_arch = "x86_64")]
use crate::avx2;
use crate::entropy::Block;
use crate::idct;
use crate::segments::Quant;

/// Which versions of the loops are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Plain Rust.
    Portable,
    /// 256-bit vectors; made by [`Kernels::best`] alone, where the processor has them.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Token),
}

/// Calls the version that was chosen.
macro_rules! choose {
    ($kernels:expr, $name:ident($($arg:expr),*), $portable:expr) => {
        match $kernels {
            Kernels::Portable => $portable,
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx2(token) => token.$name($($arg),*),
        }
    };
}

impl Kernels {
    /// The best that this machine has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = avx2::Token::find() {
            return Self::Avx2(token);
        }
        Self::Portable
    }

    /// Turns a block into `size * size` samples; coefficients behind `last` of the zigzag are 0.
    #[inline]
    pub(crate) fn inverse(self, size: usize, block: &Block, last: usize, quant: &Quant, out: &mut [u8], stride: usize) {
        if last == 0 {
            let value = idct::flat(block, quant);
            return out.chunks_mut(stride).take(size).for_each(|row| row[..size].fill(value));
        }
        if size == 1 {
            return idct::inverse(1, block, quant, out, stride);
        }
        choose!(self, inverse(size, block, quant, out, stride), idct::inverse(size, block, quant, out, stride));
    }

    /// Twice as many columns: three quarters of the near sample and one of the far one. Ties are rounded down at even
    /// columns, up at odd ones.
    pub(crate) fn wider(self, row: &[u8], out: &mut [u8]) {
        choose!(self, wider(row, out), wider(row, 0, row.len(), out));
        ends(out, row[0], row[row.len() - 1]);
    }

    /// Twice as many columns of a row that lies between two others: nine sixteenths of the nearest sample, three of those
    /// beside it, one of the farthest.
    pub(crate) fn wider_and_higher(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        choose!(self, wider_and_higher(near, far, out), wider_and_higher(near, far, 0, near.len(), out));
        let end = |at: usize, tie: u16| ((between(near[at], far[at]) * 4 + tie) >> 4) as u8;
        ends(out, end(0, 8), end(near.len() - 1, 7));
    }

    /// YCbCr to interleaved RGB by JFIF's equations in 16-bit fixed point.
    pub(crate) fn rgb(self, y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
        choose!(self, rgb(y, cb, cr, out), rgb(y, cb, cr, out));
    }
}

fn ends(out: &mut [u8], first: u8, last: u8) {
    if let [start, .., end] = out {
        (*start, *end) = (first, last);
    }
}

/// Columns `from..to` of [`Kernels::wider`] but for the outermost samples.
pub(crate) fn wider(row: &[u8], from: usize, to: usize, out: &mut [u8]) {
    for at in from..to {
        let near = u16::from(row[at]) * 3;
        let (left, right) = (row[at.saturating_sub(1)], row[(at + 1).min(row.len() - 1)]);
        out[2 * at] = ((near + u16::from(left) + 1) >> 2) as u8;
        out[2 * at + 1] = ((near + u16::from(right) + 2) >> 2) as u8;
    }
}

fn between(near: u8, far: u8) -> u16 {
    u16::from(near) * 3 + u16::from(far)
}

/// Columns `from..to` of [`Kernels::wider_and_higher`] but for the outermost samples.
pub(crate) fn wider_and_higher(near: &[u8], far: &[u8], from: usize, to: usize, out: &mut [u8]) {
    for at in from..to {
        let (left, right) = (at.saturating_sub(1), (at + 1).min(near.len() - 1));
        let this = between(near[at], far[at]) * 3;
        out[2 * at] = ((this + between(near[left], far[left]) + 8) >> 4) as u8;
        out[2 * at + 1] = ((this + between(near[right], far[right]) + 7) >> 4) as u8;
    }
}

/// A row between two others; ties are rounded down in the upper half of a sample, up in the lower.
pub(crate) fn higher(near: &[u8], far: &[u8], is_upper: bool, out: &mut [u8]) {
    let tie = if is_upper { 1 } else { 2 };
    for (out, (&near, &far)) in out.iter_mut().zip(near.iter().zip(far)) {
        *out = ((between(near, far) + tie) >> 2) as u8;
    }
}

/// Every sample `times` times.
pub(crate) fn repeated(row: &[u8], times: usize, out: &mut [u8]) {
    for (cell, &value) in out.chunks_exact_mut(times).zip(row) {
        cell.fill(value);
    }
}

/// Fixed-point weights with 16 bits after the point: red and green of Cr, green and blue of Cb.
pub(crate) const RED_CR: i32 = 91_881;
pub(crate) const GREEN_CR: i32 = 46_802;
pub(crate) const GREEN_CB: i32 = 22_554;
pub(crate) const BLUE_CB: i32 = 116_130;

/// **Source.** JFIF 1.02: R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb, each difference rounded.
pub(crate) fn rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let half = 1 << 15;
    let byte = |value: i32| value.clamp(0, 255) as u8;
    for (((&y, &cb), &cr), pixel) in y.iter().zip(cb).zip(cr).zip(out.as_chunks_mut::<3>().0) {
        let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
        let green = (half - GREEN_CB * cb - GREEN_CR * cr) >> 16;
        *pixel = [y + ((RED_CR * cr + half) >> 16), y + green, y + ((BLUE_CB * cb + half) >> 16)].map(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn upsampling_keeps_the_ends_and_rounds_ties_both_ways() {
        let mut out = [0; 6];
        Kernels::Portable.wider(&[10, 20, 21], &mut out);
        assert_eq!(out, [10, 13, 17, 20, 21, 21]);
        Kernels::Portable.wider_and_higher(&[10, 20, 21], &[10, 20, 21], &mut out);
        assert_eq!(out, [10, 12, 18, 20, 21, 21]);
        let mut out = [0; 3];
        higher(&[10, 20, 30], &[12, 20, 10], true, &mut out);
        assert_eq!(out, [10, 20, 25]);
        higher(&[10, 20, 30], &[12, 20, 10], false, &mut out);
        assert_eq!(out, [11, 20, 25]);
        let mut out = [0; 6];
        repeated(&[1, 2], 3, &mut out);
        assert_eq!(out, [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn the_primaries_have_their_colours() {
        let of = |y: u8, cb: u8, cr: u8| {
            let mut out = [0; 3];
            rgb(&[y], &[cb], &[cr], &mut out);
            out
        };
        assert_eq!([of(76, 85, 255), of(150, 44, 21), of(29, 255, 107)], [[254, 0, 0], [0, 255, 1], [0, 0, 254]]);
        assert_eq!([of(0, 128, 128), of(255, 128, 128), of(99, 128, 128)], [[0; 3], [255; 3], [99; 3]]);
    }

    #[test]
    fn every_colour_is_the_same_in_vectors() {
        let chroma: Vec<u8> = (0..=255).collect();
        for y in [0, 1, 77, 128, 254, 255] {
            for cb in 0..=255 {
                let (mut plain, mut best) = ([0; 768], [0; 768]);
                rgb(&[y; 256], &[cb; 256], &chroma, &mut plain);
                Kernels::best().rgb(&[y; 256], &[cb; 256], &chroma, &mut best);
                assert!(plain == best, "{y} {cb}");
            }
        }
    }

    proptest! {
        #[test]
        fn vectors_give_the_same_bytes(
            near in prop::collection::vec(any::<u8>(), 3..140), seed in any::<u64>(), spread in 0_u32..16,
        ) {
            let n = near.len();
            let far: Vec<u8> = near.iter().map(|&value| value.wrapping_mul(seed as u8 | 1)).collect();
            let (mut plain, mut best) = (vec![0; 2 * n], vec![0; 2 * n]);
            Kernels::Portable.wider(&near, &mut plain);
            Kernels::best().wider(&near, &mut best);
            prop_assert_eq!(&plain, &best);
            Kernels::Portable.wider_and_higher(&near, &far, &mut plain);
            Kernels::best().wider_and_higher(&near, &far, &mut best);
            prop_assert_eq!(&plain, &best);
            let (mut plain, mut best) = (vec![0; 3 * n], vec![0; 3 * n]);
            Kernels::Portable.rgb(&near, &far, &far[1..], &mut plain[..3 * n - 3]);
            Kernels::best().rgb(&near[..n - 1], &far[..n - 1], &far[1..], &mut best[..3 * n - 3]);
            prop_assert_eq!(&plain[..3 * n - 3], &best[..3 * n - 3]);
            // Every magnitude of coefficient, up to those that no picture has.
            let mut state = seed | 1;
            let block: Block = std::array::from_fn(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 48) as i16 >> spread
            });
            for size in [2, 4, 8] {
                let (mut plain, mut best) = ([0; 8 * 11], [0; 8 * 11]);
                Kernels::Portable.inverse(size, &block, 63, &[3; 64], &mut plain, 11);
                Kernels::best().inverse(size, &block, 63, &[3; 64], &mut best, 11);
                prop_assert_eq!(plain, best, "{}", size);
            }
        }
    }
}
