//! What landfall assumes of AWS and no emulator can show: the table that the tests ask about, and that
//! `docs/real-aws.md` prints.

use crate::step::Step;
use rules::app::manifest::Target;

/// Something that landfall assumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assumption {
    pub(crate) id: Id,
    /// The targets on which it is asked.
    pub(crate) targets: &'static [Target],
    /// What landfall assumes, one sentence.
    pub(crate) assumes: &'static str,
    /// Where the doubt comes from.
    pub(crate) source: &'static str,
    /// How AWS is asked.
    pub(crate) asked: &'static str,
    /// What asking costs beyond the scenarios.
    pub(crate) cost: &'static str,
    /// When it is asked; [`None`] if this program does not ask.
    pub(crate) at: Option<Step>,
    /// What the emulators show.
    pub(crate) emulated: Emulated,
    /// How a rehearsal turns it around.
    pub(crate) turned: Option<Break>,
}

/// What a rehearsal can show of an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emulated {
    /// The emulators and their front behave as AWS is documented to.
    Shown,
    /// Nothing: an answer as assumed proves nothing, for this reason. The opposite still counts.
    Not(&'static str),
}

/// How the front breaks an assumption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// A scenario of the front, with its value. `{access}` is the name of the access log's group.
    Scenario(&'static str, &'static str),
    /// Lines of logs are late by so many seconds, and afterwards by so many.
    LogsDelay(u32, u32),
}

macro_rules! ids {
    ($($variant:ident = $word:literal,)*) => {
        /// Names an assumption on the command line and in the report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Id { $($variant),* }

        impl Id {
            pub(crate) const ALL: &'static [Id] = &[$(Id::$variant),*];

            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Id::$variant => $word),* }
            }
        }
    };
}

ids! {
    SecondUp = "second-up",
    ApiCreate = "api-create-tags",
    ApiStage = "api-stage-tags",
    ApiChange = "api-change",
    ApiDelete = "api-delete",
    DistributionTags = "distribution-tags",
    NewRole = "new-role",
    SettledBucket = "settled-bucket",
    BucketName = "bucket-name",
    RepositoryPolicy = "repository-policy",
    LogPolicy = "log-policy",
    LogDelay = "log-delay",
    FailedVersion = "failed-version",
    LowPort = "low-port",
    LoginProfile = "login-profile",
    Arm64 = "arm64-function",
    Zstd = "zstd-layers",
    Tmpfs = "fargate-tmpfs",
    ErrorCaching = "error-caching",
    KnownDistribution = "known-distribution",
    RoutingDelay = "routing-delay",
}

impl std::str::FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Id, String> {
        let found = Id::ALL.iter().find(|id| id.as_str() == text).copied();
        found.ok_or_else(|| {
            let all: Vec<&str> = Id::ALL.iter().map(|id| id.as_str()).collect();
            format!(
                "no assumption is called '{text}'; there are {}",
                all.join(", ")
            )
        })
    }
}

const LAMBDA: &[Target] = &[Target::Lambda];
const FARGATE: &[Target] = &[Target::Fargate];
const BOTH: &[Target] = &[Target::Lambda, Target::Fargate];

const NO_PERMISSIONS: Emulated =
    Emulated::Not("the emulators permit everything, whatever a role's policy says");
const FREE: &str = "nothing";

