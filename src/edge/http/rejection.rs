//! The body of a report that Zoho's API refused a token.

use serde::Deserialize;
use serde_json::Value;

use super::call::BadAsk;
use crate::policy::report::ApiCode;

/// What a reader says of its token.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The generation of the token that was refused.
    pub generation: u64,
    /// What the API said.
    pub code: ApiCode,
}

impl Rejection {
    pub(super) fn parse(body: &[u8]) -> Result<Self, BadAsk> {
        // Neither value is quoted: a job that mistakes its fields may have put its token there.
        let body: Body = serde_json::from_slice(body).map_err(|err| {
            malformed(&format!(
                "is not this JSON and nothing else (column {})",
                err.column()
            ))
        })?;
        let generation = body.generation.as_ref().and_then(Value::as_u64);
        let generation = generation.ok_or_else(|| {
            malformed("needs as `generation` the whole number that came with the token")
        })?;
        let code = match (&body.code, &body.answer) {
            (Some(_), Some(_)) => Err(malformed("needs either `code` or `answer`")),
            // What has no code is no word on the token.
            (None, Some(answer)) => Ok(ApiCode::in_answer(answer).unwrap_or(ApiCode::of(""))),
            (code, None) => in_text(code.as_ref()),
        };
        Ok(Self {
            generation,
            code: code?,
        })
    }
}

fn in_text(code: Option<&Value>) -> Result<ApiCode, BadAsk> {
    let code = code.and_then(Value::as_str);
    let code = code.filter(|code| !code.trim().is_empty());
    code.map(ApiCode::of).ok_or_else(|| {
        malformed("needs as `code` the text that stands under \"code\" in Zoho's answer")
    })
}

fn malformed(what: &str) -> BadAsk {
    let wanted = r#"{"generation":1795306331,"code":"INVALID_TOKEN"}"#;
    BadAsk::Malformed(format!("the report's body {what}; send it like {wanted}"))
}

/// The body as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    generation: Option<Value>,
    code: Option<Value>,
    answer: Option<Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> String {
        match Rejection::parse(body.as_bytes()) {
            Err(BadAsk::Malformed(told)) => told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_report_is_a_generation_and_a_code() {
        let body = br#"{"code":"INVALID_TOKEN","generation":7}"#;
        let wanted = Rejection {
            generation: 7,
            code: ApiCode::of("INVALID_TOKEN"),
        };
        assert_eq!(Rejection::parse(body), Ok(wanted));
    }

    #[test]
    fn a_whole_answer_of_zohos_stands_in_the_place_of_its_code() {
        let told = |answer: &str| {
            let body = format!(r#"{{"generation":7,"answer":{answer}}}"#);
            Rejection::parse(body.as_bytes()).map(|own| own.code.name)
        };
        let nested = r#"{"data":[{"code":"INVALID_TOKEN","status":"error"}]}"#;
        assert_eq!(told(nested), Ok("INVALID_TOKEN"));
        for none in [
            "{}",
            "7",
            r#"{"data":[{"code":"SUCCESS"}]}"#,
            r#""1000.canary""#,
        ] {
            assert_eq!(told(none), Ok("an unknown code"), "{none}");
        }
        let both = br#"{"generation":7,"code":"INVALID_TOKEN","answer":{}}"#;
        assert!(Rejection::parse(both).is_err());
    }

    #[test]
    fn what_is_wrong_with_a_report_is_told_with_what_is_right() {
        assert_eq!(
            told(r#"{"generation":"7","code":"INVALID_TOKEN"}"#),
            "the report's body needs as `generation` the whole number that came with the token; send it like \
             {\"generation\":1795306331,\"code\":\"INVALID_TOKEN\"}"
        );
        assert_eq!(
            told(r#"{"generation":7,"code":401}"#),
            "the report's body needs as `code` the text that stands under \"code\" in Zoho's answer; send it like \
             {\"generation\":1795306331,\"code\":\"INVALID_TOKEN\"}"
        );
        assert_eq!(
            told(r#"{"generation":7,"code":"INVALID_TOKEN","org":"acme"}"#),
            "the report's body is not this JSON and nothing else (column 44); send it like \
             {\"generation\":1795306331,\"code\":\"INVALID_TOKEN\"}"
        );
    }

    /// S5
    #[test]
    fn s5_no_other_shape_is_a_report() {
        for body in [
            "",
            "null",
            "[]",
            "7",
            "{}",
            r#"{"generation":7}"#,
            r#"{"code":"INVALID_TOKEN"}"#,
            r#"{"generation":-1,"code":"X"}"#,
            r#"{"generation":1.5,"code":"X"}"#,
            r#"{"generation":18446744073709551616,"code":"X"}"#,
            r#"{"generation":7,"code":" "}"#,
            r#"{"generation":7,"code":null}"#,
            r#"{"generation":7,"generation":8,"code":"X"}"#,
            r#"{"generation":7,"code":"X"}{"#,
            "\u{0}",
        ] {
            told(body);
        }
    }

    /// S1
    #[test]
    fn s1_a_token_in_the_wrong_field_is_not_quoted() {
        for body in [
            r#"{"generation":"1000.canary","code":"INVALID_TOKEN"}"#,
            r#"{"generation":7,"code":"INVALID_TOKEN","1000.canary":1}"#,
            r#"{"generation":7,"code":["1000.canary"]}"#,
        ] {
            assert!(!told(body).contains("canary"));
        }
        let taken = Rejection::parse(br#"{"generation":7,"code":"1000.canary"}"#);
        assert!(!format!("{taken:?}").contains("canary"));
    }
}
