//! Which environments `reap` destroys: from the buckets and directories of an account and region to a decision
//! about each. A name that only looks like one of landfall's is not enough.

use crate::app::manifest::{AppName, EnvironmentName, StateBackend};
use crate::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use crate::operate::ttl::{Expiry, TAG_EXPIRES_AT, expiry};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags, by their keys.
pub type Tags = BTreeMap<String, String>;

/// The prefix of state buckets in an account and region.
pub fn prefix(account: &str, region: &str) -> String {
    format!("landfall-{account}-{region}-")
}

/// A filter for environments; without a field it selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Environments of this app.
    pub app: Option<AppName>,
    /// Environments with this name.
    pub environment: Option<EnvironmentName>,
}

impl Filter {
    /// Whether `id`, an `app-environment`, may be selected. Only the tags show where the app's name ends and the
    /// environment's begins.
    fn may_be(&self, id: &str) -> bool {
        let app = self.app.as_ref();
        let environment = self.environment.as_ref();
        app.is_none_or(|app| id.starts_with(&format!("{app}-")))
            && environment.is_none_or(|environment| id.ends_with(&format!("-{environment}")))
    }

    fn is(&self, names: &Names) -> bool {
        let (app, environment) = (&self.app, &self.environment);
        app.as_ref().is_none_or(|app| *app == names.app)
            && environment.as_ref().is_none_or(|e| *e == names.environment)
    }
}

/// The buckets whose tags have to be read: state buckets by their names, of selected environments.
pub fn candidates_by_name(
    buckets: Vec<String>,
    account: &str,
    region: &str,
    only: &Filter,
) -> Vec<String> {
    let prefix = prefix(account, region);
    let mut found: Vec<String> = buckets
        .into_iter()
        .filter(|name| name.strip_prefix(&prefix).is_some_and(|id| only.may_be(id)))
        .collect();
    found.sort_unstable();
    found
}

/// An environment that was found, and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// App and environment.
    pub names: Names,
    /// Where its state and its expiry are stored.
    pub state: StateBackend,
    /// When it expires.
    pub expiry: Expiry,
}

/// A bucket, classified by its name and its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// The state of a selected environment.
    Of(Candidate),
    /// The state of another environment.
    NotSelected,
    /// It has the name of a state bucket, but not its tags.
    Foreign {
        /// Why it is skipped.
        why: String,
    },
}

/// Classifies a bucket with the name of a state bucket. Its name must follow from its tags, so that a bucket
/// with copied tags is never destroyed.
pub fn classify(
    bucket: &str,
    tags: &Tags,
    account: &str,
    region: &str,
    only: &Filter,
    now: Timestamp,
) -> Bucket {
    let foreign = |why: String| Bucket::Foreign {
        why: format!("{bucket}: {why}; skipped"),
    };
    let (Some(app), Some(environment)) = (tags.get(TAG_APP), tags.get(TAG_ENVIRONMENT)) else {
        return foreign(format!("it has no tags {TAG_APP} and {TAG_ENVIRONMENT}"));
    };
    let (Ok(app), Ok(environment)) = (AppName::parse(app), EnvironmentName::parse(environment))
    else {
        return foreign("its tags are not those of an environment".to_owned());
    };
    let names = Names::new(app, environment);
    let expected = names.state_bucket(account, region);
    if expected != bucket {
        return foreign(format!("its tags belong to {expected}"));
    }
    if !only.is(&names) {
        return Bucket::NotSelected;
    }
    let tag = tags.get(TAG_EXPIRES_AT).map(String::as_str);
    Bucket::Of(Candidate {
        names,
        state: StateBackend::S3,
        expiry: expiry(now, tag),
    })
}

/// The file next to a state on this machine with the environment's expiry, in place of a bucket's tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalExpiry {
    /// App.
    pub app: String,
    /// Environment.
    pub environment: String,
    /// The value of the tag.
    pub expires_at: String,
}

