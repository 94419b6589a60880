//! Every difference between AWS and the emulators of a rehearsal: services, URLs, credentials,
//! checks, waits and texts. No other file asks which of the two it works with; it asks here for the
//! thing it needs.

use crate::cli::Global;
use crate::environment::dns::Resolver;
use crate::environment::paths::home;
use crate::failure::Failure;
use crate::rehearsal::{self, Rehearsal};
use crate::release::deployment::TargetOutputs;
use crate::report::{Report, now};
use aws::{Account, EmulatorIdentity, Session};
use infra::Emulators;
use rules::app::manifest::Target;
use rules::check::{self, Unavailable};
use rules::event::{Event, Phase, PhaseTime};
use rules::shape::contract::{FargateOutputs, LambdaOutputs};
use rules::shape::cost::account::AccountPlan;
use rules::shape::toolchain::provider;
use std::ffi::OsString;
use std::time::{Duration, Instant};

/// Which cloud a command works with. Its answers need neither a session nor running emulators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cloud {
    /// The user's AWS account.
    Aws,
    /// AWS emulators on this machine.
    Emulators,
}

/// The services that a command calls.
#[derive(Debug, Clone)]
pub(crate) enum Endpoints {
    /// AWS.
    Aws,
    /// Running emulators.
    Emulators(Box<Rehearsal>),
}

impl Cloud {
    /// The cloud that the command line asks for.
    pub(crate) fn chosen(global: &Global) -> Cloud {
        match global.rehearse {
            true => Cloud::Emulators,
            false => Cloud::Aws,
        }
    }

    /// The label in events, records and prices that are not AWS's.
    pub(super) fn is_rehearsal(self) -> bool {
        self == Cloud::Emulators
    }

    /// The name of the directory below landfall's home that holds this cloud's environments.
    pub(super) fn directory(self) -> &'static str {
        match self {
            Cloud::Aws => "aws",
            Cloud::Emulators => "rehearsal",
        }
    }

    /// Whether what runs there costs money.
    pub(crate) fn is_billed(self) -> bool {
        self == Cloud::Aws
    }

    /// Account ID and region, where they do not depend on credentials.
    pub(crate) fn fixed_account(self) -> Option<(&'static str, &'static str)> {
        match self {
            Cloud::Aws => None,
            Cloud::Emulators => Some((rehearsal::ACCOUNT, rehearsal::REGION)),
        }
    }

    /// A session that needs no app to be deployed; [`None`] if the services run only for an app.
    ///
    /// # Errors
    /// As of [`Session::open`].
    pub(crate) async fn session_without_app(
        self,
        global: &Global,
        region: Option<&str>,
    ) -> Option<Result<Session, aws::Error>> {
        match self {
            Cloud::Aws => Some(Session::open(global.profile.as_deref(), region, None).await),
            Cloud::Emulators => None,
        }
    }

    /// Why the services cannot be called on a machine without container engine and Terraform;
    /// [`None`] if they can.
    pub(crate) fn why_it_needs_tools(self) -> Option<&'static str> {
        match self {
            Cloud::Aws => None,
            Cloud::Emulators => Some("emulators need the container engine and Terraform"),
        }
    }

    /// An address that answers with the cloud's own time and needs no credentials.
    ///
    /// # Errors
    /// The services run on this machine and have the same clock.
    pub(crate) fn clock(self) -> Result<&'static str, Unavailable> {
        match self {
            Cloud::Aws => Ok("https://sts.amazonaws.com/"),
            Cloud::Emulators => Err(Unavailable::NotAsked),
        }
    }

    /// Whether the account has quotas and permissions that can be read.
    ///
    /// # Errors
    /// Why it has none.
    pub(crate) fn has_quotas_and_permissions(self) -> Result<(), Unavailable> {
        match self {
            Cloud::Aws => Ok(()),
            Cloud::Emulators => Err(Unavailable::Skipped("emulators have none".to_owned())),
        }
    }

    /// A resolver that sees the domains of the environments.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn resolver(self) -> Result<Resolver, Unavailable> {
        match self {
            Cloud::Aws => Resolver::of_machine().map_err(Unavailable::Unknown),
            Cloud::Emulators => Err(Unavailable::Skipped(
                "emulators have no public DNS".to_owned(),
            )),
        }
    }

    /// Why an app's own domain never resolves to it; [`None`] if it can.
    pub(crate) fn why_domains_lead_nowhere(self) -> Option<&'static str> {
        match self {
            Cloud::Aws => None,
            Cloud::Emulators => Some("in a rehearsal DNS does not resolve it"),
        }
    }

    /// How long resolvers may send users to the old target of a record after it changed: the time
    /// to live of alias records at CloudFront and at API Gateway
    /// (<https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html>).
    pub(crate) fn record_ttl(self) -> Duration {
        match self {
            Cloud::Aws => Duration::from_secs(60),
            Cloud::Emulators => Duration::ZERO,
        }
    }

    /// Whether the image for a target needs the bridge, because the services do not offer functions
    /// the Lambda Runtime API.
    pub(crate) fn needs_lambda_bridge(self, target: Target) -> bool {
        self == Cloud::Emulators && target == Target::Lambda
    }

    /// The versions of the AWS provider that may be used, as a constraint.
    pub(super) fn provider_range(self) -> &'static str {
        match self {
            Cloud::Aws => provider::FOR_AWS,
            Cloud::Emulators => provider::FOR_REHEARSALS,
        }
    }

    /// Why a version within that range must not be used; [`None`] if it may.
    pub(super) fn refused_provider(self, version: &str) -> Option<check::Failure> {
        match self {
            Cloud::Aws => None,
            Cloud::Emulators => provider::refused_in_rehearsal(version),
        }
    }

    /// How the account pays: as AWS reports it, otherwise as the account's age suggests.
    pub(crate) async fn account_plan(self, session: &Session) -> AccountPlan {
        if self == Cloud::Emulators {
            let why = "a rehearsal has no account".to_owned();
            return AccountPlan::Unknown { why };
        }
        let account = Account::new(session);
        match account.plan_state().await {
            Ok(state) => AccountPlan::of_state(&state),
            Err(error) => {
                let created = account.created().await.ok();
                AccountPlan::of_age(created, now(), &error.to_string())
            }
        }
    }
}

