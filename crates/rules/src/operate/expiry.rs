//! Which environments `reap` takes down: from the buckets and directories of an account and region to a
//! decision about each. Nothing is taken down for a name that only looks like one of ours.

use crate::app::manifest::{AppName, EnvironmentName, StateBackend};
use crate::app::names::{Names, TAG_APP, TAG_ENVIRONMENT};
use crate::operate::ttl::{Expiry, TAG_EXPIRES_AT, expiry};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tags, by their keys.
pub type Tags = BTreeMap<String, String>;

/// What state buckets begin with in an account and region.
pub fn prefix(account: &str, region: &str) -> String {
    format!("landfall-{account}-{region}-")
}

/// Which environments are meant; all of them unless it says more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    /// Those of this app.
    pub app: Option<AppName>,
    /// Those of this name.
    pub environment: Option<EnvironmentName>,
}

impl Only {
    /// Whether `id`, an `app-environment`, may be one that is meant. Where the one ends and the other
    /// begins only the tags tell.
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

/// The buckets that are worth a look at their tags: state buckets by their names, of what is meant.
pub fn worth_a_look(buckets: Vec<String>, account: &str, region: &str, only: &Only) -> Vec<String> {
    let prefix = prefix(account, region);
    let mut found: Vec<String> = buckets
        .into_iter()
        .filter(|name| name.strip_prefix(&prefix).is_some_and(|id| only.may_be(id)))
        .collect();
    found.sort_unstable();
    found
}

/// An environment that was found, and when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose.
    pub names: Names,
    /// Where its state is, and its end with it.
    pub state: StateBackend,
    /// When it ends.
    pub expiry: Expiry,
}

/// What a bucket is, by its name and its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    /// The state of an environment.
    Of(Candidate),
    /// Of an environment that is not meant.
    NotMeant,
    /// It is called like one, but its tags do not say the same.
    Strange {
        /// Why it is left alone.
        why: String,
    },
}

/// Tells what a bucket is that is called like ours. Its tags have to make its name again: a bucket of
/// somebody else's, or one that was copied, is nobody's to take down.
pub fn tell(
    bucket: &str,
    tags: &Tags,
    account: &str,
    region: &str,
    only: &Only,
    now: Timestamp,
) -> Bucket {
    let strange = |why: String| Bucket::Strange {
        why: format!("{bucket}: {why}; it is left alone"),
    };
    let (Some(app), Some(environment)) = (tags.get(TAG_APP), tags.get(TAG_ENVIRONMENT)) else {
        return strange(format!("it has no tags {TAG_APP} and {TAG_ENVIRONMENT}"));
    };
    let (Ok(app), Ok(environment)) = (AppName::parse(app), EnvironmentName::parse(environment))
    else {
        return strange("its tags name no environment of landfall".to_owned());
    };
    let names = Names::new(app, environment);
    let expected = names.state_bucket(account, region);
    if expected != bucket {
        return strange(format!("its tags belong to {expected}"));
    }
    if !only.is(&names) {
        return Bucket::NotMeant;
    }
    let tag = tags.get(TAG_EXPIRES_AT).map(String::as_str);
    Bucket::Of(Candidate {
        names,
        state: StateBackend::S3,
        expiry: expiry(now, tag),
    })
}

/// What a state on this machine says beside itself of its environment's end: there is no bucket to tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalEnd {
    /// App.
    pub app: String,
    /// Environment.
    pub environment: String,
    /// As the tag says it.
    pub expires_at: String,
}

impl LocalEnd {
    /// The end of an environment.
    pub fn of(names: &Names, expires_at: String) -> LocalEnd {
        LocalEnd {
            app: names.app.to_string(),
            environment: names.environment.to_string(),
            expires_at,
        }
    }

