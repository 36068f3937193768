//! How the browser's answer gets here: over loopback, or pasted by hand.
//!
//! The listener is there while somebody waits, and answers one path. Invariant: a request that is not of this login
//! neither ends it nor learns anything.

use std::io::{self, IsTerminal};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::returned::{self, Consent, Refused, Returned};
use super::{browser, page};
use crate::base::{OrgName, Secret};
use crate::cli::args::Login;
use crate::cli::failure::{Exit, Failure, in_one_line};
use crate::cli::secret_input::SecretInput;
use crate::cli::{output, span};
use crate::edge::loopback::{Arrival, Loopback};
use crate::edge::zoho::consent::{ConsentPage, Visit, unguessable};
use crate::policy::record::Cause;
use crate::policy::remedy::{self, Place};

/// How long a person has on the consent page, second attempts included.
const WAIT_MAX: Duration = Duration::from_mins(5);
/// Requests in that time: far more than any browser makes.
const REQUESTS_MAX: u32 = 500;
/// How often a person may paste something that is not it.
const PASTES_MAX: u32 = 3;

/// Where the browser ends.
pub(super) enum Way {
    /// Here.
    Door(Box<Door>),
    /// Elsewhere; its address is pasted.
    Paste {
        /// Without its query.
        redirect_uri: String,
    },
}

/// The listener for one login.
pub(super) struct Door {
    loopback: Loopback,
    redirect_uri: Url,
    /// The path that sends our own browser to the consent page, once: the page's address itself, which has the state
    /// in it, would be an argument that every user of the host could read.
    entrance: Option<String>,
    until: Instant,
    requests: u32,
    has_told_unclaimed: bool,
}

/// What came back, and the browser that waits for a page.
type Came = (Result<Consent, Refused>, Option<Arrival>);

impl Way {
    /// Listens where the redirect leads; where that is not possible, says why and falls back to pasting.
    pub(super) fn open(args: &Login, page: &ConsentPage) -> Result<Self, Failure> {
        let org = &args.of.org;
        let redirect_uri = Url::parse(&page.redirect_uri)
            .map_err(|_| Failure::bug(org.as_str(), "the redirect_uri is no address"))?;
        let paste = Self::Paste {
            redirect_uri: page.redirect_uri.clone(),
        };
        if args.paste {
            return Ok(paste);
        }
        let shown = in_one_line(&page.redirect_uri);
        let why = match Loopback::listen(&redirect_uri) {
            Some(Ok(loopback)) => {
                let entrance = format!("/{}", unguessable().expose());
                return Ok(Self::Door(Box::new(Door {
                    loopback,
                    redirect_uri,
                    entrance: Some(entrance),
                    until: Instant::now() + WAIT_MAX,
                    requests: 0,
                    has_told_unclaimed: false,
                })));
            }
            Some(Err(error)) => format!("cannot wait on {shown} ({error})"),
            None => format!("{shown} is not http on this host's loopback"),
        };
        output::complain_of(&Failure::new(
            Exit::Done,
            org.as_str(),
            &why,
            "the address will be asked for, as with --paste",
        ));
        Ok(paste)
    }

    pub(super) fn is_paste(&self) -> bool {
        matches!(self, Self::Paste { .. })
    }

    /// What the person does after the consent.
    pub(super) fn told(&self, org: &OrgName) -> String {
        match self {
            Self::Door(door) => {
                let left = door.until.saturating_duration_since(Instant::now());
                let left = span::short(left.as_secs());
                let place = in_one_line(door.redirect_uri.as_str());
                format!(
                    "{org}: waiting {left} for the browser at {place}; if it runs on another host, end this and use \
                     --paste"
                )
            }
            Self::Paste { redirect_uri } => {
                let place = in_one_line(redirect_uri);
                format!(
                    "{org}: then copy the whole address that the browser ends on, {place}?…; that the page cannot be \
                     shown there does not matter"
                )
            }
        }
    }

