//! One run of a plan over a batch of images.

use std::ops::Range;

use super::bf16::{self, Halves, Work16, halves, halves_mut};
use super::graph::Value;
use super::layer::Work;
use super::{Kind, Plan, PlanPrecision, Step, parts, pool};
use crate::aligned::Aligned;
use crate::{PoolShape, global_avg_pool};

/// A run of a plan: what it reads, what it has computed so far, and for which images.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    images: &'a [f32],
    batch: usize,
    wanted: &'a [usize],
    needed: Vec<bool>,
    results: Vec<Vec<f32>>,
    buffers: Vec<Aligned>,
    /// For each part, the images that its group holds at the moment.
    groups: Vec<Range<usize>>,
    /// The last part that reads images, and their roundings where the plan computes in bfloat16.
    images_part: usize,
    rounded: Halves,
    after: &'a mut (dyn FnMut(usize) + Send),
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        images: &'a [f32],
        batch: usize,
        wanted: &'a [usize],
        mut buffers: Vec<Aligned>,
        after: &'a mut (dyn FnMut(usize) + Send),
    ) -> Self {
        let needed = plan.needed(wanted);
        plan.grow(&mut buffers, batch, &needed);
        let results = wanted.iter().map(|&node| vec![0.0; batch * plan.len(node)]).collect();
        let reads_images = |step: &Step| step.input == Value::Images || step.add == Some(Value::Images);
        let images_part = plan.steps.iter().rposition(reads_images).map_or(0, |node| parts::of(&plan.parts, node));
        let rounded = match plan.precision {
            PlanPrecision::F32 => 0,
            PlanPrecision::Bf16 => plan.parts[images_part].group.min(batch) * plan.half_image_len(),
        };
        Self {
            plan,
            images,
            batch,
            wanted,
            needed,
            results,
            buffers,
            groups: vec![0..0; plan.parts.len()],
            images_part,
            rounded: Halves::zeroed(rounded),
            after,
        }
    }

    /// Takes all images through the network.
    pub(super) fn all(&mut self) {
        let last = self.plan.parts.len() - 1;
        self.groups_of(last, 0..self.batch);
    }

    /// Results in the order asked for, and the buffers.
    pub(super) fn finish(self) -> (Vec<Vec<f32>>, Vec<Aligned>) {
        (self.results, self.buffers)
    }

    /// Takes images through a part and those before it, a group at a time.
    fn groups_of(&mut self, part: usize, images: Range<usize>) {
        let size = self.plan.parts[part].group;
        for first in images.clone().step_by(size) {
            let group = first..images.end.min(first + size);
            self.groups[part] = group.clone();
            if part == self.images_part && self.plan.precision == PlanPrecision::Bf16 {
                let image = self.plan.image_len();
                let images = &self.images[group.start * image..group.end * image];
                let len = group.len() * self.plan.half_image_len();
                bf16::narrow_all(self.plan.image[2], images, &mut self.rounded.values_mut()[..len]);
            }
            if part > 0 {
                self.groups_of(part - 1, group.clone());
            }
            for node in self.plan.parts[part].first..self.plan.parts[part].end {
                if self.needed[node] {
                    self.node(node, &group);
                }
            }
        }
    }

    /// Computes one node for a group of images.
    fn node(&mut self, node: usize, group: &Range<usize>) {
        let plan = self.plan;
        let step = &plan.steps[node];
        let mut out = std::mem::take(&mut self.buffers[plan.slots[node]]);
        let place = self.place(node, group);
        self.step(step, group, &mut out, place.clone());
        for (result, _) in self.results.iter_mut().zip(self.wanted).filter(|(_, wanted)| **wanted == node) {
            let result = &mut result[group.start * step.len()..group.end * step.len()];
            match step.is_half() {
                true => bf16::widen_all(step.shape[2], &halves(&out)[place.clone()], result),
                false => result.copy_from_slice(&out[place.clone()]),
            }
        }
        self.buffers[plan.slots[node]] = out;
        (self.after)(node);
    }

    /// Where a node's results for a group lie in the node's buffer.
    fn place(&self, node: usize, group: &Range<usize>) -> Range<usize> {
        let (start, len) = (self.groups[self.plan.holders[node]].start, self.plan.steps[node].stored());
        (group.start - start) * len..(group.end - start) * len
    }

    fn step(&self, step: &Step, group: &Range<usize>, out: &mut [f32], place: Range<usize>) {
        let (plan, batch, image) = (self.plan, group.len(), self.plan.image_len());
        let single = |value: Value| match value {
            Value::Images => &self.images[group.start * image..group.end * image],
            Value::Node(node) => &self.buffers[plan.slots[node]][self.place(node, group)],
        };
        let half = |value: Value| match value {
            Value::Images => {
                let start = self.groups[self.images_part].start;
                let image = plan.half_image_len();
                &self.rounded.values()[(group.start - start) * image..(group.end - start) * image]
            }
            Value::Node(node) => &halves(&self.buffers[plan.slots[node]])[self.place(node, group)],
        };
        let kernels = plan.kernels;
        match &step.kind {
            Kind::Direct(layer, relu) => {
                layer.run(kernels.single, work(plan, step, batch, *relu, single, &mut out[place]))
            }
            Kind::Winograd(layer, relu) => {
                layer.run(kernels.single, work(plan, step, batch, *relu, single, &mut out[place]))
            }
            Kind::Split(layer, kernels, relu) => {
                let (x, add, out) = (single(step.input), step.add.map(single), &mut out[place]);
                layer.run(kernels, Work16 { batch, x, add, relu: *relu, out });
            }
            Kind::MaxPool(shape) => {
                pool::max_pool(kernels.single, &PoolShape { batch, ..*shape }, single(step.input), &mut out[place]);
            }
            Kind::Mean(pixels) => global_avg_pool(batch, *pixels, step.shape[2], single(step.input), &mut out[place]),
            Kind::Conv16(layer, relu) => {
                let (x, add, out) = (half(step.input), step.add.map(half), &mut halves_mut(out)[place]);
                layer.run(&kernels.half.conv, Work16 { batch, x, add, relu: *relu, out });
            }
            Kind::MaxPool16(shape) => {
                let shape = PoolShape { batch, ..*shape };
                bf16::max_pool(kernels.half, &shape, half(step.input), &mut halves_mut(out)[place]);
            }
            Kind::Mean16(pixels) => bf16::mean(*pixels, step.shape[2], half(step.input), &mut out[place]),
        }
    }
}

