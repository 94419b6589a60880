//! What the user asked for: `landfall.toml`, the facts of the app directory and the command line,
//! joined into one [`Manifest`] whose every value has been checked.
//!
//! Reading happens in two steps because the second needs facts that the first one names:
//! [`Draft::read`] checks the text and returns which files matter ([`Draft::dockerfile`],
//! [`Draft::protected`]); the caller looks at those files; [`Draft::resolve`] joins everything.
//! Neither step stops at the first problem: the user gets one list of all of them.

mod alerts;
mod container;
mod domain;
mod draft;
pub mod key;
mod name;
mod newtype;
mod organization;
mod path;
mod problem;
mod resolve;
mod rule_id;
mod secrets;
mod size;
mod sum;
mod target;
mod target_choice;
mod traffic;
mod value;
mod variable_name;
mod variables;

pub use alerts::LOG_RETENTION_DAYS;
pub use container::{Capability, Container, TMP, User, WritablePath};
pub use domain::{DOMAIN_LENGTH, Domain};
pub use draft::Draft;
pub use name::{AppName, EnvironmentName, PREVIEW, STEM_LENGTH};
pub use organization::{MAX_TAGS, PermissionsBoundary, RolePath, boundary_arn};
pub use path::RelativePath;
pub use problem::{Invalid, Problem, Problems};
pub use rule_id::RuleId;
pub use secrets::{Reference, SecretName, SecretsStore};
pub use size::{Count, Cpu, Memory};
pub use sum::FileSum;
pub use target::{Architecture, Region, StateBackend, Strategy, Target};
pub use target_choice::{Choice, LAMBDA_IMAGE, LAMBDA_MEMORY, Need};
pub use traffic::{
    DEFAULT_IDLE_SECONDS, DEFAULT_REQUEST_SECONDS, DEFAULT_START_SECONDS, HealthPath,
    MAX_DRAIN_SECONDS, MAX_IDLE_SECONDS, MAX_REQUEST_SECONDS, MAX_START_SECONDS, Port,
};
pub(crate) use traffic::{default_request_seconds, default_start_seconds};

use serde::Serialize;
use std::collections::BTreeMap;

/// Name of the optional settings file in the app directory.
pub const FILE: &str = "landfall.toml";

/// Everything that can be set about an app, with defaults filled in. Field = key in `landfall.toml`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// Name of the app; by default made from the directory's name.
    pub name: AppName,
    /// Which deployment of the app this is; default `prod`.
    pub environment: EnvironmentName,
    /// What the app runs on; by default `lambda` if it fits, else `fargate`.
    pub target: Target,
    /// How that came.
    #[serde(skip)]
    pub choice: Choice,
    /// What the app needs and not every target has; default nothing.
    pub needs: Vec<Need>,
    /// AWS region; `None` leaves the choice to the AWS profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Name under which people reach the app, in addition to AWS's own; default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// TCP port the app listens on; default is the one the Dockerfile exposes, else 8080.
    pub port: Port,
    /// CPU units of a task (1024 are one vCPU); default 256.
    pub cpu: Cpu,
    /// Memory of a task in MiB; default is the least that Fargate offers for `cpu`.
    pub memory: Memory,
    /// Number of tasks; default 1.
    pub count: Count,
    /// Processor that the image is built for and runs on; default `x86_64`.
    pub architecture: Architecture,
    /// How traffic moves to a new version; default `canary`.
    pub strategy: Strategy,
    /// Environment variables of the app; names are letters, digits and underscores.
    pub env: BTreeMap<String, String>,
    /// Environment variables whose values are secret and kept elsewhere; default none.
    pub secrets: Vec<SecretName>,
    /// Where those values are kept; default `parameter-store`.
    pub secrets_store: SecretsStore,
    /// What the app's container may do; default as little as a web app needs.
    pub container: Container,
    /// Whether our proxy rides in the container, in front of the app; default yes.
    pub edge: bool,
    /// Path that answers 2xx while the app is well; default `/`.
    pub health: HealthPath,
    /// Files whose content must equal git HEAD, or have the sum that is given, before anything is built;
    /// default none.
    pub protected: Vec<RelativePath>,
    /// USD a month that the budget alert watches for; 0 alerts on the first cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// Rules of the review whose findings are made all the same; default none.
    pub allow: Vec<RuleId>,
    /// Addresses that get alarms; default none.
    pub alarm_emails: Vec<String>,
    /// Where the Terraform state lives; default `s3`.
    pub state: StateBackend,
    /// The Dockerfile, relative to the app directory; default `Dockerfile`.
    pub dockerfile: RelativePath,
    /// Seconds that requests in flight get to finish, 0 to [`MAX_DRAIN_SECONDS`]; default 20.
    pub drain_seconds: u32,
    /// Seconds that a new task may take until its first answer, 10 to [`MAX_START_SECONDS`]; default
    /// [`DEFAULT_START_SECONDS`].
    pub start_seconds: u32,
    /// Seconds that a response may take until it begins, 1 to [`MAX_REQUEST_SECONDS`]; default
    /// [`DEFAULT_REQUEST_SECONDS`].
    pub request_seconds: u32,
    /// Seconds that a connection may be silent, 1 to [`MAX_IDLE_SECONDS`]; default [`DEFAULT_IDLE_SECONDS`].
    pub idle_seconds: u32,
    /// Days that log lines are kept, one of [`LOG_RETENTION_DAYS`]; default 14.
    pub log_retention_days: u32,
    /// Tags on everything, besides landfall's own; default none.
    pub tags: BTreeMap<String, String>,
    /// Policy that limits every role; default none, or the one that `landfall ci` made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PermissionsBoundary>,
    /// Path of every role; default `/`.
    pub role_path: RolePath,
}