/// Every assumption, in the order in which they are reported.
pub(crate) const ALL: &[Assumption] = &[
    Assumption {
        id: Id::SecondUp,
        targets: BOTH,
        assumes: "A second `up` of the same app plans no change in any root.",
        source: "AWS adds defaults to task definitions, budgets and distributions (provider 6.x)",
        asked: "`up` twice; the changes of the second one's plans",
        cost: FREE,
        at: Some(Step::Again),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("retention-differs", "")),
    },
    Assumption {
        id: Id::ApiCreate,
        targets: LAMBDA,
        assumes: "The statements of `landfall policy setup` suffice to create an HTTP API with tags.",
        source: "whether `aws:RequestTag` is present on `/tags/*` is not documented",
        asked: "a role with exactly these statements calls CreateApi",
        cost: FREE,
        at: Some(Step::Account),
        emulated: NO_PERMISSIONS,
        turned: Some(Break::Scenario("api-tags-denied", "CreateApi")),
    },
    Assumption {
        id: Id::ApiStage,
        targets: LAMBDA,
        assumes: "They suffice to create a stage with tags.",
        source: "AWS authorizes tags of a stage as `apigateway:TagResource`, which its reference does not list",
        asked: "the same role calls CreateStage",
        cost: FREE,
        at: Some(Step::Account),
        emulated: NO_PERMISSIONS,
        turned: Some(Break::Scenario("api-tags-denied", "CreateStage")),
    },
    Assumption {
        id: Id::ApiChange,
        targets: LAMBDA,
        assumes: "They suffice to change an API.",
        source: "whether `aws:ResourceTag` is present on `/apis/*` is not documented",
        asked: "the same role calls UpdateApi",
        cost: FREE,
        at: Some(Step::Account),
        emulated: NO_PERMISSIONS,
        turned: Some(Break::Scenario("api-tags-denied", "UpdateApi")),
    },
    Assumption {
        id: Id::ApiDelete,
        targets: LAMBDA,
        assumes: "Those of `landfall policy teardown` suffice to delete it.",
        source: "whether `aws:ResourceTag` is present on `/apis/*` is not documented",
        asked: "the same role calls DeleteApi",
        cost: FREE,
        at: Some(Step::Account),
        emulated: NO_PERMISSIONS,
        turned: Some(Break::Scenario("api-tags-denied", "DeleteApi")),
    },
    Assumption {
        id: Id::DistributionTags,
        targets: FARGATE,
        assumes: "`cloudfront:CreateDistribution` and `TagResource` suffice for a distribution with tags.",
        source: "one report of a denied `cloudfront:CreateDistributionWithTags`",
        asked: "a role with the statements of `landfall policy setup` creates a disabled distribution",
        cost: FREE,
        at: Some(Step::Account),
        emulated: NO_PERMISSIONS,
        turned: Some(Break::Scenario("distribution-tags-denied", "")),
    },
    Assumption {
        id: Id::NewRole,
        targets: BOTH,
        assumes: "A new role can be assumed within five minutes, as long as Terraform's provider tries.",
        source: "IAM is eventually consistent, without a bound",
        asked: "a role is created and assumed until it works",
        cost: FREE,
        at: Some(Step::Account),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("role-never-assumable", "")),
    },
    Assumption {
        id: Id::SettledBucket,
        targets: BOTH,
        assumes: "Once 16 reads in a row find what was just written, versioning has taken effect, and no later read misses.",
        source: "S3 documents up to 15 minutes of 404s in a new bucket, and not how many",
        asked: "a new bucket with versioning; objects are written and read for a while",
        cost: "less than $0.01 of requests",
        at: Some(Step::Account),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("objects-missing-again", "")),
    },
    Assumption {
        id: Id::BucketName,
        targets: BOTH,
        assumes: "The name of a deleted bucket can be used again within two minutes, as long as landfall tries.",
        source: "reports of up to an hour",
        asked: "that bucket is deleted and created again until it works",
        cost: FREE,
        at: Some(Step::Account),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("bucket-name-blocked", "")),
    },
    Assumption {
        id: Id::RepositoryPolicy,
        targets: LAMBDA,
        assumes: "Lambda recognizes the policy of the repository and adds no statement.",
        source: "every public example has a wider condition than landfall's",
        asked: "the policy after the first `up`",
        cost: FREE,
        at: Some(Step::Deployed(Target::Lambda)),
        emulated: Emulated::Not("the emulator of Lambda never changes a repository's policy"),
        turned: Some(Break::Scenario("repository-policy-changed", "")),
    },
    Assumption {
        id: Id::LogPolicy,
        targets: LAMBDA,
        assumes: "The API's access log adds nothing to the region's resource policies of CloudWatch Logs.",
        source: "entries outside `/aws/vendedlogs/` are never removed; 5,120 characters are the limit",
        asked: "DescribeResourcePolicies after the first `up`",
        cost: FREE,
        at: Some(Step::Deployed(Target::Lambda)),
        emulated: Emulated::Not("the emulator of API Gateway writes no resource policies"),
        turned: Some(Break::Scenario("log-policy-grown", "{access}")),
    },
    Assumption {
        id: Id::LogDelay,
        targets: LAMBDA,
        assumes: "95 of 100 lines of a function can be read within 20 s, the delay of rehearsals with `--real-times`.",
        source: "CloudWatch Logs documents no delay",
        asked: "the time of each line, compared with when FilterLogEvents first returns it",
        cost: "less than $0.01 of requests and lines",
        at: Some(Step::Deployed(Target::Lambda)),
        emulated: Emulated::Shown,
        turned: Some(Break::LogsDelay(120, 2)),
    },
    Assumption {
        id: Id::FailedVersion,
        targets: LAMBDA,
        assumes: "A version whose image is gone shows it: it is `Failed` before its invocations fail.",
        source: "Lambda looks at images from time to time",
        asked: "the image of a version without users is deleted; its state and its answers are watched",
        cost: FREE,
        at: Some(Step::Last(Target::Lambda)),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("deleted-image-unseen", "")),
    },
    Assumption {
        id: Id::LowPort,
        targets: LAMBDA,
        assumes: "An app in a function cannot listen on ports below 1024.",
        source: "`EXPOSE 80` is refused for Lambda; AWS documents no such limit",
        asked: "a version that also listens on port 80 is released",
        cost: FREE,
        at: Some(Step::LowPort),
        emulated: Emulated::Not("containers of the emulator may listen on every port"),
        turned: None,
    },
    Assumption {
        id: Id::LoginProfile,
        targets: BOTH,
        assumes: "A profile of `aws login` works in landfall and in Terraform.",
        source: "Terraform before 1.15 reads no `login_session`",
        asked: "the first `up`, where the caller's profile is such a one",
        cost: FREE,
        at: Some(Step::Up),
        emulated: Emulated::Not("a rehearsal uses credentials of its own"),
        turned: None,
    },
    Assumption {
        id: Id::Arm64,
        targets: LAMBDA,
        assumes: "A function takes code and processor architecture in one update.",
        source: "an image for arm64 makes an x86_64 function at first",
        asked: "not yet: it needs an image for another processor",
        cost: FREE,
        at: None,
        emulated: Emulated::Not("the emulator runs images of this machine's processor alone"),
        turned: None,
    },
    Assumption {
        id: Id::Zstd,
        targets: LAMBDA,
        assumes: "Lambda refuses layers that are not compressed with gzip.",
        source: "`UnsupportedImageLayerDetected`; landfall refuses such images first",
        asked: "not yet: it needs a container engine that pushes such layers",
        cost: FREE,
        at: None,
        emulated: Emulated::Not("the emulator accepts every image that Docker does"),
        turned: None,
    },
    Assumption {
        id: Id::Tmpfs,
        targets: FARGATE,
        assumes: "Fargate accepts `/tmp` in memory with the mount options that landfall sets.",
        source: "which mount options it accepts is not documented",
        asked: "RegisterTaskDefinition with these options; nothing runs",
        cost: FREE,
        at: Some(Step::Account),
        emulated: Emulated::Not("the emulator accepts every task definition"),
        turned: Some(Break::Scenario("tmpfs-refused", "options")),
    },
    Assumption {
        id: Id::ErrorCaching,
        targets: FARGATE,
        assumes: "CloudFront does not cache errors of a distribution with `error_caching_min_ttl = 0`.",
        source: "by default it does for 10 s; the documents do not mention the policy `CachingDisabled`",
        asked: "the same missing page is asked for twice within two seconds",
        cost: FREE,
        at: Some(Step::Deployed(Target::Fargate)),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("errors-cached", "")),
    },
    Assumption {
        id: Id::KnownDistribution,
        targets: FARGATE,
        assumes: "When the first `up` ends, every edge location that is asked knows the distribution.",
        source: "locations that do not know it yet answer 403",
        asked: "requests to the public address right after the first `up`",
        cost: FREE,
        at: Some(Step::Deployed(Target::Fargate)),
        emulated: Emulated::Not(
            "the front has one edge location, which knows every distribution at once",
        ),
        turned: Some(Break::Scenario("distribution-unknown", "")),
    },
    Assumption {
        id: Id::RoutingDelay,
        targets: FARGATE,
        assumes: "The load balancer routes by a change within 10 s, the time that a release waits after a shift.",
        source: "\"rule updates do not take effect immediately\", without a bound",
        asked: "users' requests during a release: the last answer of the old version after the last shift",
        cost: FREE,
        at: Some(Step::Release),
        emulated: Emulated::Shown,
        turned: Some(Break::Scenario("rules-very-late", "")),
    },
];

