//! CloudFront's edge locations, with the managed policies `CachingDisabled` and `AllViewer`: only
//! errors are cached.
//!
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html>

use super::alb;
use crate::answer::Answer;
use crate::clock::Moment;
use crate::state::OriginSettings;
use crate::world::World;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// For how many seconds an error is cached unless the distribution says otherwise.
const DEFAULT: u64 = 10;
/// Errors that are cached whatever the origin sends.
const ALWAYS: [u16; 8] = [404, 405, 414, 500, 501, 502, 503, 504];
/// Errors for which `no-store` and the like are honoured.
const HONOURING: [u16; 4] = [404, 410, 414, 501];
const VIA: &str = "1.1 front.cloudfront.net (CloudFront)";

/// Errors that an edge location has cached.
#[derive(Debug, Default)]
pub struct Cache {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    stored: Moment,
    until: Moment,
}

impl Cache {
    /// The cached error for a path.
    pub fn find(&mut self, method: &str, path: &str, now: Moment) -> Option<Answer> {
        if !is_cached_method(method) {
            return None;
        }
        self.entries.retain(|_, entry| now < entry.until);
        let entry = self.entries.get(path)?;
        let mut answer = entry.answer.clone();
        let age = HeaderValue::from(now.since(entry.stored).as_secs());
        answer.headers.insert("age", age);
        Some(answer)
    }

    /// Stores an error for as long as [`time_to_live`] has it.
    pub fn store(&mut self, path: &str, answer: &Answer, ttl: Duration, now: Moment) {
        let entry = Entry {
            answer: answer.clone(),
            stored: now,
            until: now.after(ttl),
        };
        self.entries.insert(path.to_owned(), entry);
    }
}

fn is_cached_method(method: &str) -> bool {
    method == "GET" || method == "HEAD"
}

/// Whether the edge location that gets a request does not know the distribution, in the scenario
/// `distribution-unknown`.
pub fn is_unknown(world: &mut World) -> bool {
    world.has("distribution-unknown") && world.random.chance(0.5)
}

/// How often a request is sent to an origin that does not respond in time.
#[must_use]
pub fn attempts(method: &str, is_upgrade: bool, origin: &OriginSettings) -> u32 {
    if is_cached_method(method) && !is_upgrade {
        origin.attempts.clamp(1, 3)
    } else {
        1
    }
}

/// How long a response is cached; [`None`] if it is not.
#[must_use]
pub fn time_to_live(
    method: &str,
    status: StatusCode,
    headers: &HeaderMap,
    ttls: &BTreeMap<u16, u64>,
) -> Option<Duration> {
    let code = status.as_u16();
    if !is_cached_method(method) || code < 400 || code == 416 {
        return None;
    }
    let control = headers.get("cache-control");
    let control = control.and_then(|value| value.to_str().ok()).unwrap_or("");
    let control = control.to_ascii_lowercase();
    let directives = || control.split(',').map(str::trim);
    let age = |name: &str| {
        let found = directives().find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
        found.and_then(|value| value.parse::<u64>().ok())
    };
    let age = age("s-maxage").or_else(|| age("max-age"));
    let is_forbidden = directives().any(|one| ["no-store", "no-cache", "private"].contains(&one));
    if is_forbidden && HONOURING.contains(&code) {
        return None;
    }
    let least = ttls.get(&code).copied();
    if !ALWAYS.contains(&code) && least.is_none() && age.is_none() {
        return None;
    }
    let age = if is_forbidden { 0 } else { age.unwrap_or(0) };
    let seconds = least.unwrap_or(DEFAULT).max(age);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Writes the header fields that the origin gets.
pub fn forward(headers: &mut HeaderMap, viewer: IpAddr, id: &str) {
    alb::append(headers, viewer);
    headers.remove("x-forwarded-proto");
    headers.insert("via", HeaderValue::from_static(VIA));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amz-cf-id", id);
    }
}

/// Where a response comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From the origin.
    Miss,
    /// An error, from the origin or the cache.
    Error,
}