impl Manifest {
    /// How many of the secrets are kept in a store that bills each of them by the month.
    pub fn billed_secrets(&self) -> usize {
        match self.secrets_store {
            SecretsStore::ParameterStore => 0,
            SecretsStore::SecretsManager => self.secrets.len(),
        }
    }
}

/// What the caller found in the app directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Last component of the app directory's absolute path.
    pub directory_name: String,
    /// Text of the Dockerfile; `None` when there is no such file.
    pub dockerfile: Option<String>,
    /// One entry for every path in [`Draft::protected`].
    pub protected: Vec<ProtectedFact>,
}

/// How one protected file compares with its sum, or with git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectedFact {
    /// The file, as [`Draft::protected`] named it.
    pub path: RelativePath,
    /// What the comparison gave.
    pub state: ProtectedState,
}

/// Result of comparing a protected file with its sum, or with git HEAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProtectedState {
    /// It holds what it is to hold.
    Unchanged,
    /// It adds up to something else.
    SumDiffers {
        /// What the manifest gives.
        expected: FileSum,
        /// What the file has.
        found: FileSum,
    },
    /// The manifest gives a sum, and there is no such file.
    Absent,
    /// The working tree holds something else.
    Changed {
        /// Hash of the content in HEAD, in hexadecimal.
        head: String,
        /// Hash of the content in the working tree, in hexadecimal.
        working: String,
    },
    /// HEAD has the file, the working tree has not.
    MissingInTree,
    /// HEAD does not have the file, or there is no commit yet.
    NotInHead,
    /// The app directory does not belong to a git repository.
    NotARepository,
}

/// Settings from the command line; each value overrides `landfall.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Instead of the key `name`.
    pub name: Option<AppName>,
    /// Instead of the key `environment`.
    pub environment: Option<EnvironmentName>,
    /// Instead of the key `region`.
    pub region: Option<Region>,
    /// Instead of the key `target`.
    pub target: Option<Target>,
    /// Instead of the key `dockerfile`.
    pub dockerfile: Option<RelativePath>,
    /// An image is given: nothing is built, so no Dockerfile is needed.
    pub prebuilt_image: bool,
    /// Nothing is deployed: neither a Dockerfile nor unchanged protected files are needed.
    pub settings_only: bool,
}
