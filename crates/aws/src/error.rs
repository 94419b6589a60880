//! The only place that translates errors of the SDK into errors of landfall.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The kind of an error. It decides the exit code and the advice that is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The resource does not exist.
    NotFound,
    /// The resource exists already, or a condition on it did not hold.
    Conflict,
    /// The caller is not allowed to do this.
    Denied,
    /// Credentials are missing, invalid or expired.
    Credentials,
    /// Two settings of the user name different credentials.
    Ambiguous,
    /// The clock of this machine is wrong, so AWS refuses its signatures.
    Clock,
    /// The account has no access to the service or the region yet.
    NotEnabled,
    /// The service could not be reached or did not answer in time.
    Unreachable,
    /// The service is throttling, waking up or failing for the moment: the same call may succeed later.
    Busy,
    /// Anything else; the message names it.
    Other,
}

/// An AWS call that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {message}")]
#[allow(missing_docs)]
pub struct Error {
    pub kind: ErrorKind,
    /// `service:Operation`, as IAM spells it.
    pub operation: &'static str,
    /// The service's error code, if it answered.
    pub code: Option<String>,
    /// The message of the service or of the connection.
    pub message: String,
}

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        operation: &'static str,
        message: impl Into<String>,
    ) -> Error {
        Error {
            kind,
            operation,
            code: None,
            message: message.into(),
        }
    }

    /// The answer lacks a field that the API documents as always present.
    pub(crate) fn incomplete(operation: &'static str, field: &str) -> Error {
        Error::new(
            ErrorKind::Other,
            operation,
            format!("the answer has no {field}"),
        )
    }
}

/// Translates the error of `operation`.
pub(crate) fn translate<E>(operation: &'static str) -> impl Fn(SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    move |error| {
        let code = error.code().map(str::to_owned);
        let kind = match &error {
            SdkError::DispatchFailure(failure) if is_about_credentials(failure) => {
                ErrorKind::Credentials
            }
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => ErrorKind::Unreachable,
            // Credentials are resolved while the request is constructed.
            SdkError::ConstructionFailure(_) => ErrorKind::Credentials,
            _ => kind_of(
                code.as_deref().unwrap_or_default(),
                status(&error),
                error.message().unwrap_or_default(),
            ),
        };
        let message = match (error.message(), &code) {
            (Some(message), Some(code)) => format!("{message} ({code})"),
            (None, Some(code)) => code.clone(),
            _ => chain(&error),
        };
        Error {
            kind,
            operation,
            code,
            message,
        }
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error
        .raw_response()
        .map_or(0, |response| response.status().as_u16())
}

/// Codes of <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> and
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>. Most of them have status 403, as a missing
/// permission has.
const ABOUT_CREDENTIALS: [&str; 11] = [
    "ExpiredToken",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "InvalidToken",
    "UnrecognizedClient",
    "IncompleteSignature",
    "InvalidSignature",
    "SignatureDoesNotMatch",
    "MissingAuthenticationToken",
    "AuthFailure",
    "RequestExpired",
];

fn kind_of(code: &str, status: u16, message: &str) -> ErrorKind {
    let has = |needle: &str| code.contains(needle);
    // "Signature expired: ... is now earlier than ..." and "Signature not yet current: ...".
    let is_skewed = message.starts_with("Signature expired")
        || message.starts_with("Signature not yet current");
    if has("RequestTimeTooSkewed") || has("RequestInTheFuture") || is_skewed {
        ErrorKind::Clock
    } else if has("OptInRequired") || has("SubscriptionRequired") || has("NotSignedUp") {
        ErrorKind::NotEnabled
    } else if ABOUT_CREDENTIALS.iter().any(|code| has(code)) {
        ErrorKind::Credentials
    } else if has("AccessDenied")
        || has("UnauthorizedOperation")
        || has("NotAuthorized")
        || status == 403
    {
        ErrorKind::Denied
    } else if has("NotFound") || has("NoSuch") || has("NotExist") || status == 404 {
        ErrorKind::NotFound
    } else if has("AlreadyExists")
        || has("AlreadyOwned")
        || has("PreconditionFailed")
        || has("ConditionalRequestConflict")
        || has("Conflict")
        || status == 412
    {
        ErrorKind::Conflict
    } else if BUSY.iter().any(|code| has(code)) || matches!(status, 429 | 500 | 502..=504) {
        ErrorKind::Busy
    } else {
        ErrorKind::Other
    }
}

