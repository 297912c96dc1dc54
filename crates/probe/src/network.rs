//! The bottleneck network and its gradient, by hand: `Linear(k,1), Linear(1,h), ReLU, Linear(h,h), ReLU, Linear(h,c)`.
//!
//! Rows pass in tiles of [`TILE`], every unit's values of a tile side by side, so that the inner loops have a fixed length and
//! vectorise. Inputs are padded to a multiple of [`LANES`] with zeros, whose weights stay zero. Sums run in one fixed order.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Rows in a tile.
pub(crate) const TILE: usize = 32;
/// Inputs are padded to a multiple of this.
pub(crate) const LANES: usize = 8;

/// Values of one unit for the rows of a tile.
type Lane = [f32; TILE];

/// Sizes of the network; `inputs` counts the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
    pub(crate) classes: usize,
}

/// Rows of padded inputs with their classes.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) x: Vec<f32>,
    pub(crate) width: usize,
    pub(crate) classes: Vec<u32>,
}

impl Rows {
    fn row(&self, row: u32) -> &[f32] {
        &self.x[row as usize * self.width..][..self.width]
    }

    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }
}

/// Working memory of a pass over one tile.
#[derive(Debug)]
pub(crate) struct Tile {
    score: Lane,
    first: Vec<Lane>,
    second: Vec<Lane>,
    logits: Vec<Lane>,
    first_slope: Vec<Lane>,
    second_slope: Vec<Lane>,
}

impl Tile {
    pub(crate) fn new(shape: Shape) -> Self {
        let hidden = vec![[0.0; TILE]; shape.hidden];
        Self {
            score: [0.0; TILE],
            first: hidden.clone(),
            second: hidden.clone(),
            logits: vec![[0.0; TILE]; shape.classes],
            first_slope: hidden.clone(),
            second_slope: hidden,
        }
    }
}

impl Shape {
    pub(crate) fn new(axes: usize, hidden: usize, classes: usize) -> Self {
        Self { inputs: axes.next_multiple_of(LANES), hidden, classes }
    }

    /// Lengths of the parameters, in the order in which a flat vector holds them (torch's order of `parameters()`).
    fn sizes(self) -> [usize; 8] {
        let Self { inputs, hidden: h, classes: c } = self;
        [inputs, 1, h, h, h * h, h, c * h, c]
    }

    pub(crate) fn len(self) -> usize {
        self.sizes().iter().sum()
    }

    pub(crate) fn parts(self, flat: &[f32]) -> [&[f32]; 8] {
        let mut rest = flat;
        self.sizes().map(|size| {
            let (part, tail) = rest.split_at(size);
            rest = tail;
            part
        })
    }

    fn parts_mut(self, flat: &mut [f32]) -> [&mut [f32]; 8] {
        let mut rest = flat;
        self.sizes().map(|size| {
            let (part, tail) = std::mem::take(&mut rest).split_at_mut(size);
            rest = tail;
            part
        })
    }

    /// Starting weights as torch's `Linear` draws them: uniform within ±1/√inputs, weights and bias alike.
    pub(crate) fn initial(self, axes: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut flat = vec![0.0; self.len()];
        let fans = [axes, axes, 1, 1, self.hidden, self.hidden, self.hidden, self.hidden];
        for (place, (part, fan)) in self.parts_mut(&mut flat).into_iter().zip(fans).enumerate() {
            let bound = 1.0 / (fan as f32).sqrt();
            let drawn = if place == 0 { axes } else { part.len() };
            part[..drawn].iter_mut().for_each(|value| *value = rng.random_range(-bound..=bound));
        }
        flat
    }

    /// The bottleneck unit's value for every row.
    pub(crate) fn scores(self, flat: &[f32], data: &Rows) -> Vec<f32> {
        let [w, b, ..] = self.parts(flat);
        (0..data.len() as u32).map(|row| dot(data.row(row), w) + b[0]).collect()
    }

    /// Weighted mean cross-entropy of all rows, as torch's `CrossEntropyLoss(weight=…)`.
    pub(crate) fn loss(self, flat: &[f32], data: &Rows, weights: &[f32], tile: &mut Tile) -> f64 {
        let all: Vec<u32> = (0..data.len() as u32).collect();
        let (mut sum, mut mass) = (0.0, 0.0);
        for rows in all.chunks(TILE) {
            self.forward(flat, data, rows, tile);
            sum += losses(tile, data, rows, weights, 0.0);
            mass += rows.iter().map(|&row| f64::from(weights[data.classes[row as usize] as usize])).sum::<f64>();
        }
        sum / mass
    }