    /// The environment in the directory called `id`; [`None`] if the file lies in another's.
    pub fn candidate(&self, id: &str, only: &Only, now: Timestamp) -> Option<Candidate> {
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

/// An environment as `reap` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// App.
    pub name: String,
    /// Environment.
    pub environment: String,
    /// Where its state is.
    pub state: StateBackend,
    /// When it ends.
    #[serde(flatten)]
    pub expiry: Expiry,
}

impl From<&Candidate> for Shown {
    fn from(candidate: &Candidate) -> Shown {
        Shown {
            name: candidate.names.app.to_string(),
            environment: candidate.names.environment.to_string(),
            state: candidate.state,
            expiry: candidate.expiry.clone(),
        }
    }
}

/// Those whose time is over, the longest first: it has cost most.
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

/// What `reap` shows before it takes anything down.
pub fn describe(shown: &[Shown], unseen: &[String], now: Timestamp) -> String {
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

    fn only(app: &str, environment: Option<&str>) -> Only {
        Only {
            app: Some(AppName::parse(app).expect("an app")),
            environment: environment.map(|e| EnvironmentName::parse(e).expect("an environment")),
        }
    }

    fn told(bucket: &str, tags: &Tags, only: &Only) -> Bucket {
        tell(bucket, tags, ACCOUNT, REGION, only, NOW)
    }

    #[test]
    fn buckets_of_others_are_not_even_looked_at() {
        let all = [
            "landfall-123456789012-eu-west-2-shop-pr-x",
            "landfall-123456789012-eu-west-2-shop-prod",
            "landfall-123456789012-eu-west-1-shop-pr-7",
            "landfall-999999999999-eu-west-2-shop-pr-7",
            "landfall-123456789012-eu-west-2-",
            "logs-of-landfall-123456789012-eu-west-2-shop-prod",
            "landfall-123456789012-eu-west-2-shopping-prod",
        ];
        let look =
            |only: &Only| worth_a_look(all.map(str::to_owned).to_vec(), ACCOUNT, REGION, only);
        assert_eq!(look(&Only::default()).len(), 4);
        assert_eq!(look(&only("shop", None)), [all[0], all[1]]);
        assert_eq!(look(&only("shop", Some("prod"))), [all[1]]);
        assert_eq!(look(&only("shop", Some("x"))), [all[0]], "only tags tell");
    }

    #[test]
    fn a_bucket_is_told_by_its_tags_and_its_name_together() {
        let bucket = "landfall-123456789012-eu-west-2-shop-pr-x";
        let end = Some("2026-11-23T12:00:00Z");
        // The same name from other words.
        for (app, environment) in [("shop", "pr-x"), ("shop-pr", "x")] {
            let told = told(bucket, &tags(app, environment, end), &Only::default());
            let Bucket::Of(found) = told else {
                panic!("{told:?}");
            };
            assert_eq!(found.names, names(app, environment));
            assert!(matches!(found.expiry, Expiry::Expired { .. }));
        }
    }

    #[test]
    fn nothing_is_taken_down_for_a_bucket_that_contradicts_itself() {
        let bucket = "landfall-123456789012-eu-west-2-shop-pr-7";
        let end = Some("2020-01-01T00:00:00Z");
        for tags in [
            Tags::new(),
            tags("shop", "pr-8", end),
            tags("other", "pr-7", end),
            tags("Shop", "pr-7", end),
            Tags::from([(TAG_EXPIRES_AT.to_owned(), "2020-01-01T00:00:00Z".to_owned())]),
        ] {
            let told = told(bucket, &tags, &Only::default());
            let Bucket::Strange { why } = told else {
                panic!("{tags:?}: {told:?}");
            };
            assert!(why.contains("left alone"), "{why}");
        }
        let not_meant = told(bucket, &tags("shop", "pr-7", end), &only("shop", Some("x")));
        assert_eq!(not_meant, Bucket::NotMeant);
    }

    #[test]
    fn a_file_speaks_for_the_directory_that_it_lies_in() {
        let end = LocalEnd::of(&names("shop", "try"), "2026-11-23T12:00:00Z".to_owned());
        let found = end.candidate("shop-try", &Only::default(), NOW);
        assert!(matches!(
            found.map(|found| found.expiry),
            Some(Expiry::Expired { .. })
        ));
        assert_eq!(end.candidate("shop-prod", &Only::default(), NOW), None);
        assert_eq!(end.candidate("shop-try", &only("other", None), NOW), None);
    }

    #[test]
    fn only_what_is_over_goes_and_the_oldest_first() {
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
        let shown: Vec<Shown> = all.iter().map(Shown::from).collect();
        let unseen = ["landfall-123456789012-eu-west-2-old: it has no tags".to_owned()];
        insta::assert_snapshot!(format!(
            "{}\n---\n{}",
            describe(&shown, &unseen, NOW),
            describe(&[], &[], NOW)
        ));
    }
}
