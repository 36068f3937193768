//! Grants that are swapped between environments and data centers: nothing is published under a wrong name (S4).

use zoho_tokend::base::Environment;
use zoho_tokend::stand_in::{Consent, Fault, Rules};

use crate::daemon::Daemon;
use crate::http::{Line, Request};
use crate::site::Site;
use crate::verify::{asking, assert_dark, consent};
use crate::wait::{SOON, wait_until};
use crate::zoho::client_id;

/// Grants swapped between three environments, at enrolment: each by a host that is named, and by the API.
#[test]
fn s4_grants_swapped_between_environments_are_published_under_no_wrong_name() {
    for verify in [false, true] {
        let orgs = Environment::ALL.map(Environment::as_str);
        let mut site = Site::new(Rules::default(), &orgs);
        for org in orgs {
            let lines = format!("environment = \"{org}\"\n");
            let lines = if verify { asking(&lines) } else { lines };
            site.config.orgs.insert(org.into(), lines);
        }
        site.write_config();
        let daemon = site.run();
        for org in orgs {
            for environment in Environment::ALL {
                let consent = Consent {
                    client_id: client_id(org),
                    ..consent(&site, "60012345", environment)
                };
                let code = site.zoho.code_for(consent);
                let ended = site.enroll_with(org, &code);
                if org == environment.as_str() {
                    ended.done();
                } else {
                    assert!(ended.failed(78).contains("wrong-place"), "{org}: {ended:?}");
                }
            }
        }
        assert_each_its_own(&site, &orgs, &daemon);
    }
}

/// Every token that is out is one of its own environment, by the word of the server that made it.
#[track_caller]
fn assert_each_its_own(site: &Site, orgs: &[&str], daemon: &Daemon) {
    for org in orgs {
        let token = site.token(org);
        let path = match *org {
            "production" => String::new(),
            other => format!("/{other}"),
        };
        let request = Request::get(&format!("{path}/crm/v8/org"))
            .with("Authorization", &format!("Zoho-oauthtoken {}", token.text))
            .with("Connection", "close");
        let mut line = Line::to_url(&site.zoho.url()).expect("it listens");
        let reply = line.ask(&request).expect("an answer");
        assert_eq!(reply.status, 200, "{org}: {}", daemon.said());
        assert_eq!(reply.json()["org"][0]["type"], *org);
    }
}

/// Hosts of Zoho's other data centers, named at a refresh: what is out goes.
#[test]
fn s4_a_token_of_another_data_center_is_withdrawn_at_a_refresh() {
    for host in [
        "https://www.zohoapis.com",
        "https://sandbox.zohoapis.eu",
        "https://developer.zohoapis.com.cn",
        "https://www.zohoapis.sg/",
    ] {
        let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
        site.zoho
            .break_for("acme", 1, Fault::set("api_domain", host));
        let refused = site.verb(&["refresh", "acme"]);
        assert!(refused.failed(78).contains("wrong-place"), "{refused:?}");
        wait_until("the files are gone", SOON, || {
            site.file("acme", "access_token").is_none()
        });
        assert_dark(&site);
        assert_eq!(site.status("acme")["grant"], "quarantined");
    }
}
