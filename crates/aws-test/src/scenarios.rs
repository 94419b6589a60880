//! The scenarios: what a user does with an app, and what has to come of it.

use crate::assumption::Id;
use crate::finding::{Evidence, Finding};
use crate::interrupt;
use crate::observation::Observation;
use crate::options::TTL_HOURS;
use crate::stage::{Stage, failure};
use crate::step::Step;
use crate::users::{Request, Users, ask_once, lost};
use rules::app::manifest::Target;
use rules::event::Event;
use rules::exit::Exit;
use rules::release::Outcome;
use rules::release::Step as ReleaseStep;
use rules::time::Timestamp;
use std::time::{Duration, Instant};
use testkit::{App, CommandOutput, Mode};

/// The secret's name.
const SECRET: &str = "GREETING";

/// What came of a scenario: what was seen, or why it failed.
pub(crate) type Seen = Result<String, String>;

/// Takes a step that is a scenario; also returns what was found about assumptions meanwhile.
pub(crate) fn take(stage: &mut Stage, step: Step, asked: &[Id]) -> (Seen, Vec<Finding>) {
    match step {
        Step::Up => up(stage, asked),
        Step::Again => again(stage),
        Step::Preview => (preview(stage), Vec::new()),
        Step::Release => release(stage),
        Step::Bad => (bad(stage), Vec::new()),
        Step::Rollback => (rollback(stage), Vec::new()),
        Step::Secrets => (secrets(stage), Vec::new()),
        Step::Domain => (domain(stage), Vec::new()),
        Step::Move(target) => (move_to(stage, target), Vec::new()),
        _ => (Ok(String::new()), Vec::new()),
    }
}

