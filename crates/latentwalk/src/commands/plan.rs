//! What a run would do, as `artifacts why` and `pipeline --dry-run` say it.

use std::fmt::Write as _;

use latentwalk_cli::Stage;
use serde_json::{Value, json};

use crate::progress::Console;
use crate::runner::{self, Planned};

/// For each stage why it would run, or that its result is stored; with `--verbose` its whole key, too.
pub(super) fn text(plan: &[Planned], from: Option<Stage>, console: &Console) -> String {
    let mut text = String::new();
    for planned in plan {
        let answer = match runner::reason(planned, from) {
            Some(reason) => format!("would run: {reason}"),
            None if console.is_verbose() => "stored, since nothing has changed".to_owned(),
            None => format!("stored as {}", planned.key.short()),
        };
        let _ = writeln!(text, "{:<15}{answer}", planned.row.stage.name());
        if console.is_verbose() {
            let _ = writeln!(text, "{:<15}key {}", "", planned.key);
        }
    }
    text
}

/// The same for programs.
pub(super) fn json(plan: &[Planned], from: Option<Stage>) -> Value {
    let one = |planned: &Planned| {
        stage(planned.row.stage.name(), &planned.key.to_string(), runner::reason(planned, from).as_deref())
    };
    plan.iter().map(one).collect()
}

/// A stage, its key, and why it runs or ran; `null` where its result is taken from the store.
pub(super) fn stage(name: &str, key: &str, reason: Option<&str>) -> Value {
    json!({ "stage": name, "key": key, "reason": reason })
}
