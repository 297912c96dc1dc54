//! Named experiments: a question, the runs that answer it, and figures that must stay where they were found.
//!
//! Each experiment is one TOML file that travels inside the binary: which description, which seeds, which study, and every
//! expected figure with its tolerance. Running one trains what the store does not hold yet, computes the figures from the
//! artifacts, writes a page, and fails when a figure has left its tolerance.

mod direction;
mod file;
mod layers;
mod order;
mod page;
mod preservation;
mod trial;
mod variance;
mod ways;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use latentwalk_artifacts::Store;
use latentwalk_cli::ExperimentArgs;

use crate::defaults;
use crate::progress::Console;
use crate::runner;
pub(crate) use direction::mean_pair_auc;
use file::{BUILT_IN, Experiment, Study};
use page::Page;
use trial::Laboratory;

/// Runs the `experiment` command.
///
/// # Errors
/// An unknown experiment, a run that fails, a page that cannot be written, a figure outside its tolerance.
pub fn run(args: &ExperimentArgs, command: &str, console: &Console) -> Result<()> {
    if args.list {
        return list();
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
    let laboratory = Laboratory { store: &store, device, command, console };
    let mut strayed = Vec::new();
    for experiment in &experiments {
        console.say(&format!("experiment `{}`: {}", experiment.name, experiment.title));
        let outcome = study(experiment, &laboratory).with_context(|| format!("experiment `{}`", experiment.name))?;
        let checks = experiment.check(&outcome.figures)?;
        let text = outcome.page(experiment, &checks);
        write(out, &experiment.name, &text, &outcome.files)?;
        let outside = checks.iter().filter(|check| !check.within()).count();
        let path = out.join(format!("{}.md", experiment.name));
        crate::commands::print(&page::verdicts(&checks))?;
        console.say(&format!("page: {}", path.display()));
        if outside > 0 {
            strayed.push(format!("{outside} of `{}`", experiment.name));
        }
    }
    ensure!(strayed.is_empty(), "figures outside their tolerance: {}; the pages say which", strayed.join(", "));
    Ok(())
}

/// What an experiment found.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Named figures, in the order of the page.
    pub(crate) figures: Vec<(String, f64)>,
    /// The page's body.
    pub(crate) body: Page,
    /// Further files of the page: name and content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Outcome {
    fn page(&self, experiment: &Experiment, checks: &[file::Check]) -> String {
        page::whole(experiment, &self.body, checks)
    }
}

fn study(experiment: &Experiment, laboratory: &Laboratory<'_>) -> Result<Outcome> {
    match experiment.study {
        Study::Direction => direction::run(experiment, laboratory),
        Study::Order => order::run(experiment, laboratory),
        Study::Variance => variance::run(experiment, laboratory),
        Study::Layers => layers::run(experiment, laboratory),
        Study::Preservation => preservation::run(experiment, laboratory),
    }
}

fn list() -> Result<()> {
    let mut text = String::new();
    for (name, _) in BUILT_IN {
        let _ = writeln!(text, "{name:<15}{}", Experiment::load(name)?.title);
    }
    crate::commands::print(&text)
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
