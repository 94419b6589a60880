//! Whether a variable holds a secret, by its name and by its value. The value itself goes no further.

/// Why a variable looks like a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// Its name indicates a secret.
    Name,
    /// Its value has a known format.
    Format(&'static str),
    /// Its value is long and looks random.
    Random,
}

impl Secret {
    /// A description of the variable, without its value.
    pub fn describe(self) -> String {
        match self {
            Secret::Name => "is named like a secret".to_owned(),
            Secret::Format(what) => format!("holds {what}"),
            Secret::Random => "holds a long random text".to_owned(),
        }
    }
}

/// Shortest run of letters and digits that may be random: 16 bytes in base64 are 22.
const RANDOM_LENGTH: usize = 20;

/// Least entropy of such a run, bits a character. 20 random ones of 62 have 3.9 on average; a pattern
/// that repeats has less.
const RANDOM_BITS: f64 = 3.4;

/// Least share of neighbours that change between lower case, upper case and digits. Random text of 62
/// characters has 0.45, words that each begin with a capital (which do not count) at most 0.25.
const RANDOM_CHANGES: f64 = 0.3;

/// Why `name` with `value` looks like a secret; [`None`] if it does not.
///
/// A text of hexadecimal digits alone is none by its value: digests and commits look like keys.
pub fn recognise(name: &str, value: &str) -> Option<Secret> {
    let value = value.trim();
    if let Some(format) = known_format(value) {
        return Some(Secret::Format(format));
    }
    if is_named_secret(name) && may_be_secret(value) {
        return Some(Secret::Name);
    }
    is_random(value).then_some(Secret::Random)
}

/// Words that mean a secret wherever they stand in a name.
const WORDS: [&str; 10] = [
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PRIVATEKEY",
    "PWD",
    "SECRET",
    "TOKEN",
];

/// Words that mean a secret before `KEY`.
const KEYS: [&str; 8] = [
    "ACCESS",
    "API",
    "AUTH",
    "ENCRYPTION",
    "MASTER",
    "PRIVATE",
    "SIGNING",
    "SECRET",
];

/// Last words of names of variables that describe a secret, or its location.
const ABOUT: [&str; 24] = [
    "ARN", "COUNT", "DAYS", "DIR", "ENABLED", "ENDPOINT", "EXPIRY", "FILE", "HEADER", "HOST", "ID",
    "ISSUER", "LENGTH", "LIMIT", "MINUTES", "NAME", "PATH", "POLICY", "PREFIX", "REGION",
    "SECONDS", "TTL", "TYPE", "URL",
];

fn is_named_secret(name: &str) -> bool {
    let words = words(name);
    if words
        .last()
        .is_none_or(|last| ABOUT.contains(&last.as_str()))
    {
        return false;
    }
    // The shell's own variables for directories.
    if matches!(name, "PWD" | "OLDPWD") {
        return false;
    }
    let before_key = |pair: &[String]| pair[1] == "KEY" && KEYS.contains(&pair[0].as_str());
    words.iter().any(|word| WORDS.contains(&word.as_str())) || words.windows(2).any(before_key)
}

/// `dbPassword2` and `DB-PASSWORD` as `DB`, `PASSWORD`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_lower = false;
    for c in name.chars() {
        let starts = before_lower && c.is_uppercase();
        if starts || !c.is_alphabetic() {
            words.push(String::new());
        }
        if c.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_uppercase());
        }
        before_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Not a switch, a number or a pointer to where the secret is.
fn may_be_secret(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_switch = matches!(
        lower.as_str(),
        "" | "true" | "false" | "on" | "off" | "yes" | "no" | "none"
    );
    let is_short_number = value.len() <= 4 && value.bytes().all(|b| b.is_ascii_digit());
    let is_pointer = lower.starts_with("arn:") || value.starts_with('/');
    !is_switch && !is_short_number && !is_pointer
}

/// Prefixes of keys, how many characters must follow at least, and whose they are.
const PREFIXES: [(&str, usize, &str); 19] = [
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("ghp_", 20, "a GitHub token"),
    ("gho_", 20, "a GitHub token"),
    ("ghu_", 20, "a GitHub token"),
    ("ghs_", 20, "a GitHub token"),
    ("ghr_", 20, "a GitHub token"),
    ("github_pat_", 20, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("xoxb-", 16, "a Slack token"),
    ("xoxp-", 16, "a Slack token"),
    ("xapp-", 16, "a Slack token"),
    ("sk_live_", 16, "a Stripe key"),
    ("rk_live_", 16, "a Stripe key"),
    ("sk-", 32, "a key of an API"),
    ("AIza", 30, "a Google API key"),
    ("npm_", 30, "an npm token"),
    ("pypi-", 30, "a PyPI token"),
    ("SG.", 30, "a SendGrid key"),
];

fn known_format(value: &str) -> Option<&'static str> {
    let is_key = |prefix: &str, length: usize| {
        value.strip_prefix(prefix).is_some_and(|rest| {
            rest.len() >= length
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
                // Words with hyphens between are a name: sk-learn-…
                && (rest.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase()))
        })
    };
    if let Some((_, _, what)) = PREFIXES.iter().find(|(p, length, _)| is_key(p, *length)) {
        return Some(what);
    }
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if is_jwt(value) {
        return Some("a JSON Web Token");
    }
    if value.contains("hooks.slack.com/services/") {
        return Some("a Slack webhook");
    }
    has_password_in_url(value).then_some("an address with a password in it")
}

/// Three parts of base64url, of which the first two are JSON objects (RFC 7519).
fn is_jwt(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    let is_base64url = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    parts.len() == 3
        && parts[..2]
            .iter()
            .all(|part| part.starts_with("eyJ") && part.len() > 8)
        && parts.iter().all(|part| is_base64url(part))
}

/// `scheme://user:password@host`, for any scheme.
fn has_password_in_url(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with("${"))
}

/// Whether a value is one piece of base64, of which some run of letters and digits looks random.
fn is_random(value: &str) -> bool {
    let is_base64 = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b));
    is_base64
        && !value.starts_with('/')
        && value
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(is_random_run)
}

#[derive(PartialEq, Clone, Copy)]
enum Class {
    Upper,
    Lower,
    Digit,
}

fn is_random_run(run: &str) -> bool {
    if run.len() < RANDOM_LENGTH {
        return false;
    }
    let classes: Vec<Class> = run
        .bytes()
        .map(|b| match b {
            b'0'..=b'9' => Class::Digit,
            b'A'..=b'Z' => Class::Upper,
            _ => Class::Lower,
        })
        .collect();
    let all = [Class::Upper, Class::Lower, Class::Digit];
    let changes = classes
        .windows(2)
        .filter(|pair| pair[0] != pair[1] && *pair != [Class::Upper, Class::Lower])
        .count();
    all.iter().all(|class| classes.contains(class))
        && ratio(changes, run.len() - 1) >= RANDOM_CHANGES
        && entropy(run) >= RANDOM_BITS
}

/// Shannon's entropy of the characters, in bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for byte in text.bytes() {
        *counts.entry(byte).or_insert(0_usize) += 1;
    }
    counts
        .values()
        .map(|count| ratio(*count, text.len()))
        .map(|share| -share * share.log2())
        .sum()
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