/// Writes the header fields that the viewer gets.
pub fn answer(headers: &mut HeaderMap, origin: Origin, id: &str) {
    let cache = match origin {
        Origin::Miss => "Miss from cloudfront",
        Origin::Error => "Error from cloudfront",
    };
    headers.insert("x-cache", HeaderValue::from_static(cache));
    headers.insert("via", HeaderValue::from_static(VIA));
    headers.insert("x-amz-cf-pop", HeaderValue::from_static("LHR50-P1"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-amz-cf-id", id);
    }
}

/// CloudFront's own response: 502 if the origin's was none, 504 if it was late.
#[must_use]
pub fn error(status: u16) -> Answer {
    let body = format!(
        "<!DOCTYPE HTML>\n<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE>\
         </HEAD><BODY><H1>{status} ERROR</H1><H2>The request could not be satisfied.</H2>\
         </BODY></HTML>\n"
    );
    let mut answer = Answer::new(status, "text/html", body);
    let server = HeaderValue::from_static("CloudFront");
    answer.headers.insert("server", server);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn seconds(status: u16, control: &str, ttls: &[(u16, u64)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", control.parse().expect("a value"));
        let status = StatusCode::from_u16(status).expect("a status");
        let ttls = ttls.iter().copied().collect();
        time_to_live("GET", status, &headers, &ttls).map(|ttl| ttl.as_secs())
    }

    #[test]
    fn errors_are_cached_as_documented() {
        for (status, control, ttls, expected) in [
            (200, "", &[][..], None),
            (404, "", &[], Some(10)),
            (500, "", &[], Some(10)),
            (403, "", &[], None),
            (403, "", &[(403, 5)], Some(5)),
            (416, "", &[(416, 5)], None),
            (404, "", &[(404, 0)], None),
            (404, "no-store", &[], None),
            (500, "no-store", &[], Some(10)),
            (500, "No-Store, max-age=60", &[], Some(10)),
            (500, "private", &[(500, 0)], None),
            (500, "max-age=60", &[], Some(60)),
            (500, "max-age=3", &[], Some(10)),
            (400, "s-maxage=20", &[], Some(20)),
        ] {
            assert_eq!(
                seconds(status, control, ttls),
                expected,
                "{status} {control:?} {ttls:?}"
            );
        }
        let empty = HeaderMap::new();
        let post = time_to_live("POST", StatusCode::NOT_FOUND, &empty, &BTreeMap::new());
        assert_eq!(post, None);
    }

    #[test]
    fn an_error_is_cached_for_every_viewer_of_the_path() {
        let mut cache = Cache::default();
        let now = Moment(1_000);
        cache.store("/a", &error(500), Duration::from_secs(10), now);
        let later = now.after(Duration::from_secs(4));
        let found = cache.find("GET", "/a", later).expect("an error");
        assert_eq!(found.headers["age"], "4");
        assert_eq!(cache.find("POST", "/a", later), None);
        assert_eq!(cache.find("GET", "/b", later), None);
        assert_eq!(
            cache.find("GET", "/a", now.after(Duration::from_secs(10))),
            None
        );
    }

    #[test]
    fn header_fields_are_as_documented() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let viewer = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
        forward(&mut headers, viewer, "id");
        assert_eq!(headers["x-forwarded-for"], "203.0.113.7");
        assert_eq!(headers.get("x-forwarded-proto"), None);
        assert_eq!(headers["x-amz-cf-id"], "id");
        let mut headers = HeaderMap::new();
        answer(&mut headers, Origin::Error, "id");
        assert_eq!(headers["x-cache"], "Error from cloudfront");
        assert_eq!(headers["via"], VIA);
    }

    #[test]
    fn only_reads_are_repeated() {
        let origin = OriginSettings::default();
        assert_eq!(attempts("GET", false, &origin), 3);
        assert_eq!(attempts("HEAD", false, &origin), 3);
        assert_eq!(attempts("POST", false, &origin), 1);
        assert_eq!(attempts("GET", true, &origin), 1);
        let once = OriginSettings {
            attempts: 1,
            ..origin
        };
        assert_eq!(attempts("GET", false, &once), 1);
    }

    #[test]
    fn a_late_origin_is_a_504() {
        assert_eq!(OriginSettings::default().read_timeout.as_secs(), 30);
        assert_eq!(error(504).status.as_u16(), 504);
        assert_eq!(error(504).headers["server"], "CloudFront");
    }
}
