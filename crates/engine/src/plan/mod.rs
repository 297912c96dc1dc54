//! Inference: a network compiled once into packed weights and a fixed order of fused kernels.
//!
//! [`Plan::compile`] folds BatchNorm into the weights (in `f64`), chooses an algorithm for each convolution and packs its
//! weights for the kernels of this machine. [`Plan::run`] takes the images through the network a few at a time, in a
//! handful of buffers that are used again; bias, residual and ReLU are part of each kernel's store.
//!
//! | convolution | how |
//! |---|---|
//! | 3x3, stride 1 | Winograd `F(4 x 4)`, `F(2 x 2)` or direct, whichever the layer's sizes let expect to be fastest |
//! | few input channels | a copy in a frame of zeros, then direct |
//! | with AMX, others of 128 outputs or more at 128 pixels or more | in tiles, each number split into three of bfloat16 |
//! | all others | direct: windows are read where they lie |

mod bf16;
mod block;
mod choose;
mod direct;
mod fold;
mod graph;
mod kernels;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod lanes_neon;
#[cfg(target_arch = "x86_64")]
mod lanes_x86;
mod layer;
mod parts;
mod pool;
mod run;
mod slots;
mod transform;
mod winograd;

use std::sync::{Mutex, PoisonError};

use crate::PoolShape;
use crate::aligned::Aligned;

use bf16::{Conv16, ConvKernels, floats, pixel_len};
use choose::{compile, precisions, shapes};
use direct::Direct;
pub use graph::{Conv, Error, Graph, Node, Norm, Value, Values, Weights};
pub use kernels::PlanKernels;
use kernels::Tables;
use parts::{Part, divide, holders};
use run::Run;
use slots::assign;
use winograd::Winograd;

/// How a plan computes 3x3 convolutions of stride 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Convolution {
    /// What was found fastest for the layer's sizes.
    #[default]
    Auto,
    /// Every product by itself; with [`PlanKernels::Amx`] all in tiles.
    Direct,
    /// Winograd's minimal filtering with 2 x 2 outputs a tile.
    Winograd2,
    /// Winograd's minimal filtering with 4 x 4 outputs a tile.
    Winograd4,
}

/// In what a plan computes, up to the mean over all pixels; what follows is `f32` always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlanPrecision {
    /// 24 significant bits.
    #[default]
    F32,
    /// Activations and weights of 8 significant bits, with `f32` sums; convolutions are direct.
    Bf16,
}

/// Choices of [`Plan::compile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// The kernels; portable ones stand in where the machine lacks the instructions.
    pub kernels: PlanKernels,
    /// The algorithm of 3x3 convolutions of stride 1 in `f32`.
    pub convolution: Convolution,
    /// The precision.
    pub precision: PlanPrecision,
}

impl PlanOptions {
    /// The fastest kernels for a precision.
    pub fn of(precision: PlanPrecision) -> Self {
        let kernels = match precision {
            PlanPrecision::F32 => PlanKernels::best(),
            PlanPrecision::Bf16 => PlanKernels::best_bf16(),
        };
        Self { kernels, convolution: Convolution::Auto, precision }
    }
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self::of(PlanPrecision::F32)
    }
}

