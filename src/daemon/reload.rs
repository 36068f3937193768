//! All of the new config, or none of it.

use std::rc::Rc;

use serde::Serialize;

use super::shared::Shared;
use super::standing::Standing;
use crate::base::OrgName;
use crate::config::Config;
use crate::policy::event::Event;

/// What a reload changed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
    /// Keys whose new value waits for a restart.
    restart_needed: Vec<&'static str>,
    warnings: Vec<String>,
}

/// Takes the config anew; an error is the list of its problems, and nothing has changed.
pub(super) async fn reload(shared: &Rc<Shared>) -> Result<Changes, Vec<String>> {
    let old = shared.standing();
    let mut new = Standing::load(&old.path).await?;
    let changes = compare(&old, &new);
    for warning in &changes.warnings {
        tracing::warn!("{warning}");
    }
    for key in &changes.restart_needed {
        tracing::warn!("config: {key} has changed; it takes effect at the next restart");
    }
    tracing::info!(
        added = changes.added.len(),
        removed = changes.removed.len(),
        changed = changes.changed.len(),
        "config: reloaded, {} orgs",
        new.config.orgs.len()
    );
    new.continue_log(&old);
    put_in_force(shared, new);
    Ok(changes)
}

/// What [`reload`] would change.
pub(super) async fn forecast(shared: &Rc<Shared>) -> Result<Changes, Vec<String>> {
    let old = shared.standing();
    let new = Standing::load(&old.path).await?;
    Ok(compare(&old, &new))
}

/// The same config, with its names looked up again.
pub(super) async fn look_again(shared: &Rc<Shared>) {
    let old = shared.standing();
    let new = old.with_ids_of_now().await;
    if new.unresolved != old.unresolved {
        put_in_force(shared, new);
    }
}

fn put_in_force(shared: &Rc<Shared>, new: Standing) {
    let settings = new.settings();
    *shared.standing.borrow_mut() = Rc::new(new);
    shared.tell(Event::Configured(settings));
}

fn compare(old: &Standing, new: &Standing) -> Changes {
    let names = |config: &Config| config.orgs.keys().cloned().collect::<Vec<OrgName>>();
    let text = |names: Vec<OrgName>| names.iter().map(OrgName::to_string).collect();
    let (was, is) = (names(&old.config), names(&new.config));
    let differs = |name: &&OrgName| {
        let one = |config: &Config| config.orgs.get(*name).map(|org| format!("{org:?}"));
        let client = |standing: &Standing| {
            let org = standing.config.orgs.get(*name);
            org.and_then(|org| standing.config.clients.get(&org.client))
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
        restart_needed: restart_needed(&old.config, &new.config),
        warnings: new.warnings.clone(),
    }
}

fn restart_needed(old: &Config, new: &Config) -> Vec<&'static str> {
    let (old, new) = (&old.daemon, &new.daemon);
    let keys = [
        ("daemon.socket", old.socket != new.socket),
        ("daemon.tokens_dir", old.tokens_dir != new.tokens_dir),
        ("daemon.state", old.state != new.state),
        (
            "daemon.seal_key",
            format!("{:?}", old.seal_key) != format!("{:?}", new.seal_key),
        ),
    ];
    keys.into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key)
        .collect()
}
