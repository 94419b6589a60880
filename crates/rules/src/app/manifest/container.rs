//! What the app's container may do: the table `[container]`. It is only for apps that fail with the defaults.

use super::newtype::text_value;
use super::problem::{Invalid, listed, quoted};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Where every app may write, whatever else it may not.
pub const TMP: &str = "/tmp";

/// What a container may do. The default is as little as a web app needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The user that it runs as. In a manifest, [`None`] means the image's own user, or [`User::nobody`] if
    /// that user is root. In a revision, [`None`] means the platform's default user, which is not root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Whether nothing of the image can be written; [`TMP`] can.
    pub read_only: bool,
    /// Directories that can be written all the same. They begin empty and lie in memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<WritablePath>,
    /// Those of Docker's default capabilities that are kept, and [`Capability::SysPtrace`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// Whether no program that it starts gets more rights than it has: neither by setuid nor by
    /// capabilities of files.
    pub no_new_privileges: bool,
}

impl Default for Container {
    fn default() -> Container {
        Container {
            user: None,
            read_only: true,
            writable: Vec::new(),
            capabilities: Vec::new(),
            no_new_privileges: true,
        }
    }
}

impl Container {
    /// The same with the user it runs as: the one that was asked for, else the image's own (`""` if it
    /// sets none), but root only if that was asked for.
    #[must_use]
    pub fn of_image(&self, image_user: &str) -> Container {
        let own = || User::parse(image_user).ok().filter(|user| !user.is_root());
        let user = self.user.clone().or_else(own);
        Container {
            user: Some(user.unwrap_or_else(User::nobody)),
            ..self.clone()
        }
    }

    /// What Lambda makes of every container, whatever is asked for.
    #[must_use]
    pub fn on_lambda(&self) -> Container {
        Container {
            no_new_privileges: self.no_new_privileges,
            ..Container::default()
        }
    }

    /// Whether it runs as root.
    pub fn is_root(&self) -> bool {
        self.user.as_ref().is_some_and(User::is_root)
    }
}

/// A user, with or without a group, by name or number, as `USER` in a Dockerfile. From the key
/// `container.user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct User(String);

text_value!(User);

impl User {
    /// Checks the form of a user.
    pub fn parse(text: &str) -> Result<User, Invalid> {
        let word = |part: &str| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
            !part.is_empty() && !part.starts_with('-') && part.bytes().all(plain)
        };
        let parts: Vec<&str> = text.split(':').collect();
        if parts.len() <= 2 && parts.iter().all(|part| word(part)) {
            return Ok(User(text.to_owned()));
        }
        Err(Invalid::new(
            format!("container.user {}", quoted(text)),
            "it must be a user, or a user and a group, by name or number",
            "write it as in a Dockerfile's USER: `user = \"1000:1000\"`",
        ))
    }

    /// Owns nothing: for images that leave the user open. The number is that of `nonroot` in many an image.
    pub fn nobody() -> User {
        User("65532:65532".to_owned())
    }

    /// Whether it is root, by name or number.
    pub fn is_root(&self) -> bool {
        let user = self.0.split(':').next().unwrap_or_default();
        user == "root" || (!user.is_empty() && user.bytes().all(|b| b == b'0'))
    }
}

/// A directory in the container, absolute and without detours. From the key `container.writable`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WritablePath(String);

text_value!(WritablePath);

impl WritablePath {
    /// Checks a path.
    pub fn parse(text: &str) -> Result<WritablePath, Invalid> {
        let refuse = |why: &str, fix: &str| {
            let what = format!("container.writable {}", quoted(text));
            Err(Invalid::new(what, why, fix))
        };
        let example = "write a directory such as `/var/cache/app`";
        let Some(path) = text.strip_prefix('/') else {
            return refuse(
                "it must be a path in the container, from the root on",
                example,
            );
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return refuse(
                "that is the whole image",
                "name the directories, or write `read_only = false`",
            );
        }
        // Colons and commas end a path where engines take one.
        let plain = |b: u8| b.is_ascii_graphic() && !b":,\"'\\".contains(&b);
        let part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
        if !path.split('/').all(part) {
            return refuse(
                "it holds `.`, `..` or letters that no engine takes",
                example,
            );
        }
        let first = path.split('/').next().unwrap_or_default();
        if matches!(first, "proc" | "sys" | "dev" | ".landfall") {
            return refuse("that belongs to the kernel or the edge", example);
        }
        Ok(WritablePath(format!("/{path}")))
    }
}

macro_rules! read_from_text {
    ($($type:ident),*) => {$(
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<$type, String> {
                text.parse().map_err(|_| format!("not as landfall writes it: {text}"))
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }
    )*};
}

