//! `login`: consent in a browser, for `grant = "web"`.
//!
//! The daemon names the consent page and exchanges the code; this side alone knows state and verifier, shows the address
//! and takes what the browser brings back. Invariant (S1): neither code nor verifier nor state is an argument of any
//! process or in any log; memory is sealed as in `enroll`.
//!
//! Consent is asked for anew (`prompt=consent`) only where it must be: where another grant of the client is known, since
//! Zoho would otherwise send the browser back at once, for whichever org was chosen then; and where Zoho gave no
//! refresh token without. Each consent takes one of the 20 refresh tokens that Zoho keeps for a person.

mod browser;
mod page;
mod returned;
mod way;

use std::io::{self, IsTerminal};
use std::time::Duration;

use serde::Deserialize;

use super::answer::Answer;
use super::args::Login;
use super::client::{self, Request};
use super::enroll::{SECRET, seal};
use super::failure::{Exit, Failure, in_one_line};
use super::hand_over::{self, ClientSecret, Grant};
use super::secret_input::SecretInput;
use super::status::OrgStatus;
use super::{output, refusal};
use crate::base::Secret;
use crate::edge::loopback::Arrival;
use crate::edge::zoho::consent::{ConsentPage, Visit};
use returned::Consent;
use way::Way;

/// The daemon answers this one by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer of `GET /v1/orgs/ORG/login`.
#[derive(Debug, Deserialize)]
struct Begin {
    #[serde(flatten)]
    page: ConsentPage,
    environment: String,
    data_center: String,
    client: String,
    console_url: Option<String>,
    /// `consent` where consent was given before.
    prompt: Option<String>,
    /// `configured`, `sealed` or `needed`.
    client_secret: String,
}

/// One login, from the address to the grant.
struct Session<'a> {
    args: &'a Login,
    begin: &'a Begin,
    way: Way,
    input: Option<SecretInput>,
}

/// How one visit of the consent page ended.
struct Outcome {
    answer: Answer,
    /// The browser, which still waits for a page.
    arrival: Option<Arrival>,
}

/// Shows the consent page's address, waits for the browser, and has the daemon exchange what it brings.
pub fn run(args: &Login) -> Result<Exit, Failure> {
    seal("login")?;
    let begin = begin(args)?;
    let mut session = Session {
        way: Way::open(args, &begin.page)?,
        begin: &begin,
        args,
        input: None,
    };
    let status = session.run()?;
    output::print(hand_over::told(args.of.org.as_str(), &status).as_bytes())?;
    Ok(Exit::Done)
}

fn begin(args: &Login) -> Result<Begin, Failure> {
    let org = args.of.org.as_str();
    let target = format!("/v1/orgs/{org}/login");
    let answer = client::ask(&args.of.at.path(), &Request::get(&target), PATIENCE)?;
    if answer.status != 200 {
        return Err(refusal::failure(org, &answer));
    }
    let parsed = serde_json::from_slice(&answer.body);
    parsed.map_err(|_| refusal::not_understood(org, &answer))
}

