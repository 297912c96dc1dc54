//! Training: epochs, validation, the best weights, checkpoints.

mod batches;
mod checkpoint;
#[cfg(test)]
mod golden;
mod heads;
mod loss;
mod optimizer;
mod record;
mod step;
#[cfg(test)]
mod tests;

use ndarray::ArrayView2;

use crate::data::{Augment, TrainData, view};
use crate::device::parse_device;
use crate::error::{Error, Result};
use crate::mismatch::TensorMismatch;
use crate::network::{Features, Network, Observed, Recording, logits_of_features};
use crate::options::TrainOptions;
use crate::spec::NetworkSpec;
use crate::state::Arrays;
use crate::tally::Tally;
use batches::{epoch_batches, for_each_batch, plain_batches};
use checkpoint::Saved;
use loss::{HeadLoss, LossSum};
use optimizer::{Gradients, Optimizer};
use record::{Best, Within};
use step::{Batch, Outcome};

pub use record::EpochRecord;

/// Batches that an untrained network takes its statistics from: with a momentum of 0.1 the start has lost its weight.
const CALIBRATION_BATCHES: usize = 50;

/// Validation rows from which on compiling the weights of each epoch pays.
const PLANNED_ROWS: usize = 64;

/// What happens during [`train`].
#[derive(Debug, Clone, PartialEq)]
pub enum TrainEvent {
    /// A batch was learned from. With [`TrainOptions::accumulate`] several of them make one step of the optimizer.
    Step {
        /// Epoch, from 0.
        epoch: usize,
        /// Batch of the epoch, from 0.
        step: usize,
        /// Batches of the epoch.
        steps: usize,
        /// Loss of the batch.
        loss: f64,
    },
    /// An epoch ended and its checkpoint, if one is kept, is on disk.
    Epoch(EpochRecord),
    /// Training goes on from a checkpoint.
    Resumed {
        /// Epochs that were already done.
        epoch: usize,
        /// Batches of the next epoch that were already done.
        step: usize,
    },
    /// A checkpoint was found but cannot be used; training starts anew.
    Ignored {
        /// Why.
        reason: String,
    },
}

/// What to do after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    GoOn,
    /// Go on, and write a checkpoint as soon as the optimizer has taken its step. This crate reads no clock: a caller that
    /// wants a checkpoint every few minutes asks for it so.
    Save,
    /// Stop with [`Error::Stopped`].
    Stop,
}

/// Told of every event.
pub type OnEvent<'a> = &'a mut dyn FnMut(&TrainEvent) -> Next;

/// A trained network.
#[derive(Debug)]
pub struct Trained {
    /// The network with the weights of the best epoch.
    pub network: Network,
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch, from 0, whose weights were kept: lowest validation loss, or the last without validation rows.
    pub best_epoch: usize,
}

/// Trains a network.
///
/// The loss is the sum over heads of the mean over the batch's labelled rows: cross-entropy for exclusive heads,
/// binary cross-entropy for multi-label ones. Unlabelled rows are left out.
///
/// With [`TrainOptions::checkpoint_dir`] a checkpoint is written after each epoch and whenever `on_event` answers
/// [`Next::Save`]. A later call with the same spec, options, labels and rows goes on from it and ends with the same bytes
/// as a run without a break. The pixels are not compared: use a folder of its own for each set of images.
///
/// The next batch is loaded in a thread of its own while the current one is computed.
///
/// **Errors** anything wrong with spec, options or data (checked before the first step), a failing image source,
/// [`Error::NonFiniteLoss`], [`Error::Stopped`].
pub fn train(
    spec: &NetworkSpec,
    data: &TrainData<'_>,
    options: &TrainOptions,
    on_event: OnEvent<'_>,
) -> Result<Trained> {
    options.validate()?;
    spec.validate()?;
    data.check(spec)?;
    let network = Network::new(spec.clone(), options.seed, &parse_device(&options.device)?)?;
    let mut run = Run::start(network, data, options)?;
    run.resume(on_event)?;
    if options.epochs == 0 {
        run.calibrate()?;
    }
    run.all(on_event)
}

/// As [`train`], from a network that has weights already: transfer learning.
///
/// [`TrainOptions::trainable`] says which part learns. With 0 epochs the network stays as it is. The seed starts nothing
/// here; it shuffles and augments.
///
/// **Errors** as [`train`].
pub fn train_from(
    network: Network,
    data: &TrainData<'_>,
    options: &TrainOptions,
    on_event: OnEvent<'_>,
) -> Result<Trained> {
    options.validate()?;
    data.check(network.spec())?;
    let mut run = Run::start(network, data, options)?;
    run.resume(on_event)?;
    run.all(on_event)
}