/// Options of a release: in a rehearsal a short one.
fn words(stage: &Stage, first: &[&'static str]) -> Vec<&'static str> {
    let brief = ["--minimum=1s", "--bake=2s"];
    let brief = brief.iter().filter(|_| stage.is_rehearsal());
    first.iter().chain(brief).copied().collect()
}

fn expect(ended: &CommandOutput, exit: Exit) -> Result<(), String> {
    match !ended.killed && ended.code == i32::from(exit.code()) {
        true => Ok(()),
        false => Err(format!(
            "exit code {} instead of {}: {}",
            ended.code,
            exit.code(),
            failure(ended)
        )),
    }
}

fn outcome(ended: &CommandOutput) -> Option<Outcome> {
    let outcomes = ended.all(|event| match event {
        Event::Step {
            step: ReleaseStep::Finished { outcome },
        } => Some(outcome.clone()),
        _ => None,
    });
    outcomes.into_iter().next_back()
}

fn learn_url(stage: &mut Stage, ended: &CommandOutput) {
    let urls = ended.all(|event| match event {
        Event::Url { url } => Some(url.clone()),
        _ => None,
    });
    if let Some(url) = urls.into_iter().next_back() {
        stage.url = url;
    }
}

/// What answers now.
fn serving(stage: &Stage) -> Option<u32> {
    stage.wait(ask_once(&stage.url)).ok()?.version
}

fn budget(stage: &Stage) -> String {
    format!("--budget={}", stage.budget)
}

fn up(stage: &mut Stage, asked: &[Id]) -> (Seen, Vec<Finding>) {
    let app = stage.next_version(Mode::Good);
    let (budget, ttl) = (budget(stage), format!("--ttl={TTL_HOURS}h"));
    let mut all: Vec<&str> = words(stage, &["up", "--yes"]);
    all.extend([budget.as_str(), ttl.as_str()]);
    let ended = stage.landfall(&app, &all);
    learn_url(stage, &ended);
    let seen = expect(&ended, Exit::Done).and_then(|()| is_version(stage, stage.newest()));
    let found = asked
        .contains(&Id::LoginProfile)
        .then(|| login_profile(stage, &ended));
    (seen, found.into_iter().collect())
}

fn is_version(stage: &Stage, wanted: u32) -> Seen {
    match serving(stage) {
        Some(version) if version == wanted => {
            Ok(format!("version {version} answers at {}", stage.url))
        }
        other => Err(format!(
            "{} answers with version {other:?} instead of {wanted}",
            stage.url
        )),
    }
}

fn again(stage: &mut Stage) -> (Seen, Vec<Finding>) {
    let app = stage.good_version();
    let budget = budget(stage);
    let turned = stage.turned(Id::SecondUp);
    let mut all: Vec<&str> = words(stage, &["up", "--yes"]);
    all.push(budget.as_str());
    let ended = stage.landfall(&app, &all);
    drop(turned);
    let changes = ended.all(|event| match event {
        Event::Planned { root, changes, .. } => {
            let one = |change: &rules::shape::plan::Change| {
                format!("{:?} {} in {root}", change.action, change.address).to_lowercase()
            };
            Some(changes.iter().map(one).collect::<Vec<_>>())
        }
        _ => None,
    });
    let plans = changes.len();
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    let answered = match changes.is_empty() {
        true => format!("no change in {plans} roots"),
        false => changes.join(", "),
    };
    let evidence = vec![Evidence::new("landfall up, the second time", answered)];
    let observed = match plans {
        0 => Observation::Unasked(format!("nothing was planned: {}", failure(&ended))),
        _ => Observation::Changes(changes),
    };
    let found = Finding::new(Id::SecondUp, observed, evidence);
    let seen = expect(&ended, Exit::Done).map(|()| format!("{plans} roots were planned"));
    (seen, vec![found])
}

fn preview(stage: &Stage) -> Seen {
    let app = stage.good_version();
    let budget = budget(stage);
    let planned = stage.landfall(&app, &["plan", &budget]);
    expect(&planned, Exit::Done)?;
    let ci = [
        "ci",
        "github",
        "--no-apply",
        "--repository",
        "example/landfall-test",
    ];
    let written = stage.landfall(&app, &ci);
    expect(&written, Exit::Done)?;
    Ok("`plan` and `ci github --no-apply` end well".to_owned())
}

/// Runs a command while users send requests. A version that replaces one with users is not promoted without any.
fn with_users(stage: &Stage, app: &App, words: &[&str]) -> (CommandOutput, Vec<Request>) {
    let users = Users::start(stage.runtime.handle(), &stage.url);
    let ended = stage.landfall(app, words);
    (ended, users.stop(stage.runtime.handle()))
}

fn counted(requests: &[Request]) -> String {
    format!(
        "{} requests of users, {} lost",
        requests.len(),
        lost(requests)
    )
}

fn release(stage: &mut Stage) -> (Seen, Vec<Finding>) {
    let (from, app) = (stage.newest(), stage.next_version(Mode::Good));
    let turned = stage.turned(Id::RoutingDelay);
    let (ended, requests) = with_users(stage, &app, &words(stage, &["up", "--yes"]));
    drop(turned);
    let seen = expect(&ended, Exit::Done)
        .and_then(|()| match outcome(&ended) {
            Some(Outcome::Serving { .. }) => is_version(stage, stage.newest()),
            other => Err(format!("the release ended with {other:?}")),
        })
        .map(|what| format!("{what}; {}", counted(&requests)));
    let shifted = ended
        .steps()
        .into_iter()
        .rev()
        .find_map(|(at, step)| match step {
            ReleaseStep::Shift { share: 100, .. } => Some(at),
            _ => None,
        });
    let found = match shifted {
        Some(at) => routing(&requests, at, from),
        None => Finding::unasked(
            Id::RoutingDelay,
            format!("no shift was seen: {}", failure(&ended)),
        ),
    };
    (seen, vec![found])
}

/// When the old version last answered a request that was sent after the last shift.
fn routing(requests: &[Request], shifted: Timestamp, old: u32) -> Finding {
    let later: Vec<&Request> = requests.iter().filter(|one| one.sent > shifted).collect();
    let last = later.iter().rev().find(|one| one.version == Some(old));
    let after = last.map_or(0.0, |one| one.sent.since(shifted).as_secs_f64());
    let asked = format!(
        "GET of users during the release; the last shift at {}",
        shifted.rfc3339()
    );
    let answered = format!(
        "version {old} last answered {after:.1} s later, of {} requests",
        later.len()
    );
    let observed = Observation::Routed {
        after,
        requests: later.len(),
    };
    Finding::new(
        Id::RoutingDelay,
        observed,
        vec![Evidence::new(asked, answered)],
    )
}

fn bad(stage: &mut Stage) -> Seen {
    let (serves, app) = (stage.newest(), stage.failing_version(Mode::Crash));
    let (ended, requests) = with_users(stage, &app, &words(stage, &["up", "--yes"]));
    expect(&ended, Exit::RolledBack)?;
    let cause = match outcome(&ended) {
        Some(Outcome::RolledBack { cause, .. }) => format!("{cause:?}"),
        other => return Err(format!("the release ended with {other:?}")),
    };
    let what = is_version(stage, serves)?;
    match lost(&requests) {
        0 => Ok(format!(
            "rolled back, because of {cause}; {what}; {}",
            counted(&requests)
        )),
        _ => Err(format!("users noticed: {}", counted(&requests))),
    }
}

fn rollback(stage: &mut Stage) -> Seen {
    let began = Instant::now();
    while began.elapsed() < stage.options.rest && !interrupt::is_interrupted() {
        std::thread::sleep(Duration::from_secs(1));
    }
    let before = serving(stage);
    let app = stage.good_version();
    let (ended, requests) = with_users(stage, &app, &["rollback"]);
    expect(&ended, Exit::Done)?;
    let now = serving(stage);
    if now.is_none() || now == before {
        return Err(format!(
            "version {now:?} answers after the rollback from {before:?}"
        ));
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    Ok(format!(
        "from version {before:?} to {now:?} in {minutes:.1} min with the rest; {}",
        counted(&requests)
    ))
}

fn secrets(stage: &mut Stage) -> Seen {
    let value = format!("hello-{:08x}", fastrand::u32(..));
    stage
        .manifest
        .push_str(&format!("secrets = [\"{SECRET}\"]\n"));
    let app = stage.next_version(Mode::Shows(SECRET));
    let set = stage.landfall_with(&app, &["secrets", "set", SECRET], &format!("{value}\n"));
    expect(&set, Exit::Done)?;
    let budget = budget(stage);
    let mut all: Vec<&str> = words(stage, &["up", "--yes"]);
    all.push(budget.as_str());
    let (ended, _) = with_users(stage, &app, &all);
    expect(&ended, Exit::Done)?;
    let answer = stage.wait(ask_once(&stage.url))?;
    match answer.body.contains(&value) {
        true => Ok(format!(
            "the app of version {:?} has the value",
            answer.version
        )),
        false => Err("the app does not answer with the secret's value".to_owned()),
    }
}

fn domain(stage: &mut Stage) -> Seen {
    let Some(domain) = stage.options.domain.clone() else {
        return Err("no domain is given".to_owned());
    };
    if !stage.manifest.contains("domain =") {
        stage.manifest.push_str(&format!("domain = \"{domain}\"\n"));
    }
    let app = stage.good_version();
    let budget = budget(stage);
    let (ended, _) = with_users(stage, &app, &["up", "--yes", &budget]);
    expect(&ended, Exit::Done)?;
    learn_url(stage, &ended);
    match stage.url.contains(&domain) {
        true => is_version(stage, stage.newest()),
        false => Err(format!("the address is still {}", stage.url)),
    }
}

fn move_to(stage: &mut Stage, target: Target) -> Seen {
    let mode = match stage.manifest.contains(SECRET) {
        true => Mode::Shows(SECRET),
        false => Mode::Good,
    };
    let app = stage.next_version(mode);
    let (budget, to) = (budget(stage), format!("--to={target}"));
    let mut all: Vec<&str> = words(stage, &["move", "--yes"]);
    all.extend([budget.as_str(), to.as_str()]);
    // The version of the other target has no users yet, so nothing is compared.
    let ended = stage.landfall(&app, &all);
    learn_url(stage, &ended);
    expect(&ended, Exit::Done)?;
    stage.target = target;
    is_version(stage, stage.newest())
}

/// The kind of the caller's profile, and whether the first `up` worked with it.
fn login_profile(stage: &Stage, ended: &CommandOutput) -> Finding {
    let unasked = |why: &str| Finding::unasked(Id::LoginProfile, why);
    if stage.is_rehearsal() {
        return unasked("a rehearsal uses credentials of its own");
    }
    let config = std::env::var_os("AWS_CONFIG_FILE")
        .map(std::path::PathBuf::from)
        .or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(std::path::Path::new(&home).join(".aws/config"))
        });
    let text = config
        .and_then(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let named = stage
        .options
        .profile
        .clone()
        .or_else(|| std::env::var("AWS_PROFILE").ok());
    let has_keys =
        stage.options.profile.is_none() && std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    if has_keys || !uses_login(&text, named.as_deref().unwrap_or("default")) {
        return unasked("the caller's credentials are not those of `aws login`");
    }
    let evidence = vec![Evidence::new(
        "landfall up with a profile of `aws login`",
        failure(ended),
    )];
    let observed = match ended.code == i32::from(Exit::Access.code()) {
        true => Observation::Call(Err(crate::observation::Refusal {
            is_denied: true,
            message: failure(ended),
        })),
        false => Observation::Call(Ok(())),
    };
    Finding::new(Id::LoginProfile, observed, evidence)
}

/// Whether a profile of an AWS configuration has the key `login_session`.
fn uses_login(config: &str, profile: &str) -> bool {
    let heads = [format!("[{profile}]"), format!("[profile {profile}]")];
    let mut is_inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            is_inside = heads.iter().any(|head| head == line);
        } else if is_inside && line.split('=').next().map(str::trim) == Some("login_session") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_aws_login_is_recognized() {
        let config =
            "[default]\nregion = r\n[profile a]\nlogin_session = arn\n[profile b]\nregion=r\n";
        assert!(uses_login(config, "a"));
        assert!(!uses_login(config, "b"));
        assert!(!uses_login(config, "default"));
        assert!(uses_login("[default]\nlogin_session=x", "default"));
    }

    #[test]
    fn the_delay_of_routing_is_that_of_the_old_version() {
        let request = |at: u64, version| Request {
            sent: Timestamp(at),
            status: Some(200),
            version: Some(version),
        };
        let requests = [
            request(900, 1),
            request(1_500, 2),
            request(3_000, 1),
            request(4_000, 2),
        ];
        let found = routing(&requests, Timestamp(1_000), 1);
        let expected = Observation::Routed {
            after: 2.0,
            requests: 3,
        };
        assert_eq!(found.observed, expected);
    }
}
