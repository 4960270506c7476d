//! `/charts/`: the list of programs and weeks.

use super::address::{self, ROOT, Weeks};
use super::jump;
use super::section::{completeness, days};
use super::tables;
use crate::aggregate::index::days_of;
use crate::aggregate::stored_charts::outline::WeekOutline;
use crate::web::numbers;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::layout;
use jiff::civil::Date;
use maud::{Markup, html};

/// The most weeks that are listed; older ones can be chosen on a program's page.
const LISTED: usize = 60;

/// The page of a week. `weeks` are all weeks with charts, with their reports and completeness, newest first.
pub(super) fn body(week: Option<&WeekOutline>, weeks: &[(Date, u64, bool)]) -> Markup {
    html! {
        h1 { "Charts" }
        @match week {
            None => {
                p.lead { "There are no charts yet." }
                p {
                    "Charts are made for weeks, from Monday to Sunday. The first ones appear when the reports "
                    "of a whole week have arrived; what is collected is on the "
                    a href="/privacy" { "privacy page" } "."
                }
            }
            Some(week) => (programs(week)),
        }
        @if !weeks.is_empty() {
            h2 { "Weeks" }
            @let table = html! {
                table {
                    caption { "Weeks with charts, newest first" }
                    thead {
                        tr {
                            th scope="col" { "Week" }
                            th.number scope="col" { "Reports" }
                            th scope="col" { "State" }
                        }
                    }
                    tbody {
                        @for (date, reports, complete) in weeks.iter().take(LISTED) {
                            tr {
                                th.nowrap scope="row" {
                                    a href={ (ROOT) (Weeks::One(*date)) "/" } { (week_of(*date)) }
                                }
                                td.number { (grouped(*reports)) }
                                td { (completeness(*complete)) }
                            }
                        }
                    }
                }
            };
            (layout::wide("Table of weeks", &table))
        }
        p.note {
            "For machines: " a href={ (ROOT) "@format" } { "the format of the JSON and CSV files" }
            ". The reports themselves are at " a href="/data/" { "/data/" } "."
        }
    }
}

/// The days of the week that ends on a day.
pub(super) fn week_of(last: Date) -> String {
    numbers::week(*days_of(last).start(), last)
}

fn programs(outline: &WeekOutline) -> Markup {
    let week = &outline.week;
    html! {
        p.lead {
            (days(week)) ": " (counted(week.reports, "report")) " from people who opted in. "
            (completeness(week.complete))
        }
        (jump::sentence(week.jump.map(|jump| (jump::Of::Week, jump))))
        (jump::anyone_can_send())
        @if outline.programs.is_empty() {
            p { "No program was to be reported, and none was." }
        }
        ul.cards {
            @for of in &outline.programs {
                @let program = &of.program;
                li.card {
                    h2 {
                        a href=(address::week(&program.program, Weeks::One(week.week))) {
                            (tables::path(&program.program))
                        }
                    }
                    p {
                        (counted(program.reports, "report")) ", "
                        (counted(of.charts, "chart"))
                    }
                    @if let Some(jump) = &program.jump { p { (jump::mark(jump::Of::Program, jump)) } }
                }
            }
        }
    }
}