impl Endpoints {
    /// Opens a session with the cloud of the command line, and starts its emulators unless they
    /// run. `region` is the manifest's.
    ///
    /// # Errors
    /// No usable credentials or region, or the emulators do not start.
    pub(super) async fn open(
        region: Option<&str>,
        global: &Global,
        report: &Report,
    ) -> Result<(Endpoints, Session), Failure> {
        match Cloud::chosen(global) {
            Cloud::Aws => {
                let session = Session::open(global.profile.as_deref(), region, None).await?;
                Ok((Endpoints::Aws, session))
            }
            Cloud::Emulators => {
                let rehearsal = start(report).await?;
                let endpoints = aws::Endpoints {
                    main: rehearsal.main_url().to_owned(),
                    second: rehearsal.second_url().to_owned(),
                };
                let region = region.unwrap_or(rehearsal::REGION);
                let session = Session::open(None, Some(region), Some(endpoints)).await?;
                let session = match rehearsal.identity() {
                    Some(identity) => session.calling_as(identity),
                    None => session,
                };
                Ok((Endpoints::Emulators(Box::new(rehearsal)), session))
            }
        }
    }

    /// Which cloud they are of.
    pub(crate) fn cloud(&self) -> Cloud {
        match self {
            Endpoints::Aws => Cloud::Aws,
            Endpoints::Emulators(_) => Cloud::Emulators,
        }
    }

    /// Addresses for the HCL and its README, where they are not AWS's own.
    pub(crate) fn overrides(&self) -> Option<Emulators> {
        match self {
            Endpoints::Aws => None,
            Endpoints::Emulators(rehearsal) => Some(Emulators {
                main: rehearsal.main_url().to_owned(),
                second: rehearsal.second_url().to_owned(),
                keys: None,
            }),
        }
    }

    /// The same for Terraform that a person runs without landfall: the provider block has the emulators' keys.
    pub(crate) fn overrides_with_keys(&self) -> Option<Emulators> {
        let Endpoints::Emulators(rehearsal) = self else {
            return None;
        };
        let keys = match rehearsal.identity() {
            Some(EmulatorIdentity::Key { id, secret }) => Some((id, secret)),
            Some(EmulatorIdentity::Process { .. }) => None,
            None => Some(("test".to_owned(), "test".to_owned())),
        };
        self.overrides()
            .map(|emulators| Emulators { keys, ..emulators })
    }

