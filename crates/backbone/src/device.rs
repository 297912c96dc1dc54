//! Where the numbers are computed.

use candle_core::Device;

use crate::error::{BackboneError, Result};
use crate::options::Precision;

/// A device that networks live on; made by [`parse_device`].
#[derive(Debug, Clone)]
pub struct BackboneDevice {
    pub(crate) device: Device,
}

impl BackboneDevice {
    /// The processor.
    pub fn cpu() -> Self {
        BackboneDevice { device: Device::Cpu }
    }

    /// `cpu` or `cuda`: what an artifact's key should name.
    pub fn kind(&self) -> &'static str {
        if self.device.is_cpu() { "cpu" } else { "cuda" }
    }

    /// Whether the device multiplies in a precision.
    pub(crate) fn check(&self, precision: Precision) -> Result<()> {
        match precision {
            Precision::Bf16 if self.device.is_cpu() => {
                Err(BackboneError::PrecisionOfDevice { precision: "bf16", device: self.kind().to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// The device that `name` stands for: `cpu`, `cuda` (the first card) or `cuda:N`.
///
/// **Errors** an unknown name; CUDA in a build without it; a card that cannot be opened.
///
/// **Example**
/// ```
/// assert_eq!(latentwalk_backbone::parse_device("cpu")?.kind(), "cpu");
/// # Ok::<(), latentwalk_backbone::BackboneError>(())
/// ```
pub fn parse_device(name: &str) -> Result<BackboneDevice> {
    let unknown = || BackboneError::UnknownDevice { device: name.to_owned() };
    let ordinal = match name {
        "cpu" => return Ok(BackboneDevice::cpu()),
        "cuda" => 0,
        _ => name.strip_prefix("cuda:").ok_or_else(unknown)?.parse().map_err(|_| unknown())?,
    };
    open_cuda(name, ordinal)
}

#[cfg(feature = "cuda")]
fn open_cuda(name: &str, ordinal: usize) -> Result<BackboneDevice> {
    let failed = |source: candle_core::Error| {
        // A backtrace may follow the first line.
        let reason = source.to_string().lines().next().unwrap_or_default().to_owned();
        BackboneError::DeviceFailed { device: name.to_owned(), reason }
    };
    let device = Device::new_cuda(ordinal).map_err(failed)?;
    Ok(BackboneDevice { device })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(name: &str, _ordinal: usize) -> Result<BackboneDevice> {
    Err(BackboneError::CudaNotBuilt { device: name.to_owned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(parse_device("cpu").unwrap().kind(), "cpu");
        for bad in ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU"] {
            assert!(matches!(parse_device(bad), Err(BackboneError::UnknownDevice { .. })), "{bad}");
        }
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn cuda_without_the_feature_says_how_to_build() {
        let message = parse_device("cuda:0").unwrap_err().to_string();
        assert!(message.contains("--features cuda") && message.contains("cuda:0"), "{message}");
    }
}
