//! `import`: the images and labels of a description, and no further.

use anyhow::Result;
use latentwalk_cli::{ImportArgs, PipelineArgs, RunArgs, Stage};
use latentwalk_images::{Depth, Frequency, Survey};
use serde_json::{Value, json};

use super::{answer, pipeline};
use crate::config::Config;
use crate::progress::Console;

/// Imports a description's images, or says what would be imported.
///
/// # Errors
/// As the pipeline's first stage; with `--check`, a source that cannot be read at all.
pub(super) fn run(args: &ImportArgs, command: &str, console: &Console) -> Result<()> {
    if !args.check {
        let until_images = PipelineArgs {
            run: RunArgs { source: args.source.clone(), ..RunArgs::default() },
            store: args.store.clone(),
            until: Some(Stage::Images),
            json: args.json.clone(),
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
    answer::give(&args.json, &survey.to_string(), &value(&survey))
}

/// A survey for programs; its lists are whole, where the text cuts long ones short.
fn value(survey: &Survey) -> Value {
    let [train, validation, test] = survey.declared;
    let columns = survey.columns.iter().map(|column| {
        let values = frequencies(&column.values);
        json!({ "name": column.name, "labelled": column.labelled, "several": column.several, "values": values })
    });
    let attributes = survey.attributes.iter().map(|attribute| {
        json!({
            "name": attribute.name,
            "column": attribute.column,
            "labelled": attribute.labelled,
            "classes": frequencies(&attribute.classes),
            "outside": frequencies(&attribute.outside),
        })
    });
    json!({
        "source": survey.source,
        "images": survey.images,
        "missing": survey.missing,
        "skipped": survey.skipped,
        "same_content": survey.same_content,
        "splits": { "train": train, "validation": validation, "test": test, "undeclared": survey.undeclared },
        "groups": survey.groups,
        "columns": columns.collect::<Value>(),
        "attributes": attributes.collect::<Value>(),
        "left_out": survey.remarks,
        "suspicious": survey.suspicions.iter().map(ToString::to_string).collect::<Value>(),
    })
}

fn frequencies(list: &[Frequency]) -> Value {
    list.iter().map(|one| json!({ "name": one.name, "images": one.images })).collect()
}
