//! Resizing as PIL does it, to the bit: what a network was trained on should be what it sees.

use std::f64::consts::PI;
use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::resample_avx2 as avx2;
use super::resample_portable::{PRECISION, RGB, Taps, across, down};

/// Filter of a resize; its support widens when it shrinks an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// A triangle of radius 1.
    Bilinear,
    /// Keys' cubic of radius 2 with a = -0.5.
    Bicubic,
    /// A windowed sinc of radius 3.
    Lanczos,
}

impl Resize {
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x = x.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn taps(source: usize, target: usize, filter: Resize, wanted: Range<usize>) -> Vec<Taps> {
    let scale = source as f64 / target as f64;
    let widened = scale.max(1.0);
    let support = filter.support() * widened;
    let of = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let last = ((centre + support + 0.5) as usize).min(source);
        let raw: Vec<f64> = (first..last).map(|x| filter.at((x as f64 - centre + 0.5) / widened)).collect();
        let sum: f64 = raw.iter().sum();
        let fixed = |weight: f64| {
            let scaled = weight / sum * f64::from(1 << PRECISION);
            (if scaled < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
        };
        let mut weights: Vec<i32> = raw.into_iter().map(fixed).collect();
        while weights.len() > 1 && weights.last() == Some(&0) {
            weights.pop();
        }
        let idle = weights.iter().take_while(|weight| **weight == 0).count().min(weights.len().saturating_sub(1));
        Taps { first: first + idle, weights: weights.split_off(idle) }
    };
    wanted.map(of).collect()
}

/// The source pixels that taps reach.
fn reach(taps: &[Taps]) -> Range<usize> {
    let first = taps.iter().map(|tap| tap.first).min().unwrap_or(0);
    let last = taps.iter().map(|tap| tap.first + tap.weights.len()).max().unwrap_or(0);
    first..last
}

/// A resize of which only a part is wanted.
///
/// **Source.** Pillow's `Resample.c` for 8 bits a channel: along rows first, then along columns, each pass with weights of 22
/// bits after the point and rounded to bytes.
#[derive(Debug)]
pub(super) struct Resampler {
    across: Vec<Taps>,
    down: Vec<Taps>,
    /// Columns and rows of the source that the part is made of.
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Resampler {
    /// Of an image with sides `from` that becomes one with sides `to`, the part of columns and rows `wanted`.
    pub(super) fn new(
        from: (usize, usize),
        to: (usize, usize),
        filter: Resize,
        wanted: (Range<usize>, Range<usize>),
    ) -> Self {
        let mut across = taps(from.0, to.0, filter, wanted.0);
        let mut down = taps(from.1, to.1, filter, wanted.1);
        let (columns, rows) = (reach(&across), reach(&down));
        across.iter_mut().for_each(|tap| tap.first -= columns.start);
        down.iter_mut().for_each(|tap| tap.first -= rows.start);
        Self { across, down, columns, rows }
    }

    /// The part, from the RGB bytes of the source's [`Resampler::columns`] and [`Resampler::rows`] alone.
    pub(super) fn run(&self, rgb: &[u8]) -> Vec<u8> {
        self.run_with(rgb, Loops::best())
    }

    fn run_with(&self, rgb: &[u8], loops: Loops) -> Vec<u8> {
        let row = self.columns.len() * RGB;
        let wide = if keeps(&self.across) { None } else { Some(loops.across(rgb, row, &self.across)) };
        let wide = wide.as_deref().unwrap_or(rgb);
        if keeps(&self.down) { wide.to_vec() } else { loops.down(wide, self.across.len() * RGB, &self.down) }
    }
}

/// Whether taps leave everything as it is.
fn keeps(taps: &[Taps]) -> bool {
    taps.iter().enumerate().all(|(at, tap)| tap.first == at && tap.weights == [1 << PRECISION])
}

/// An RGB image at another size.
///
/// **Shapes.** `width * height * 3` bytes to `to.0 * to.1 * 3`, row by row.
#[cfg(test)]
pub(super) fn resize(rgb: &[u8], from: (usize, usize), to: (usize, usize), filter: Resize) -> Vec<u8> {
    Resampler::new(from, to, filter, (0..to.0, 0..to.1)).run(rgb)
}

/// Which versions of the two passes are used; all give the same bytes.
#[derive(Debug, Clone, Copy)]
enum Loops {
    Portable,
    /// Made by [`Loops::best`] alone, where the processor has 256-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Token),
}

impl Loops {
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(token) = avx2::Token::find() {
            return Self::Avx2(token);
        }
        Self::Portable
    }

