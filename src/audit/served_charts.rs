//! What a deployment must serve for a chart, and how it is compared with what was computed.

use crate::aggregate::figure::{ProgramCharts, WeekCharts};
use serde_json::Value;

/// The largest file of charts that is read.
pub(super) const LARGEST: usize = 256 << 20;

/// What must be served for a program: all its charts, or one.
pub(super) fn expected(
    week: &WeekCharts,
    program: &ProgramCharts,
    (name, charts): (&str, Value),
) -> Value {
    // Everything but the programs.
    let around = WeekCharts {
        format: week.format,
        week: week.week,
        first_day: week.first_day,
        edition: week.edition,
        complete: week.complete,
        confidence: week.confidence,
        reports: week.reports,
        expected: week.expected,
        jump: week.jump,
        configs: week.configs.clone(),
        definitions: week.definitions.clone(),
        programs: Vec::new(),
    };
    let mut expected = serde_json::to_value(around).unwrap_or_default();
    if let Some(fields) = expected.as_object_mut() {
        fields.remove("programs");
        let own = ["reports", "expected", "jump"];
        let whole = own.into_iter().filter_map(|name| fields.remove_entry(name));
        let mut whole: serde_json::Map<String, Value> = whole.collect();
        let reports: u64 = week.configs.iter().map(|config| config.reports).sum();
        whole.insert("reports".to_owned(), reports.into());
        fields.insert("whole_week".to_owned(), whole.into());
        fields.insert("program".to_owned(), program.program.clone().into());
        fields.insert("reports".to_owned(), program.reports.into());
        fields.insert("coverage".to_owned(), program.coverage.into());
        let marks = [
            ("expected", serde_json::to_value(program.expected)),
            ("jump", serde_json::to_value(program.jump)),
        ];
        for (name, mark) in marks {
            let mark = mark.unwrap_or_default();
            if name == "expected" || !mark.is_null() {
                fields.insert(name.to_owned(), mark);
            }
        }
        fields.insert(name.to_owned(), charts);
    }
    expected
}

/// The first difference between two values beyond rounding.
pub(super) fn differ(expected: &Value, found: &Value, place: &str) -> Result<(), String> {
    match (expected, found) {
        (Value::Number(one), Value::Number(other)) => {
            let (a, b) = (one.as_f64().unwrap_or(f64::NAN), other.as_f64().unwrap_or(f64::NAN));
            if near(a, b) {
                Ok(())
            } else {
                Err(format!("{place} is {other}, and should be {one}"))
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.try_for_each(|(at, (one, other))| differ(one, other, &inside(place, one, at)))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let absent = |name: &String| format!("{place} lacks {name}");
            for (name, one) in ours {
                let other = theirs.get(name).ok_or_else(|| absent(name))?;
                differ(one, other, &format!("{place}, {name}"))?;
            }
            match theirs.keys().find(|name| !ours.contains_key(*name)) {
                Some(name) => Err(format!("{place} has {name}, which is not computed")),
                None => Ok(()),
            }
        }
        (one, other) if one == other => Ok(()),
        (one, other) => {
            let say = |value: &Value| value.to_string().chars().take(60).collect::<String>();
            Err(format!("{place} is {}, and should be {}", say(other), say(one)))
        }
    }
}

/// Whether two figures differ by no more than rounding.
pub(super) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
}

/// The name of an element: its id or label, if it has one.
fn inside(place: &str, element: &Value, at: usize) -> String {
    let name =
        ["id", "label", "version", "dimension"].iter().find_map(|name| element.get(name)?.as_str());
    match name {
        Some(name) => format!("{place} {name}"),
        None => format!("{place} {at}"),
    }
}
