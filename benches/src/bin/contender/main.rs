//! Our side of `cargo xtask bench engine`: one piece of work in a process of its own, measured when it is asked to.
//!
//! `contender prepare` lays out the data and says what the machine can do. `contender run WORK` first prints
//! `{"ready": true, "flop": …}`, `{"unsupported": reason}` or `{"failed": reason}`; then each line of input asks for one
//! measurement, answered by `{"value": …}`: images per second, operations per second for `product`, peak resident MB for
//! `memory`. `fixtures/peers/engine.py` answers in the same way for the others.

mod arithmetic;
mod extract;
mod infer;
mod jpeg;
mod machine;
mod prepare;
mod session;
mod train;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser};
use latentwalk_images::Decoding;

use session::Session;
use work::Work;

/// Our side of `cargo xtask bench engine`.
#[derive(Parser)]
enum Contender {
    /// Lay out images and a checkpoint, and say what the machine can do.
    Prepare {
        /// Folder of the data; made when missing.
        #[arg(long)]
        data: PathBuf,
        /// Folder of the JPEG files that are repeated.
        #[arg(long)]
        images: PathBuf,
    },
    /// Do one piece of work whenever a line of input asks for it.
    Run(RunArgs),
}

/// Arguments of `run`.
#[derive(Debug, Clone, Args)]
struct RunArgs {
    /// The row's name, or `product f32`.
    work: String,
    /// Threads of the pool.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder that `prepare` laid out.
    #[arg(long)]
    data: PathBuf,
    /// The `latentwalk` binary.
    #[arg(long)]
    binary: PathBuf,
    /// Where networks run: `cpu`, or `cuda:0` in a build with the feature `cuda`.
    #[arg(long, default_value = "cpu")]
    device: String,
}

fn main() -> ExitCode {
    // As the `latentwalk` binary does.
    latentwalk_engine::keep_freed_memory();
    let mut session = Session::new();
    let result = match Contender::parse() {
        Contender::Prepare { data, images } => {
            prepare::prepare(&data, &images).and_then(|()| session.say(&machine::described()))
        }
        Contender::Run(args) => run(&args, &mut session),
    };
    match result.or_else(|error| session.fail(&error)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(args: &RunArgs, session: &mut Session) -> Result<()> {
    let work = Work::parse(&args.work)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    pool.install(|| match work {
        Work::Infer { arch, precision, side, batch } => {
            infer::infer(session, &args.device, &arch, precision, side, batch)
        }
        Work::Memory { batch } => infer::memory(session, batch),
        Work::Product { precision } => infer::product(session, precision),
        Work::Jpeg { scaled: false } => jpeg::decode(session, &args.data, Decoding::Exact),
        Work::Jpeg { scaled: true } => jpeg::decode(session, &args.data, Decoding::Scaled),
        Work::Extract { precision, start } => extract::extract(session, args, precision, start),
        Work::Train { arch, side, batch, precision } => {
            train::train(session, &args.device, &arch, precision, (side, batch))
        }
    })
}
