//! The account: who calls, from where, what it may have, and what is there already.

use super::permissions::{self, Principal};
use super::{Check, CheckId, Facts, Outcome, Unavailable, gap, judged};
use crate::app::manifest::{Manifest, Target};
use crate::app::names::Names;
use crate::exit::Exit;
use crate::operate::domain;
use crate::operate::sweep::{Found, Kind, Leftover, leftovers};
use serde_json::Value;
use std::collections::BTreeSet;

/// Who calls, as `sts:GetCallerIdentity` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// ARN of the caller.
    pub arn: String,
    /// Whether it is made up, for emulators.
    pub rehearsal: bool,
}

/// A region, and whether the account may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// What EC2 says of it: `opt-in-not-required`, `opted-in`, `not-opted-in`; [`None`] if there is no
    /// region of this name
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Region.html>).
    pub opt_in: Option<String>,
}

impl Region {
    fn is_enabled(&self) -> bool {
        matches!(
            self.opt_in.as_deref(),
            Some("opt-in-not-required" | "opted-in")
        )
    }
}

/// Load balancers of the account in the region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadBalancers {
    /// How many there may be.
    pub limit: u32,
    /// How many there are.
    pub there: u32,
    /// Whether the environment's own is among them.
    pub own: bool,
}

/// Things that bear the environment's names and that its state does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strangers {
    /// The names.
    pub names: Names,
    /// The region, for the commands that remove them.
    pub region: String,
    /// Them.
    pub found: Vec<Found>,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
}

/// Every id, ARN and name of what a Terraform state says was made; [`None`] if the text is no state that
/// can be read.
pub fn known(state: &str) -> Option<BTreeSet<String>> {
    let state: Value = serde_json::from_str(state).ok()?;
    let mut known = BTreeSet::new();
    for resource in state["resources"].as_array()? {
        if resource["mode"] != "managed" {
            continue;
        }
        let instances = resource["instances"].as_array();
        for instance in instances.into_iter().flatten() {
            let of = |key: &str| instance["attributes"][key].as_str().map(str::to_owned);
            known.extend(["id", "arn", "name"].iter().filter_map(|key| of(key)));
        }
    }
    Some(known)
}

/// Of what was found, what `known` does not hold and a state should: releases make task definitions, people set
/// secrets, the bucket is landfall's own, and what lies in a VPC goes with it.
pub fn strangers(found: Vec<Found>, known: &BTreeSet<String>) -> Vec<Found> {
    found
        .into_iter()
        .filter(|one| {
            !matches!(
                one.kind,
                Kind::TaskDefinition
                    | Kind::Parameter
                    | Kind::Secret
                    | Kind::StateBucket
                    | Kind::Subnet
                    | Kind::SecurityGroup
                    | Kind::InternetGateway
                    | Kind::RouteTable
                    | Kind::NetworkInterface
                    | Kind::VpcEndpoint
            )
        })
        .filter(|one| !known.contains(&one.id))
        .collect()
}

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = credentials(facts);
    checks.extend(judged(CheckId::Clock, &facts.clock, |ahead| {
        vec![clock(*ahead)]
    }));
    checks.extend(judged(CheckId::Region, &facts.region, |seen| {
        vec![region(seen)]
    }));
    let at = match &facts.region {
        Ok(seen) => format!(" --region {}", seen.name),
        Err(_) => String::new(),
    };
    checks.extend(judged(CheckId::Concurrency, &facts.concurrency, |limit| {
        vec![concurrency(*limit, &at)]
    }));
    let manifest = facts.manifest();
    checks.extend(judged(CheckId::Vcpus, &facts.vcpus, |limit| {
        manifest
            .map(|manifest| vcpus(*limit, manifest, &at))
            .into_iter()
            .collect()
    }));
    checks.extend(judged(
        CheckId::LoadBalancers,
        &facts.load_balancers,
        |seen| vec![load_balancers(*seen, &at)],
    ));
    checks.extend(judged(CheckId::Names, &facts.names, |seen| {
        manifest.map_or_else(Vec::new, |manifest| names(seen, manifest.target))
    }));
    checks.extend(judged(CheckId::Domain, &facts.domain, domain::checks));
    checks.extend(judged(
        CheckId::Permissions,
        &facts.permissions,
        |answers| vec![permissions::check(answers)],
    ));
    checks
}

fn credentials(facts: &Facts) -> Vec<Check> {
    let wrong_region = facts.region.as_ref().ok().filter(|seen| !seen.is_enabled());
    match (&facts.credentials, wrong_region) {
        // In a region that the account may not use, valid credentials are refused, too.
        (Err(Unavailable::Trouble(trouble)), Some(region)) => {
            let mut check = Check::new(
                CheckId::Credentials,
                Outcome::Unknown,
                format!(
                    "cannot be told in {}, which the account cannot use",
                    region.name
                ),
            );
            check.why = trouble.why.clone();
            vec![check]
        }
        (Err(missing), _) => gap(CheckId::Credentials, missing).into_iter().collect(),
        (Ok(identity), _) => vec![who(identity)],
    }
}

