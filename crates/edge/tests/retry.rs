//! What users get from an app that fails.

mod stage;

use stage::{Client, setup};

#[test]
fn a_get_is_retried_until_it_succeeds() {
    let stage = setup().ready();
    for status in [500, 502, 503, 504] {
        let answer = stage.get(&format!("/fail/{status}/4/a{status}"));
        assert_eq!(answer.status, 200);
        assert_eq!(stage.hits(&format!("a{status}")), 5);
    }
    let totals = stage.totals();
    assert_eq!((totals.first.total, totals.first.errors), (4, 4));
    assert_eq!(
        (totals.users.total, totals.users.errors(), totals.retries),
        (4, 0, 16)
    );
}

#[test]
fn other_errors_are_delivered() {
    let stage = setup().ready();
    for status in [404, 429, 501, 507] {
        assert_eq!(
            stage.get(&format!("/fail/{status}/1/b{status}")).status,
            status
        );
        assert_eq!(stage.hits(&format!("b{status}")), 1);
    }
}

#[test]
fn after_the_last_attempt_the_user_gets_the_app_s_answer() {
    let stage = setup().ready();
    let answer = stage.get("/fail/503/99/c");
    assert_eq!((answer.status, answer.body.as_str()), (503, "done"));
    assert_eq!(stage.hits("c"), 5);
    assert_eq!(stage.totals().users.app, 1);
}

#[test]
fn a_post_is_sent_once_unless_it_has_a_key() {
    let stage = setup().ready();
    assert_eq!(stage.post("/fail/500/1/d", "", "body").status, 500);
    assert_eq!(stage.hits("d"), 1);
    assert_eq!(stage.post("/reset/1/e", "", "body").status, 502);
    assert_eq!(stage.hits("e"), 1);
    assert_eq!(
        stage
            .post("/fail/500/1/f", "idempotency-key: 1\r\n", "body")
            .status,
        200
    );
    assert_eq!(stage.hits("f"), 2);
}

#[test]
fn a_connection_that_breaks_before_an_answer_is_retried() {
    let stage = setup().ready();
    assert_eq!(stage.get("/reset/4/g").status, 200);
    assert_eq!(stage.get("/reset/99/h").status, 502);
    assert_eq!(stage.hits("h"), 5);
    assert_eq!(stage.get("/garbage").status, 502);
    assert_eq!(stage.totals().users.unanswered, 2);
}

#[test]
fn an_earlier_answer_is_better_than_none() {
    let stage = setup().ready();
    let answer = stage.get("/once/500/i");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (500, "the app's own words")
    );
    assert_eq!(stage.hits("i"), 5);
}

#[test]
fn a_body_is_sent_again_in_full() {
    let stage = setup().ready();
    let body = "x".repeat(60_000);
    let put = |path: &str, body: &str| {
        let length = body.len();
        let request =
            format!("PUT {path} HTTP/1.1\r\nhost: app\r\ncontent-length: {length}\r\n\r\n{body}");
        stage.connect().send(&request)
    };
    assert_eq!(put("/fail/500/3/j", &body).status, 200);
    assert_eq!(stage.hits("j"), 4);
    // Longer than what is kept, so the first answer is final.
    assert_eq!(put("/fail/500/3/k", &"x".repeat(70_000)).status, 500);
    assert_eq!(stage.hits("k"), 1);
    let chunked = "PUT /fail/500/2/l HTTP/1.1\r\nhost: app\r\ntransfer-encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    assert_eq!(stage.connect().send(chunked).status, 200);
    assert_eq!(stage.hits("l"), 3);
}

#[test]
fn a_hanging_app_costs_no_more_than_the_deadline() {
    let stage = setup().set("DEADLINE_MS", "200").ready();
    assert_eq!(stage.get("/hang").status, 504);
}

#[test]
fn an_attempt_can_have_a_limit_of_its_own() {
    let stage = setup().set("TRY_MS", "100").set("TRIES", "2").ready();
    let answer = stage.get("/hang");
    assert_eq!(answer.status, 504);
    assert_eq!(stage.totals().retries, 1);
}

