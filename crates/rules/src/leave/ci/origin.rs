//! Names from outside that end up in files and policies: each is checked once, here, so that it can be
//! written anywhere as it is.

use super::Forge;
use crate::app::manifest::Invalid;
use serde::Serialize;

/// Longest segment of a path that both forges allow.
const SEGMENT: usize = 255;

/// A repository of GitHub or a project of GitLab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    /// Host of the forge, with a port if it is not 443.
    pub host: String,
    /// `OWNER/REPOSITORY`, or `GROUP/…/PROJECT`.
    pub path: String,
}

impl Project {
    /// A project as a person writes it, on the forge's own host.
    ///
    /// # Errors
    /// It is no path of that forge.
    pub fn parse(forge: Forge, text: &str) -> Result<Project, Invalid> {
        let host = match forge {
            Forge::Github => "github.com",
            Forge::Gitlab => "gitlab.com",
        };
        Project::on(forge, host, text)
    }

    /// A project on `host`.
    ///
    /// # Errors
    /// It is no path of that forge.
    pub fn on(forge: Forge, host: &str, text: &str) -> Result<Project, Invalid> {
        let shape = match forge {
            Forge::Github => "OWNER/REPOSITORY",
            Forge::Gitlab => "GROUP/PROJECT",
        };
        let segments: Vec<&str> = text.split('/').collect();
        let fits = match forge {
            Forge::Github => segments.len() == 2 && !segments[0].contains('.'),
            Forge::Gitlab => segments.len() >= 2,
        };
        if fits && segments.iter().all(|segment| is_segment(segment)) {
            return Ok(Project {
                host: host.to_owned(),
                path: text.to_owned(),
            });
        }
        Err(Invalid::new(
            format!("{text:?} is no {}", forge_word(forge)),
            format!("it has to be {shape}, in letters, digits, `.`, `_` and `-`"),
            format!("name it with --repository {shape}"),
        ))
    }

    /// The project that a git remote's URL names: `https://HOST/PATH.git`, `ssh://git@HOST/PATH.git` or
    /// `git@HOST:PATH.git`. A password in it is not repeated by any error.
    ///
    /// # Errors
    /// The URL is none of these, or not of the forge.
    pub fn of_remote(forge: Forge, url: &str) -> Result<Project, Invalid> {
        let unknown = || {
            Invalid::new(
                "the remote `origin` names no repository that landfall knows to read",
                "its URL is neither https://HOST/PATH nor git@HOST:PATH",
                "name it with --repository",
            )
        };
        let (rest, is_url) = match url.split_once("://") {
            Some(("https" | "http" | "ssh" | "git+ssh", rest)) => (rest, true),
            Some(_) => return Err(unknown()),
            None => (url, false),
        };
        let separator = if is_url { '/' } else { ':' };
        let (host, path) = rest.split_once(separator).ok_or_else(unknown)?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        // A port is one of SSH's or of a tunnel's; the issuer of tokens is asked by HTTPS.
        let host = host.split_once(':').map_or(host, |(host, _)| host);
        if !is_host(host) {
            return Err(unknown());
        }
        let host = host.to_ascii_lowercase();
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if forge == Forge::Github && host != "github.com" {
            return Err(Invalid::new(
                format!("the remote `origin` is on {host}"),
                "tokens of GitHub Actions are signed for github.com; GitHub Enterprise Server has issuers of its own, which landfall does not know",
                "name a repository on github.com with --repository OWNER/REPOSITORY, or use `landfall ci gitlab`",
            ));
        }
        if forge == Forge::Gitlab && host == "github.com" {
            return Err(Invalid::new(
                "the remote `origin` is on github.com",
                "that is no GitLab",
                "use `landfall ci github`, or name the project with --repository GROUP/PROJECT",
            ));
        }
        Project::on(forge, &host, path)
    }
}

fn forge_word(forge: Forge) -> &'static str {
    match forge {
        Forge::Github => "repository of GitHub",
        Forge::Gitlab => "project of GitLab",
    }
}

fn is_segment(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty()
        && text.len() <= SEGMENT
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !matches!(text, "." | "..")
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
}

/// A text that was checked.
macro_rules! checked {
    ($name:ident) => {
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<$name, Invalid> {
                $name::parse(text)
            }
        }
    };
}

/// Name of a branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branch(String);

checked!(Branch);

impl Branch {
    /// Checks a name: a part of what git allows, without characters that are special in
    /// YAML, a shell or a policy.
    ///
    /// # Errors
    /// It holds anything else.
    pub fn parse(text: &str) -> Result<Branch, Invalid> {
        let fits = !text.is_empty()
            && text
                .split('/')
                .all(|part| is_segment(part) && !part.ends_with(".lock"))
            && !text.contains("..");
        if fits {
            return Ok(Branch(text.to_owned()));
        }
        Err(Invalid::new(
            format!("{text:?} cannot be the branch"),
            "letters, digits, `.`, `_`, `-` and `/` are possible; a pattern is not, as a role trusts exactly one branch",
            "name one with --branch main",
        ))
    }
}

/// Name of an environment of GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GithubEnvironment(String);

checked!(GithubEnvironment);

impl GithubEnvironment {
    /// Checks a name. A colon would be escaped in a subject, so it is not allowed.
    ///
    /// # Errors
    /// It holds more than letters, digits, `.`, `_` and `-`.
    pub fn parse(text: &str) -> Result<GithubEnvironment, Invalid> {
        if is_segment(text) {
            return Ok(GithubEnvironment(text.to_owned()));
        }
        Err(Invalid::new(
            format!("{text:?} cannot be the environment of GitHub"),
            "letters, digits, `.`, `_` and `-` are possible",
            "name it such as --github-environment production",
        ))
    }
}

