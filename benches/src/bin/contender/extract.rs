//! A folder of JPEG files to Parquet by the real command, its start and the reading of the checkpoint included.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::RunArgs;
use crate::machine;
use crate::prepare::{CHECKPOINT, COUNT, IMAGES};
use crate::session::{Session, Unsupported};
use crate::work::Precision;

/// Images a second of `latentwalk embed`.
pub(crate) fn extract(session: &mut Session, args: &RunArgs, precision: Precision) -> Result<()> {
    machine::check(precision)?;
    if precision != Precision::F32 && !takes_a_precision(args)? {
        return Err(Unsupported("this build's `embed` computes in f32 only".to_owned()).into());
    }
    session.ready(None)?;
    session.rates(COUNT as f64, || embed(args, precision))
}

fn takes_a_precision(args: &RunArgs) -> Result<bool> {
    let help = Command::new(&args.binary).args(["embed", "--help"]).output()?;
    Ok(String::from_utf8_lossy(&help.stdout).contains("--precision"))
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
