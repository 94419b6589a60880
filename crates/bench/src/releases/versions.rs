//! Good and bad versions under load: how their releases end, and what users notice.

use super::Plan;
use super::figures::{Row, Table, median, most};
use super::stage::{
    APP, PER_SECOND, Released, Stage, is_full, is_promotion, is_rollback, is_shift,
};
use testkit::Mode;

/// Requests that a version answers well before it turns bad: by then it has half of the users.
const GOOD: u32 = 120;

/// A version as good as the one before.
pub(crate) fn good(stage: &mut Stage, _: &Plan) -> Result<Table, String> {
    let released = stage.release(APP, PER_SECOND, &[]);
    let seconds = |is_it| released.until(is_it).unwrap_or(f64::NAN);
    let mut rows = vec![
        Row::words("outcome", released.outcome()).is("promoted on users' requests"),
        Row::number(
            "from the start of `landfall up` to the first users, s",
            seconds(is_shift),
            1,
        ),
        Row::number("… to the promotion, s", seconds(is_promotion), 1),
        Row::number("… to 100% of users, s", seconds(is_full), 1),
    ];
    rows.extend(of_users(&released));
    Ok(Table::new("a version as good as the one before", rows).remarks(surprises(&released)))
}

/// A version that always fails.
pub(crate) fn dead(stage: &mut Stage, _: &Plan) -> Result<Table, String> {
    let released = stage.release(Mode::Errs(100), PER_SECOND, &[]);
    let mut rows = bad(&released);
    rows.push(
        Row::count("users' requests that it answered", released.hits().count()).at_most(10.0),
    );
    rows.extend(of_users(&released));
    Ok(Table::new("a version that always fails", rows).remarks(surprises(&released)))
}

/// A version that fails three times as often.
pub(crate) fn worse(stage: &mut Stage, _: &Plan) -> Result<Table, String> {
    let released = stage.release(Mode::Errs(30), PER_SECOND, &[]);
    let mut rows = bad(&released);
    rows.extend(of_bad(&released));
    rows.extend(of_users(&released));
    Ok(Table::new("a version that fails 30%", rows).remarks(surprises(&released)))
}

/// A version that answers well, but 50 ms later.
pub(crate) fn slow(stage: &mut Stage, _: &Plan) -> Result<Table, String> {
    let released = stage.release(Mode::Takes(50), PER_SECOND, &[]);
    let mut rows = bad(&released);
    rows.extend(of_bad(&released));
    rows.extend(of_users(&released));
    Ok(Table::new("a version that answers well after 50 ms", rows).remarks(surprises(&released)))
}

/// Versions that turn bad when they have half of the users.
pub(crate) fn latency(stage: &mut Stage, plan: &Plan) -> Result<Table, String> {
    let (mut delays, mut found, mut hits, mut lost) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut rolled_back, mut remarks) = (0, Vec::new());
    for _ in 0..plan.turns {
        let released = stage.release(Mode::Turns(GOOD), PER_SECOND, &[]);
        remarks.extend(surprises(&released));
        lost += released.requests.lost();
        let Some(decided) = released.at(is_rollback) else {
            continue;
        };
        rolled_back += 1;
        let of_it = released.hits();
        let last = of_it
            .last()
            .map_or(0.0, |last| last.since(decided).as_secs_f64());
        delays.push(last);
        let failed = of_it.0.iter().filter(|visit| visit.is_error());
        let mut failed = failed.map(|visit| visit.sent);
        if let Some(first) = failed.next() {
            found.push(decided.since(first).as_secs_f64());
            hits.push(1.0 + failed.count() as f64);
        }
    }
    let rows = vec![
        Row::words("rolled back", format!("{rolled_back} of {}", plan.turns))
            .is(&format!("{0} of {0}", plan.turns)),
        Row::number(
            "from the decision to the last user's request that it got, s: median",
            median(&delays),
            2,
        )
        .at_most(1.0),
        Row::number("… longest", most(&delays), 2).at_most(1.0),
        Row::number(
            "from the first error that a user saw to the decision, s: median",
            median(&found),
            2,
        ),
        Row::number(
            "users' requests that saw an error: median",
            median(&hits),
            0,
        ),
        Row::count("users' requests lost", lost).at_most(0.0),
    ];
    Ok(Table::new("versions that turn bad with half of the users", rows).remarks(remarks))
}

