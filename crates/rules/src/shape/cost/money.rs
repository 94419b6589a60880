//! Amounts of USD as people read them.

/// USD rounded to the cent, halves up: `36.39`. A plain `{:.2}` would round 36.385 by its binary
/// fraction.
pub fn cents(usd: f64) -> String {
    format!("{:.2}", whole_cents(usd) / 100.0)
}

/// A price for one unit, with two decimals; a smaller one than a cent is `<0.01`.
pub fn unit_price(usd: f64) -> String {
    match usd > 0.0 && whole_cents(usd) < 1.0 {
        true => "<0.01".to_owned(),
        false => cents(usd),
    }
}

/// USD in whole cents, rounded as [`cents`] does.
pub(super) fn whole_cents(usd: f64) -> f64 {
    // A millionth of a cent outweighs what adding floats loses, and no price has that many digits.
    (usd * 100.0 + 1e-6 + 0.5).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_cent_are_rounded_up_whatever_the_binary_fraction() {
        assert_eq!(cents(36.385), "36.39");
        assert_eq!(cents(16.425), "16.43");
        assert_eq!(cents(0.1 + 0.2), "0.30");
        assert_eq!(cents(0.004), "0.00");
        assert_eq!(cents(0.0), "0.00");
        assert_eq!(cents(78.245), "78.25");
    }

    #[test]
    fn a_unit_price_below_a_cent_is_not_nothing() {
        assert_eq!(unit_price(0.004445), "<0.01");
        assert_eq!(unit_price(0.005), "0.01");
        assert_eq!(unit_price(0.0), "0.00");
        assert_eq!(unit_price(1.0), "1.00");
    }
}
