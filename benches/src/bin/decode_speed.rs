//! Images per second from JPEG files to a network's input: decode, short side to 256, centre of 224, planes of floats.
//!
//! Usage: `cargo run -p latentwalk-benches --bin decode_speed -- FOLDER [exact|scaled|stages] [THREADS] [SECONDS]`
//!
//! Prints images per second over whole passes through the folder; `stages` prints milliseconds per image on one thread, a stage
//! at a time. `fixtures/peers/jpeg.py` does the same work with torchvision and starts this program in turn with it.

#![allow(clippy::print_stdout)]

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use latentwalk_images::{Alpha, DEFAULT_LIMITS, Damaged, Decoding, Exif, FileDecoding, Preparation, Resize, prepare};
use latentwalk_jpeg::{Decoder, Options, Region};

const FILE: FileDecoding =
    FileDecoding { exif: Exif::Ignore, alpha: Alpha::Drop, damaged: Damaged::Refuse, limits: DEFAULT_LIMITS };
const PREPARATION: Preparation =
    Preparation { resize: 256, crop: 224, filter: Resize::Bilinear, file: FILE, decoding: Decoding::Exact };

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let folder = arguments.first().ok_or("name a folder of JPEG files")?;
    let mut files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();
    let mode = arguments.get(1).map_or("exact", String::as_str);
    let threads = arguments.get(2).map_or(Ok(2), |text| text.parse())?;
    let least = Duration::from_secs_f64(arguments.get(3).map_or(Ok(2.0), |text| text.parse())?);
    if mode == "stages" {
        return stages(&files);
    }
    let decoding = if mode == "scaled" { Decoding::Scaled } else { Decoding::Exact };
    let preparation = Preparation { decoding, ..PREPARATION };
    pass(&files, &preparation, threads)?;
    let (start, mut images) = (Instant::now(), 0);
    while start.elapsed() < least {
        pass(&files, &preparation, threads)?;
        images += files.len();
    }
    println!("{:.1}", images as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Every file once; each thread takes the next that nobody has.
fn pass(files: &[PathBuf], preparation: &Preparation, threads: usize) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<(), String> {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            std::hint::black_box(planes(&prepare(file, preparation)?));
        }
        Ok(())
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        started.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread failed".to_owned())?)
    })
}

/// Planes of floats from 0 to 1, as torchvision's `ToTensor` makes them.
fn planes(rgb: &[u8]) -> Vec<f32> {
    let pixels = rgb.as_chunks::<3>().0;
    let mut planes = vec![0.0; rgb.len()];
    for (channel, plane) in planes.chunks_exact_mut(pixels.len()).enumerate() {
        plane.iter_mut().zip(pixels).for_each(|(value, pixel)| *value = f32::from(pixel[channel]) / 255.0);
    }
    planes
}

/// Milliseconds an image that each stage takes on one thread, by differences.
fn stages(files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let contents = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    let corner = Region { x: 0, y: 0, width: 1, height: 1 };
    let decode = |region: Option<Region>| -> Result<f64, Box<dyn Error>> {
        let options = Options { region, ..Options::default() };
        best(files.len(), || {
            for file in &contents {
                std::hint::black_box(Decoder::new(file)?.decode(&options)?);
            }
            Ok(())
        })
    };
    let (entropy, whole) = (decode(Some(corner))?, decode(None)?);
    let all = best(files.len(), || Ok(pass(files, &PREPARATION, 1)?))?;
    println!("entropy decoding {entropy:.3}");
    println!("transform, upsampling, colour of the whole picture {:.3}", whole - entropy);
    println!("all, with the part of the picture that is needed, resize, floats and reading {all:.3}");
    Ok(())
}

fn best(count: usize, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        work()?;
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least * 1000.0 / count as f64)
}
