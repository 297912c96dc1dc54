//! The loops of [`crate::kernels`] in 256-bit vectors.
//!
//! **Safety.** There are two kinds of `unsafe` here. Calls of functions compiled for AVX2: they go through a [`Token`], which
//! only [`Token::find`] makes, after the processor was asked. Loads and stores: they take references to arrays of just the
//! bytes that are read or written, need no alignment, and any bytes are valid values.

use std::arch::x86_64::*;

use crate::entropy::Block;
use crate::idct::{BITS, COLUMN_SHIFT, EVEN, FOUR_EVEN, FOUR_ODD, ODD, ROW_SHIFT, TWO_ODD};
use crate::kernels::{self, BLUE_CB, GREEN_CB, GREEN_CR, RED_CR};
use crate::segments::Quant;

/// Proof that the processor has AVX2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(());

impl Token {
    pub(crate) fn find() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// As [`crate::idct::inverse`], for sizes 2, 4 and 8.
    #[inline]
    pub(crate) fn inverse(self, size: usize, block: &Block, quant: &Quant, out: &mut [u8], stride: usize) {
        // SAFETY: a token exists only where AVX2 was found.
        unsafe {
            match size {
                8 => inverse(block, quant, out, stride),
                4 => inverse_to_four(block, quant, out, stride),
                _ => inverse_to_two(block, quant, out, stride),
            }
        }
    }

    pub(crate) fn wider(self, row: &[u8], out: &mut [u8]) {
        // SAFETY: a token exists only where AVX2 was found.
        unsafe { wider(row, out) }
    }

    pub(crate) fn wider_and_higher(self, near: &[u8], far: &[u8], out: &mut [u8]) {
        // SAFETY: a token exists only where AVX2 was found.
        unsafe { wider_and_higher(near, far, out) }
    }

    pub(crate) fn rgb(self, y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
        // SAFETY: a token exists only where AVX2 was found.
        unsafe { rgb(y, cb, cr, out) }
    }
}

fn load_words(row: &[i16; 8]) -> __m128i {
    // SAFETY: the 16 bytes are borrowed, and SSE2 belongs to x86-64.
    unsafe { _mm_loadu_si128(row.as_ptr().cast()) }
}

fn load_bytes(row: &[u8; 16]) -> __m128i {
    // SAFETY: the 16 bytes are borrowed, and SSE2 belongs to x86-64.
    unsafe { _mm_loadu_si128(row.as_ptr().cast()) }
}

fn store_bytes(out: &mut [u8; 16], value: __m128i) {
    // SAFETY: the 16 bytes are borrowed for writing, and SSE2 belongs to x86-64.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), value) }
}

fn store_half(out: &mut [u8; 8], value: __m128i) {
    // SAFETY: the 8 bytes are borrowed for writing, and SSE2 belongs to x86-64.
    unsafe { _mm_storel_epi64(out.as_mut_ptr().cast(), value) }
}

/// Eight pairs of words.
#[inline]
#[target_feature(enable = "avx2")]
fn pairs(a: __m128i, b: __m128i) -> __m256i {
    _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b))
}

/// Eight times `a * weights[0] + b * weights[1]`.
#[inline]
#[target_feature(enable = "avx2")]
fn dot(pairs: __m256i, weights: [i32; 2]) -> __m256i {
    _mm256_madd_epi16(pairs, _mm256_set1_epi32(weights[1] << 16 | weights[0] & 0xffff))
}

/// One pass over eight lines at once: `v[k]` holds input k of every line, then output k.
#[inline]
#[target_feature(enable = "avx2")]
fn pass<const SHIFT: i32>(v: [__m128i; 8]) -> [__m128i; 8] {
    const ONE: i32 = 1 << 13;
    let half = _mm256_set1_epi32(1 << (SHIFT - 1));
    let (middle, slope) = (pairs(v[0], v[4]), pairs(v[2], v[6]));
    let (low, high) = (pairs(v[1], v[3]), pairs(v[5], v[7]));
    let middle = [dot(middle, [ONE, ONE]), dot(middle, [ONE, -ONE])].map(|m| _mm256_add_epi32(m, half));
    let slope = [dot(slope, EVEN[0]), dot(slope, EVEN[1])];
    let even = [
        _mm256_add_epi32(middle[0], slope[0]),
        _mm256_add_epi32(middle[1], slope[1]),
        _mm256_sub_epi32(middle[1], slope[1]),
        _mm256_sub_epi32(middle[0], slope[0]),
    ];
    let mut out = v;
    for at in 0..4 {
        let [a, b, c, d] = ODD[at];
        let odd = _mm256_add_epi32(dot(low, [a, b]), dot(high, [c, d]));
        let first = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(even[at], odd));
        let last = _mm256_srai_epi32::<SHIFT>(_mm256_sub_epi32(even[at], odd));
        (out[at], out[7 - at]) = words_of(first, last);
    }
    out
}