fn who(identity: &Identity) -> Check {
    let found = format!("account {}, {}", identity.account, identity.arn);
    if identity.rehearsal {
        return Check::ok(
            CheckId::Credentials,
            format!("account {} of the emulators", identity.account),
        );
    }
    match Principal::of(&identity.arn) {
        Principal::Root => Check::warning(CheckId::Credentials, found)
            .why("the root user may do everything, nothing limits it, and its key opens the whole account")
            .fix("sign in as an IAM Identity Center user or a role: `aws configure sso`, or `aws login`")
            .fix("delete the root user's access keys: AWS console, Security credentials"),
        _ => Check::ok(CheckId::Credentials, found),
    }
}

/// AWS refuses signatures that are more than five minutes off
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
fn clock(ahead: i64) -> Check {
    const REFUSED: u64 = 300_000;
    const NOTED: u64 = 60_000;
    let off = ahead.unsigned_abs();
    let way = if ahead >= 0 { "ahead of" } else { "behind" };
    let told = crate::time::readable(std::time::Duration::from_millis(off));
    let fix = "let the machine set its clock by itself: `sudo timedatectl set-ntp true`";
    if off > REFUSED {
        Check::blocker(
            CheckId::Clock,
            Exit::Access,
            format!("this machine's clock is {told} {way} AWS's"),
        )
        .why("AWS refuses requests whose signature is more than 5 minutes off")
        .fix(fix)
    } else if off > NOTED {
        Check::warning(
            CheckId::Clock,
            format!("this machine's clock is {told} {way} AWS's"),
        )
        .why("more than 5 minutes, and AWS refuses every request")
        .fix(fix)
    } else {
        // The answer tells whole seconds, and takes its time.
        Check::ok(CheckId::Clock, "agrees with AWS's to the minute")
    }
}

fn region(seen: &Region) -> Check {
    let name = &seen.name;
    match seen.opt_in.as_deref() {
        None => Check::blocker(
            CheckId::Region,
            Exit::BadInput,
            format!("there is no region {name}"),
        )
        .fix("name one with --region or `region` in landfall.toml; `aws account list-regions` lists them"),
        Some(_) if seen.is_enabled() => Check::ok(CheckId::Region, format!("{name} can be used")),
        Some(state) => Check::blocker(
            CheckId::Region,
            Exit::Access,
            format!("the region {name} is not enabled for the account"),
        )
        .why(format!("EC2 says {state}"))
        .fix(format!(
            "`aws account enable-region --region-name {name}` enables it within minutes to hours"
        ))
        .fix("or name another one with --region or `region` in landfall.toml"),
    }
}

/// The command that asks AWS for a higher limit, free of charge. `at` is empty or names the region.
fn raise(service: &str, quota: &str, value: u32, at: &str) -> String {
    format!(
        "ask for more, which is free: `aws service-quotas request-service-quota-increase --service-code \
         {service} --quota-code {quota} --desired-value {value}{at}`"
    )
}

/// New accounts have 10; <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
fn concurrency(limit: u32, at: &str) -> Check {
    const FRESH: u32 = 50;
    let raise = raise("lambda", "L-B99A9384", 1000, at);
    match limit {
        0 => Check::blocker(
            CheckId::Concurrency,
            Exit::Infrastructure,
            "the account may not run any Lambda function",
        )
        .why("its limit of concurrent executions is 0")
        .fix(raise),
        1..FRESH => Check::warning(
            CheckId::Concurrency,
            format!("{limit} requests at once in the whole account"),
        )
        .why("the one after that is answered 429 by Lambda and 503 by the HTTP API, and all functions share it")
        .why(format!(
            "with requests of 100 ms that is about {} a second",
            limit * 10
        ))
        .fix(raise),
        limit => Check::ok(
            CheckId::Concurrency,
            format!("{limit} requests at once in the whole account"),
        ),
    }
}

/// What runs already is not taken off the limit: nobody tells how much it is.
fn vcpus(limit: f64, manifest: &Manifest, at: &str) -> Check {
    let raise = raise("fargate", "L-3032A538", 16, at);
    let once = f64::from(manifest.cpu.units()) / 1024.0 * f64::from(manifest.count.get());
    let found = format!("{limit} vCPUs at once on Fargate");
    if limit < once {
        Check::blocker(
            CheckId::Vcpus,
            Exit::Infrastructure,
            format!("too few: {found}, and the app wants {once}"),
        )
        .why("a fresh account may have none until AWS has verified it")
        .fix(raise)
        .fix("or run it on Lambda: `--target lambda`")
    } else if limit < once * 2.0 {
        Check::warning(CheckId::Vcpus, found)
            .why(format!(
                "while a version is released the old one and the new one run, {} together",
                once * 2.0
            ))
            .fix(raise)
    } else {
        Check::ok(CheckId::Vcpus, found)
    }
}

