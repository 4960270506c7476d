//! Weights a figure to published marginals.
//!
//! The cells that are fitted ([`raking`](crate::aggregate::statistics::raking)) are reports of the
//! figure's base that name one config and are of the same categories in all margins; before fitting,
//! each weighs one over its config's rate.

use super::marginal_plan::MarginPlan;
use super::parts::Part;
use super::plan::ProgramPlan;
use super::rows::RowSource;
use super::weighted::{Member, Sample};
use crate::aggregate::figure::{Category, Margin, Reweighted};
use crate::aggregate::statistics::raking::{Cell, Options, Raked, RakedMargin, Target, rake};
use crate::publish::Marginals;

/// A figure, weighted to each of its program's marginals; none if it has no reports.
pub fn reweighted(plan: &ProgramPlan, source: &RowSource<'_>) -> Vec<Reweighted> {
    let mut cells: Vec<(u32, &[Option<u32>])> = Vec::new();
    for (number, part) in (0..).zip(source.parts) {
        if let Part::Cell(categories) = part {
            cells.push((number, categories));
        }
    }
    // The numbers of parts depend on threads; sums need a fixed order.
    cells.sort_unstable_by_key(|(_, categories)| *categories);
    let quotients = source.quotients(|_, part| matches!(part, Part::Cell(_)));
    let marginals = plan.marginals.iter().enumerate();
    let one = |(number, marginals): (usize, &Marginals)| {
        let margins: Vec<(usize, &MarginPlan)> =
            plan.margins.iter().enumerate().filter(|(_, m)| m.marginals == number).collect();
        let (members, fitted) = fit(source, &cells, &margins, marginals.trim)?;
        let sample = Sample::new(source.tally, members);
        let (_, rows) = source.rows(&sample, &quotients, false);
        Some(Reweighted {
            id: marginals.id.clone(),
            title: marginals.title.clone(),
            source: marginals.source.clone(),
            converged: fitted.converged,
            iterations: fitted.rounds,
            worst: fitted.worst,
            trimmed: fitted.trimmed,
            margins: margins
                .iter()
                .zip(&marginals.margins)
                .zip(&fitted.margins)
                .map(|(((_, plan), definition), fitted)| margin(&definition.of, plan, fitted))
                .collect(),
            base: fitted.base.base(),
            rows,
        })
    };
    marginals.filter_map(one).collect()
}

/// Fits the weights of a figure's reports to some margins.
fn fit(
    source: &RowSource<'_>,
    cells: &[(u32, &[Option<u32>])],
    margins: &[(usize, &MarginPlan)],
    trim: f64,
) -> Option<(Vec<Member>, Raked)> {
    let mut members = Vec::new();
    let mut fitted = Vec::new();
    for (part, categories) in cells {
        let sample = Sample::of_part(source.tally, *part, &source.figure.rates);
        for member in sample.members(None) {
            let reports = sample.count(member, source.figure.base);
            if reports > 0 {
                let categories =
                    margins.iter().map(|(place, _)| categories.get(*place).copied().flatten());
                let categories = categories.collect();
                fitted.push(Cell { categories, weight: member.weight, reports });
                members.push(member);
            }
        }
    }
    if members.is_empty() {
        return None;
    }
    let targets: Vec<Target> =
        margins.iter().map(|(_, margin)| Target { wanted: margin.wanted.clone() }).collect();
    let raked = rake(&fitted, &targets, &Options { trim, ..Options::default() });
    for (member, weight) in members.iter_mut().zip(&raked.weights) {
        member.weight = *weight;
    }
    Some((members, raked))
}

fn margin(of: &str, plan: &MarginPlan, raked: &RakedMargin) -> Margin {
    let categories = plan.categories.iter().zip(&plan.wanted).zip(&raked.categories);
    let category = |((label, wanted), raked): ((&String, &f64), &_)| {
        let crate::aggregate::statistics::raking::RakedCategory { before, after, reports, .. } =
            *raked;
        Category { label: label.clone(), wanted: *wanted, before, after, reports }
    };
    Margin { of: of.to_owned(), categories: categories.map(category).collect() }
}
