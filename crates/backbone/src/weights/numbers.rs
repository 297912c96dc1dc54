//! Number types of checkpoints, all turned into `f32`.

use safetensors::Dtype;

/// A number type in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

impl Kind {
    /// The type of a torch storage class.
    pub(super) fn of_storage(name: &str) -> Option<Kind> {
        Some(match name.strip_suffix("Storage")? {
            "Double" => Kind::F64,
            "Float" => Kind::F32,
            "Half" => Kind::F16,
            "BFloat16" => Kind::Bf16,
            "Long" => Kind::I64,
            "Int" => Kind::I32,
            "Short" => Kind::I16,
            "Char" => Kind::I8,
            "Byte" => Kind::U8,
            "Bool" => Kind::Bool,
            _ => return None,
        })
    }

    /// The type of a safetensors entry; `None` for those that weights do not have.
    pub(super) fn of_safetensors(dtype: Dtype) -> Option<Kind> {
        Some(match dtype {
            Dtype::F64 => Kind::F64,
            Dtype::F32 => Kind::F32,
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::Bf16,
            Dtype::I64 => Kind::I64,
            _ => return None,
        })
    }

    /// Bytes of one value.
    pub(super) fn size(self) -> usize {
        match self {
            Kind::F64 | Kind::I64 => 8,
            Kind::F32 | Kind::I32 => 4,
            Kind::F16 | Kind::Bf16 | Kind::I16 => 2,
            Kind::I8 | Kind::U8 | Kind::Bool => 1,
        }
    }

    /// Little-endian values as `f32`; `None` for types that weights do not have.
    pub(super) fn values(self, bytes: &[u8]) -> Option<Vec<f32>> {
        fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
            bytes.as_chunks().0.iter().map(|bytes| value(*bytes)).collect()
        }
        Some(match self {
            Kind::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Kind::F32 => each(bytes, f32::from_le_bytes),
            Kind::F16 => each(bytes, |b| half(u16::from_le_bytes(b))),
            Kind::Bf16 => each(bytes, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
            Kind::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Kind::I32 | Kind::I16 | Kind::I8 | Kind::U8 | Kind::Bool => return None,
        })
    }
}

/// IEEE 754 binary16: 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    let magnitude = match exponent {
        // Below the smallest normal number: multiples of 2 to the power of -24.
        0 => fraction as f32 / 16_777_216.0,
        31 => f32::from_bits(0x7f80_0000 | fraction << 13),
        _ => f32::from_bits((exponent + 112) << 23 | fraction << 13),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_the_standard_says() {
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, expected) in cases {
            assert_eq!(half(bits).to_bits(), f32::to_bits(expected), "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_type_gives_its_values() {
        assert_eq!(Kind::F64.values(&1.5f64.to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(Kind::F64.values(&1e300f64.to_le_bytes()).unwrap(), [f32::INFINITY]);
        assert_eq!(Kind::F32.values(&[1.5f32, -2.0].map(f32::to_le_bytes).concat()).unwrap(), [1.5, -2.0]);
        assert_eq!(Kind::Bf16.values(&[0xc0, 0x3f]).unwrap(), [1.5]);
        assert_eq!(Kind::I64.values(&(-3i64).to_le_bytes()).unwrap(), [-3.0]);
        assert_eq!(Kind::Bool.values(&[1]), None);
    }
}
