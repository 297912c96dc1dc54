//! The file of an experiment.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The experiments that travel inside the binary, in the order in which `all` runs them.
pub(crate) const BUILT_IN: &[(&str, &str)] = &[
    ("fashion-mnist", include_str!("../../../../fixtures/experiments/fashion-mnist.toml")),
    ("sleeve", include_str!("../../../../fixtures/experiments/sleeve.toml")),
    ("pattern", include_str!("../../../../fixtures/experiments/pattern.toml")),
    ("variance", include_str!("../../../../fixtures/experiments/variance.toml")),
    ("layers", include_str!("../../../../fixtures/experiments/layers.toml")),
    ("preservation", include_str!("../../../../fixtures/experiments/preservation.toml")),
    ("calibration", include_str!("../../../../fixtures/experiments/calibration.toml")),
    ("left-out", include_str!("../../../../fixtures/experiments/left-out.toml")),
    ("left-out-garments", include_str!("../../../../fixtures/experiments/left-out-garments.toml")),
];

/// What is computed from the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Study {
    /// The directions of some attributes with their distributions and strips.
    Direction,
    /// In which order a nominal attribute's classes stand, over many probes and networks.
    Order,
    /// How many axes carry the variance.
    Variance,
    /// How well attributes separate layer by layer.
    Layers,
    /// Whether verdicts say yes where there is nothing, on numbers that the study draws.
    Calibration,
    /// Whether an attribute is readable in a network that was never asked about it.
    LeftOut,
    /// Whether the rest stays when one attribute changes.
    Preservation,
}

/// One experiment.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Experiment {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(crate) name: String,
    /// The page's heading.
    pub(crate) title: String,
    /// What is asked.
    pub(super) question: String,
    /// What was found, in words, by whoever stated the expected figures.
    pub(super) findings: String,
    /// What is computed.
    pub(super) study: Study,
    /// The description of the runs; empty for study `calibration`, which needs none.
    #[serde(default)]
    pub(super) description: String,
    /// Changes of its keys, as `--set` takes them.
    #[serde(default)]
    pub(super) set: Vec<String>,
    /// Seeds of the runs: a network each.
    pub(super) seeds: Vec<u64>,
    /// The attributes that are looked at.
    #[serde(default)]
    pub(super) attributes: Vec<String>,
    /// Study `order`: the order that is asked about.
    #[serde(default)]
    pub(super) order: Vec<String>,
    /// Study `order`: probes fitted on each network.
    #[serde(default)]
    pub(super) probes: u64,
    /// Study `left-out`: the heads that stay. Without it the attributes are left out one at a time, each in a network of its own.
    #[serde(default)]
    pub(super) heads: Vec<String>,
    /// The expected figures by name.
    #[serde(default)]
    pub(super) figures: BTreeMap<String, Expectation>,
}

/// What a figure is expected to be.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectation {
    /// The figure as it was found when the file was written.
    pub(super) expected: f64,
    /// How far from it another machine or a harmless change may lead.
    pub(super) tolerance: f64,
    /// What the project set out to reach; shown beside the figure.
    #[serde(default)]
    pub(super) target: Option<f64>,
}

/// A figure beside its expectation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(super) found: f64,
    pub(super) expectation: Option<Expectation>,
}

impl Check {
    /// Whether the figure lies within its tolerance; figures that nobody stated do.
    pub(crate) fn within(&self) -> bool {
        self.expectation.is_none_or(|e| (self.found - e.expected).abs() <= e.tolerance + ROUNDING)
    }
}

/// Lets a figure stand exactly on the border of its tolerance.
const ROUNDING: f64 = 1e-9;

impl Experiment {
    /// The seed that the first, or the only, run has.
    pub(super) fn first_seed(&self) -> Result<u64> {
        self.seeds.first().copied().context("`seeds` is empty")
    }

