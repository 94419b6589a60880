//! Users' requests, to the public endpoints.

use super::balancers;
use super::forward::{Body, read, response, send, streamed, whole};
use super::idle::Activity;
use super::shared::Shared;
use crate::data::cloudfront::{Cache, Origin, time_to_live};
use crate::data::{alb, api, cloudfront};
use crate::options::Kind;
use crate::rules::request_metrics;
use crate::state::Distribution;
use crate::state::requests::Counted;
use bytes::Bytes;
use http::header::UPGRADE;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// A listener for users' requests.
pub(super) struct Users {
    kind: Kind,
    upstream: String,
    cache: Mutex<Cache>,
    /// The load balancer, if it is known.
    balancer: Option<Counted>,
    /// Whether the upstream is an emulator's load balancer, which writes X-Forwarded-* itself.
    is_emulator: OnceCell<bool>,
}

impl Users {
    /// Of an emulator's load balancer if that is known.
    pub(super) fn new(kind: Kind, upstream: String, balancer: Option<Counted>) -> Users {
        let is_emulator = balancer.is_some().then_some(true);
        Users {
            kind,
            upstream,
            cache: Mutex::default(),
            balancer,
            is_emulator: OnceCell::new_with(is_emulator),
        }
    }

    /// After how long a connection is closed on which no byte passes.
    pub(super) fn idle(&self, shared: &Shared) -> Option<Duration> {
        if self.kind != Kind::Alb {
            return None;
        }
        let front = shared.front();
        let set = self.balancer.as_ref().and_then(|balancer| {
            let idle = &front.world.state.balancers.idle;
            idle.get(balancer.name()).copied()
        });
        Some(set.unwrap_or(alb::IDLE))
    }
}

pub(super) async fn handle(
    shared: &Shared,
    users: &Users,
    client: IpAddr,
    mut request: Request<Incoming>,
) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(upgrade);
    let body = streamed(body);
    count(shared, users, &parts);
    match users.kind {
        Kind::Alb => of_alb(shared, users, client, parts, body).await,
        Kind::CloudFront => of_cloudfront(shared, users, client, parts, body).await,
        Kind::Api => of_api(shared, users, parts, body).await,
    }
}

/// Counts the request for CloudWatch.
fn count(shared: &Shared, users: &Users, parts: &Parts) {
    let now = shared.now();
    let mut front = shared.front();
    front.world.now = front.world.now.max(now);
    if let Some(balancer) = &users.balancer {
        request_metrics::count(&mut front.world, balancer.clone());
    } else if users.kind == Kind::Api {
        let host = parts.headers.get("host");
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        request_metrics::count_api(&mut front.world, host);
    }
}

/// Why an upstream sent no response.
enum Missing {
    Late,
    Failed,
}

async fn within(
    shared: &Shared,
    users: &Users,
    limit: Duration,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, Missing> {
    let idle = users.idle(shared).map(|idle| shared.limit(idle));
    let activity = Activity::new();
    let body = activity.watch(body).boxed_unsync();
    let sent = send(&shared.client, &users.upstream, parts, body, idle);
    match activity.within(shared.limit(limit), sent).await {
        None => Err(Missing::Late),
        Some(Err(why)) => {
            eprintln!("landfall-front: {why}");
            Err(Missing::Failed)
        }
        Some(Ok(response)) => Ok(response),
    }
}

async fn of_alb(
    shared: &Shared,
    users: &Users,
    client: IpAddr,
    mut parts: Parts,
    body: Body,
) -> Response<Body> {
    let is_emulator = users
        .is_emulator
        .get_or_init(|| balancers::is_emulators(shared, &users.upstream));
    if !*is_emulator.await {
        let now = shared.now();
        let id = shared.front().world.random.id();
        alb::forward(&mut parts.headers, client, now, &id);
    }
    let idle = users.idle(shared).unwrap_or(alb::IDLE);
    match within(shared, users, idle, parts, body).await {
        Ok(response) => response,
        Err(Missing::Late) => response(alb::error(504)),
        Err(Missing::Failed) => response(alb::error(502)),
    }
}

async fn of_api(shared: &Shared, users: &Users, parts: Parts, body: Body) -> Response<Body> {
    let refusal = api::refusal(&mut shared.front().world);
    if let Some(refusal) = refusal {
        return response(refusal);
    }
    match within(shared, users, api::LIMIT, parts, body).await {
        Ok(response) => response,
        Err(Missing::Late) => response(api::late()),
        Err(Missing::Failed) => response(api::failed()),
    }
}

async fn of_cloudfront(
    shared: &Shared,
    users: &Users,
    client: IpAddr,
    mut parts: Parts,
    body: Body,
) -> Response<Body> {
    let method = parts.method.as_str().to_owned();
    let path = parts.uri.path().to_owned();
    let id = shared.front().world.random.id();
    if cloudfront::is_unknown(&mut shared.front().world) {
        let mut answer = cloudfront::error(403);
        cloudfront::answer(&mut answer.headers, Origin::Error, &id);
        return response(answer);
    }
    let cached = cache(users, |cache| cache.find(&method, &path, shared.now()));
    if let Some(mut answer) = cached {
        cloudfront::answer(&mut answer.headers, Origin::Error, &id);
        return response(answer);
    }
    let distribution = {
        let host = parts.headers.get("host");
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        shared
            .front()
            .world
            .state
            .distribution(host)
            .cloned()
            .unwrap_or_default()
    };
    cloudfront::forward(&mut parts.headers, client, &id);
    let mut answer = match from_origin(shared, users, &distribution, parts, body).await {
        Ok(mut response) if response.status().as_u16() < 400 => {
            cloudfront::answer(response.headers_mut(), Origin::Miss, &id);
            return response;
        }
        Ok(response) => read(response)
            .await
            .unwrap_or_else(|_| cloudfront::error(502)),
        Err(Missing::Late) => cloudfront::error(504),
        Err(Missing::Failed) => cloudfront::error(502),
    };
    let ttls = match shared.front().world.has("errors-cached") {
        true => BTreeMap::new(),
        false => distribution.error_ttls,
    };
    let ttl = time_to_live(&method, answer.status, &answer.headers, &ttls);
    if let Some(ttl) = ttl {
        cache(users, |cache| {
            cache.store(&path, &answer, ttl, shared.now())
        });
    }
    cloudfront::answer(&mut answer.headers, Origin::Error, &id);
    response(answer)
}

/// The origin's response, after as many attempts as the distribution has it.
async fn from_origin(
    shared: &Shared,
    users: &Users,
    distribution: &Distribution,
    parts: Parts,
    body: Body,
) -> Result<Response<Body>, Missing> {
    let origin = &distribution.origin;
    let is_upgrade = parts.headers.contains_key(UPGRADE);
    let attempts = cloudfront::attempts(parts.method.as_str(), is_upgrade, origin);
    let mut body = Some(body);
    for _ in 1..attempts {
        let body = body.take().unwrap_or_else(|| whole(Bytes::new()));
        match within(shared, users, origin.read_timeout, parts.clone(), body).await {
            Err(Missing::Late) => {}
            other => return other,
        }
    }
    let body = body.take().unwrap_or_else(|| whole(Bytes::new()));
    within(shared, users, origin.read_timeout, parts, body).await
}

fn cache<T>(users: &Users, use_it: impl FnOnce(&mut Cache) -> T) -> T {
    use_it(&mut users.cache.lock().unwrap_or_else(PoisonError::into_inner))
}
