//! The outside eye: one command that checks everything a deployment promises, as anyone can.
//!
//! Nothing that the deployment says about itself is believed. What each verdict rests on:
//!
//! | id | what is checked | it rests on |
//! | --- | --- | --- |
//! | `signature` | the checkpoint is signed, and of this log | the verifier key that the auditor was given |
//! | `witnesses` | a quorum of witnesses cosigned it, not too long ago; times more than five minutes ahead do not count | the policy that the auditor was given, its witnesses' keys, and the auditor's clock |
//! | `consistency` | it continues every head that this auditor saw before | the state file, and a proof from the log's tiles, which is verified; where tiles fail, the entries |
//! | `root` | the entries hash to the signed root | every entry, and `rs_merkle`: none of the log's own tree code |
//! | `tiles` | the hash tiles are those of the entries | the same |
//! | `faces` | the checksum database shows the same head, tiles and records: below the module proxy (where the `go` command asks first), below `/sumdb/`, and at the root | the same key under the database's name, and the entries |
//! | `versions` | entry N-1 is v0.N.0 of one module; list, latest, `.info` and the newest `.tlog-proof` agree | the entries; the module is the one that entry 0 names |
//! | `zips` | each zip and `go.mod` has the hash of its record | the entries |
//! | `rebuilt` | each config, and the whole zip, is what its commit compiles to for its day | the auditor's copy of the charts repository, or the https one in the (signed) provenance |
//! | `minimal` | each string of each config is asked for by a live definition | the same definitions, by `collection::needs`, which does not watch the compiler |
//! | `pages` | `/config/`, `/`, `/privacy` and the receiver speak of the newest config; `/log/policy` names the log's key | the newest zip; what the receiver refuses; the key |
//! | `data-files` | files have the sizes and hashes of the index; the forms of a dataset hold the same reports, with the numbers that the documentation of the format gives | the files. The index itself is not signed: a report that was left out cannot be missed |
//! | `data-rows` | every report holds only what the config that it names allows | the files, and configs whose inclusion in the log is proved |
//! | `row-form` | rows have no LastWeek, as X one of their config's rates, and stand in the order of their hashes; a complete week shows no stack that fewer of its reports have than `stack_minimum` of the index | the NDJSON files, the configs, and the index |
//! | `editions` | a later edition of a day only adds: at least ten reports or none before the last one, and after that nothing changes. Of each day the first 4,096 rows are held against each other, but for those with a stack that is not shown | the state file: what this auditor saw before |
//! | `open-configs` | no report is of a day after its config had ended: 56 days after the day for which the next one was published. What was revoked is not known from outside | the files, and the provenances of the configs |
//! | `charts` | served figures are those of the data, as `charts.json` and, of the newest weeks, as the JSON and CSV of each chart; no pages, no pictures, no files over several weeks | the files, the configs, and the definitions at the commit that the charts name |
//! | `jumps` | of each week, program and chart, how many reports the weeks before explain, and the mark where there are more or fewer, as `charts.json` says | the computed figures, and the served ones of the eight weeks before, which are checked by themselves |
//!
//! A verdict is `ok`, `wrong`, `unchecked` (it could not be checked: a server that cannot be reached has
//! proved nothing, either way) or `not-asked`. Where one thing is wrong, what depends on it is
//! `unchecked`, so that only the thing itself is `wrong`.
//!
//! What was found to be right is remembered. Later runs read again the newest of it and a thirtieth of
//! the rest, another one each day (`rotation`); everything, if it is asked for (`--full`). Each verdict
//! says how much was read now. What was not found to be right is looked at every time.
//!
//! Pages and pictures for people are not compared with what they are made of, but for what `pages` names:
//! a deployment may serve a false one beside true JSON and CSV.
//!
//! | file | one idea |
//! | --- | --- |
//! | `run` | one audit, in order |
//! | `verdict` | what is said |
//! | `keys` | what is believed in |
//! | `state` | what is remembered |
//! | `fetch` | bounded downloads; unreachable is not wrong |
//! | `heads` | signature, witnesses, consistency |
//! | `entries`, `second_opinion` | every entry, and the root by `rs_merkle` |
//! | `versions` | list, zips, records |
//! | `faces` | the checksum databases, wherever they are served |
//! | `rebuild` | configs compiled again, and explained |
//! | `pages` | the site and the receiver |
//! | `data`, `charts`, `chart_files` | the public data, and the figures again |
//! | `same_reports`, `shown_stacks` | two files with the same reports; stacks that few have |
//! | `public_form`, `editions` | what rows say no more, and what later editions add |
//! | `rotation` | what of it is read again |
//! | `promises` | the twelve promises of transparent telemetry |

mod chart_files;
mod charts;
mod data;
mod editions;
mod entries;
mod faces;
mod fetch;
mod heads;
mod keys;
mod pages;
mod promises;
mod public_form;
mod rebuild;
mod rotation;
mod run;
mod same_reports;
mod second_opinion;
mod shown_stacks;
mod state;
mod verdict;
mod versions;

pub use editions::SeenDay;
pub use keys::{AuditKeys, KeysError};
pub use promises::Promise;
pub use run::{AuditOptions, AuditReport, audit};
pub use second_opinion::SecondOpinion;
pub use state::{AuditState, StateError};
pub use verdict::{State, Verdict, VerdictId};
