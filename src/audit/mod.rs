//! The auditor: one command that checks everything a deployment promises, from outside, as anyone can.
//!
//! Nothing that the deployment says about itself is trusted. What each verdict is based on:
//!
//! | id | what is checked | based on |
//! | --- | --- | --- |
//! | `signature` | the checkpoint is of this log, and signed | the verifier key that the auditor was given |
//! | `witnesses` | a quorum of witnesses cosigned it recently; times more than five minutes ahead do not count | the policy that the auditor was given, with its witnesses' keys, and the auditor's clock |
//! | `consistency` | it continues every head that this auditor has seen | the state file, and a proof made from the log's tiles, which is verified; if tiles fail, the entries |
//! | `root` | the entries hash to the signed root | every entry, and `rs_merkle` instead of the log's own tree code |
//! | `tiles` | the hash tiles are those of the entries | the same |
//! | `faces` | the checksum database has the same head, tiles and records: below the module proxy (where the `go` command looks first), below `/sumdb/`, and at the root | the same key under the database's name, and the entries |
//! | `versions` | entry N-1 is v0.N.0 of one module; list, latest, `.info` and the newest `.tlog-proof` agree | the entries; the module is the one that entry 0 names |
//! | `zips` | each zip and `go.mod` has the hash of its record | the entries |
//! | `rebuilt` | each config, and the whole zip, is what its commit compiles to for its day | the auditor's copy of the charts repository, or the https one in the (signed) provenance |
//! | `minimal` | each string of each config is needed by a live definition | the same definitions, by `collection::needs`, which is independent of the compiler |
//! | `pages` | `/config/`, `/`, `/privacy` and the receiver use the newest config; `/log/policy` names the log's key | the newest zip; what the receiver refuses; the key |
//! | `data-files` | files have the sizes and hashes of the index; the forms of a dataset contain the same reports, with the numbers that the format's documentation gives | the files. The index itself is not signed: an omitted report cannot be noticed |
//! | `data-rows` | every report contains only what the config that it names allows | the files, and configs whose inclusion in the log is proved |
//! | `row-form` | rows have no LastWeek, their X is one of their config's rates, and they are in the order of their hashes; a complete week shows no stack that fewer of its reports have than the index's `stack_minimum` | the NDJSON files, the configs, and the index |
//! | `editions` | a later edition of a day only adds: at least ten reports or none before the last one, and after that nothing changes. Of each day the first 4,096 rows are compared, except those with a hidden stack | the state file: what this auditor saw before |
//! | `open-configs` | no report is of a day after its config closed: 56 days after the day for which the next one was published. Revocations are not known from outside | the files, and the provenances of the configs |
//! | `charts` | served figures match the data: `charts.json` and, for the newest weeks, the JSON and CSV of each chart; but not pages, pictures, or files over several weeks | the files, the configs, and the definitions at the commit that the charts name |
//! | `jumps` | for each week, program and chart: how many reports the weeks before explain, and the mark if there are more or fewer, as in `charts.json` | the computed figures, and the served ones of the eight weeks before, which are checked themselves |
//!
//! A verdict is `ok`, `wrong`, `unchecked` (it could not be checked: an unreachable server proves nothing,
//! either way) or `not-asked`. If one thing is wrong, what depends on it is `unchecked`, so that only the
//! thing itself is `wrong`.
//!
//! What was found right is remembered. Later runs read the newest part of it again, and the first run of a day a
//! thirtieth of the rest, a different one each day (`rotation`); or everything, with `--full`. Each verdict says how much was
//! read. What was not found right is checked every time.
//!
//! Pages and pictures for people are not compared with the data, except as listed under `pages`: a
//! deployment may serve a false page beside true JSON and CSV.
//!
//! | file | one idea |
//! | --- | --- |
//! | `run` | one audit, in order |
//! | `verdict` | verdicts, and how they are made |
//! | `keys` | the trusted keys, and what they signed |
//! | `state` | what is remembered between runs |
//! | `fetch` | bounded downloads; unreachable is not wrong |
//! | `heads`, `fork` | signature, witnesses, consistency |
//! | `entries`, `second_opinion` | every entry, and the root by `rs_merkle` |
//! | `versions` | list, zips, records |
//! | `databases` | the checksum databases, wherever they are served |
//! | `rebuild` | configs compiled again |
//! | `pages` | the site and the receiver |
//! | `data`, `rows` | the files of the public data, and their rows |
//! | `same_reports`, `shown_stacks` | whether two files have the same reports; rare stacks |
//! | `public_form`, `editions` | the form of public rows, and what later editions add |
//! | `charts`, `chart_files`, `served_charts`, `parts` | the charts computed again, and compared with those served |
//! | `rotation` | which part of it is read again today |
//! | `promises` | the twelve promises of transparent telemetry |

mod chart_files;
mod charts;
mod data;
mod databases;
mod editions;
mod entries;
mod fetch;
mod fork;
mod heads;
mod keys;
mod pages;
mod parts;
mod promises;
mod public_form;
mod rebuild;
mod rotation;
mod rows;
mod run;
mod same_reports;
mod second_opinion;
mod served_charts;
mod shown_stacks;
mod state;
mod verdict;
mod versions;

pub use keys::{AuditKeys, KeysError};
pub use promises::Promise;
pub use run::{AuditOptions, AuditReport, audit};
pub use second_opinion::SecondOpinion;
pub use state::{AuditState, SeenDay, StateError};
pub use verdict::{State, Verdict, VerdictId};
