//! The past refresh tokens of an org, as the one text that their column seals.
//!
//! JSON in memory that is wiped. Invariant: what [`read`] makes of what [`write`] wrote is the same, and of anything
//! else nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::{Secret, UnixTime};
use crate::policy::past::{Past, Plan};
use crate::policy::record::LaneId;

/// Room beside the texts of one entry: keys, numbers and quotes.
const ENTRY_FRAME: usize = 256;

/// One, written.
#[derive(Serialize)]
struct Out<'a> {
    lane: &'a str,
    client_id: &'a str,
    data_center: &'a str,
    since_unix_ms: Option<i64>,
    refresh_token: Option<&'a str>,
    client_secret: Option<&'a str>,
    plan: Word,
    tries: u32,
    may_be_gone: bool,
}

/// One, read into buffers that are wiped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct In {
    lane: String,
    client_id: String,
    data_center: String,
    since_unix_ms: Option<i64>,
    refresh_token: Option<Zeroizing<String>>,
    client_secret: Option<Zeroizing<String>>,
    plan: Word,
    tries: u32,
    may_be_gone: bool,
}

/// The plan without its number.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Fallback,
    FallbackKept,
    Revoke,
    Left,
}

/// The text, in one piece of memory that never moves.
pub(super) fn write(past: &[Past]) -> Zeroizing<Vec<u8>> {
    let outs: Vec<Out<'_>> = past.iter().map(out).collect();
    // Six bytes for one at worst, as JSON escapes: a Vec that grew would leave its smaller selves behind, not wiped.
    let worst = |out: &Out<'_>| {
        let texts = [
            Some(out.lane),
            Some(out.client_id),
            Some(out.data_center),
            out.refresh_token,
            out.client_secret,
        ];
        ENTRY_FRAME
            + texts
                .iter()
                .flatten()
                .map(|text| 6 * text.len())
                .sum::<usize>()
    };
    let mut text = Zeroizing::new(Vec::with_capacity(
        2 + outs.iter().map(worst).sum::<usize>(),
    ));
    serde_json::to_writer(&mut *text, &outs).expect("texts and numbers, into memory");
    text
}

/// What `text` holds; `None` where it is not ours.
pub(super) fn read(text: &[u8]) -> Option<Vec<Past>> {
    let ins: Vec<In> = serde_json::from_slice(text).ok()?;
    Some(ins.into_iter().map(past).collect())
}

fn out(past: &Past) -> Out<'_> {
    let (plan, tries) = match past.plan {
        Plan::Fallback { is_kept: false } => (Word::Fallback, 0),
        Plan::Fallback { is_kept: true } => (Word::FallbackKept, 0),
        Plan::Revoke { tries } => (Word::Revoke, tries),
        Plan::Left => (Word::Left, 0),
    };
    Out {
        lane: &past.lane.0,
        client_id: &past.client_id,
        data_center: &past.data_center,
        since_unix_ms: past.since.map(|at| at.0),
        refresh_token: past.refresh_token.as_ref().map(|token| token.expose()),
        client_secret: past.client_secret.as_ref().map(|secret| secret.expose()),
        plan,
        tries,
        may_be_gone: past.may_be_gone,
    }
}

fn past(read: In) -> Past {
    Past {
        lane: LaneId(read.lane.into()),
        client_id: read.client_id.into(),
        data_center: read.data_center.into(),
        since: read.since_unix_ms.map(UnixTime),
        refresh_token: read.refresh_token.map(secret),
        client_secret: read.client_secret.map(secret),
        plan: match read.plan {
            Word::Fallback => Plan::Fallback { is_kept: false },
            Word::FallbackKept => Plan::Fallback { is_kept: true },
            Word::Revoke => Plan::Revoke { tries: read.tries },
            Word::Left => Plan::Left,
        },
        may_be_gone: read.may_be_gone,
    }
}

fn secret(mut text: Zeroizing<String>) -> Arc<Secret> {
    Arc::new(Secret::new(std::mem::take(&mut *text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(plan: Plan) -> Past {
        let secret = |text: &str| Some(Arc::new(Secret::new(text.into())));
        Past {
            lane: LaneId("acme.1.2".into()),
            client_id: "1000.\"C\"".into(),
            data_center: "eu".into(),
            since: Some(UnixTime(-7)),
            refresh_token: secret("1000.\u{1}\u{2}é\""),
            client_secret: None,
            plan,
            may_be_gone: true,
        }
    }

    #[test]
    fn r7_every_plan_and_every_field_comes_back() {
        let left = Past {
            refresh_token: None,
            client_secret: Some(Arc::new(Secret::new("s".into()))),
            since: None,
            may_be_gone: false,
            ..of(Plan::Left)
        };
        let all = [
            of(Plan::Fallback { is_kept: false }),
            of(Plan::Fallback { is_kept: true }),
            of(Plan::Revoke { tries: 7 }),
            left,
        ];
        let text = write(&all);
        let again = read(&text).expect("ours");
        assert_eq!(format!("{again:?}"), format!("{all:?}"));
        let secrets = |all: &[Past]| {
            let both = all.iter().map(|past| {
                [&past.refresh_token, &past.client_secret]
                    .map(|it| it.as_ref().map(|it| it.expose().to_owned()))
            });
            both.collect::<Vec<_>>()
        };
        assert_eq!(secrets(&again), secrets(&all));
    }

    /// S1: memory that is wiped as a whole.
    #[test]
    fn s1_the_text_never_moves_while_it_is_written() {
        let past = [of(Plan::Revoke { tries: u32::MAX })];
        let text = write(&past);
        let worst = 2 + ENTRY_FRAME + 6 * "acme.1.21000.\"C\"eu1000.\u{1}\u{2}é\"".len();
        assert_eq!(text.capacity(), worst);
        assert!(text.len() <= worst);
    }

    #[test]
    fn s5_any_other_text_is_refused() {
        for text in ["", "{}", "[{}]", "[1]", r#"[{"lane":"x","extra":1}]"#] {
            assert!(read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
