//! The config as a whole: each `tests/config/NAME.toml` gives exactly the problems of `NAME.expected`, and every example
//! of `config/` is accepted.
//!
//! `UPDATE_EXPECTED=1 cargo test --test config` writes the expected files anew; read the difference before you keep it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zoho_tokend::base::{Environment, Limits, OrgName};
use zoho_tokend::config::{self, Config, Parsed, Principal, SecretSource, SourceText};
use zoho_tokend::edge::config_files;
use zoho_tokend::policy::settings::GrantKind;

const FIXTURES: &str = "tests/config";

fn toml_files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    paths
}

/// The problems as `check` prints them, with paths relative to the folder of the fixtures.
fn problems_of(path: &Path) -> String {
    let problems = config_files::read(path).problems;
    let lines = problems.iter().map(|problem| format!("{problem}\n"));
    lines
        .collect::<String>()
        .replace(&format!("{FIXTURES}/"), "")
}

fn parse(text: &str) -> Parsed {
    let path = PathBuf::from("z.toml");
    let text = text.to_owned();
    config::read(Path::new("z.toml"), &[SourceText { path, text }], vec![])
}

fn good(text: &str) -> Config {
    let parsed = parse(text);
    let shown: Vec<_> = parsed.problems.iter().map(ToString::to_string).collect();
    assert!(parsed.is_good(), "{shown:#?}");
    parsed.config
}

