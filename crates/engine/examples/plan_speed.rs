//! Where the time of a plan goes, layer by layer, with made-up weights:
//! `cargo run -p latentwalk-engine --example plan_speed -- <resnet50|resnet18|small> <side> <batch> [repeats] [auto|direct|winograd2|winograd4|bf16]`.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use latentwalk_engine::{
    Conv, Convolution, Graph, Node, PEAK_FLOPS_PER_ROUND, Plan, PlanOptions, PlanPrecision, Value, Values, Weights,
    keep_freed_memory,
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    keep_freed_memory();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |i: usize, default: &'static str| args.get(i).cloned().unwrap_or_else(|| default.to_owned());
    let (name, side, batch, repeats) = (
        arg(0, "resnet50"),
        arg(1, "224").parse::<usize>()?,
        arg(2, "1").parse::<usize>()?,
        arg(3, "10").parse::<usize>()?,
    );
    let convolution = match arg(4, "auto").as_str() {
        "direct" => Convolution::Direct,
        "winograd2" => Convolution::Winograd2,
        "winograd4" => Convolution::Winograd4,
        _ => Convolution::Auto,
    };
    let busy = processor_time();
    std::hint::black_box(latentwalk_engine::peak_rounds(PEAK_ROUNDS));
    let seconds = (processor_time() - busy).as_secs_f64();
    println!("bound of a core: {:.1} GFLOP/s", (PEAK_ROUNDS * PEAK_FLOPS_PER_ROUND) as f64 / seconds / 1e9);
    let source = Source((0..3 << 20).map(|i: i32| ((i.wrapping_mul(7919)) % 2003) as f32 / 1e6).collect());
    let built = network(&source, &name);
    let (nodes, last) = (built.nodes.len(), built.nodes.len() - 1);
    let graph = Graph { channels: 3, nodes: built.nodes };
    let precision = if arg(4, "auto") == "bf16" { PlanPrecision::Bf16 } else { PlanPrecision::F32 };
    let start = Instant::now();
    let plan = Plan::compile(graph, side, side, PlanOptions { convolution, ..PlanOptions::of(precision) })?;
    println!(
        "compiled in {:.0} ms for {}, {} MB of weights",
        start.elapsed().as_secs_f64() * 1e3,
        plan.kernels(),
        plan.weights_len() >> 18
    );
    let images: Vec<f32> = (0..batch * side * side * 3).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let mut least = vec![f64::INFINITY; nodes];
    let (mut totals, mut processor) = (Vec::new(), Vec::new());
    for repeat in 0..repeats + 2 {
        let (start, busy) = (Instant::now(), processor_time());
        let mut lap = busy;
        let mut seconds = vec![0.0f64; nodes];
        plan.run_observed(&images, batch, &[last], &mut |node| {
            let now = processor_time();
            seconds[node] += now.saturating_sub(lap).as_secs_f64();
            lap = now;
        });
        if repeat >= 2 {
            least.iter_mut().zip(seconds).for_each(|(least, seconds)| *least = least.min(seconds));
            totals.push(start.elapsed().as_secs_f64());
            processor.push((processor_time() - busy).as_secs_f64());
        }
    }
    totals.sort_by(f64::total_cmp);
    processor.sort_by(f64::total_cmp);
    for (node, name) in built.names.iter().enumerate() {
        println!("{name:<20} {:8.3} ms of processor an image at best", least[node] * 1e3 / batch as f64);
    }
    let rate = |at: usize| batch as f64 / totals[at];
    println!(
        "{:<20} {:8.3} ms of processor an image at best",
        "sum",
        least.iter().filter(|v| v.is_finite()).sum::<f64>() * 1e3 / batch as f64
    );
    println!(
        "{name} {side} px, batch {batch}: {:.2} images a second (best {:.2}), {:.2} ms of processor an image (best {:.2})",
        rate(repeats / 2),
        rate(0),
        processor[repeats / 2] * 1e3 / batch as f64,
        processor[0] * 1e3 / batch as f64
    );
    Ok(())
}
