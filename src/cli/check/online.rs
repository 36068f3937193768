//! `check --online`: whether this host reaches the data centers that the config names, and what they say there.
//!
//! Sends no secret: it reads the list of accounts servers, which is everybody's, and for orgs with `verify` it looks
//! whether their API answers at all. Invariant: each host is asked once, and none is waited for longer than
//! [`PATIENCE`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;

use super::servers;
use crate::base::{DataCenter, UnixTime};
use crate::cli::failure::Failure;
use crate::cli::output::counted;
use crate::config::{Config, Parsed, Place, Problem};
use crate::edge::clock::SystemClock;
use crate::edge::config_files;
use crate::edge::zoho::{Network, ORG_PATH, Page, PageCall, SERVERS_PATH, Zoho};
use crate::policy::record::Cause;
use crate::policy::remedy;

/// Longest wait for one host.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hosts that are asked at once.
const AT_ONCE: usize = 16;

/// How far this host's clock may be off before it is told: what the daemon holds for right after a reboot.
const CLOCK_ERROR_MAX: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Online {
    /// Hosts that did not answer, each with its place.
    pub(super) unreached: Vec<Problem>,
    /// What else somebody should look at.
    pub(super) warnings: Vec<Problem>,
    /// What is well.
    pub(super) notes: Vec<String>,
    asked: usize,
}

/// A host to ask, and who needs it.
struct Stop {
    url: String,
    host: String,
    kind: Kind,
    /// The key that names it.
    key: String,
}

#[derive(Clone)]
enum Kind {
    Accounts(Box<DataCenter>),
    /// The API of an org with `verify`.
    Api,
}

/// What one host did.
struct Visit {
    stop: Stop,
    page: Result<Page, Cause>,
    took: Duration,
    /// This host's clock when the answer was there.
    wall: UnixTime,
}

/// Asks every data center of the config at `path`.
pub(super) fn look(path: &Path) -> Result<Online, Failure> {
    let parsed = config_files::read(path);
    let network = Network::of(&parsed.config.daemon);
    let mut online = Online::default();
    let zoho = match Zoho::new(&network) {
        Ok(zoho) => zoho,
        Err(error) => {
            let place = parsed.places.of("daemon");
            online
                .unreached
                .push(Problem::error(place, error.to_string()));
            return Ok(online);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::bug("check", &format!("cannot start its timers: {error}")))?;
    let stops = stops(&parsed.config);
    online.asked = stops.len();
    let mut visits = runtime.block_on(visit_all(&zoho, stops));
    visits.sort_by(|a, b| a.stop.url.cmp(&b.stop.url));
    for visit in &visits {
        online.judge(visit, &parsed);
    }
    online.tell_lists(&visits, &parsed);
    Ok(online)
}

/// Each host once, by the first org that needs it.
fn stops(config: &Config) -> Vec<Stop> {
    let mut stops: BTreeMap<String, Stop> = BTreeMap::new();
    let mut add = |stop: Stop| {
        stops.entry(stop.url.clone()).or_insert(stop);
    };
    for (name, org) in &config.orgs {
        let data_center = &org.data_center;
        let accounts = &data_center.accounts_url;
        add(Stop {
            url: format!("{accounts}{SERVERS_PATH}"),
            host: accounts.clone(),
            kind: Kind::Accounts(Box::new(data_center.clone())),
            key: format!("orgs.{name}.data_center"),
        });
        let environment = org.settings.binding.environment;
        let api = data_center.api_domains.of(environment);
        if let Some(api) = api.filter(|_| org.settings.verify) {
            add(Stop {
                url: format!("{api}{ORG_PATH}"),
                host: api.to_owned(),
                kind: Kind::Api,
                key: format!("orgs.{name}.verify"),
            });
        }
    }
    stops.into_values().collect()
}

async fn visit_all(zoho: &Zoho, stops: Vec<Stop>) -> Vec<Visit> {
    let (mut left, mut visits) = (stops.into_iter(), Vec::new());
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(stop) = left.next()
        {
            under_way.spawn(visit(zoho.clone(), stop));
        }
        match under_way.join_next().await {
            Some(visit) => visits.extend(visit),
            None => return visits,
        }
    }
}

async fn visit(zoho: Zoho, stop: Stop) -> Visit {
    let clock = SystemClock::new();
    let began = clock.now().boot;
    let call = PageCall {
        url: stop.url.clone(),
        timeout: PATIENCE,
        access_token: None,
    };
    let page = zoho.get(call).await;
    let now = clock.now();
    Visit {
        stop,
        page,
        took: now.boot.since(began),
        wall: now.wall,
    }
}

