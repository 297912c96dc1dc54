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
/// Taps that one step takes up: 12 of the 16 bytes that it loads.
const STEP: usize = 4;
const LOADED: usize = 16;
/// Rows that are resized together.
const ROWS: usize = 4;

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
        // Steps load beyond a row's end, where weights are 0. The last rows are copied to where there is something.
        let reach = row + plan.steps * STEP * RGB + LOADED;
        let mut padded = vec![0; ROWS * row + reach];
        let mut lines = [const { Vec::new() }; ROWS];
        lines.iter_mut().for_each(|line| line.resize(wide + 1, 0));
        for (group, out) in out.chunks_mut(ROWS * wide).enumerate() {
            let start = group * ROWS * row;
            let source = if start + (ROWS - 1) * row + reach <= rgb.len() {
                &rgb[start..]
            } else {
                padded[..rgb.len() - start].copy_from_slice(&rgb[start..]);
                &padded
            };
            let rows = [0, 1, 2, 3].map(|at| &source[at * row..at * row + reach]);
            // SAFETY: a token exists only where AVX2 was found.
            unsafe { across(rows, &plan, &mut lines) }
            for (out, line) in out.chunks_mut(wide).zip(&lines) {
                out.copy_from_slice(&line[..wide]);
            }
        }
        out
    }

    pub(crate) fn down(self, rows: &[u8], row: usize, weights: &[i32], out: &mut [u8]) {
        // SAFETY: a token exists only where AVX2 was found.
        unsafe { down(rows, row, weights, out) }
    }
}

/// Weights of four taps: the upper parts of taps 0 and 1, of 2 and 3, then the lower parts.
type Weights = [i32; 4];

fn split(weight: i32) -> (i32, i32) {
    (weight >> LOW, weight & ((1 << LOW) - 1))
}

/// Two words side by side.
fn pair(first: i32, second: i32) -> i32 {
    second << 16 | first & 0xffff
}

/// The taps of a row in steps of four.
struct Plan {
    /// Steps of a target pixel.
    steps: usize,
    /// For each target pixel the byte at which its source begins.
    starts: Vec<usize>,
    /// `steps` for each target pixel.
    weights: Vec<Weights>,
}

impl Plan {
    fn new(taps: &[Taps]) -> Self {
        let steps = taps.iter().map(|tap| tap.weights.len().div_ceil(STEP)).max().unwrap_or(0);
        let step = |weights: &[i32], step: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|k| split(weights.get(step * STEP + k).copied().unwrap_or(0)));
            [pair(a.0, b.0), pair(c.0, d.0), pair(a.1, b.1), pair(c.1, d.1)]
        };
        let weights = taps.iter().flat_map(|tap| (0..steps).map(move |at| step(&tap.weights, at))).collect();
        Self { steps, starts: taps.iter().map(|tap| tap.first * RGB).collect(), weights }
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

/// The bytes of two pixels from `first` on, of two rows, as words: red, green and blue in pairs.
#[target_feature(enable = "avx2")]
fn spread<const FIRST: i8>(rows: __m256i) -> __m256i {
    let at = |byte: i8| FIRST * 3 + byte;
    let (r, g, b) = ((at(0), at(3)), (at(1), at(4)), (at(2), at(5)));
    let order = _mm_setr_epi8(r.0, -1, r.1, -1, g.0, -1, g.1, -1, b.0, -1, b.1, -1, -1, -1, -1, -1);
    _mm256_shuffle_epi8(rows, _mm256_broadcastsi128_si256(order))
}

/// One row in the lower half, another in the upper.
#[target_feature(enable = "avx2")]
fn two_rows(low: &[u8], high: &[u8], at: usize) -> Option<__m256i> {
    let (low, high) = (low.get(at..)?.first_chunk()?, high.get(at..)?.first_chunk()?);
    Some(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load(low)), load(high)))
}