/// As [`train_from`] where everything that learns stands on vectors that are known already.
///
/// **Shapes** `vectors` `[images, width]`: the network's vectors of the tap that [`TrainOptions::trainable`] asks for, one row an
/// image of `data`, whose pixels are then never loaded.
///
/// **Errors** as [`train`]; [`Error::Shape`] where the vectors do not fit, [`Error::Setting`] where the options train more
/// than stands on them.
pub fn train_on_features(
    network: Network,
    data: &TrainData<'_>,
    vectors: ArrayView2<'_, f32>,
    options: &TrainOptions,
    on_event: OnEvent<'_>,
) -> Result<Trained> {
    options.validate()?;
    data.check(network.spec())?;
    let features = Features::given(&network, options.trainable, data.images.len(), vectors)?;
    let mut run = Run::start(network, data, options)?;
    run.features = Some(features);
    run.resume(on_event)?;
    run.all(on_event)
}

struct Run<'a> {
    data: &'a TrainData<'a>,
    options: &'a TrainOptions,
    losses: Vec<HeadLoss>,
    network: Network,
    optimizer: Optimizer,
    history: Vec<EpochRecord>,
    best: Option<Best>,
    /// Vectors of the training and validation rows, where what learns stands on them.
    features: Option<Features<'a>>,
    /// Where an epoch was interrupted.
    within: Option<Within>,
}

/// The step that is being made: gradients of some batches, not yet given to the optimizer.
struct Step {
    epoch: usize,
    batches: Vec<Vec<usize>>,
    done: Within,
    gradients: Gradients,
    save: bool,
}

impl<'a> Run<'a> {
    fn start(network: Network, data: &'a TrainData<'a>, options: &'a TrainOptions) -> Result<Self> {
        let spec = network.spec();
        let optimizer = Optimizer::new(options, network.weights())?;
        let losses = spec.heads.iter().zip(data.targets).map(|(head, targets)| {
            let weigh = options.class_weights.then_some((targets, data.train));
            HeadLoss::new(head, options.label_smoothing, weigh)
        });
        let losses = losses.collect();
        Ok(Run {
            data,
            options,
            losses,
            network,
            optimizer,
            history: Vec::new(),
            best: None,
            features: None,
            within: None,
        })
    }

    /// Goes on from the folder's checkpoint where it fits.
    fn resume(&mut self, on_event: OnEvent<'_>) -> Result<()> {
        let Some(dir) = &self.options.checkpoint_dir else { return Ok(()) };
        let start = self.network.state()?;
        let fingerprint = checkpoint::fingerprint(self.network.spec(), self.options, self.data);
        let restored = match checkpoint::load(dir, &fingerprint) {
            Ok(None) => return Ok(()),
            Ok(Some(saved)) => self.restore(saved).map_err(|mismatch| format!("the checkpoint is damaged: {mismatch}")),
            Err(reason) => Err(reason),
        };
        let event = match restored {
            Ok(()) => {
                let step = self.within.map_or(0, |within| within.batches);
                TrainEvent::Resumed { epoch: self.history.len(), step }
            }
            Err(reason) => {
                self.network.set_state(start)?;
                self.optimizer = Optimizer::new(self.options, self.network.weights())?;
                (self.history, self.best, self.within) = (Vec::new(), None, None);
                TrainEvent::Ignored { reason }
            }
        };
        emit(on_event, &event, self.history.len()).map(|_| ())
    }

    fn restore(&mut self, saved: Saved) -> Result<(), TensorMismatch> {
        let Saved { mut optimizer, weights, step, history, best, within } = saved;
        self.network.check_state(&weights)?;
        if let Some(best) = &best {
            self.network.check_state(&best.state)?;
        }
        self.optimizer.import(&mut optimizer)?;
        self.optimizer.step = step;
        self.network.set_state(weights).map_err(|_| TensorMismatch::Missing { name: "weights".to_owned() })?;
        (self.history, self.best, self.within) = (history, best, within);
        Ok(())
    }

