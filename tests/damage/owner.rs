//! Whose the files are, who may read them, and which key is theirs.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use zoho_tokend::edge::store::{KeyFlaw, KeySource, Sqlite, StoreError};

use crate::fixture::{Home, child, chmod, fixture_says, role};
use crate::matrix::{KEY, MARK, STATE, WAL, killed, stopped, try_start};

#[test]
fn another_key_is_told_with_both_ids_and_the_file() {
    let (home, whole) = killed();
    let mut files = home.files();
    files.insert(KEY.into(), format!("{}\n", "ab".repeat(32)).into_bytes());
    let folder = Home::new();
    let err = try_start(&folder, &files, &whole, "another key").unwrap();
    let StoreError::WrongKey {
        path,
        flaw: KeyFlaw::Other {
            state,
            given,
            wanted,
        },
    } = &err
    else {
        panic!("{err:?}");
    };
    assert_eq!(
        (path, state),
        (&folder.file(KEY).display().to_string(), &folder.file(STATE))
    );
    assert!(
        given != wanted && err.to_string().contains(wanted) && err.exit_code() == 78,
        "{err}"
    );
}

#[test]
fn a_loose_mode_is_tightened_on_the_state_and_refused_on_the_key() {
    let (home, whole) = killed();
    for name in [STATE, WAL, MARK] {
        let copy = home.copy();
        chmod(&copy.file(name), 0o664);
        assert_eq!(copy.start().unwrap(), whole, "{name}");
        let mode = fs::metadata(copy.file(name))
            .map(|found| std::os::unix::fs::MetadataExt::mode(&found) & 0o777);
        assert!(
            mode.is_err() || mode.is_ok_and(|mode| mode == 0o600),
            "{name}"
        );
    }
    let refused = |name: &str, mode| {
        let copy = home.copy();
        chmod(&copy.file(name), mode);
        copy.start().unwrap_err()
    };
    for (name, mode) in [
        (KEY, 0o644),
        (KEY, 0o606),
        (STATE, 0o400),
        (STATE, 0),
        (WAL, 0o200),
    ] {
        let err = refused(name, mode);
        assert!(
            matches!(err, StoreError::NotPermitted { .. }) && err.exit_code() == 77,
            "{name} {mode:o}: {err}"
        );
        assert!(err.to_string().contains("chmod 600"), "{err}");
    }
}

#[test]
fn a_file_of_another_user_is_refused_with_the_command_that_cures_it() {
    if !rustix::process::geteuid().is_root() {
        assert!(
            std::env::var_os("CI").is_none(),
            "run as root, who alone can give files away"
        );
        return fixture_says("SKIPPED: only root can give files away");
    }
    let (home, _) = killed();
    for name in [STATE, WAL, KEY, MARK, "state.db.lock"] {
        let copy = home.copy();
        chown(copy.file(name), Some(12345), None).unwrap();
        let before = copy.files();
        let err = copy.start().unwrap_err();
        assert!(
            matches!(err, StoreError::NotPermitted { .. }),
            "{name}: {err}"
        );
        assert!(
            err.to_string().contains("uid 12345")
                && err.to_string().contains("run it as uid 12345"),
            "{err}"
        );
        assert_eq!(copy.files(), before, "{name}");
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_refused_but_a_key_may_be_mounted_as_one() {
    let (home, whole) = stopped();
    for name in [STATE, MARK, "state.db.lock"] {
        let copy = home.copy();
        fs::rename(copy.file(name), copy.file("aside")).unwrap();
        symlink(copy.file("aside"), copy.file(name)).unwrap();
        let err = copy.start().unwrap_err();
        assert!(
            matches!(err, StoreError::NotPermitted { .. }),
            "{name}: {err}"
        );
    }
    fs::rename(home.file(KEY), home.file("mounted")).unwrap();
    symlink(home.file("mounted"), home.file(KEY)).unwrap();
    assert_eq!(home.start().unwrap(), whole);
    chmod(&home.file("mounted"), 0o644);
    assert!(
        matches!(home.start(), Err(StoreError::NotPermitted { .. })),
        "the file itself counts"
    );
}

/// Run in a child, whose credentials the parent sets.
#[test]
fn child_opens_with_a_credential() {
    let Some((role, home)) = role() else { return };
    let opened = Sqlite::open(&home.join("state.db"), &KeySource::Credential(role));
    fixture_says(&opened.map_or_else(|err| err.to_string(), |_| "opened".into()));
}

#[test]
fn a_credential_opens_the_state_that_was_made_with_it_and_none_is_ever_made() {
    let (home, credentials) = (Home::new(), Home::new());
    let open = |name: &str, folder: Option<&Home>| {
        let mut child = child("owner::child_opens_with_a_credential", name, home.path());
        child.env_remove("CREDENTIALS_DIRECTORY");
        child.envs(folder.map(|folder| ("CREDENTIALS_DIRECTORY", folder.path())));
        String::from_utf8(child.output().unwrap().stderr).unwrap()
    };
    for folder in [None, Some(&credentials)] {
        let said = open("k", folder);
        assert!(
            said.contains("credential k: the service manager passed no such credential"),
            "{said}"
        );
        assert!(!home.file(STATE).exists() && !credentials.file("k").exists());
    }
    credentials.put("k", "ab".repeat(32).as_bytes());
    credentials.put("other", "cd".repeat(32).as_bytes());
    assert!(
        open("k", Some(&credentials)).contains("opened"),
        "a key that came with no state begins one"
    );
    assert!(open("k", Some(&credentials)).contains("opened"));
    let said = open("other", Some(&credentials));
    assert!(said.contains("credential other: this key (id"), "{said}");
    assert!(open("k", None).contains("passed no such credential"));
    assert!(!home.file(KEY).exists());
    fs::remove_file(home.file(STATE)).unwrap();
    let said = open("k", Some(&credentials));
    assert!(
        said.contains("the state is missing, though there was one"),
        "{said}"
    );
}
