//! Compares reweighted figures with naive iterative proportional fitting over single reports.

use crate::figures::naive::{Builds, Chart, sum};
use crate::figures::world::World;
use crate::figures::{Views, near};
use candor::aggregate::figure::Figure;
use candor::publish::MarginDefinition;
use serde_json::Value;

/// The category of a report in a margin.
fn category(margin: &MarginDefinition, builds: &Builds<'_>) -> Option<usize> {
    let text = |build: &Value, field: &str| build[field].as_str().expect("a text").to_owned();
    let of_build = |build: &Value| match margin.of.as_str() {
        "goos" => text(build, "GOOS"),
        "version" => text(build, "Version"),
        "toolchain" => text(build, "GoVersion"),
        "platform" => format!("{}/{}", text(build, "GOOS"), text(build, "GOARCH")),
        _ => String::new(),
    };
    let names: Vec<&str> = margin.shares.iter().map(|(name, _)| name.as_str()).collect();
    if let Some((chart, _)) = margin.of.split_once('{') {
        let counts: Vec<u64> =
            names.iter().map(|bucket| sum(builds, &format!("{chart}{bucket}"))).collect();
        let most = *counts.iter().max().expect("categories");
        return counts.iter().position(|count| *count == most).filter(|_| most > 0);
    }
    names.iter().position(|name| builds.iter().any(|build| of_build(build) == *name))
}

pub fn check(world: &World, program: &str, chart: &Chart<'_>, figure: &Figure, all: &Views<'_>) {
    let marginals: Vec<_> =
        world.catalogue.marginals.iter().filter(|m| m.program == program).collect();
    let based: Vec<_> =
        all.iter().filter(|(report, builds, _)| chart.has(report, builds)).cloned().collect();
    if based.is_empty() || marginals.is_empty() {
        assert!(figure.reweighted.is_empty());
        return;
    }
    assert_eq!(figure.reweighted.len(), marginals.len());
    for (found, marginals) in figure.reweighted.iter().zip(marginals) {
        let what = format!("{program} {} {}", figure.id, found.id);
        assert_eq!(found.id, marginals.id);
        assert_eq!(found.base.reports, figure.base.reports, "{what}");
        near(found.base.total, figure.base.total, &what);
        let categories: Vec<Vec<Option<usize>>> = marginals
            .margins
            .iter()
            .map(|margin| based.iter().map(|(_, builds, _)| category(margin, builds)).collect())
            .collect();
        for ((margin, of), definition) in
            found.margins.iter().zip(&categories).zip(&marginals.margins)
        {
            assert_eq!(margin.of, definition.of);
            for (number, shown) in margin.categories.iter().enumerate() {
                let reports = of.iter().filter(|category| **category == Some(number)).count();
                assert_eq!(shown.reports, reports as u64, "{what} {}", shown.label);
                assert_eq!(shown.label, definition.shares[number].0);
                near(shown.wanted, definition.shares[number].1, &what);
            }
        }
        if !found.converged {
            continue;
        }
        let mut views = based.clone();
        fit(&mut views, &marginals.margins, &categories);
        for row in &found.rows {
            let name = row.counter.as_ref().expect("a counter");
            let expected = chart.with(&views, name, &row.frames);
            assert_eq!(row.estimate.reports, expected.reports, "{what} {name}");
            let total = figure.base.total;
            let apart = (row.estimate.total - expected.sum).abs();
            assert!(apart < 1e-6 * total, "{what} {name}: {} {}", row.estimate.total, expected.sum);
        }
    }
}

/// Fits weights, one margin after the other, many times.
fn fit(views: &mut Views<'_>, margins: &[MarginDefinition], categories: &[Vec<Option<usize>>]) {
    for _ in 0..3000 {
        for (margin, of) in margins.iter().zip(categories) {
            let weight_of = |views: &Views<'_>, wanted: Option<usize>| -> f64 {
                let pairs = views.iter().zip(of);
                pairs.filter(|(_, c)| **c == wanted).map(|((_, _, weight), _)| weight).sum()
            };
            let before: Vec<f64> =
                (0..margin.shares.len()).map(|number| weight_of(views, Some(number))).collect();
            let known: f64 = before.iter().sum();
            let possible = margin.shares.iter().zip(&before).filter(|(_, before)| **before > 0.0);
            let possible: f64 = possible.map(|((_, share), _)| share).sum();
            for ((_, _, weight), category) in views.iter_mut().zip(of) {
                if let Some(category) = category {
                    let wanted = margin.shares[*category].1 / possible * known;
                    *weight *= wanted / before[*category];
                }
            }
        }
    }
}
