//! The section of one attribute.

use latentwalk_arithmetic::ascending;
use minijinja::context;
use minijinja::value::Value;

use super::overview::{claims, class, verdict};
use super::walking::{toward, walks};
use super::{both, evidence, safe, strip, table};
use crate::attribute::{AttributeSection, Null, PairAuc, Probabilities, Restarts};
use crate::charts::ridge::Ridge;
use crate::charts::{histogram, probabilities};
use crate::classes::{self, ClassRow};
use crate::number;
use crate::statistics;
use crate::svg::Svg;

/// More classes than this are headed by numbers in a matrix, as are names of more than `NAMED_LENGTH` characters.
const NAMED_COLUMNS: usize = 5;
const NAMED_LENGTH: usize = 14;
/// More restarts than this are told, not drawn.
const DRAWN_RESTARTS: usize = 24;

/// Everything that the template prints of a section.
pub(super) fn view(index: usize, section: &AttributeSection) -> Value {
    let rows = classes::rows(section);
    let ridge = Ridge::of(section, &rows);
    let domain = ridge.domain;
    let decimals = strip::decimals(section);
    let strips: Vec<Value> = section.strips.iter().map(|s| strip::view(s, &rows, decimals)).collect();
    context! {
        index => index,
        name => &section.name,
        kind => section.kind.name(),
        order => section.order.iter().map(|name| class(&rows, name)).collect::<Vec<_>>(),
        verdict => verdict(&section.verdict),
        claims => claims(&section.claims),
        told => section.claims.iter().any(|claim| claim.sentence == section.verdict.sentence),
        method => &section.method,
        settings => section.settings.iter().map(|(n, v)| context! { name => n, text => v }).collect::<Vec<_>>(),
        restarts => section.restarts.as_ref().map_or(Value::from(()), restarts),
        split => &section.split,
        ridge => both(|width| ridge.draw(width).finish()),
        figures => distribution_table(section, &rows, domain),
        few => rows.iter().any(|r| !r.held_out.is_empty() && r.held_out.len() < statistics::DOTS_BELOW),
        auc => auc_matrix(section, &rows),
        probabilities => section.probabilities.as_ref().map_or(Value::from(()), |p| curves(section, p, &rows, domain)),
        null => section.null.as_ref().map_or(Value::from(()), null),
        walks => section.walks.as_ref().map_or(Value::from(()), walks),
        toward => section.toward.as_ref().map_or(Value::from(()), |t| toward(t, &rows)),
        strips => strips,
        comparisons => section.comparisons.iter().map(|c| evidence::comparison(c, &rows)).collect::<Vec<_>>(),
        yardsticks => evidence::yardsticks(section),
        failures => evidence::failures(section, &rows, decimals),
        broken => evidence::broken(section, &rows),
    }
}

fn distribution_table(section: &AttributeSection, rows: &[ClassRow], domain: (f64, f64)) -> Value {
    let decimals = number::decimals_for(domain.1 - domain.0);
    let lines = rows.iter().map(|row| {
        let counts = [row.train, row.held_out.len()].map(|n| number::count(n as u64));
        let q = statistics::quantiles(&row.held_out).map_or([f64::NAN; 5], |q| [q.p05, q.p25, q.median, q.p75, q.p95]);
        std::iter::once(row.name.clone()).chain(counts).chain(q.map(|v| number::fixed(v, decimals))).collect()
    });
    let held_out = format!("n {}", section.split);
    table(
        &["class", "n train", &held_out, "5\u{202f}%", "25\u{202f}%", "median", "75\u{202f}%", "95\u{202f}%"],
        lines.collect(),
    )
}

fn restarts(restarts: &Restarts) -> Value {
    let Restarts { total, collapsed, in_order } = *restarts;
    let dots: Vec<&str> = match total <= DRAWN_RESTARTS {
        false => Vec::new(),
        true => {
            let good = in_order.unwrap_or(total.saturating_sub(collapsed)).min(total);
            let lost = collapsed.min(total - good);
            let folded = total - good - lost;
            [("good", good), ("bad", folded), ("lost", lost)].into_iter().flat_map(|(k, n)| vec![k; n]).collect()
        }
    };
    let stood = match in_order {
        Some(n) => format!("{n} of {total} restarts stood in the declared order"),
        None => format!("{total} {}", if total == 1 { "restart" } else { "restarts" }),
    };
    let sentence = match collapsed {
        0 => stood,
        n => format!("{stood}, {n} collapsed"),
    };
    context! { dots => dots, sentence => sentence }
}

fn auc_matrix(section: &AttributeSection, rows: &[ClassRow]) -> Value {
    if section.pairwise_auc.is_empty() {
        return Value::from(());
    }
    let numbered = rows.len() > NAMED_COLUMNS || rows.iter().any(|r| r.name.chars().count() > NAMED_LENGTH);
    let heads: Vec<Value> = rows
        .iter()
        .enumerate()
        .skip(1)
        .map(|(j, r)| context! { text => if numbered { (j + 1).to_string() } else { r.name.clone() }, title => &r.name, slot => &r.slot })
        .collect();
    let lines: Vec<Value> = (0..rows.len().saturating_sub(1))
        .map(|i| {
            let cells: Vec<Value> = (1..rows.len()).map(|j| auc_cell(section, rows, i, j)).collect();
            context! { number => if numbered { Value::from(i + 1) } else { Value::from(()) }, name => &rows[i].name, slot => &rows[i].slot, cells => cells }
        })
        .collect();
    let last = rows
        .last()
        .filter(|_| numbered)
        .map_or(Value::from(()), |r| context! { number => rows.len(), name => &r.name, slot => &r.slot });
    context! { heads => heads, rows => lines, last => last, ordered => !section.order.is_empty() }
}

