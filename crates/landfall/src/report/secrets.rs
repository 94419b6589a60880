//! Secrets as a table, without their values.

use rules::operate::secrets::Row;
use rules::time::Timestamp;

/// One line per secret, below a heading.
pub(super) fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no secrets: landfall.toml lists none, and none is set".to_owned();
    }
    let heading = ["NAME", "STORE", "VERSION", "CHANGED", ""].map(str::to_owned);
    let lines: Vec<[String; 5]> = [heading].into_iter().chain(rows.iter().map(line)).collect();
    let width = |column: usize| {
        let widths = lines.iter().map(|line| line[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let text: Vec<String> = lines
        .iter()
        .map(|line| {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(widths) {
                text.push_str(&format!("{cell:width$}  "));
            }
            text.push_str(&line[4]);
            text.trim_end().to_owned()
        })
        .collect();
    text.join("\n")
}

fn line(row: &Row) -> [String; 5] {
    let Some(stored) = &row.stored else {
        let dash = || "-".to_owned();
        let next = format!("not set: `landfall secrets set {}`", row.name);
        return [row.name.to_string(), dash(), dash(), dash(), next];
    };
    let changed = stored
        .changed
        .map_or_else(|| "-".to_owned(), |at| at.readable(Timestamp(0)));
    let remark = match (row.wanted, row.used) {
        (_, true) => "",
        (true, false) => "not used: `secrets_store` is the other store",
        (false, false) => "landfall.toml does not list it",
    };
    // IDs of Secrets Manager are long; their first digits are enough.
    let version: String = stored.version.chars().take(8).collect();
    [
        row.name.to_string(),
        stored.store.to_string(),
        version,
        changed,
        remark.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::app::manifest::{SecretName, SecretsStore};
    use rules::operate::secrets::Stored;

    #[test]
    fn a_table_of_secrets() {
        let row = |name: &str, version: Option<&str>, wanted: bool, used: bool| {
            let name = SecretName::parse(name).expect("a name");
            let stored = version.map(|version| Stored {
                name: name.clone(),
                store: match used || !wanted {
                    true => SecretsStore::ParameterStore,
                    false => SecretsStore::SecretsManager,
                },
                id: "id".into(),
                version: version.into(),
                changed: Some(Timestamp(1_795_435_390_000)),
            });
            Row {
                name,
                wanted,
                used,
                stored,
            }
        };
        let rows = [
            row("API_KEY", Some("8a1f0c2d-77aa-4bd0"), true, false),
            row("DATABASE_URL", Some("12"), true, true),
            row("OLD", Some("1"), false, false),
            row("SESSION_KEY", None, true, false),
        ];
        insta::assert_snapshot!("secrets", table(&rows));
    }
}