    /// Reads a built-in experiment or a TOML file.
    pub(crate) fn load(name: &str) -> Result<Self> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, text).with_context(|| format!("experiment `{name}`"));
        }
        let path = std::path::Path::new(name);
        let names: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        ensure!(
            path.extension().is_some_and(|e| e == "toml"),
            "`{name}` is neither an experiment ({}, or `all`) nor a .toml file",
            names.join(", ")
        );
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the experiment {name}"))?;
        let stem = path.file_stem().map_or_else(|| "experiment".into(), |stem| stem.to_string_lossy().into_owned());
        Self::parse(&stem, &text).with_context(|| name.to_owned())
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let mut experiment: Self = toml::from_str(text).context("not a valid experiment")?;
        name.clone_into(&mut experiment.name);
        ensure!(!experiment.seeds.is_empty(), "`seeds` is empty\nhint: name at least one");
        if experiment.study != Study::Calibration {
            ensure!(
                !experiment.description.is_empty(),
                "`description` is missing\nhint: name the description of the runs"
            );
            ensure!(!experiment.attributes.is_empty(), "`attributes` is empty\nhint: name at least one");
        }
        if experiment.study == Study::Order {
            ensure!(experiment.order.len() >= 2, "study `order` needs an `order` of at least two classes");
            ensure!(experiment.probes >= 1, "study `order` needs `probes`, at least 1");
            ensure!(experiment.attributes.len() == 1, "study `order` looks at one attribute");
        }
        for (name, e) in &experiment.figures {
            let usable = e.expected.is_finite() && e.tolerance.is_finite() && e.tolerance >= 0.0;
            ensure!(usable, "figure `{name}`: `expected` and `tolerance` must be finite, `tolerance` 0 or more");
        }
        Ok(experiment)
    }

    /// Every figure beside its expectation.
    pub(crate) fn check(&self, figures: &[(String, f64)]) -> Result<Vec<Check>> {
        for name in self.figures.keys() {
            ensure!(
                figures.iter().any(|(found, _)| found == name),
                "the file of `{}` expects a figure `{name}`, which the study does not give; it gives {}",
                self.name,
                figures.iter().map(|(found, _)| format!("`{found}`")).collect::<Vec<_>>().join(", ")
            );
        }
        let check = |(name, found): &(String, f64)| Check {
            name: name.clone(),
            found: *found,
            expectation: self.figures.get(name).copied(),
        };
        Ok(figures.iter().map(check).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "title = 't'\nquestion = 'q'\nfindings = 'f'\nstudy = 'direction'\ndescription = 'garments'\n\
                        seeds = [1]\nattributes = ['sleeve']\n[figures.auc]\nexpected = 0.9\ntolerance = 0.05\n";

    #[test]
    fn the_built_in_experiments_load_and_name_descriptions_that_exist() {
        for (name, _) in BUILT_IN {
            let experiment = Experiment::load(name).unwrap();
            assert!(!experiment.figures.is_empty(), "{name} expects nothing");
            if experiment.study == Study::Calibration {
                continue;
            }
            let args = latentwalk_cli::DescriptionArgs {
                description: Some(experiment.description.clone()),
                set: experiment.set.clone(),
                ..Default::default()
            };
            let config = crate::config::Config::load(&args).unwrap();
            let known: Vec<&str> = config.images.attributes.0.iter().map(|a| a.name.as_str()).collect();
            assert!(experiment.attributes.iter().all(|a| known.contains(&a.as_str())), "{name}");
        }
    }

    #[test]
    fn a_figure_that_leaves_its_tolerance_is_found() {
        let experiment = Experiment::parse("x", TEXT).unwrap();
        let within = |found: f64| experiment.check(&[("auc".to_owned(), found)]).unwrap()[0].within();
        assert_eq!([0.84, 0.85, 0.95, 0.96, f64::NAN].map(within), [false, true, true, false, false]);
        let checks = experiment.check(&[("auc".to_owned(), 0.9), ("more".to_owned(), 3.0)]).unwrap();
        assert!(checks[1].expectation.is_none() && checks[1].within());
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text: &str| format!("{:#}", Experiment::parse("x", text).unwrap_err());
        assert!(message(&TEXT.replace("seeds = [1]", "seeds = []")).contains("`seeds`"));
        assert!(message(&TEXT.replace("'direction'", "'order'")).contains("`order`"));
        assert!(message(&TEXT.replace("0.05", "-1.0")).contains("`auc`"));
        assert!(message(&format!("colour = 1\n{TEXT}")).contains("colour"));
        let missing = Experiment::parse("x", TEXT).unwrap().check(&[]).unwrap_err().to_string();
        assert!(missing.contains("`auc`"), "{missing}");
        let unknown = Experiment::load("sleeves").unwrap_err().to_string();
        assert!(unknown.contains("sleeve, pattern"), "{unknown}");
    }
}