/// Where landfall's archive is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArchiveUrl(String);

checked!(ArchiveUrl);

impl ArchiveUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// It is not https, or holds what means something to YAML or a shell.
    pub fn parse(text: &str) -> Result<ArchiveUrl, Invalid> {
        let plain = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '~' | '%' | '+' | ':')
        };
        let fits = text
            .strip_prefix("https://")
            .is_some_and(|rest| rest.len() > 3 && rest.contains('/') && rest.chars().all(plain));
        if fits {
            return Ok(ArchiveUrl(text.to_owned()));
        }
        Err(Invalid::new(
            format!("{text:?} cannot be where landfall is fetched from"),
            "it has to begin with https:// and to have neither a query nor a fragment",
            "name a gzipped tar with --archive https://HOST/PATH.tar.gz",
        ))
    }
}

/// A SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sha256(String);

checked!(Sha256);

impl Sha256 {
    /// Checks hexadecimal digits.
    ///
    /// # Errors
    /// They are not 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Sha256, Invalid> {
        if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
            return Ok(Sha256(text.to_ascii_lowercase()));
        }
        Err(Invalid::new(
            "the SHA-256 of the archive is none",
            "it has 64 hexadecimal digits",
            "take what `sha256sum` prints",
        ))
    }
}

/// Checks the app's directory within the repository, as git prints it.
///
/// # Errors
/// It holds what means something to YAML or a shell.
pub fn directory(prefix: &str) -> Result<String, Invalid> {
    let path = prefix.trim_end_matches('/');
    if path.is_empty() {
        return Ok(".".to_owned());
    }
    if path.split('/').all(is_segment) {
        return Ok(path.to_owned());
    }
    Err(Invalid::new(
        format!("{path:?} cannot stand in a workflow"),
        "letters, digits, `.`, `_`, `-` and `/` are possible in the app's path",
        "rename the directory",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(forge: Forge, url: &str) -> String {
        match Project::of_remote(forge, url) {
            Ok(project) => format!("{} {}", project.host, project.path),
            Err(invalid) => invalid.to_string(),
        }
    }

    #[test]
    fn a_remote_names_its_project() {
        for url in [
            "git@github.com:octo/app.git",
            "ssh://git@github.com/octo/app.git",
            "ssh://git@github.com:22/octo/app",
            "https://github.com/octo/app",
            "https://github.com/octo/app.git/",
            "https://user:secret@GitHub.com/octo/app.git",
        ] {
            // The slash that may follow `.git` is no part of it.
            assert_eq!(
                path(Forge::Github, url.trim_end_matches('/')),
                "github.com octo/app",
                "{url}"
            );
        }
        assert_eq!(
            path(Forge::Gitlab, "git@gitlab.example.org:group/sub/app.git"),
            "gitlab.example.org group/sub/app"
        );
    }

    #[test]
    fn what_names_none_is_refused_and_no_password_repeated() {
        for (forge, url) in [
            (Forge::Github, "/srv/git/app.git"),
            (Forge::Github, "file:///srv/git/app.git"),
            (Forge::Github, "https://user:secret@github.com/octo"),
            (
                Forge::Github,
                "https://user:secret@github.com/octo/app/more",
            ),
            (
                Forge::Github,
                "https://user:secret@github.example.com/octo/app",
            ),
            (Forge::Github, "git@github.com:octo/$(id).git"),
            (Forge::Gitlab, "https://user:secret@github.com/octo/app"),
            (Forge::Gitlab, "https://user:secret@gitlab.com/app"),
        ] {
            let refused = Project::of_remote(forge, url).expect_err(url).to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn a_pattern_is_no_branch() {
        for text in [
            "*",
            "main*",
            "release/*",
            "",
            "/main",
            "a//b",
            "-x",
            "a b",
            "a..b",
            "x.lock",
        ] {
            assert!(Branch::parse(text).is_err(), "{text}");
        }
        for text in ["main", "release/1.2", "feature_x", "v1-2"] {
            assert!(Branch::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_archive_is_fetched_by_https_and_known_by_its_sum() {
        assert!(ArchiveUrl::parse("https://example.com/landfall.tar.gz").is_ok());
        for text in [
            "http://example.com/a",
            "https://e.com/a?b=$(id)",
            "https://",
            "https://e.com/a b",
        ] {
            assert!(ArchiveUrl::parse(text).is_err(), "{text}");
        }
        assert!(Sha256::parse(&"aB".repeat(32)).is_ok());
        assert!(Sha256::parse(&"ab".repeat(31)).is_err());
    }

    proptest! {
        /// Whatever passes can stand between double quotes in YAML, in a shell and in a policy.
        #[test]
        fn what_passes_means_nothing_to_anybody(text in "\\PC{0,40}") {
            let meaning = |text: &str| text.contains(['"', '\'', '\\', '$', '`', '*', '?', '#', '\n', ' ', '{', '}', '&', ';', '|', '<', '>', '(', ')', '@', ':']);
            for passed in [
                Branch::parse(&text).ok().map(|b| b.to_string()),
                GithubEnvironment::parse(&text).ok().map(|e| e.to_string()),
                Project::parse(Forge::Github, &text).ok().map(|p| p.path),
                Project::parse(Forge::Gitlab, &text).ok().map(|p| p.path),
                directory(&text).ok(),
            ].into_iter().flatten() {
                prop_assert!(!meaning(&passed), "{}", passed);
            }
        }
    }
}
