//! The parameters of one call, as a form carries them.

use std::collections::BTreeMap;

/// Names and values; the first of two equal names counts.
#[derive(Default)]
pub struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads `a=b&c=d`, percent-decoded; what is no UTF-8 is replaced.
    pub fn parse(form: &[u8]) -> Self {
        url::form_urlencoded::parse(form).collect()
    }

    /// The value of `name`; empty where there is none, as Zoho makes no difference.
    pub fn value(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Adds what `other` has and this lacks.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// Whether any of `names` is there.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.0.contains_key(*name))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Params {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        let mut params = BTreeMap::new();
        for (name, value) in pairs {
            params.entry(name.into()).or_insert_with(|| value.into());
        }
        Self(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_equal_names_counts_and_the_body_comes_before_the_url() {
        let body = Params::parse(b"code=1000.a&code=2&scope=a%2Cb");
        let both = body.or(Params::parse(b"code=3&client_id=x"));
        assert_eq!(both.value("code"), "1000.a");
        assert_eq!(both.value("scope"), "a,b");
        assert_eq!(both.value("client_id"), "x");
        assert_eq!(both.value("nothing"), "");
    }
}
