//! The kernels for products of bfloat16 values, tables of functions for each instruction set.

use super::block::{self, Finish, Product, Split, Window16};
use crate::plan::lanes::{Lanes, Portable};

/// A convolution's functions for activations of `T`, compiled for one instruction set. All are unsafe: see the functions
/// of the same name that they wrap.
#[derive(Debug)]
pub(in crate::plan) struct ConvKernels<T> {
    pub(in crate::plan) name: &'static str,
    /// Columns of a panel: two vectors.
    pub(super) columns: usize,
    /// To be called on a thread before its products.
    pub(super) begin: unsafe fn(),
    pub(super) product: unsafe fn(&Product<'_>),
    /// To be called on a thread after its products.
    pub(super) end: unsafe fn(),
    pub(super) finish: unsafe fn(&Finish<T>),
    /// Asks for the lines that `finish` will touch, beside those of the sums.
    pub(super) ask: unsafe fn(&Finish<T>),
    pub(super) split: unsafe fn(&Split),
}

/// The functions of a bfloat16 plan.
#[derive(Debug)]
pub(in crate::plan) struct Kernels16 {
    pub(in crate::plan) conv: ConvKernels<u16>,
    pub(super) largest: unsafe fn(&Window16<'_>),
}

macro_rules! kernels {
    ($module:ident, $name:literal, $lanes:ty, $rows:literal $(, $feature:literal)?) => {
        pub(in crate::plan) mod $module {
            use super::*;

            /// # Safety
            /// As [`block::run`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn run<const P: usize>(product: &Product<'_>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::run::<$lanes, $rows, P>(product) }
            }

            /// # Safety
            /// As [`block::finish`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn finish<T: block::Stored>(end: &Finish<T>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::finish::<$lanes, T>(end) }
            }

            /// # Safety
            /// As [`block::ask`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn ask<T: block::Stored>(end: &Finish<T>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::ask::<$lanes, T>(end) }
            }

            /// # Safety
            /// As [`block::split`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn split(numbers: &Split) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::split::<$lanes>(numbers) }
            }

            /// # Safety
            /// As [`block::largest`].
            $(#[target_feature(enable = $feature)])?
            unsafe fn largest(window: &Window16<'_>) {
                // SAFETY: the caller's promise is passed on.
                unsafe { block::largest::<$lanes>(window) }
            }

            pub(in crate::plan) static KERNELS: Kernels16 = Kernels16 {
                conv: ConvKernels {
                    name: $name,
                    columns: 2 * <$lanes>::N,
                    begin: || {},
                    product: run::<1>,
                    end: || {},
                    finish: finish::<u16>,
                    ask: ask::<u16>,
                    split,
                },
                largest,
            };

            /// For `f32`, in three parts.
            #[cfg_attr(not(test), allow(dead_code))]
            pub(in crate::plan) static SPLIT: ConvKernels<f32> = ConvKernels {
                name: $name,
                columns: 2 * <$lanes>::N,
                begin: || {},
                product: run::<3>,
                end: || {},
                finish: finish::<f32>,
                ask: ask::<f32>,
                split,
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
    use super::super::amx::{begin, end, run, run_split};
    use super::{ConvKernels, Kernels16, avx512};

    pub(in crate::plan) static KERNELS: Kernels16 = Kernels16 {
        conv: ConvKernels { name: "AMX-BF16", begin, product: run, end, ..avx512::KERNELS.conv },
        ..avx512::KERNELS
    };

    pub(in crate::plan) static SPLIT: ConvKernels<f32> =
        ConvKernels { name: "AVX-512 and AMX-BF16", begin, product: run_split, end, ..avx512::SPLIT };
}