impl Online {
    /// How it went, in a line.
    pub(super) fn summary(&self) -> String {
        let asked = counted(self.asked, "host");
        match self.unreached.len() {
            0 => format!("online good: {asked} answered"),
            unreached => format!("online bad: {unreached} of {asked} gave no good answer"),
        }
    }

    fn judge(&mut self, visit: &Visit, parsed: &Parsed) {
        let Stop { host, key, .. } = &visit.stop;
        let place = parsed.places.of(key);
        let page = match &visit.page {
            Ok(page) => page,
            Err(cause) => return self.unreached.push(unreached(place, &visit.stop, cause)),
        };
        if page.status >= 500 {
            let code = format!("http-{}", page.status);
            let cause = Cause::new(&code, "it answers, and is in trouble");
            return self.unreached.push(unreached(place, &visit.stop, &cause));
        }
        if let Some(warning) = page.date.and_then(|date| clock_error(visit, date)) {
            self.warnings.push(Problem::warning(place, warning));
        }
        let (ms, status) = (visit.took.as_millis(), page.status);
        let how = if status == 200 {
            format!("answered in {ms} ms")
        } else {
            format!("answered HTTP {status} in {ms} ms")
        };
        self.notes.push(match &visit.stop.kind {
            Kind::Accounts(own) => format!("data center {}: {host} {how}", own.name),
            Kind::Api => format!("{host}, which `verify` asks, {how}"),
        });
    }

    /// Where Zoho's own list of accounts servers differs from this release's table; each difference once.
    fn tell_lists(&mut self, visits: &[Visit], parsed: &Parsed) {
        let mut told = BTreeSet::new();
        for visit in visits {
            let (Kind::Accounts(own), Ok(page)) = (&visit.stop.kind, &visit.page) else {
                continue;
            };
            for what in servers::differences(own, page.status, &page.body) {
                if told.insert(what.clone()) {
                    let place = parsed.places.of(&visit.stop.key);
                    self.warnings.push(Problem::warning(place, what));
                }
            }
        }
    }
}

fn unreached(place: Place, stop: &Stop, cause: &Cause) -> Problem {
    let Stop { host, key, .. } = stop;
    let what = match &stop.kind {
        Kind::Accounts(own) => {
            let cure = remedy::look_at(&cause.code, host);
            format!(
                "`data_center` is {}, and {host} gives no good answer ({}: {}); {cure}",
                own.name, cause.code, cause.detail
            )
        }
        Kind::Api => {
            let cure = remedy::look_at(&cause.code, host);
            let org = key.split('.').nth(1).unwrap_or_default();
            format!(
                "`verify` of org {org} asks {host}, which gives no good answer ({}: {}): its tokens stay unverified; {cure}",
                cause.code, cause.detail
            )
        }
    };
    Problem::error(place, what)
}

/// Where this host's clock is off by more than the answer's way can explain. A `Date` is cut to the second.
fn clock_error(visit: &Visit, date: UnixTime) -> Option<String> {
    let apart = Duration::from_millis(visit.wall.0.abs_diff(date.0));
    if apart <= CLOCK_ERROR_MAX + visit.took {
        return None;
    }
    let way = if visit.wall > date {
        "ahead of"
    } else {
        "behind"
    };
    let apart = humantime::format_duration(Duration::from_secs(apart.as_secs()));
    Some(format!(
        "the clock of this host shows {}, {apart} {way} {}'s ({}); set it right (`timedatectl set-ntp true`, then look \
         at `timedatectl`): certificates and the times in `status` go by it",
        visit.wall.to_rfc3339(),
        visit.stop.host,
        date.to_rfc3339()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(wall_s: i64, took_s: u64) -> Visit {
        Visit {
            stop: Stop {
                url: String::new(),
                host: "https://accounts.zoho.eu".into(),
                kind: Kind::Api,
                key: String::new(),
            },
            page: Err(Cause::new("timeout", "")),
            took: Duration::from_secs(took_s),
            wall: UnixTime(wall_s * 1000),
        }
    }

    #[test]
    fn a_clock_is_told_where_the_way_does_not_explain_it() {
        let date = UnixTime(1_795_306_331_000);
        assert_eq!(clock_error(&visit(1_795_306_335, 1), date), None);
        assert_eq!(clock_error(&visit(1_795_306_338, 9), date), None);
        let behind = clock_error(&visit(1_795_302_731, 1), date).expect("an hour");
        assert!(
            behind.contains("shows 2026-11-21T23:12:11Z, 1h behind https://accounts.zoho.eu's"),
            "{behind}"
        );
        let ahead = clock_error(&visit(1_795_306_431, 1), date).expect("too far");
        assert!(
            ahead.contains("1m 40s ahead of") && ahead.contains("timedatectl"),
            "{ahead}"
        );
    }
}