/// Resizes rows; lines have a byte more than they need.
#[target_feature(enable = "avx2")]
fn across(rows: [&[u8]; ROWS], plan: &Plan, lines: &mut [Vec<u8>; ROWS]) {
    let half = _mm256_set1_epi32(1 << (PRECISION - 1));
    let [first, second, third, fourth] = rows;
    for ((index, &start), weights) in plan.starts.iter().enumerate().zip(plan.weights.chunks_exact(plan.steps.max(1))) {
        let mut high = [_mm256_setzero_si256(); 2];
        let mut low = [half; 2];
        let mut at = start;
        for weights in weights {
            let [w0, w1, w2, w3] = weights.map(|weight| _mm256_set1_epi32(weight));
            let (Some(a), Some(b)) = (two_rows(first, second, at), two_rows(third, fourth, at)) else { break };
            for (part, rows) in [a, b].into_iter().enumerate() {
                let (near, far) = (spread::<0>(rows), spread::<2>(rows));
                let sum = _mm256_add_epi32(_mm256_madd_epi16(near, w0), _mm256_madd_epi16(far, w1));
                high[part] = _mm256_add_epi32(high[part], sum);
                let sum = _mm256_add_epi32(_mm256_madd_epi16(near, w2), _mm256_madd_epi16(far, w3));
                low[part] = _mm256_add_epi32(low[part], sum);
            }
            at = at.wrapping_add(STEP * RGB);
        }
        let [a, b] = [whole(high[0], low[0]), whole(high[1], low[1])];
        // Rows 0 and 2 in the lower half, 1 and 3 in the upper; four bytes each.
        let words = _mm256_packs_epi32(a, b);
        let bytes = _mm256_packus_epi16(words, words);
        let (even, odd) = (_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
        let values = [
            _mm_extract_epi32::<0>(even),
            _mm_extract_epi32::<0>(odd),
            _mm_extract_epi32::<1>(even),
            _mm_extract_epi32::<1>(odd),
        ];
        let place = index.wrapping_mul(RGB);
        for (line, value) in lines.iter_mut().zip(values) {
            // The fourth byte is the next pixel's, which comes later.
            if let Some(pixel) = line.get_mut(place..).and_then(|rest| rest.first_chunk_mut::<4>()) {
                *pixel = value.to_le_bytes();
            }
        }
    }
}

/// Sums put together from the sums of both parts of the weights, without the bits after the point.
#[target_feature(enable = "avx2")]
fn whole(high: __m256i, low: __m256i) -> __m256i {
    let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW as i32 }>(high), low);
    _mm256_srai_epi32::<{ PRECISION as i32 }>(sum)
}

/// Sixteen bytes of a row as words.
#[target_feature(enable = "avx2")]
fn words(rows: &[u8], at: usize) -> Option<__m256i> {
    Some(_mm256_cvtepu8_epi16(load(rows.get(at..)?.first_chunk()?)))
}

#[target_feature(enable = "avx2")]
fn down(rows: &[u8], row: usize, weights: &[i32], out: &mut [u8]) {
    let half = _mm256_set1_epi32(1 << (PRECISION - 1));
    let (chunks, rest) = out.as_chunks_mut::<16>();
    let done = row - rest.len();
    for (chunk, start) in chunks.iter_mut().zip((0..).step_by(16)) {
        let mut high = [_mm256_setzero_si256(); 2];
        let mut low = [half; 2];
        let mut at: usize = start;
        for two in weights.chunks(2) {
            let (a, b) = (split(two[0]), split(two.get(1).copied().unwrap_or(0)));
            let Some(first) = words(rows, at) else { break };
            let second = if two.len() == 2 { words(rows, at.wrapping_add(row)) } else { None };
            let second = second.unwrap_or(_mm256_setzero_si256());
            let (upper, lower) = (_mm256_set1_epi32(pair(a.0, b.0)), _mm256_set1_epi32(pair(a.1, b.1)));
            let pairs = [_mm256_unpacklo_epi16(first, second), _mm256_unpackhi_epi16(first, second)];
            for part in 0..2 {
                high[part] = _mm256_add_epi32(high[part], _mm256_madd_epi16(pairs[part], upper));
                low[part] = _mm256_add_epi32(low[part], _mm256_madd_epi16(pairs[part], lower));
            }
            at = at.wrapping_add(row.wrapping_mul(2));
        }
        let words = _mm256_packs_epi32(whole(high[0], low[0]), whole(high[1], low[1]));
        store(chunk, _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words)));
    }
    down_portable(rows, row, weights, out, done);
}
