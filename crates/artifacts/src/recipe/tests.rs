#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// One recipe with every kind of fact; its key is in `fixtures/golden/artifacts/key.json`.
fn fixed() -> Recipe {
    let parameters = [
        ("probe.restarts", json!(4)),
        ("probe.rate", json!(0.01)),
        ("probe.name", json!("Ärmel \"lang\"\n")),
        ("probe.nested", json!({"b": [1, null, true], "a": {"y": -1.5, "x": 1}})),
    ];
    Recipe {
        stage: "probe".into(),
        revision: 3,
        schema: 2,
        device: Some("cpu".into()),
        parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        inputs: [("decomposition".to_owned(), Key::parse(&"0f".repeat(32)).unwrap())].into(),
        files: [("labels.csv".to_owned(), "ab".repeat(32))].into(),
    }
}

#[test]
fn the_key_is_that_of_the_python_twin() {
    let text = latentwalk_testing::fixture_text("golden/artifacts/key.json");
    let golden: Value = serde_json::from_str(&text).unwrap();
    let facts: Vec<Fact> = serde_json::from_value(golden["facts"].clone()).unwrap();
    assert_eq!(fixed().facts(), facts);
    assert_eq!(fixed().key().to_string(), golden["key"].as_str().unwrap());
}

#[test]
fn facts_are_sorted_and_each_name_is_there_once() {
    let facts = fixed().facts();
    assert!(facts.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert_eq!(facts.len(), 4 + 4 + 1 + 1);
}

#[test]
fn the_order_inside_a_value_is_not_a_fact() {
    let one: Value = serde_json::from_str(r#"{"a": 1, "b": [2, {"c": 3, "d": 4}]}"#).unwrap();
    let two: Value = serde_json::from_str(r#"{ "b": [2, {"d": 4, "c": 3}], "a": 1 }"#).unwrap();
    let key = |value: Value| Recipe::new("s", 1, 1).parameter("p", value).key();
    assert_eq!(key(one), key(two));
}

#[test]
fn every_change_changes_the_key_and_is_explained() {
    let other = Key::parse(&"1e".repeat(32)).unwrap();
    let with = |change: &dyn Fn(&mut Recipe)| {
        let mut recipe = fixed();
        change(&mut recipe);
        recipe
    };
    let cases: Vec<(Recipe, &str)> = vec![
        (with(&|r| r.stage = "walks".into()), "stage changed from \"probe\" to \"walks\""),
        (with(&|r| r.revision = 4), "stage revision changed from 3 to 4"),
        (with(&|r| r.schema = 3), "schema version changed from 2 to 3"),
        (with(&|r| r.device = Some("cuda".into())), "device changed from \"cpu\" to \"cuda\""),
        (with(&|r| r.device = None), "device changed from \"cpu\" to null"),
        (fixed().parameter("probe.restarts", 8), "`probe.restarts` changed from 4 to 8"),
        (fixed().parameter("probe.restarts", "4"), "`probe.restarts` changed from 4 to \"4\""),
        (fixed().parameter("probe.restarts", "x".repeat(80)), "`probe.restarts` changed"),
        (fixed().parameter("probe.new", true), "`probe.new` is new (true)"),
        (with(&|r| drop(r.parameters.remove("probe.rate"))), "`probe.rate` is gone (was 0.01)"),
        (fixed().input("decomposition", other), "input `decomposition` changed"),
        (fixed().input("images", other), "input `images` is new"),
        (with(&|r| r.inputs.clear()), "input `decomposition` is gone"),
        (fixed().file("labels.csv", "cd"), "file `labels.csv` changed"),
        (fixed().file("x", "cd"), "file `x` is new"),
        (with(&|r| r.files.clear()), "file `labels.csv` is gone"),
    ];
    let mut keys = vec![fixed().key()];
    for (recipe, expected) in cases {
        assert_eq!(explain(&fixed().facts(), &recipe.facts()), [expected]);
        keys.push(recipe.key());
    }
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "two different recipes share a key");
}

#[test]
fn several_changes_come_stage_first() {
    let mut new = fixed().parameter("a", 1).file("labels.csv", "cd");
    new.revision = 9;
    let said = explain(&fixed().facts(), &new.facts());
    assert_eq!(said, ["stage revision changed from 3 to 9", "`a` is new (1)", "file `labels.csv` changed"]);
}

#[test]
fn facts_survive_json_whatever_their_digits() {
    let recipe = Recipe::new("s", 1, 1).parameter("p", json!([0.1, 1e-300, 123456789.12345679, f64::MAX, 0.1f32]));
    let text = serde_json::to_string(&recipe.facts()).unwrap();
    let read: Vec<Fact> = serde_json::from_str(&text).unwrap();
    assert_eq!(Key::of(&read), recipe.key());
}

/// Few letters, so that equal names and shifted boundaries are common; they are those that the encoding itself uses.
fn word() -> impl Strategy<Value = String> {
    "[ab .\",:]{0,3}"
}

fn any_recipe() -> impl Strategy<Value = Recipe> {
    let value = prop_oneof![word().prop_map(Value::from), (0..3i64).prop_map(Value::from), Just(Value::Null)];
    let parameters = prop::collection::btree_map(word(), value, 0..3);
    let inputs = prop::collection::btree_map(word(), (0..2u8).prop_map(|at| Key::of(&[]).nudged(at)), 0..3);
    let files = prop::collection::btree_map(word(), word(), 0..3);
    (word(), 0..2u32, 0..2u32, prop::option::of(word()), parameters, inputs, files).prop_map(
        |(stage, revision, schema, device, parameters, inputs, files)| Recipe {
            stage,
            revision,
            schema,
            device,
            parameters,
            inputs,
            files,
        },
    )
}

impl Key {
    /// Another key, for tests.
    fn nudged(self, by: u8) -> Self {
        Key::of(&[Fact { name: self.to_string(), value: by.to_string() }])
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn same_key_same_recipe_nothing_to_explain(one in any_recipe(), two in any_recipe()) {
        let same = one == two;
        prop_assert_eq!(one.key() == two.key(), same);
        prop_assert_eq!(explain(&one.facts(), &two.facts()).is_empty(), same);
    }

    #[test]
    fn moving_text_between_neighbours_changes_the_key(texts in prop::collection::vec("[ab]{0,4}", 4), at in 0..3usize) {
        let facts = |texts: &[String]| {
            let pairs = texts.chunks(2);
            pairs.map(|pair| Fact { name: pair[0].clone(), value: pair[1].clone() }).collect::<Vec<_>>()
        };
        let mut moved = texts.clone();
        if let Some(letter) = moved[at].pop() {
            moved[at + 1].insert(0, letter);
            prop_assert_ne!(Key::of(&facts(&texts)), Key::of(&facts(&moved)));
        }
    }
}
