//! Resources of the Lambda target: the function by its name, the HTTP API by its name or tags.

use super::Inventory;
use crate::error::{Error, ErrorKind, translate};
use rules::operate::sweep::{Found, Kind};
use std::collections::BTreeMap;

impl Inventory {
    pub(super) async fn functions(&self) -> Result<Vec<Found>, Error> {
        let function = self.names.function();
        let answer = self
            .lambda
            .get_function_configuration()
            .function_name(&function)
            .send()
            .await
            .map_err(translate("lambda:GetFunctionConfiguration"));
        match answer {
            Ok(_) => Ok(vec![Found::new(Kind::Function, function)]),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Names of APIs are not unique, and an API that was renamed still has its tags.
    pub(super) async fn http_apis(&self) -> Result<Vec<Found>, Error> {
        let function = self.names.function();
        let apis = self.apis.apis().await?.into_iter();
        Ok(apis
            .filter(|api| api.name.as_ref() == Some(&function) || self.has_tags(api.tags.as_ref()))
            .filter_map(|api| api.api_id)
            .map(|id| Found::new(Kind::HttpApi, id))
            .collect())
    }

    /// Whether these tags include those of the environment.
    pub(super) fn has_tags(&self, tags: Option<&BTreeMap<String, String>>) -> bool {
        let has = |(key, value): &(&str, String)| {
            let found = tags.and_then(|tags| tags.get(*key));
            found == Some(value)
        };
        self.tags().iter().all(has)
    }
}