/// Version after version with the same behaviour.
pub(crate) fn same(stage: &mut Stage, plan: &Plan) -> Result<Table, String> {
    let (mut promoted, mut requests, mut lost, mut errors) = (0, 0, 0, 0);
    let (mut times, mut remarks) = (Vec::new(), Vec::new());
    for _ in 0..plan.same {
        let released = stage.release(APP, PER_SECOND, &["--minimum=5s", "--bake=5s"]);
        remarks.extend(surprises(&released));
        promoted += u32::from(released.outcome().starts_with("promoted"));
        requests += released.requests.count();
        lost += released.requests.lost();
        errors += released.requests.errors();
        times.extend(released.until(is_promotion));
    }
    let rows = vec![
        Row::words("promoted", format!("{promoted} of {}", plan.same))
            .is(&format!("{0} of {0}", plan.same)),
        Row::count("users' requests", requests),
        Row::count("… lost", lost).at_most(0.0),
        Row::count("… that saw an error of the app", errors),
        Row::number(
            "from the start of `landfall up` to the promotion, s: median",
            median(&times),
            1,
        ),
        Row::number("… longest", most(&times), 1),
    ];
    let title = "the same behaviour again and again, `--minimum 5s --bake 5s`";
    Ok(Table::new(title, rows).remarks(remarks))
}

/// The rows of a version that should be rolled back.
fn bad(released: &Released) -> Vec<Row> {
    let mut rows = vec![
        Row::words("outcome", released.outcome()).is("rolled back"),
        Row::words("cause", released.why()),
    ];
    if let (Some(shift), Some(back)) = (released.at(is_shift), released.at(is_rollback)) {
        let seconds = back.since(shift).as_secs_f64();
        rows.push(Row::number(
            "from the first users to the decision, s",
            seconds,
            1,
        ));
    }
    let decided = released.until(is_rollback).unwrap_or(f64::NAN);
    rows.push(Row::number(
        "from the start of `landfall up` to the decision, s",
        decided,
        1,
    ));
    rows
}

fn of_bad(released: &Released) -> Vec<Row> {
    let hits = released.hits();
    let mut rows = vec![
        Row::count("users' requests that it answered", hits.count()),
        Row::count("… that saw an error", hits.errors()),
    ];
    if let Some(arm) = released.counted() {
        let name = "… as its edges had reported by the last look";
        rows.insert(1, Row::number(name, arm.requests as f64, 0));
    }
    rows
}

fn of_users(released: &Released) -> Vec<Row> {
    vec![
        Row::count(
            "users' requests during the command",
            released.requests.count(),
        ),
        Row::count("… lost", released.requests.lost()).at_most(0.0),
        Row::count(
            "… that saw an error of the app, of either version",
            released.requests.errors(),
        ),
    ]
}

/// Requests that were lost, and when, for the search of the reason.
fn surprises(released: &Released) -> Vec<String> {
    let steps = released.ended.steps();
    let lost = released.requests.0.iter().filter(|visit| visit.is_lost());
    lost.take(5)
        .map(|visit| {
            let before = steps.iter().rev().find(|(at, _)| *at <= visit.sent);
            let step = before.map(|(at, step)| (visit.sent.since(*at), step));
            let took = visit.ended.since(visit.sent);
            let (status, version) = (visit.status, released.version);
            format!("version {version}: lost with {status:?} after {took:?}, so long after a step: {step:?}")
        })
        .collect()
}
