//! What every built-in description resolves to, value by value, and the keys that follow: a result that is stored today
//! is found again tomorrow.

use std::collections::BTreeMap;

use latentwalk::config::{BUILT_IN, Config};
use latentwalk::runner;
use latentwalk_artifacts::Store;
use serde_json::{Value, json};

use super::{agree, load};

/// Sets every key that a description need not name, among them those that are left out of its identity until then.
pub(crate) const EVERYTHING: &[&str] = &[
    "name=everything",
    "seed=9",
    "probe.seed=4",
    "images.limit=600",
    "images.minimum_support=5",
    "images.split={ train = 0.5, validation = 0.25, test = 0.25, seed = 7, stratify = \"sleeve\" }",
    "attributes.sleeve.several=unlabelled",
    "augment.fill=zero",
    "backbone.weights=w.pth",
    "backbone.preprocess=timm-a1",
    "backbone.fc=64",
    "backbone.heads=[\"sleeve\", \"kind\"]",
    "backbone.checkpoint_minutes=1",
    "backbone.trainable=heads",
    "backbone.backbone_rate=0.1",
    "backbone.accumulate=2",
    "backbone.batch_norm=frozen",
    "backbone.precision=bf16",
    "backbone.optimizer=sgd",
    "embeddings.taps=[\"fc\", \"layer3\"]",
    "embeddings.precision=bf16-emulated",
    "decomposition.variance=0.9",
    "decomposition.whiten=true",
    "probe.attributes=[\"sleeve\"]",
    "probe.method=mean_difference",
    "probe.standardize=per_axis",
    "probe.choose=order",
    "pool.splits=[\"train\", \"validation\"]",
    "pool.only={ kind = \"top\" }",
    "pool.starts_only={ category = \"shirt\" }",
    "metrics.kinds=[\"residual\", \"within-class\"]",
    "metrics.default=residual",
    "walks.placing=quantiles",
    "walks.search=hnsw",
    "toward.starts=50",
    "report.title=Everything",
];

#[test]
fn every_value_and_every_key_of_the_built_in_descriptions_is_as_it_was() {
    let mut all = BTreeMap::new();
    for known in BUILT_IN {
        let config = load(known.name, &[]).unwrap();
        let keys = if known.needs_files { json!({}) } else { json!(keys(&config)) };
        all.insert(known.name, json!({ "parameters": parameters(&config), "keys": keys }));
    }
    let everything = parameters(&load("fashion-mnist", EVERYTHING).unwrap());
    all.insert("fashion-mnist with every key set", json!({ "parameters": everything }));
    let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
    agree("fixtures/golden/settings/parameters.json", &text, "UPDATE_GOLDEN");
}

/// The parameters with their values as JSON text: reading a number and writing it again need not give the same digits.
fn parameters(config: &Config) -> BTreeMap<String, String> {
    let text = |value: Value| serde_json::to_string(&value).unwrap();
    config.parameters().unwrap().into_iter().map(|(key, value)| (key, text(value))).collect()
}

/// The key of every stage's result.
fn keys(config: &Config) -> BTreeMap<&'static str, String> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let plan = runner::plan(config, &store, "cpu", None).unwrap();
    plan.iter().map(|planned| (planned.row.stage.name(), planned.key.to_string())).collect()
}