    /// Loss of a batch, its gradient written to `gradient`.
    pub(crate) fn gradient(self, flat: &[f32], batch: &Batch<'_>, tile: &mut Tile, gradient: &mut [f32]) -> f64 {
        gradient.fill(0.0);
        let mass: f64 = batch.rows.iter().map(|&row| f64::from(batch.weight(row))).sum();
        let mut sum = 0.0;
        for rows in batch.rows.chunks(TILE) {
            self.forward(flat, batch.data, rows, tile);
            sum += losses(tile, batch.data, rows, batch.weights, (1.0 / mass) as f32);
            self.backward(flat, batch.data, rows, tile, gradient);
        }
        sum / mass
    }

    fn forward(self, flat: &[f32], data: &Rows, rows: &[u32], tile: &mut Tile) {
        let [w, b, w1, b1, w2, b2, w3, b3] = self.parts(flat);
        tile.score = [0.0; TILE];
        for (score, &row) in tile.score.iter_mut().zip(rows) {
            *score = dot(data.row(row), w) + b[0];
        }
        dense(std::slice::from_ref(&tile.score), w1, b1, &mut tile.first);
        rectify(&mut tile.first);
        dense(&tile.first, w2, b2, &mut tile.second);
        rectify(&mut tile.second);
        dense(&tile.second, w3, b3, &mut tile.logits);
    }

    /// Adds the tile's share of the gradient; `tile.logits` holds the loss's slopes.
    fn backward(self, flat: &[f32], data: &Rows, rows: &[u32], tile: &mut Tile, gradient: &mut [f32]) {
        let [_, _, w1, _, w2, _, w3, _] = self.parts(flat);
        let [gw, gb, gw1, gb1, gw2, gb2, gw3, gb3] = self.parts_mut(gradient);
        weight_slopes(&tile.logits, &tile.second, gw3, gb3);
        input_slopes(&tile.logits, w3, &mut tile.second_slope);
        mask(&mut tile.second_slope, &tile.second);
        weight_slopes(&tile.second_slope, &tile.first, gw2, gb2);
        input_slopes(&tile.second_slope, w2, &mut tile.first_slope);
        mask(&mut tile.first_slope, &tile.first);
        weight_slopes(&tile.first_slope, std::slice::from_ref(&tile.score), gw1, gb1);
        let mut slope = [[0.0; TILE]];
        input_slopes(&tile.first_slope, w1, &mut slope);
        gb[0] += lane_sum(&slope[0]);
        for (&row, slope) in rows.iter().zip(slope[0]) {
            gw.iter_mut().zip(data.row(row)).for_each(|(g, x)| *g += slope * x);
        }
    }
}

/// Rows of a step.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) data: &'a Rows,
    pub(crate) rows: &'a [u32],
    pub(crate) weights: &'a [f32],
}

impl Batch<'_> {
    fn weight(&self, row: u32) -> f32 {
        self.weights[self.data.classes[row as usize] as usize]
    }
}

/// Sum of weighted losses of a tile; replaces logits by `slope_factor · weight · (softmax − one-hot)`, zero past the last row.
fn losses(tile: &mut Tile, data: &Rows, rows: &[u32], weights: &[f32], slope_factor: f32) -> f64 {
    let mut top = [f32::NEG_INFINITY; TILE];
    for lane in &tile.logits {
        top.iter_mut().zip(lane).for_each(|(top, &value)| *top = top.max(value));
    }
    let (mut chosen, mut weight) = ([0.0; TILE], [0.0; TILE]);
    for (at, &row) in rows.iter().enumerate() {
        let class = data.classes[row as usize] as usize;
        chosen[at] = tile.logits[class][at] - top[at];
        weight[at] = weights[class];
    }
    let mut total = [0.0; TILE];
    for lane in &mut tile.logits {
        for at in 0..TILE {
            lane[at] = (lane[at] - top[at]).exp();
            total[at] += lane[at];
        }
    }
    for lane in &mut tile.logits {
        for at in 0..TILE {
            lane[at] *= slope_factor * weight[at] / total[at];
        }
    }
    let mut sum = 0.0;
    for (at, &row) in rows.iter().enumerate() {
        tile.logits[data.classes[row as usize] as usize][at] -= slope_factor * weight[at];
        sum += f64::from(weight[at]) * f64::from(total[at].ln() - chosen[at]);
    }
    sum
}

