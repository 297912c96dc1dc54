//! Tables of walks: the ways, and what is reached otherwise.

use minijinja::context;
use minijinja::value::Value;

use super::strip;
use super::training::share_cell;
use crate::attribute::{Toward, WalkRole, Walks};
use crate::classes::ClassRow;
use crate::number;

/// The ways toward each value.
pub(super) fn toward(toward: &Toward, classes: &[ClassRow]) -> Value {
    let of = |role: WalkRole| -> Vec<Value> {
        let rows = toward.rows.iter().filter(|r| r.role == role);
        rows.map(|r| {
            context! {
                name => &r.name,
                default => &r.default,
                hit => share_cell(r.hit),
                interval => &r.interval,
                kept => share_cell(r.kept),
                joint => share_cell(r.joint),
            }
        })
        .collect()
    };
    context! {
        way => &toward.way,
        note => &toward.note,
        strips => toward.strips.iter().map(|s| strip::toward(s, classes)).collect::<Vec<_>>(),
        lines => of(WalkRole::Metric),
        baselines => of(WalkRole::Baseline),
    }
}

/// The walks along the axis.
pub(super) fn walks(walks: &Walks) -> Value {
    let of = |role: WalkRole| -> Vec<Value> {
        let rows = walks.rows.iter().filter(|r| r.role == role);
        rows.map(|r| {
            context! {
                name => &r.name,
                default => &r.default,
                spearman => share_cell(r.median_spearman),
                visited => share_cell(r.all_visited),
                on => share_cell(r.on_attribute),
                same => number::share(r.most_frequent),
            }
        })
        .collect()
    };
    context! {
        starts => number::count(walks.starts as u64),
        start_split => &walks.start_split,
        pool => &walks.pool,
        stops => &walks.stops,
        ceiling => walks.spearman_ceiling.map_or(Value::from(()), |ceiling| number::share(Some(ceiling)).into()),
        metric => &walks.metric,
        metrics => of(WalkRole::Metric),
        baselines => of(WalkRole::Baseline),
    }
}
