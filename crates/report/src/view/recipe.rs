//! What is needed to make the run again.

use minijinja::context;
use minijinja::value::Value;

use super::table;
use crate::model::Recipe;
use crate::number;

/// The foot of the page.
pub(super) fn view(recipe: &Recipe) -> Value {
    let versions: Vec<Vec<String>> = recipe.versions.iter().map(|(n, v)| vec![n.clone(), v.clone()]).collect();
    let seeds: Vec<Vec<String>> = recipe.seeds.iter().map(|(n, s)| vec![n.clone(), s.to_string()]).collect();
    let stages: Vec<Value> = recipe
        .stages
        .iter()
        .map(|s| context! { name => &s.name, key => &s.key, time => number::duration(s.seconds), reused => &s.reused })
        .collect();
    context! {
        command => &recipe.command,
        description => &recipe.description,
        versions => table(&["what", "version"], versions),
        seeds => table(&["of", "seed"], seeds),
        stages => stages,
    }
}
