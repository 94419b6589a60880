//! The shutdown of a task under load.

mod stage;

use stage::{Client, setup};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[test]
fn health_reports_the_drain_at_once_and_users_are_still_served() {
    let mut stage = setup().set("LEAD_MS", "60000").ready();
    let mut kept = stage.connect();
    assert_eq!(kept.get("/").header("connection"), None);
    stage.signal("TERM");
    stage.until("health says so", || stage.health() == Some(503));
    assert_eq!(stage.get("/.landfall/health").status, 503);
    // All connections are asked to close after their next answer.
    let answer = kept.get("/");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert!(kept.is_closed());
    let answer = stage.get("/");
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    // A second SIGTERM skips the lead time.
    stage.signal("TERM");
    assert_eq!(stage.exit_code(), 0);
}

#[test]
fn requests_in_flight_end_before_the_app() {
    let mut stage = setup().set("DRAIN_MS", "60000").ready();
    let mut held = stage.connect();
    held.write("GET /hold/a HTTP/1.1\r\nhost: app\r\n\r\n");
    stage.until("it is at the app", || stage.hits("a") == 1);
    stage.signal("TERM");
    stage.until("the door is closed", || {
        Client::try_connect(stage.address).is_none()
    });
    stage.app("/release/a");
    let answer = held.answer().expect("answer");
    assert_eq!((answer.status, answer.body.as_str()), (200, "released"));
    assert_eq!(stage.exit_code(), 0);
}

#[test]
fn requests_that_do_not_end_are_cut_off() {
    let mut stage = setup().set("DRAIN_MS", "100").ready();
    let mut held = stage.connect();
    held.write("GET /hold/a HTTP/1.1\r\nhost: app\r\n\r\n");
    stage.until("it is at the app", || stage.hits("a") == 1);
    stage.signal("TERM");
    assert!(held.is_closed());
    assert_eq!(stage.exit_code(), 0);
}

#[test]
fn a_websocket_gets_a_close_frame() {
    let mut stage = setup().set("DRAIN_MS", "60000").ready();
    let mut client = stage.connect();
    client.write(
        "GET /websocket HTTP/1.1\r\nhost: app\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    assert!(client.head().expect("head").starts_with("HTTP/1.1 101 "));
    // The close frame has to wait for the rest of this frame.
    client.write("\u{2}\u{6}abc");
    assert_eq!(client.bytes(5), b"\x02\x06abc");
    stage.signal("TERM");
    stage.until("the door is closed", || {
        Client::try_connect(stage.address).is_none()
    });
    client.write("def");
    assert_eq!(client.bytes(3), b"def");
    assert_eq!(client.bytes(4), edge::policy::websocket::GOING_AWAY);
    drop(client);
    assert_eq!(stage.exit_code(), 0);
}

#[test]
fn an_app_that_ignores_sigterm_is_killed() {
    let mut stage = setup()
        .set("STOP_MS", "100")
        .app(&["--ignore-term"])
        .ready();
    stage.signal("TERM");
    assert_eq!(stage.exit_code(), 137);
    assert!(stage.err().contains("killing it"), "{}", stage.err());
}

#[test]
fn nothing_is_lost_under_load() {
    for round in 0..5 {
        let mut stage = setup()
            .set("LEAD_MS", "100")
            .set("DRAIN_MS", "10000")
            .ready();
        let (sent, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for keeps_alive in [true, true, false, false] {
                let (stage, sent, lost, is_over) = (&stage, &sent, &lost, &is_over);
                scope.spawn(move || {
                    // A refused connection is the end; a request without an answer is lost.
                    while let Some(mut client) = Client::try_connect(stage.address) {
                        loop {
                            client.write("GET / HTTP/1.1\r\nhost: app\r\n\r\n");
                            sent.fetch_add(1, Ordering::SeqCst);
                            let Some(answer) =
                                client.answer().filter(|a| a.status == 200 && a.is_whole)
                            else {
                                lost.fetch_add(1, Ordering::SeqCst);
                                break;
                            };
                            if !keeps_alive || answer.header("connection") == Some("close") {
                                break;
                            }
                        }
                    }
                    is_over.store(true, Ordering::SeqCst);
                });
            }
            stage.until("the load is on", || sent.load(Ordering::SeqCst) > 500);
            stage.signal("TERM");
        });
        assert!(is_over.load(Ordering::SeqCst));
        assert_eq!(lost.load(Ordering::SeqCst), 0, "round {round}");
        assert_eq!(stage.exit_code(), 0);
    }
}
