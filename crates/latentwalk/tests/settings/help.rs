//! The help names each default as it is.

use std::collections::BTreeMap;

use clap::{CommandFactory, Parser};
use latentwalk::defaults::{DEFAULT_EMBED_TAP, DEFAULT_KEEP_RUNS, DEFAULT_THREADS};
use latentwalk_backbone::{DEFAULT_DEVICE, DEFAULT_PREPROCESS, Precision};
use latentwalk_cli::{BenchCommand, Command, DEFAULT_DESCRIPTION, DEFAULT_EXPERIMENTS, DEFAULT_STORE, ExportFormat};
use latentwalk_explorer::DEFAULT_PORT;
use latentwalk_garments::{DEFAULT_COUNT, DEFAULT_SEED, DEFAULT_SIZE, DEFAULT_TWIN_SETS, Format, MAX_SIZE, MIN_SIZE};
use latentwalk_images::{DEFAULT_LIMIT_FILE_BYTES, DEFAULT_LIMIT_PIXELS};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(clap::Subcommand)]
enum Task {
    #[command(flatten)]
    Shared(Command),
    #[command(subcommand)]
    Bench(BenchCommand),
}

/// The help of every argument by command and name, such as `artifacts gc keep_runs`.
fn help() -> BTreeMap<String, String> {
    fn gather(prefix: &str, command: &clap::Command, all: &mut BTreeMap<String, String>) {
        for argument in command.get_arguments() {
            assert!(
                argument.get_default_values().is_empty(),
                "`{prefix}{}` has a default of its own",
                argument.get_id()
            );
            let text = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
            all.insert(format!("{prefix}{}", argument.get_id()), text);
        }
        for inner in command.get_subcommands() {
            gather(&format!("{prefix}{} ", inner.get_name()), inner, all);
        }
    }
    let mut all = BTreeMap::new();
    gather("", &Cli::command(), &mut all);
    all
}

fn default_of(help: &str) -> Option<&str> {
    help.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']')).map(|(default, _)| default)
}

#[test]
fn the_help_names_every_default_as_the_constants_have_it() {
    let device = [("device", DEFAULT_DEVICE.to_owned())];
    let machine = [device[0].clone(), ("threads", DEFAULT_THREADS.to_string())];
    let store = [("store", DEFAULT_STORE.to_owned())];
    let description = [("description", DEFAULT_DESCRIPTION.to_owned())];
    let commands: [(&str, Vec<(&str, String)>); 14] = [
        (
            "walk",
            vec![
                ("stops", "as many as the run's own walks have".to_owned()),
                ("per_stop", "1".to_owned()),
                ("store", DEFAULT_STORE.to_owned()),
                ("device", DEFAULT_DEVICE.to_owned()),
            ],
        ),
        ("init", vec![("out", "DIR/latentwalk.toml".to_owned())]),
        ("pipeline", [&description[..], &store, &machine].concat()),
        ("import", [&description[..], &store].concat()),
        (
            "garments",
            vec![
                ("count", DEFAULT_COUNT.to_string()),
                ("size", DEFAULT_SIZE.to_string()),
                ("seed", DEFAULT_SEED.to_string()),
                ("twin_sets", DEFAULT_TWIN_SETS.to_string()),
                ("format", format!("{:?}", Format::default()).to_lowercase()),
            ],
        ),
        ("experiment", [&[("out", DEFAULT_EXPERIMENTS.to_owned())][..], &store, &machine].concat()),
        (
            "embed",
            [
                &[
                    ("preprocess", DEFAULT_PREPROCESS.to_owned()),
                    ("exif", "ignore".to_owned()),
                    ("alpha", "drop".to_owned()),
                    ("max_pixels", DEFAULT_LIMIT_PIXELS.to_string()),
                    ("max_file_bytes", DEFAULT_LIMIT_FILE_BYTES.to_string()),
                    ("tap", DEFAULT_EMBED_TAP.name().to_owned()),
                    ("precision", Precision::default().name().to_owned()),
                ][..],
                &machine,
            ]
            .concat(),
        ),
        ("explore", [&[("port", DEFAULT_PORT.to_string())][..], &store].concat()),
        ("project", [&store[..], &device].concat()),
        (
            "export",
            [
                &[
                    ("format", format!("{:?}", ExportFormat::default()).to_lowercase()),
                    ("x", "the first attribute's axis".to_owned()),
                    ("y", "the next attribute's axis, or a principal axis".to_owned()),
                ][..],
                &store,
            ]
            .concat(),
        ),
        ("artifacts", store.to_vec()),
        ("artifacts why", [&description[..], &device].concat()),
        ("artifacts gc", vec![("keep_runs", DEFAULT_KEEP_RUNS.to_string())]),
        ("bench precision", [&description[..], &store, &machine].concat()),
    ];
    let expected: BTreeMap<String, String> = commands
        .into_iter()
        .flat_map(|(command, flags)| flags.into_iter().map(move |(flag, value)| (format!("{command} {flag}"), value)))
        .collect();
    let help = help();
    let told = help.iter().filter_map(|(name, text)| Some((name.clone(), default_of(text)?.to_owned())));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), expected);
    assert!(help["garments size"].contains(&format!("{MIN_SIZE} to {MAX_SIZE}")));
}

#[test]
fn every_command_that_prints_a_result_has_json_and_the_docs_list_its_keys() {
    fn gather(prefix: &str, above: bool, command: &clap::Command, all: &mut Vec<(String, bool)>) {
        let has = above || command.get_arguments().any(|argument| argument.get_id() == "json");
        for inner in command.get_subcommands() {
            gather(&format!("{prefix}{} ", inner.get_name()), has, inner, all);
        }
        if command.get_subcommands().next().is_none() {
            all.push((prefix.trim_end().to_owned(), has));
        }
    }
    let mut commands = Vec::new();
    gather("", false, &Cli::command(), &mut commands);
    assert!(commands.len() > 12, "{commands:?}");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/command-line.md");
    let docs = std::fs::read_to_string(path).unwrap();
    for (name, has) in commands {
        // What `explore` gives is a page.
        assert!(has || name == "explore", "`{name}` has no --json");
        assert!(docs.contains(&format!("\n| `{name}` | ")), "docs/command-line.md has no row for `{name}`");
    }
}
