//! The emulator's load balancers: it reports the ports on which they listen, and users' requests to
//! them pass through listeners of the front instead.

use super::forward::{Body, read, response, send, whole};
use super::shared::Shared;
use crate::answer::Answer;
use crate::options::{Data, Kind};
use crate::state::requests::Counted;
use bytes::Bytes;
use http::Request;
use http::Response;
use http::request::Parts;
use serde_json::{Value, json};

/// Where fakecloud lists its load balancers with their ports.
pub(super) const LIST: &str = "/_fakecloud/elbv2/load-balancers";

fn all(list: &mut Value) -> Vec<&mut Value> {
    let is_bare = list.is_array();
    let list = if is_bare {
        list
    } else {
        &mut list["loadBalancers"]
    };
    list.as_array_mut().into_iter().flatten().collect()
}

/// The list, with the ports of the front's listeners.
pub(super) async fn list(shared: &Shared, upstream: &str, parts: Parts) -> Response<Body> {
    let sent = send(&shared.client, upstream, parts, whole(Bytes::new()), None).await;
    let answer = match sent {
        Ok(response) => read(response).await,
        Err(why) => Err(why),
    };
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(why) => return response(Answer::new(502, "text/plain", why)),
    };
    let mut json = answer.json();
    let host = upstream.rsplit_once(':').map_or(upstream, |(host, _)| host);
    for one in all(&mut json) {
        let Some(port) = one["boundPort"].as_u64() else {
            continue;
        };
        let arn = one["arn"].as_str().or(one["loadBalancerArn"].as_str());
        let counted = arn.and_then(Counted::of_arn);
        if let Ok(own) = own_port(shared, host, port, counted).await {
            one["boundPort"] = json!(own);
        }
    }
    if !json.is_null() {
        answer.body = json.to_string().into();
    }
    response(answer)
}

/// The port of the front's listener before a load balancer.
async fn own_port(
    shared: &Shared,
    host: &str,
    port: u64,
    counted: Option<Counted>,
) -> Result<u16, String> {
    let mut ports = shared.balancers.lock().await;
    if let Some(own) = ports.get(&port) {
        return Ok(*own);
    }
    let data = Data {
        kind: Kind::Alb,
        listen: "127.0.0.1:0".to_owned(),
        upstream: format!("{host}:{port}"),
    };
    let address = shared.open(data, counted).await?;
    ports.insert(port, address.port());
    Ok(address.port())
}

/// Whether a URL is that of a load balancer of one of the emulators.
pub(super) async fn is_emulators(shared: &Shared, url: &str) -> bool {
    let port = url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse::<u64>().ok());
    for upstream in &shared.upstreams {
        let host = upstream.trim_start_matches("http://");
        let Ok(request) = Request::get(LIST).header("host", host).body(()) else {
            continue;
        };
        let (parts, ()) = request.into_parts();
        let Ok(response) = send(&shared.client, upstream, parts, whole(Bytes::new()), None).await
        else {
            continue;
        };
        let Ok(answer) = read(response).await else {
            continue;
        };
        let mut json = answer.json();
        let found = all(&mut json).into_iter().any(|one| {
            let bound = one["boundPort"].as_u64();
            bound.is_some() && bound == port
        });
        if found {
            return true;
        }
    }
    false
}
