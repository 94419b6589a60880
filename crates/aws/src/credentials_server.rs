//! Credentials for child processes, from an address on this machine.

use crate::credentials::SharedCredentials;
use crate::session::Session;
use aws_credential_types::Credentials;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves a session's credentials as a container's agent does
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>). Every AWS SDK reads them
/// there, and asks again before they expire. So Terraform has whatever landfall has, also from sources that
/// Terraform's own SDK does not know, and also in an apply that lasts longer than the credentials.
///
/// It serves until it is dropped.
#[derive(Debug)]
pub struct CredentialsServer {
    address: SocketAddr,
    token: String,
    task: JoinHandle<()>,
}

impl CredentialsServer {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    /// The port cannot be opened, or the system has no random numbers.
    pub async fn start(session: &Session) -> std::io::Result<CredentialsServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
        let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let server = Arc::new(Server {
            credentials: session.credentials().clone(),
            token: token.clone(),
        });
        let task = tokio::spawn(async move {
            loop {
                // A connection that cannot be accepted is its client's concern: it tries again.
                if let Ok((stream, _)) = listener.accept().await {
                    let server = server.clone();
                    let answer = service_fn(move |request| {
                        let server = server.clone();
                        async move { Ok::<_, Infallible>(server.answer(&request).await) }
                    });
                    tokio::spawn(async move {
                        let connection = http1::Builder::new();
                        let _ = connection
                            .serve_connection(TokioIo::new(stream), answer)
                            .await;
                    });
                }
            }
        });
        Ok(CredentialsServer {
            address,
            token,
            task,
        })
    }

    /// The environment variables by which an AWS SDK finds it. SDKs prefer keys, profiles and web identities, so those
    /// are empty here, and no configuration file is read.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let empty = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_SECURITY_TOKEN",
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_ROLE_ARN",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ];
        let none = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
        let address = format!("http://{}/credentials", self.address);
        empty
            .map(|name| (name, String::new()))
            .into_iter()
            .chain(none.map(|name| (name, "/dev/null".to_owned())))
            .chain([
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.token.clone()),
            ])
            .collect()
    }
}

impl Drop for CredentialsServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Server {
    credentials: SharedCredentials,
    token: String,
}

impl Server {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let given = request.headers().get(header::AUTHORIZATION);
        if given.is_none_or(|given| given.as_bytes() != self.token.as_bytes()) {
            return failure(StatusCode::UNAUTHORIZED, "the authorization token is wrong");
        }
        match self.credentials.resolve().await {
            Ok(credentials) => response(StatusCode::OK, document(&credentials)),
            // SDKs repeat a 5xx for a long time, although nothing changes until the user signs in.
            Err(error) => failure(StatusCode::BAD_REQUEST, &crate::error::chain(&error)),
        }
    }
}

/// The form of <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.
fn document(credentials: &Credentials) -> serde_json::Value {
    let mut document = json!({
        "AccessKeyId": credentials.access_key_id(),
        "SecretAccessKey": credentials.secret_access_key(),
    });
    if let Some(token) = credentials.session_token() {
        document["Token"] = json!(token);
    }
    let expiry = credentials
        .expiry()
        .and_then(|expiry| DateTime::from(expiry).fmt(Format::DateTime).ok());
    if let Some(expiry) = expiry {
        document["Expiration"] = json!(expiry);
    }
    document
}

fn failure(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    response(
        status,
        json!({ "code": "NoCredentials", "message": message }),
    )
}

fn response(status: StatusCode, body: serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{EmulatorIdentity, Endpoints};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn session(identity: EmulatorIdentity) -> Session {
        let nowhere = Endpoints {
            main: "http://127.0.0.1:9".to_owned(),
            second: "http://127.0.0.1:9".to_owned(),
        };
        let session = Session::open(None, Some("eu-west-2"), Some(nowhere)).await;
        session.expect("a session").calling_as(identity)
    }

    /// Status and body of the response to this token.
    async fn ask(server: &CredentialsServer, token: &str) -> (u16, serde_json::Value) {
        let mut stream = tokio::net::TcpStream::connect(server.address)
            .await
            .expect("it listens");
        let request = format!(
            "GET /credentials HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await.expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).expect("a status");
        (
            status.parse().expect("a number"),
            serde_json::from_str(body).expect("JSON"),
        )
    }

    #[tokio::test]
    async fn a_lasting_key_has_no_expiry() {
        let key = EmulatorIdentity::Key {
            id: "AKIA".to_owned(),
            secret: "s3cret".to_owned(),
        };
        let server = CredentialsServer::start(&session(key).await)
            .await
            .expect("a port");
        let (status, served) = ask(&server, &server.token).await;
        let wanted = json!({ "AccessKeyId": "AKIA", "SecretAccessKey": "s3cret" });
        assert_eq!((status, served), (200, wanted));
        let (status, refused) = ask(&server, "guessed").await;
        assert_eq!(status, 401);
        assert_eq!(refused["AccessKeyId"], json!(null));
    }

    #[tokio::test]
    async fn credentials_that_are_about_to_expire_are_resolved_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let count = dir.path().join("count");
        let script = |expiry: &str| {
            let text = format!(
                "echo >>'{0}'; printf '{{\"Version\":1,\"AccessKeyId\":\"ASIA%s\",\"SecretAccessKey\":\"s\",\
                 \"SessionToken\":\"t\",\"Expiration\":\"%s\"}}' $(wc -l <'{0}') {expiry}",
                count.display()
            );
            std::fs::write(dir.path().join("script"), text).expect("written");
            EmulatorIdentity::Process {
                command: format!("sh {}", dir.path().join("script").display()),
            }
        };
        let soon = "$(date --utc --date='+60 seconds' +%Y-%m-%dT%H:%M:%SZ)";
        let server = CredentialsServer::start(&session(script(soon)).await)
            .await
            .expect("a port");
        for key in ["ASIA1", "ASIA2"] {
            let (status, served) = ask(&server, &server.token).await;
            assert_eq!((status, &served["AccessKeyId"]), (200, &json!(key)));
            assert_eq!(served["Token"], "t");
        }
        let late = "2099-01-01T00:00:00Z";
        let server = CredentialsServer::start(&session(script(late)).await)
            .await
            .expect("a port");
        for _ in 0..2 {
            let (_, served) = ask(&server, &server.token).await;
            assert_eq!(served["AccessKeyId"], "ASIA3");
            assert_eq!(served["Expiration"], late);
        }
    }

    #[tokio::test]
    async fn why_there_are_none_is_in_the_response_and_not_retried() {
        let fails = EmulatorIdentity::Process {
            command: "false".to_owned(),
        };
        let server = CredentialsServer::start(&session(fails).await)
            .await
            .expect("a port");
        let (status, refused) = ask(&server, &server.token).await;
        assert_eq!((status, &refused["code"]), (400, &json!("NoCredentials")));
        assert!(refused["message"].is_string(), "{refused}");
    }
}
