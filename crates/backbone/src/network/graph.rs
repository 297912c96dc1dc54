//! A network as the engine's plans want it: nodes in the order of their work.

use latentwalk_engine::{Conv, Graph, Node, Norm, Value, Weights};

use crate::arch::{ConvPlan, DensePlan, Layout};
use crate::ops;

/// The nodes at which outputs are found.
pub(super) struct Places {
    pub(super) stages: Vec<usize>,
    pub(super) pool: usize,
    pub(super) fc: usize,
    pub(super) heads: Vec<usize>,
}

/// A network's graph; `tensor` gives a tensor by its name.
pub(super) fn graph<'a>(
    layout: &Layout,
    channels: usize,
    tensor: &mut dyn FnMut(String) -> Weights<'a>,
) -> (Graph<'a>, Places) {
    let mut nodes = Nodes { tensor, list: Vec::new() };
    let mut x = nodes.conv(&layout.stem, Value::Images, None, true);
    if layout.pool {
        let (kernel, stride, padding) = ops::POOL;
        x = nodes.push(Node::MaxPool { input: x, kernel, stride, padding });
    }
    let mut stages = Vec::new();
    for block in &layout.blocks {
        if block.opens_stage {
            nodes.push(Node::GlobalAvgPool { input: x });
            stages.push(nodes.list.len() - 1);
        }
        let skip = block.downsample.as_ref().map_or(x, |conv| nodes.conv(conv, x, None, false));
        for (index, conv) in block.convs.iter().enumerate() {
            let last = index + 1 == block.convs.len();
            x = nodes.conv(conv, x, last.then_some(skip), true);
        }
    }
    let pool = nodes.push(Node::GlobalAvgPool { input: x });
    let fc = nodes.dense(&layout.fc, pool);
    let heads = layout.heads.iter().map(|head| node(nodes.dense(head, fc))).collect();
    let places = Places { stages, pool: node(pool), fc: node(fc), heads };
    (Graph { channels, nodes: nodes.list }, places)
}

fn node(value: Value) -> usize {
    match value {
        Value::Node(node) => node,
        Value::Images => 0,
    }
}

struct Nodes<'a, 't> {
    tensor: &'t mut dyn FnMut(String) -> Weights<'a>,
    list: Vec<Node<'a>>,
}

impl<'a> Nodes<'a, '_> {
    fn push(&mut self, node: Node<'a>) -> Value {
        self.list.push(node);
        Value::Node(self.list.len() - 1)
    }

    fn weights(&mut self, layer: &str, part: &str) -> Weights<'a> {
        (self.tensor)(format!("{layer}.{part}"))
    }

    fn conv(&mut self, conv: &ConvPlan, input: Value, add: Option<Value>, relu: bool) -> Value {
        let norm = Norm {
            gamma: self.weights(&conv.norm, "weight"),
            beta: self.weights(&conv.norm, "bias"),
            mean: self.weights(&conv.norm, "running_mean"),
            variance: self.weights(&conv.norm, "running_var"),
            eps: f64::from(ops::NORM_EPS),
        };
        let weight = self.weights(&conv.name, "weight");
        self.push(Node::Conv(Conv {
            input,
            weight,
            bias: None,
            norm: Some(norm),
            out_channels: conv.output,
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.kernel / 2,
            add,
            relu,
        }))
    }

    fn dense(&mut self, dense: &DensePlan, input: Value) -> Value {
        let (weight, bias) = (self.weights(&dense.name, "weight"), self.weights(&dense.name, "bias"));
        self.push(Node::Conv(Conv {
            input,
            weight,
            bias: Some(bias),
            norm: None,
            out_channels: dense.output,
            kernel: 1,
            stride: 1,
            padding: 0,
            add: None,
            relu: false,
        }))
    }
}
