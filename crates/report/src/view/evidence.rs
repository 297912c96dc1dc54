//! Two walks from one start, figures beside yardsticks, and what does not work.

use minijinja::context;
use minijinja::value::Value;

use super::strip::{self, Decimals};
use super::{both, table};
use crate::attribute::{AttributeSection, WalkRole};
use crate::charts::bars::{self, Bar, Panel, Role};
use crate::classes::ClassRow;
use crate::evidence::{Comparison, Side};
use crate::number;
use crate::statistics;
use crate::svg::Svg;

/// The article's walk above the line toward a value.
pub(super) fn comparison(comparison: &Comparison, rows: &[ClassRow]) -> Value {
    let side = |side: &Side, ours: bool| {
        context! {
            name => &side.name,
            does => &side.does,
            ours => ours,
            hit => number::percent(side.hit),
            kept => number::share(side.kept),
            strip => strip::sought(&comparison.start, &comparison.value, &side.stops, rows),
        }
    };
    context! {
        value => super::overview::class(rows, &comparison.value),
        id => &comparison.start.id,
        sides => [side(&comparison.article, false), side(&comparison.toward, true)],
    }
}

/// What the chart of yardsticks compares; empty without figures.
pub(crate) fn panels(section: &AttributeSection) -> Vec<Panel> {
    let role = |role: WalkRole, default: bool| match (role, default) {
        (_, true) => Role::Ours,
        (WalkRole::Metric, false) => Role::Rival,
        (WalkRole::Baseline, false) => Role::Yardstick,
    };
    let mut panels = Vec::new();
    if let Some(toward) = &section.toward {
        let bars = |value: fn(&crate::attribute::TowardRow) -> Option<f64>| -> Vec<Bar> {
            let bar = |r: &crate::attribute::TowardRow| {
                let name = if r.default { format!("the line: {}", r.name) } else { r.name.clone() };
                Bar { name, role: role(r.role, r.default), value: value(r) }
            };
            toward.rows.iter().map(bar).collect()
        };
        panels.push(Panel { figure: "Toward a value: finds it".into(), bars: bars(|r| r.hit) });
        panels.push(Panel { figure: "Toward a value: the rest stays".into(), bars: bars(|r| r.kept) });
    }
    if let Some(walks) = &section.walks {
        let shown = walks.rows.iter().filter(|r| r.default || r.role == WalkRole::Baseline);
        let bars = shown.map(|r| Bar {
            name: if r.default { format!("the line: {}", r.name) } else { r.name.clone() },
            role: role(r.role, r.default),
            value: r.median_spearman,
        });
        panels.push(Panel { figure: "Along the axis: median Spearman".into(), bars: bars.collect() });
    }
    panels.retain(|panel| panel.bars.iter().any(|bar| bar.value.is_some_and(f64::is_finite)));
    panels
}

/// The drawing of the yardsticks.
pub(crate) fn yardstick_chart(section: &AttributeSection, panels: &[Panel], width: f64) -> Svg {
    let label = format!("The lines of {} beside yardsticks; the table below has the figures.", section.name);
    bars::draw(panels, width, &label)
}

/// The chart of yardsticks with its table.
pub(super) fn yardsticks(section: &AttributeSection) -> Value {
    let panels = panels(section);
    if panels.is_empty() {
        return Value::from(());
    }
    let lines = panels.iter().flat_map(|panel| {
        panel.bars.iter().map(|bar| vec![panel.figure.clone(), bar.name.clone(), number::share(bar.value)])
    });
    context! {
        chart => both(|width| yardstick_chart(section, &panels, width).finish()),
        figures => table(&["figure", "of", "value"], lines.collect()),
    }
}

/// Worst walks and hubs.
pub(super) fn failures(section: &AttributeSection, rows: &[ClassRow], decimals: Decimals) -> Value {
    let Some(failures) = &section.failures else { return Value::from(()) };
    let hub = |hub: &crate::evidence::Hub| {
        let head = format!("in {} of {}", number::count(hub.walks as u64), number::count(failures.walks as u64));
        strip::alone(head, &hub.card, rows)
    };
    let hubs: Vec<Value> = failures.hubs.iter().map(hub).collect();
    context! {
        walks => number::count(failures.walks as u64),
        judged_by => &failures.judged_by,
        worst => failures.worst.iter().map(|s| strip::view(s, rows, decimals)).collect::<Vec<_>>(),
        hubs => context! { n => hubs.len(), cells => hubs },
        any_hubs => !failures.hubs.is_empty(),
    }
}

/// The declared order beside the order of the medians; nothing without a declared order of three classes.
pub(super) fn broken(section: &AttributeSection, rows: &[ClassRow]) -> Value {
    let median = |row: &ClassRow| statistics::quantile(&row.held_out, 0.5);
    let ranked: Vec<(&ClassRow, f64)> = rows.iter().filter(|r| r.in_order).map(|r| (r, median(r))).collect();
    if section.order.len() < 2 || ranked.iter().filter(|(_, at)| at.is_finite()).count() < 2 {
        return Value::from(());
    }
    let spread = statistics::range(ranked.iter().map(|(_, at)| *at)).map_or(0.0, |(low, high)| high - low);
    let decimals = number::decimals_for(spread);
    let place = |at: f64| ranked.iter().filter(|(_, other)| *other < at).count();
    let wrong = |i: usize| ranked[i].1.is_finite() && place(ranked[i].1) != place_declared(&ranked, i);
    let lines = ranked.iter().enumerate().map(|(i, (row, at))| {
        let stands = if at.is_finite() { (place(*at) + 1).to_string() } else { number::DASH.to_owned() };
        context! {
            class => super::overview::class(rows, &row.name),
            declared => i + 1,
            stands => stands,
            median => number::fixed(*at, decimals),
            wrong => wrong(i),
        }
    });
    let count = (0..ranked.len()).filter(|&i| wrong(i)).count();
    let sentence = match count {
        0 => format!("None: all {} classes stand in the declared order by their medians.", ranked.len()),
        n => format!("{n} of {} classes stand elsewhere than declared, by their medians.", ranked.len()),
    };
    context! { sentence => sentence, broken => count > 0, rows => lines.collect::<Vec<_>>() }
}

/// How many classes with a median come before in the declared order.
fn place_declared(ranked: &[(&ClassRow, f64)], i: usize) -> usize {
    ranked[..i].iter().filter(|(_, at)| at.is_finite()).count()
}
