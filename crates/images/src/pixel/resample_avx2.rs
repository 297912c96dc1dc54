//! The two passes of the resize in 256-bit vectors.
//!
//! A weight has 23 bits and a sign, too many for products of words. So it is split into `high * 2048 + low`; both parts are
//! words, the sums of their products with bytes stay far below 31 bits, and put together they are the sum of the whole
//! products, to the bit.
//!
//! **Safety.** There are two kinds of `unsafe` here. Calls of functions compiled for AVX2: they go through a [`Token`], which
//! only [`Token::find`] makes, after the processor was asked. Loads and stores, which need no alignment and for which any
//! bytes are valid values: they take references to arrays of just the bytes that are read or written; or, in [`across`], their
//! places come from a [`Plan`], whose furthest one is compared with the slices before the first.

use std::arch::x86_64::*;

use super::resample_portable::{PRECISION, RGB, Taps, down as down_portable};

/// Bits of the lower part of a weight.
const LOW: u32 = 11;
/// Taps that one step takes up: 12 of the 16 bytes that it loads.
const STEP: usize = 4;
const LOADED: usize = 16;
/// Rows that are resized together.
const ROWS: usize = 4;

/// Proof that the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token(());

impl Token {
    pub(super) fn find() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    pub(super) fn across(self, rgb: &[u8], row: usize, taps: &[Taps]) -> Vec<u8> {
        let plan = Plan::new(taps);
        let wide = taps.len() * RGB;
        let mut out = vec![0; rgb.len() / row * wide];
        // Steps load beyond a row's end, where weights are 0. The last rows are copied to where there is something.
        let reach = (ROWS - 1) * row + plan.reach;
        let mut padded = vec![0; reach.max(ROWS * row)];
        let stride = wide + 1;
        let mut lines = vec![0; ROWS * stride];
        for (group, out) in out.chunks_mut(ROWS * wide).enumerate() {
            let mut source = &rgb[group * ROWS * row..];
            if source.len() < reach {
                padded[..source.len()].copy_from_slice(source);
                source = &padded;
            }
            // SAFETY: a token exists only where AVX2 was found.
            unsafe { across(source, row, &plan, &mut lines, stride) }
            for (out, line) in out.chunks_mut(wide).zip(lines.chunks_exact(stride)) {
                out.copy_from_slice(&line[..wide]);
            }
        }
        out
    }

    pub(super) fn down(self, rows: &[u8], row: usize, weights: &[i32], out: &mut [u8]) {
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
    /// No step loads bytes of a row from here on.
    reach: usize,
}

impl Plan {
    fn new(taps: &[Taps]) -> Self {
        let steps = taps.iter().map(|tap| tap.weights.len().div_ceil(STEP)).max().unwrap_or(0);
        let step = |weights: &[i32], step: usize| {
            let [a, b, c, d] = [0, 1, 2, 3].map(|k| split(weights.get(step * STEP + k).copied().unwrap_or(0)));
            [pair(a.0, b.0), pair(c.0, d.0), pair(a.1, b.1), pair(c.1, d.1)]
        };
        let weights = taps.iter().flat_map(|tap| (0..steps).map(move |at| step(&tap.weights, at))).collect();
        let starts: Vec<usize> = taps.iter().map(|tap| tap.first * RGB).collect();
        let reach = starts.iter().max().unwrap_or(&0) + steps * STEP * RGB + LOADED;
        Self { steps, starts, weights, reach }
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

/// Resizes [`ROWS`] rows of `row` bytes to lines of `stride` bytes, one more than a line needs.
#[target_feature(enable = "avx2")]
fn across(rows: &[u8], row: usize, plan: &Plan, lines: &mut [u8], stride: usize) {
    assert!((ROWS - 1) * row + plan.reach <= rows.len());
    assert!(plan.starts.len() * RGB < stride && ROWS * stride <= lines.len());
    let half = _mm256_set1_epi32(1 << (PRECISION - 1));
    // One row in the lower half, another in the upper.
    let two_rows = |at: usize| {
        // SAFETY: `at` is at most `row * 2` and what a step of the plan starts at, so that the 16 bytes of this row and of
        // the next end before `row * 3 + plan.reach`, which the slice has.
        unsafe {
            let from = rows.as_ptr().add(at);
            let (low, high) = (_mm_loadu_si128(from.cast()), _mm_loadu_si128(from.add(row).cast()));
            _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
        }
    };
    for ((index, &start), weights) in plan.starts.iter().enumerate().zip(plan.weights.chunks_exact(plan.steps.max(1))) {
        let mut high = [_mm256_setzero_si256(); 2];
        let mut low = [half; 2];
        let mut at = start;
        for weights in weights {
            let [w0, w1, w2, w3] = [0, 1, 2, 3].map(|k| _mm256_set1_epi32(weights[k]));
            for part in 0..2 {
                let rows = two_rows(at.wrapping_add(part * 2 * row));
                let (near, far) = (spread::<0>(rows), spread::<2>(rows));
                let sum = _mm256_add_epi32(_mm256_madd_epi16(near, w0), _mm256_madd_epi16(far, w1));
                high[part] = _mm256_add_epi32(high[part], sum);
                let sum = _mm256_add_epi32(_mm256_madd_epi16(near, w2), _mm256_madd_epi16(far, w3));
                low[part] = _mm256_add_epi32(low[part], sum);
            }
            at = at.wrapping_add(STEP * RGB);
        }
        // Rows 0 and 2 in the lower half, 1 and 3 in the upper; four bytes each.
        let words = _mm256_packs_epi32(whole(high[0], low[0]), whole(high[1], low[1]));
        let bytes = _mm256_packus_epi16(words, words);
        let (even, odd) = (_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
        let values = [
            _mm_extract_epi32::<0>(even),
            _mm_extract_epi32::<0>(odd),
            _mm_extract_epi32::<1>(even),
            _mm_extract_epi32::<1>(odd),
        ];
        for (line, value) in values.into_iter().enumerate() {
            // The fourth byte is the next pixel's, which comes later.
            // SAFETY: a line has `stride` bytes, more than three for each of the plan's pixels, and the slice has all lines.
            unsafe { lines.as_mut_ptr().add(line * stride + index * RGB).cast::<i32>().write_unaligned(value.to_le()) }
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
