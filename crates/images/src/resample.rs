//! Resizing as PIL does it, to the bit: what a network was trained on should be what it sees.

use std::f64::consts::PI;

/// Bits after the point of a weight.
const PRECISION: u32 = 22;
/// Channels of a pixel.
const RGB: usize = 3;

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

/// The pixels that one target pixel is made of.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

fn taps(source: usize, target: usize, filter: Resize) -> Vec<Taps> {
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
        Taps { first, weights: raw.into_iter().map(fixed).collect() }
    };
    (0..target).map(of).collect()
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

/// An RGB image at another size.
///
/// **Shapes.** `width * height * 3` bytes to `to.0 * to.1 * 3`, row by row.
///
/// **Source.** Pillow's `Resample.c` for 8 bits a channel: along rows first, then along columns, each pass with weights of 22
/// bits after the point and rounded to bytes.
pub(crate) fn resize(rgb: &[u8], (width, height): (usize, usize), to: (usize, usize), filter: Resize) -> Vec<u8> {
    let across = if to.0 == width { None } else { Some(taps(width, to.0, filter)) };
    let wide = match across {
        None => rgb.to_vec(),
        Some(taps) => rgb.chunks_exact(width * RGB).flat_map(|row| line(row, &taps)).collect(),
    };
    if to.1 == height {
        return wide;
    }
    let row = to.0 * RGB;
    let mut out = Vec::with_capacity(row * to.1);
    let mut sums = vec![0_i32; row];
    for Taps { first, weights } in taps(height, to.1, filter) {
        sums.fill(1 << (PRECISION - 1));
        for (&weight, pixels) in weights.iter().zip(wide[first * row..].chunks_exact(row)) {
            sums.iter_mut().zip(pixels).for_each(|(sum, &value)| *sum += weight * i32::from(value));
        }
        out.extend(sums.iter().map(|&sum| rounded(sum)));
    }
    out
}

fn line(row: &[u8], taps: &[Taps]) -> Vec<u8> {
    let pixel = |Taps { first, weights }: &Taps| {
        let mut sums = [1_i32 << (PRECISION - 1); RGB];
        for (&weight, pixel) in weights.iter().zip(row[first * RGB..].chunks_exact(RGB)) {
            sums.iter_mut().zip(pixel).for_each(|(sum, &value)| *sum += weight * i32::from(value));
        }
        sums.map(rounded)
    };
    taps.iter().flat_map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with edges and slopes, the same in the script that made the golden values.
    fn picture(width: usize, height: usize) -> Vec<u8> {
        let value = |x: usize, y: usize, c: usize| ((x * x * 7 + y * 13 * (c + 1) + x * y * 3) % 256) as u8;
        (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..RGB).map(move |c| value(x, y, c)))).collect()
    }

    fn fnv(bytes: &[u8]) -> u32 {
        bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    /// **Source.** `Image.resize` of Pillow 13 on the same picture; FNV-1a of the bytes. See `fixtures/golden/images/resize.py`.
    #[test]
    fn bytes_are_pillows() {
        for (from, to, filter, expected) in GOLDEN {
            let (width, height) = from;
            let resized = resize(&picture(width, height), from, to, filter);
            assert_eq!(resized.len(), to.0 * to.1 * RGB);
            assert_eq!(fnv(&resized), expected, "{from:?} {to:?} {filter:?}");
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

    #[test]
    fn one_colour_stays_and_a_size_that_is_kept_changes_nothing() {
        for filter in [Resize::Bilinear, Resize::Bicubic, Resize::Lanczos] {
            assert_eq!(resize(&[9, 200, 77].repeat(30), (6, 5), (13, 2), filter), [9, 200, 77].repeat(26));
            assert_eq!(resize(&picture(6, 5), (6, 5), (6, 5), filter), picture(6, 5));
        }
    }
}
