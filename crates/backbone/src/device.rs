//! Where the numbers are computed.

#[cfg(feature = "cuda")]
mod pool;

use candle_core::Device;
use latentwalk_engine::PlanKernels;

use crate::error::{Error, Result};
use crate::precision::Precision;

/// A device that networks live on; made by [`parse_device`].
#[derive(Debug, Clone)]
pub struct BackboneDevice {
    pub(crate) device: Device,
}

impl BackboneDevice {
    /// Runs `f`, on the processor within the engine's pool.
    pub(crate) fn on_pool<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        if self.device.is_cpu() { latentwalk_engine::on_pool(f) } else { f() }
    }

    /// The processor.
    pub fn cpu() -> Self {
        BackboneDevice { device: Device::Cpu }
    }

    /// `cpu` or `cuda`: what an artifact's key should name.
    pub fn kind(&self) -> &'static str {
        if self.device.is_cpu() { "cpu" } else { "cuda" }
    }

    /// Tells cuBLAS in which numbers products of 32-bit floats are to be made from now on. Candle keeps that once per process.
    pub(crate) fn set_products(&self, precision: Precision) {
        if !self.device.is_cpu() {
            candle_core::cuda::set_gemm_reduced_precision_f32(precision == Precision::Tf32);
        }
    }

    /// Most memory that tensors have taken on the card at once, in bytes, since the device was opened or this was last asked;
    /// `None` on the processor, and where the driver does not tell.
    pub fn take_peak_memory(&self) -> Option<u64> {
        #[cfg(feature = "cuda")]
        if let Device::Cuda(card) = &self.device {
            return pool::take_peak(card);
        }
        None
    }

    /// Whether the device trains in a precision: to be asked before anything is prepared for training.
    ///
    /// **Errors** [`Error::Precision`], with what to take instead.
    pub fn check_training(&self, precision: Precision) -> Result<()> {
        let there = match precision {
            Precision::F32 => true,
            Precision::Tf32 | Precision::Bf16 => !self.device.is_cpu(),
            Precision::Bf16Emulated => false,
        };
        self.refuse_unless(there, precision, "trains in f32 only", "leave the precision out, or take a CUDA device")
    }

    /// Whether the device evaluates in a precision: to be asked before a network is trained for it.
    ///
    /// **Errors** [`Error::Precision`], with what to take instead.
    pub fn check_evaluation(&self, precision: Precision) -> Result<()> {
        let (there, reason, remedy) = match precision {
            Precision::F32 => (true, "", ""),
            Precision::Tf32 => (!self.device.is_cpu(), "has no products in tf32", "take f32, or a CUDA device"),
            Precision::Bf16 => (
                !self.device.is_cpu() || multiplies_bf16(),
                "has neither AMX-BF16 nor AVX512-BF16",
                "take f32, or bf16-emulated to see what bf16 does",
            ),
            Precision::Bf16Emulated => (self.device.is_cpu(), "multiplies bfloat16 itself", "take bf16"),
        };
        self.refuse_unless(there, precision, reason, remedy)
    }

    fn refuse_unless(&self, there: bool, precision: Precision, reason: &str, remedy: &'static str) -> Result<()> {
        let (precision, device) = (precision.name(), self.kind());
        let error = || Error::Precision { precision, device, reason: reason.to_owned(), remedy };
        if there { Ok(()) } else { Err(error()) }
    }
}

/// Whether this processor has instructions for products of bfloat16 that plans can use: AMX-BF16 or AVX512-BF16.
pub fn multiplies_bf16() -> bool {
    PlanKernels::best_bf16().multiplies_bf16()
}

/// The device that `name` stands for: `cpu`, `cuda` (the first card) or `cuda:N`.
///
/// **Errors** an unknown name; CUDA in a build without it; a card that cannot be opened.
///
/// **Example**
/// ```
/// assert_eq!(latentwalk_backbone::parse_device("cpu")?.kind(), "cpu");
/// # Ok::<(), latentwalk_backbone::Error>(())
/// ```
pub fn parse_device(name: &str) -> Result<BackboneDevice> {
    let unknown = || Error::Unknown { what: "device", name: name.to_owned(), known: vec!["cpu", "cuda", "cuda:0"] };
    let ordinal = match name {
        "cpu" => return Ok(BackboneDevice::cpu()),
        "cuda" => 0,
        _ => name.strip_prefix("cuda:").ok_or_else(unknown)?.parse().map_err(|_| unknown())?,
    };
    open_cuda(name, ordinal)
}

#[cfg(feature = "cuda")]
fn open_cuda(name: &str, ordinal: usize) -> Result<BackboneDevice> {
    let failed = |source| Error::Device { device: name.to_owned(), source: Box::new(source) };
    // A stream of its own: `new_cuda` takes one per thread, and work of several threads would not be in order.
    let device = Device::new_cuda_with_stream(ordinal).map_err(failed)?;
    if let Device::Cuda(card) = &device {
        pool::keep(card);
    }
    Ok(BackboneDevice { device })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(name: &str, _ordinal: usize) -> Result<BackboneDevice> {
    Err(Error::Device { device: name.to_owned(), source: "this build has no CUDA".into() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    #[cfg(not(feature = "cuda"))]
    use crate::testing::told;

    #[test]
    fn names_are_checked() {
        assert_eq!(parse_device("cpu").unwrap().kind(), "cpu");
        for bad in ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert!(matches!(parse_device(bad), Err(Error::Unknown { what: "device", .. })), "{bad}");
        }
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_keeps_the_memory_that_was_freed() {
        let Some(device) = crate::testing::card() else { return };
        let Device::Cuda(card) = &device.device else { panic!("another device") };
        let bytes = 64 << 20;
        drop(candle_core::Tensor::zeros(bytes, candle_core::DType::U8, &device.device).unwrap());
        device.device.synchronize().unwrap();
        assert!(pool::held(card).unwrap() >= bytes as u64);
        assert!(device.take_peak_memory().unwrap() >= bytes as u64);
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn cuda_without_the_feature_says_how_to_build() {
        let message = told(&parse_device("cuda:0").unwrap_err());
        assert!(message.contains("`cuda:0` cannot be used: this build has no CUDA"), "{message}");
        assert!(message.contains("--features cuda"), "{message}");
    }
}
