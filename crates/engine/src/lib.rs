//! Channels-last (NHWC) `f32` kernels on plain slices: what a residual network needs to train and to run on a CPU.
//!
//! Every function takes its input as slices, writes its whole output and keeps nothing. Work is spread over the
//! current rayon pool in pieces whose size depends on the shapes alone, and partial sums are added in a fixed order:
//! **the bytes of a result do not depend on the number of threads**. They do depend on the instruction set, which is
//! found once at run time ([`instruction_set`]).
//!
//! | kernels | functions |
//! |---|---|
//! | convolution | [`conv2d`], [`conv2d_grad_input`], [`conv2d_grad_weight`] |
//! | fully connected | [`linear`], [`linear_grad_input`], [`linear_grad_weight`] |
//! | normalisation | [`batch_norm_train`], [`batch_norm_train_grad`], [`scale_shift`], [`scale_shift_grad`] |
//! | residual join | [`add_relu`], [`add_relu_grad`] |
//! | pooling | [`max_pool`], [`max_pool_grad`], [`global_avg_pool`], [`global_avg_pool_grad`] |
//! | optimizers | [`adamw_step`], [`sgd_step`] |
//! | covariance, projection | [`Gram`], [`Affine`] |
//! | evaluation of a whole network | [`Plan`], compiled from a [`Graph`] |
//!
//! All three products of a convolution are matrix products of one register-blocked kernel (`gemm`): the left matrix is
//! read where windows lie in the activations ([`ConvShape`] describes them), the right one is packed once.
//!
//! # Example
//!
//! A fully connected layer of two inputs and one output, forward and backward:
//!
//! ```
//! use latentwalk_engine::{linear, linear_grad_input, linear_grad_weight};
//!
//! let (batch, inputs, outputs) = (2, 2, 1);
//! let (x, weight) = ([1.0, 2.0, 3.0, 4.0], [10.0, 1.0]);
//! let mut y = [0.0; 2];
//! linear(batch, inputs, outputs, &x, &weight, Some(&[0.5]), &mut y);
//! assert_eq!(y, [12.5, 34.5]);
//!
//! // The loss is the sum of y: its gradient by y is 1.
//! let (by_y, mut by_x, mut by_weight, mut by_bias) = ([1.0, 1.0], [0.0; 4], [0.0; 2], [0.0]);
//! linear_grad_input(batch, inputs, outputs, &by_y, &weight, &mut by_x);
//! linear_grad_weight(batch, inputs, outputs, &x, &by_y, &mut by_weight, &mut by_bias);
//! assert_eq!((by_x, by_weight, by_bias), ([10.0, 1.0, 10.0, 1.0], [4.0, 6.0], [2.0]));
//! ```
//!
//! # Panics
//!
//! Slice lengths are part of each function's contract: a length that does not fit the shape panics with a message
//! naming the slice. The callers are this workspace's own crates, which derive both from one tensor.

mod affine;
mod aligned;
mod conv;
mod conv_weight;
mod elementwise;
mod gemm;
mod gram;
mod instruction_set;
mod kernel;
mod linear;
mod memory;
mod norm;
mod optimizer;
mod peak;
mod plan;
mod pool;
mod reduce;
mod scale_shift;
mod scratch;
mod shape;
mod view;
mod window;

pub use affine::Affine;
pub use conv::{conv2d, conv2d_grad_input};
pub use conv_weight::conv2d_grad_weight;
pub use elementwise::{add_relu, add_relu_grad};
pub use gram::{Gram, GramTile};
pub use instruction_set::{InstructionSet, instruction_set, on_pool, with_portable_kernels};
pub use linear::{linear, linear_grad_input, linear_grad_weight};
pub use memory::{give_back_freed_memory, keep_freed_memory, unspecified};
pub use norm::{BatchStats, batch_norm_train, batch_norm_train_grad};
pub use optimizer::{AdamW, adamw_step, sgd_step};
pub use peak::{PEAK_FLOPS_PER_ROUND, peak_rounds};
pub use plan::{
    Conv, Convolution, Error, Graph, Node, Norm, Plan, PlanKernels, PlanOptions, PlanPrecision, Value, Values, Weights,
};
pub use pool::{global_avg_pool, global_avg_pool_grad, max_pool, max_pool_grad};
pub use scale_shift::{scale_shift, scale_shift_grad};
pub use shape::{ConvShape, PoolShape};

/// Asserts that a slice has the length that its shape asks for.
#[track_caller]
fn check_len(name: &str, slice: &[f32], expected: usize) {
    assert!(
        slice.len() == expected,
        "engine: `{name}` holds {} numbers, but its shape asks for {expected}",
        slice.len()
    );
}

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