    /// Sends this user's own browser to the page, if there is one.
    pub(super) fn open_browser(&self) {
        if let Self::Door(door) = self
            && let Some(entrance) = &door.entrance
        {
            let mut url = door.redirect_uri.clone();
            url.set_path(entrance);
            browser::open(url.as_str());
        }
    }

    /// Waits for the answer to `visit`.
    pub(super) fn wait(
        &mut self,
        org: &OrgName,
        visit: &Visit,
        input: &mut Option<SecretInput>,
    ) -> Result<Came, Failure> {
        match self {
            Self::Door(door) => door.wait(org, visit),
            Self::Paste { redirect_uri } => {
                let returned = pasted(org, redirect_uri, visit, input)?;
                Ok((returned, None))
            }
        }
    }
}

impl Door {
    fn wait(&mut self, org: &OrgName, visit: &Visit) -> Result<Came, Failure> {
        while self.requests < REQUESTS_MAX {
            let next = self.loopback.next(self.until);
            let next = next.map_err(|error| not_heard(org, &error.to_string()))?;
            let Some(arrival) = next else {
                let cure = format!(
                    "run `zoho-tokend login {org}` again; where the browser shows an error of Zoho's, `zoho-tokend \
                     explain CODE` tells what it means"
                );
                let what = format!(
                    "the browser did not come back within {}",
                    span::short(WAIT_MAX.as_secs())
                );
                return Err(Failure::new(Exit::TryLater, org.as_str(), &what, &cure));
            };
            self.requests += 1;
            if let Some(came) = self.admit(org, arrival, visit) {
                return Ok(came);
            }
        }
        Err(not_heard(
            org,
            &format!("over {REQUESTS_MAX} requests came, none of them from Zoho's page"),
        ))
    }

    /// Answers what is not Zoho's.
    fn admit(&mut self, org: &OrgName, arrival: Arrival, visit: &Visit) -> Option<Came> {
        if self.entrance.as_deref() == Some(&*arrival.path) {
            self.entrance = None;
            arrival.send_to(visit.url());
            return None;
        }
        if arrival.path != self.redirect_uri.path() {
            arrival.refuse();
            return None;
        }
        match returned::read(arrival.query.expose(), &visit.state) {
            Returned::Ours(returned) => Some((returned, Some(arrival))),
            Returned::Unclaimed(cause) => {
                self.tell_unclaimed(org, &cause);
                arrival.show(400, &page::unclaimed());
                None
            }
            Returned::Foreign => {
                arrival.show(400, &page::foreign());
                None
            }
            Returned::Nothing => {
                arrival.show(404, &page::nothing());
                None
            }
        }
    }

    /// Once, and in our words alone: it may be anybody's. If it is the person's own, he knows what he did.
    fn tell_unclaimed(&mut self, org: &OrgName, cause: &Cause) {
        if std::mem::replace(&mut self.has_told_unclaimed, true) {
            return;
        }
        let is_known = !remedy::explain(&cause.code, &Place::ANY).is_empty();
        let code = if is_known {
            cause.code.as_str()
        } else {
            "a code that is not known here"
        };
        let what = format!(
            "a browser came back with an error ({code}) that does not say of which login; this one waits on"
        );
        let cure = "press Ctrl-C if you declined on the consent page";
        output::complain_of(&Failure::new(Exit::Done, org.as_str(), &what, cure));
    }
}

fn not_heard(org: &OrgName, what: &str) -> Failure {
    let cure = "run it again with --paste";
    Failure::new(Exit::TryLater, org.as_str(), what, cure)
}

/// Secrets of this run, opened when the first is asked for.
pub(super) fn input<'a>(
    org: &OrgName,
    slot: &'a mut Option<SecretInput>,
) -> Result<&'a mut SecretInput, Failure> {
    if slot.is_none() {
        *slot = Some(SecretInput::open(org.as_str())?);
    }
    Ok(slot.as_mut().expect("it was just put there"))
}