#[test]
fn an_outage_is_not_amplified() {
    let stage = setup().set("RETRY_BURST", "10").ready();
    let mut client = stage.connect();
    for _ in 0..300 {
        assert_eq!(client.get("/fail/500/100000/m").status, 500);
    }
    // 300 requests, a fifth as many retries, the burst, and the tokens of a few seconds.
    let hits = stage.hits("m");
    assert!((300 + 60..=300 + 60 + 10 + 30).contains(&hits), "{hits}");
    assert!(stage.totals().denied > 0);
}

#[test]
fn requests_wait_for_an_app_that_is_restarted() {
    let stage = setup().ready();
    for _ in 0..3 {
        let before = stage.app_pid();
        stage::signal(before, "KILL");
        // Right after the kill: some requests find the old connection broken, others none at all.
        for _ in 0..20 {
            assert_eq!(stage.get("/").status, 200);
        }
        assert_eq!(stage.post("/echo", "", "body").status, 200);
        stage.until("the app runs again", || stage.app_pid() != before);
    }
    assert_eq!(stage.totals().users.errors(), 0);
}

#[test]
fn a_kill_under_load_fails_no_request() {
    let stage = setup().ready();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = stage.connect();
                    (0..200).filter(|_| client.get("/").status != 200).count()
                })
            })
            .collect();
        for kill in 1..=3 {
            stage.until("the load goes on", || {
                stage.totals().users.total > kill * 300
            });
            stage::signal(stage.app_pid(), "KILL");
            stage.until("the app is restarted", || {
                stage.summary().restarts as u64 >= kill
            });
            stage.until("it answers", || {
                Client::try_connect(([127, 0, 0, 1], stage.app).into()).is_some()
            });
        }
        let failed: usize = workers
            .into_iter()
            .map(|worker| worker.join().expect("worker"))
            .sum();
        assert_eq!(failed, 0);
    });
}

#[test]
fn while_the_app_is_down_requests_fail_fast() {
    let stage = setup()
        .set("DEADLINE_MS", "300")
        .set("CONNECT_WAIT_MS", "0")
        .ready();
    stage.app("/hang-all");
    stage.until("the circuit opens", || {
        stage.get("/");
        stage
            .private("/.landfall/metrics")
            .body
            .contains("landfall_circuit_open 1")
    });
    stage.until("a request fails fast", || {
        let answer = stage.get("/");
        answer.status == 503 && answer.header("retry-after").is_some()
    });
    assert!(stage.totals().users.circuit > 0);
    // A request for its process id would hang too.
    stage::signal(child_of(stage.edge_pid()), "KILL");
    stage.until("requests succeed again", || stage.get("/").status == 200);
}

/// The only child of a process.
fn child_of(pid: u32) -> u32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).expect("children");
    children
        .split_whitespace()
        .next()
        .expect("a child")
        .parse()
        .expect("a number")
}

#[test]
fn requests_beyond_the_limit_are_rejected() {
    let stage = setup().set("LIMIT", "2").set("QUEUE_MS", "50").ready();
    let mut held: Vec<Client> = (0..2).map(|_| stage.connect()).collect();
    for client in &mut held {
        client.write("GET /hold/n HTTP/1.1\r\nhost: app\r\n\r\n");
    }
    stage.until("both are at the app", || stage.hits("n") == 2);
    let answer = stage.get("/");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(stage.totals().users.shed, 1);
    stage.app("/release/n");
    for client in &mut held {
        assert_eq!(client.answer().expect("answer").status, 200);
    }
    assert_eq!(stage.get("/").status, 200);
}

#[test]
fn rules_can_be_switched_off_below_a_path() {
    let stage = setup()
        .set("RULES", "/fail/500=-retry;/hold=-shed,-deadline")
        .set("LIMIT", "1")
        .set("QUEUE_MS", "50")
        .set("DEADLINE_MS", "200")
        .ready();
    assert_eq!(stage.get("/fail/500/1/o").status, 500);
    assert_eq!(stage.get("/fail/502/1/p").status, 200);
    let mut held: Vec<Client> = (0..3).map(|_| stage.connect()).collect();
    for client in &mut held {
        client.write("GET /hold/q HTTP/1.1\r\nhost: app\r\n\r\n");
    }
    stage.until("all are at the app", || stage.hits("q") == 3);
    // Longer than the usual deadline: another request has exceeded it meanwhile.
    assert_eq!(stage.get("/hang").status, 504);
    stage.app("/release/q");
    for client in &mut held {
        assert_eq!(client.answer().expect("answer").status, 200);
    }
}