/// A compiled network for images of one size.
///
/// **Units and conventions** the order in which an output sums its products is fixed by the layer's sizes: the bytes of a
/// result depend neither on the batch nor on the number of threads, only on the kernels. Against exact arithmetic, direct
/// convolution errs by 2e-7 of the result's deviation, in AMX tiles by 3.5e-7, Winograd's `F(2 x 2)` by 4e-7 and
/// `F(4 x 4)` by 1.1e-6 (root mean square, normal weights, 256 channels); a layer's budget is 1e-5.
///
/// ```
/// use latentwalk_engine::{Conv, Graph, Node, Plan, PlanOptions, Value, Values, Weights};
/// let conv = Conv {
///     input: Value::Images,
///     weight: Weights { name: "sum".to_owned(), values: Values::Borrowed(&[1.0, 1.0]) },
///     bias: None,
///     norm: None,
///     out_channels: 1,
///     kernel: 1,
///     stride: 1,
///     padding: 0,
///     add: None,
///     relu: true,
/// };
/// let graph = Graph { channels: 2, nodes: vec![Node::Conv(conv), Node::GlobalAvgPool { input: Value::Node(0) }] };
/// let plan = Plan::compile(graph, 1, 2, PlanOptions::default())?;
/// // Pixels (1, 2) and (3, -4): sums 3 and -1, after ReLU 3 and 0.
/// assert_eq!(plan.run(&[1.0, 2.0, 3.0, -4.0], 1, &[1]), [vec![1.5]]);
/// # Ok::<(), latentwalk_engine::Error>(())
/// ```
#[derive(Debug)]
pub struct Plan {
    kernels: Tables,
    precision: PlanPrecision,
    image: [usize; 3],
    steps: Vec<Step>,
    /// Which buffer holds a node's result.
    slots: Vec<usize>,
    /// The part whose group of images a node's buffer holds: that of the node's last reader.
    holders: Vec<usize>,
    parts: Vec<Part>,
    zeros: Vec<f32>,
    /// Buffers that no run is using.
    idle: Mutex<Vec<Vec<Aligned>>>,
}

#[derive(Debug)]
struct Step {
    input: Value,
    add: Option<Value>,
    /// Height, width and channels of the result.
    shape: [usize; 3],
    kind: Kind,
}

impl Step {
    /// Whether the result is bfloat16.
    fn is_half(&self) -> bool {
        matches!(self.kind, Kind::Conv16(..) | Kind::MaxPool16(_))
    }

    /// Numbers of the result for one image.
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Values from one image's result to the next one's.
    fn stored(&self) -> usize {
        let [height, width, channels] = self.shape;
        height * width * if self.is_half() { pixel_len(channels) } else { channels }
    }

    /// Floats that the results of `images` take.
    fn floats(&self, images: usize) -> usize {
        let len = images * self.stored();
        if self.is_half() { floats(len) } else { len }
    }
}