    fn across(self, rgb: &[u8], row: usize, taps: &[Taps]) -> Vec<u8> {
        match self {
            Self::Portable => rgb.chunks_exact(row).flat_map(|row| across(row, taps)).collect(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.across(rgb, row, taps),
        }
    }

    fn down(self, rows: &[u8], row: usize, taps: &[Taps]) -> Vec<u8> {
        let mut out = vec![0; row * taps.len()];
        for (line, tap) in out.chunks_exact_mut(row).zip(taps) {
            match self {
                Self::Portable => down(&rows[tap.first * row..], row, &tap.weights, line, 0),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2(token) => token.down(&rows[tap.first * row..], row, &tap.weights, line),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use latentwalk_arithmetic::fnv1a_32;
    use proptest::prelude::*;

    use super::*;

    /// A picture with edges and slopes, the same in the script that made the golden values.
    fn picture(width: usize, height: usize) -> Vec<u8> {
        let value = |x: usize, y: usize, c: usize| ((x * x * 7 + y * 13 * (c + 1) + x * y * 3) % 256) as u8;
        (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..RGB).map(move |c| value(x, y, c)))).collect()
    }

    /// **Source.** `Image.resize` of Pillow 13 on the same picture; FNV-1a of the bytes. See `fixtures/golden/images/resize.py`.
    #[test]
    fn bytes_are_pillows() {
        for (from, to, filter, expected) in GOLDEN {
            let (width, height) = from;
            let resized = resize(&picture(width, height), from, to, filter);
            assert_eq!(resized.len(), to.0 * to.1 * RGB);
            assert_eq!(fnv1a_32(&resized), expected, "{from:?} {to:?} {filter:?}");
        }
    }

    type Case = ((usize, usize), (usize, usize), Resize, u32);
    const GOLDEN: [Case; 7] = [
        ((64, 48), (20, 31), Resize::Bilinear, 0xd1e7fca6),
        ((64, 48), (20, 31), Resize::Bicubic, 0xb55c3112),
        ((64, 48), (20, 31), Resize::Lanczos, 0x8c13721e),
        ((17, 23), (40, 50), Resize::Bilinear, 0xe9212fc1),
        ((17, 23), (40, 50), Resize::Bicubic, 0x9ca27026),
        ((301, 200), (256, 170), Resize::Bilinear, 0xe3ef64ad),
        ((301, 200), (64, 200), Resize::Bicubic, 0x30ff3e80),
    ];

    proptest! {
        #[test]
        fn a_part_is_cut_from_the_whole_by_any_loops(
            from in (1_usize..90, 1_usize..90), to in (1_usize..60, 1_usize..60), filter in 0..3, part in (0.0..1.0, 0.0..1.0),
        ) {
            let filter = [Resize::Bilinear, Resize::Bicubic, Resize::Lanczos][filter as usize];
            let rgb = picture(from.0, from.1);
            let whole = Resampler::new(from, to, filter, (0..to.0, 0..to.1));
            let plain = whole.run_with(&rgb, Loops::Portable);
            prop_assert!(whole.run(&rgb) == plain);
            let start = |side: usize, part: f64| ((side as f64 * part) as usize).min(side - 1);
            let (x, y) = (start(to.0, part.0), start(to.1, part.1));
            let cut = Resampler::new(from, to, filter, (x..to.0, y..to.1));
            let lines = rgb.chunks(from.0 * RGB).skip(cut.rows.start).take(cut.rows.len());
            let source: Vec<u8> = lines.flat_map(|l| &l[cut.columns.start * RGB..cut.columns.end * RGB]).copied().collect();
            let expected: Vec<u8> = plain.chunks(to.0 * RGB).skip(y).flat_map(|line| &line[x * RGB..]).copied().collect();
            prop_assert!(cut.run(&source) == expected);
            prop_assert!(cut.run_with(&source, Loops::Portable) == expected);
        }
    }

    #[test]
    fn one_colour_stays_and_a_size_that_is_kept_changes_nothing() {
        for filter in [Resize::Bilinear, Resize::Bicubic, Resize::Lanczos] {
            assert_eq!(resize(&[9, 200, 77].repeat(30), (6, 5), (13, 2), filter), [9, 200, 77].repeat(26));
            assert_eq!(resize(&picture(6, 5), (6, 5), (6, 5), filter), picture(6, 5));
        }
    }
}