    /// The environment variables by which Terraform's provider and backend find region and services.
    pub(super) fn terraform_variables(&self, session: &Session) -> Vec<(OsString, OsString)> {
        let mut variables = vec![("AWS_REGION".into(), session.region().into())];
        let more = session.endpoint_variables();
        variables.extend(
            more.into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
        if let Endpoints::Emulators(rehearsal) = self {
            variables.push(("AWS_EC2_METADATA_DISABLED".into(), "true".into()));
            // For services that the provider's `endpoints` block does not know in every version.
            variables.push(("AWS_ENDPOINT_URL".into(), rehearsal.main_url().into()));
        }
        variables
    }

    /// The outputs of a target with an address that this machine can reach: emulators listen
    /// elsewhere than the addresses that AWS would give to CloudFront and API Gateway.
    ///
    /// # Errors
    /// An emulator does not report its address.
    pub(super) async fn reachable(&self, outputs: TargetOutputs) -> Result<TargetOutputs, Failure> {
        let Endpoints::Emulators(rehearsal) = self else {
            return Ok(outputs);
        };
        match outputs {
            TargetOutputs::Fargate(outputs) => {
                let url = rehearsal
                    .load_balancer_url(&outputs.load_balancer_arn)
                    .await?;
                Ok(TargetOutputs::Fargate(FargateOutputs { url, ..outputs }))
            }
            TargetOutputs::Lambda(outputs) => {
                let url = rehearsal.api_url(&outputs.api_id);
                Ok(TargetOutputs::Lambda(LambdaOutputs { url, ..outputs }))
            }
        }
    }
}

async fn start(report: &Report) -> Result<Rehearsal, Failure> {
    let phase = Phase::Rehearsal;
    report.emit(Event::PhaseStarted { phase });
    let began = Instant::now();
    let (rehearsal, is_new) = Rehearsal::start_or_find(&home()).await?;
    report.note(rehearsal.describe(is_new));
    report.emit(Event::PhaseFinished {
        time: PhaseTime {
            phase,
            seconds: began.elapsed().as_secs_f64(),
        },
    });
    Ok(rehearsal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn emulators(identity: &str) -> Endpoints {
        let emulator = |port: u16| {
            format!(r#"{{"url":"http://127.0.0.1:{port}","health":"/health","pid":1}}"#)
        };
        let record = format!(
            r#"{{"fakecloud":{},"ministack":{}{identity}}}"#,
            emulator(4566),
            emulator(4567)
        );
        Endpoints::Emulators(Box::new(serde_json::from_str(&record).expect("a record")))
    }

    async fn variables(endpoints: &Endpoints) -> BTreeMap<String, String> {
        let session = Session::open(
            None,
            Some("eu-west-2"),
            Some(aws::Endpoints {
                main: "http://127.0.0.1:4566".to_owned(),
                second: "http://127.0.0.1:4567".to_owned(),
            }),
        );
        let session = session.await.expect("a session");
        let text = |text: OsString| text.into_string().expect("UTF-8");
        let variables = endpoints.terraform_variables(&session).into_iter();
        variables
            .map(|(name, value)| (text(name), text(value)))
            .collect()
    }

    #[tokio::test]
    async fn terraform_never_reaches_aws_from_a_rehearsal() {
        let all = variables(&Endpoints::Aws).await;
        assert_eq!(all.keys().collect::<Vec<_>>(), ["AWS_REGION"]);
        assert_eq!(all["AWS_REGION"], "eu-west-2");
        let all = variables(&emulators("")).await;
        assert_eq!(all["AWS_ENDPOINT_URL"], "http://127.0.0.1:4566");
        assert_eq!(all["AWS_EC2_METADATA_DISABLED"], "true");
    }

    #[test]
    fn only_an_eject_of_a_rehearsal_contains_keys() {
        let keys = |identity| {
            let own = emulators(identity);
            assert_eq!(own.overrides().expect("addresses").keys, None);
            own.overrides_with_keys().expect("addresses").keys
        };
        let key = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(keys(""), key("test", "test"));
        let own = r#","identity":{"access_key_id":"AKIA","secret_access_key":"s3cret"}"#;
        assert_eq!(keys(own), key("AKIA", "s3cret"));
        assert_eq!(keys(r#","identity":{"credential_process":"/bin/x"}"#), None);
        assert_eq!(Endpoints::Aws.overrides_with_keys(), None);
    }

    #[test]
    fn only_a_rehearsal_overrides_addresses_and_needs_the_bridge() {
        let aws = Endpoints::Aws;
        assert_eq!(aws.overrides(), None);
        assert!(!aws.cloud().needs_lambda_bridge(Target::Lambda));
        let overrides = emulators("").overrides().expect("addresses");
        assert_eq!(overrides.main, "http://127.0.0.1:4566");
        assert_eq!(overrides.second, "http://127.0.0.1:4567");
        let cloud = emulators("").cloud();
        assert!(cloud.needs_lambda_bridge(Target::Lambda));
        assert!(!cloud.needs_lambda_bridge(Target::Fargate));
    }
}