/// Two vectors of sums as words, saturated.
#[inline]
#[target_feature(enable = "avx2")]
fn words_of(first: __m256i, last: __m256i) -> (__m128i, __m128i) {
    // Both come with lines 0 to 3 in the lower half and 4 to 7 in the upper.
    let both = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(first, last));
    (_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both))
}

/// As [`pass`], to four outputs; the others are 0.
#[inline]
#[target_feature(enable = "avx2")]
fn pass_to_four<const SHIFT: i32>(v: [__m128i; 8]) -> [__m128i; 8] {
    let half = _mm256_set1_epi32(1 << (SHIFT - 1));
    let middle = _mm256_slli_epi32::<{ BITS as i32 + 1 }>(_mm256_cvtepi16_epi32(v[0]));
    let (middle, slope) = (_mm256_add_epi32(middle, half), dot(pairs(v[2], v[6]), FOUR_EVEN));
    let even = [_mm256_add_epi32(middle, slope), _mm256_sub_epi32(middle, slope)];
    let (low, high) = (pairs(v[1], v[3]), pairs(v[5], v[7]));
    let mut out = [_mm_setzero_si128(); 8];
    for at in 0..2 {
        let [a, b, c, d] = FOUR_ODD[at];
        let odd = _mm256_add_epi32(dot(low, [a, b]), dot(high, [c, d]));
        let first = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(even[at], odd));
        let last = _mm256_srai_epi32::<SHIFT>(_mm256_sub_epi32(even[at], odd));
        (out[at], out[3 - at]) = words_of(first, last);
    }
    out
}

/// As [`pass`], to two outputs; the others are 0.
#[inline]
#[target_feature(enable = "avx2")]
fn pass_to_two<const SHIFT: i32>(v: [__m128i; 8]) -> [__m128i; 8] {
    let half = _mm256_set1_epi32(1 << (SHIFT - 1));
    let middle = _mm256_slli_epi32::<{ BITS as i32 + 2 }>(_mm256_cvtepi16_epi32(v[0]));
    let middle = _mm256_add_epi32(middle, half);
    let [a, b, c, d] = TWO_ODD;
    let odd = _mm256_add_epi32(dot(pairs(v[1], v[3]), [a, b]), dot(pairs(v[5], v[7]), [c, d]));
    let mut out = [_mm_setzero_si128(); 8];
    let first = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(middle, odd));
    let last = _mm256_srai_epi32::<SHIFT>(_mm256_sub_epi32(middle, odd));
    (out[0], out[1]) = words_of(first, last);
    out
}

#[target_feature(enable = "avx2")]
fn inverse_to_four(block: &Block, quant: &Quant, out: &mut [u8], stride: usize) {
    let between = transposed(pass_to_four::<{ COLUMN_SHIFT as i32 + 1 }>(multiplied(block, quant)));
    let rows = transposed(pass_to_four::<{ ROW_SHIFT as i32 + 1 }>(between));
    for (line, row) in out.chunks_mut(stride).zip(rows).take(4) {
        if let Some(line) = line.first_chunk_mut::<4>() {
            *line = _mm_cvtsi128_si32(samples(row)).to_le_bytes();
        }
    }
}

#[target_feature(enable = "avx2")]
fn inverse_to_two(block: &Block, quant: &Quant, out: &mut [u8], stride: usize) {
    let between = transposed(pass_to_two::<{ COLUMN_SHIFT as i32 + 2 }>(multiplied(block, quant)));
    let rows = transposed(pass_to_two::<{ ROW_SHIFT as i32 + 2 }>(between));
    for (line, row) in out.chunks_mut(stride).zip(rows).take(2) {
        if let Some(line) = line.first_chunk_mut::<2>() {
            *line = (_mm_cvtsi128_si32(samples(row)) as u16).to_le_bytes();
        }
    }
}

/// Words around 0 as bytes around 128, saturated.
#[inline]
#[target_feature(enable = "avx2")]
fn samples(words: __m128i) -> __m128i {
    _mm_add_epi8(_mm_packs_epi16(words, words), _mm_set1_epi8(-128))
}

/// Rows of coefficients times their steps.
#[inline]
#[target_feature(enable = "avx2")]
fn multiplied(block: &Block, quant: &Quant) -> [__m128i; 8] {
    let (rows, weights) = (block.as_chunks::<8>().0, quant.as_chunks::<8>().0);
    let mut v = [_mm_setzero_si128(); 8];
    for ((v, row), weights) in v.iter_mut().zip(rows).zip(weights) {
        *v = _mm_mullo_epi16(load_words(row), load_words(&weights.map(|weight| weight as i16)));
    }
    v
}