    /// All epochs, and the network of the best one.
    fn all(mut self, on_event: OnEvent<'_>) -> Result<Trained> {
        if self.options.epochs > 0
            && self.features.is_none()
            && let Some(tap) = self.options.trainable.features()
        {
            self.features = Some(heads::features(&self.network, tap, self.data, self.options.batch)?);
        }
        while !self.finished() {
            self.epoch(on_event)?;
        }
        self.end()
    }

    /// Whether all epochs are done or patience has run out.
    fn finished(&self) -> bool {
        let waited = self.best.as_ref().map_or(0, |best| self.history.len() - 1 - best.epoch);
        self.history.len() >= self.options.epochs || (self.options.patience > 0 && waited >= self.options.patience)
    }

    /// Gives an untrained network the statistics of training images: without them its activations grow from block to
    /// block, and all images fall onto one vector.
    fn calibrate(&mut self) -> Result<()> {
        let (h, w, _) = self.data.images.shape();
        let batches = plain_batches(self.data.train, self.options.batch);
        // A batch of one image has no variance.
        let batches: Vec<_> = batches.into_iter().filter(|rows| rows.len() > 1).collect();
        let batches: Vec<_> = batches.iter().cycle().take(CALIBRATION_BATCHES).cloned().collect();
        let network = &mut self.network;
        for_each_batch(self.data.images, &batches, None, 0, |_, rows, pixels| {
            let mut recording = Recording::default();
            network.forward(pixels, (rows.len(), h, w), Some(&mut recording))?;
            network.absorb(&Observed::read(recording.observed)?);
            Ok(())
        })
    }

    fn epoch(&mut self, on_event: OnEvent<'_>) -> Result<()> {
        let epoch = self.history.len();
        let (train_loss, learning_rate) = self.pass(epoch, on_event)?;
        let (validation_loss, validation_accuracy) = self.validate(epoch)?;
        self.history.push(EpochRecord { epoch, train_loss, validation_loss, validation_accuracy, learning_rate });
        if let Some(loss) = validation_loss
            && self.best.as_ref().is_none_or(|best| loss < best.loss)
        {
            self.best = Some(Best { epoch, loss, state: self.network.state()? });
        }
        self.save()?;
        emit(on_event, &TrainEvent::Epoch(self.history[epoch].clone()), epoch).map(|_| ())
    }

    /// One pass over the training rows; gives the mean loss and the last learning rate.
    fn pass(&mut self, epoch: usize, on_event: OnEvent<'_>) -> Result<(f64, f64)> {
        let (data, options) = (self.data, self.options);
        let batches = epoch_batches(data.train, options.seed, epoch, options.batch);
        let augment = options.augment.then_some(Augment { seed: options.seed, epoch: epoch as u64 });
        let done = self.within.take().unwrap_or_default();
        let rest = batches[done.batches.min(batches.len())..].to_vec();
        let mut step = Step { epoch, batches, done, gradients: Gradients::new(), save: false };
        if self.features.is_some() {
            for rows in &rest {
                self.learn(&mut step, rows, None, on_event)?;
            }
        } else {
            for_each_batch(data.images, &rest, augment, epoch, |_, rows, pixels| {
                self.learn(&mut step, rows, Some(pixels), on_event)
            })?;
        }
        let steps = step.batches.len().div_ceil(options.accumulate);
        Ok((step.done.total / data.train.len() as f64, options.rate((epoch + 1) * steps - 1, steps)))
    }

    /// Learns from one batch; after the last of a step the optimizer moves, and a checkpoint is written where it is due.
    fn learn(
        &mut self,
        step: &mut Step,
        rows: &[usize],
        pixels: Option<Vec<f32>>,
        on_event: OnEvent<'_>,
    ) -> Result<()> {
        let (index, all, accumulate) = (step.done.batches, step.batches.len(), self.options.accumulate);
        let Outcome { loss, gradients, observed } = self.gradients(rows, pixels)?;
        check_loss(loss, step.epoch, index, self.options)?;
        let group = index / accumulate;
        let last = (group * accumulate + accumulate).min(all) - 1;
        let images: usize = step.batches[group * accumulate..=last].iter().map(Vec::len).sum();
        step::accumulate(&mut step.gradients, gradients.unwrap_or_default(), rows.len() as f64 / images as f64)?;
        self.network.absorb(&observed);
        step.done.batches += 1;
        step.done.total += loss * rows.len() as f64;
        if index == last {
            let steps = all.div_ceil(accumulate);
            let rate = self.options.rate(step.epoch * steps + group, steps);
            let (weights, gradients) = (self.network.weights(), std::mem::take(&mut step.gradients));
            self.network.device.on_pool(|| self.optimizer.update(weights, &gradients, rate))?;
        }
        let event = TrainEvent::Step { epoch: step.epoch, step: index, steps: all, loss };
        step.save |= emit(on_event, &event, step.epoch)?;
        // After the last batch the epoch's own checkpoint follows.
        if step.save && index == last && index + 1 < all {
            self.within = Some(step.done);
            self.save()?;
            (self.within, step.save) = (None, false);
        }
        Ok(())
    }