read_from_text!(User, WritablePath, Capability);

macro_rules! capabilities {
    ($($name:ident = $word:literal: $meaning:literal,)*) => {
        /// A capability of Linux (<https://man7.org/linux/man-pages/man7/capabilities.7.html>) that a
        /// container on Fargate can have: one of Docker's default set, or the only one that Fargate adds to it
        /// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_KernelCapabilities.html>).
        /// From the key `container.capabilities`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Capability {
            $(#[doc = $meaning] $name,)*
        }

        impl Capability {
            /// Every one, in the order of the alphabet.
            pub const ALL: [Capability; [$($word),*].len()] = [$(Capability::$name),*];

            /// ECS's word for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Capability::$name => $word,)*
                }
            }
        }
    };
}

capabilities! {
    AuditWrite = "AUDIT_WRITE": "Write to the kernel's audit log.",
    Chown = "CHOWN": "Give files to other users.",
    DacOverride = "DAC_OVERRIDE": "Read and write files whatever their permissions.",
    Fowner = "FOWNER": "Change permissions of files of other users.",
    Fsetid = "FSETID": "Keep set-user-ID bits of files that are changed.",
    Kill = "KILL": "Send signals to processes of other users.",
    Mknod = "MKNOD": "Make device files.",
    NetBindService = "NET_BIND_SERVICE": "Listen on ports below 1024.",
    NetRaw = "NET_RAW": "Send raw packets, as ping does.",
    Setfcap = "SETFCAP": "Give capabilities to files.",
    Setgid = "SETGID": "Become another group.",
    Setpcap = "SETPCAP": "Drop capabilities for good.",
    Setuid = "SETUID": "Become another user.",
    SysChroot = "SYS_CHROOT": "Change the root directory.",
    SysPtrace = "SYS_PTRACE": "Look into other processes.",
}

impl Capability {
    /// Whether Docker grants it to every container by default.
    pub fn is_default(self) -> bool {
        self != Capability::SysPtrace
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Capability, Invalid> {
        if let Some(found) = Capability::ALL.iter().find(|one| one.as_str() == text) {
            return Ok(*found);
        }
        let upper = text.to_uppercase().replace('-', "_");
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        let meant = Capability::ALL
            .iter()
            .map(|one| (strsim::damerau_levenshtein(bare, one.as_str()), one))
            .min()
            .filter(|(distance, one)| {
                distance * 3 <= one.as_str().len()
                    || (bare.len() > 3 && one.as_str().starts_with(bare))
            });
        let fix = match meant {
            Some((_, one)) => format!("write `capabilities = [\"{one}\"]`"),
            None => "remove it: without one of these the app has to make do".to_owned(),
        };
        Err(Invalid::new(
            format!("container.capabilities {}", quoted(text)),
            format!("Fargate offers {}", listed(&Capability::ALL, "or")),
            fix,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_root_only_where_it_was_asked_for() {
        let asked = |user: &str| Container {
            user: User::parse(user).ok(),
            ..Container::default()
        };
        let table = [
            (Container::default(), "", "65532:65532"),
            (Container::default(), "root", "65532:65532"),
            (Container::default(), "0:1000", "65532:65532"),
            (Container::default(), "node", "node"),
            (Container::default(), "1000:1000", "1000:1000"),
            (asked("root"), "node", "root"),
            (asked("12"), "", "12"),
        ];
        for (container, image, expected) in table {
            let user = container.of_image(image).user.map(String::from);
            assert_eq!(user.as_deref(), Some(expected), "{image}");
        }
        assert!(asked("000").is_root() && asked("root:www").is_root());
        assert!(!asked("rooty").is_root() && !asked("10").is_root());
        assert_eq!(asked("root").on_lambda(), Container::default());
    }

    #[test]
    fn what_was_written_is_read_again() {
        let container = Container {
            user: User::parse("1000:www").ok(),
            read_only: false,
            writable: vec![WritablePath::parse("/var/cache/nginx/").expect("a path")],
            capabilities: vec![Capability::Chown, Capability::SysPtrace],
            no_new_privileges: false,
        };
        for container in [Container::default(), container] {
            let text = serde_json::to_string(&container).expect("JSON");
            assert_eq!(
                serde_json::from_str::<Container>(&text).ok(),
                Some(container),
                "{text}"
            );
        }
        let bad = r#"{"read_only":true,"no_new_privileges":true,"writable":["/proc"]}"#;
        assert!(serde_json::from_str::<Container>(bad).is_err());
    }
}
