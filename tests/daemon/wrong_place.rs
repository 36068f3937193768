//! The wrong data center: what it looks like, and that it is named as the likely cause.

use zoho_tokend::stand_in::{Fault, Rules};

use crate::site::Site;
use crate::wait::{SOON, wait_until};
use crate::zoho::Zoho;

/// `acme` in one data center, and `beta` with the same client in another that does not know it.
#[test]
fn a_client_that_mints_elsewhere_is_told_with_the_data_center_that_works() {
    let elsewhere = Zoho::start(Rules::default(), &[]);
    let mut site = Site::new(Rules::default(), &["acme", "beta"]);
    site.config.orgs.insert(
        "beta".into(),
        "client = \"acme\"\ndata_center = \"far\"".into(),
    );
    let url = elsewhere.url();
    site.config.more = format!(
        "[data_centers.far]\naccounts_url = \"{url}\"\napi_domains = {{ production = \"{url}\" }}\n"
    );
    site.write_config();
    let _daemon = site.run();
    let before = site.enroll_with("beta", "1000.code");
    let told = before.failed(78);
    assert!(
        told.contains("invalid_client") && !told.contains("data center lab"),
        "{told}"
    );
    site.enroll("acme").done();
    let after = site.enroll_with("beta", "1000.code");
    let told = after.failed(78);
    let cure =
        "set `data_center` of org beta to the one where its user's account lives, most likely lab";
    assert!(
        told.contains("which mints in data center lab") && told.contains(cure),
        "{told}"
    );
}

#[test]
fn the_third_web_page_in_a_row_names_the_data_center_in_status() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let page = Fault::answer(200, "<html>Zoho</html>");
    site.zoho.break_for("acme", 3, page);
    let cure = || {
        site.status("acme")["cure"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    for _ in 0..2 {
        site.verb(&["refresh", "acme"]).failed(75);
        assert!(cure().starts_with("Nothing to do"), "{}", cure());
    }
    site.verb(&["refresh", "acme"]).failed(75);
    wait_until("it is named", SOON, || {
        cure().starts_with("Check `data_center` of org acme, now lab")
    });
}
