//! Signature Version 4, for requests with a JSON body to `/`
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use edge_contract::time::Timestamp;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

/// Credentials of AWS. Debug output shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub(crate) access_key: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub(crate) secret_key: String,
    /// `AWS_SESSION_TOKEN`; credentials of a role have one.
    pub(crate) session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, …)", self.access_key)
    }
}

/// The request to be signed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// `ssm` or `secretsmanager`.
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) host: &'a str,
    /// Value of the header `X-Amz-Target`.
    pub(crate) target: &'a str,
    pub(crate) body: &'a str,
}

/// The headers of the signed `POST /`.
pub(crate) fn headers(
    request: &Request<'_>,
    credentials: &Credentials,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let stamp: String = now
        .rfc3339()
        .chars()
        .filter(|c| !matches!(c, '-' | ':'))
        .collect();
    let mut headers = vec![
        ("content-type", "application/x-amz-json-1.1".to_owned()),
        ("host", request.host.to_owned()),
        ("x-amz-date", stamp.clone()),
    ];
    if let Some(token) = &credentials.session_token {
        headers.push(("x-amz-security-token", token.clone()));
    }
    headers.push(("x-amz-target", request.target.to_owned()));
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical = format!(
        "POST\n/\n\n{lines}\n{names}\n{}",
        hex(&Sha256::digest(request.body))
    );
    let authorization = authorization(&canonical, &names, request, credentials, &stamp);
    headers.push(("authorization", authorization));
    headers
}

fn authorization(
    canonical: &str,
    names: &str,
    request: &Request<'_>,
    credentials: &Credentials,
    stamp: &str,
) -> String {
    let day = stamp.get(..8).unwrap_or_default();
    let Request {
        service, region, ..
    } = request;
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
        hex(&Sha256::digest(canonical))
    );
    let mut key = format!("AWS4{}", credentials.secret_key).into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        credentials.access_key,
        hex(&hmac(&key, to_sign.as_bytes()))
    )
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // A key of any length is valid, so this always returns a signature.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signature of the same request by botocore 1.43.
    #[test]
    fn the_signature_is_that_of_botocore() {
        let credentials = Credentials {
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: Some("token/with+signs==".into()),
        };
        let request = Request {
            service: "ssm",
            region: "eu-west-2",
            host: "ssm.eu-west-2.amazonaws.com",
            target: "AmazonSSM.GetParameters",
            body: "{\"Names\":[\"/landfall/app-prod/KEY:3\"],\"WithDecryption\":true}",
        };
        // 2026-11-23T12:03:10Z
        let headers = headers(&request, &credentials, Timestamp(1_795_435_390_000));
        let (_, authorization) = headers.last().expect("signed");
        assert_eq!(authorization, BOTOCORE);
        assert!(!format!("{credentials:?}").contains("wJalr"));
    }

    const BOTOCORE: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261123/eu-west-2/ssm/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=ba53e68fed803013cddda7b28eeeeac57a6fd90d180e2859bc95d090b91ee584";
}
