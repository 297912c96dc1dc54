//! Where the time of a plan goes, layer by layer, with made-up weights:
//! `cargo run -p latentwalk-benches --bin plan_speed -- <resnet50|resnet18|small> <side> <batch> [repeats] [modes]`.
//!
//! Modes are separated by commas: `auto`, `direct`, `winograd2`, `winograd4`, `bf16`, and `avx512` and `avx2`, which are `auto` with these
//! instructions. Several take turns, pass by pass.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use latentwalk_arithmetic::{ascending, nearest_quantile};
use latentwalk_engine::{
    Conv, Convolution, Graph, Node, PEAK_FLOPS_PER_ROUND, Plan, PlanKernels, PlanOptions, PlanPrecision, Value, Values,
    Weights, keep_freed_memory,
};

const PEAK_ROUNDS: u64 = 1 << 19;

/// Weights of any length, the same each time.
struct Source(Vec<f32>);

struct Builder<'a> {
    source: &'a Source,
    nodes: Vec<Node<'a>>,
    names: Vec<String>,
    channels: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn conv(
        &mut self,
        input: Value,
        out: usize,
        kernel: usize,
        stride: usize,
        add: Option<Value>,
        relu: bool,
    ) -> Value {
        let channels = match input {
            Value::Images => 3,
            Value::Node(node) => self.channels[node],
        };
        let weights =
            |len: usize| Weights { name: "made up".to_owned(), values: Values::Borrowed(&self.source.0[..len]) };
        let weight = weights(out * channels * kernel * kernel);
        let bias = Some(weights(out));
        let padding = kernel / 2;
        self.nodes.push(Node::Conv(Conv {
            input,
            weight,
            bias,
            norm: None,
            out_channels: out,
            kernel,
            stride,
            padding,
            add,
            relu,
        }));
        self.named(format!("{kernel}x{kernel}/{stride} {channels} to {out}"), out)
    }

    fn named(&mut self, name: String, channels: usize) -> Value {
        self.names.push(name);
        self.channels.push(channels);
        Value::Node(self.nodes.len() - 1)
    }
}

fn network<'a>(source: &'a Source, name: &str) -> Builder<'a> {
    let mut b = Builder { source, nodes: Vec::new(), names: Vec::new(), channels: Vec::new() };
    let (bottleneck, depths, widths) = match name {
        "resnet50" => (true, [3, 4, 6, 3], [64, 128, 256, 512]),
        "resnet18" => (false, [2, 2, 2, 2], [64, 128, 256, 512]),
        _ => (false, [1, 1, 1, 1], [16, 32, 64, 128]),
    };
    let mut x = if name == "small" {
        b.conv(Value::Images, 16, 3, 1, None, true)
    } else {
        let stem = b.conv(Value::Images, 64, 7, 2, None, true);
        b.nodes.push(Node::MaxPool { input: stem, kernel: 3, stride: 2, padding: 1 });
        b.named("max-pool".to_owned(), 64)
    };
    for stage in 0..4 {
        for block in 0..depths[stage] {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let (width, out) = (widths[stage], widths[stage] * if bottleneck { 4 } else { 1 });
            let channels = match x {
                Value::Node(node) => b.channels[node],
                Value::Images => 3,
            };
            let skip = if stride > 1 || channels != out { b.conv(x, out, 1, stride, None, false) } else { x };
            x = if bottleneck {
                let y = b.conv(x, width, 1, 1, None, true);
                let y = b.conv(y, width, 3, stride, None, true);
                b.conv(y, out, 1, 1, Some(skip), true)
            } else {
                let y = b.conv(x, width, 3, stride, None, true);
                b.conv(y, out, 3, 1, Some(skip), true)
            };
        }
    }
    b.nodes.push(Node::GlobalAvgPool { input: x });
    b.named("mean".to_owned(), 0);
    b
}

/// Processor time of all threads, where the system tells it: on a machine that others use too, it says more than the wall.
fn processor_time() -> Duration {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes to the structure that it is given.
        unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    Duration::ZERO
}

/// A plan under measurement.
struct Contender {
    mode: String,
    plan: Plan,
    /// Processor seconds of each node, and wall and processor seconds of the whole, one for each pass.
    nodes: Vec<Vec<f64>>,
    wall: Vec<f64>,
    processor: Vec<f64>,
}

