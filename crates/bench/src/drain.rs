//! SIGTERM under load: what clients without retries lose.
//!
//! The app answers every request with 200. A request is lost if it was sent and no complete answer
//! of the app arrived. A refused connection has sent nothing: a load balancer would try another
//! target. It counts as lost only if the proxy should not have refused yet: before SIGTERM, and, if
//! the proxy has a health endpoint, until the lead time after that endpoint turned to 503.

use crate::client::Client;
use crate::load;
use crate::stage::Stage;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Clients that keep their connection, and as many that connect for each request.
const EACH: usize = 8;
/// No drain takes longer.
const AT_MOST: Duration = Duration::from_secs(15);

/// The result of one drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drained {
    pub(crate) requests: u64,
    pub(crate) lost: u64,
}

/// When the proxy was allowed to refuse connections; [`None`]: not yet.
type MayRefuse = Mutex<Option<Instant>>;

/// Drains the proxy under load that began `after` before.
pub(crate) fn under_load(
    stage: &mut Stage,
    lead: Duration,
    after: Duration,
) -> Result<Drained, String> {
    let may_refuse = MayRefuse::new(None);
    let is_over = AtomicBool::new(false);
    let address = stage.address;
    let shared: &Stage = stage;
    let drained = thread::scope(|scope| {
        let (may_refuse, is_over) = (&may_refuse, &is_over);
        let mut clients = Vec::new();
        for number in 0..2 * EACH {
            let keeps = number < EACH;
            clients.push(load::spawn(scope, move || {
                ask_until_refused(address, keeps, may_refuse, is_over)
            })?);
        }
        thread::sleep(after);
        let asked = Instant::now();
        match shared.private {
            // Without a health endpoint there is no announcement, so refusing is allowed at once.
            None => set(may_refuse, asked),
            Some(_) => drop(load::spawn(scope, move || {
                while shared.health() == Some(200) && asked.elapsed() < AT_MOST {
                    thread::sleep(Duration::from_millis(1));
                }
                set(may_refuse, Instant::now() + lead);
            })?),
        }
        shared.terminate();
        let mut all = Drained {
            requests: 0,
            lost: 0,
        };
        for client in clients {
            let one = client.join().map_err(|_| "a client thread panicked")?;
            all.requests += one.requests;
            all.lost += one.lost;
        }
        is_over.store(true, Ordering::Relaxed);
        Ok::<_, String>(all)
    })?;
    if !stage.has_ended() {
        return Err("a proxy did not end after SIGTERM".to_owned());
    }
    Ok(drained)
}

fn set(may_refuse: &MayRefuse, at: Instant) {
    *may_refuse
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(at);
}

fn ask_until_refused(
    address: std::net::SocketAddr,
    keeps: bool,
    may_refuse: &MayRefuse,
    is_over: &AtomicBool,
) -> Drained {
    let end = Instant::now() + AT_MOST;
    let mut all = Drained {
        requests: 0,
        lost: 0,
    };
    while Instant::now() < end && !is_over.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::connect(address) else {
            let allowed_from = *may_refuse
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            all.lost += u64::from(allowed_from.is_none_or(|at| Instant::now() < at));
            return all;
        };
        loop {
            all.requests += 1;
            let answer = client.get("/");
            let is_whole = matches!(&answer, Ok(answer) if answer.status == 200);
            all.lost += u64::from(!is_whole);
            if !is_whole || !keeps || answer.is_ok_and(|answer| answer.closes) {
                break;
            }
            if Instant::now() > end {
                break;
            }
        }
    }
    all
}
