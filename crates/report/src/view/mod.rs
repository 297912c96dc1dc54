//! From the report's data to what the template prints: every number as text, every figure as a drawing.

pub(crate) mod attribute;
pub(crate) mod evidence;
mod matrix;
mod overview;
mod recipe;
mod script;
pub(crate) mod strip;
pub(crate) mod training;
mod walking;

use minijinja::value::Value;
use minijinja::{Environment, context};

use crate::charts::{self, NARROW, WIDE};
use crate::error::Result;
use crate::model::Report;
use crate::{images, palette};

/// The page as text.
pub(crate) fn page(report: &Report) -> Result<String> {
    let mut environment = Environment::new();
    for (name, source) in [
        ("page.html", include_str!("../page/page.html")),
        ("parts.html", include_str!("../page/parts.html")),
        ("training.html", include_str!("../page/training.html")),
        ("attribute.html", include_str!("../page/attribute.html")),
        ("recipe.html", include_str!("../page/recipe.html")),
        ("overview.html", include_str!("../page/overview.html")),
        ("failures.html", include_str!("../page/failures.html")),
    ] {
        environment.add_template(name, source)?;
    }
    let attributes: Vec<Value> = report.attributes.iter().enumerate().map(|(i, a)| attribute::view(i, a)).collect();
    let context = context! {
        title => &report.title,
        summary => &report.summary,
        style => safe(style(report)),
        images => safe(images::definitions(report)?),
        facts => overview::facts(report),
        verdicts => overview::verdicts(report),
        hero => overview::hero(report),
        training => report.training.as_ref().map_or(Value::from(()), training::view),
        spectrum => report.spectrum.as_ref().map_or(Value::from(()), training::spectrum),
        attributes => attributes,
        lines => report.lines.as_ref().map_or(Value::from(()), matrix::view),
        script => safe(script::SOURCE.to_owned()),
        script_hash => safe(script::hash()),
        recipe => recipe::view(&report.recipe),
    };
    Ok(environment.get_template("page.html")?.render(context)?)
}

fn style(report: &Report) -> String {
    let mut style = String::from(charts::GROUND);
    style.push_str(include_str!("../page/style.css"));
    style.push_str(charts::STYLE);
    style.push_str(&palette::slots());
    style.push('\n');
    style.push_str(&palette::rules(":root", 0, palette::COLOURS));
    for (i, section) in report.attributes.iter().enumerate() {
        style.push_str(&palette::rules(&format!(".a{i}"), section.order.len(), section.classes.len()));
    }
    style
}

/// Text that is HTML already.
fn safe(html: String) -> Value {
    Value::from_safe_string(html)
}

/// A drawing twice, for a page and for a phone; the style shows one of them.
fn both(draw: impl Fn(f64) -> String) -> Value {
    safe(format!("<div class=\"wide\">{}</div><div class=\"narrow\">{}</div>", draw(WIDE), draw(NARROW)))
}

/// A table of texts for the template: heads and rows, the first column naming the row.
fn table(head: &[&str], rows: Vec<Vec<String>>) -> Value {
    let head: Vec<Value> = head.iter().map(|text| Value::from(*text)).collect();
    let rows: Vec<Value> = rows.into_iter().map(Value::from).collect();
    context! { head => head, rows => rows }
}
