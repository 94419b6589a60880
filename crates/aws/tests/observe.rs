//! What a release reads in addition to ECS and the load balancer: logs, metrics, alarms and budgets
//! of emulators.

mod emulators;

use aws::{Alarms, Budgets, Endpoints, Logs, Metrics, Session};
use aws_sdk_budgets::types::{Budget, BudgetType, Spend, TimeUnit};
use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, MetricDatum, StateValue, Statistic,
};
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_smithy_types::DateTime;
use edge_contract::bucket::{Attempts, Bucket};
use edge_contract::log_window::{Skipped, ask_since};
use edge_contract::summary::{Collection, Kind, Summary, VERSION};
use emulators::{ACCOUNT, REGION, config};
use rules::app::manifest::{AppName, EnvironmentName};
use rules::app::names::{Names, Slot, Slots};
use rules::release::minute_counts::{MINUTE_MS, Minute, windows};
use rules::shape::contract::FargateOutputs;
use rules::time::Timestamp;
use std::collections::BTreeMap;
use std::time::SystemTime;
use testkit::Sandbox;

/// Emulators without a deployment.
struct Stage {
    main: String,
    second: String,
    _sandbox: Sandbox,
}

impl Stage {
    fn new() -> Stage {
        let sandbox = Sandbox::shared().with_emulators();
        let (main, second) = sandbox.emulators();
        Stage {
            main,
            second,
            _sandbox: sandbox,
        }
    }

    async fn session(&self, main: &str) -> Session {
        let endpoints = Endpoints {
            main: main.to_owned(),
            second: self.second.clone(),
        };
        let session = Session::open(None, Some(REGION), Some(endpoints)).await;
        session.expect("a session")
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Timestamp(u64::try_from(since.expect("a clock").as_millis()).expect("milliseconds"))
}

fn names(environment: &str) -> Names {
    Names::new(
        AppName::parse("watched").expect("a name"),
        EnvironmentName::parse(environment).expect("an environment"),
    )
}

/// A summary line of `task` about one second.
fn line(task: &str, taken_at: Timestamp, second: u64, total: u64) -> String {
    let first = Attempts {
        total,
        ..Attempts::default()
    };
    let bucket = Bucket {
        first,
        ..Bucket::default()
    };
    Summary {
        landfall: Kind::Summary,
        v: VERSION,
        task: task.to_owned(),
        revision: "3f2e".to_owned(),
        started_at: Timestamp(1_000),
        taken_at,
        deadline_ms: 30_000,
        restarts: 0,
        buckets: BTreeMap::from([(second, bucket)]),
    }
    .to_line()
}

struct Stream<'a> {
    logs: &'a aws_sdk_cloudwatchlogs::Client,
    group: String,
    name: String,
}