/// `out = W input + b`, `W` out×in.
fn dense(input: &[Lane], w: &[f32], b: &[f32], out: &mut [Lane]) {
    for ((line, &bias), out) in w.chunks_exact(input.len()).zip(b).zip(out) {
        let mut sum = [bias; TILE];
        for (&weight, values) in line.iter().zip(input) {
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
        *out = sum;
    }
}

fn rectify(lanes: &mut [Lane]) {
    lanes.iter_mut().flatten().for_each(|value| *value = value.max(0.0));
}

/// Zeroes slopes where the unit was off; torch's slope of ReLU at 0 is 0 too.
fn mask(slopes: &mut [Lane], values: &[Lane]) {
    for (slope, &value) in slopes.iter_mut().flatten().zip(values.iter().flatten()) {
        *slope = if value > 0.0 { *slope } else { 0.0 };
    }
}

/// Slopes with respect to a layer's input: `Wᵀ slopes`.
fn input_slopes(slopes: &[Lane], w: &[f32], out: &mut [Lane]) {
    let width = out.len();
    for (column, out) in out.iter_mut().enumerate() {
        let mut sum = [0.0; TILE];
        for (lane, line) in slopes.iter().zip(w.chunks_exact(width)) {
            let weight = line[column];
            sum.iter_mut().zip(lane).for_each(|(sum, slope)| *sum += weight * slope);
        }
        *out = sum;
    }
}

/// Adds a tile's slopes with respect to a layer's weights and bias.
fn weight_slopes(slopes: &[Lane], input: &[Lane], gw: &mut [f32], gb: &mut [f32]) {
    for ((lane, line), bias) in slopes.iter().zip(gw.chunks_exact_mut(input.len())).zip(gb) {
        *bias += lane_sum(lane);
        line.iter_mut().zip(input).for_each(|(g, values)| *g += dot(lane, values));
    }
}

fn lane_sum(lane: &Lane) -> f32 {
    let mut sums = [0.0; LANES];
    for part in lane.chunks_exact(LANES) {
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum()
}

/// Scalar product of slices whose length is a multiple of [`LANES`], in a fixed order.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// AdamW as torch has it: betas 0.9 and 0.999, epsilon 1e-8, decay decoupled from the gradient.
#[derive(Debug)]
pub(crate) struct AdamW {
    first: Vec<f32>,
    second: Vec<f32>,
    steps: i32,
    weight_decay: f64,
}

impl AdamW {
    pub(crate) fn new(parameters: usize, weight_decay: f64) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0, weight_decay }
    }

    pub(crate) fn step(&mut self, parameters: &mut [f32], gradient: &[f32], learning_rate: f64) {
        const BETAS: [f64; 2] = [0.9, 0.999];
        self.steps += 1;
        let keep = (1.0 - learning_rate * self.weight_decay) as f32;
        let rate = (learning_rate / (1.0 - BETAS[0].powi(self.steps))) as f32;
        let root = (1.0 - BETAS[1].powi(self.steps)).sqrt().recip() as f32;
        let [keep_first, keep_second] = BETAS.map(|beta| beta as f32);
        let [take_first, take_second] = BETAS.map(|beta| (1.0 - beta) as f32);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((p, &g), (first, second)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *first = keep_first * *first + take_first * g;
            *second = keep_second * *second + take_second * g * g;
            *p = *p * keep - rate * *first / (second.sqrt() * root + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        network: NetworkGolden,
    }

    #[derive(Deserialize)]
    struct NetworkGolden {
        x: Vec<Vec<f32>>,
        y: Vec<u32>,
        class_weights: Vec<f32>,
        hidden: usize,
        learning_rate: f64,
        weight_decay: f64,
        start: Vec<f32>,
        logits: Vec<Vec<f32>>,
        steps: Vec<Step>,
    }

    #[derive(Deserialize)]
    struct Step {
        loss: f64,
        gradient: Vec<f32>,
        after: Vec<f32>,
    }

    fn golden() -> NetworkGolden {
        let text = latentwalk_testing::fixture_text("golden/probe/golden.json");
        serde_json::from_str::<Golden>(&text).unwrap().network
    }

    fn pad(row: &[f32], width: usize) -> Vec<f32> {
        let mut padded = row.to_vec();
        padded.resize(width, 0.0);
        padded
    }

    /// Torch's flat parameters with the first layer padded.
    fn pad_flat(flat: &[f32], axes: usize, shape: Shape) -> Vec<f32> {
        [pad(&flat[..axes], shape.inputs), flat[axes..].to_vec()].concat()
    }

    fn rows(x: &[Vec<f32>], y: &[u32], shape: Shape) -> Rows {
        Rows { x: x.iter().flat_map(|row| pad(row, shape.inputs)).collect(), width: shape.inputs, classes: y.to_vec() }
    }

    #[track_caller]
    fn near(got: &[f32], want: &[f32], atol: f32) {
        assert_eq!(got.len(), want.len());
        for (at, (g, w)) in got.iter().zip(want).enumerate() {
            assert!((g - w).abs() <= atol + 1e-5 * w.abs(), "entry {at}: {g} against {w}");
        }
    }

    #[test]
    fn logits_gradients_and_three_steps_are_torchs() {
        let g = golden();
        let axes = g.x[0].len();
        let shape = Shape::new(axes, g.hidden, g.class_weights.len());
        let data = rows(&g.x, &g.y, shape);
        let mut tile = Tile::new(shape);
        let mut flat = pad_flat(&g.start, axes, shape);
        let all: Vec<u32> = (0..data.len() as u32).collect();
        for chunk in all.chunks(TILE) {
            shape.forward(&flat, &data, chunk, &mut tile);
            for (at, &row) in chunk.iter().enumerate() {
                let got: Vec<f32> = tile.logits.iter().map(|lane| lane[at]).collect();
                near(&got, &g.logits[row as usize], 1e-6); // a few ulp of f32 sums
            }
        }
        let mut adam = AdamW::new(shape.len(), g.weight_decay);
        let mut gradient = vec![0.0; shape.len()];
        let batch = Batch { data: &data, rows: &all, weights: &g.class_weights };
        for step in &g.steps {
            let loss = shape.gradient(&flat, &batch, &mut tile, &mut gradient);
            assert!((loss - step.loss).abs() < 1e-6, "{loss} {}", step.loss);
            near(&gradient, &pad_flat(&step.gradient, axes, shape), 1e-6);
            adam.step(&mut flat, &gradient, g.learning_rate);
            // Adam divides a gradient by its own size: relative errors of tiny gradients reach the weights.
            near(&flat, &pad_flat(&step.after, axes, shape), 2e-5);
        }
    }

    #[test]
    fn gradient_agrees_with_finite_differences() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (axes, hidden, classes) = (5, 4, 3);
        let shape = Shape::new(axes, hidden, classes);
        let x: Vec<Vec<f32>> = (0..45).map(|_| (0..axes).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
        let y: Vec<u32> = (0..45).map(|row| row % 3).collect();
        let data = rows(&x, &y, shape);
        let weights = [0.7, 1.0, 2.0];
        let mut tile = Tile::new(shape);
        let mut flat = shape.initial(axes, &mut rng);
        let all: Vec<u32> = (0..45).collect();
        let mut gradient = vec![0.0; shape.len()];
        let loss =
            shape.gradient(&flat, &Batch { data: &data, rows: &all, weights: &weights }, &mut tile, &mut gradient);
        assert!((loss - shape.loss(&flat, &data, &weights, &mut tile)).abs() < 1e-6);
        let step = 1e-3_f32;
        let mut seen = 0;
        for at in 0..flat.len() {
            let kept = flat[at];
            flat[at] = kept + step;
            let above = shape.loss(&flat, &data, &weights, &mut tile);
            flat[at] = kept - step;
            let below = shape.loss(&flat, &data, &weights, &mut tile);
            flat[at] = kept;
            // A kink of ReLU within the step spoils the difference on its side, never on both here.
            let wanted = f64::from(gradient[at]);
            let slopes = [above - loss, loss - below].map(|rise| rise / f64::from(step));
            let error = slopes.map(|slope| (slope - wanted).abs()).into_iter().fold(1.0, f64::min);
            // f32 losses to 1e-7 over a step of 1e-3, plus curvature.
            assert!(error < 5e-4, "parameter {at}: {slopes:?} against {wanted}");
            seen += usize::from(gradient[at].abs() > 4e-3);
        }
        assert!(seen > flat.len() / 3, "gradients too small to test: {seen} of {}", flat.len());
    }
}
