//! An account and region, before it is known which environment is meant.

use super::place::{Environment, cache, home};
use crate::cli::Global;
use crate::failure::Failure;
use crate::rehearsal::{self, Rehearsal};
use crate::report::Report;
use aws::{Endpoints, Session};
use rules::app::manifest::{Region, StateBackend};
use rules::app::names::Names;
use rules::event::{Event, Phase, PhaseTime};
use rules::operate::doctor::account::Identity;
use std::path::PathBuf;
use std::time::Instant;

/// Who calls, and from where.
pub(crate) struct AccountRegion {
    pub(crate) identity: Identity,
    pub(crate) session: Session,
    rehearsal: Option<Rehearsal>,
    profile: Option<String>,
}

impl AccountRegion {
    /// Finds out who is calling and from where, and starts the emulators of a rehearsal.
    pub(crate) async fn open(
        region: Option<&Region>,
        global: &Global,
        report: &Report,
    ) -> Result<AccountRegion, Failure> {
        let region = region.map(Region::as_str);
        let (rehearsal, session) = if global.rehearse {
            report.emit(Event::PhaseStarted {
                phase: Phase::Rehearsal,
            });
            let began = Instant::now();
            let (rehearsal, is_new) = Rehearsal::start_or_find(&home()).await?;
            report.note(rehearsal.describe(is_new));
            report.emit(Event::PhaseFinished {
                time: PhaseTime {
                    phase: Phase::Rehearsal,
                    seconds: began.elapsed().as_secs_f64(),
                },
            });
            let endpoints = Endpoints {
                main: rehearsal.fakecloud.url.clone(),
                second: rehearsal.ministack.url.clone(),
            };
            let region = region.unwrap_or(rehearsal::REGION);
            let session = Session::open(None, Some(region), Some(endpoints)).await?;
            let session = match rehearsal.identity() {
                Some((key, secret)) => session.calling_as(&key, &secret),
                None => session,
            };
            (Some(rehearsal), session)
        } else {
            (
                None,
                Session::open(global.profile.as_deref(), region, None).await?,
            )
        };
        Ok(AccountRegion {
            identity: session.identity().await?,
            session,
            rehearsal,
            profile: global.profile.clone(),
        })
    }

    /// One environment here, and says so.
    pub(crate) fn place(&self, names: Names, state: StateBackend, report: &Report) -> Environment {
        report.emit(Event::Place {
            name: names.app.to_string(),
            environment: names.environment.to_string(),
            account: self.identity.account.clone(),
            region: self.session.region().to_owned(),
            rehearsal: self.rehearsal.is_some(),
        });
        Environment {
            directory: self.directory().join(names.id()),
            names,
            account: self.identity.account.clone(),
            identity: self.identity.clone(),
            session: self.session.clone(),
            rehearsal: self.rehearsal.clone(),
            cache: cache(),
            state,
            profile: self.profile.clone(),
        }
    }

    /// What this machine keeps of this account and region, a directory for each environment.
    pub(crate) fn directory(&self) -> PathBuf {
        let kind = match self.rehearsal {
            Some(_) => "rehearsal",
            None => "aws",
        };
        let (account, region) = (&self.identity.account, self.session.region());
        home().join(kind).join(format!("{account}-{region}"))
    }
}