#[inline]
#[target_feature(enable = "avx2")]
fn transposed(v: [__m128i; 8]) -> [__m128i; 8] {
    let a = [0, 1, 2, 3].map(|k| _mm_unpacklo_epi16(v[k], v[k + 4]));
    let b = [0, 1, 2, 3].map(|k| _mm_unpackhi_epi16(v[k], v[k + 4]));
    let c = [
        _mm_unpacklo_epi16(a[0], a[2]),
        _mm_unpackhi_epi16(a[0], a[2]),
        _mm_unpacklo_epi16(b[0], b[2]),
        _mm_unpackhi_epi16(b[0], b[2]),
    ];
    let d = [
        _mm_unpacklo_epi16(a[1], a[3]),
        _mm_unpackhi_epi16(a[1], a[3]),
        _mm_unpacklo_epi16(b[1], b[3]),
        _mm_unpackhi_epi16(b[1], b[3]),
    ];
    let mut out = v;
    for k in 0..4 {
        out[2 * k] = _mm_unpacklo_epi16(c[k], d[k]);
        out[2 * k + 1] = _mm_unpackhi_epi16(c[k], d[k]);
    }
    out
}

#[target_feature(enable = "avx2")]
fn inverse(block: &Block, quant: &Quant, out: &mut [u8], stride: usize) {
    let columns = pass::<{ ROW_SHIFT as i32 }>(transposed(pass::<{ COLUMN_SHIFT as i32 }>(multiplied(block, quant))));
    // Bytes: columns k and k + 4 in one vector, then pairs of columns, then four, then rows.
    let [a, b, c, d] = [0, 1, 2, 3].map(|k| _mm_packs_epi16(columns[k], columns[k + 4]));
    let (ac, bd) =
        ([_mm_unpacklo_epi8(a, c), _mm_unpackhi_epi8(a, c)], [_mm_unpacklo_epi8(b, d), _mm_unpackhi_epi8(b, d)]);
    let upper = [_mm_unpacklo_epi8(ac[0], bd[0]), _mm_unpacklo_epi8(ac[1], bd[1])];
    let lower = [_mm_unpackhi_epi8(ac[0], bd[0]), _mm_unpackhi_epi8(ac[1], bd[1])];
    let rows = [
        _mm_unpacklo_epi32(upper[0], upper[1]),
        _mm_unpackhi_epi32(upper[0], upper[1]),
        _mm_unpacklo_epi32(lower[0], lower[1]),
        _mm_unpackhi_epi32(lower[0], lower[1]),
    ];
    let middle = _mm_set1_epi8(-128);
    for (at, line) in out.chunks_mut(stride).take(8).enumerate() {
        let both = _mm_add_epi8(rows[at / 2], middle);
        let row = if at % 2 == 0 { both } else { _mm_unpackhi_epi64(both, both) };
        if let Some(line) = line.first_chunk_mut::<8>() {
            store_half(line, row);
        }
    }
}

/// Sixteen samples from `at` on as words.
#[inline]
#[target_feature(enable = "avx2")]
fn words(row: &[u8], at: usize) -> Option<__m256i> {
    Some(_mm256_cvtepu8_epi16(load_bytes(row.get(at..)?.first_chunk()?)))
}

/// Where the sixteen after those at `at` begin; the last ones, at `last`, may do some of them again.
fn next(at: usize, last: usize) -> usize {
    if at < last { (at + 16).min(last) } else { at + 16 }
}

