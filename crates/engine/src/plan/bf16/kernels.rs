//! The kernels for bfloat16, one table of functions for each instruction set.

use super::block::{self, Finish, Product, Window16};
use crate::plan::lanes::{Lanes, Portable};

/// Functions compiled for one instruction set. All are unsafe: see the functions of the same name that they wrap.
#[derive(Debug)]
pub(in crate::plan) struct Kernels16 {
    pub(in crate::plan) name: &'static str,
    /// Columns of a panel: two vectors.
    pub(super) columns: usize,
    /// To be called on a thread before its products.
    pub(super) begin: unsafe fn(),
    pub(super) product: unsafe fn(&Product<'_>),
    /// To be called on a thread after its products.
    pub(super) end: unsafe fn(),
    pub(super) finish: unsafe fn(&Finish),
    /// Asks for the lines that `finish` will touch, beside those of the sums.
    pub(super) ask: unsafe fn(&Finish),
    pub(super) largest: unsafe fn(&Window16<'_>),
}

macro_rules! kernels {
    ($module:ident, $name:literal, $lanes:ty, $rows:literal $(, $feature:literal)?) => {
        pub(in crate::plan) mod $module {
            use super::*;

            /// # Safety
            /// As [`block::run`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn run(product: &Product<'_>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::run::<$lanes, $rows>(product) }
            }

            /// # Safety
            /// As [`block::finish`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn finish(end: &Finish) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::finish::<$lanes>(end) }
            }

            /// # Safety
            /// As [`block::ask`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn ask(end: &Finish) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::ask::<$lanes>(end) }
            }

            /// # Safety
            /// As [`block::largest`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn largest(window: &Window16<'_>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::largest::<$lanes>(window) }
            }

            pub(in crate::plan) static KERNELS: Kernels16 = Kernels16 {
                name: $name,
                columns: 2 * <$lanes>::N,
                begin: || {},
                product: run,
                end: || {},
                finish,
                ask,
                largest,
            };
        }
    };
}

kernels!(portable, "bfloat16 emulated", Portable, 6);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, "bfloat16 emulated by AVX2 and FMA", crate::plan::lanes_x86::Avx2, 4, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx512, "AVX512-BF16", crate::plan::lanes_x86::Avx512, 12, "avx512f,avx512bf16");

/// Tiles for the products; all else as with AVX512-BF16.
#[cfg(target_arch = "x86_64")]
pub(in crate::plan) mod amx {
    use super::super::amx::{begin, end, run};
    use super::{Kernels16, avx512};

    pub(in crate::plan) static KERNELS: Kernels16 =
        Kernels16 { name: "AMX-BF16", begin, product: run, end, ..avx512::KERNELS };
}