    fn gradients(&self, rows: &[usize], pixels: Option<Vec<f32>>) -> Result<Outcome> {
        let targets = self.data.targets;
        if let Some(features) = &self.features {
            return heads::gradients(&self.network, &self.losses, features, targets, rows);
        }
        let pixels = pixels.unwrap_or_default();
        let batch = Batch { targets, rows, pixels, shape: self.data.images.shape(), options: self.options };
        self.network.device.on_pool(|| step::gradients(&self.network, &self.losses, batch))
    }

    /// Loss and accuracies over the validation rows.
    fn validate(&self, epoch: usize) -> Result<(Option<f64>, Vec<Option<f64>>)> {
        let (data, heads) = (self.data, &self.network.spec().heads);
        let mut sums = vec![LossSum::default(); heads.len()];
        let mut tallies: Vec<Tally> = heads.iter().map(Tally::new).collect();
        let mut count = |rows: &[usize], k: usize, logits: &[f32]| {
            sums[k] += self.losses[k].compute(logits, &data.targets[k], rows, &mut vec![0.0; logits.len()]);
            for (&row, logits) in rows.iter().zip(logits.chunks_exact(heads[k].classes)) {
                if let Some(labels) = data.targets[k].labels(row) {
                    tallies[k].add(logits, labels);
                }
            }
        };
        let batches = plain_batches(data.validation, self.options.batch);
        let planned = data.validation.len() >= PLANNED_ROWS;
        if let Some(features) = &self.features {
            for rows in &batches {
                for (k, logits) in logits_of_features(&self.network, features, rows)?.iter().enumerate() {
                    count(rows, k, logits);
                }
            }
        } else {
            for_each_batch(data.images, &batches, None, epoch, |_, rows, pixels| {
                let logits = self.network.validate(view(&pixels, rows.len(), data.images.shape())?, planned)?;
                for (k, logits) in logits.into_iter().enumerate() {
                    count(rows, k, &logits.into_iter().collect::<Vec<f32>>());
                }
                Ok(())
            })?;
        }
        let labelled = sums.iter().any(|sum| sum.weight > 0.0);
        let loss = labelled.then(|| sums.iter().map(|sum| sum.mean()).sum());
        Ok((loss, tallies.iter().map(Tally::accuracy).collect()))
    }

    fn save(&self) -> Result<()> {
        let Some(dir) = &self.options.checkpoint_dir else { return Ok(()) };
        let fingerprint = checkpoint::fingerprint(self.network.spec(), self.options, self.data);
        let mut optimizer = Arrays::new();
        self.optimizer.export(&mut optimizer)?;
        let (weights, step) = (self.network.state()?, self.optimizer.step);
        let (history, best, within) = (self.history.clone(), self.best.clone(), self.within);
        let saved = Saved { optimizer, weights, step, history, best, within };
        checkpoint::save(dir, &fingerprint, saved)
    }

    fn end(mut self) -> Result<Trained> {
        let mut best_epoch = self.history.len().saturating_sub(1);
        if let Some(best) = self.best {
            self.network.set_state(best.state)?;
            best_epoch = best.epoch;
        }
        Ok(Trained { network: self.network, history: self.history, best_epoch })
    }
}

fn check_loss(loss: f64, epoch: usize, step: usize, options: &TrainOptions) -> Result<()> {
    match loss.is_finite() {
        true => Ok(()),
        false => Err(Error::NonFiniteLoss { epoch, step, loss, learning_rate: options.learning_rate }),
    }
}

/// Tells of an event; gives whether a checkpoint is asked for.
fn emit(on_event: OnEvent<'_>, event: &TrainEvent, epoch: usize) -> Result<bool> {
    match on_event(event) {
        Next::GoOn => Ok(false),
        Next::Save => Ok(true),
        Next::Stop => Err(Error::Stopped { epoch }),
    }
}
