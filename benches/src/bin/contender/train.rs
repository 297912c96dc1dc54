//! Training steps.

use anyhow::Result;
use latentwalk_backbone::{
    Arch, Augment, Error, Head, ImageSource, LoadError, NetworkSpec, Next, Targets, TrainData, TrainEvent,
    TrainOptions, parse_device, train as fit,
};

use crate::arithmetic::flop;
use crate::infer::{numbers, of_backbone};
use crate::session::{Clock, Session};
use crate::work::Precision;

/// Steps of the one epoch: more than any bench asks for.
const STEPS: usize = 4000;
/// Steps before the first question.
const WARMUP: usize = 2;
const CLASSES: usize = 10;

/// As many images as asked for, all of the same few pixels, so that loading costs a copy.
struct Noise {
    len: usize,
    side: usize,
    image: Vec<f32>,
}

impl ImageSource for Noise {
    fn len(&self) -> usize {
        self.len
    }

    fn shape(&self) -> (usize, usize, usize) {
        (self.side, self.side, 3)
    }

    fn load(&self, rows: &[usize], _: Option<Augment>, out: &mut [f32]) -> Result<(), LoadError> {
        let pixels = out.len() / rows.len().max(1);
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(pixels.max(1))) {
            let start = row % (self.image.len() - pixels);
            out.copy_from_slice(&self.image[start..start + pixels]);
        }
        Ok(())
    }
}

/// Images per second of whole steps: forward, backward, AdamW. The questions are answered between two steps.
pub(crate) fn train(
    session: &mut Session,
    device: &str,
    arch: &str,
    precision: Precision,
    (side, batch): (usize, usize),
) -> Result<()> {
    // Says what is wrong with the device before anything is laid out.
    let opened = parse_device(device)?;
    let images = Noise { len: batch * STEPS, side, image: numbers(side * side * 3 + 2003) };
    let targets = [Targets::One((0..images.len).map(|i| Some((i % CLASSES) as u32)).collect())];
    let rows: Vec<usize> = (0..images.len).collect();
    let data = TrainData { images: &images, targets: &targets, train: &rows, validation: &[] };
    let (device, precision) = (device.to_owned(), of_backbone(precision));
    let options = TrainOptions { epochs: 1, batch, device, precision, ..Default::default() };
    let spec = NetworkSpec::new(arch, 3, vec![Head::exclusive("category", CLASSES)]);
    let flop = flop(Arch::named(arch)?, side).training();
    let (mut steps, mut clock, mut outcome) = (0, Clock::start(), Ok(()));
    let trained = fit(&spec, &data, &options, &mut |event| {
        if !matches!(event, TrainEvent::Step { .. }) {
            return Next::GoOn;
        }
        steps += 1;
        let answered = match steps {
            0..WARMUP => Ok(false),
            WARMUP => session.ready(Some(flop)).map(|()| true),
            _ => match clock.lap() {
                Some(seconds) => session.answer((batch * clock.laps) as f64 / seconds).map(|()| true),
                None => Ok(false),
            },
        };
        match answered {
            Ok(false) => Next::GoOn,
            Ok(true) if session.asked() => {
                clock = Clock::start();
                Next::GoOn
            }
            Ok(true) => Next::Stop,
            Err(error) => {
                outcome = Err(error);
                Next::Stop
            }
        }
    });
    match trained {
        Ok(_) | Err(Error::Stopped { .. }) => outcome.and_then(|()| session.memory_of(&opened)),
        Err(error) => Err(error.into()),
    }
}