impl Plan {
    /// Makes buffers long enough for a batch, all before the first is used: growing one after the other would leave holes
    /// in memory.
    fn grow(&self, buffers: &mut [Aligned], batch: usize, needed: &[bool]) {
        let mut floats = vec![0; buffers.len()];
        for (node, step) in self.steps.iter().enumerate().filter(|(node, _)| needed[*node]) {
            let held = self.parts[self.holders[node]].group.min(batch);
            floats[self.slots[node]] = step.floats(held).max(floats[self.slots[node]]);
        }
        let short = |(buffer, floats): &(&mut Aligned, usize)| buffer.len() < *floats;
        let mut short: Vec<_> = buffers.iter_mut().zip(floats).filter(short).collect();
        // Free first, then allocate.
        short.iter_mut().for_each(|(buffer, _)| **buffer = Aligned::default());
        short.into_iter().for_each(|(buffer, floats)| *buffer = Aligned::zeroed(floats));
    }
}

fn work<'a>(
    plan: &'a Plan,
    step: &Step,
    batch: usize,
    relu: bool,
    value: impl Fn(Value) -> &'a [f32],
    out: &'a mut [f32],
) -> Work<'a> {
    Work { batch, x: value(step.input), add: step.add.map(value), relu, out, zeros: &plan.zeros }
}
