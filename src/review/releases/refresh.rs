//! From definitions and what was released to edited files.

use super::asked::{LONGEST, Registries, ReleaseError};
use super::place::placed;
use super::policy::{self, Unlisted};
use super::toolchain::{Language, Toolchain};
use super::{crates_index, git_tags, go_proxy, rust_releases};
use crate::charts::definition::Program;
use crate::charts::edit::set_strings;
use crate::charts::version::Version;
use crate::charts::version_source::{VersionSource, is_crate};
use crate::charts::{Definitions, Sources};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most versions that are added to a list at once.
const MOST: usize = 1000;
const COLLECTION: &str = "collection.toml";
const EXAMPLE: &str = "versions_from = \"git\" or versions_from = \"crates:NAME\"";

/// What refreshing gives: what became of each list, and the files that change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Each list, in the order of the programs' files; toolchains come last.
    pub lists: Vec<RefreshedList>,
    /// The new text of each file that changes, by its path in the charts folder.
    pub files: BTreeMap<String, String>,
    /// Why the releases of some are not known. Their lists stay as they are.
    pub failures: Vec<ReleaseError>,
}

/// What became of a list of versions or toolchains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefreshedList {
    /// The file, in the charts folder.
    pub file: String,
    /// The program; absent for toolchains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Who was asked; nobody, where people list the versions.
    pub asked: Vec<String>,
    /// What was added.
    pub added: Vec<String>,
    /// What was released and is not listed, since padding allows it, and enough of those to come.
    pub allowed_in_advance: Vec<String>,
    /// Whether who was asked knows the module, and no release of it; the list stays as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub none_released: bool,
}

/// Asks for what was released, and lists it. With `all`, what padding allows is listed, too.
pub fn refresh(
    definitions: &Definitions,
    sources: &Sources,
    registries: &dyn Registries,
    all: bool,
) -> Refreshed {
    let mut refresher = Refresher {
        definitions,
        sources,
        registries,
        all,
        tags: None,
        refreshed: Refreshed::none(),
    };
    let go = refresher.go_toolchains();
    for program in &definitions.programs {
        if let Err(failure) = refresher.program(program, go.as_deref()) {
            refresher.refreshed.failures.push(failure);
        }
    }
    if let Err(failure) = refresher.toolchains(go) {
        refresher.refreshed.failures.push(failure);
    }
    refresher.refreshed
}

impl Refreshed {
    fn none() -> Refreshed {
        Refreshed { lists: Vec::new(), files: BTreeMap::new(), failures: Vec::new() }
    }
}

struct Refresher<'r> {
    definitions: &'r Definitions,
    sources: &'r Sources,
    registries: &'r dyn Registries,
    all: bool,
    /// The tags of the repository with the charts, once they were asked for.
    tags: Option<Result<Vec<String>, ReleaseError>>,
    refreshed: Refreshed,
}

