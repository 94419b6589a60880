//! A changed image for all users: with landfall, and with plain Terraform.

use super::Plan;
use super::figures::{Row, Table, median};
use super::stage::{APP, Stage, is_full};
use super::terraform::Plain;
use rules::event::Phase;
use std::collections::BTreeMap;
use std::time::Instant;
use testkit::{PacedUsers, now};

/// Requests per second; they show which version answers.
const PER_SECOND: f64 = 50.0;
/// The goal: this share of the time of plain Terraform.
const SHARE: f64 = 1.0 / 3.0;

/// Measures both, one after the other.
pub(crate) fn speed(stage: &mut Stage, plan: &Plan) -> Result<Table, String> {
    let mut by_phase: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    let (mut decided, mut reached, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let mut versions = Vec::new();
    let (mut lost, mut lost_by_plain) = (0, 0);
    for _ in 0..plan.speed.max(2) {
        let began = Instant::now();
        let released = stage.release(APP, PER_SECOND, &["--strategy=all-at-once"]);
        let phases = released.phases();
        let build = phases.iter().find(|time| time.phase == Phase::Build);
        let build = build.map_or(0.0, |time| time.seconds);
        for time in &phases {
            by_phase
                .entry(time.phase.as_str())
                .or_default()
                .push(time.seconds);
        }
        let full = released
            .until(is_full)
            .ok_or("a release did not get to 100%")?;
        decided.push(full - build);
        let last = last_of_others(&released.requests, released.version);
        reached.push(last.map_or(full, |at| at.since(released.began).as_secs_f64()) - build);
        whole.push(began.elapsed().as_secs_f64() - build);
        lost += released.requests.lost();
        versions.push((released.version, stage.image()?));
    }
    stage.print("plain Terraform: the first apply");
    let plain = Plain::set(stage, versions[0].0, &versions[0].1)?;
    let (mut plans, mut applies, mut reached_by_plain) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=plan.speed {
        let turn = usize::try_from(number).unwrap_or(0) % versions.len();
        let (version, image) = &versions[turn];
        let users = PacedUsers::ask(&plain.url, super::stage::USERS, PER_SECOND);
        let began = now();
        let times = plain.apply(image)?;
        plain.wait_for(*version)?;
        let requests = users.stop();
        lost_by_plain += requests.lost();
        plans.push(times.plan.as_secs_f64());
        applies.push(times.apply.as_secs_f64());
        let last = last_of_others(&requests, *version).ok_or("the old version was never seen")?;
        reached_by_plain.push(last.since(began).as_secs_f64());
        stage.print(&format!(
            "plain Terraform: plan {:?}, apply {:?}, the last answer of the old version after {:?}",
            times.plan,
            times.apply,
            last.since(began)
        ));
    }
    let ours = median(&reached);
    let mut rows = vec![
        Row::number("landfall, until only the new version answers, s", ours, 1),
        Row::number("… until the listener is changed, s", median(&decided), 1),
        Row::number(
            "… until the command ends and the old version is gone, s",
            median(&whole),
            1,
        ),
    ];
    for (phase, times) in &by_phase {
        rows.push(Row::number(
            format!("… its phase “{phase}”, s"),
            median(times),
            1,
        ));
    }
    rows.extend([
        Row::count("… users' requests lost", lost).at_most(0.0),
        Row::number(
            "plain Terraform, until only the new version answers, s",
            median(&reached_by_plain),
            1,
        ),
        Row::number("… plan, s", median(&plans), 1),
        Row::number("… apply, which waits for nothing, s", median(&applies), 1),
        Row::count("… users' requests lost", lost_by_plain),
        Row::number(
            "landfall ÷ plain Terraform, until only the new version answers",
            ours / median(&reached_by_plain),
            2,
        )
        .at_most(SHARE),
    ]);
    let title = "a changed image for all users, `--strategy all-at-once`, without the build";
    Ok(Table::new(title, rows))
}

/// When the last request was sent that another version answered.
fn last_of_others(requests: &testkit::Requests, version: u32) -> Option<rules::time::Timestamp> {
    let other = |request: &&testkit::Request| request.version.is_some_and(|own| own != version);
    requests
        .0
        .iter()
        .rev()
        .find(other)
        .map(|request| request.sent)
}