impl Assumption {
    /// The row with this ID.
    pub(crate) fn of(id: Id) -> &'static Assumption {
        let found = ALL.iter().find(|one| one.id == id);
        found.unwrap_or(&ALL[0])
    }

    fn emulated_words(&self) -> String {
        match (self.emulated, self.turned) {
            (Emulated::Shown, _) => "shown".to_owned(),
            (Emulated::Not(why), Some(_)) => format!("only the opposite: {why}"),
            (Emulated::Not(why), None) => format!("no: {why}"),
        }
    }
}

/// The table of the assumptions in Markdown, as `docs/real-aws.md` has it.
pub(crate) fn markdown() -> String {
    let mut out = String::from(
        "| ID | landfall assumes | because of | how AWS is asked | costs | on | in a rehearsal |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for one in ALL {
        let targets: Vec<&str> = one.targets.iter().map(|target| target.as_str()).collect();
        out.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {} | {} |\n",
            one.id.as_str(),
            one.assumes,
            one.source,
            one.asked,
            one.cost,
            targets.join(", "),
            one.emulated_words(),
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_id_has_one_row() {
        let rows: Vec<Id> = ALL.iter().map(|one| one.id).collect();
        assert_eq!(rows, Id::ALL);
        let words: BTreeSet<&str> = Id::ALL.iter().map(|id| id.as_str()).collect();
        assert_eq!(words.len(), ALL.len());
        for id in Id::ALL {
            assert_eq!(id.as_str().parse(), Ok(*id));
            assert_eq!(Assumption::of(*id).id, *id);
        }
        let wrong = "no-such".parse::<Id>().expect_err("an error");
        assert!(wrong.contains("second-up"), "{wrong}");
    }

    #[test]
    fn an_assumption_that_can_be_broken_is_asked_about() {
        for one in ALL {
            assert!(one.turned.is_none() || one.at.is_some(), "{:?}", one.id);
            assert!(one.assumes.ends_with('.'), "{:?}", one.id);
        }
    }

    /// The table of `docs/rehearsal.md` is that of the front; a test there compares them.
    #[test]
    fn the_front_knows_every_scenario_that_breaks_one() {
        let known = include_str!("../../../docs/rehearsal.md");
        for one in ALL {
            if let Some(Break::Scenario(name, _)) = one.turned {
                assert!(known.contains(&format!("scenario `{name}`")), "{name}");
            }
        }
    }

    #[test]
    fn the_table_in_the_documents_is_this_one() {
        let documents = include_str!("../../../docs/real-aws.md");
        assert!(
            documents.contains(&markdown()),
            "replace the table in docs/real-aws.md by what `aws-test assumptions --markdown` prints"
        );
    }
}
