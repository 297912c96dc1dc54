//! A folder of JPEG files to Parquet by the real command.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use latentwalk_backbone::BackboneDevice;

use crate::RunArgs;
use crate::infer;
use crate::prepare::{CHECKPOINT, COUNT, IMAGES};
use crate::session::Session;
use crate::work::Precision;

/// Images per second of `latentwalk embed`: over the whole process with `start`, else from the first file to the closed
/// Parquet file, as the command tells it.
pub(crate) fn extract(session: &mut Session, args: &RunArgs, precision: Precision, start: bool) -> Result<()> {
    // Tells whether this build has the precision at all.
    infer::network(&BackboneDevice::cpu(), "small", precision)?;
    session.ready(None)?;
    while session.asked() {
        let begun = Instant::now();
        let told = embed(args, precision)?;
        let seconds = if start { begun.elapsed().as_secs_f64() } else { told };
        session.answer(COUNT as f64 / seconds)?;
    }
    Ok(())
}

/// Runs the command once; the seconds that it took without its start.
fn embed(args: &RunArgs, precision: Precision) -> Result<f64> {
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
    let news = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "`latentwalk embed` failed: {}", news.trim());
    let told = String::from_utf8_lossy(&done.stdout);
    ensure!(told.contains(&format!("{COUNT} vectors")), "`latentwalk embed` left images out: {}", told.trim());
    seconds(&news).with_context(|| format!("`latentwalk embed` told no time: {}", news.trim()))
}

/// The seconds in `N images in S s, from the first file to the result`.
fn seconds(news: &str) -> Option<f64> {
    let line = news.lines().find(|line| line.ends_with(" s, from the first file to the result"))?;
    let mut words = line.split(' ').skip_while(|&word| word != "in");
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_found_in_the_news() {
        let news = "resnet50: 267 tensors taken\n96 images in 4.125 s, from the first file to the result\n";
        assert_eq!(seconds(news), Some(4.125));
        assert_eq!(seconds("96 images in a folder\n"), None);
    }
}