impl LocalExpiry {
    /// The expiry of an environment.
    pub fn new(names: &Names, expires_at: String) -> LocalExpiry {
        LocalExpiry {
            app: names.app.to_string(),
            environment: names.environment.to_string(),
            expires_at,
        }
    }

    /// The environment in the directory `id`, if it is selected; [`None`] if the file belongs to another one.
    pub fn candidate(&self, id: &str, only: &Filter, now: Timestamp) -> Option<Candidate> {
        let names = Names::new(
            AppName::parse(&self.app).ok()?,
            EnvironmentName::parse(&self.environment).ok()?,
        );
        (names.id() == id && only.is(&names)).then(|| Candidate {
            names,
            state: StateBackend::Local,
            expiry: expiry(now, Some(&self.expires_at)),
        })
    }
}

/// An environment as `reap` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedEnvironment {
    /// App.
    pub name: String,
    /// Environment.
    pub environment: String,
    /// Where its state is.
    pub state: StateBackend,
    /// When it expires.
    #[serde(flatten)]
    pub expiry: Expiry,
}

impl From<&Candidate> for ListedEnvironment {
    fn from(candidate: &Candidate) -> ListedEnvironment {
        ListedEnvironment {
            name: candidate.names.app.to_string(),
            environment: candidate.names.environment.to_string(),
            state: candidate.state,
            expiry: candidate.expiry.clone(),
        }
    }
}

/// The expired environments, those first that expired first.
pub fn expired(candidates: &[Candidate]) -> Vec<&Candidate> {
    let mut over: Vec<(Timestamp, &Candidate)> = candidates
        .iter()
        .filter_map(|candidate| match candidate.expiry {
            Expiry::Expired { at } => Some((at, candidate)),
            Expiry::Never | Expiry::Until { .. } | Expiry::Unreadable { .. } => None,
        })
        .collect();
    over.sort_by_key(|(at, candidate)| (*at, candidate.names.id()));
    over.into_iter().map(|(_, candidate)| candidate).collect()
}

