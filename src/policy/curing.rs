//! An org's cures: the words of the table, with the org's own place and with what other orgs show.
//!
//! Decides nothing about the org. Invariant: what `status`, problems, verdicts and the log say to do comes from here.

use super::fleet::Fleet;
use super::org::Org;
use super::record::Word;
use super::remedy::{self, Place, Remedy, remedy};
use super::reply::Asked;
use super::report::{ApiCode, Fault, Finding};
use crate::base::OrgName;

impl Fleet {
    /// What the cause of an org's word means and what to do, for a person; `None` while all is well.
    pub fn remedy(&self, name: &OrgName) -> Option<Remedy> {
        let org = self.orgs.get(name)?;
        let code = match (org.cause(), org.word()) {
            (Some(cause), _) => &cause.code,
            (None, Word::Unenrolled) if org.lacks_client_secret() => "no-client-secret",
            (None, Word::Unenrolled) => "unenrolled",
            (None, _) => return None,
        };
        let remedy = self.remedy_for(name, code, org.asked())?;
        // Where the two differ is more use than that they do.
        let detail = org
            .contradiction
            .as_ref()
            .map(|cause| cause.detail.as_str());
        Some(match detail {
            Some(detail) => Remedy {
                meaning: remedy::capitalised(detail),
                ..remedy
            },
            None => remedy,
        })
    }

    /// The remedy of any cause at an org.
    pub fn remedy_for(&self, name: &OrgName, code: &str, asked: Asked) -> Option<Remedy> {
        let org = self.orgs.get(name)?;
        let place = Place {
            works_in: self.works_in(org),
            ..org.place()
        };
        let failures = org.record.verdict.failures;
        Some(remedy(code, asked, failures, &place))
    }

    /// What a job or a person does about a report of that code, where the next read of the token is not all.
    pub fn cure_of_report(
        &self,
        name: &OrgName,
        code: ApiCode,
        finding: Finding,
    ) -> Option<String> {
        let org = self.orgs.get(name)?;
        let is_of_token = code.fault == Fault::Token;
        match finding {
            // It is not the call that is wrong.
            Finding::Binding if is_of_token && org.is_withheld() => Some(self.remedy(name)?.cure),
            Finding::Pending(_) => Some(self.remedy(name)?.cure),
            _ => org.cure_of_report(code, finding),
        }
    }

    /// Another data center in which the same client mints well for another org.
    fn works_in(&self, org: &Org) -> Option<&str> {
        let own = &org.settings.binding;
        let mints_elsewhere = |other: &&Org| {
            let place = &other.settings.binding;
            let is_its = place.client_id == own.client_id && place.data_center != own.data_center;
            is_its && other.word() == Word::Ok && other.record.token.is_some()
        };
        let other = self.orgs.values().find(mints_elsewhere)?;
        Some(&other.settings.binding.data_center)
    }
}

impl Org {
    /// The org's own words for a text of the table.
    pub(super) fn place(&self) -> Place<'_> {
        let token = self.published.as_ref();
        Place {
            data_center: &self.settings.binding.data_center,
            console_url: self.settings.console_url.as_deref(),
            org: self.settings.name.as_str(),
            client: &self.settings.client,
            grant: self.settings.grant,
            works_in: None,
            api_domain: token.map(|token| &*token.api_domain),
            is_secret_sealed: Some(!self.settings.has_client_secret),
        }
    }

    /// What to do about a report: the code knows best, but where it is the token's and another token is no cure.
    pub(super) fn cure_of_report(&self, code: ApiCode, finding: Finding) -> Option<String> {
        let is_for_somebody = matches!(
            finding,
            Finding::Scope | Finding::Binding | Finding::NotToken
        );
        let place = self.place();
        let of_code = remedy::of_api_code(code.name, &place);
        let of_code = of_code.filter(|_| code.fault != Fault::Token);
        let remedy = of_code.or_else(|| remedy::of_verdict(finding.as_str(), &place));
        remedy.filter(|_| is_for_somebody).map(|remedy| remedy.cure)
    }
}