impl<'a> Stream<'a> {
    async fn new(logs: &'a aws_sdk_cloudwatchlogs::Client, group: &str, task: &str) -> Stream<'a> {
        let name = format!("app/app/{task}");
        logs.create_log_stream()
            .log_group_name(group)
            .log_stream_name(&name)
            .send()
            .await
            .expect("a stream");
        Stream {
            logs,
            group: group.to_owned(),
            name,
        }
    }

    /// Writes lines in batches of at most 1 MB.
    async fn write(&self, lines: &[(Timestamp, String)]) {
        for batch in lines.chunks(2_500) {
            let events = batch.iter().map(|(time, message)| {
                InputLogEvent::builder()
                    .timestamp(i64::try_from(time.0).expect("a time"))
                    .message(message)
                    .build()
                    .expect("an event")
            });
            self.logs
                .put_log_events()
                .log_group_name(&self.group)
                .log_stream_name(&self.name)
                .set_log_events(Some(events.collect()))
                .send()
                .await
                .expect("lines");
        }
    }
}

/// First attempts over all seconds.
fn attempts(collection: &Collection) -> u64 {
    let seconds = collection.seconds("3f2e");
    let of = |second| collection.second("3f2e", second).first.total;
    seconds.into_iter().map(of).sum()
}

/// Reads until there are, with those of `before`, so many attempts, since lines can be read some time after they were
/// written.
async fn read_until(
    logs: &Logs,
    since: Timestamp,
    before: &Collection,
    expected: u64,
) -> (Collection, Skipped) {
    for _ in 0..40 {
        let (found, skipped) = logs.summaries(since).await.expect("summaries");
        let mut all = before.clone();
        all.merge(found.clone());
        if attempts(&all) == expected {
            return (found, skipped);
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    logs.summaries(since).await.expect("summaries")
}

/// Writes summaries of two tasks for `seconds` seconds, each twice, early and late, some of the
/// late ones repeated; between them lines of the app, broken ones and ones of a future version.
/// Reads them, and reads again after a late line.
async fn summaries_are_read(endpoint: &str, session: &Session, seconds: u64) {
    let config = config(endpoint).await;
    let client = aws_sdk_cloudwatchlogs::Client::new(&config);
    let group = names("prod").log_group();
    let logs = Logs::new(session, &group);
    let since = Timestamp(now().0 - 600_000);
    let none = logs.summaries(since).await.expect("no group has no lines");
    assert_eq!(none, (Collection::default(), Skipped::default()));

    client
        .create_log_group()
        .log_group_name(&group)
        .send()
        .await
        .expect("a log group");
    let begin = since.0 / 1_000 + 1;
    let at = |number: u64| Timestamp(since.0 + number * 500_000 / seconds);
    let mut streams = Vec::new();
    for task in ["0a1b", "2c3d"] {
        let stream = Stream::new(&client, &group, task).await;
        let mut lines = vec![(Timestamp(since.0 - 1), line(task, since, 1, 1_000))];
        for number in 0..seconds {
            let time = at(number);
            let second = begin + number;
            let early = line(task, Timestamp(second * 1_000), second, 1);
            let late = line(task, Timestamp(second * 1_000 + 900), second, 2);
            // For every other second, the later line comes first.
            let (one, two) = match number % 2 {
                0 => (early, late),
                _ => (late, early),
            };
            lines.push((time, one));
            lines.push((time, two));
            if number % 10 == 0 {
                let good = line(task, Timestamp(second * 1_000 + 999), second, 9);
                lines.push((time, lines[lines.len() - 1].1.clone()));
                lines.push((time, "GET /summary 200 {".to_owned()));
                lines.push((time, r#"{"landfall":"started","v":1}"#.to_owned()));
                lines.push((time, r#"{"level":"info","summary":"landfall"}"#.to_owned()));
                lines.push((time, good.replace("\"task\"", "\"tusk\"")));
                lines.push((time, good.replace("\"v\":1", "\"v\":2")));
                lines.push((time, good[..good.len() - 9].to_owned()));
            }
        }
        stream.write(&lines).await;
        streams.push(stream);
    }

    let (mut all, skipped) =
        read_until(&logs, since, &Collection::default(), seconds * 2 * 2).await;
    assert_eq!(all.tasks().count(), 2);
    assert_eq!(all.seconds("3f2e").len() as u64, seconds);
    assert_eq!(attempts(&all), seconds * 2 * 2);
    let bad = 2 * seconds.div_ceil(10);
    let expected = Skipped {
        broken: bad,
        unknown_version: bad,
    };
    assert_eq!(skipped, expected);

    // A line with an earlier time than those that were read, and one that was read already.
    let asked = at(seconds);
    let late = line("0a1b", now(), begin, 5);
    let again = line("0a1b", Timestamp(begin * 1_000 + 900), begin, 2);
    let time = Timestamp(asked.0 - 30_000);
    streams[0].write(&[(time, again), (time, late)]).await;
    let (more, _) = read_until(
        &logs,
        ask_since(since, Some(asked)),
        &all,
        seconds * 2 * 2 + 3,
    )
    .await;
    assert!(more.seconds("3f2e").len() < all.seconds("3f2e").len());
    all.merge(more);
    assert_eq!(attempts(&all), seconds * 2 * 2 + 3);
    logs.delete().await.expect("deleted");
}

#[tokio::test]
async fn summaries_come_from_every_page_of_the_log_and_count_once() {
    let stage = Stage::new();
    // More than the 10,000 lines of a page; this emulator applies the pattern.
    let session = stage.session(&stage.main).await;
    summaries_are_read(&stage.main, &session, 3_000).await;
    // This emulator ignores a JSON pattern, and has no pages.
    let session = stage.session(&stage.second).await;
    summaries_are_read(&stage.second, &session, 200).await;
}

fn outputs() -> FargateOutputs {
    let arn = |end: &str| format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{end}");
    FargateOutputs {
        url: String::new(),
        distribution_id: String::new(),
        load_balancer_arn: arn("loadbalancer/app/watched-prod/50dc6c495c0c9188"),
        load_balancer_dns_name: String::new(),
        listener_arn: String::new(),
        slot_rules: Slots::default(),
        cluster: String::new(),
        services: Slots::default(),
        target_groups: Slots {
            blue: arn("targetgroup/watched-prod-blue/73e2d6bc24d8a067"),
            green: arn("targetgroup/watched-prod-green/0123456789abcdef"),
        },
        subnets: Vec::new(),
        task_security_group: String::new(),
    }
}

/// Counts as the load balancer reports them: one data point for each of its nodes, none for a zero.
async fn count(cloudwatch: &aws_sdk_cloudwatch::Client, slot: Slot, minute: u64, counts: Minute) {
    let outputs = outputs();
    let end = |arn: &str| arn.rsplit(':').next().expect("an ARN").to_owned();
    let load_balancer = end(&outputs.load_balancer_arn).replace("loadbalancer/", "");
    let group = end(outputs.target_groups.of(slot));
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let metrics = [
        ("RequestCount", counts.requests),
        ("HTTPCode_Target_5XX_Count", counts.errors),
        ("TargetConnectionErrorCount", counts.unconnected),
    ];
    let mut data = Vec::new();
    for (name, value) in metrics {
        for (node, part) in [(7, value / 2), (31, value - value / 2)] {
            if part == 0 {
                continue;
            }
            let at = i64::try_from(minute * 60 + node).expect("a time");
            let datum = MetricDatum::builder()
                .metric_name(name)
                .dimensions(dimension("LoadBalancer", &load_balancer))
                .timestamp(DateTime::from_secs(at))
                .value(part as f64);
            data.push(
                datum
                    .clone()
                    .dimensions(dimension("TargetGroup", &group))
                    .build(),
            );
            // The same requests without the dimension of target groups are another metric.
            data.push(datum.build());
        }
    }
    cloudwatch
        .put_metric_data()
        .namespace("AWS/ApplicationELB")
        .set_metric_data(Some(data))
        .send()
        .await
        .expect("counts");
}

#[tokio::test]
async fn counts_of_the_load_balancer_are_read_for_each_slot() {
    let stage = Stage::new();
    let session = stage.session(&stage.main).await;
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&config(&stage.main).await);
    let counts = |requests, errors, unconnected| Minute {
        requests,
        errors,
        unconnected,
    };
    let first = now().0 / MINUTE_MS - 60;
    let blue = [
        (0, counts(1_201, 3, 0)),
        (1, counts(900, 0, 0)),
        (4, counts(5, 0, 0)),
    ];
    let green = [(0, counts(60, 41, 7)), (3, counts(1, 0, 0))];
    for (slot, minutes) in [(Slot::Blue, &blue[..]), (Slot::Green, &green[..])] {
        for (number, minute) in minutes {
            count(&cloudwatch, slot, first + number, *minute).await;
        }
    }

    let metrics = Metrics::new(&session, &outputs()).expect("metrics");
    let at = |minute: u64, millis| Timestamp((first + minute) * MINUTE_MS + millis);
    // From the middle of the first minute to the middle of the fifth, which has not ended.
    let (since, until) = (at(0, 30_000), at(4, 59_999));
    let minutes = metrics.minutes(since, until).await.expect("minutes");
    let expected = |minutes: &[(u64, Minute)]| -> BTreeMap<u64, Minute> {
        let ended = minutes.iter().filter(|(number, _)| *number < 4);
        ended
            .map(|(number, minute)| (first + number, *minute))
            .collect()
    };
    assert_eq!(minutes.blue, expected(&blue));
    assert_eq!(minutes.green, expected(&green));
    let compared = windows(&minutes, Slot::Green, at(0, 0), at(6, 0));
    let seen: Vec<_> = compared
        .iter()
        .map(|window| {
            let minute = window.minute - first;
            let (old, new) = (window.old, window.new);
            (minute, old.total, old.errors, new.total, new.errors)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (0, 1_201, 3, 60, 48),
            (1, 900, 0, 0, 0),
            (2, 0, 0, 0, 0),
            (3, 0, 0, 1, 0)
        ]
    );
    let nothing = metrics.minutes(until, since).await.expect("no minutes");
    assert_eq!(nothing, Slots::default());
}

async fn alarm(cloudwatch: &aws_sdk_cloudwatch::Client, name: &str, topic: &str, fires: bool) {
    cloudwatch
        .put_metric_alarm()
        .alarm_name(name)
        .alarm_actions(format!("arn:aws:sns:{REGION}:{ACCOUNT}:{topic}"))
        .namespace("AWS/ApplicationELB")
        .metric_name("UnHealthyHostCount")
        .statistic(Statistic::Maximum)
        .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
        .threshold(1.0)
        .evaluation_periods(3)
        .period(60)
        .treat_missing_data("ignore")
        .send()
        .await
        .expect("an alarm");
    cloudwatch
        .set_alarm_state()
        .alarm_name(name)
        .state_value(match fires {
            true => StateValue::Alarm,
            false => StateValue::Ok,
        })
        .state_reason(format!("planted: {name}"))
        .send()
        .await
        .expect("a state");
}

#[tokio::test]
async fn firing_alarms_are_read_with_time_and_reason() {
    let stage = Stage::new();
    let session = stage.session(&stage.main).await;
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&config(&stage.main).await);
    let names = names("prod");
    let alarms = Alarms::new(&session, &names);
    assert_eq!(alarms.firing().await.expect("alarms"), []);

    let topic = names.alarm_topic();
    alarm(&cloudwatch, "watched-prod-blue-unhealthy", &topic, false).await;
    let before = now();
    alarm(&cloudwatch, "watched-prod-green-unhealthy", &topic, true).await;
    let after = now();
    // Another environment whose name has the same prefix, and more alarms than fit on a page.
    let other = self::names("prod-2").alarm_topic();
    alarm(&cloudwatch, "watched-prod-2-blue-unhealthy", &other, true).await;
    for number in 0..110 {
        let name = format!("watched-prod-many-{number:03}");
        alarm(&cloudwatch, &name, &topic, true).await;
    }

    let firing = alarms.firing().await.expect("alarms");
    assert_eq!(firing.len(), 111);
    let one = firing.first().expect("one");
    assert_eq!(one.name, "watched-prod-green-unhealthy");
    assert_eq!(one.reason, "planted: watched-prod-green-unhealthy");
    let since = one.since.expect("a time");
    // The service may return whole seconds.
    assert!(
        before.0 / 1_000 <= since.0 / 1_000 && since <= after,
        "{since:?}"
    );
    assert_eq!(firing[110].name, "watched-prod-many-109");
}

async fn budget(budgets: &aws_sdk_budgets::Client, name: &str, limit: &str) {
    let limit = Spend::builder().amount(limit).unit("USD").build();
    let budget = Budget::builder()
        .budget_name(name)
        .budget_type(BudgetType::Cost)
        .time_unit(TimeUnit::Monthly)
        .budget_limit(limit.expect("a limit"))
        .build()
        .expect("a budget");
    budgets
        .create_budget()
        .account_id(ACCOUNT)
        .budget(budget)
        .send()
        .await
        .expect("a budget");
}

#[tokio::test]
async fn an_exceeded_budget_is_reported() {
    let stage = Stage::new();
    let session = stage.session(&stage.main).await;
    let client = aws_sdk_budgets::Client::new(&config(&stage.second).await);
    let budgets = Budgets::new(&session, ACCOUNT);
    assert_eq!(budgets.exceeded("watched-prod").await.expect("none"), None);
    budget(&client, "watched-prod", "10").await;
    assert_eq!(budgets.exceeded("watched-prod").await.expect("kept"), None);
    // In an emulator nothing is ever spent, so only a negative limit, which AWS would reject, is
    // exceeded.
    budget(&client, "watched-less", "-1.5").await;
    let exceeded = budgets.exceeded("watched-less").await.expect("a budget");
    let exceeded = exceeded.expect("exceeded");
    assert_eq!((exceeded.limit, exceeded.actual), (-1.5, 0.0));
    assert_eq!((exceeded.forecast, exceeded.unit.as_str()), (None, "USD"));
}