#[derive(Debug)]
enum Kind {
    Direct(Direct, bool),
    Winograd(Winograd, bool),
    Split(Conv16<f32>, &'static ConvKernels<f32>, bool),
    MaxPool(PoolShape),
    /// Pixels of the input.
    Mean(usize),
    Conv16(Conv16<u16>, bool),
    MaxPool16(PoolShape),
    /// Pixels of the input.
    Mean16(usize),
}

impl Plan {
    /// Compiles a network for images of one size, layer by layer: each layer's tensors are dropped when it is packed.
    ///
    /// **Errors** [`Error`]: a tensor that is not finite or of the wrong length, a window that does not fit, nodes
    /// in the wrong order, an empty network.
    pub fn compile(graph: Graph<'_>, height: usize, width: usize, options: PlanOptions) -> Result<Self, Error> {
        let image = [height, width, graph.channels];
        let kernels = options.kernels.tables();
        let shapes = shapes(&graph, image)?;
        let half = precisions(&graph, options.precision)?;
        let parts = divide(&graph, image, &shapes);
        let mut steps: Vec<Step> = Vec::with_capacity(graph.nodes.len());
        for (index, (node, &shape)) in graph.nodes.into_iter().zip(&shapes).enumerate() {
            let shape_of = |value| match value {
                Value::Images => image,
                Value::Node(input) => shapes[input],
            };
            let reads_half = match node.input() {
                Value::Images => options.precision == PlanPrecision::Bf16,
                Value::Node(input) => half[input],
            };
            let group = parts[parts::of(&parts, index)].group;
            steps.push(compile(kernels, options.convolution, group, node, shape, reads_half, shape_of)?);
        }
        let channels = steps.iter().map(|step| step.shape[2]).chain([graph.channels]).max().unwrap_or(0);
        let reads: Vec<_> = steps.iter().map(|step| [Some(step.input), step.add]).collect();
        let holders = holders(&reads, &parts);
        let sizes: Vec<usize> =
            steps.iter().zip(&holders).map(|(step, &part)| step.floats(parts[part].group)).collect();
        let stays: Vec<bool> = (0..steps.len()).map(|node| holders[node] > parts::of(&parts, node)).collect();
        let slots = assign(&reads, &sizes, &stays);
        let precision = options.precision;
        Ok(Self {
            kernels,
            precision,
            image,
            steps,
            slots,
            holders,
            parts,
            zeros: vec![0.0; channels],
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Height and width of the images that the plan takes.
    pub fn image_size(&self) -> (usize, usize) {
        (self.image[0], self.image[1])
    }

    /// Floats of a node's result for one image.
    ///
    /// # Panics
    /// Where the network has no such node.
    pub fn len(&self, node: usize) -> usize {
        self.steps[node].len()
    }

    /// Whether the plan has no nodes; it always has.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Images that go through each part of the network together, in the order of the parts: fewer where results are large.
    pub fn groups(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|part| part.group)
    }

    /// Name of the instruction set that the plan's kernels use.
    pub fn kernels(&self) -> &'static str {
        match self.precision {
            PlanPrecision::F32 => {
                let split = self.steps.iter().find_map(|step| match step.kind {
                    Kind::Split(_, kernels, _) => Some(kernels.name),
                    _ => None,
                });
                split.unwrap_or(self.kernels.single.name)
            }
            PlanPrecision::Bf16 => self.kernels.half.conv.name,
        }
    }

    /// Floats that the packed weights take.
    pub fn weights_len(&self) -> usize {
        let len = |step: &Step| match &step.kind {
            Kind::Direct(layer, _) => layer.weights_len(),
            Kind::Winograd(layer, _) => layer.weights_len(),
            Kind::Split(layer, ..) => layer.weights_len(),
            Kind::Conv16(layer, _) => layer.weights_len(),
            Kind::MaxPool(_) | Kind::Mean(_) | Kind::MaxPool16(_) | Kind::Mean16(_) => 0,
        };
        self.steps.iter().map(len).sum()
    }

    /// Results of some nodes for a batch of images, in the order asked for. Only the work that they need is done.
    ///
    /// **Shapes** `images` `[batch, height, width, channels]`, each result `[batch, self.len(node)]`.
    ///
    /// # Panics
    /// Where `images` has another length, or a node does not exist.
    pub fn run(&self, images: &[f32], batch: usize, wanted: &[usize]) -> Vec<Vec<f32>> {
        self.run_observed(images, batch, wanted, &mut |_| {})
    }

    /// As [`Plan::run`], calling `after` with each node that has been computed: once for every few images.
    ///
    /// # Panics
    /// As [`Plan::run`].
    pub fn run_observed(
        &self,
        images: &[f32],
        batch: usize,
        wanted: &[usize],
        after: &mut (dyn FnMut(usize) + Send),
    ) -> Vec<Vec<f32>> {
        crate::check_len("images", images, batch * self.image_len());
        let mut run = Run::new(self, images, batch, wanted, self.take_buffers(), after);
        crate::on_pool(|| run.all());
        let (results, buffers) = run.finish();
        self.lock().push(buffers);
        results
    }

    /// Values of an image in bfloat16.
    fn half_image_len(&self) -> usize {
        self.image[0] * self.image[1] * pixel_len(self.image[2])
    }

    /// Floats of an image.
    fn image_len(&self) -> usize {
        self.image.iter().product()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Aligned>>> {
        // A run that panicked left no buffers behind, so the list is sound.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_buffers(&self) -> Vec<Aligned> {
        let slots = self.slots.iter().max().map_or(0, |last| last + 1);
        self.lock().pop().unwrap_or_else(|| (0..slots).map(|_| Aligned::default()).collect())
    }

    /// Nodes that the wanted ones depend on.
    fn needed(&self, wanted: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.steps.len()];
        wanted.iter().for_each(|&node| needed[node] = true);
        for node in (0..self.steps.len()).rev() {
            if needed[node] {
                for value in [Some(self.steps[node].input), self.steps[node].add].into_iter().flatten() {
                    if let Value::Node(input) = value {
                        needed[input] = true;
                    }
                }
            }
        }
        needed
    }
}