fn load_balancers(seen: LoadBalancers, at: &str) -> Check {
    let LoadBalancers { limit, there, own } = seen;
    let found = format!("{there} of {limit} application load balancers are in use");
    if own || there < limit {
        return Check::ok(CheckId::LoadBalancers, found);
    }
    Check::blocker(
        CheckId::LoadBalancers,
        Exit::Infrastructure,
        format!("no room for one more: {found}"),
    )
    .fix("remove one that nobody needs")
    .fix(raise("elasticloadbalancing", "L-53DA6B97", 100, at))
    .fix("or run it on Lambda: `--target lambda`")
}

/// What a thing of our name that is none of ours does to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It cannot be made a second time.
    Fails,
    /// It would be taken for ours, and go with `down`.
    IsTakenOver,
    /// A second one is made beside it.
    Stays,
}

fn effect(thing: &Leftover, names: &Names, target: Target) -> Effect {
    let on = |wanted: Target| match target == wanted {
        true => Effect::Fails,
        false => Effect::Stays,
    };
    match thing.kind {
        Kind::Repository | Kind::Budget => Effect::Fails,
        Kind::Role if thing.id == names.function_role() => on(Target::Lambda),
        Kind::Role => Effect::Fails,
        Kind::LogGroup if thing.id == names.log_group() => Effect::Fails,
        Kind::LogGroup | Kind::Function => on(Target::Lambda),
        Kind::LoadBalancer | Kind::TargetGroup | Kind::Service => on(Target::Fargate),
        Kind::Cluster if target == Target::Fargate => Effect::IsTakenOver,
        Kind::Topic | Kind::Alarm => Effect::IsTakenOver,
        // At API Gateway a name can be there once.
        Kind::DomainName => on(Target::Lambda),
        _ => Effect::Stays,
    }
}

fn names(seen: &Strangers, target: Target) -> Vec<Check> {
    let things = leftovers(&seen.names, &seen.region, &seen.found, &[]);
    let of = |wanted: Effect| -> Vec<&Leftover> {
        let all = things.iter();
        all.filter(|thing| effect(thing, &seen.names, target) == wanted)
            .collect()
    };
    let told = |thing: &Leftover| format!("{} {}", thing.kind.as_str(), thing.id);
    let id = seen.names.id();
    let mut checks = Vec::new();
    let clashing = of(Effect::Fails);
    if !clashing.is_empty() {
        let mut check = Check::blocker(
            CheckId::Names,
            Exit::BadInput,
            format!(
                "things called {id} are there already, and landfall's state does not know them"
            ),
        );
        check.why = clashing.iter().map(|thing| told(thing)).collect();
        check.why.push(
            "making them again would fail half way; they are somebody else's, or left of a state that was lost"
                .to_owned(),
        );
        check.fix = vec![
            "deploy under another name: `name` in landfall.toml, --name, or another environment with --env"
                .to_owned(),
            "or, if nobody needs them, remove them:".to_owned(),
        ];
        check
            .fix
            .extend(clashing.iter().map(|thing| format!("  {}", thing.remove)));
        checks.push(check);
    }
    let taken = of(Effect::IsTakenOver);
    if !taken.is_empty() {
        let mut check = Check::warning(
            CheckId::Names,
            format!("things called {id} would be taken over, and go with `landfall down`"),
        );
        check.why = taken.iter().map(|thing| told(thing)).collect();
        check.fix = vec!["deploy under another name if they are somebody else's".to_owned()];
        checks.push(check);
    }
    let beside = of(Effect::Stays);
    if !beside.is_empty() {
        let mut check = Check::warning(
            CheckId::Names,
            format!("things of {id} are left that no state knows"),
        );
        check.why = beside.iter().map(|thing| told(thing)).collect();
        check.fix = beside.iter().map(|thing| thing.remove.clone()).collect();
        checks.push(check);
    }
    if checks.is_empty() {
        checks.push(match seen.unseen.is_empty() {
            true => Check::ok(CheckId::Names, format!("nothing stands in the way of {id}")),
            false => Check::new(
                CheckId::Names,
                Outcome::Unknown,
                format!("whether {id} is free cannot be told for all services"),
            ),
        });
    }
    if let Some(last) = checks.last_mut() {
        last.why.extend(
            seen.unseen
                .iter()
                .map(|what| format!("could not look at {what}")),
        );
    }
    checks
}
