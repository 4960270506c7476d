//! An honest deployment, and a cheating one with the same key.

use crate::support::charted::{Deployed, rounded_reports as reports};
use crate::support::evil::Evil;
use crate::support::{Deployment, MODULE, Server, candor, segments, succeed, text};
use candor::gomod::{Module, ModulePath, ModuleVersion};

/// An honest deployment with two versions, a week of reports and charts.
pub struct Honest {
    pub source: Deployed,
    pub deployment: Deployment,
    pub server: Server,
}

impl Honest {
    pub fn new() -> Honest {
        let source = Deployed::new();
        let deployment = Deployment::new();
        for revision in ["HEAD~1", "HEAD"] {
            publish(&deployment, &source, revision);
        }
        upload(&deployment, &reports("2026-02-03", 0..400));
        let server = deployment.serve();
        Honest { source, deployment, server }
    }

    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Publishes another version, and waits until it is served.
    pub fn grow(&self, chart: &str, size: u64) {
        self.source.charts.add_chart(chart);
        publish(&self.deployment, &self.source, "HEAD");
        let shown = || {
            let (_, checkpoint) = self.server.get("/log/checkpoint");
            text(&checkpoint).lines().nth(1) == Some(&size.to_string())
        };
        while !shown() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// An empty log with the same key, for a cheating owner; and the honest versions.
    pub fn evil(&self) -> (Evil, Vec<Module>) {
        let path = ModulePath::new(MODULE).expect("a path");
        let module = |number: u64| {
            let version = ModuleVersion::new(number).expect("a version");
            let (_, zip) = self.server.get(&format!("/goproxy/{MODULE}/@v/{version}.zip"));
            Module::open(path.clone(), version, zip).expect("a module")
        };
        let seed = self.deployment.path().join("keys/log.seed");
        (Evil::new(&seed), [1, 2].map(module).into())
    }
}

pub fn publish(deployment: &Deployment, source: &Deployed, revision: &str) {
    let mut command = deployment.publish_command(&source.charts);
    succeed(command.args(["--rev", revision, "--as-of", "2026-02-03"]));
}

/// Puts reports into the receiver's folder, as it would, and makes them public.
pub fn upload(deployment: &Deployment, reports: &[String]) {
    segments::write(&deployment.path().join("reports"), 1, reports);
    for verb in ["merge", "chart"] {
        succeed(candor().args([verb, "--data"]).arg(deployment.path()));
    }
}
