//! The secret that protects a task's counts: landfall sends it, the edge compares it.

/// A secret. Its debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Accepts 16 to 256 printable ASCII characters without spaces; [`None`] for anything else.
    pub fn parse(text: &str) -> Option<Secret> {
        let fits = (16..=256).contains(&text.len());
        (fits && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Secret(text.to_owned()))
    }

    /// The secret itself, to be sent.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `text` is the secret. The time this takes does not depend on how much of it matches.
    pub fn is(&self, text: &[u8]) -> bool {
        let secret = self.0.as_bytes();
        let differences = secret.iter().zip(text).fold(0, |sum, (a, b)| sum | (a ^ b));
        secret.len() == text.len() && differences == 0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_matches_and_debug_output_hides_it() {
        let secret = Secret::parse("0123456789abcdef").expect("a secret");
        assert!(secret.is(b"0123456789abcdef"));
        for other in [&b"0123456789abcdeg"[..], b"", b"0123456789abcdef0"] {
            assert!(!secret.is(other), "{other:?}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for bad in ["", "short", "0123456789 abcdef", &"x".repeat(257)] {
            assert_eq!(Secret::parse(bad), None, "{bad}");
        }
    }
}
