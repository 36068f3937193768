//! What the table says to a person who gives an org something.

use super::*;
use Asked::{ClientProof, Exchange, Prove, Refresh, TakeOver};

const EU: Place<'static> = Place {
    data_center: "eu",
    org: "acme",
    client: "warehouse",
    ..Place::ANY
};

#[test]
fn a_wrong_client_secret_has_a_cure_that_says_where_the_right_one_goes() {
    let cure = |is_secret_sealed| {
        let place = Place {
            is_secret_sealed,
            ..EU
        };
        remedy("invalid_client_secret", Refresh, 1, &place).cure
    };
    assert!(cure(Some(true)).ends_with("give it to `zoho-tokend enroll acme --client-secret`"));
    assert!(
        cure(Some(false)).contains("`client_secret` of [clients.warehouse] points, then reload")
    );
}

#[test]
fn a_throttled_enrolment_is_waited_out_and_brought_again() {
    let told = |asked| remedy("Access Denied", asked, 1, &EU).cure;
    assert_eq!(
        told(Exchange),
        "Wait 10 minutes, and stop whatever else refreshes with client warehouse (an old script, another host); then \
         run `zoho-tokend enroll acme` again, with a new grant token since this one may be used up"
    );
    assert!(told(TakeOver).ends_with("`zoho-tokend enroll acme --refresh-token` again"));
    assert!(told(Prove).ends_with("`zoho-tokend enroll acme --client-secret` again"));
    assert!(told(ClientProof).ends_with("to 10; then run `zoho-tokend enroll acme` again"));
}
