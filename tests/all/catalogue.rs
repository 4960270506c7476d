//! The promise of catalogues: what pages say about a chart (its title, its issue, the commit that added
//! it) is computed from the repository alone, and every published commit has it, even if a publisher died
//! at any point.

#![cfg(feature = "server")]

use crate::support;
use candor::charts::Repository;
use candor::gomod::{ModulePath, RepositoryUrl};
use candor::publish::{
    Catalogue, CatalogueRetention, Catalogues, CompileDay, Outcome, PublishError, Publisher,
    Versions, Watch,
};
use candor::store::{Fault, MemoryStore};
use candor::tlog::{Log, LogKeys, Seed, SignerLock};
use std::path::Path;
use std::sync::Arc;
use support::{Charts, MODULE, chart, commit_day};
use tempfile::TempDir;

/// A log in memory, and the catalogues beside it.
struct Bench {
    store: Arc<MemoryStore>,
    seed: Seed,
    memory: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench {
            store: Arc::new(MemoryStore::new()),
            seed: Seed::generate().expect("a seed"),
            memory: TempDir::new().expect("a temporary folder"),
        };
        bench.log(bench.memory.path()).create().expect("a new log");
        bench
    }

    fn log(&self, memory: &Path) -> Log {
        let keys = LogKeys::new(&support::HOST.parse().expect("a host"), &self.seed);
        let signer = SignerLock::in_folder(memory).expect("a signer");
        let path = ModulePath::new(MODULE).expect("a module path");
        let versions = Arc::new(Versions::new(path, self.store.clone()));
        Log::new(self.store.clone(), keys, signer, versions)
    }

    fn publisher(&self) -> Publisher {
        let path = ModulePath::new(MODULE).expect("a module path");
        Publisher::new(path, self.store.clone(), self.log(self.memory.path()))
    }

    fn publish(&self, charts: &Charts, revision: &str) -> Result<Outcome, PublishError> {
        let revision = repository(charts).read(Some(revision)).expect("a commit");
        self.publisher().publish(&revision, &RepositoryUrl::default(), commit_day(&revision))
    }

    fn newest(&self) -> Catalogue {
        let catalogues = Catalogues::new(self.store.clone());
        catalogues.newest().expect("readable").expect("a catalogue")
    }
}

fn repository(charts: &Charts) -> Repository {
    let location = charts.path().display().to_string();
    Repository::open(&location, None, Path::new("/nonexistent")).expect("a repository")
}

fn added(catalogue: &Catalogue) -> Vec<(&str, &str)> {
    catalogue.charts.iter().map(|chart| (chart.id.as_str(), chart.added.as_str())).collect()
}

/// A repository in whose history charts come, change and go.
fn eventful() -> (Charts, Vec<String>) {
    let charts = Charts::new();
    let second = "charts-config/charts/second.toml";
    let mut commits = vec![charts.git(&["rev-parse", "HEAD"]).trim().to_owned()];
    let mut commit = || commits.push(charts.commit());
    charts.write("README.md", "Nothing of the charts folder changes.");
    commit(); // 1
    charts.write(second, &chart("Second", "hello/second"));
    commit(); // 2
    charts.write("charts-config/charts/verbs.toml", &chart("The verbs", "hello/verb:{run,go}"));
    commit(); // 3: another title, another bucket, the same chart
    charts.write(second, "[[chart]]\ntitle = 7\n");
    commit(); // 4: a mistake, by which no chart is added or removed
    charts.write(second, &chart("Second again", "hello/second"));
    commit(); // 5
    std::fs::remove_file(charts.path().join(second)).expect("remove");
    commit(); // 6
    charts.write(second, &chart("Second reborn", "hello/second"));
    commit(); // 7
    charts.write("NEWS.md", "Nothing of the charts folder changes.");
    commit(); // 8
    (charts, commits)
}

