//! The overview as a web page, which looks like a deployment's site.
//!
//! One page, without scripts or anything from elsewhere, in one file. What would be sent comes first. What it
//! shows is the user's own, so it is served on a loopback address only.

use super::overview::{Overview, WITHOUT_CONFIG};
use super::projects::OWN;
use crate::cli::listen::{bind, url};
use crate::cli::{Failure, Output, runtime};
use crate::client::mode::Mode;
use crate::client::report::words::{outlook, report, withheld};
use crate::client::report::{Report, WeekPreview, Withheld, in_words};
use crate::terminal::Lines;
use crate::web::{ListenAddress, serve_local_page, stylesheet};
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use serde::Serialize;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

/// The page.
pub(super) fn render(overview: &Overview) -> String {
    let preview = &overview.preview;
    let title = format!("Telemetry of {} on this machine", overview.project);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (Visible(&title)) }
                style { (PreEscaped(stylesheet())) }
            }
            body {
                header.site { div.inner { span.brand { "Telemetry on this machine" } } }
                main {
                    h1 { (Visible(&overview.project)) }
                    p.lead { (Visible(mode_in_words(overview))) }
                    h2 id="sent" { "What would be sent" }
                    @if preview.weeks.is_empty() && preview.ready.is_empty() {
                        (nothing_yet(overview))
                    }
                    @for (week, text) in &preview.ready {
                        h3 { "Ready to be sent, for the week to " (week.to_string()) }
                        pre { code { (Visible(text)) } }
                    }
                    @for week in &preview.weeks { (would_be_sent(week, overview.sample_rate)) }
                    (withheld_table(&preview.weeks))
                    @if !preview.weeks.is_empty() {
                        h2 id="counted" { "What was counted" }
                        @for week in &preview.weeks { (counted(week)) }
                    }
                    (settings(overview))
                }
                footer.site {
                    div.inner {
                        p {
                            "This page is for you alone: it shows what is on this machine, and looking at it sends, "
                            "fetches and changes nothing."
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

/// Whether it is on, and why.
fn mode_in_words(overview: &Overview) -> String {
    let consent = &overview.preview.consent;
    let effect = match consent.mode {
        Mode::Off => "Telemetry is off: nothing is counted and nothing is sent",
        Mode::Local => "Programs count on this machine, and nothing is sent",
        Mode::On => {
            "Telemetry is on: programs count, and reports of weeks that began after it was turned on are sent if they \
             are sampled"
        }
    };
    format!("{effect} ({}).", consent.reason(&overview.folder))
}

/// What to do next where nothing was counted.
fn nothing_yet(overview: &Overview) -> Markup {
    let project = overview.project.as_str();
    let command = match project {
        OWN => "candor telemetry on".to_owned(),
        path if overview.folder.display().to_string() == path => {
            format!("candor telemetry --dir {path} on")
        }
        _ => format!("candor telemetry --project {project} on"),
    };
    html! {
        p { "Nothing: nothing has been counted yet." }
        p {
            @match overview.preview.consent.mode {
                Mode::Off => {
                    "If you want to take part, run " code { (Visible(command)) } ". Then use the program, and reload "
                    "this page: it shows what was counted, and exactly what would be sent of it, before anything is."
                }
                Mode::Local | Mode::On => {
                    "Use the program, and reload this page: it shows what was counted, and exactly what would be sent of "
                    "it, before anything is."
                }
            }
        }
        @if let Some(others) = &overview.others { p { (Visible(others)) } }
    }
}

/// A week's heading.
fn week_of(week: &WeekPreview) -> String {
    let end = if week.ended { "ended" } else { "ends" };
    let short = week.begin.map_or_else(String::new, |begin| week.end.why_short(begin));
    format!("The week that {end} on {}{short}", week.end)
}

fn would_be_sent(week: &WeekPreview, sample_rate: Option<f64>) -> Markup {
    html! {
        h3 { (week_of(week)) }
        p { (Visible(outlook(week, sample_rate, WITHOUT_CONFIG))) }
        @if let Some(report) = report(week).map(Report::to_json) { pre { code { (Visible(report)) } } }
    }
}

/// Everything that is left out of reports, with its program and the reason.
fn withheld_table(weeks: &[WeekPreview]) -> Markup {
    let all = weeks.iter().flat_map(|week| withheld(week).iter().map(move |one| (week.end, one)));
    let all: Vec<_> = all.collect();
    html! {
        @if !all.is_empty() {
            h2 id="withheld" { "What is withheld, and why" }
            div.scroll role="region" aria-label="What is withheld" tabindex="0" {
                table.full {
                    thead { tr {
                        th scope="col" { "What" } th scope="col" { "Program" }
                        th scope="col" { "Week to" } th scope="col" { "Why" }
                    } }
                    tbody {
                        @for (week, one) in &all {
                            tr {
                                th scope="row" { (withheld_name(one)) }
                                td { @match &one.build { Some(of) => (Visible(in_words(of))), None => "all" } }
                                td.nowrap { (week.to_string()) }
                                td { (Visible(&one.reason)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is withheld; of a stack, the name before its frames.
fn withheld_name(withheld: &Withheld) -> Markup {
    html! {
        @match (&withheld.name, &withheld.build) {
            (Some(name), _) => code { (Visible(name.split('\n').next().unwrap_or_default())) },
            (None, Some(_)) => "everything of this program",
            (None, None) => "the whole report",
        }
    }
}

fn counted(week: &WeekPreview) -> Markup {
    html! {
        h3 { (week_of(week)) }
        @if week.counted.programs.is_empty() { p { "Nothing." } }
        @for program in &week.counted.programs {
            div.scroll role="region" aria-label={ "Counts of " (Visible(&program.program)) } tabindex="0" {
                table {
                    caption { (Visible(in_words(&program.build()))) }
                    thead { tr { th scope="col" { "Counter" } th.number scope="col" { "Count" } } }
                    tbody {
                        @for (name, count) in program.counters.iter().chain(&program.stacks) {
                            (row(name, count))
                        }
                    }
                }
            }
        }
    }
}

fn settings(overview: &Overview) -> Markup {
    let preview = &overview.preview;
    html! {
        h2 id="settings" { "Where it is, and where it goes" }
        dl.facts {
            dt { "Folder" } dd { code { (Visible(overview.folder.display())) } }
            dt { "Reports go to" } dd { (Visible(overview.upload.as_deref().unwrap_or("nowhere yet"))) }
            dt { "Config" } dd { (Visible(overview.config.as_deref().unwrap_or("none is known yet"))) }
            dt { "Sent before" }
            dd {
                @if preview.sent.is_empty() { "nothing" } @else { "reports of the weeks to " }
                @for (index, week) in preview.sent.iter().enumerate() {
                    @if index > 0 { ", " }
                    (week.to_string())
                }
            }
        }
        @if !preview.unreadable.is_empty() {
            h3 { "Files that could not be read, and why" }
            ul { @for (_, reason) in &preview.unreadable { li.warn { (Visible(reason)) } } }
        }
    }
}

fn row(name: impl Display, value: impl Display) -> Markup {
    html! {
        tr {
            // A stack has a frame a line.
            th scope="row" { code.lines { (Visible(name)) } }
            td.number { (Visible(value)) }
        }
    }
}

/// Text from elsewhere: invisible characters, and those that change the direction of text, are
/// spelled out.
struct Visible<T>(T);

impl<T: Display> Render for Visible<T> {
    fn render_to(&self, buffer: &mut String) {
        Lines(&self.0).to_string().as_str().render_to(buffer);
    }
}

/// What is printed when the page is ready.
#[derive(Debug, Serialize)]
struct Serving {
    url: String,
}

/// Serves the page until the process is asked to end.
pub(super) fn serve(
    address: SocketAddr,
    read: impl Fn() -> Result<Overview, Failure> + Send + Sync + 'static,
    out: Output,
) -> Result<(), Failure> {
    if !address.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "other machines can reach {address}, and the page is for you alone. Use a loopback \
             address, such as 127.0.0.1:0"
        )));
    }
    crate::cli::signals::end_when_asked()?;
    let runtime = runtime::one_thread()?;
    let listener = runtime.block_on(bind(&ListenAddress::Address(address)))?;
    let url = url(&listener)? + "/";
    out.line(&Serving { url: url.clone() }, format!("serving {url}\nCtrl-C stops it\n"))?;
    let render = move || read().map(|overview| render(&overview)).map_err(|e| e.message);
    runtime.block_on(serve_local_page(listener, Arc::new(render)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_escaped() {
        let evil = "<script>alert('&\"')</script>\u{202e}\u{1b}\n";
        let expected = "&lt;script&gt;alert('&amp;&quot;')&lt;/script&gt;\\u{202e}\\u{1b}\n";
        assert_eq!(html! { p { (Visible(evil)) } }.into_string(), format!("<p>{expected}</p>"));
        let cells = format!(
            "<tr><th scope=\"row\"><code class=\"lines\">{expected}</code></th><td class=\"number\">1</td></tr>"
        );
        assert_eq!(row(evil, 1).into_string(), cells);
    }
}
