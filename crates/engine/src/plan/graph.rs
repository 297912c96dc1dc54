//! What a plan is compiled from: plain data.

use std::borrow::Cow;
use std::fmt;

/// Where a node's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// The images themselves.
    Images,
    /// The result of an earlier node, counted from 0.
    Node(usize),
}

/// The values of a tensor.
pub enum Values<'a> {
    /// Values that lie somewhere.
    Borrowed(&'a [f32]),
    /// Values that are handed over when their layer is packed, and freed right after it.
    Later {
        /// Number of values.
        len: usize,
        /// Hands them over.
        produce: Box<dyn FnOnce() -> Vec<f32> + 'a>,
    },
}

impl<'a> Values<'a> {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Values::Borrowed(values) => values.len(),
            Values::Later { len, .. } => *len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn produce(self) -> Cow<'a, [f32]> {
        match self {
            Values::Borrowed(values) => Cow::Borrowed(values),
            Values::Later { produce, .. } => Cow::Owned(produce()),
        }
    }
}

impl fmt::Debug for Values<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Borrowed(values) => f.debug_tuple("Borrowed").field(values).finish(),
            Values::Later { len, .. } => f.debug_struct("Later").field("len", len).finish_non_exhaustive(),
        }
    }
}

/// A tensor and its name, which messages give.
#[derive(Debug)]
pub struct Weights<'a> {
    /// The name, as in the weights' file.
    pub name: String,
    /// Its values.
    pub values: Values<'a>,
}

/// BatchNorm with running statistics, one value per channel.
#[derive(Debug)]
pub struct Norm<'a> {
    /// Scale.
    pub gamma: Weights<'a>,
    /// Shift.
    pub beta: Weights<'a>,
    /// Running mean.
    pub mean: Weights<'a>,
    /// Running variance.
    pub variance: Weights<'a>,
    /// What is added to the variance before its root is taken.
    pub eps: f64,
}

/// A convolution and all that is fused with it: `relu(norm(conv(input)) + add)`.
///
/// A fully connected layer is a convolution with a kernel of 1 on a vector, which is an image of one pixel.
#[derive(Debug)]
pub struct Conv<'a> {
    /// What is convolved.
    pub input: Value,
    /// `[out_channels, in_channels, kernel, kernel]`, as torch stores them.
    pub weight: Weights<'a>,
    /// One value for each output channel.
    pub bias: Option<Weights<'a>>,
    /// BatchNorm behind the convolution.
    pub norm: Option<Norm<'a>>,
    /// Channels of the result.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step of the kernel.
    pub stride: usize,
    /// Zeros added on each side.
    pub padding: usize,
    /// What is added behind BatchNorm; of the result's shape.
    pub add: Option<Value>,
    /// Whether ReLU ends the node.
    pub relu: bool,
}

/// One step of a network.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all nodes are convolutions")]
pub enum Node<'a> {
    /// A convolution or a fully connected layer.
    Conv(Conv<'a>),
    /// The largest value of each window; padding never wins.
    MaxPool {
        /// What is pooled.
        input: Value,
        /// Side of the square window.
        kernel: usize,
        /// Step of the window.
        stride: usize,
        /// Pixels added on each side, less than the kernel.
        padding: usize,
    },
    /// The mean over all pixels.
    GlobalAvgPool {
        /// What is pooled.
        input: Value,
    },
}

impl Node<'_> {
    /// What the node reads, beside what it adds.
    pub(super) fn input(&self) -> Value {
        match self {
            Node::Conv(conv) => conv.input,
            Node::MaxPool { input, .. } | Node::GlobalAvgPool { input } => *input,
        }
    }
}

/// A network: nodes in the order of their work.
#[derive(Debug)]
pub struct Graph<'a> {
    /// Channels of the images.
    pub channels: usize,
    /// The nodes; each reads only images and earlier nodes.
    pub nodes: Vec<Node<'a>>,
}

/// Why a network cannot be compiled: the one error type of the crate. Callers match [`Error::NonFinite`], which is the weights'
/// fault; with the others a network can still be evaluated in another way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A tensor holds NaN or infinite values, or BatchNorm makes them.
    #[error("tensor `{name}` holds NaN or infinite values, or gives them with its BatchNorm\nhint: load sound weights")]
    NonFinite {
        /// The tensor.
        name: String,
    },
    /// A tensor has the wrong number of values.
    #[error("tensor `{name}` has {got} values but its layer needs {expected}")]
    WeightCount {
        /// The tensor.
        name: String,
        /// Values that the layer needs.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// A node does not fit what it reads: the order of nodes, a window, or the shape of what is added.
    #[error("node {node} {problem}")]
    Node {
        /// The node.
        node: usize,
        /// What does not fit, with the sizes.
        problem: String,
    },
    /// A node adds a result of the other precision than its own: behind the mean over all pixels, results are `f32`.
    #[error("node {node} adds values of another precision than its own\nhint: compile the network for f32")]
    MixedPrecision {
        /// The node.
        node: usize,
    },
    /// The network has no node, no channel or no pixel.
    #[error("the network has no nodes, or its images have no pixels or channels")]
    Empty,
}
