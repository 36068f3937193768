//! Which of Zoho's orgs a grant is of, by the word of Zoho's API, and whether that is the org that is meant.
//!
//! Sorts the answer of `GET {api_domain}/crm/v8/org` (CRM API v8, "Get Organization"; its keys and the values of
//! `type` by Zoho's own `OpenAPI` text) and holds it against the config, and against the org that the name has stood
//! for. Asks nothing: [`super::asking`] does. Invariant: what the API does not say is never held against a grant.

use serde_json::{Map, Value};

use super::record::{Cause, LaneId};
use super::reply::{by_status, unreadable, without_secrets};
use super::settings::OrgSettings;
use crate::base::{Environment, Key, is_shown};

/// Longest id that is taken, in bytes; Zoho's have up to 19.
const ID_MAX: usize = 32;
/// Longest name that is kept, in characters: Zoho's own bound.
const NAME_MAX: usize = 100;
/// How much of a name goes into a sentence.
const NAME_SHOWN: usize = 40;
/// Longest code of the API that is shown.
const CODE_MAX: usize = 40;

/// The API's own words for "no": the scope is missing; the person who consented may not see it; the token is not one
/// of this host (CRM API v8, "Status Codes"; Kaizen #25).
const NO_SCOPE: &str = "OAUTH_SCOPE_MISMATCH";
const NO_PERMISSION: &str = "NO_PERMISSION";
const NOT_ITS_TOKEN: [&str; 4] = [
    "INVALID_TOKEN",
    "INVALID_OAUTHTOKEN",
    "AUTHENTICATION_FAILURE",
    "AUTHENTICATION_FAILED",
];

/// One of Zoho's orgs, as its API tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZohoOrg {
    /// `zgid`, which the address bar of the CRM shows as `org60012345`.
    pub id: String,
    /// `id`, the number of the org's own record, which people copy as well.
    pub record_id: Option<String>,
    /// `company_name`.
    pub name: Option<String>,
    /// `type`; `None` where it says nothing of ours (`bigin`).
    pub environment: Option<Environment>,
}

impl ZohoOrg {
    /// Sorts an answer of the API; an error says why it names no org.
    pub fn sort(status: u16, body: &[u8]) -> Result<Self, Cause> {
        let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(body) else {
            let outcome = unreadable(status, body);
            return Err(outcome.cause().cloned().unwrap_or_else(|| silent(status)));
        };
        if let Some(code) = answer.get("code").and_then(Value::as_str) {
            return Err(refused(status, code));
        }
        if !(200..300).contains(&status) {
            let outcome = by_status(status, "JSON that names no org");
            return Err(outcome.cause().cloned().unwrap_or_else(|| silent(status)));
        }
        match answer
            .get("org")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        {
            Some([Value::Object(org)]) => Self::take(org).ok_or_else(|| silent(status)),
            _ => Err(silent(status)),
        }
    }

    fn take(org: &Map<String, Value>) -> Option<Self> {
        let (zgid, record_id) = (id(org, "zgid"), id(org, "id"));
        let text = |key| org.get(key).and_then(Value::as_str);
        let name = text("company_name").map(|name| {
            let printable = name.chars().filter(|c| is_shown(*c)).take(NAME_MAX);
            without_secrets(printable.collect::<String>().trim())
        });
        Some(Self {
            id: zgid.or_else(|| record_id.clone())?,
            record_id,
            name: name.filter(|name| !name.is_empty()),
            environment: text("type")
                .and_then(|word| Environment::parse(&word.to_ascii_lowercase())),
        })
    }

    /// Whether `written`, by a person, names this org: by either id, or as the address bar shows it.
    pub fn is(&self, written: &str) -> bool {
        let bare = written.strip_prefix("org").unwrap_or(written);
        bare == self.id || Some(bare) == self.record_id.as_deref()
    }

    fn is_same_as(&self, other: &Self) -> bool {
        let both = self.record_id.as_ref().zip(other.record_id.as_ref());
        self.id == other.id || both.is_some_and(|(own, others)| own == others)
    }

    /// `60012345 (Zylker)`
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => {
                let name: String = name.chars().take(NAME_SHOWN).collect();
                format!("{} ({name})", self.id)
            }
            None => self.id.clone(),
        }
    }
}

/// What is known of whose org a configured name stands for. Kept with the org's record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The org that the name stands for since the API first told one. Outlives the grant.
    pub pinned: Option<Pin>,
    /// What the API has said of the grant in force.
    pub found: Option<Found>,
}

