#![allow(clippy::unwrap_used)]
//! What several test modules need.

use ndarray::ArrayView4;

use crate::data::{self, Augment, ImageSource, LoadError};
use crate::device::BackboneDevice;
use crate::error::causes;
use crate::network::Network;
use crate::spec::{Head, NetworkSpec};

/// On a card that answers; else says that there is none.
#[cfg(feature = "cuda")]
#[allow(clippy::print_stderr)]
pub(crate) fn card() -> Option<BackboneDevice> {
    let device = crate::parse_device("cuda:0");
    if let Err(error) = &device {
        eprintln!("skipped: {}", causes(error));
    }
    device.ok()
}

/// Images in memory.
pub(crate) struct Pictures {
    pub(crate) shape: (usize, usize, usize),
    pub(crate) pixels: Vec<f32>,
}

impl ImageSource for Pictures {
    fn len(&self) -> usize {
        self.pixels.len() / (self.shape.0 * self.shape.1 * self.shape.2)
    }

    fn shape(&self) -> (usize, usize, usize) {
        self.shape
    }

    fn load(&self, rows: &[usize], augment: Option<Augment>, out: &mut [f32]) -> Result<(), LoadError> {
        let image = self.shape.0 * self.shape.1 * self.shape.2;
        for (&row, out) in rows.iter().zip(out.chunks_mut(image)) {
            out.copy_from_slice(&self.pixels[row * image..][..image]);
            if let Some(Augment { seed, epoch }) = augment {
                // A faint change of brightness that depends on all three.
                let shift = ((seed + 31 * epoch + 7 * row as u64) % 11) as f32 * 0.01;
                out.iter_mut().for_each(|v| *v += shift);
            }
        }
        Ok(())
    }
}

/// Noise in -1..1 as a function of a counter, the same as in `fixtures/golden/backbone/make.py`.
pub(crate) fn counter_noise(stream: u64, index: u64) -> f32 {
    let mut z = stream.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index.wrapping_mul(0xD1B5_4A32_D192_ED03));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    // 24 bits: exact in f32.
    (z >> 40) as f32 / 8_388_608.0 - 1.0
}

/// Noisy pictures of a bright quarter: the class is the quarter's number, 0 to 3.
pub(crate) fn quarters(n: usize, side: usize, noise: f32) -> (Pictures, Vec<u32>) {
    let mut pixels = Vec::with_capacity(n * side * side);
    let labels: Vec<u32> = (0..n).map(|i| ((counter_noise(1, i as u64) + 1.0) * 2.0) as u32 % 4).collect();
    for (i, &label) in labels.iter().enumerate() {
        for y in 0..side {
            for x in 0..side {
                let quarter = u32::from(y >= side / 2) * 2 + u32::from(x >= side / 2);
                let bright = if quarter == label { 1.0 } else { 0.0 };
                pixels.push(bright + noise * counter_noise(2 + i as u64, (y * side + x) as u64));
            }
        }
    }
    (Pictures { shape: (side, side, 1), pixels }, labels)
}

/// A small network for images of two channels with a head of each kind.
pub(crate) fn network(seed: u64) -> Network {
    let spec = NetworkSpec {
        fc: Some(12),
        ..NetworkSpec::new("small", 2, vec![Head::exclusive("kind", 3), Head::multi("style", 4)])
    };
    Network::new(spec, seed, &BackboneDevice::cpu()).unwrap()
}

/// An error as a program tells it: the causes in one line, then the hints.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let hints: String =
        chain.flat_map(|text| text.lines().skip(1).map(|line| format!("\n{line}")).collect::<Vec<_>>()).collect();
    causes(error) + &hints
}

/// Values as images; they have as many channels as the values give them.
pub(crate) fn images(values: &[f32], n: usize, h: usize, w: usize) -> ArrayView4<'_, f32> {
    data::view(values, n, (h, w, values.len() / (n * h * w))).unwrap()
}
