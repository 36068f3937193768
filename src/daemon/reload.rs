//! All of the new config, or none of it.

use std::rc::Rc;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;

use super::loss;
use super::shared::{Shared, Turn};
use super::standing::Standing;
use crate::base::{OrgName, Secret};
use crate::config::Config;
use crate::policy::org::Org;

/// What a reload changed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
    /// Keys beside those of orgs whose new value is in force.
    settings: Vec<String>,
    /// Keys whose new value waits for a restart.
    restart_needed: Vec<&'static str>,
    warnings: Vec<String>,
}

/// Takes the config anew; an error is the list of its problems, and nothing has changed.
pub(super) async fn reload(shared: &Rc<Shared>) -> Result<Changes, Vec<String>> {
    let _turn = shared.reloading.lock().await;
    take_anew(shared).await
}

/// The same for a signal. One that comes from here on finds this reload begun, and asks for another.
pub(super) async fn reload_when_due(shared: &Rc<Shared>) -> Result<Changes, Vec<String>> {
    let _turn = shared.reloading.lock().await;
    shared.is_reload_due.set(false);
    take_anew(shared).await
}

/// The caller holds [`Shared::reloading`].
async fn take_anew(shared: &Rc<Shared>) -> Result<Changes, Vec<String>> {
    let old = shared.standing();
    let mut new = Standing::load(&old.path, Some(&old)).await?;
    let mut changes = compare(&old, &new);
    changes.warnings.extend(without_secret(shared, &new));
    changes.warnings.extend(cut_off(shared, &new));
    loss::refuse(&old, &new)?;
    new.continue_log(&old);
    put_in_force(shared, new).await;
    // Who reloads because files are missing need not wait for the next look.
    shared.delivery.look();
    tell(&changes);
    Ok(changes)
}

/// What [`reload`] would change.
pub(super) async fn forecast(shared: &Rc<Shared>) -> Result<Changes, Vec<String>> {
    let old = shared.standing();
    let new = Standing::load(&old.path, Some(&old)).await?;
    let mut changes = compare(&old, &new);
    changes.warnings.extend(without_secret(shared, &new));
    changes.warnings.extend(cut_off(shared, &new));
    loss::refuse(&old, &new)?;
    Ok(changes)
}

/// Orgs that this config takes the token away from, since it says another thing than their grants were made for.
fn cut_off(shared: &Shared, new: &Standing) -> Vec<String> {
    let cut_off = shared.fleet.borrow().cut_off_by(&new.settings());
    let told = cut_off.into_iter().map(|(name, cause, cure)| {
        format!("orgs.{name}: {cause}: nothing of it is served under this config. {cure}")
    });
    told.collect()
}

/// Orgs that this config leaves without any client secret: their next refresh would have none to go out with.
fn without_secret(shared: &Shared, new: &Standing) -> Vec<String> {
    let fleet = shared.fleet.borrow();
    let lacks_one = |name: &OrgName| {
        let client = new.org(name).map(|org| &org.settings.client);
        client.is_some_and(|client| new.secret_of(client).is_none())
            && fleet.org(name).is_some_and(Org::relies_on_config_secret)
    };
    let names = new.config.orgs.keys().filter(|name| lacks_one(name));
    let told = names.map(|name| {
        format!(
            "orgs.{name}: its client has no `client_secret` here, and none was sealed at its enrolment; put it back, or \
             run `zoho-tokend enroll {name} --client-secret`"
        )
    });
    told.collect()
}

/// The same config, with its names looked up again.
pub(super) async fn look_again(shared: &Rc<Shared>) {
    // Somebody who reads the whole config looks its names up too.
    let Ok(_turn) = shared.reloading.try_lock() else {
        return;
    };
    let old = shared.standing();
    let Some(new) = old.with_ids_of_now().await else {
        return;
    };
    if !new.grants_like(&old) {
        let left = new.unresolved.len();
        tracing::info!("config: names looked up again; {left} are still without a number");
        put_in_force(shared, new).await;
    }
}

/// Returns once the loop has taken it; where the loop is gone there is nobody left to serve.
async fn put_in_force(shared: &Rc<Shared>, new: Standing) {
    let (done, is_done) = oneshot::channel();
    shared.turns.send(Turn::Adopt(Box::new(new), done)).ok();
    is_done.await.ok();
}

fn tell(changes: &Changes) {
    for warning in &changes.warnings {
        tracing::warn!("{warning}");
    }
    for key in &changes.restart_needed {
        tracing::warn!("config: {key} has changed; it takes effect at the next restart");
    }
    if !changes.removed.is_empty() {
        let removed = loss::listed(&changes.removed);
        tracing::warn!(
            "config: no longer there: {removed}; their files go, their grants stay in the state"
        );
    }
    tracing::info!(
        added = changes.added.len(),
        removed = changes.removed.len(),
        changed = changes.changed.len(),
        "config: reloaded"
    );
}

fn compare(old: &Standing, new: &Standing) -> Changes {
    let names = |config: &Config| config.orgs.keys().cloned().collect::<Vec<OrgName>>();
    let text = |names: Vec<OrgName>| names.iter().map(OrgName::to_string).collect();
    let (was, is) = (names(&old.config), names(&new.config));
    let differs = |name: &&OrgName| {
        let one = |config: &Config| config.orgs.get(*name).map(|org| format!("{org:?}"));
        let client = |standing: &Standing| {
            let org = standing.config.orgs.get(*name);
            org.and_then(|org| standing.config.clients.get(&org.settings.client))
                .map(|client| format!("{client:?}"))
        };
        one(&old.config) != one(&new.config) || client(old) != client(new)
    };
    Changes {
        added: text(
            is.iter()
                .filter(|name| !was.contains(name))
                .cloned()
                .collect(),
        ),
        removed: text(
            was.iter()
                .filter(|name| !is.contains(name))
                .cloned()
                .collect(),
        ),
        changed: text(
            is.iter()
                .filter(|name| was.contains(name))
                .filter(differs)
                .cloned()
                .collect(),
        ),
        settings: settings(old, new),
        restart_needed: new.fixed.moved_by(&new.config),
        warnings: new.warnings.clone(),
    }
}

fn settings(old: &Standing, new: &Standing) -> Vec<String> {
    let (was, is) = (&old.config.daemon, &new.config.daemon);
    let daemon = [
        ("daemon.admins", was.admins != is.admins),
        ("daemon.monitors", was.monitors != is.monitors),
        ("daemon.ca_file", was.ca_file != is.ca_file),
        (
            "daemon.proxy",
            !is_same(was.proxy.as_ref(), is.proxy.as_ref()),
        ),
        ("daemon.log", was.log != is.log),
        ("daemon.log_format", was.log_format != is.log_format),
    ];
    let daemon = daemon.into_iter().filter(|(_, differs)| *differs);
    let clients = new.config.clients.keys();
    let known = clients.filter(|client| old.config.clients.contains_key(*client));
    let clients = known.filter(|client| {
        let both = (old.secret_of(client), new.secret_of(client));
        !is_same(both.0.as_ref(), both.1.as_ref())
    });
    let secrets = clients.map(|client| format!("clients.{client}.client_secret"));
    daemon
        .map(|(key, _)| key.to_owned())
        .chain(secrets)
        .collect()
}

fn is_same(one: Option<&Arc<Secret>>, other: Option<&Arc<Secret>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.is_same_as(other),
        (None, None) => true,
        _ => false,
    }
}