impl Refresher<'_> {
    /// Go's toolchains, if any list has some; `None` if not, or if the proxy does not know.
    fn go_toolchains(&mut self) -> Option<Vec<Toolchain>> {
        let listed = &self.definitions.collection.toolchains;
        let is_go = |name: &str| {
            Toolchain::parse(name).is_some_and(|toolchain| toolchain.language == Language::Go)
        };
        let programs = &self.definitions.programs;
        if !listed.iter().any(|one| is_go(&one.value))
            && !programs.iter().any(|one| one.program.is_toolchain())
        {
            return None;
        }
        let url = self.registries.go_proxy().join(&go_proxy::list_path(go_proxy::TOOLCHAIN));
        let list = match self.registries.get(&url, LONGEST) {
            Ok(Some(list)) => String::from_utf8_lossy(&list).into_owned(),
            Ok(None) => {
                self.refreshed.failures.push(ReleaseError::NoToolchains { url });
                return None;
            }
            Err(failure) => {
                self.refreshed.failures.push(failure);
                return None;
            }
        };
        let found = go_proxy::toolchains(&list);
        if found.is_empty() {
            self.refreshed.failures.push(ReleaseError::NoToolchains { url });
            return None;
        }
        let found = found.into_iter().map(Version::Go);
        Some(found.map(|version| Toolchain { language: Language::Go, version }).collect())
    }

    fn program(&mut self, program: &Program, go: Option<&[Toolchain]>) -> Result<(), ReleaseError> {
        let file = program.program.location.file.to_string();
        if program.program.is_toolchain() {
            // Without a list of its own, it has the toolchains of the collection.
            let (Some(_), Some(go)) = (&program.versions, go) else { return Ok(()) };
            let asked = vec![self.registries.go_proxy().as_str().to_owned()];
            let released = go.iter().map(|toolchain| toolchain.version.clone()).collect();
            return self.versions(program, asked, released);
        }
        match program.version_source() {
            None => Err(ReleaseError::NobodyNamed {
                file,
                program: program.program.as_str().to_owned(),
                example: EXAMPLE,
            }),
            Some(VersionSource::Hand) => self.versions(program, Vec::new(), Vec::new()),
            Some(VersionSource::Go) => {
                let module = program.module.as_ref().unwrap_or(&program.program).as_str();
                let url = self.registries.go_proxy().join(&go_proxy::list_path(module));
                let list = self.text(&url, module, &file)?;
                let found = go_proxy::versions(&list);
                // A module without a release has an empty list.
                if found.is_empty() && !list.trim().is_empty() {
                    let expected = "a list of the module's versions";
                    return Err(ReleaseError::Malformed { url, expected });
                }
                let none_released = found.is_empty();
                self.versions(program, vec![url], found)?;
                if let (true, Some(list)) = (none_released, self.refreshed.lists.last_mut()) {
                    list.none_released = true;
                }
                Ok(())
            }
            Some(VersionSource::Crates(name)) => {
                let module = program.module.as_ref().unwrap_or(&program.program).as_str();
                let last = module.rsplit('/').next().unwrap_or(module);
                let name = name.unwrap_or_else(|| last.to_owned());
                if !is_crate(&name) {
                    return Err(ReleaseError::NobodyNamed {
                        file,
                        program: program.program.as_str().to_owned(),
                        example: "versions_from = \"crates:NAME\"",
                    });
                }
                let url = self.registries.crates_index().join(&crates_index::path(&name));
                let text = self.text(&url, &name, &file)?;
                let expected = "the versions of a crate";
                let released = crates_index::versions(&text)
                    .ok_or_else(|| ReleaseError::Malformed { url: url.clone(), expected })?;
                self.versions(program, vec![url], released)
            }
            Some(VersionSource::Git { url, tags }) => {
                let (place, names) = match url {
                    Some(url) => {
                        let refs = format!("{}/{}", url.trim_end_matches('/'), git_tags::PATH);
                        let list = self.get(&refs, program.program.as_str(), &file)?;
                        let expected = "the names of a git repository";
                        let names = git_tags::names(&list).ok_or_else(|| {
                            ReleaseError::Malformed { url: url.clone(), expected }
                        })?;
                        (url, names)
                    }
                    None => {
                        let registries = self.registries;
                        let names = self.tags.get_or_insert_with(|| registries.tags()).clone()?;
                        ("the repository with the charts".to_owned(), names)
                    }
                };
                let released = git_tags::versions(&names, &tags);
                if released.is_empty() {
                    let program = program.program.as_str().to_owned();
                    return Err(ReleaseError::NoTags { place, program, file });
                }
                self.versions(program, vec![place], released)
            }
        }
    }

    /// Lists released versions of a program.
    fn versions(
        &mut self,
        program: &Program,
        asked: Vec<String>,
        released: Vec<Version>,
    ) -> Result<(), ReleaseError> {
        let unlisted = policy::versions(self.definitions, program, released);
        let file = program.program.location.file.to_string();
        let written = program.versions.iter().flatten();
        let listed: Vec<String> =
            written.map(|version| version.value.as_str().to_owned()).collect();
        let parse = |name: &str| {
            let version = program.program.parse_version(name)?;
            (version != Version::Devel).then_some(((), version))
        };
        let name = program.program.as_str().to_owned();
        self.list(file, Some(name), ("versions", &listed), asked, unlisted, parse)
    }

    /// Lists released toolchains of the languages that are listed.
    fn toolchains(&mut self, go: Option<Vec<Toolchain>>) -> Result<(), ReleaseError> {
        let written = self.definitions.collection.toolchains.iter();
        let listed: Vec<String> = written.map(|one| one.value.clone()).collect();
        let mut asked = Vec::new();
        let mut released = Vec::new();
        if let Some(go) = go {
            asked.push(self.registries.go_proxy().as_str().to_owned());
            released.extend(go);
        }
        let rust = listed.iter().filter_map(|name| Toolchain::parse(name));
        let rust = rust.filter(|one| one.language == Language::Rust).min();
        if let Some(Toolchain { version: Version::Semantic(first), .. }) = rust {
            let (major, minor, _) = first.numbers();
            match rust_releases::releases(self.registries, (major, minor)) {
                Ok(found) => {
                    asked.push(self.registries.rust_releases().as_str().to_owned());
                    released.extend(found.into_iter().map(|version| Toolchain {
                        language: Language::Rust,
                        version: Version::Semantic(version),
                    }));
                }
                // Those of Go are listed all the same.
                Err(failure) => self.refreshed.failures.push(failure),
            }
        }
        let unlisted = policy::toolchains(self.definitions, released);
        self.list(COLLECTION.to_owned(), None, ("toolchains", &listed), asked, unlisted, |name| {
            let Toolchain { language, version } = Toolchain::parse(name)?;
            Some((language, version))
        })
    }

    /// Adds what is not listed to a list of a file.
    fn list<G: PartialEq, K: Ord>(
        &mut self,
        file: String,
        program: Option<String>,
        (key, listed): (&str, &[String]),
        asked: Vec<String>,
        unlisted: Unlisted,
        order: impl Fn(&str) -> Option<(G, K)>,
    ) -> Result<(), ReleaseError> {
        let Unlisted { names, holds } = unlisted;
        let (added, allowed_in_advance) =
            if holds && !self.all { (Vec::new(), names) } else { (names, Vec::new()) };
        if added.len() > MOST {
            return Err(ReleaseError::TooMany {
                url: asked.join(", "),
                count: added.len(),
                name: program.unwrap_or_else(|| key.to_owned()),
                most: MOST,
                file,
            });
        }
        if !added.is_empty() {
            let list = placed(listed, &added, order);
            let list: Vec<&str> = list.iter().map(String::as_str).collect();
            let text = match self.refreshed.files.get(&file) {
                Some(edited) => edited.clone(),
                None => self.source(&file)?,
            };
            let edited = set_strings(&text, key, &list).map_err(|error| {
                ReleaseError::NotEdited { file: file.clone(), reason: error.to_string() }
            })?;
            self.refreshed.files.insert(file.clone(), edited);
        }
        self.refreshed.lists.push(RefreshedList {
            file,
            program,
            asked,
            added,
            allowed_in_advance,
            none_released: false,
        });
        Ok(())
    }

    /// The text of a file, which was parsed before.
    fn source(&self, file: &str) -> Result<String, ReleaseError> {
        let mut files = self.sources.iter();
        let found = files.find(|(path, _, _)| *path == file);
        let text = found.and_then(|(_, _, bytes)| String::from_utf8(bytes.to_vec()).ok());
        text.ok_or_else(|| ReleaseError::NotEdited {
            file: file.to_owned(),
            reason: "it is not there any more".to_owned(),
        })
    }

    fn get(&self, url: &str, name: &str, file: &str) -> Result<Vec<u8>, ReleaseError> {
        self.registries.get(url, LONGEST)?.ok_or_else(|| ReleaseError::Unknown {
            url: url.to_owned(),
            name: name.to_owned(),
            file: file.to_owned(),
            example: EXAMPLE,
        })
    }

    fn text(&self, url: &str, name: &str, file: &str) -> Result<String, ReleaseError> {
        let expected = "text";
        String::from_utf8(self.get(url, name, file)?)
            .map_err(|_| ReleaseError::Malformed { url: url.to_owned(), expected })
    }
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
