//! What is treated as a secret, and what is not.

use super::*;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

#[test]
fn names_that_indicate_a_secret() {
    for name in [
        "DB_PASSWORD",
        "dbPassword",
        "SECRET",
        "SECRET_KEY_BASE",
        "STRIPE_API_KEY",
        "TOKEN",
        "GITHUB_TOKEN",
        "SSH_PRIVATE_KEY",
        "redis-passwd",
        "AWS_SECRET_ACCESS_KEY",
        "apiKey",
        "JWT_SIGNING_KEY",
    ] {
        assert_eq!(recognise(name, "hunter2"), Some(Secret::Name), "{name}");
    }
}

#[test]
fn names_that_only_sound_like_it() {
    for (name, value) in [
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
        ("SECRET_ARN", "arn:aws:secretsmanager:eu-west-2:1:secret:a"),
        ("API_TOKEN", "arn:aws:ssm:eu-west-2:1:parameter/a"),
        ("TOKEN_TTL", "3600"),
        ("MAX_TOKENS", "4096"),
        ("PASSWORD_LOGIN", "false"),
        ("TOKEN_ISSUER", "https://id.example.com"),
        ("KEY", "blue"),
        ("CACHE_KEY", "v2"),
        ("SECRETARY", "Ada"),
        ("TOKENIZER", "cl100k"),
        ("PWD", "/app"),
        ("KEYBOARD", "qwerty"),
        ("PASSWORD", ""),
        ("AUTHOR", "Grace Hopper"),
    ] {
        assert_eq!(recognise(name, value), None, "{name}");
    }
}

/// Put together here, so that no scanner takes this file for a leak.
#[test]
fn formats_of_known_keys() {
    let body = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8";
    for (value, what) in [
        (format!("AKIA{}", "ABCDEFGH12345678"), "an AWS access key"),
        (format!("ghp_{body}"), "a GitHub token"),
        (format!("github_pat_{body}"), "a GitHub token"),
        (format!("glpat-{body}"), "a GitLab token"),
        (format!("xoxb-{body}"), "a Slack token"),
        (format!("sk_live_{body}"), "a Stripe key"),
        (format!("sk-{body}"), "a key of an API"),
        (format!("AIza{body}"), "a Google API key"),
        (
            format!("-----BEGIN {}PRIVATE KEY-----\nx", "RSA "),
            "a private key",
        ),
        (
            format!("eyJhbGciOi{}.eyJzdWIi{}.{body}", "J9", "OiJ9"),
            "a JSON Web Token",
        ),
        (
            "postgres://app:hunter2@db.internal/app".to_owned(),
            "an address with a password in it",
        ),
    ] {
        assert_eq!(
            recognise("SETTING", &value),
            Some(Secret::Format(what)),
            "{what}"
        );
    }
}

#[test]
fn values_of_every_day_pass() {
    for value in [
        "postgres://db.internal:5432/app",
        "postgres://app@db.internal/app",
        "https://example.com/a/b?c=d#e",
        "6f1ed002-ab56-4f1c-a5d4-0c5d2b6a9f10",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "2026-11-23T20:07:45.123456Z",
        "TheQuickBrownFoxJumpsOverTheLazyDog2",
        "arn:aws:sns:us-east-1:123456789012:hello-prod-alarms",
        "sk-learn-style-names-are-not-a-secret-of-any-kind",
        "/var/lib/App1/Data2/Files3/Cache4Index5",
        "en_GB.UTF-8",
        "--max-old-space-size=4096",
        "BEGIN PRIVATE KEY",
    ] {
        assert_eq!(recognise("SETTING", value), None, "{value}");
    }
}

/// Base64 of as many bytes, without its separators: the same texts in every run.
fn random_text(seed: u32, length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::new();
    for block in 0_u32.. {
        let hash = Sha256::digest([seed.to_le_bytes(), block.to_le_bytes()].concat());
        for byte in hash.iter().filter(|byte| **byte < 248) {
            text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            if text.len() == length {
                return text;
            }
        }
    }
    text
}

#[test]
fn nearly_all_random_texts_are_found() {
    for (length, at_least) in [(24, 850), (32, 940), (43, 980), (64, 995)] {
        let found = (0..1000)
            .filter(|seed| recognise("SETTING", &random_text(*seed, length)).is_some())
            .count();
        assert!(
            found >= at_least,
            "{found} of 1000 with {length} characters"
        );
    }
}

proptest! {
    #[test]
    fn words_never_look_random(text in "[a-zA-Z]?[a-z]{0,14}([-_ ./:,=][A-Z]?[a-z]{1,14}[0-9]{0,4}){0,8}") {
        prop_assert_eq!(recognise("SETTING", &text), None);
    }

    #[test]
    fn joined_words_never_look_random(text in "([A-Z][a-z]{3,12}){1,8}[0-9]{0,4}") {
        prop_assert_eq!(recognise("SETTING", &text), None);
    }

    #[test]
    fn addresses_never_look_random(text in "https?://[a-z]{1,12}(\\.[a-z]{2,12}){1,3}(:[0-9]{2,5})?(/[a-zA-Z0-9_-]{1,40}){0,4}") {
        prop_assert_eq!(recognise("SETTING", &text), None);
    }

    #[test]
    fn numbers_and_digests_never_look_random(text in "[0-9]{1,40}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|v?[0-9]{1,3}(\\.[0-9]{1,3}){1,3}") {
        prop_assert_eq!(recognise("SETTING", &text), None);
    }

    #[test]
    fn no_value_is_repeated(value in "\\PC{12,60}", name in "[A-Z]{3,8}_TOKEN") {
        if let Some(secret) = recognise(&name, &value) {
            prop_assert!(!secret.describe().contains(&value));
        }
    }
}
