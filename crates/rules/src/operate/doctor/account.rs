//! Checks of the account: credentials, clock, region, quotas, existing resources, domain, permissions.

use super::Facts;
use super::permissions::{self, Principal};
use crate::app::manifest::{Manifest, Target};
use crate::app::names::Names;
use crate::check::{Check, CheckId, Outcome, Unavailable, judged};
use crate::exit::Exit;
use crate::operate::domain;
use crate::operate::sweep::{Found, Kind, Leftover, leftovers};
use crate::shape::account_budget::AccountBudget;
use serde_json::Value;
use std::collections::BTreeSet;

/// The caller, by `sts:GetCallerIdentity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// ARN of the caller.
    pub arn: String,
    /// Whether it is the emulators' identity.
    pub rehearsal: bool,
}

/// A region, and whether the account may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its opt-in status by EC2: `opt-in-not-required`, `opted-in`, `not-opted-in`; [`None`] if there is no
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

/// How many of a kind the account has in the region, and may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The quota.
    pub limit: u32,
    /// How many exist.
    pub there: u32,
    /// Whether the environment's own is among them.
    pub own: bool,
}

/// Resources with the environment's names that its state does not contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownResources {
    /// The names.
    pub names: Names,
    /// The region, for the commands that remove them.
    pub region: String,
    /// The resources.
    pub found: Vec<Found>,
    /// What could not be listed, and why.
    pub unseen: Vec<String>,
}

