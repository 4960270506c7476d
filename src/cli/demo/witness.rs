//! A witness for the story, on this machine.

use super::super::Failure;
use super::super::listen::{bind, url};
use super::narrator::{Demo, Served};
use crate::publish::Deployment;
use crate::tlog::Origin;
use crate::web;
use crate::witness::{ListedLog, LogKey, Witness, WitnessFolder};
use std::fs;
use tokio::sync::oneshot;

/// The witness's name.
pub(super) const WITNESS: &str = "witness.example.org";

impl Demo {
    /// Makes a witness, has it know the deployment's log, and the deployment know it. Returns the
    /// deployment with its new settings, and the witness, which is served.
    pub(super) fn have_a_witness(
        &self,
        deployment: &Deployment,
    ) -> Result<(Deployment, Served), Failure> {
        let data = self.folder.join("neighbour");
        let folder = WitnessFolder::create(&data, WITNESS)?;
        let key: LogKey = deployment.verifiers().log.to_string().parse()?;
        let origin = Origin::from(key.name().clone());
        folder.add_log(&ListedLog {
            origin,
            key,
            per_day: 86_400,
            contact: "nobody".to_owned(),
        })?;
        let keys = folder.keys();
        drop(folder);
        let witness = Witness::open(&data)?;
        let (stop, stopped) = oneshot::channel();
        let url = self.runtime.block_on(async {
            let any = web::ListenAddress::Address(([127, 0, 0, 1], 0).into());
            let listener = bind(&any).await?;
            let admin = bind(&any).await?;
            let url = url(&listener)?;
            self.runtime.spawn(web::serve_witness(listener, admin, witness, async {
                // Ends when the sender is dropped.
                let _ = stopped.await;
            }));
            Ok::<_, Failure>(url)
        })?;
        let settings = self.folder.join("deployment/candor.toml");
        let failed = |e| Failure::new(format!("cannot change {}: {e}", settings.display()));
        let before = fs::read_to_string(&settings).map_err(failed)?;
        let mut after = format!("quorum = \"all\"\n\n{before}");
        for key in &keys {
            let (name, vkey) = (key.kind, &key.vkey);
            after +=
                &format!("\n[[witness]]\nname = \"{name}\"\nkey = \"{vkey}\"\nurl = \"{url}\"\n");
        }
        fs::write(&settings, after).map_err(failed)?;
        let deployment = Deployment::open(&self.folder.join("deployment"))?;
        Ok((deployment, Served { url, _stop: stop }))
    }
}