/// What `reap` prints before it destroys anything.
pub fn describe(shown: &[ListedEnvironment], unseen: &[String], now: Timestamp) -> String {
    let mut lines: Vec<String> = shown
        .iter()
        .map(|one| {
            let id = format!("{} ({})", one.name, one.environment);
            one.expiry.reap(&id, now)
        })
        .collect();
    if lines.is_empty() {
        lines.push("no environment was found".to_owned());
    }
    lines.extend(unseen.iter().cloned());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 12:03:10.250 UTC.
    const NOW: Timestamp = Timestamp(1_795_435_390_250);
    const ACCOUNT: &str = "123456789012";
    const REGION: &str = "eu-west-2";

    fn names(app: &str, environment: &str) -> Names {
        Names::new(
            AppName::parse(app).expect("an app"),
            EnvironmentName::parse(environment).expect("an environment"),
        )
    }

    fn tags(app: &str, environment: &str, end: Option<&str>) -> Tags {
        let mut tags = Tags::from([
            (TAG_APP.to_owned(), app.to_owned()),
            (TAG_ENVIRONMENT.to_owned(), environment.to_owned()),
        ]);
        tags.extend(end.map(|end| (TAG_EXPIRES_AT.to_owned(), end.to_owned())));
        tags
    }

    fn only(app: &str, environment: Option<&str>) -> Filter {
        Filter {
            app: Some(AppName::parse(app).expect("an app")),
            environment: environment.map(|e| EnvironmentName::parse(e).expect("an environment")),
        }
    }

    fn classified(bucket: &str, tags: &Tags, only: &Filter) -> Bucket {
        classify(bucket, tags, ACCOUNT, REGION, only, NOW)
    }

    #[test]
    fn tags_of_other_buckets_are_not_read() {
        let all = [
            "landfall-123456789012-eu-west-2-shop-pr-x",
            "landfall-123456789012-eu-west-2-shop-prod",
            "landfall-123456789012-eu-west-1-shop-pr-7",
            "landfall-999999999999-eu-west-2-shop-pr-7",
            "landfall-123456789012-eu-west-2-",
            "logs-of-landfall-123456789012-eu-west-2-shop-prod",
            "landfall-123456789012-eu-west-2-shopping-prod",
        ];
        let look = |only: &Filter| {
            candidates_by_name(all.map(str::to_owned).to_vec(), ACCOUNT, REGION, only)
        };
        assert_eq!(look(&Filter::default()).len(), 4);
        assert_eq!(look(&only("shop", None)), [all[0], all[1]]);
        assert_eq!(look(&only("shop", Some("prod"))), [all[1]]);
        assert_eq!(
            look(&only("shop", Some("x"))),
            [all[0]],
            "only tags show which it is"
        );
    }

    #[test]
    fn a_bucket_is_classified_by_its_tags_and_its_name() {
        let bucket = "landfall-123456789012-eu-west-2-shop-pr-x";
        let end = Some("2026-11-23T12:00:00Z");
        // The same name from different words.
        for (app, environment) in [("shop", "pr-x"), ("shop-pr", "x")] {
            let found_as = classified(bucket, &tags(app, environment, end), &Filter::default());
            let Bucket::Of(found) = found_as else {
                panic!("{found_as:?}");
            };
            assert_eq!(found.names, names(app, environment));
            assert!(matches!(found.expiry, Expiry::Expired { .. }));
        }
    }

    #[test]
    fn a_bucket_whose_tags_contradict_its_name_is_foreign() {
        let bucket = "landfall-123456789012-eu-west-2-shop-pr-7";
        let end = Some("2020-01-01T00:00:00Z");
        for tags in [
            Tags::new(),
            tags("shop", "pr-8", end),
            tags("other", "pr-7", end),
            tags("Shop", "pr-7", end),
            Tags::from([(TAG_EXPIRES_AT.to_owned(), "2020-01-01T00:00:00Z".to_owned())]),
        ] {
            let found_as = classified(bucket, &tags, &Filter::default());
            let Bucket::Foreign { why } = found_as else {
                panic!("{tags:?}: {found_as:?}");
            };
            assert!(why.ends_with("; skipped"), "{why}");
        }
        let other = classified(bucket, &tags("shop", "pr-7", end), &only("shop", Some("x")));
        assert_eq!(other, Bucket::NotSelected);
    }

    #[test]
    fn a_file_is_valid_for_its_own_directory_only() {
        let end = LocalExpiry::new(&names("shop", "try"), "2026-11-23T12:00:00Z".to_owned());
        let found = end.candidate("shop-try", &Filter::default(), NOW);
        assert!(matches!(
            found.map(|found| found.expiry),
            Some(Expiry::Expired { .. })
        ));
        assert_eq!(end.candidate("shop-prod", &Filter::default(), NOW), None);
        assert_eq!(end.candidate("shop-try", &only("other", None), NOW), None);
    }

    #[test]
    fn only_expired_environments_go_the_oldest_first() {
        let of = |environment: &str, end: Option<&str>| Candidate {
            names: names("shop", environment),
            state: StateBackend::S3,
            expiry: expiry(NOW, end),
        };
        let all = [
            of("prod", None),
            of("pr-1", Some("2026-11-23T11:00:00Z")),
            of("pr-2", Some("2026-11-20T11:00:00Z")),
            of("pr-3", Some("2026-11-23T14:00:00Z")),
            of("pr-4", Some("tomorrow")),
        ];
        let going: Vec<String> = expired(&all).iter().map(|one| one.names.id()).collect();
        assert_eq!(going, ["shop-pr-2", "shop-pr-1"]);
        let shown: Vec<ListedEnvironment> = all.iter().map(ListedEnvironment::from).collect();
        let unseen = ["landfall-123456789012-eu-west-2-old: it has no tags".to_owned()];
        insta::assert_snapshot!(format!(
            "{}\n---\n{}",
            describe(&shown, &unseen, NOW),
            describe(&[], &[], NOW)
        ));
    }
}
