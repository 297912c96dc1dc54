//! Shapes of a network's results, and the algorithm of each layer.

use super::bf16::Conv16;
use super::direct::Direct;
use super::fold::fold;
use super::graph::{Conv, Error, Graph, Node, Value, Weights};
use super::kernels::Tables;
use super::layer::Sizes;
use super::winograd::Winograd;
use super::{Convolution, Kind, PlanPrecision, Step};
use crate::PoolShape;

/// What fetching a layer's weights from memory costs, as the rows of a product that take as long, for one image alone.
const FETCH_ROWS: f64 = 24.0;
/// What the transforms of a Winograd layer cost, as the channels of a product that take as long.
const TRANSFORM_CHANNELS: f64 = 10.0;
/// Floats that transformed weights may take beyond the plain ones: with 512 channels in and out those of `F(4 x 4)` would
/// take 28 MB more.
const TRANSFORMED_FLOATS: usize = 1 << 21;

/// Pixels of a result from which on a layer may be multiplied in bfloat16 parts.
const SPLIT_PIXELS: usize = 128;
/// Output channels from which on, since each number is split once for all of them.
const SPLIT_OUTPUTS: usize = 128;
/// Input channels from which on: with fewer a tile's depth is not filled.
const SPLIT_INPUTS: usize = 32;

impl Graph<'_> {
    /// Refuses, without taking a value, all that [`super::Plan::compile`] refuses but values that are not finite.
    ///
    /// **Errors** [`Error`].
    pub fn check(&self, height: usize, width: usize) -> Result<(), Error> {
        let image = [height, width, self.channels];
        let shapes = shapes(self, image)?;
        let convs = self.nodes.iter().filter_map(|node| match node {
            Node::Conv(conv) => Some(conv),
            Node::MaxPool { .. } | Node::GlobalAvgPool { .. } => None,
        });
        for conv in convs {
            let channels = match conv.input {
                Value::Images => self.channels,
                Value::Node(input) => shapes[input][2],
            };
            let count = |weights: &Weights<'_>, expected: usize| match weights.values.len() {
                got if got == expected => Ok(()),
                got => Err(Error::WeightCount { name: weights.name.clone(), expected, got }),
            };
            count(&conv.weight, conv.out_channels * channels * conv.kernel * conv.kernel)?;
            let norm = conv.norm.iter().flat_map(|norm| [&norm.gamma, &norm.beta, &norm.mean, &norm.variance]);
            conv.bias.iter().chain(norm).try_for_each(|weights| count(weights, conv.out_channels))?;
        }
        Ok(())
    }
}

/// Height, width and channels of every node's result.
pub(super) fn shapes(graph: &Graph<'_>, image: [usize; 3]) -> Result<Vec<[usize; 3]>, Error> {
    if graph.nodes.is_empty() || image.contains(&0) {
        return Err(Error::Empty);
    }
    let mut shapes: Vec<[usize; 3]> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let shape_of = |value| match value {
            Value::Images => Ok(image),
            Value::Node(input) => shapes.get(input).copied().ok_or_else(|| Error::Node {
                node: index,
                problem: format!("reads node {input}, which does not come before it"),
            }),
        };
        let shape = match node {
            Node::Conv(conv) => {
                let shape = windows(index, shape_of(conv.input)?, conv.kernel, conv.stride, conv.padding)?;
                let expected = [shape[0], shape[1], conv.out_channels];
                match conv.add.map(shape_of).transpose()? {
                    Some(got) if got != expected => {
                        let problem =
                            format!("has a result of {expected:?} (height, width, channels) but adds {got:?}");
                        return Err(Error::Node { node: index, problem });
                    }
                    _ => expected,
                }
            }
            &Node::MaxPool { input, kernel, stride, padding } => {
                windows(index, shape_of(input)?, kernel, stride, padding)?
            }
            &Node::GlobalAvgPool { input } => [1, 1, shape_of(input)?[2]],
        };
        if shape.contains(&0) {
            return Err(Error::Empty);
        }
        shapes.push(shape);
    }
    Ok(shapes)
}

/// The grid of windows over an image, with the image's channels.
fn windows(
    node: usize,
    [height, width, channels]: [usize; 3],
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Result<[usize; 3], Error> {
    let fits = kernel > padding && stride > 0 && height.min(width) + 2 * padding >= kernel;
    let side = |side: usize| (side + 2 * padding - kernel) / stride + 1;
    match fits {
        true => Ok([side(height), side(width), channels]),
        false => Err(Error::Node {
            node,
            problem: format!(
                "has a kernel of {kernel}, stride {stride} and padding {padding}, which does not fit {height}x{width} pixels"
            ),
        }),
    }
}

/// Whether each node's result is bfloat16: up to the mean over all pixels, in a network that computes so.
pub(super) fn precisions(graph: &Graph<'_>, precision: PlanPrecision) -> Result<Vec<bool>, Error> {
    let mut half: Vec<bool> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let is_half = |value| match value {
            Value::Images => precision == PlanPrecision::Bf16,
            Value::Node(input) => half[input],
        };
        let result = match node {
            Node::Conv(conv) => {
                let result = is_half(conv.input);
                if conv.add.is_some_and(|add| is_half(add) != result) {
                    return Err(Error::MixedPrecision { node: index });
                }
                result
            }
            Node::MaxPool { input, .. } => is_half(*input),
            Node::GlobalAvgPool { .. } => false,
        };
        half.push(result);
    }
    Ok(half)
}

