//! Makes the catalogue of a commit's definitions that are live on a day.

use super::added::{Identity, added, identities};
use super::catalogue::{
    Catalogue, CatalogueChart, CatalogueProgram, CatalogueProject, CatalogueRetention, FORMAT,
    MarginDefinition, Marginals, STACK_MINIMUM,
};
use crate::charts::definition::{Chart, ChartKind, RetentionSettings};
use crate::charts::{Definitions, Introduction, RepositoryError, Revision};
use crate::gomod::{ModuleVersion, RepositoryUrl};
use jiff::civil::Date;
use std::collections::HashMap;

/// The default confidence level of estimates.
const CONFIDENCE: f64 = 0.99;

/// The catalogue of `definitions`, which are those of `revision`. `known` finds the catalogue of an
/// earlier commit, which says when its charts were added. Which commits introduced what is left to `introduced`.
pub fn describe<E: From<RepositoryError>>(
    definitions: &Definitions,
    revision: &Revision,
    repository: &RepositoryUrl,
    as_of: Date,
    known: impl FnMut(&str) -> Result<Option<Catalogue>, E>,
) -> Result<Catalogue, E> {
    let identities = identities(definitions);
    let live: Vec<(&Chart, &Identity)> = definitions
        .charts
        .iter()
        .zip(&identities)
        .filter(|(chart, _)| chart.is_live(as_of))
        .collect();
    let wanted: Vec<Identity> = live.iter().map(|(_, identity)| (*identity).clone()).collect();
    let mut added = added(&wanted, revision, known)?;
    let confidence = definitions.collection.sampling.as_ref();
    Ok(Catalogue {
        format: FORMAT,
        repository: repository.as_str().to_owned(),
        commit: revision.commit.to_string(),
        time: revision.time,
        as_of,
        path: revision.folder.clone(),
        project: definitions.collection.project.as_ref().map(|project| CatalogueProject {
            name: project.name.value.clone(),
            opt_in: project.opt_in.value.clone(),
            opt_out: project.opt_out.value.clone(),
            home_page: project.home_page.as_ref().map(|text| text.value.clone()),
            contact: project.contact.as_ref().map(|text| text.value.clone()),
            licence: project.licence.as_ref().map(|text| text.value.clone()),
        }),
        confidence: confidence.map_or(CONFIDENCE, |sampling| sampling.confidence.get()),
        retention: retention(definitions),
        programs: programs(definitions, &live),
        charts: live
            .into_iter()
            .filter_map(|(chart, identity)| Some((chart, added.remove(identity)?, identity)))
            .map(|(chart, addition, identity)| describe_chart(chart, addition, identity, revision))
            .collect(),
        marginals: definitions.marginals.iter().map(describe_marginals).collect(),
        introduced: Vec::new(),
        index: Default::default(),
    })
}

fn retention(definitions: &Definitions) -> CatalogueRetention {
    let RetentionSettings { stack_minimum, revoked } = &definitions.collection.retention;
    CatalogueRetention {
        stack_minimum: stack_minimum.as_ref().map_or(STACK_MINIMUM, |minimum| minimum.get()),
        // The parser accepts only version numbers.
        revoked: revoked
            .iter()
            .filter_map(|number| ModuleVersion::new(number.get()).ok())
            .collect(),
    }
}

fn programs(definitions: &Definitions, live: &[(&Chart, &Identity)]) -> Vec<CatalogueProgram> {
    let populations: HashMap<&str, Option<u64>> = definitions
        .programs
        .iter()
        .map(|program| (program.program.as_str(), program.population.as_ref().map(|p| p.get())))
        .collect();
    let mut paths: Vec<&str> = live.iter().map(|(chart, _)| chart.program.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let program = |path: &str| CatalogueProgram {
        program: path.to_owned(),
        population: populations.get(path).copied().flatten(),
    };
    paths.into_iter().map(program).collect()
}

fn describe_chart(
    chart: &Chart,
    addition: Introduction,
    identity: &Identity,
    revision: &Revision,
) -> CatalogueChart {
    let file = match revision.folder.as_str() {
        "" => chart.location.file.to_string(),
        folder => format!("{folder}/{}", chart.location.file),
    };
    let (depth, packages) = match &chart.kind {
        ChartKind::Stack { depth, packages } => {
            (Some(depth.value), packages.iter().map(|package| package.to_string()).collect())
        }
        _ => (None, Vec::new()),
    };
    CatalogueChart {
        id: identity.id.clone(),
        title: chart.title.value.clone(),
        description: chart.description.as_ref().map(|description| description.value.clone()),
        issue: chart.issue.iter().map(|issue| issue.value.clone()).collect(),
        kind: identity.kind.clone(),
        program: identity.program.clone(),
        counter: chart.counter.to_string(),
        over: chart.over().map(|over| over.to_string()),
        depth,
        packages,
        version: chart.version.as_ref().map(|version| version.to_string()),
        expires: chart.expires.as_ref().map(|expires| expires.value),
        file,
        line: chart.location.line,
        added: addition.commit,
        added_on: addition.on,
    }
}

fn describe_marginals(marginals: &crate::charts::marginals::Marginals) -> Marginals {
    let margin = |margin: &crate::charts::marginals::Margin| MarginDefinition {
        of: margin.of.value.to_string(),
        shares: margin.shares.iter().map(|(name, share)| (name.value.clone(), *share)).collect(),
    };
    Marginals {
        id: marginals.id.clone(),
        title: marginals.title.value.clone(),
        source: marginals.source.iter().map(|source| source.value.clone()).collect(),
        program: marginals.program.to_string(),
        trim: marginals.trim,
        margins: marginals.margins.iter().map(margin).collect(),
    }
}
