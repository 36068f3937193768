//! The stand-in of Zoho's accounts server in a thread of the test, with one client for each org.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;
use zoho_tokend::base::Environment;
use zoho_tokend::stand_in::{
    Clocks, Consent, Counts, Fault, Rules, Settings, StandIn, Stats, World,
};

use crate::http::{Line, Request};

/// What every consent covers, unless a test says otherwise.
pub(crate) const SCOPE: &str = "ZohoCRM.modules.ALL";

/// Zoho's own limits with these clocks.
pub(crate) fn rules(token_life: Duration, window: Duration) -> Rules {
    Rules {
        clocks: Clocks {
            token_life,
            window,
            ..Clocks::ZOHO
        },
        ..Rules::default()
    }
}

/// Gone with this value.
pub(crate) struct Zoho {
    pub(crate) world: World,
    pub(crate) rules: Rules,
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Zoho {
    pub(crate) fn start(rules: Rules, orgs: &[&str]) -> Self {
        let (ready, listening) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let clients = orgs.iter().map(|org| (client_id(org), client_secret(org)));
        let settings = Settings {
            rules,
            clients: clients.collect(),
            ..Settings::default()
        };
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let stand_in = StandIn::bind(settings).await.expect("a port");
                ready
                    .send((stand_in.world(), stand_in.addr()))
                    .expect("the test waits");
                tokio::select! {
                    ended = stand_in.run() => ended.expect("the port stays ours"),
                    _ = stopped => (),
                }
            });
        };
        let thread = thread::spawn(serve);
        let (world, addr) = listening.recv().expect("the stand-in listens");
        Self {
            world,
            rules,
            addr,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What a person consents to for `org`: production, [`SCOPE`].
    pub(crate) fn consent(&self, org: &str) -> Consent {
        let id = self.world.with(|zoho, _| zoho.new_org_id());
        let place = zoho_tokend::stand_in::Org {
            id,
            environment: Environment::Production,
            api_domain: self.url(),
        };
        Consent::new(&client_id(org), SCOPE, place)
    }

    /// A grant token, as the console gives it.
    pub(crate) fn code(&self, org: &str) -> String {
        self.code_for(self.consent(org))
    }

    pub(crate) fn code_for(&self, consent: Consent) -> String {
        let code = self.world.with(|zoho, now| zoho.grant_code(consent, now));
        code.expect("a client and room")
    }

    /// The refresh token of the newest grant of `org`.
    pub(crate) fn newest_refresh_token(&self, org: &str) -> String {
        let grants = self.stats().grants.into_iter().rev();
        let mut grants = grants.filter(|grant| grant.client_id == client_id(org));
        let newest = grants.next().and_then(|grant| grant.refresh_token);
        newest.expect("an enrolment")
    }

    /// A refresh token that somebody has already.
    pub(crate) fn refresh_token(&self, org: &str) -> String {
        let consent = self.consent(org);
        let token = self.world.with(|zoho, now| zoho.install(consent, now));
        token.expect("a client and room")
    }

    /// The next `times` calls for `org` go wrong; `None`: until [`Zoho::heal`].
    pub(crate) fn break_for(&self, org: &str, times: impl Into<Option<u32>>, fault: Fault) {
        let times = times.into();
        let added = self
            .world
            .with(|zoho, _| zoho.add_fault(&client_id(org), times, fault));
        added.expect("room");
    }

    /// All of Zoho works again.
    pub(crate) fn heal(&self) {
        self.world.with(|zoho, _| zoho.clear_faults());
    }

    /// Nobody listens for `span`.
    pub(crate) fn away_for(&self, span: Duration) {
        let body = format!(r#"{{"ms":{}}}"#, span.as_millis());
        let mut line = Line::to_url(&self.url()).expect("it listens");
        let reply = line.ask(&Request::post("/_/outage", body));
        assert_eq!(reply.expect("an answer").status, 204);
    }

    pub(crate) fn stats(&self) -> Stats {
        self.world.with(|zoho, now| zoho.stats(now))
    }

    /// What happened to the grants of `org`, added up.
    pub(crate) fn counts(&self, org: &str) -> Counts {
        let mut stats = self.stats();
        stats
            .grants
            .retain(|grant| grant.client_id == client_id(org));
        stats.sum()
    }

    pub(crate) fn mints(&self, org: &str) -> u64 {
        self.counts(org).mints
    }

    /// Zoho ends an access token before its time.
    pub(crate) fn revoke(&self, access_token: &str) {
        let reply = self.world.with(|zoho, now| zoho.revoke(access_token, now));
        assert_eq!(reply.status, 200, "it was alive");
    }

    pub(crate) fn is_alive(&self, token: &str) -> bool {
        self.world.with(|zoho, now| zoho.is_alive(token, now))
    }
}

impl Drop for Zoho {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

pub(crate) fn client_id(org: &str) -> String {
    format!("1000.{}", org.to_ascii_uppercase())
}

/// What the console shows as the secret of the client of `org`, as long as Zoho's: a canary that must be seen nowhere.
pub(crate) fn client_secret(org: &str) -> String {
    format!("canary{org:0<36}")
}