/// Compiles a node whose result has the shape `shape`; `half` tells whether it reads bfloat16.
pub(super) fn compile(
    kernels: Tables,
    convolution: Convolution,
    group: usize,
    node: Node<'_>,
    shape: [usize; 3],
    half: bool,
    shape_of: impl Fn(Value) -> [usize; 3],
) -> Result<Step, Error> {
    let (input, add, kind) = match node {
        Node::Conv(conv) => {
            let sizes = sizes(&conv, shape_of(conv.input), shape);
            let (input, add, relu) = (conv.input, conv.add, conv.relu);
            let name = conv.weight.name.clone();
            let folded = fold(conv, sizes.in_channels)?;
            let tile = winograd_tile(convolution, &sizes, group);
            let split = kernels.split.filter(|_| tile.is_none() && !half && splits(convolution, &sizes));
            let split = split.and_then(|kernels| {
                Conv16::compile(kernels, sizes, &folded).map(|layer| Kind::Split(layer, kernels, relu))
            });
            let kind = match (tile, split) {
                _ if half => match Conv16::compile(&kernels.half.conv, sizes, &folded) {
                    Some(layer) => Kind::Conv16(layer, relu),
                    None => return Err(Error::NonFinite { name }),
                },
                (Some(tile), _) => Kind::Winograd(Winograd::compile(kernels.single, sizes, &folded, tile), relu),
                (None, Some(split)) => split,
                (None, None) => Kind::Direct(Direct::compile(kernels.single, sizes, &folded), relu),
            };
            (input, add, kind)
        }
        Node::MaxPool { input, kernel, stride, padding } => {
            let [height, width, channels] = shape_of(input);
            let shape = PoolShape { batch: 0, height, width, channels, kernel, stride, padding };
            (input, None, if half { Kind::MaxPool16(shape) } else { Kind::MaxPool(shape) })
        }
        Node::GlobalAvgPool { input } => {
            let [height, width, _] = shape_of(input);
            (input, None, if half { Kind::Mean16(height * width) } else { Kind::Mean(height * width) })
        }
    };
    Ok(Step { input, add, shape, kind })
}

fn sizes(conv: &Conv<'_>, input: [usize; 3], out: [usize; 3]) -> Sizes {
    Sizes {
        height: input[0],
        width: input[1],
        in_channels: input[2],
        out_height: out[0],
        out_width: out[1],
        out_channels: out[2],
        kernel: conv.kernel,
        stride: conv.stride,
        padding: conv.padding,
    }
}

/// Whether a layer's `f32` products are sums of six in bfloat16 parts: not where an image alone has too few pixels for the
/// weights, which take half as much memory again, nor where too few products share the splitting of a number.
fn splits(convolution: Convolution, sizes: &Sizes) -> bool {
    match convolution {
        Convolution::Auto => {
            sizes.out_height * sizes.out_width >= SPLIT_PIXELS
                && sizes.out_channels >= SPLIT_OUTPUTS
                && sizes.in_channels >= SPLIT_INPUTS
        }
        Convolution::Direct => true,
        Convolution::Winograd2 | Convolution::Winograd4 => false,
    }
}

/// Side of a Winograd tile where one is to be used. The choice depends on the layer's sizes and on the images that go
/// together at most, never on those of a call, so that bytes do not depend on the batch.
fn winograd_tile(convolution: Convolution, sizes: &Sizes, group: usize) -> Option<usize> {
    if (sizes.kernel, sizes.stride, sizes.padding) != (3, 1, 1) {
        return None;
    }
    let fetch = FETCH_ROWS / group as f64;
    let channels = 1.0 / sizes.in_channels as f64 + 1.0 / sizes.out_channels as f64;
    let cost = |tile: usize| {
        let tiles = sizes.out_height.div_ceil(tile) * sizes.out_width.div_ceil(tile);
        let positions = ((tile + 2) * (tile + 2)) as f64;
        positions * ((tiles as f64) * (1.0 + TRANSFORM_CHANNELS * channels) + fetch)
    };
    let direct = 9.0 * ((sizes.out_height * sizes.out_width) as f64 + fetch);
    match convolution {
        Convolution::Direct => None,
        Convolution::Winograd2 => Some(2),
        Convolution::Winograd4 => Some(4),
        Convolution::Auto => {
            let more = (36 - 9) * sizes.in_channels * sizes.out_channels;
            let tile = if cost(4) < cost(2) && more <= TRANSFORMED_FLOATS { 4 } else { 2 };
            (cost(tile) < direct).then_some(tile)
        }
    }
}
