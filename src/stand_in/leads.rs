//! `GET /crm/v8/Leads`, page by page, and `/crm/v8/settings/fields`, which Zoho's SDKs ask first: enough of the CRM
//! for a job that reads records for longer than its token lives.
//!
//! Every org has the same leads: they are here for their tokens, and nobody can change them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::Reply;
use super::crm::refused;
use super::params::Params;
use super::zoho::Zoho;

/// Tokens that are remembered as seen.
const TOKENS_MAX: usize = 64;
/// What a page token begins with; the number of the first lead follows.
const PAGE_TOKEN: &str = "from-";

/// What `GET /crm/v8/Leads` gives.
#[derive(Debug, Clone)]
pub struct Leads {
    /// How many there are; their ids are 1 to this.
    pub count: usize,
    /// Most on one page, whatever `per_page` says. Zoho: 200.
    pub page_max: usize,
    /// How long each page takes.
    pub delay: Duration,
    /// The tokens that pages were read with.
    pub tokens: BTreeSet<String>,
}

impl Default for Leads {
    fn default() -> Self {
        Self {
            count: 3,
            page_max: 200,
            delay: Duration::ZERO,
            tokens: BTreeSet::new(),
        }
    }
}

impl Leads {
    /// A page, or why there is none.
    fn page(&self, query: &Params) -> Reply {
        if query.value("fields").is_empty() {
            let what = "One of the expected parameter is missing";
            return refused(400, "REQUIRED_PARAM_MISSING", what);
        }
        let Some(first) = first(query.value("page_token")) else {
            return refused(400, "INVALID_DATA", "page_token is invalid");
        };
        let page_max = self.page_max.max(1);
        let per_page = query.value("per_page").parse().unwrap_or(page_max);
        let per_page = per_page.clamp(1, page_max);
        let last = self.count.min(first.saturating_add(per_page - 1));
        let data: Vec<Value> = (first..=last).map(lead).collect();
        if data.is_empty() {
            return nothing();
        }
        let has_more = last < self.count;
        let next = has_more.then(|| format!("{PAGE_TOKEN}{}", last + 1));
        let info = json!({
            "per_page": per_page, "count": data.len(), "more_records": has_more, "next_page_token": next,
        });
        Reply {
            delay: self.delay,
            ..Reply::json(200, json!({"data": data, "info": info}).to_string())
        }
    }
}

impl Zoho {
    /// A page of leads, for a token that has been let in.
    pub(super) fn crm_leads(&mut self, authorization: &str, query: &Params) -> Reply {
        if self.leads.tokens.len() < TOKENS_MAX {
            let token = authorization.rsplit(' ').next().unwrap_or("");
            self.leads.tokens.insert(token.to_owned());
        }
        self.leads.page(query)
    }
}

/// The fields of a lead, as far as an SDK looks at them.
pub(super) fn crm_fields(query: &Params) -> Reply {
    if query.value("module") != "Leads" {
        let what = "the module name given seems to be invalid";
        return refused(400, "INVALID_MODULE", what);
    }
    let field = |id: &str, name: &str, label: &str| {
        json!({
            "id": id, "api_name": name, "field_label": label, "data_type": "text", "json_type": "string",
        })
    };
    let fields = [
        field("101", "Last_Name", "Last Name"),
        field("102", "Company", "Company"),
    ];
    Reply::json(200, json!({ "fields": fields }).to_string())
}

/// Zoho's answer where there is nothing to list.
fn nothing() -> Reply {
    Reply {
        headers: Vec::new(),
        ..Reply::json(204, "")
    }
}

fn lead(number: usize) -> Value {
    json!({"id": number.to_string(), "Last_Name": format!("Lead {number}"), "Company": "Zylker"})
}

/// The number of the first lead of a page; `None`: no page token of ours.
fn first(page_token: &str) -> Option<usize> {
    if page_token.is_empty() {
        return Some(1);
    }
    let number = page_token.strip_prefix(PAGE_TOKEN)?.parse().ok();
    number.filter(|number| (1..=usize::MAX / 2).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(leads: &Leads, query: &str) -> (u16, Value) {
        let reply = leads.page(&Params::parse(query.as_bytes()));
        (
            reply.status,
            serde_json::from_str(reply.text()).unwrap_or_default(),
        )
    }

    #[test]
    fn page_tokens_lead_to_every_lead_once() {
        let leads = Leads {
            count: 5,
            page_max: 2,
            ..Leads::default()
        };
        let mut ids = Vec::new();
        let mut query = "fields=Last_Name&per_page=200".to_owned();
        loop {
            let (status, body) = page(&leads, &query);
            assert_eq!(status, 200, "{body}");
            ids.extend(
                body["data"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|lead| lead["id"].clone()),
            );
            let Some(next) = body["info"]["next_page_token"].as_str() else {
                assert_eq!(body["info"]["more_records"], false);
                break;
            };
            query = format!("fields=Last_Name&page_token={next}");
        }
        assert_eq!(json!(ids), json!(["1", "2", "3", "4", "5"]));
    }

    #[test]
    fn a_request_that_zoho_would_refuse_is_refused_and_nothing_is_no_page() {
        let leads = Leads::default();
        for (query, code) in [
            ("", "REQUIRED_PARAM_MISSING"),
            ("fields=Last_Name&page_token=from-0", "INVALID_DATA"),
            ("fields=Last_Name&page_token=mine", "INVALID_DATA"),
        ] {
            let (status, body) = page(&leads, query);
            assert_eq!((status, &body["code"]), (400, &json!(code)), "{query}");
        }
        let none = Leads { count: 0, ..leads };
        assert_eq!(page(&none, "fields=Last_Name"), (204, Value::Null));
    }
}
