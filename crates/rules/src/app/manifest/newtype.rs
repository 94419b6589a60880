//! What the types of checked values have in common. Each has its own constructor, which holds the rule.

/// For a type around a text, which has `parse`.
macro_rules! text_value {
    ($type:ident) => {
        impl $type {
            /// The value as plain text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::app::manifest::Invalid;

            fn from_str(text: &str) -> Result<$type, $crate::app::manifest::Invalid> {
                $type::parse(text)
            }
        }
    };
}

/// For a type around a number, which has `new`.
macro_rules! number_value {
    ($type:ident, $getter:ident -> $number:ty) => {
        impl $type {
            /// The value as a plain number, in the unit of the type.
            pub fn $getter(self) -> $number {
                self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

pub(super) use {number_value, text_value};
