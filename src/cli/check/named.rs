//! Secrets, certificates, users and groups that the config names.

use std::path::Path;

use super::Look;
use crate::config::{Mention, Outside, Place, Problem, SecretSource};
use crate::edge::secrets::{self, BadSecret};
use crate::edge::store::KeyFile;
use crate::edge::{config_files, systemd_units, users};

pub(super) fn check(look: &mut Look<'_>) {
    for mention in look.parsed.mentions.clone() {
        let Mention { key, what } = mention;
        match what {
            Outside::ClientSecret(_, source) => check_secret(look, &key, &source),
            Outside::User(principal) => check_principal(look, &key, users::user(&principal)),
            Outside::Group(group) | Outside::OutputGroup(group) => {
                check_principal(look, &key, users::group(&group));
            }
            Outside::Output(_) => (),
        }
    }
    check_client_ids(look);
    check_seal_key(look);
    check_ca_file(look);
    check_config_files(look);
}

/// The example's own id, which Zoho would call an invalid client.
fn check_client_ids(look: &mut Look<'_>) {
    let clients = look.parsed.config.clients.iter();
    let is_example = |id: &str| id.contains("REPLACE");
    let examples = clients.filter(|(_, client)| is_example(&client.client_id));
    let keys: Vec<String> = examples
        .map(|(name, _)| format!("clients.{name}.client_id"))
        .collect();
    for key in keys {
        let what = "`client_id` is the example's; put your client's there, from Zoho's API console";
        let problem = Problem::warning(look.parsed.places.of(&key), what);
        look.parsed.problems.push(problem);
    }
}

fn check_secret(look: &mut Look<'_>, key: &str, source: &SecretSource) {
    let bad = secrets::read(source, look.credentials, look.actor.uid).err();
    match (bad, source) {
        (Some(BadSecret::NotPassed(missing)), SecretSource::Credential(name)) => {
            check_announced(look, key, name, &missing.to_string());
        }
        (Some(bad), _) => look.error(key, bad),
        (None, SecretSource::File(path)) => check_readable(look, key, path),
        (None, SecretSource::Credential(_)) => (),
    }
}

/// Before its first start nothing has been passed to a service yet.
fn check_announced(look: &mut Look<'_>, key: &str, name: &str, missing: &str) {
    if systemd_units::announces_credential(name) {
        look.note(format!(
            "systemd passes the credential {name} at the next start"
        ));
    } else {
        look.error(key, missing);
    }
}

fn check_readable(look: &mut Look<'_>, key: &str, path: &Path) {
    if !look.actor.may_read(path) {
        let user = &look.actor.name;
        let path = path.display();
        look.error(
            key,
            format!("is {path}, which {user} may not read; chown it to {user}"),
        );
    }
}

fn check_principal<T>(look: &mut Look<'_>, key: &str, found: Result<T, users::Unresolved>) {
    if let Err(why) = found {
        look.error(key, why);
    }
}

/// There are no secrets in them, so everybody may read them.
fn check_config_files(look: &mut Look<'_>) {
    for path in look.parsed.files.clone() {
        if !look.actor.may_read(&path) {
            let (user, shown) = (&look.actor.name, path.display());
            let what = if path.extension().is_some_and(|kind| kind == "toml") {
                format!(
                    "{user} may not read this file; run chmod a+r {shown}, and a+x on its folders"
                )
            } else {
                format!(
                    "{user} may not read this file, which is no config by its name; name .toml files"
                )
            };
            let problem = Problem::error(Place::of_file(&path), what);
            look.parsed.problems.push(problem);
        }
    }
}

/// A key that is not there is made at the first start, and one beside a state is [`super::folders`]'s to miss.
fn check_seal_key(look: &mut Look<'_>) {
    let (key, uid) = ("daemon.seal_key", look.actor.uid);
    match config_files::look_at_seal_key(&mut look.parsed, look.credentials, uid) {
        Ok(None) => (),
        Ok(Some((path, found))) => {
            let is_file = matches!(look.parsed.config.daemon.seal_key, SecretSource::File(_));
            if is_file && found != KeyFile::Missing {
                check_readable(look, key, &path);
            }
            look.seal_key = Some((path, found)).filter(|_| is_file);
        }
        Err(missing) => {
            if let SecretSource::Credential(name) = look.parsed.config.daemon.seal_key.clone() {
                check_announced(look, key, &name, &missing.to_string());
            }
        }
    }
}

fn check_ca_file(look: &mut Look<'_>) {
    let path = look.parsed.config.daemon.ca_file.clone();
    let certificates = config_files::read_ca_file(&mut look.parsed);
    if let (Some(path), Some(_)) = (path, certificates) {
        check_readable(look, "daemon.ca_file", &path);
    }
}
