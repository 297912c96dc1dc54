//! The kernels of a plan, one table of functions for each instruction set.

use std::sync::OnceLock;

use super::bf16::{self, ConvKernels, Kernels16};
use super::block::{self, Product};
use super::lanes::{Lanes, Portable};
use super::transform::{self, From, Into};

/// Pixels of one pooling window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) pixels: &'a [*const f32],
    pub(super) channels: usize,
    pub(super) out: *mut f32,
}

/// Functions compiled for one instruction set. All are unsafe: see the functions of the same name that they wrap.
#[derive(Debug)]
pub(super) struct Kernels {
    pub(super) name: &'static str,
    /// Rows and columns of the register block.
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) product: unsafe fn(&Product),
    pub(super) into4: unsafe fn(&Into),
    pub(super) into6: unsafe fn(&Into),
    pub(super) from4: unsafe fn(&From),
    pub(super) from6: unsafe fn(&From),
    pub(super) largest: unsafe fn(&Window<'_>),
}

/// The tables of a plan: for `f32`, for bfloat16, and for `f32` in bfloat16 parts where that can be faster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    pub(super) single: &'static Kernels,
    pub(super) half: &'static Kernels16,
    pub(super) split: Option<&'static ConvKernels<f32>>,
}

/// Which kernels a plan uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanKernels {
    /// What every processor of the target has, through the compiler's vectoriser.
    Portable,
    /// 256-bit vectors with fused multiply-add, on x86-64.
    Avx2Fma,
    /// 512-bit vectors, on x86-64.
    Avx512,
    /// As [`PlanKernels::Avx512`], with the instruction for products of bfloat16.
    Avx512Bf16,
    /// As [`PlanKernels::Avx512Bf16`], with products of bfloat16 in AMX tiles; those of `f32` too, as sums of six, where that
    /// is faster: numbers beyond 3.39e38 then give what infinity gives, and ones below 1.2e-38 may count as zero.
    Amx,
    /// Two 128-bit vectors at a time with fused multiply-add, on AArch64. Its tests have run under an emulator only.
    Neon,
}

impl PlanKernels {
    /// The kernels for [`PlanPrecision::Bf16`](super::PlanPrecision) that this machine can run, the fastest first. Where
    /// [`PlanKernels::multiplies_bf16`] does not hold they emulate it, slower than `f32`.
    pub fn available_bf16() -> Vec<PlanKernels> {
        let all = [PlanKernels::Amx, PlanKernels::Avx512Bf16, PlanKernels::Avx2Fma, PlanKernels::Portable];
        all.into_iter().filter(|kernels| kernels.is_available()).collect()
    }

    /// The fastest kernels for bfloat16 that this machine can run; the portable ones inside
    /// [`crate::with_portable_kernels`].
    pub fn best_bf16() -> PlanKernels {
        if crate::instruction_set::portable_is_asked_for() {
            return PlanKernels::Portable;
        }
        Self::available_bf16().first().copied().unwrap_or(PlanKernels::Portable)
    }

    /// Whether the kernels have instructions for products of bfloat16.
    pub fn multiplies_bf16(self) -> bool {
        matches!(self, PlanKernels::Amx | PlanKernels::Avx512Bf16)
    }

    /// The `f32` kernels that this machine can run, the fastest first.
    pub fn available() -> Vec<PlanKernels> {
        let all =
            [PlanKernels::Amx, PlanKernels::Avx512, PlanKernels::Avx2Fma, PlanKernels::Neon, PlanKernels::Portable];
        all.into_iter().filter(|kernels| kernels.is_available()).collect()
    }

    /// The fastest kernels that this machine can run; the portable ones inside [`crate::with_portable_kernels`].
    pub fn best() -> PlanKernels {
        static BEST: OnceLock<PlanKernels> = OnceLock::new();
        if crate::instruction_set::portable_is_asked_for() {
            return PlanKernels::Portable;
        }
        *BEST.get_or_init(|| Self::available().first().copied().unwrap_or(PlanKernels::Portable))
    }

