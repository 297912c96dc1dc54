//! The style of a drawing with every colour written out: many programs know neither variables nor media queries.

use std::collections::BTreeMap;

use crate::charts;
use crate::palette;

/// The style of a file on light ground: `ordered` colours from the ramp, the rest distinct hues.
pub(super) fn resolved(ordered: usize, colours: usize) -> String {
    let light = |style: &str| variables(style.split('}').next().unwrap_or_default());
    let mut known = light(charts::GROUND);
    let slots = light(&palette::rules(":root", ordered, colours));
    known.extend(slots.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut out = String::new();
    for rule in [charts::STYLE, include_str!("../page/figure.css")].iter().flat_map(|style| style.split_inclusive('}'))
    {
        let Some((selectors, body)) = rule.trim().trim_end_matches('}').split_once('{') else { continue };
        if !body.contains("var(--c") {
            out.push_str(&format!("{selectors}{{{}}}\n", filled(body, &known)));
            continue;
        }
        for slot in 0..slots.len() {
            known.insert("--c".to_owned(), slots[&format!("--k{slot}")].clone());
            let of_slot: Vec<String> = selectors.split(',').map(|one| format!("{one}.k{slot}")).collect();
            out.push_str(&format!("{}{{{}}}\n", of_slot.join(","), filled(body, &known)));
        }
        known.remove("--c");
    }
    out
}

/// The variables that a rule sets.
fn variables(rule: &str) -> BTreeMap<String, String> {
    let body = rule.split_once('{').map_or("", |(_, body)| body);
    let set = body.split(';').filter_map(|one| one.trim().split_once(':'));
    set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A rule's body with what its variables stand for; one that is not set gives way to what stands behind its comma.
fn filled(body: &str, known: &BTreeMap<String, String>) -> String {
    let mut text = body.to_owned();
    // The innermost comes last, so that what stands behind a comma is filled before it is needed.
    while let Some(from) = text.rfind("var(") {
        let Some(length) = text[from..].find(')') else { break };
        let inner = &text[from + 4..from + length];
        let (name, instead) = inner.split_once(',').unwrap_or((inner, "none"));
        let value = known.get(name.trim()).map_or(instead, String::as_str).trim().to_owned();
        text.replace_range(from..=from + length, &value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_written_out() {
        let style = resolved(3, 5);
        assert!(!style.contains("var(") && !style.contains("--") && !style.contains("@media"), "{style}");
        assert!(style.contains(".fill.k4{fill:#") && !style.contains(".k5"));
        assert!(style.contains(".chart .tag.k0{fill:#1b3a6b"), "{style}");
        assert!(style.contains("fill:#1c2126") && style.contains("sans-serif"));
    }

    #[test]
    fn a_variable_that_is_not_set_gives_way() {
        let known = BTreeMap::from([("--b".to_owned(), "red".to_owned())]);
        assert_eq!(filled("fill:var(--a,var(--b));stroke:var(--x)", &known), "fill:red;stroke:none");
    }
}
