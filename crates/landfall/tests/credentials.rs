//! Which credentials landfall uses, and that Terraform gets the same ones. AWS is a small server here.

use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, Mutex};
use testkit::Sandbox;

const ACCOUNT: &str = "123456789012";
const SESSION: &str = "arn:aws:iam::123456789012:user/me";
const IN_AN_HOUR: &str = "2099-01-01T00:00:00Z";

/// Security Token Service, which notes the keys of its callers, and IAM without policies. It refuses every other call.
struct Sts {
    url: String,
    keys: Arc<Mutex<Vec<String>>>,
}

impl Sts {
    fn start() -> Sts {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let keys = Arc::new(Mutex::new(Vec::new()));
        let noted = keys.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = noted.clone();
                std::thread::spawn(move || serve(stream, &noted));
            }
        });
        Sts { url, keys }
    }

    /// The access key IDs of signed calls since the last time, one after the other.
    fn keys(&self) -> Vec<String> {
        let mut keys = std::mem::take(&mut *self.keys.lock().expect("keys"));
        keys.dedup();
        keys
    }
}

fn serve(stream: TcpStream, keys: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if let Some((_, credential)) = line.split_once("Credential=") {
            let key = credential.split('/').next().expect("a key");
            keys.lock().expect("keys").push(key.to_owned());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let body = String::from_utf8(body).expect("text");
    let issued = |operation: &str, key: &str| {
        format!(
            "<{operation}Response><{operation}Result><Credentials><AccessKeyId>{key}</AccessKeyId>\
             <SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
             <Expiration>{IN_AN_HOUR}</Expiration></Credentials></{operation}Result></{operation}Response>"
        )
    };
    let (status, text) = if body.contains("Action=GetCallerIdentity") {
        let text = format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{SESSION}</Arn><UserId>U</UserId>\
             <Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        ("200 OK", text)
    } else if body.contains("Action=AssumeRoleWithWebIdentity") {
        (
            "200 OK",
            issued("AssumeRoleWithWebIdentity", "ASIAWEBIDENTITY00"),
        )
    } else if body.contains("Action=AssumeRole") {
        ("200 OK", issued("AssumeRole", "ASIAROLE00000000"))
    } else if body.contains("Action=ListPolicies") {
        let text = "<ListPoliciesResponse><ListPoliciesResult><Policies/><IsTruncated>false</IsTruncated>\
                    </ListPoliciesResult></ListPoliciesResponse>";
        ("200 OK", text.to_owned())
    } else {
        ("403 Forbidden", String::new())
    };
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    );
    let _ = reader.get_mut().write_all(answer.as_bytes());
}

/// A machine with profiles, an app whose state cannot be read without Terraform, and a Terraform that only reports
/// which credentials an AWS SDK would find.
struct Machine {
    sandbox: Sandbox,
    sts: Sts,
    app: PathBuf,
}

impl Machine {
    fn new() -> Machine {
        let sandbox = Sandbox::new();
        let app = sandbox.path().join("shop");
        write(&app.join("Dockerfile"), "FROM scratch\nEXPOSE 8080\n");
        write(
            &app.join("landfall.toml"),
            "name = \"shop\"\ntarget = \"lambda\"\nstate = \"local\"\nregion = \"eu-west-2\"\n",
        );
        let environment = sandbox
            .home()
            .join(format!("aws/{ACCOUNT}-eu-west-2/shop-prod"));
        for root in ["foundation", "lambda"] {
            write(
                &environment.join(root).join("terraform.tfstate"),
                "{\"encrypted_data\":\"x\"}",
            );
        }
        let machine = Machine {
            sts: Sts::start(),
            app,
            sandbox,
        };
        machine.write_profiles();
        machine.write_terraform();
        machine
    }

