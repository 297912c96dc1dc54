//! The two passes of the resize in 256-bit vectors.
//!
//! A weight has 23 bits and a sign, too many for products of words. So it is split into `high * 2048 + low`; both parts are
//! words, the sums of their products with bytes stay far below 31 bits, and put together they are the sum of the whole
//! products, to the bit.
//!
//! **Safety.** There are two kinds of `unsafe` here. Calls of functions compiled for AVX2: they go through a [`Token`], which
//! only [`Token::find`] makes, after the processor was asked. Loads and stores: they take references to arrays of just the
//! bytes that are read or written, need no alignment, and any bytes are valid values.

use std::arch::x86_64::*;

use super::{PRECISION, RGB, Taps, down as down_portable};

/// Bits of the lower part of a weight.
const LOW: u32 = 11;
/// Taps that one step takes up.
const STEP: usize = 4;
/// Target pixels that are written together.
const TOGETHER: usize = 4;

/// Proof that the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token(());

impl Token {
    pub(crate) fn find() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(crate) fn across(self, rgb: &[u8], row: usize, taps: &[Taps]) -> Vec<u8> {
        let plan = Plan::new(taps);
        let wide = taps.len() * RGB;
        let mut out = vec![0; rgb.len() / row * wide];
        // Steps load beyond the row's end, where weights are 0.
        let mut padded = vec![0; row + (plan.steps + 1) * STEP * RGB];
        for (row, line) in rgb.chunks_exact(row).zip(out.chunks_exact_mut(wide)) {
            padded[..row.len()].copy_from_slice(row);
            // SAFETY: a token exists only where AVX2 was found.
            unsafe { across(&padded, &plan, line) }
        }
        out
    }

    pub(crate) fn down(self, rows: &[u8], row: usize, weights: &[i32], out: &mut [u8]) {
        // SAFETY: a token exists only where AVX2 was found.
        unsafe { down(rows, row, weights, out) }
    }
}

/// Weights of four taps as the products want them: taps 0 and 1 for each channel in the lower half, 2 and 3 in the upper.
#[derive(Clone, Copy)]
struct Weights {
    high: [i16; 16],
    low: [i16; 16],
}

fn split(weight: i32) -> (i16, i16) {
    ((weight >> LOW) as i16, (weight & ((1 << LOW) - 1)) as i16)
}

impl Weights {
    /// Of the taps from the fourth of `step` on; those that there are not weigh nothing.
    fn new(weights: &[i32], step: usize) -> Self {
        let mut out = Self { high: [0; 16], low: [0; 16] };
        for k in 0..STEP {
            let (high, low) = split(weights.get(step * STEP + k).copied().unwrap_or(0));
            for channel in 0..RGB {
                let place = k / 2 * 8 + channel * 2 + k % 2;
                (out.high[place], out.low[place]) = (high, low);
            }
        }
        out
    }
}

/// The taps of a row in steps of four.
struct Plan {
    /// Most steps of a target pixel.
    steps: usize,
    /// For each group of target pixels: bytes at which their sources begin, and its weights, pixel by pixel.
    groups: Vec<([usize; TOGETHER], Vec<Weights>)>,
}

impl Plan {
    fn new(taps: &[Taps]) -> Self {
        let steps = |tap: &Taps| tap.weights.len().div_ceil(STEP);
        let group = |taps: &[Taps]| {
            let steps = taps.iter().map(steps).max().unwrap_or(0);
            let (mut starts, mut weights) = ([0; TOGETHER], Vec::new());
            for (at, start) in starts.iter_mut().enumerate() {
                let tap = taps.get(at);
                *start = tap.map_or(0, |tap| tap.first * RGB);
                let of = tap.map_or(&[][..], |tap| &tap.weights);
                weights.extend((0..steps).map(|step| Weights::new(of, step)));
            }
            (starts, weights)
        };
        Self { steps: taps.iter().map(steps).max().unwrap_or(0), groups: taps.chunks(TOGETHER).map(group).collect() }
    }
}

fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the 16 bytes are borrowed, and SSE2 belongs to x86-64.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

fn store(out: &mut [u8; 16], value: __m128i) {
    // SAFETY: the 16 bytes are borrowed for writing, and SSE2 belongs to x86-64.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), value) }
}