/// The org that a name stands for, in one place: a sandbox may have another id than the org it is a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The org.
    pub org: ZohoOrg,
    /// The data center's word.
    pub data_center: Key,
    /// The environment.
    pub environment: Environment,
}

/// The API's word on one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The org.
    pub org: ZohoOrg,
    /// The lane of the grant: of another lane's it says nothing.
    pub lane: LaneId,
}

impl Identity {
    /// What the API has said of the grant of that lane.
    pub fn found_of(&self, lane: &LaneId) -> Option<&ZohoOrg> {
        let found = self.found.as_ref().filter(|found| found.lane == *lane);
        found.map(|found| &found.org)
    }

    /// Where the API's word on a grant contradicts what the config, or this name so far, says of it.
    pub fn contradicts(&self, told: &ZohoOrg, settings: &OrgSettings) -> Option<Cause> {
        let binding = &settings.binding;
        if let Some(other) = told.environment.filter(|own| *own != binding.environment) {
            let detail = format!(
                "Zoho's API says that this is the {other} org {}; the config says {} in data center {}",
                told.shown(),
                binding.environment,
                binding.data_center
            );
            return Some(Cause::new("wrong-place", &detail));
        }
        let meant = if let Some(org_id) = &settings.org_id {
            (!told.is(org_id)).then(|| format!("the config pins org_id {org_id}"))
        } else {
            let pin = self.pinned.as_ref().filter(|pin| {
                pin.data_center == binding.data_center && pin.environment == binding.environment
            });
            let other = pin.filter(|pin| !pin.org.is_same_as(told));
            other.map(|pin| format!("this name has stood for org {}", pin.org.shown()))
        }?;
        let grant = format!("Zoho's API says that this grant is of org {}", told.shown());
        Some(Cause::new(WRONG_ORG, &format!("{grant}; {meant}")))
    }

    /// From now on the name stands for that org, where the config says it is.
    pub(super) fn pin(&mut self, org: ZohoOrg, settings: &OrgSettings) {
        self.pinned = Some(Pin {
            org,
            data_center: settings.binding.data_center.clone(),
            environment: settings.binding.environment,
        });
    }
}

/// The code of: the grant is of another of Zoho's orgs.
pub(super) const WRONG_ORG: &str = "wrong-org";

/// What to do where the API did not tell the org; half a sentence.
pub(super) fn cure_of_silence(cause: &Cause, settings: &OrgSettings) -> String {
    let binding = &settings.binding;
    match &*cause.code {
        NO_SCOPE => "enroll again, with a grant that has ZohoCRM.org.READ".to_owned(),
        NO_PERMISSION => {
            "let the user who consented see the org's details in Zoho's CRM (profile, API access)"
                .to_owned()
        }
        code if NOT_ITS_TOKEN.contains(&code) => format!(
            "a fresh token that is refused there is most likely of another data center or environment than {} in {}: \
             compare `data_center` and `environment` with where the org is",
            binding.environment, binding.data_center
        ),
        _ => "see that this host reaches the API".to_owned(),
    }
}

/// Whether the API will not tell with this grant, however often it is asked.
pub(super) fn is_refusal_to_tell(cause: &Cause) -> bool {
    [NO_SCOPE, NO_PERMISSION].contains(&&*cause.code)
}

/// Why a grant is not of this place whose fresh token the API of this place refuses; `None` where the API's silence has
/// another reason.
pub(super) fn refusal_of_token(cause: &Cause, settings: &OrgSettings) -> Option<Cause> {
    let binding = &settings.binding;
    let detail = format!(
        "the API of {} in data center {} refuses the new token ({}: {})",
        binding.environment, binding.data_center, cause.code, cause.detail
    );
    let is_refusal = NOT_ITS_TOKEN.contains(&&*cause.code);
    is_refusal.then(|| Cause::new("wrong-place", &detail))
}

fn refused(status: u16, code: &str) -> Cause {
    let is_code = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    if code.is_empty() || code.len() > CODE_MAX || !code.bytes().all(is_code) {
        return silent(status);
    }
    Cause::new(code, &format!("HTTP {status} from the API"))
}

fn silent(status: u16) -> Cause {
    Cause::new(
        "unknown-answer",
        &format!("HTTP {status} from the API, and no org in it"),
    )
}

/// An id as Zoho writes them; a number counts as its digits.
fn id(org: &Map<String, Value>, key: &str) -> Option<String> {
    let text = match org.get(key)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_id =
        (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    is_id.then_some(text)
}
