//! A folder of JPEG files to Parquet by the real command, its start and the reading of the checkpoint included.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::RunArgs;
use crate::infer;
use crate::prepare::{CHECKPOINT, COUNT, IMAGES};
use crate::session::Session;
use crate::work::Precision;

/// Images a second of `latentwalk embed`.
pub(crate) fn extract(session: &mut Session, args: &RunArgs, precision: Precision) -> Result<()> {
    // Tells whether this build has the precision at all.
    infer::network("small", precision)?;
    session.ready(None)?;
    session.rates(COUNT as f64, || embed(args, precision))
}

fn embed(args: &RunArgs, precision: Precision) -> Result<()> {
    let out = args.data.join(format!("ours-{}.parquet", precision.name()));
    if out.exists() {
        fs::remove_file(&out).with_context(|| out.display().to_string())?;
    }
    let mut command = Command::new(&args.binary);
    command.arg("embed").arg("--weights").arg(args.data.join(CHECKPOINT)).arg("--out").arg(&out);
    command.arg("--threads").arg(args.threads.to_string()).arg(args.data.join(IMAGES));
    if precision != Precision::F32 {
        command.args(["--precision", precision.name()]);
    }
    let done = command.stdin(Stdio::null()).output().context("cannot start `latentwalk embed`")?;
    ensure!(done.status.success(), "`latentwalk embed` failed: {}", String::from_utf8_lossy(&done.stderr).trim());
    let told = String::from_utf8_lossy(&done.stdout);
    ensure!(told.contains(&format!("{COUNT} vectors")), "`latentwalk embed` left images out: {}", told.trim());
    Ok(())
}
