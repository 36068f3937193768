//! `[orgs.NAME]`: one Zoho org in one environment of one data center.

use super::client::NO_TOKENS;
use super::data_centers::Site;
use super::output::Output;
use super::principals::Principals;
use super::refresh::Refresh;
use super::section::Section;
use super::target::{Known, Target};
use super::value::{Value, shown};
use crate::base::{DataCenter, Limits, OrgName, ScopeSet};
use crate::policy::settings::{Binding, OrgSettings};

/// Most scopes of one org; Zoho documents about 450 in all.
const SCOPES_MAX: usize = 512;
/// Most outputs of one org.
const OUTPUTS_MAX: usize = 64;
/// Longest org id.
const ORG_ID_MAX: usize = 64;
/// Either lets the API tell the org's own id (CRM API v8, "Get Organization").
const SCOPES_OF_VERIFY: [&str; 2] = ["ZohoCRM.org.READ", "ZohoCRM.org.ALL"];
/// Keys that people put here and that belong elsewhere.
const ASIDE: [(&str, &str); 6] = [
    NO_TOKENS,
    (
        "code",
        "a grant token is not kept in the config; hand it to `zoho-tokend enroll ORG`",
    ),
    ("client_id", "it belongs to [clients.NAME]"),
    ("client_secret", "it belongs to [clients.NAME]"),
    ("redirect_uri", "it belongs to [clients.NAME]"),
    ("timeout", "it is set once for all orgs, in [refresh]"),
];

/// An org, complete and in range.
#[derive(Debug, Clone)]
pub struct Org {
    /// What the policy knows of it.
    pub settings: OrgSettings,
    /// Who may read its token, admins aside.
    pub readers: Principals,
    /// Files beside `tokens_dir`.
    pub outputs: Vec<Output>,
    /// Its data center's hosts.
    pub data_center: DataCenter,
}

impl Org {
    /// Reads every key, whatever is wrong with the others.
    pub(super) fn read(name: Option<&OrgName>, value: &Value<'_>, known: &Known) -> Option<Self> {
        let section = value.section("[orgs.acme-production]")?;
        let target = Target::read(&section, known);
        let scopes = section.required("scopes", "scopes = [\"ZohoCRM.modules.ALL\"]", scopes);
        let timing = known.refresh.overridden_by(&section);
        let required = section.or("required", true, Value::truth);
        let readers = section.or("readers", Principals::default(), Principals::read);
        let outputs = section.or("outputs", vec![], outputs);
        let org_id = section.filled("org_id", org_id);
        let verify = section.or("verify", false, Value::truth);
        section.finish(&ASIDE);
        check_verify(&section, verify, org_id.is_some(), scopes.as_ref());
        let settings = settings(name?, &target, scopes?, timing)?;
        let neighbours = neighbours(target.site.as_ref()?, known);
        Some(Self {
            settings: OrgSettings {
                verify,
                org_id,
                neighbours,
                required,
                ..settings
            },
            readers,
            outputs,
            data_center: target.site?.data_center,
        })
    }
}

fn settings(
    name: &OrgName,
    target: &Target<'_>,
    scopes: ScopeSet,
    timing: Refresh,
) -> Option<OrgSettings> {
    let (client_name, client) = target.client.as_ref()?;
    let site = target.site.as_ref()?;
    Some(OrgSettings {
        name: name.clone(),
        client: client_name.clone(),
        binding: Binding {
            client_id: client.client_id.as_str().into(),
            data_center: site.data_center.name.as_str().into(),
            environment: target.environment?,
            scopes,
            soid: target.soid.clone(),
        },
        grant: target.grant?,
        has_client_secret: client.secret.is_some(),
        api_domains: site.data_center.api_domains.clone(),
        console_url: site.data_center.console_url.clone(),
        at: timing.at,
        min_ttl: timing.min_ttl,
        timeout: timing.timeout,
        limits: site.limits.unwrap_or(Limits::ZOHO),
        client_mints: client.mints_per_10min,
        verify: false,
        org_id: None,
        neighbours: Vec::new(),
        required: true,
        secret: None,
    })
}

/// An answer of that accounts server may name the API host of any of them (S4).
fn neighbours(site: &Site, known: &Known) -> Vec<DataCenter> {
    let own = &site.data_center;
    let custom = known.sites.values().flatten().map(|site| &site.data_center);
    let others = custom.filter(|it| it.accounts_url == own.accounts_url && it.name != own.name);
    others.cloned().collect()
}

fn scopes(value: &Value<'_>) -> Option<ScopeSet> {
    let items = value.items("[\"ZohoCRM.modules.ALL\"]", SCOPES_MAX)?;
    if items.is_empty() {
        return value.refuse("is empty; list what the jobs need");
    }
    let words: Vec<_> = items.iter().filter_map(scope).collect();
    Some(words.into_iter().collect::<ScopeSet>()).filter(|scopes| !scopes.is_empty())
}

fn scope<'a>(value: &Value<'a>) -> Option<&'a str> {
    let word = value.text()?;
    if ScopeSet::is_scope(word) {
        return Some(word);
    }
    let cure = if word.contains([',', ' ']) {
        "write one scope an entry"
    } else {
        "write it like \"ZohoCRM.modules.ALL\", without placeholders"
    };
    value.refuse(format!(
        "holds `{}`, which is no scope; {cure}",
        shown(word)
    ))
}

fn outputs(value: &Value<'_>) -> Option<Vec<Output>> {
    let items = value.items("[[orgs.acme.outputs]]", OUTPUTS_MAX)?;
    Some(items.iter().filter_map(Output::read).collect())
}

fn org_id(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.len() <= ORG_ID_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Some(text.to_owned());
    }
    value.refuse("is no id of an org; copy it from Zoho, letters and digits only")
}

fn check_verify(section: &Section<'_>, verify: bool, has_org_id: bool, scopes: Option<&ScopeSet>) {
    let pinned = section.value("org_id").filter(|_| has_org_id && !verify);
    if let Some(value) = pinned {
        value.warn("is compared with nothing while `verify` is off; set verify = true, so that Zoho's API is asked");
    }
    let (true, Some(scopes)) = (verify, scopes) else {
        return;
    };
    let has = |scope: &&str| scopes.lacks(&ScopeSet::parse(scope)).is_empty();
    let Some(value) = section.value("verify") else {
        return;
    };
    if !SCOPES_OF_VERIFY.iter().any(has) {
        value.error("asks the API for the org's id; add \"ZohoCRM.org.READ\" to scopes");
    }
}