/// Stores the bytes of even and odd columns in turn.
#[inline]
#[target_feature(enable = "avx2")]
fn store_pairs(out: &mut [u8], even: __m256i, odd: __m256i) {
    let both = _mm256_or_si256(even, _mm256_slli_epi16::<8>(odd));
    if let [low, high, ..] = out.as_chunks_mut::<16>().0 {
        store_bytes(low, _mm256_castsi256_si128(both));
        store_bytes(high, _mm256_extracti128_si256::<1>(both));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn three_times(value: __m256i) -> __m256i {
    _mm256_add_epi16(value, _mm256_slli_epi16::<1>(value))
}

#[target_feature(enable = "avx2")]
fn wider(row: &[u8], out: &mut [u8]) {
    let mut at = 1;
    while let (Some(left), Some(near), Some(right)) = (words(row, at - 1), words(row, at), words(row, at + 1)) {
        let near = three_times(near);
        let even = _mm256_add_epi16(_mm256_add_epi16(near, left), _mm256_set1_epi16(1));
        let odd = _mm256_add_epi16(_mm256_add_epi16(near, right), _mm256_set1_epi16(2));
        store_pairs(&mut out[2 * at..], _mm256_srli_epi16::<2>(even), _mm256_srli_epi16::<2>(odd));
        at = next(at, row.len().saturating_sub(17));
    }
    kernels::wider(row, 0, 1, out);
    kernels::wider(row, at, row.len(), out);
}

#[target_feature(enable = "avx2")]
fn wider_and_higher(near: &[u8], far: &[u8], out: &mut [u8]) {
    let column = |at: usize| Some(_mm256_add_epi16(three_times(words(near, at)?), words(far, at)?));
    let mut at = 1;
    while let (Some(left), Some(this), Some(right)) = (column(at - 1), column(at), column(at + 1)) {
        let this = three_times(this);
        let even = _mm256_add_epi16(_mm256_add_epi16(this, left), _mm256_set1_epi16(8));
        let odd = _mm256_add_epi16(_mm256_add_epi16(this, right), _mm256_set1_epi16(7));
        store_pairs(&mut out[2 * at..], _mm256_srli_epi16::<4>(even), _mm256_srli_epi16::<4>(odd));
        at = next(at, near.len().saturating_sub(17));
    }
    kernels::wider_and_higher(near, far, 0, 1, out);
    kernels::wider_and_higher(near, far, at, near.len(), out);
}

/// `round(a * weight / 65536)`, for `|a| <= 128` and `|weight| < 32768`.
#[inline]
#[target_feature(enable = "avx2")]
fn share(a: __m256i, weight: i32) -> __m256i {
    // The product of the doubled number has one bit too many, which is rounded off.
    let product = _mm256_mulhi_epi16(_mm256_add_epi16(a, a), _mm256_set1_epi16(weight as i16));
    _mm256_srai_epi16::<1>(_mm256_add_epi16(product, _mm256_set1_epi16(1)))
}

/// `round((-GREEN_CB * cb - GREEN_CR * cr) / 65536) + cr`: the second weight is one less than it, to fit into a word.
#[inline]
#[target_feature(enable = "avx2")]
fn green(cb: __m256i, cr: __m256i) -> __m256i {
    const ONE: i32 = 1 << 16;
    let half = _mm256_set1_epi32(1 << 15);
    let weights = [-GREEN_CB, ONE - GREEN_CR];
    let of = |pairs: __m256i| _mm256_srai_epi32::<16>(_mm256_add_epi32(dot(pairs, weights), half));
    _mm256_packs_epi32(of(_mm256_unpacklo_epi16(cb, cr)), of(_mm256_unpackhi_epi16(cb, cr)))
}

#[target_feature(enable = "avx2")]
fn rgb(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [u8]) {
    let middle = _mm256_set1_epi16(128);
    let pixels = y.len();
    let mut at = 0;
    while let (Some(y), Some(cb), Some(cr)) = (words(y, at), words(cb, at), words(cr, at)) {
        let (cb, cr) = (_mm256_sub_epi16(cb, middle), _mm256_sub_epi16(cr, middle));
        let r = _mm256_add_epi16(_mm256_add_epi16(y, cr), share(cr, RED_CR - (1 << 16)));
        let g = _mm256_add_epi16(y, _mm256_sub_epi16(green(cb, cr), cr));
        let b = _mm256_add_epi16(_mm256_add_epi16(y, _mm256_add_epi16(cb, cb)), share(cb, BLUE_CB - (2 << 16)));
        let Some(out) = out.get_mut(3 * at..).and_then(|rest| rest.first_chunk_mut::<48>()) else { break };
        let [r, g, b] = [bytes(r), bytes(g), bytes(b)];
        for (part, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let [r, g, b] =
                [(r, 0), (g, 1), (b, 2)].map(|(v, channel)| _mm_shuffle_epi8(v, load_bytes(&SPREAD[part][channel])));
            store_bytes(out, _mm_or_si128(_mm_or_si128(r, g), b));
        }
        at = next(at, pixels - 16);
    }
    kernels::rgb(&y[at..], &cb[at..], &cr[at..], &mut out[3 * at..]);
}

/// Sixteen words as bytes, saturated.
#[inline]
#[target_feature(enable = "avx2")]
fn bytes(value: __m256i) -> __m128i {
    _mm_packus_epi16(_mm256_castsi256_si128(value), _mm256_extracti128_si256::<1>(value))
}

/// For each third of 48 interleaved bytes and each channel: which of its 16 bytes goes where; 128 leaves a 0.
const SPREAD: [[[u8; 16]; 3]; 3] = {
    let mut masks = [[[128; 16]; 3]; 3];
    let mut at = 0;
    while at < 48 {
        masks[at / 16][at % 3][at % 16] = (at / 3) as u8;
        at += 1;
    }
    masks
};
