//! The overview as a web page.
//!
//! One page, without scripts or anything from elsewhere. What it shows is the user's own, so it is
//! served on a loopback address only.

use super::overview::{Overview, build, outlook, report, withheld, withheld_line};
use super::reason::reason;
use crate::cli::listen::{bind, url};
use crate::cli::{Failure, Output};
use crate::client::report::{Report, WeekPreview};
use crate::terminal::Lines;
use crate::web::{ListenAddress, serve_local_page};
use maud::{DOCTYPE, Markup, PreEscaped, Render, html};
use serde::Serialize;
use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1b1b1f;background:#fff}table{border-collapse:collapse;width:100%}\
    td,th{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;\
    border-bottom:1px solid #ddd}pre{background:#f4f4f6;padding:1rem;\
    overflow:auto}code,pre,td{overflow-wrap:anywhere;white-space:pre-wrap}\
    @media(prefers-color-scheme:dark){body{color:#e4e4e8;background:#18181b}pre{background:#26262b}\
    td,th{border-color:#444}}";

/// The page.
pub(super) fn render(overview: &Overview) -> String {
    let preview = &overview.preview;
    let mode = format!("{} ({})", preview.consent.mode, reason(&preview.consent, &overview.folder));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width";
            title { "Telemetry on this machine" }
            style { (PreEscaped(STYLE)) }
            h1 { "Telemetry on this machine" }
            table {
                (row("Project", &overview.project))
                (row("Mode", mode))
                (row("Folder", overview.folder.display()))
                (row("Reports go to", overview.upload.as_deref().unwrap_or("nowhere yet")))
                (row("Config", overview.config.as_deref().unwrap_or("none known yet")))
            }
            @for week in &preview.weeks {
                (section(week, overview.sample_rate))
            }
            @if preview.weeks.is_empty() {
                p { "There are no counts at the moment." }
            }
            @for (week, text) in &preview.ready {
                h2 { "Ready to be sent for " (week.to_string()) }
                pre { (Visible(text)) }
            }
            @if !preview.sent.is_empty() {
                h2 { "Sent before" }
                ul {
                    @for week in &preview.sent {
                        li { (week.to_string()) }
                    }
                }
            }
            @for (_, reason) in &preview.unreadable {
                p { "Skipped: " (Visible(reason)) }
            }
        }
    };
    page.into_string()
}

fn section(week: &WeekPreview, sample_rate: Option<f64>) -> Markup {
    let end = if week.ended { "Ended" } else { "Ends" };
    html! {
        h2 { (end) " on " (week.end.to_string()) }
        h3 { "Counted" }
        @for program in &week.counted.programs {
            h4 { (Visible(build(&program.build))) }
            table {
                @for (name, count) in program.counters.iter().chain(&program.stacks) {
                    (row(name, count))
                }
            }
        }
        h3 { "Sent" }
        p { (Visible(outlook(week, sample_rate))) }
        @if let Some(report) = report(week).map(Report::to_json) {
            pre { (Visible(report)) }
            h3 { "Withheld" }
            ul {
                @for withheld in withheld(week) {
                    li { (Visible(withheld_line(withheld))) }
                }
            }
        }
    }
}

fn row(name: impl Display, value: impl Display) -> Markup {
    html! {
        tr {
            td { (Visible(name)) }
            td { (Visible(value)) }
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("cannot start serving: {e}")))?;
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
        let cells = format!("<tr><td>{expected}</td><td>1</td></tr>");
        assert_eq!(row(evil, 1).into_string(), cells);
    }
}