/// Parts of the codes of errors that pass. The last two are Lambda's: a function that wakes up, and one
/// whose image is being prepared
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>).
const BUSY: [&str; 9] = [
    "Throttl",
    "TooManyRequests",
    "RequestLimitExceeded",
    "SlowDown",
    "ServiceUnavailable",
    "InternalFailure",
    "InternalError",
    "CodeArtifactUserPending",
    "ResourceNotReady",
];

fn is_about_credentials(failure: &impl std::fmt::Debug) -> bool {
    let text = format!("{failure:?}");
    text.contains("CredentialsNotLoaded")
        || text.contains("CredentialsError")
        || text.contains("ProviderError")
        || text.contains("no providers in chain")
}

/// An error with all its sources: the SDK's own `Display` prints only "dispatch failure".
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if parts.last() != Some(&text) {
            parts.push(text);
        }
        source = inner.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_different_services_have_the_same_kind() {
        let table = [
            ("RepositoryNotFoundException", 400, ErrorKind::NotFound),
            ("NoSuchBucket", 404, ErrorKind::NotFound),
            ("NoSuchEntity", 404, ErrorKind::NotFound),
            ("AccessDeniedException", 400, ErrorKind::Denied),
            ("UnauthorizedOperation", 403, ErrorKind::Denied),
            ("ExpiredTokenException", 403, ErrorKind::Credentials),
            ("AuthFailure", 401, ErrorKind::Credentials),
            ("InvalidAccessKeyId", 403, ErrorKind::Credentials),
            ("SignatureDoesNotMatch", 403, ErrorKind::Credentials),
            ("InvalidSignatureException", 403, ErrorKind::Credentials),
            ("MissingAuthenticationToken", 403, ErrorKind::Credentials),
            ("RequestTimeTooSkewed", 403, ErrorKind::Clock),
            ("OptInRequired", 403, ErrorKind::NotEnabled),
            ("SubscriptionRequiredException", 403, ErrorKind::NotEnabled),
            ("RequestExpired", 400, ErrorKind::Credentials),
            ("BucketAlreadyOwnedByYou", 409, ErrorKind::Conflict),
            ("PreconditionFailed", 412, ErrorKind::Conflict),
            ("", 412, ErrorKind::Conflict),
            ("ThrottlingException", 400, ErrorKind::Busy),
            ("TooManyRequestsException", 429, ErrorKind::Busy),
            ("CodeArtifactUserPendingException", 409, ErrorKind::Busy),
            ("ServiceException", 500, ErrorKind::Busy),
            ("SlowDown", 503, ErrorKind::Busy),
            ("ResourceConflictException", 409, ErrorKind::Conflict),
            ("InvalidParameterValueException", 400, ErrorKind::Other),
        ];
        for (code, status, kind) in table {
            assert_eq!(kind_of(code, status, "a message"), kind, "{code}");
        }
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let messages = [
            "Signature expired: 20261129T120000Z is now earlier than 20261129T121500Z (20261129T122000Z - 5 min.)",
            "Signature not yet current: 20261129T130000Z is still later than 20261129T121000Z",
        ];
        for message in messages {
            for code in ["SignatureDoesNotMatch", "InvalidSignatureException"] {
                assert_eq!(kind_of(code, 403, message), ErrorKind::Clock, "{code}");
            }
        }
    }
}