    fn write_profiles(&self) {
        let path = |name: &str| self.sandbox.path().join(name);
        write(&path("web-token"), "a token");
        let config = format!(
            "[profile keys]\naws_access_key_id = AKIAPROFILE00000\naws_secret_access_key = secret\n\
             [profile person]\nlogin_session = {SESSION}\n\
             [profile deployer]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/deploy\nsource_profile = person\n\
             [profile process]\ncredential_process = sh {}\n\
             [profile web]\nrole_arn = arn:aws:iam::{ACCOUNT}:role/deploy\nweb_identity_token_file = {}\n",
            path("process.sh").display(),
            path("web-token").display(),
        );
        write(&path("config"), &config);
        let process = format!(
            "echo '{{\"Version\":1,\"AccessKeyId\":\"ASIAPROCESS00000\",\"SecretAccessKey\":\"secret\",\
             \"SessionToken\":\"token\",\"Expiration\":\"{IN_AN_HOUR}\"}}'\n"
        );
        write(&path("process.sh"), &process);
        // As `aws login` writes it.
        let name: String = Sha256::digest(SESSION.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let login = serde_json::json!({
            "accessToken": {
                "accessKeyId": "ASIALOGIN0000000", "secretAccessKey": "secret", "sessionToken": "token",
                "accountId": ACCOUNT, "expiresAt": IN_AN_HOUR,
            },
            "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
            "refreshToken": "refresh", "idToken": "id", "clientId": "client", "dpopKey": "key",
        });
        write(&path(&format!("login/{name}.json")), &login.to_string());
    }

    fn write_terraform(&self) {
        let program = self.sandbox.path().join("terraform");
        let text = format!(
            r#"#!/usr/bin/env python3
import json, os, sys, urllib.request
if sys.argv[1] == "version":
    print(json.dumps({{"terraform_version": "1.15.5", "provider_selections": {{}}}}))
    sys.exit(0)
variables = {{name: os.environ.get(name, "") for name in (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")}}
request = urllib.request.Request(
    os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    headers={{"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}})
with urllib.request.urlopen(request) as answer:
    served = json.load(answer)
config = open(os.environ["AWS_CONFIG_FILE"]).read()
json.dump([variables, served, config], open("{}", "w"))
sys.exit("that is all")
"#,
            self.report().display()
        );
        write(&program, &text);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn report(&self) -> PathBuf {
        self.sandbox.path().join("terraform.json")
    }

    /// `landfall status` with these options and variables.
    fn status(&self, options: &[&str], variables: &[(&str, &str)]) -> Output {
        let path = |name: &str| self.sandbox.path().join(name);
        let mut command = self.sandbox.command(&["status"]);
        command
            .args(options)
            .current_dir(&self.app)
            .env("AWS_ENDPOINT_URL", &self.sts.url)
            .env("AWS_CONFIG_FILE", path("config"))
            .env("AWS_LOGIN_CACHE_DIRECTORY", path("login"))
            .env("LANDFALL_TERRAFORM", path("terraform"))
            .envs(variables.iter().copied());
        command.output().expect("landfall starts")
    }

    /// The access key that Terraform's SDK finds after such a command.
    fn key_of_terraform(&self, options: &[&str], variables: &[(&str, &str)]) -> String {
        let _ = fs::remove_file(self.report());
        let output = self.status(options, variables);
        let text = fs::read_to_string(self.report());
        let text = text.unwrap_or_else(|_| panic!("Terraform did not run: {output:?}"));
        let [own, served, config]: [serde_json::Value; 3] =
            serde_json::from_str(&text).expect("JSON");
        // SDKs would prefer any of these.
        for (name, value) in own.as_object().expect("variables") {
            assert_eq!(value, "", "{name}");
        }
        assert_eq!(config, "");
        served["AccessKeyId"].as_str().expect("a key").to_owned()
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, text).expect("written");
}

/// A key of somebody else's account.
const STRAY: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIASTRAY0000000"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

#[test]
fn terraform_has_the_credentials_of_landfall_whatever_their_source() {
    let machine = Machine::new();
    let table = [
        ("keys", "AKIAPROFILE00000"),
        ("person", "ASIALOGIN0000000"),
        ("deployer", "ASIAROLE00000000"),
        ("process", "ASIAPROCESS00000"),
        ("web", "ASIAWEBIDENTITY00"),
    ];
    for (profile, key) in table {
        let by_variable = [("AWS_PROFILE", profile)];
        assert_eq!(machine.key_of_terraform(&[], &by_variable), key);
        assert_eq!(machine.sts.keys().last().expect("a call"), key);
        // Also next to a key of the environment, which SDKs would prefer.
        let by_option = ["--profile", profile];
        assert_eq!(machine.key_of_terraform(&by_option, &STRAY), key);
        let callers = machine.sts.keys();
        assert!(!callers.contains(&STRAY[0].1.to_owned()), "{callers:?}");
    }
    assert_eq!(machine.key_of_terraform(&[], &STRAY), STRAY[0].1);
    assert_eq!(machine.sts.keys(), [STRAY[0].1]);
}

#[test]
fn a_profile_that_cannot_be_used_stops_the_command_before_any_call() {
    let machine = Machine::new();
    let both = [&STRAY[..], &[("AWS_PROFILE", "keys")]].concat();
    let ambiguous = machine.status(&[], &both);
    let missing = machine.status(&["--profile", "nowhere"], &STRAY);
    let missing_too = machine.status(&[], &[("AWS_PROFILE", "nowhere")]);
    assert_eq!(machine.sts.keys(), Vec::<String>::new());
    let table = [
        (ambiguous, "AWS_ACCESS_KEY_ID is set too"),
        (missing, "nowhere"),
        (missing_too, "nowhere"),
    ];
    for (output, part) in table {
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}