/// Every id, ARN and name in a Terraform state; [`None`] if it cannot be read.
pub fn known_ids(state: &str) -> Option<BTreeSet<String>> {
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

/// The resources among `found` that are not in `known` but should be in a state. Releases create task
/// definitions, people set secrets, the bucket is landfall's own, and what is in a VPC is deleted with it.
pub fn unknown_resources(found: Vec<Found>, known: &BTreeSet<String>) -> Vec<Found> {
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
    checks.extend(judged(CheckId::Vpcs, &facts.vpcs, |seen| {
        vec![vpcs(*seen, &at)]
    }));
    checks.extend(judged(CheckId::Budget, &facts.budget, |found| {
        vec![budget(found)]
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
        // A region that is not enabled refuses valid credentials.
        (Err(Unavailable::Failed(failure)), Some(region)) => {
            let mut check = Check::new(
                CheckId::Credentials,
                Outcome::Unknown,
                format!("unknown in {}, which the account cannot use", region.name),
            );
            check.why = failure.why.clone();
            vec![check]
        }
        (Err(missing), _) => Check::unavailable(CheckId::Credentials, missing)
            .into_iter()
            .collect(),
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
    match Principal::from_arn(&identity.arn) {
        Principal::Root => Check::warning(CheckId::Credentials, found)
            .why("the root user has every permission, and its key gives access to the whole account")
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
    let difference = crate::time::readable(std::time::Duration::from_millis(off));
    let fix = "enable time synchronization: `sudo timedatectl set-ntp true`";
    if off > REFUSED {
        Check::blocker(
            CheckId::Clock,
            Exit::Access,
            format!("this machine's clock is {difference} {way} AWS's"),
        )
        .why("AWS refuses requests whose signature is more than 5 minutes off")
        .fix(fix)
    } else if off > NOTED {
        Check::warning(
            CheckId::Clock,
            format!("this machine's clock is {difference} {way} AWS's"),
        )
        .why("AWS refuses every request from 5 minutes on")
        .fix(fix)
    } else {
        // The answer has whole seconds, and takes some time.
        Check::ok(CheckId::Clock, "within a minute of AWS's")
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
        .fix("set one with --region or `region` in landfall.toml; `aws account list-regions` lists them"),
        Some(_) if seen.is_enabled() => Check::ok(CheckId::Region, format!("{name} can be used")),
        Some(state) => Check::blocker(
            CheckId::Region,
            Exit::Access,
            format!("the region {name} is not enabled for the account"),
        )
        .why(format!("its status is {state}"))
        .fix(format!(
            "`aws account enable-region --region-name {name}` enables it within minutes to hours"
        ))
        .fix("or set another one with --region or `region` in landfall.toml"),
    }
}

/// The command that requests a higher quota, free of charge. `at` is empty or has the region.
fn raise(service: &str, quota: &str, value: u32, at: &str) -> String {
    format!(
        "request a higher quota, free of charge: `aws service-quotas request-service-quota-increase --service-code \
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
            "the account cannot run Lambda functions",
        )
        .why("its quota of concurrent executions is 0")
        .fix(raise),
        1..FRESH => Check::warning(
            CheckId::Concurrency,
            format!("{limit} concurrent requests in the whole account"),
        )
        .why("further requests get 429 from Lambda and 503 from the HTTP API, and all functions share the quota")
        .why(format!(
            "with 100 ms a request this is about {} a second",
            limit * 10
        ))
        .fix(raise),
        limit => Check::ok(
            CheckId::Concurrency,
            format!("{limit} concurrent requests in the whole account"),
        ),
    }
}

/// vCPUs in use are not subtracted, as AWS does not report them.
fn vcpus(limit: f64, manifest: &Manifest, at: &str) -> Check {
    let raise = raise("fargate", "L-3032A538", 16, at);
    let once = f64::from(manifest.cpu.units()) / 1024.0 * f64::from(manifest.count.get());
    let found = format!("{limit} concurrent vCPUs on Fargate");
    if limit < once {
        Check::blocker(
            CheckId::Vcpus,
            Exit::Infrastructure,
            format!("too few: {found}, and the app needs {once}"),
        )
        .why("a new account may have none until AWS has verified it")
        .fix(raise)
        .fix("or run it on Lambda: `--target lambda`")
    } else if limit < once * 2.0 {
        Check::warning(CheckId::Vcpus, found)
            .why(format!(
                "during a release the old and the new version run, with {} together",
                once * 2.0
            ))
            .fix(raise)
    } else {
        Check::ok(CheckId::Vcpus, found)
    }
}

fn load_balancers(seen: Usage, at: &str) -> Check {
    let Usage { limit, there, own } = seen;
    let found = format!("{there} of {limit} application load balancers are in use");
    if own || there < limit {
        return Check::ok(CheckId::LoadBalancers, found);
    }
    Check::blocker(
        CheckId::LoadBalancers,
        Exit::Infrastructure,
        format!("the quota is used up: {found}"),
    )
    .fix("remove one that is not needed")
    .fix(raise("elasticloadbalancing", "L-53DA6B97", 100, at))
    .fix("or run it on Lambda: `--target lambda`")
}

/// The default VPC counts (<https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>).
fn vpcs(seen: Usage, at: &str) -> Check {
    let Usage { limit, there, own } = seen;
    let found = format!("{there} of {limit} VPCs are in use");
    if own || there < limit {
        return Check::ok(CheckId::Vpcs, found);
    }
    Check::blocker(
        CheckId::Vpcs,
        Exit::Infrastructure,
        format!("the quota is used up: {found}"),
    )
    .fix("remove an environment that is not needed (`landfall down`), or another VPC")
    .fix(raise("vpc", "L-F678F1CE", limit.saturating_add(5), at))
    .fix("or run it on Lambda: `--target lambda`")
}

fn budget(found: &AccountBudget) -> Check {
    match found.warning() {
        None => Check::ok(CheckId::Budget, "AWS permits the account a budget"),
        Some(text) => Check::warning(CheckId::Budget, text),
    }
}

/// The effect of an existing resource with the environment's name on a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Creating it again fails.
    Fails,
    /// It is treated as the environment's, and removed by `down`.
    IsTakenOver,
    /// It stays next to a new one.
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
        // A domain name can exist once in API Gateway.
        Kind::DomainName => on(Target::Lambda),
        _ => Effect::Stays,
    }
}

fn names(seen: &UnknownResources, target: Target) -> Vec<Check> {
    let things = leftovers(&seen.names, &seen.region, &seen.found, &[]);
    let of = |wanted: Effect| -> Vec<&Leftover> {
        let all = things.iter();
        all.filter(|thing| effect(thing, &seen.names, target) == wanted)
            .collect()
    };
    let describe = |thing: &Leftover| format!("{} {}", thing.kind.as_str(), thing.id);
    let id = seen.names.id();
    let mut checks = Vec::new();
    let clashing = of(Effect::Fails);
    if !clashing.is_empty() {
        let mut check = Check::blocker(
            CheckId::Names,
            Exit::BadInput,
            format!("resources named {id} exist already, and are not in landfall's state"),
        );
        check.why = clashing.iter().map(|thing| describe(thing)).collect();
        check.why.push(
            "creating them again would fail; they belong to someone else, or to a state that was lost"
                .to_owned(),
        );
        check.fix = vec![
            "deploy under another name: `name` in landfall.toml, --name, or another environment with --env"
                .to_owned(),
            "or, if they are not needed, remove them:".to_owned(),
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
            format!("resources named {id} would be taken over, and removed by `landfall down`"),
        );
        check.why = taken.iter().map(|thing| describe(thing)).collect();
        check.fix = vec!["deploy under another name if they belong to someone else".to_owned()];
        checks.push(check);
    }
    let remaining = of(Effect::Stays);
    if !remaining.is_empty() {
        let mut check = Check::warning(
            CheckId::Names,
            format!("resources of {id} exist that are in no state"),
        );
        check.why = remaining.iter().map(|thing| describe(thing)).collect();
        check.fix = remaining.iter().map(|thing| thing.remove.clone()).collect();
        checks.push(check);
    }
    if checks.is_empty() {
        checks.push(match seen.unseen.is_empty() {
            true => Check::ok(CheckId::Names, format!("no conflict with {id}")),
            false => Check::new(
                CheckId::Names,
                Outcome::Unknown,
                format!("it is unknown for some services whether {id} is free"),
            ),
        });
    }
    if let Some(last) = checks.last_mut() {
        last.why
            .extend(seen.unseen.iter().map(|what| format!("cannot list {what}")));
    }
    checks
}
