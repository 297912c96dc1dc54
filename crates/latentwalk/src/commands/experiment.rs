//! `experiment`: a question, its runs, and figures that must stay within their tolerance.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::Store;
use latentwalk_cli::ExperimentArgs;
use serde_json::{Value, json};

use super::answer;
use crate::defaults;
use crate::experiment::{self, BUILT_IN, Experiment, Trials, page};
use crate::progress::Console;
use crate::runner;

/// Runs the `experiment` command.
///
/// # Errors
/// An unknown experiment, a run that fails, a page that cannot be written, a figure outside its tolerance.
pub(super) fn run(args: &ExperimentArgs, command: &str, console: &Console) -> Result<()> {
    if args.list {
        return list(args);
    }
    let wanted = args.name.as_deref().unwrap_or_default();
    let experiments = match wanted {
        "all" => BUILT_IN.iter().map(|(name, _)| Experiment::load(name)).collect::<Result<Vec<_>>>()?,
        name => vec![Experiment::load(name)?],
    };
    runner::set_threads(defaults::threads(args.threads))?;
    let store = Store::open(defaults::store(args.store.as_deref()))?;
    let device = defaults::device(args.device.as_deref());
    let out = defaults::experiments(args.out.as_deref());
    let trials = Trials { store: &store, device, command, console };
    let (mut strayed, mut told) = (Vec::new(), Vec::new());
    for each in &experiments {
        console.say(&format!("experiment `{}`: {}", each.name, each.title));
        let outcome = experiment::study(each, &trials).with_context(|| format!("experiment `{}`", each.name))?;
        let checks = each.check(&outcome.figures)?;
        let text = outcome.page(each, &checks);
        write(out, &each.name, &text, &outcome.files)?;
        let outside = checks.iter().filter(|check| !check.within()).count();
        let path = out.join(format!("{}.md", each.name));
        answer::text(&args.json, &page::verdicts(&checks))?;
        console.say(&format!("page: {}", path.display()));
        let figures = checks.iter().map(page::json).collect::<Value>();
        told.push(json!({ "name": each.name, "title": each.title, "page": answer::path(&path), "figures": figures }));
        if outside > 0 {
            strayed.push(format!("{outside} of `{}`", each.name));
        }
    }
    answer::json(&args.json, &json!({ "experiments": told }))?;
    ensure!(strayed.is_empty(), "figures outside their tolerance: {}; the pages say which", strayed.join(", "));
    Ok(())
}

fn list(args: &ExperimentArgs) -> Result<()> {
    let (mut text, mut experiments) = (String::new(), Vec::new());
    for (name, _) in BUILT_IN {
        let title = Experiment::load(name)?.title;
        let _ = writeln!(text, "{name:<19}{title}");
        experiments.push(json!({ "name": name, "title": title }));
    }
    answer::give(&args.json, &text, &json!({ "experiments": experiments }))
}

/// Writes the page and its files; the page last, so that it never names a file that is not there.
fn write(folder: &Path, name: &str, text: &str, files: &[(String, Vec<u8>)]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let page = (format!("{name}.md"), text.as_bytes().to_vec());
    for (file, bytes) in files.iter().chain([&page]) {
        if file.contains(['/', '\\']) {
            bail!("`{file}` is not a file's name");
        }
        let path = folder.join(file);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
