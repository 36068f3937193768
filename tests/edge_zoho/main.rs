//! The edge to Zoho over real sockets on loopback: what was sent, what was not, and what came back.

mod answers;
mod connections;
mod logs;
mod pages;
mod peer;
mod proxies;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use zoho_tokend::base::Secret;
use zoho_tokend::edge::zoho::{Form, Network, Reply, TokenCall, Zoho};
use zoho_tokend::policy::record::Cause;
use zoho_tokend::policy::remedy::{self, Place};

/// Longer than anything that is not meant to hang.
const AMPLE: Duration = Duration::from_secs(20);

/// For what hangs on purpose.
const SHORT: Duration = Duration::from_millis(400);

fn call(token_url: &str, timeout: Duration) -> TokenCall {
    let secret = |text: &str| Arc::new(Secret::new(text.into()));
    TokenCall {
        token_url: token_url.into(),
        timeout,
        form: Form::Refresh {
            client_id: "1000.ABC".into(),
            client_secret: secret("canary-secret"),
            refresh_token: secret("1000.canary.token"),
        },
    }
}

/// One call on a fresh runtime of one thread, like the daemon's.
fn post_with(network: &Network, token_url: &str, timeout: Duration) -> Reply {
    let zoho = Zoho::new(network).expect("a good network");
    run(zoho.post_token(call(token_url, timeout)))
}

fn post(token_url: &str, timeout: Duration) -> Reply {
    post_with(&Network::default(), token_url, timeout)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// The code of a call that was not sent.
#[track_caller]
fn not_sent(reply: Reply) -> String {
    match reply {
        Reply::NotSent(cause) => checked(cause),
        other => unreachable!("not sent, but {other:?}"),
    }
}

/// The code of a call that was sent and not answered.
#[track_caller]
fn lost(reply: Reply) -> String {
    match reply {
        Reply::Lost(cause) => checked(cause),
        other => unreachable!("lost, but {other:?}"),
    }
}

#[track_caller]
fn answered(reply: Reply) -> (u16, String) {
    match reply {
        Reply::Answered { status, body, .. } => {
            (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
        }
        other => unreachable!("answered, but {other:?}"),
    }
}

/// S1, and a cure for every cause.
#[track_caller]
fn checked(cause: Cause) -> String {
    let told = format!("{cause:?}");
    assert!(
        !told.contains("canary") && !told.contains("/oauth"),
        "{told}"
    );
    assert!(
        !remedy::explain(&cause.code, &Place::ANY).is_empty(),
        "no cure for {told}"
    );
    cause.code
}
