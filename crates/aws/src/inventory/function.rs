//! Resources of the Lambda target: the function by its name, the HTTP API by its name or tags.

use super::Inventory;
use crate::error::{Error, ErrorKind, translate};
use aws_sdk_apigatewayv2::types::Api;
use rules::operate::sweep::{Found, Kind};

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
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .apis
                .get_apis()
                .set_next_token(token.take())
                .send()
                .await
                .map_err(translate("apigateway:GET"))?;
            let ours = page.items.unwrap_or_default().into_iter();
            all.extend(
                ours.filter(|api| self.is_our_api(api))
                    .filter_map(|api| api.api_id)
                    .map(|id| Found::new(Kind::HttpApi, id)),
            );
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    fn is_our_api(&self, api: &Api) -> bool {
        let has = |(key, value): &(&str, String)| {
            let tags = api.tags();
            tags.is_some_and(|tags| tags.get(*key) == Some(value))
        };
        api.name() == Some(&self.names.function()) || self.tags().iter().all(has)
    }
}
