//! The rules: what each is about, and how much it matters.

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    Refuse,
    Warn,
    Note,
}

impl Severity {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Refuse => "refuse",
            Severity::Warn => "warn",
            Severity::Note => "note",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// A security group admits everyone.
    OpenIngress,
    /// A path to the origin that bypasses CloudFront.
    BesideFrontDoor,
    /// Anyone may call the function by its URL.
    OpenFunction,
    /// A policy allows every action.
    EveryAction,
    /// A policy allows something on every resource.
    EveryResource,
    /// A policy lets in everyone.
    OpenToEveryone,
    /// Data lies unencrypted.
    Unencrypted,
    /// Image tags can be moved.
    MutableTags,
    /// Logs are kept for ever.
    EndlessLogs,
    /// A secret in an environment variable.
    PlainSecret,
    /// The container runs as root.
    RootUser,
    /// A container without limits.
    NoLimits,
    /// Users are answered by plain HTTP.
    PlainHttp,
    /// TLS before 1.2.
    OldTls,
    /// The metadata service answers without a session.
    Metadata,
    /// A privileged container.
    Privileged,
    /// A writable root filesystem.
    WritableRoot,
    /// Capabilities are kept, or can be gained.
    Capabilities,
    /// A bucket for everyone.
    PublicBucket,
    /// A database on the internet.
    PublicDatabase,
}

use Severity::{Note, Refuse, Warn};

/// Every rule with its ID and its severity, in the order of the IDs.
pub(crate) const RULES: [(Rule, &str, Severity); 20] = [
    (Rule::OpenIngress, "LF001", Refuse),
    (Rule::BesideFrontDoor, "LF002", Warn),
    (Rule::OpenFunction, "LF003", Refuse),
    (Rule::EveryAction, "LF004", Refuse),
    (Rule::EveryResource, "LF005", Warn),
    (Rule::OpenToEveryone, "LF006", Refuse),
    (Rule::Unencrypted, "LF007", Refuse),
    (Rule::MutableTags, "LF008", Warn),
    (Rule::EndlessLogs, "LF009", Warn),
    (Rule::PlainSecret, "LF010", Refuse),
    (Rule::RootUser, "LF011", Warn),
    (Rule::NoLimits, "LF012", Warn),
    (Rule::PlainHttp, "LF013", Refuse),
    (Rule::OldTls, "LF014", Warn),
    (Rule::Metadata, "LF015", Warn),
    (Rule::Privileged, "LF016", Refuse),
    (Rule::WritableRoot, "LF017", Note),
    (Rule::Capabilities, "LF018", Note),
    (Rule::PublicBucket, "LF019", Refuse),
    (Rule::PublicDatabase, "LF020", Refuse),
];

impl Rule {
    /// `LF001` and so on.
    pub(crate) fn id(self) -> &'static str {
        RULES[self as usize].1
    }

    /// How much a finding of it matters at most.
    pub(crate) fn severity(self) -> Severity {
        RULES[self as usize].2
    }
}
