//! What single values must be: titles, links, paths, counters, versions and proportions.

use crate::charts::counter::CounterExpression;
use crate::charts::definition::Proportion;
use crate::charts::program_path::ProgramPath;
use crate::charts::table::Problem;
use crate::charts::version::Version;
use crate::charts::version_source::VersionSource;
use crate::terminal::is_unfit;

/// The longest title, in characters.
const MAX_TITLE: usize = 200;

/// A short text that people read on the site, or type.
pub(super) fn one_line(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("the text is empty", "write what users should read"));
    }
    if text.chars().count() > MAX_TITLE || text.contains(is_unfit) {
        let message =
            format!("the text is longer than {MAX_TITLE} characters, or has an invisible one");
        return Err(Problem::new(message, "write it on one short line"));
    }
    Ok(text.to_owned())
}

pub(super) fn title(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("the title is empty", "say in a few words what the chart shows"));
    }
    if text.chars().count() > MAX_TITLE {
        let message = format!("the title is longer than {MAX_TITLE} characters");
        return Err(Problem::new(message, "move the details to `description`"));
    }
    if text.contains(char::is_control) {
        let message = "the title has a line break or another control character";
        return Err(Problem::new(message, "write it on one line"));
    }
    Ok(text.to_owned())
}

/// Whether a text is an http or https address.
fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
    })
}

/// The address of a project's own site.
pub(super) fn home_page(text: &str) -> Result<String, Problem> {
    if is_link(text) {
        return Ok(text.to_owned());
    }
    let help = "write the address of the project's site, like `https://example.org`";
    Err(Problem::new(format!("{text:?} is not a link"), help))
}

/// An email address, or a link to where questions are answered.
pub(super) fn contact(text: &str) -> Result<String, Problem> {
    if is_link(text) || is_email(text) {
        return Ok(text.to_owned());
    }
    let help =
        "write where users can ask, like `telemetry@example.org` or `https://example.org/contact`";
    Err(Problem::new(format!("{text:?} is neither an email address nor a link"), help))
}

/// Whether a text is an email address of the plain form, which needs no quoting in a `mailto:` link.
fn is_email(text: &str) -> bool {
    let plain = |part: &str, also: &[u8]| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || also.contains(&b);
        !part.is_empty()
            && part.split('.').all(|word| !word.is_empty() && word.bytes().all(allowed))
    };
    text.split_once('@').is_some_and(|(local, domain)| {
        plain(local, b"-_+") && plain(domain, b"-") && domain.contains('.')
    })
}

pub(super) fn link(text: &str) -> Result<String, Problem> {
    if is_link(text) {
        Ok(text.to_owned())
    } else {
        let help = "write the address of the discussion, like `https://go.dev/issue/61038`";
        Err(Problem::new(format!("{text:?} is not a link"), help))
    }
}

pub(super) fn path(text: &str) -> Result<ProgramPath, Problem> {
    ProgramPath::parse(text).ok_or_else(|| {
        let help = "write a path like `golang.org/x/tools/gopls`: letters, digits and -._~+ \
                    between single slashes";
        Problem::new(format!("{text:?} is not a path"), help)
    })
}

pub(super) fn plain(text: &str, allowed: impl Fn(u8) -> bool) -> Result<String, Problem> {
    if !text.is_empty() && text.len() <= 100 && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        let help = "write the name as programs report it, such as darwin, amd64 or rust1.95.0: in lower case, without \
                    spaces";
        Err(Problem::new(format!("{text:?} cannot be a name here"), help))
    }
}

pub(super) fn expression(text: &str) -> Result<CounterExpression, Problem> {
    CounterExpression::parse(text).map_err(|error| Problem {
        message: error.message,
        help: error.help,
        offset: Some(error.offset),
    })
}

pub(super) fn version_of(program: &ProgramPath) -> impl Fn(&str) -> Result<Version, Problem> {
    |text| {
        program.parse_version(text).ok_or_else(|| {
            if program.is_toolchain() {
                let message = format!("{text:?} is not a Go version");
                Problem::new(message, "write it like `go1.23.4` or `go1.23rc1`")
            } else {
                let message = format!("{text:?} is not a semantic version");
                Problem::new(message, "write it like `v1.2.3` or `v1.2.3-pre.1`")
            }
        })
    }
}

pub(super) fn version_source(text: &str) -> Result<VersionSource, Problem> {
    VersionSource::parse(text).ok_or_else(|| {
        let help = "write `go`, `crates`, `crates:NAME`, `git`, `git:https://...` or `hand`; after `git`, \
                    `#gopls/v*` says what the tags look like";
        Problem::new(format!("{text:?} does not say who knows the released versions"), help)
    })
}

pub(super) fn proportion(key: &str) -> impl Fn(f64) -> Result<Proportion, Problem> {
    move |number| {
        Proportion::new(number).ok_or_else(|| {
            let example = if key == "confidence" { "0.99" } else { "0.01" };
            let message = format!("`{key}` must lie between 0 and 1");
            Problem::new(message, format!("write it like `{key} = {example}`"))
        })
    }
}