#[test]
fn every_fixture_gives_exactly_the_problems_that_are_expected() {
    let fixtures = toml_files(FIXTURES);
    assert!(fixtures.len() >= 40, "the fixtures have gone");
    let mut wrong = vec![];
    for path in fixtures {
        let expected_path = path.with_extension("expected");
        let (is, shown) = (problems_of(&path), path.display());
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected_path, &is).expect("the fixtures are ours to write");
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if is != expected {
            wrong.push(format!("{shown}\n--- expected\n{expected}--- is\n{is}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_problem_says_what_to_do() {
    for path in toml_files(FIXTURES) {
        for line in problems_of(&path).lines() {
            let message = line.splitn(4, ':').nth(3).unwrap_or_default();
            assert!(message.contains("; "), "no cure: {line}");
            assert!(!message.contains("canary"), "a secret: {line}");
        }
    }
}

#[test]
fn every_example_is_accepted() {
    for path in toml_files("config") {
        assert_eq!(problems_of(&path), "", "{}", path.display());
    }
}

/// In the examples `#key` is a key that is left out, `# text` is a comment.
#[test]
fn every_key_that_an_example_leaves_out_is_known() {
    for path in toml_files("config") {
        let text = fs::read_to_string(&path).expect("an example");
        let is_left_out = |line: &&str| {
            let rest = line.strip_prefix('#').unwrap_or_default();
            rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[')
                // The one that excludes the grant that is shown.
                && !rest.starts_with("soid")
        };
        let filled_in = |line| {
            if is_left_out(&line) {
                return &line[1..];
            }
            line
        };
        good(&text.lines().map(filled_in).collect::<Vec<_>>().join("\n"));
    }
}

const MINIMAL: &str = r#"
    [clients.warehouse]
    client_id = "1000.A"
    [orgs.acme]
    client = "warehouse"
    data_center = "eu"
    environment = "sandbox"
    scopes = ["ZohoCRM.modules.ALL"]
"#;

#[test]
fn what_is_left_out_has_the_documented_default() {
    let Config {
        daemon,
        refresh,
        clients,
        orgs,
    } = good(MINIMAL);
    let path = |path: &str| Some(PathBuf::from(path));
    assert_eq!(
        Some(daemon.socket),
        path("/run/zoho-tokend/zoho-tokend.sock")
    );
    assert_eq!(daemon.tokens_dir, path("/run/zoho-tokend/tokens"));
    assert_eq!(Some(daemon.state), path("/var/lib/zoho-tokend/state.db"));
    let key = SecretSource::File("/var/lib/zoho-tokend/seal.key".into());
    assert_eq!(daemon.seal_key, key);
    assert_eq!(daemon.admins.users, [Principal::Name("root".into())]);
    assert!(daemon.admins.groups.is_empty() && daemon.monitors.users.is_empty());
    assert!(daemon.ca_file.is_none() && daemon.proxy.is_none());
    assert_eq!(daemon.log, "info");
    assert_eq!(refresh.min_ttl, Duration::from_mins(10));
    assert_eq!(refresh.timeout, Duration::from_secs(20));
    assert!(clients["warehouse"].secret.is_none());
    let org = orgs.values().next().expect("one org");
    assert!((org.settings.at - 0.5).abs() < f64::EPSILON);
    assert_eq!(org.settings.grant, GrantKind::SelfClient);
    assert_eq!(org.settings.binding.environment, Environment::Sandbox);
    assert_eq!(org.settings.limits, Limits::ZOHO);
    assert!(org.settings.required && !org.settings.verify && org.settings.org_id.is_none());
    assert!(org.readers.users.is_empty() && org.outputs.is_empty());
    let api_domain = org.settings.api_domains.of(Environment::Sandbox);
    assert_eq!(api_domain, Some("https://sandbox.zohoapis.eu"));
}

#[test]
fn the_key_stands_beside_the_state_wherever_that_is() {
    let config = good("[daemon]\nstate = \"/srv/z/my.db\"\ntokens_dir = \"\"\n");
    let key = SecretSource::File("/srv/z/seal.key".into());
    assert_eq!(config.daemon.seal_key, key);
    assert_eq!(config.daemon.tokens_dir, None);
}

#[test]
fn an_org_overrides_what_refresh_sets_for_all() {
    let text = format!("[refresh]\nat = 0.3\nmin_ttl = \"5m\"\n{MINIMAL}\n    min_ttl = \"2m\"\n");
    let config = good(&text);
    let settings = &config.orgs.values().next().expect("one org").settings;
    assert!((settings.at - 0.3).abs() < f64::EPSILON);
    assert_eq!(settings.min_ttl, Duration::from_mins(2));
}

#[test]
fn a_drop_in_may_hold_an_org_with_its_client_and_data_center() {
    let parsed = config_files::read(Path::new("tests/config/good_drop_ins.toml"));
    let orgs: Vec<_> = parsed.config.orgs.keys().map(OrgName::as_str).collect();
    assert_eq!(orgs, ["acme", "blue"]);
    let blue = parsed.config.orgs.values().last().expect("two orgs");
    assert_eq!(
        blue.data_center.endpoints.token,
        "http://127.0.0.1:9000/token"
    );
    assert_eq!(blue.settings.limits.window, Duration::from_secs(10));
}

#[test]
fn s1_a_config_shows_no_password_of_a_proxy() {
    let config = good("[daemon]\nproxy = \"http://user:canary@proxy.example:3128\"\n");
    assert!(!format!("{config:?}").contains("canary"));
    assert!(
        config
            .daemon
            .proxy
            .expect("set")
            .expose()
            .contains("canary")
    );
}

/// What a slip of the pen can do to a file, at every place of it.
#[test]
fn s5_no_text_makes_the_parser_fail() {
    let whole = fs::read_to_string("tests/config/good_full.toml").expect("a fixture");
    for (at, _) in whole.char_indices().step_by(13) {
        parse(&whole[..at]);
        for slip in [
            "\n", "\"", "[", "]]", "{", "=", "'''", "\u{0}", "#", ".", "é",
        ] {
            parse(&format!("{}{slip}{}", &whole[..at], &whole[at..]));
        }
    }
}

#[test]
fn s5_a_megabyte_of_garbage_is_refused_in_a_moment() {
    let size = 1024 * 1024;
    for garbage in ["=\n", "[a]\n", "a\n", "a=[", "x", "{", "'", "\n"] {
        let problems = parse(&garbage.repeat(size / garbage.len())).problems;
        assert!(problems.len() <= 1001, "{garbage:?}: {}", problems.len());
    }
    let many = "a={},".repeat(size / 5);
    let lists = [
        format!("include = [{}]", "5,".repeat(size / 2)),
        format!("orgs = {{{many}}}"),
        (0..20_000).fold("orgs={".to_owned(), |text, n| text + &format!("a{n}={{}},")) + "}",
    ];
    for text in lists {
        assert!(!parse(&text).is_good());
    }
}

#[test]
fn a_thousand_orgs_are_read_in_a_moment() {
    let org =
        "data_center = \"eu\"\nclient = \"w\"\nenvironment = \"production\"\nscopes = [\"a.b\"]\n";
    let mut text = "[clients.w]\nclient_id = \"1000.A\"\n".to_owned();
    for number in 0..1000 {
        text.extend(["[orgs.org-", &number.to_string(), "]\n", org]);
    }
    assert_eq!(good(&text).orgs.len(), 1000);
}

/// A place that is off by a line sends people to the wrong org.
#[test]
fn every_place_that_is_kept_is_the_one_in_the_file() {
    let parsed = parse(MINIMAL);
    let lines: BTreeMap<_, _> = [
        ("clients.warehouse.client_id", 3),
        ("orgs.acme.scopes[0]", 8),
    ]
    .into();
    for (key, line) in lines {
        assert_eq!(parsed.places.of(key).line, line, "{key}");
    }
}

/// A token written over the config is the end of the next start.
#[test]
fn an_output_over_a_file_of_the_config_is_refused() {
    let source = |path: &str, text: &str| SourceText {
        path: path.into(),
        text: text.to_owned(),
    };
    let output = |path| format!("[[orgs.acme.outputs]]\npath = \"{path}\"\nformat = \"token\"\n");
    let main = format!(
        "{MINIMAL}\n{}{}",
        output("/etc/z/z.toml"),
        output("/etc/z/orgs.d/beta.toml")
    );
    let files = [
        source("/etc/z/z.toml", &main),
        source("/etc/z/orgs.d/beta.toml", ""),
    ];
    let parsed = config::read(Path::new("/etc/z/z.toml"), &files, vec![]);
    let shown: Vec<_> = parsed.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "/etc/z/z.toml:11:8: `path` names the same file as this config (/etc/z/z.toml); give each its own",
            "/etc/z/z.toml:14:8: `path` names the same file as this config (/etc/z/orgs.d/beta.toml); give each its own",
        ]
    );
}