fn auc_cell(section: &AttributeSection, rows: &[ClassRow], i: usize, j: usize) -> Value {
    if j <= i {
        return context! { empty => true };
    }
    let (lower, upper) = (&rows[i], &rows[j]);
    let auc = auc_of(&section.pairwise_auc, &lower.name, &upper.name);
    let ranked = !section.order.is_empty() && lower.in_order && upper.in_order;
    let shade = auc.filter(|a| a.is_finite()).map_or(0.0, |a| (a - 0.5).abs() * 2.0);
    context! {
        empty => false,
        text => number::share(auc),
        shade => format!("{:.3}", shade.min(1.0)),
        adjacent => ranked && j == i + 1,
        folded => ranked && auc.is_some_and(|a| a < 0.5),
        title => format!("a random {} stands further along than a random {}", upper.name, lower.name),
    }
}

/// The AUC of a pair, whichever way round it was given.
fn auc_of(pairs: &[PairAuc], lower: &str, upper: &str) -> Option<f64> {
    pairs.iter().find_map(|p| match (p.lower.as_str(), p.upper.as_str()) {
        (l, u) if l == lower && u == upper => p.auc,
        (l, u) if l == upper && u == lower => p.auc.map(|a| 1.0 - a),
        _ => None,
    })
}

fn curves(section: &AttributeSection, data: &Probabilities, rows: &[ClassRow], domain: (f64, f64)) -> Value {
    let chart = both(|width| probability_chart(section, data, rows, domain, width).finish());
    let head: Vec<&str> = std::iter::once("position").chain(data.curves.iter().map(|c| c.0.as_str())).collect();
    let every = (data.positions.len() / 12).max(1);
    let decimals = number::decimals_for(domain.1 - domain.0);
    let lines = (0..data.positions.len()).step_by(every).map(|i| {
        let values = data.curves.iter().map(|c| number::fixed(c.1[i], 3));
        std::iter::once(number::fixed(data.positions[i], decimals)).chain(values).collect()
    });
    let legend: Vec<Value> =
        rows.iter().filter(|r| data.curves.iter().any(|c| c.0 == r.name)).map(|r| class(rows, &r.name)).collect();
    context! { chart => chart, figures => table(&head, lines.collect()), legend => legend }
}

/// The drawing of the class probabilities.
pub(crate) fn probability_chart(
    section: &AttributeSection,
    data: &Probabilities,
    rows: &[ClassRow],
    domain: (f64, f64),
    width: f64,
) -> Svg {
    let slots: Vec<usize> = data.curves.iter().map(|c| classes::slot(rows, &c.0).unwrap_or(0)).collect();
    let label = format!(
        "The probe's class probabilities along the direction of {}; the table below has the figures.",
        section.name
    );
    probabilities::draw(data, &slots, domain, width, &label)
}

/// The finite values of the draws, ours, and what is said of them.
fn standing(null: &Null) -> (Vec<f64>, Option<f64>, String) {
    let values: Vec<f64> = null.values.iter().copied().filter(|v| v.is_finite()).collect();
    let ours = null.ours.filter(|o| o.is_finite());
    let sentence = match ours.filter(|_| !values.is_empty()) {
        None => format!("{} draws; no figure of ours to compare.", number::count(values.len() as u64)),
        Some(ours) => {
            let reached = values.iter().filter(|v| **v >= ours).count();
            let share = number::percent(Some(reached as f64 / values.len() as f64));
            let [reached, all] = [reached, values.len()].map(|n| number::count(n as u64));
            format!("{reached} of {all} ({share}) are at least as high as ours ({}).", number::share(Some(ours)))
        }
    };
    (values, ours, sentence)
}

/// The drawing of the draws.
pub(crate) fn null_chart(null: &Null) -> Svg {
    let (values, ours, sentence) = standing(null);
    let label = format!("Histogram of {} for other classes ({}): {sentence}", null.statistic, null.drawn);
    histogram::draw(&values, ours, &null.statistic, &label)
}

fn null(null: &Null) -> Value {
    let (values, ours, sentence) = standing(null);
    let ascending = ascending(values.iter().copied());
    let quantile = |q| number::share(Some(statistics::quantile(&ascending, q)));
    let row = [0.0, 0.05, 0.5, 0.95, 1.0].map(quantile);
    let line = std::iter::once(null.statistic.clone()).chain(row).chain([number::share(ours)]).collect();
    context! {
        sentence => sentence,
        drawn => &null.drawn,
        statistic => &null.statistic,
        left_out => null.values.len() - values.len(),
        chart => safe(null_chart(null).finish()),
        figures => table(&["", "least", "5\u{202f}%", "median", "95\u{202f}%", "greatest", "ours"], vec![line]),
    }
}