impl Contender {
    fn new(mode: &str, graph: Graph<'_>, side: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let convolution = match mode {
            "direct" => Convolution::Direct,
            "winograd2" => Convolution::Winograd2,
            "winograd4" => Convolution::Winograd4,
            _ => Convolution::Auto,
        };
        let precision = if mode == "bf16" { PlanPrecision::Bf16 } else { PlanPrecision::F32 };
        let mut options = PlanOptions { convolution, ..PlanOptions::of(precision) };
        match mode {
            "avx512" => options.kernels = PlanKernels::Avx512,
            "avx2" => options.kernels = PlanKernels::Avx2Fma,
            _ => {}
        }
        let nodes = vec![Vec::new(); graph.nodes.len()];
        let start = Instant::now();
        let plan = Plan::compile(graph, side, side, options)?;
        println!(
            "{mode}: compiled in {:.0} ms for {}, {} MB of weights",
            start.elapsed().as_secs_f64() * 1e3,
            plan.kernels(),
            plan.weights_len() >> 18
        );
        Ok(Self { mode: mode.to_owned(), plan, nodes, wall: Vec::new(), processor: Vec::new() })
    }

    fn pass(&mut self, images: &[f32], batch: usize) {
        let last = self.nodes.len() - 1;
        let (start, busy) = (Instant::now(), processor_time());
        let mut lap = busy;
        let mut seconds = vec![0.0f64; self.nodes.len()];
        self.plan.run_observed(images, batch, &[last], &mut |node| {
            let now = processor_time();
            seconds[node] += now.saturating_sub(lap).as_secs_f64();
            lap = now;
        });
        self.nodes.iter_mut().zip(seconds).for_each(|(all, seconds)| all.push(seconds));
        self.wall.push(start.elapsed().as_secs_f64());
        self.processor.push((processor_time() - busy).as_secs_f64());
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    ascending(values.iter().copied())
}

fn median(values: &[f64]) -> f64 {
    nearest_quantile(&sorted(values), 0.5).unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    keep_freed_memory();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |i: usize, default: &'static str| args.get(i).cloned().unwrap_or_else(|| default.to_owned());
    let (name, side, batch, repeats) = (
        arg(0, "resnet50"),
        arg(1, "224").parse::<usize>()?,
        arg(2, "1").parse::<usize>()?,
        arg(3, "10").parse::<usize>()?.max(1),
    );
    let busy = processor_time();
    std::hint::black_box(latentwalk_engine::peak_rounds(PEAK_ROUNDS));
    let seconds = (processor_time() - busy).as_secs_f64();
    println!("bound of a core: {:.1} GFLOP/s", (PEAK_ROUNDS * PEAK_FLOPS_PER_ROUND) as f64 / seconds / 1e9);
    let source = Source((0..3 << 20).map(|i: i32| ((i.wrapping_mul(7919)) % 2003) as f32 / 1e6).collect());
    let mut names = Vec::new();
    let mut contenders = Vec::new();
    for mode in arg(4, "auto").split(',') {
        let built = network(&source, &name);
        names = built.names;
        contenders.push(Contender::new(mode, Graph { channels: 3, nodes: built.nodes }, side)?);
    }
    let images: Vec<f32> = (0..batch * side * side * 3).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    const WARM_UP: usize = 2;
    for repeat in 0..repeats + WARM_UP {
        for contender in &mut contenders {
            contender.pass(&images, batch);
            if repeat < WARM_UP {
                contender.nodes.iter_mut().for_each(Vec::clear);
                contender.wall.clear();
                contender.processor.clear();
            }
        }
    }
    let each = 1e3 / batch as f64;
    println!("{:<20} ms of processor per image, median (best): {}", "", arg(4, "auto"));
    for (node, name) in names.iter().enumerate() {
        let times = contenders.iter().map(|c| &c.nodes[node]);
        let times: Vec<String> =
            times.map(|t| format!("{:8.3} ({:.3})", median(t) * each, sorted(t)[0] * each)).collect();
        println!("{name:<20} {}", times.join("  "));
    }
    for contender in &contenders {
        let (wall, processor) = (sorted(&contender.wall), sorted(&contender.processor));
        let rate = |at: usize| batch as f64 / wall[at];
        // Pass by pass beside the first contender: both met the same minute.
        let pairs: Vec<f64> =
            contenders[0].wall.iter().zip(&contender.wall).map(|(first, wall)| first / wall).collect();
        println!(
            "{name} {side} px, batch {batch}, {}: {:.2} images per second (best {:.2}), {:.2} ms of processor per image (best {:.2}), {:.3} \
             times the first's speed ({:.3} to {:.3})",
            contender.mode,
            rate(wall.len() / 2),
            rate(0),
            median(&processor) * each,
            processor[0] * each,
            median(&pairs),
            sorted(&pairs)[pairs.len() / 4],
            sorted(&pairs)[3 * pairs.len() / 4],
        );
    }
    Ok(())
}
