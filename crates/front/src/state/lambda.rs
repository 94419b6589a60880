//! Lambda functions, their versions and aliases.

use crate::clock::Moment;
use std::collections::BTreeMap;

/// The version that changes.
pub const LATEST: &str = "$LATEST";

/// Functions by name.
#[derive(Debug, Default)]
pub struct Functions {
    /// Functions by name.
    pub functions: BTreeMap<String, Function>,
}

/// A function.
#[derive(Debug, Default)]
pub struct Function {
    /// Versions by number, and `$LATEST`.
    pub versions: BTreeMap<String, Version>,
    /// The version that each alias names first.
    pub aliases: BTreeMap<String, String>,
    /// Until when an update is in progress.
    pub update: Moment,
    /// Reserved concurrency.
    pub reserved: Option<u64>,
    /// Invocations that have not ended.
    pub in_flight: u64,
    /// Memory in MB.
    pub memory: u64,
}

/// A version of a function.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// From when on it is active.
    pub active: Moment,
    /// URI of its image.
    pub image: String,
    /// When it is active again after it was inactive; [`None`] while it sleeps.
    pub awake: Option<Moment>,
    /// Whether it has been invoked.
    pub is_warm: bool,
}

/// A function and a version or alias, as a call names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The function's name.
    pub function: String,
    /// Version or alias; `$LATEST` unless the call names one.
    pub qualifier: String,
}

impl Named {
    /// Reads `NAME`, `NAME:QUALIFIER` or an ARN of either, and the `Qualifier` of the query.
    #[must_use]
    pub fn read(text: &str, qualifier: Option<&str>) -> Named {
        let name = text
            .rsplit_once(":function:")
            .map_or(text, |(_, name)| name);
        let (function, own) = match name.split_once(':') {
            Some((function, own)) => (function, Some(own)),
            None => (name, None),
        };
        Named {
            function: function.to_owned(),
            qualifier: qualifier.or(own).unwrap_or(LATEST).to_owned(),
        }
    }
}

impl Functions {
    /// The function with its entry made if it is new.
    pub fn entry(&mut self, name: &str) -> &mut Function {
        self.functions.entry(name.to_owned()).or_default()
    }

    /// The version that a qualifier names, by number, if it passed through here.
    #[must_use]
    pub fn version(&self, named: &Named) -> Option<(String, &Version)> {
        let function = self.functions.get(&named.function)?;
        let number = function.aliases.get(&named.qualifier);
        let number = number.unwrap_or(&named.qualifier);
        Some((number.clone(), function.versions.get(number)?))
    }

    /// Concurrency that functions other than `name` have reserved.
    #[must_use]
    pub fn reserved_by_others(&self, name: &str) -> u64 {
        let others = self.functions.iter().filter(|(other, _)| *other != name);
        others.filter_map(|(_, function)| function.reserved).sum()
    }

    /// Lets every version sleep.
    pub fn sleep(&mut self) {
        for function in self.functions.values_mut() {
            for version in function.versions.values_mut() {
                version.awake = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_four_ways() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:app";
        for (text, qualifier, expected) in [
            ("app", None, "$LATEST"),
            ("app:live", None, "live"),
            ("app", Some("3"), "3"),
            (arn, None, "$LATEST"),
            (&format!("{arn}:7"), None, "7"),
        ] {
            let named = Named::read(text, qualifier);
            assert_eq!(
                (&*named.function, &*named.qualifier),
                ("app", expected),
                "{text}"
            );
        }
    }
}