#[target_feature(enable = "avx2")]
fn load_words(words: &[i16; 16]) -> __m256i {
    // SAFETY: the 32 bytes are borrowed, and the caller has AVX2.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Where the bytes of a channel of two pixels go, as words; -1 leaves a 0.
#[target_feature(enable = "avx2")]
fn spread() -> __m256i {
    _mm256_setr_epi8(
        0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
        6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1,
    )
}

#[target_feature(enable = "avx2")]
fn across(row: &[u8], plan: &Plan, out: &mut [u8]) {
    let spread = spread();
    let half = _mm_set1_epi32(1 << (PRECISION - 1));
    let order = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for ((starts, weights), out) in plan.groups.iter().zip(out.chunks_mut(TOGETHER * RGB)) {
        let mut sums = [_mm_setzero_si128(); TOGETHER];
        let each = weights.len() / TOGETHER;
        for ((sum, &start), weights) in sums.iter_mut().zip(starts).zip(weights.chunks_exact(each.max(1))) {
            let (mut high, mut low) = (_mm256_setzero_si256(), _mm256_setzero_si256());
            for (step, weights) in weights.iter().enumerate() {
                let at = start + step * STEP * RGB;
                let Some(bytes) = row.get(at..).and_then(|rest| rest.first_chunk()) else { continue };
                let pixels = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load(bytes)), spread);
                high = _mm256_add_epi32(high, _mm256_madd_epi16(pixels, load_words(&weights.high)));
                low = _mm256_add_epi32(low, _mm256_madd_epi16(pixels, load_words(&weights.low)));
            }
            let whole = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW as i32 }>(high), low);
            let both = _mm_add_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            *sum = _mm_srai_epi32::<{ PRECISION as i32 }>(_mm_add_epi32(both, half));
        }
        let words = [_mm_packs_epi32(sums[0], sums[1]), _mm_packs_epi32(sums[2], sums[3])];
        let bytes = _mm_packus_epi16(words[0], words[1]);
        let mut buffer = [0; 16];
        store(&mut buffer, _mm_shuffle_epi8(bytes, order));
        out.copy_from_slice(&buffer[..out.len()]);
    }
}

/// Sixteen bytes of a row as words.
#[target_feature(enable = "avx2")]
fn words(rows: &[u8], at: usize) -> Option<__m256i> {
    Some(_mm256_cvtepu8_epi16(load(rows.get(at..)?.first_chunk()?)))
}

#[target_feature(enable = "avx2")]
fn pair(first: i16, second: i16) -> __m256i {
    _mm256_set1_epi32(i32::from(second) << 16 | i32::from(first) & 0xffff)
}

#[target_feature(enable = "avx2")]
fn down(rows: &[u8], row: usize, weights: &[i32], out: &mut [u8]) {
    let half = _mm256_set1_epi32(1 << (PRECISION - 1));
    let (chunks, rest) = out.as_chunks_mut::<16>();
    let done = row - rest.len();
    for (chunk, at) in chunks.iter_mut().zip((0..).step_by(16)) {
        let mut high = [_mm256_setzero_si256(); 2];
        let mut low = high;
        for (index, two) in weights.chunks(2).enumerate() {
            let at = at + index * 2 * row;
            let Some(first) = words(rows, at) else { continue };
            let second = if two.len() == 2 { words(rows, at + row) } else { None };
            let second = second.unwrap_or(_mm256_setzero_si256());
            let (a, b) = (split(two[0]), split(two.get(1).copied().unwrap_or(0)));
            let pairs = [_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second)];
            for part in 0..2 {
                high[part] = _mm256_add_epi32(high[part], _mm256_madd_epi16(pairs[part], pair(a.0, b.0)));
                low[part] = _mm256_add_epi32(low[part], _mm256_madd_epi16(pairs[part], pair(a.1, b.1)));
            }
        }
        let mut sums = [half; 2];
        for part in 0..2 {
            let whole = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW as i32 }>(high[part]), low[part]);
            sums[part] = _mm256_srai_epi32::<{ PRECISION as i32 }>(_mm256_add_epi32(whole, half));
        }
        let words = _mm256_packs_epi32(sums[0], sums[1]);
        store(chunk, _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words)));
    }
    down_portable(rows, row, weights, out, done);
}