#[test]
fn a_chart_was_added_by_the_oldest_commit_since_which_it_was_always_there() {
    let (charts, commits) = eventful();
    let cases = [(0, None), (2, Some(2)), (3, Some(2)), (5, Some(2)), (6, None), (8, Some(7))];
    for (at, second) in cases {
        let bench = Bench::new();
        bench.publish(&charts, &commits[at]).expect("published");
        let catalogue = bench.newest();
        let mut expected = vec![("hello-verb", commits[0].as_str())];
        if let Some(second) = second {
            expected.insert(0, ("hello-second", &commits[second]));
        }
        assert_eq!(added(&catalogue), expected, "commit {at}");
        let chart = catalogue.charts.last().expect("a chart");
        assert_eq!(chart.added_on.to_string(), "2026-02-03");
        assert_eq!((chart.file.as_str(), chart.line), ("charts-config/charts/verbs.toml", 1));
    }
}

#[test]
fn a_catalogue_does_not_depend_on_which_commits_were_published_before() {
    let (charts, commits) = eventful();
    let [all, some, last] = [Bench::new(), Bench::new(), Bench::new()];
    for (number, commit) in commits.iter().enumerate() {
        let found = all.publish(&charts, commit);
        assert_eq!(found.is_err(), number == 4, "{number}: {found:?}");
    }
    for number in [2, 5, 8] {
        some.publish(&charts, &commits[number]).expect("published");
    }
    last.publish(&charts, &commits[8]).expect("published");
    // The last commit changes nothing that is shown, so the catalogue of the one before also serves it.
    let alike = |catalogue: Catalogue| Catalogue { commit: String::new(), ..catalogue };
    assert_eq!(all.newest().commit, commits[7]);
    assert_eq!(alike(all.newest()), alike(last.newest()));
    assert_eq!(alike(some.newest()), alike(last.newest()));
}

#[test]
fn the_packages_of_a_stack_are_in_the_catalogue_but_not_in_the_config() {
    let (charts, bench) = (Charts::new(), Bench::new());
    let file = "charts-config/charts/crashes.toml";
    let stack = |packages: &str| {
        let kind = format!("type = \"stack\"\ndepth = 4\n{packages}");
        chart("Crashes", "hello/crash").replace("type = \"partition\"\n", &kind)
    };
    charts.write(file, &stack(""));
    charts.commit();
    bench.publish(&charts, "HEAD").expect("published");
    let packages = || {
        let found = bench.newest().charts.into_iter().find(|chart| chart.kind == "stack");
        found.expect("the stack").packages
    };
    assert_eq!(packages(), Vec::<String>::new());
    charts.write(file, &stack("packages = [\"example.org/hello\", \"std\"]\n"));
    charts.commit();
    let outcome = bench.publish(&charts, "HEAD").expect("published");
    assert!(matches!(outcome, Outcome::Unchanged(_)), "clients do not obey it: {outcome:?}");
    assert_eq!(packages(), ["example.org/hello", "std"]);
}

#[test]
fn the_retention_in_force_is_that_of_the_newest_catalogue_and_is_rebuilt_from_the_commit() {
    let (charts, bench) = (Charts::new(), Bench::new());
    let catalogues = Catalogues::new(bench.store.clone());
    assert_eq!(catalogues.stack_minimum().expect("read"), 3, "nothing was published yet");
    bench.publish(&charts, "HEAD").expect("published");
    assert_eq!(bench.newest().retention, CatalogueRetention::default());
    assert_eq!(catalogues.stack_minimum().expect("read"), 3, "nobody chose");
    let file = "charts-config/collection.toml";
    let collection = std::fs::read_to_string(charts.path().join(file)).expect("read");
    let retention = "[retention]\nstack_minimum = 5\nrevoked = [\"v0.2.0\", \"v0.1.0\"]\n";
    charts.write(file, &format!("{collection}\n{retention}"));
    charts.commit();
    let outcome = bench.publish(&charts, "HEAD").expect("published");
    assert!(matches!(outcome, Outcome::Unchanged(_)), "clients do not obey it: {outcome:?}");
    assert_eq!(catalogues.stack_minimum().expect("read"), 5);
    let json = serde_json::to_value(bench.newest().retention).expect("JSON");
    assert_eq!(json, serde_json::json!({"stack_minimum": 5, "revoked": ["v0.2.0", "v0.1.0"]}));
    let other = Bench::new();
    other.publish(&charts, "HEAD").expect("published");
    assert_eq!(other.newest(), bench.newest());
}

