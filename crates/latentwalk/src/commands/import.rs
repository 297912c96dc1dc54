//! `import`: the images and labels of a description, and no further.

use anyhow::Result;
use latentwalk_cli::{ImportArgs, PipelineArgs, Stage};
use latentwalk_images::Depth;

use super::output::print;
use super::pipeline;
use crate::config::Config;
use crate::progress::Console;

/// Imports a description's images, or says what would be imported.
///
/// # Errors
/// As the pipeline's first stage; with `--check`, a source that cannot be read at all.
pub(super) fn run(args: &ImportArgs, command: &str, console: &Console) -> Result<()> {
    if !args.check {
        let until_images = PipelineArgs {
            source: args.source.clone(),
            store: args.store.clone(),
            until: Some(Stage::Images),
            ..PipelineArgs::default()
        };
        return pipeline::run(&until_images, command, console);
    }
    let config = Config::load(&args.source)?;
    let depth = if args.contents { Depth::Contents } else { Depth::Names };
    let survey = {
        let progress = console.start("check");
        let progress = |done, total| progress.set(done, total);
        latentwalk_images::survey(&config.images, &config.origin, depth, &progress)?
    };
    print(&survey.to_string())
}
