//! What Terraform created for an environment, as releases use it.

use crate::failure::Failure;
use crate::release::driver::{Driver, Images, LocalCopy};
use crate::release::http_probe::Prober;
use crate::release::platform::{Fargate, Lambda, Platform};
use crate::report::Report;
use aws::{Logs, Registry, Session};
use infra::Interrupt;
use rules::app::manifest::{Manifest, Target};
use rules::app::names::Names;
use rules::shape::contract::{FargateOutputs, FoundationOutputs, LambdaOutputs};

/// The outputs of an environment's Terraform roots.
#[derive(Clone)]
pub(crate) struct Deployment {
    pub(crate) foundation: FoundationOutputs,
    pub(crate) target: TargetOutputs,
}

/// The outputs of the target's root.
#[derive(Debug, Clone)]
pub(crate) enum TargetOutputs {
    Fargate(FargateOutputs),
    Lambda(LambdaOutputs),
}

impl Deployment {
    /// A driver for its releases, which the report describes in the terms of the target from now on.
    /// `local` is the released image, if it is on this machine.
    pub(crate) fn driver<'a>(
        &'a self,
        session: &Session,
        names: &Names,
        manifest: &Manifest,
        local: Option<LocalCopy<'a>>,
        report: &'a Report,
        interrupt: &Interrupt,
    ) -> Result<Driver<'a>, Failure> {
        report.set_target(self.target());
        let (platform, log_group) = match &self.target {
            TargetOutputs::Fargate(outputs) => (
                Platform::Fargate(Box::new(Fargate::new(
                    session,
                    names,
                    &self.foundation,
                    outputs,
                )?)),
                &self.foundation.log_group,
            ),
            TargetOutputs::Lambda(outputs) => (
                Platform::Lambda(Lambda::new(session, outputs, &manifest.health)),
                &outputs.log_group,
            ),
        };
        Ok(Driver {
            url: self.url(),
            platform,
            logs: Logs::new(session, log_group),
            images: Images {
                registry: Registry::new(session),
                repository: self.foundation.repository_name.clone(),
            },
            prober: Prober::new(self.url(), manifest.health.as_str())?,
            local,
            report,
            interrupt: interrupt.clone(),
        })
    }

    /// What it runs on.
    pub(crate) fn target(&self) -> Target {
        match &self.target {
            TargetOutputs::Fargate(_) => Target::Fargate,
            TargetOutputs::Lambda(_) => Target::Lambda,
        }
    }

    /// AWS's own public URL.
    pub(crate) fn url(&self) -> &str {
        match &self.target {
            TargetOutputs::Fargate(outputs) => &outputs.url,
            TargetOutputs::Lambda(outputs) => &outputs.url,
        }
    }
}
