//! How to opt in and out: the commands of this project, never those of another.
//!
//! What the definitions say ([`CatalogueProject`]) is shown as it is. If they say nothing, each program that
//! counts with Candor's client is a project of its own, named by its path; for programs that use Go's own
//! config module, it is Go's command.

use crate::collection::config::CollectionConfig;
use crate::publish::{Catalogue, CatalogueProject};
use maud::{Markup, html};

/// The config module of Go's own programs, and of those that use golang.org/x/telemetry.
const GO: &str = "golang.org/x/telemetry/config";

/// How many programs are listed if a command needs the name of one.
const NAMED: usize = 8;

const ON: &str = "Count, and send reports of weeks that begin after today, if they are sampled.";
const LOCAL: &str = "Count, but send nothing.";
const OFF: &str = "Count nothing, send nothing.";

/// The commands to opt in and out.
pub(super) struct Choices<'a> {
    module: &'a str,
    project: Option<&'a CatalogueProject>,
    programs: Vec<&'a str>,
}

impl<'a> Choices<'a> {
    /// The choices of users of programs that obey `module`.
    pub(super) fn new(
        module: &'a str,
        catalogue: Option<&'a Catalogue>,
        config: Option<&'a CollectionConfig>,
    ) -> Choices<'a> {
        let defined = catalogue.into_iter().flat_map(|catalogue| &catalogue.programs);
        let collected = config.into_iter().flat_map(|config| &config.programs);
        let mut programs: Vec<&str> = defined
            .map(|program| program.program.as_str())
            .chain(collected.map(|program| program.name.as_str()))
            .collect();
        programs.sort_unstable();
        programs.dedup();
        let project = catalogue.and_then(|catalogue| catalogue.project.as_ref());
        Choices { module, project, programs }
    }

    /// The program's name in a command.
    fn name(&self) -> &'a str {
        match self.programs.as_slice() {
            [only] => only,
            _ => "NAME",
        }
    }

    /// The command that shows what would be sent, if it is known.
    fn view(&self) -> Option<String> {
        match self.project {
            Some(_) => None,
            None if self.module == GO => Some("gotelemetry view".to_owned()),
            None => Some(format!("candor telemetry --project {} view", self.name())),
        }
    }

    /// The command that turns it off.
    pub(super) fn off(&self) -> String {
        self.commands().pop().map(|(command, _)| command).unwrap_or_default()
    }

    /// The commands, and what each does.
    fn commands(&self) -> Vec<(String, &'static str)> {
        let modes = [("on", ON), ("local", LOCAL), ("off", OFF)];
        match self.project {
            Some(project) => {
                let own = project.opt_in.strip_prefix("gotelemetry ").filter(|mode| *mode == "on");
                let local = own.map(|_| ("gotelemetry local".to_owned(), LOCAL));
                let on = (project.opt_in.clone(), ON);
                [on].into_iter().chain(local).chain([(project.opt_out.clone(), OFF)]).collect()
            }
            None if self.module == GO => {
                modes.map(|(mode, effect)| (format!("gotelemetry {mode}"), effect)).into()
            }
            None => {
                let name = self.name();
                let command = |mode| format!("candor telemetry --project {name} {mode}");
                modes.map(|(mode, effect)| (command(mode), effect)).into()
            }
        }
    }

    /// Which program the commands are of, where that is known.
    fn program(&self) -> Markup {
        let commands = self.commands();
        let is_of = |program: &str| {
            commands.iter().any(|(command, _)| command.split(' ').next() == Some(program))
        };
        html! {
            @if is_of("gotelemetry") {
                p.note {
                    code { "gotelemetry" } " is the Go project’s own program for this: "
                    code { "go install golang.org/x/telemetry/cmd/gotelemetry@latest" }
                }
            } @else if is_of("candor") {
                p.note {
                    code { "candor" } " is the program that runs this site. On your machine, it shows and sets what "
                    "other programs send."
                }
            }
        }
    }

    /// What holds for those who have chosen nothing.
    pub(super) fn until_chosen(&self) -> &'static str {
        match (self.module == GO, self.project.is_some()) {
            (true, _) => {
                "Nothing is sent until you turn it on. Until you choose, programs only count: the counts stay on your \
                 machine."
            }
            (false, false) => "Nothing is counted or sent until you turn it on.",
            // Their client may be Candor's, or Go's.
            (false, true) => {
                "Nothing is sent until you turn it on. Whether programs count on your machine until then depends on \
                 their client: Candor’s does not, and Go’s does."
            }
        }
    }

    /// The text above the commands.
    pub(super) fn introduction(&self) -> Markup {
        html! {
            (self.until_chosen()) " These commands take effect at once"
            @match self.view() {
                Some(view) => { ", and " code { (view) } " shows what would be sent before anything is." }
                None => ".",
            }
        }
    }

    /// The commands, and what else has an effect.
    pub(super) fn list(&self) -> Markup {
        let named = self.programs.iter().take(NAMED);
        let more = self.programs.len().saturating_sub(NAMED);
        html! {
            @if let Some(project) = self.project { p { "For " (project.name) ":" } }
            (self.program())
            dl.facts {
                @for (command, effect) in self.commands() {
                    dt { code { (command) } } dd { (effect) }
                }
                @if self.module != GO {
                    dt { code { "DO_NOT_TRACK=1" } }
                    dd { "Environment variable: always off." }
                }
            }
            @if self.project.is_none() && self.module != GO && self.programs.len() > 1 {
                p.note {
                    "Each program is turned on separately. NAME is "
                    @for (index, program) in named.enumerate() {
                        @if index > 0 { ", " }
                        code { (program) }
                    }
                    @if more > 0 { ", or one of " (more) " more" }
                    "."
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(programs: &[&str], project: Option<CatalogueProject>) -> Catalogue {
        let programs: Vec<_> =
            programs.iter().map(|program| serde_json::json!({ "program": program })).collect();
        let mut catalogue: Catalogue = serde_json::from_value(serde_json::json!({
            "format": 1, "repository": "", "commit": "", "time": 0, "as_of": "1970-01-01", "path": "", "confidence": 0.99,
            "programs": programs, "charts": [],
        }))
        .expect("a catalogue");
        catalogue.project = project;
        catalogue
    }

    fn shown(module: &str, catalogue: &Catalogue) -> String {
        let choices = Choices::new(module, Some(catalogue), None);
        html! { (choices.introduction()) (choices.list()) }.into_string()
    }

    const MODULE: &str = "telemetry.example.org/config";

    #[test]
    fn commands_in_the_definitions_are_shown() {
        let project = CatalogueProject {
            name: "gopls & friends".into(),
            opt_in: "friends telemetry <on>".into(),
            opt_out: "friends telemetry off".into(),
            home_page: None,
            contact: None,
            licence: None,
        };
        let page = shown(MODULE, &catalogue(&["example.org/a", "example.org/b"], Some(project)));
        for part in [
            "gopls &amp; friends",
            "<code>friends telemetry &lt;on&gt;</code>",
            "<code>friends telemetry off</code>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("candor telemetry") && !page.contains("gotelemetry"), "{page}");
        assert!(page.contains("Candor’s does not, and Go’s does."), "{page}");
    }

    #[test]
    fn what_holds_until_somebody_chooses_depends_on_the_client() {
        let project = |on: &str, off: &str| CatalogueProject {
            name: "Go".into(),
            opt_in: on.into(),
            opt_out: off.into(),
            home_page: None,
            contact: None,
            licence: None,
        };
        let go = project("gotelemetry on", "gotelemetry off");
        let page = shown(GO, &catalogue(&["cmd/go"], Some(go)));
        // Go's own programs count on the machine until somebody chooses, and there are three modes.
        assert!(page.contains("Until you choose, programs only count"), "{page}");
        let modes =
            ["on", "local", "off"].map(|mode| page.find(&format!("<code>gotelemetry {mode}<")));
        assert!(modes.is_sorted() && modes[0].is_some(), "{page}");
        let own = shown(MODULE, &catalogue(&["example.org/hello"], None));
        assert!(own.contains("Nothing is counted or sent until you turn it on."), "{own}");
    }

    #[test]
    fn without_a_project_each_program_is_its_own() {
        let page = shown(MODULE, &catalogue(&["example.org/hello"], None));
        for mode in ["on", "local", "off", "view"] {
            let command =
                format!("<code>candor telemetry --project example.org/hello {mode}</code>");
            assert!(page.contains(&command), "{command} is not in {page}");
        }
        let programs: Vec<String> = (0..10).map(|n| format!("example.org/p{n}")).collect();
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        let page = shown(MODULE, &catalogue(&programs, None));
        assert!(page.contains("<code>candor telemetry --project NAME off</code>"), "{page}");
        assert!(page.contains("<code>example.org/p7</code>, or one of 2 more"), "{page}");
        assert!(!page.contains("gotelemetry"), "{page}");
    }

    #[test]
    fn gos_commands_are_only_shown_for_gos_module() {
        let page = shown(GO, &catalogue(&["golang.org/x/tools/gopls"], None));
        for mode in ["on", "local", "off", "view"] {
            assert!(page.contains(&format!("<code>gotelemetry {mode}</code>")), "{mode}: {page}");
        }
        // Go's own client does not know the variable.
        assert!(!page.contains("candor telemetry") && !page.contains("DO_NOT_TRACK"), "{page}");
    }
}
