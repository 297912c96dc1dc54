//! What one pass over the rows gathers.

use faer::Mat;
use latentwalk_engine::{InstructionSet, instruction_set};
use serde::{Deserialize, Serialize};

/// What multiplied the rows. Another kernel gives other last bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// `f64`, as faer multiplies on this machine.
    #[default]
    F64,
    /// `f32` without fused products.
    Portable,
    /// `f32` with AVX2.
    Avx2,
    /// `f32` with AVX-512, which gives the same bits as AVX2.
    Avx512,
}

impl Kernel {
    /// That of products in `f32` on this thread.
    pub(crate) fn of_f32() -> Self {
        match instruction_set() {
            InstructionSet::Portable => Self::Portable,
            InstructionSet::Avx2Fma => Self::Avx2,
            InstructionSet::Avx512 => Self::Avx512,
        }
    }
}

/// Number, mean, covariance and a sample of the rows.
pub(crate) struct Moments {
    pub(crate) n: usize,
    pub(crate) mean: Vec<f64>,
    /// Both triangles, divided by `n - 1`.
    pub(crate) covariance: Mat<f64>,
    /// Some of the rows, `rows x d`.
    pub(crate) sample: Vec<f32>,
    /// The greatest error found in a block's sums, relative to the root of the two columns' sums of squares.
    pub(crate) rounding: f64,
    /// What multiplied them.
    pub(crate) kernel: Kernel,
}