    /// Whether this machine can run the kernels.
    pub fn is_available(self) -> bool {
        match self {
            PlanKernels::Portable => true,
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx2Fma => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx512Bf16 => PlanKernels::Avx512.is_available() && is_x86_feature_detected!("avx512bf16"),
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Amx => PlanKernels::Avx512Bf16.is_available() && bf16::amx_is_available(),
            #[cfg(target_arch = "aarch64")]
            PlanKernels::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            _ => false,
        }
    }

    pub(super) fn tables(self) -> Tables {
        let split = match self {
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Amx if self.is_available() => Some(&bf16::amx_kernels::SPLIT),
            _ => None,
        };
        Tables { single: self.table(), half: self.table16(), split }
    }

    /// The table; the portable one where the machine lacks the instructions, so that its functions can always be called.
    pub(super) fn table(self) -> &'static Kernels {
        match self {
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx2Fma if self.is_available() => &avx2::KERNELS,
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx512 | PlanKernels::Avx512Bf16 | PlanKernels::Amx if self.is_available() => &avx512::KERNELS,
            #[cfg(target_arch = "aarch64")]
            PlanKernels::Neon if self.is_available() => &neon::KERNELS,
            _ => &portable::KERNELS,
        }
    }

    /// The table for bfloat16, as [`PlanKernels::table`].
    pub(super) fn table16(self) -> &'static Kernels16 {
        match self {
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Amx if self.is_available() => &bf16::amx_kernels::KERNELS,
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx512Bf16 if self.is_available() => &bf16::avx512_kernels::KERNELS,
            #[cfg(target_arch = "x86_64")]
            PlanKernels::Avx512 | PlanKernels::Avx2Fma if PlanKernels::Avx2Fma.is_available() => {
                &bf16::avx2_kernels::KERNELS
            }
            _ => &bf16::portable_kernels::KERNELS,
        }
    }
}

/// The largest value of each channel over the window's pixels.
///
/// # Safety
/// The processor must have the instructions of `L`; the window has a pixel, and every address must be valid for
/// `channels` floats.
#[inline(always)]
unsafe fn largest<L: Lanes>(window: &Window<'_>) {
    let mut at = 0;
    while at < window.channels {
        let lanes = (window.channels - at).min(L::N);
        // SAFETY: the caller's promise; only channels below the last are touched.
        unsafe {
            let load = |p: *const f32| if lanes == L::N { L::load(p.add(at)) } else { L::load_first(p.add(at), lanes) };
            let mut best = load(window.pixels[0]);
            for &pixel in &window.pixels[1..] {
                best = best.larger(load(pixel));
            }
            if lanes == L::N {
                best.store(window.out.add(at));
            } else {
                best.store_first(window.out.add(at), lanes);
            }
        }
        at += lanes;
    }
}

macro_rules! kernels {
    ($module:ident, $name:literal, $lanes:ty, $rows:literal $(, $feature:literal)?) => {
        mod $module {
            use super::*;

            /// # Safety
            /// As [`block::run`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn run(product: &Product) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::run::<$lanes, $rows>(product) }
            }

            /// # Safety
            /// As [`transform::into`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn into<const S: usize>(tile: &Into) {
                // SAFETY: the caller's promise is passed on.
                unsafe { transform::into::<$lanes, S>(tile) }
            }

            /// # Safety
            /// As [`transform::from`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn from<const S: usize, const T: usize>(tile: &From) {
                // SAFETY: the caller's promise is passed on.
                unsafe { transform::from::<$lanes, S, T>(tile) }
            }

            /// # Safety
            /// As [`super::largest`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn largest(window: &Window<'_>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { super::largest::<$lanes>(window) }
            }

            pub(super) static KERNELS: Kernels = Kernels {
                name: $name,
                rows: $rows,
                columns: 2 * <$lanes>::N,
                product: run,
                into4: into::<4>,
                into6: into::<6>,
                from4: from::<4, 2>,
                from6: from::<6, 4>,
                largest,
            };
        }
    };
}

kernels!(portable, "portable", Portable, 6);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, "AVX2 and FMA", crate::plan::lanes_x86::Avx2, 6, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx512, "AVX-512", crate::plan::lanes_x86::Avx512, 8, "avx512f");
#[cfg(target_arch = "aarch64")]
kernels!(neon, "NEON", crate::plan::lanes_neon::Neon, 6, "neon");
