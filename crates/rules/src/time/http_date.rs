//! The `Date` of an HTTP answer.

use super::Timestamp;

impl Timestamp {
    /// Reads the form that every server sends, `Sun, 06 Nov 1994 08:49:37 GMT`
    /// (<https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>). [`None`] for anything else.
    pub fn from_http_date(text: &str) -> Option<Timestamp> {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        let (_day_of_week, rest) = text.split_once(", ")?;
        let mut fields = rest.split(' ');
        let day = fields.next()?;
        let name = fields.next()?;
        let month = MONTHS.iter().position(|month| *month == name)? + 1;
        let (year, time) = (fields.next()?, fields.next()?);
        if fields.next() != Some("GMT") || fields.next().is_some() {
            return None;
        }
        Timestamp::parse_rfc3339(&format!("{year}-{month:02}-{day:0>2}T{time}Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        let read = Timestamp::from_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(read, Some(Timestamp(784_111_777_000)));
        for other in [
            "",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
        ] {
            assert_eq!(Timestamp::from_http_date(other), None, "{other}");
        }
    }
}