impl Session<'_> {
    fn run(&mut self) -> Result<OrgStatus, Failure> {
        let org = self.args.of.org.as_str();
        // Whoever pipes in an address must have seen the page's first.
        let is_asked_late = self.way.is_paste() && !io::stdin().is_terminal();
        let mut secret = None;
        if !is_asked_late {
            secret = self.client_secret()?;
        }
        let mut anew = self.begin.prompt.is_some();
        let mut arrival = None;
        loop {
            let visit = Visit::plan(&self.begin.page, anew)
                .ok_or_else(|| Failure::bug(org, "the consent page's address is none"))?;
            self.show(&visit, arrival.take());
            if is_asked_late && secret.is_none() {
                secret = self.client_secret()?;
            }
            let outcome = self.visit(&visit, secret.as_ref())?;
            if !anew && hand_over::is_without_refresh_token(&outcome.answer) {
                output::complain(&format!(
                    "{org}: Zoho gave no refresh token, since this person had consented before; asking for consent anew"
                ));
                (anew, arrival) = (true, outcome.arrival);
                continue;
            }
            return self.end(outcome);
        }
    }

    /// Tells the person where to go.
    fn show(&self, visit: &Visit, arrival: Option<Arrival>) {
        let org = &self.args.of.org;
        let begin = self.begin;
        let (environment, data_center) = (
            in_one_line(&begin.environment),
            in_one_line(&begin.data_center),
        );
        let url = in_one_line(visit.url().expose());
        output::complain(&format!(
            "{org}: consent on this page, as a user of data center {data_center} whose rights the jobs need; choose the \
             {environment} org where Zoho asks:\n\n  {url}\n\n{}",
            self.way.told(org)
        ));
        match arrival {
            Some(arrival) => arrival.send_to(visit.url()),
            None if self.args.no_browser => (),
            None => self.way.open_browser(),
        }
    }

    /// Waits for what comes back, and hands it over.
    fn visit(&mut self, visit: &Visit, secret: Option<&Secret>) -> Result<Outcome, Failure> {
        let input = &mut self.input;
        let (returned, arrival) = self.way.wait(&self.args.of.org, visit, input)?;
        let answer = returned
            .map_err(|refused| refused.failure(&self.args.of.org, self.begin))
            .and_then(|consent| self.hand_over(visit, &consent, secret));
        match answer {
            Ok(answer) => Ok(Outcome { answer, arrival }),
            Err(failure) => Err(failed(failure, arrival)),
        }
    }

    fn hand_over(
        &self,
        visit: &Visit,
        consent: &Consent,
        secret: Option<&Secret>,
    ) -> Result<Answer, Failure> {
        let grant = grant(&self.begin.page, visit, consent);
        let secret = match (secret, self.begin.client_secret.as_str()) {
            (Some(secret), _) => ClientSecret::Given(secret),
            (None, "sealed") => ClientSecret::Kept,
            (None, _) => ClientSecret::Configured,
        };
        hand_over::send(&self.args.of, grant, secret)
    }

    /// Shows browser and terminal the same end.
    fn end(&self, outcome: Outcome) -> Result<OrgStatus, Failure> {
        let org = self.args.of.org.as_str();
        match hand_over::enrolled(org, &outcome.answer) {
            Ok(status) => {
                if let Some(arrival) = outcome.arrival {
                    arrival.show(200, &page::enrolled(org, &hand_over::facts(&status)));
                }
                Ok(status)
            }
            Err(failure) => Err(failed(failure, outcome.arrival)),
        }
    }

    /// The client's secret, if the config leaves it to this: before the browser is sent off, since a code lives minutes.
    fn client_secret(&mut self) -> Result<Option<Secret>, Failure> {
        let is_terminal = io::stdin().is_terminal();
        match self.begin.client_secret.as_str() {
            "needed" => self.input()?.next(SECRET).map(Some),
            "sealed" if is_terminal => self
                .input()?
                .next_or_none(SECRET, " (empty: that of the last enrolment)"),
            _ => Ok(None),
        }
    }

    fn input(&mut self) -> Result<&mut SecretInput, Failure> {
        way::input(&self.args.of.org, &mut self.input)
    }
}

/// All that the browser brought back, and what it must be held against.
fn grant<'a>(page: &'a ConsentPage, visit: &'a Visit, consent: &'a Consent) -> Grant<'a> {
    Grant {
        kind: "login",
        code: Some(consent.code.expose()),
        redirect_uri: Some(&page.redirect_uri),
        code_verifier: visit.code_verifier.as_ref().map(Secret::expose),
        location: consent.location.as_deref(),
        accounts_server: consent.accounts_server.as_deref(),
        ..Grant::default()
    }
}

/// Tells the browser, too.
fn failed(failure: Failure, arrival: Option<Arrival>) -> Failure {
    if let Some(arrival) = arrival {
        arrival.show(400, &page::failed(&failure));
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S3, S4: the daemon weighs all of it before the code is spent.
    #[test]
    fn s4_all_that_zoho_says_of_the_account_goes_to_the_daemon() {
        let page = ConsentPage {
            authorize_url: "https://accounts.zoho.eu/oauth/v2/auth".into(),
            client_id: "1000.A".into(),
            scope: "ZohoCRM.modules.ALL".into(),
            redirect_uri: "http://localhost:8976/callback".into(),
            pkce: true,
        };
        let visit = Visit::plan(&page, false).expect("a good address");
        let consent = Consent {
            code: Secret::new("1000.code".into()),
            location: Some("in".into()),
            accounts_server: Some("https://accounts.zoho.in".into()),
        };
        let grant = grant(&page, &visit, &consent);
        assert_eq!((grant.kind, grant.code), ("login", Some("1000.code")));
        assert_eq!(grant.redirect_uri, Some(&*page.redirect_uri));
        assert_eq!(grant.location, Some("in"));
        assert_eq!(grant.accounts_server, Some("https://accounts.zoho.in"));
        let verifier = visit.code_verifier.as_ref().map(Secret::expose);
        assert!(grant.code_verifier.is_some() && grant.code_verifier == verifier);
    }
}
