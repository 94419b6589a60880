//! Which mechanisms of the edge apply to which paths.

/// What can be switched off for a path prefix. Everything is on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// Retries.
    pub retry: bool,
    /// Failing fast while the app is down.
    pub circuit: bool,
    /// Rejecting requests when the app is at its limit.
    pub shed: bool,
    /// The time limit until the answer begins.
    pub deadline: bool,
    /// The access log.
    pub log: bool,
}

impl Switches {
    /// Everything on.
    pub const ALL: Switches = Switches {
        retry: true,
        circuit: true,
        shed: true,
        deadline: true,
        log: true,
    };

    /// The names in `LANDFALL_EDGE_RULES`.
    pub const NAMES: [&'static str; 5] = ["retry", "circuit", "shed", "deadline", "log"];

    fn switch_off(&mut self, name: &str) -> bool {
        let switch = match name {
            "retry" => &mut self.retry,
            "circuit" => &mut self.circuit,
            "shed" => &mut self.shed,
            "deadline" => &mut self.deadline,
            "log" => &mut self.log,
            _ => return false,
        };
        *switch = false;
        true
    }
}

/// Path prefixes, with what is switched off below them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathRules {
    /// Longest prefix first: only the most specific one applies.
    rules: Vec<(String, Switches)>,
}

impl PathRules {
    /// Parses `/pay=-retry,-shed;/events=-deadline`.
    pub fn parse(text: &str) -> Result<PathRules, String> {
        let mut rules = Vec::new();
        for rule in text
            .split(';')
            .map(str::trim)
            .filter(|rule| !rule.is_empty())
        {
            let Some((prefix, names)) = rule.split_once('=') else {
                return Err(format!("`{}` has no `=`", rule.escape_debug()));
            };
            let prefix = prefix.trim();
            if !prefix.starts_with('/') || prefix.contains(['?', '#', '%']) {
                return Err(format!("`{}` is not a plain path", prefix.escape_debug()));
            }
            let mut switches = Switches::ALL;
            for name in names.split(',').map(str::trim) {
                if !name
                    .strip_prefix('-')
                    .is_some_and(|name| switches.switch_off(name))
                {
                    return Err(format!("`{}` is not a switch", name.escape_debug()));
                }
            }
            let prefix = prefix.trim_end_matches('/').to_owned();
            if rules.iter().any(|(known, _)| *known == prefix) {
                return Err(format!("`{}` is there twice", rule.escape_debug()));
            }
            rules.push((prefix, switches));
        }
        rules.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Ok(PathRules { rules })
    }

    /// What applies to a path. `/pay` covers `/pay` and `/pay/card`, not `/payments`.
    pub fn of(&self, path: &str) -> Switches {
        let covers = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let found = self.rules.iter().find(|(prefix, _)| covers(prefix));
        found.map_or(Switches::ALL, |(_, switches)| *switches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_most_specific_prefix_applies() {
        let rules = PathRules::parse("/=-log; /pay=-retry,-shed;/pay/status=-log;").expect("rules");
        let off = |path: &str| {
            let Switches {
                retry,
                circuit,
                shed,
                deadline,
                log,
            } = rules.of(path);
            assert!(circuit && deadline);
            (retry, shed, log)
        };
        assert_eq!(off("/"), (true, true, false));
        assert_eq!(off("/pay"), (false, false, true));
        assert_eq!(off("/pay/card"), (false, false, true));
        assert_eq!(off("/payments"), (true, true, false));
        assert_eq!(off("/pay/status"), (true, true, false));
        assert_eq!(PathRules::default().of("/x"), Switches::ALL);
    }

    #[test]
    fn mistakes_are_named() {
        for (bad, why) in [
            ("/a", "`/a` has no `=`"),
            ("a=-retry", "`a` is not a plain path"),
            ("/a=retry", "`retry` is not a switch"),
            ("/a=-retries", "`-retries` is not a switch"),
            ("/a=", "`` is not a switch"),
            ("/a=-retry;/a/=-log", "`/a/=-log` is there twice"),
        ] {
            assert_eq!(PathRules::parse(bad), Err(why.to_owned()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".*", rules in "[/a=;,-]{0,30}", path in ".*") {
            for text in [text, rules] {
                if let Ok(rules) = PathRules::parse(&text) {
                    let _ = rules.of(&path);
                }
            }
        }
    }
}