/// Asks until it is the address of this login.
fn pasted(
    org: &OrgName,
    redirect_uri: &str,
    visit: &Visit,
    slot: &mut Option<SecretInput>,
) -> Result<Result<Consent, Refused>, Failure> {
    let input = input(org, slot)?;
    let tries = if io::stdin().is_terminal() {
        PASTES_MAX
    } else {
        1
    };
    let mut refusal = None;
    for _ in 0..tries {
        if let Some(refusal) = &refusal {
            output::complain_of(refusal);
        }
        let address = input.line("Address", " (not shown)")?;
        let address = address.ok_or_else(|| input.missing("Address"))?;
        match in_address(&address, redirect_uri, visit) {
            Ok(returned) => return Ok(returned),
            Err(what) => {
                let cure = "paste the whole address that the browser ended on, after the page that this login named";
                refusal = Some(Failure::new(Exit::Data, org.as_str(), what, cure));
            }
        }
    }
    Err(refusal.unwrap_or_else(|| Failure::bug(org.as_str(), "nothing was asked for")))
}

fn in_address(
    address: &Secret,
    redirect_uri: &str,
    visit: &Visit,
) -> Result<Result<Consent, Refused>, &'static str> {
    let address = address.expose();
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    // A browser may add a slash, and a redirect_uri have a query of its own.
    let own = redirect_uri.split('?').next().unwrap_or_default();
    if place.trim_end_matches('/') != own.trim_end_matches('/') {
        return Err("that is not the address that Zoho sends the browser back to");
    }
    let query = query.split('#').next().unwrap_or_default();
    match returned::read(query, &visit.state) {
        Returned::Ours(returned) => Ok(returned),
        // A person has brought it here by hand.
        Returned::Unclaimed(cause) => Ok(Err(Refused::AtZoho(cause))),
        Returned::Foreign => Err("that address is of another login"),
        Returned::Nothing => Err("that address has neither a code nor an error in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit() -> Visit {
        let page = ConsentPage {
            authorize_url: "https://accounts.zoho.eu/oauth/v2/auth".into(),
            client_id: "1000.A".into(),
            scope: "ZohoCRM.modules.ALL".into(),
            redirect_uri: "http://localhost:8976/callback".into(),
            pkce: true,
        };
        Visit::plan(&page, false).expect("a good address")
    }

    /// S5
    #[test]
    fn s5_a_login_ends_after_so_many_requests_that_are_not_of_it() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let redirect_uri = Url::parse(&format!("http://localhost:{port}/callback"));
        let redirect_uri = redirect_uri.expect("a good address");
        let loopback = Loopback::listen(&redirect_uri).expect("loopback");
        let mut door = Door {
            has_told_unclaimed: false,
            loopback: loopback.expect("it is free"),
            redirect_uri,
            entrance: None,
            until: Instant::now(),
            requests: REQUESTS_MAX - 1,
        };
        let org = OrgName::parse("acme").expect("a good name");
        let mut ended = || door.wait(&org, &visit()).expect_err("nobody came").what;
        assert!(ended().contains("did not come back"));
        door.requests += 1;
        let ended = door.wait(&org, &visit()).expect_err("too many").what;
        assert!(ended.contains("over 500 requests"), "{ended}");
    }

    #[test]
    fn only_the_address_of_this_login_is_taken() {
        let visit = visit();
        let state = visit.state.expose().to_owned();
        let read = |address: &str| {
            let address = Secret::new(address.replace("STATE", &state));
            in_address(&address, "http://localhost:8976/callback", &visit)
        };
        let good = "http://localhost:8976/callback?code=1000.a&state=STATE";
        assert!(matches!(read(good), Ok(Ok(_))));
        assert!(matches!(read(&format!("{good}#/")), Ok(Ok(_))));
        let denied = "http://localhost:8976/callback?error=access_denied&state=STATE";
        assert!(matches!(read(denied), Ok(Err(_))));
        for bad in [
            "https://accounts.zoho.eu/oauth/v2/auth?code=1000.a&state=STATE",
            "http://localhost:8976/callback?code=1000.a&state=other",
            "http://localhost:8976/callback?state=STATE",
            "http://localhost:8976/callback",
            "1000.a",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