#[test]
fn a_title_or_a_survey_changes_the_catalogue_but_not_the_config() {
    let (charts, bench) = (Charts::new(), Bench::new());
    bench.publish(&charts, "HEAD").expect("published");
    charts.write("charts-config/charts/verbs.toml", &chart("New", "hello/verb:{run,help}"));
    charts.commit();
    let outcome = bench.publish(&charts, "HEAD").expect("published");
    assert!(matches!(outcome, Outcome::Unchanged(_)), "{outcome:?}");
    assert_eq!(bench.newest().charts[0].title, "New");
    let survey = "title = 'Survey'\nsource = ['https://example.org/s']\n\
                  program = 'example.org/hello'\n[[margin]]\nof = 'goos'\nshares = {linux = 1}\n";
    charts.write("charts-config/marginals/survey.toml", survey);
    let commit = charts.commit();
    let outcome = bench.publish(&charts, "HEAD").expect("published");
    assert!(matches!(outcome, Outcome::Unchanged(_)), "{outcome:?}");
    let newest = bench.newest();
    assert_eq!((newest.marginals[0].id.as_str(), newest.commit), ("survey", commit));
}

#[test]
fn publishing_again_completes_the_work_after_a_power_cut_at_any_store_operation() {
    let charts = Charts::new();
    let first = charts.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let second = charts.add_chart("second");
    for kind in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        // What was found after a power cut: nothing new, only a version, or a version and its
        // definitions.
        let mut found_after = [0; 3];
        for operation in 0.. {
            let bench = Bench::new();
            bench.publish(&charts, &first).expect("published");
            bench.store.inject(kind(operation));
            let cut = bench.publish(&charts, &second);
            let operations = bench.store.operations();
            bench.store.restart();
            let head = bench.publisher().newest().expect("readable").expect("a version");
            let said = bench.newest().commit;
            assert!(said == first || head.version().number() == 2, "the log comes first");
            assert!(cut.is_err() || said == second, "success means recorded");
            let is_new = usize::from(head.version().number() == 2);
            found_after[is_new + usize::from(said == second)] += usize::from(cut.is_err());
            bench.publish(&charts, &second).expect("the second try");
            let catalogues = Catalogues::new(bench.store.clone());
            let entries = catalogues.recorded().expect("readable");
            let entries: Vec<_> = entries.entries().map(|e| e.expect("readable")).collect();
            let found: Vec<_> =
                entries.iter().map(|e| (e.commit.as_str(), e.version.as_str())).collect();
            assert_eq!(found, [(first.as_str(), "v0.1.0"), (second.as_str(), "v0.2.0")]);
            if operation >= operations {
                break;
            }
        }
        // Both are found only if the last operation was done, so only after a power cut that follows it.
        let [old, version, both] = found_after;
        let last = matches!(kind(0), Fault::PowerCutAfter(_));
        assert!(old > 0 && version > 0 && (both > 0) == last, "{:?}: {found_after:?}", kind(0));
    }
}

#[test]
fn a_watching_publisher_completes_what_another_left_when_it_starts() {
    let (charts, bench) = (Charts::new(), Bench::new());
    bench.publish(&charts, "HEAD").expect("published");
    // As if it had died between writing the log and the catalogue.
    let mut snapshot = bench.store.snapshot();
    snapshot.objects.retain(|key, _| !key.as_str().starts_with("catalogue/"));
    snapshot.pointers.retain(|key, _| !key.as_str().starts_with("catalogue/"));
    bench.store.restore(&snapshot);
    let publisher = bench.publisher();
    let mut watch = Watch::new(repository(&charts), None, &publisher).expect("a watch");
    let day = CompileDay::Today("2026-02-03".parse().expect("a day"));
    watch.poll(&publisher, day, |_, found| panic!("nothing is new: {found:?}")).expect("a look");
    let commit = charts.git(&["rev-parse", "HEAD"]);
    assert_eq!(bench.newest().commit, commit.trim());
}
