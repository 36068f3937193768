//! Zoho's data centers and their hosts: the allow-list of where a secret may go.
//!
//! Sources: Zoho Accounts "Multi-DC Support", CRM API v8 "Multi DC", Bigin "Multi-DC", `WorkDrive`
//! "Multi DC Support", and for what those leave out the public SDKs. What nobody documents is `None`.

use super::Environment;

/// One data center, and all that a call to it needs. Shapes of the addresses: no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataCenter {
    /// The word of the config, `eu`.
    pub name: String,
    /// `https://accounts.zoho.eu`: the only host that sees refresh tokens and client secrets.
    pub accounts_url: String,
    /// Paths at that host.
    pub endpoints: Endpoints,
    /// Where access tokens are used.
    pub api_domains: ApiDomains,
    /// Where a person makes grant tokens; `None` where no source names it.
    pub console_url: Option<String>,
    /// Whether its consent page takes a PKCE challenge (RFC 7636). Zoho documents it for mobile and desktop apps and
    /// advertises it for all (`code_challenge_methods_supported`); a server that knows none ignores it (RFC 6749, 3.1).
    pub takes_pkce: bool,
}

/// The OAuth endpoints of a data center, whole URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// `POST`: exchange, refresh, client credentials.
    pub token: String,
    /// The consent page.
    pub authorize: String,
    /// `POST`: revocation.
    pub revoke: String,
}

/// The API's base URL per environment; `None` where no source names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiDomains {
    /// Live orgs.
    pub production: Option<String>,
    /// Sandboxes.
    pub sandbox: Option<String>,
    /// Developer orgs.
    pub developer: Option<String>,
}

impl ApiDomains {
    /// The base URL for `environment`, if known.
    pub fn of(&self, environment: Environment) -> Option<&str> {
        match environment {
            Environment::Production => self.production.as_deref(),
            Environment::Sandbox => self.sandbox.as_deref(),
            Environment::Developer => self.developer.as_deref(),
        }
    }

    /// The environment that `url` belongs to; a trailing slash and case make no difference.
    pub fn environment_of(&self, url: &str) -> Option<Environment> {
        let url = url.trim_end_matches('/');
        let is_it = |env: &Environment| {
            self.of(*env)
                .is_some_and(|own| own.eq_ignore_ascii_case(url))
        };
        Environment::ALL.into_iter().find(is_it)
    }
}

impl Endpoints {
    /// Zoho's paths below `accounts_url` (Accounts, "Access Token Expiry", "Revoke").
    pub fn of_zoho(accounts_url: &str) -> Self {
        Self {
            token: format!("{accounts_url}/oauth/v2/token"),
            authorize: format!("{accounts_url}/oauth/v2/auth"),
            revoke: format!("{accounts_url}/oauth/v2/token/revoke"),
        }
    }
}

/// A data center's hosts by their endings; `scoped`: whether sandbox and developer hosts are documented.
struct Row {
    name: &'static str,
    accounts: &'static str,
    api: &'static str,
    scoped: bool,
    console: Option<&'static str>,
}

const fn row(
    name: &'static str,
    accounts: &'static str,
    api: &'static str,
    scoped: bool,
    console: Option<&'static str>,
) -> Row {
    Row {
        name,
        accounts,
        api,
        scoped,
        console,
    }
}

/// Canada's accounts host is at `zohocloud.ca`, its API is not: no rule derives one column from another.
const TABLE: [Row; 11] = [
    row("us", "zoho.com", "com", true, Some("zoho.com")),
    row("eu", "zoho.eu", "eu", true, Some("zoho.eu")),
    row("in", "zoho.in", "in", true, Some("zoho.in")),
    row("au", "zoho.com.au", "com.au", true, Some("zoho.com.au")),
    row("jp", "zoho.jp", "jp", true, Some("zoho.jp")),
    row("cn", "zoho.com.cn", "com.cn", true, Some("zoho.com.cn")),
    row("ca", "zohocloud.ca", "ca", true, Some("zohocloud.ca")),
    row("sa", "zoho.sa", "sa", true, Some("zoho.sa")),
    row("uk", "zoho.uk", "uk", false, Some("zoho.uk")),
    row("ae", "zoho.ae", "ae", false, Some("zoho.ae")),
    row("sg", "zoho.sg", "sg", false, None),
];

impl DataCenter {
    /// The words of all of Zoho's data centers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|row| row.name)
    }

    /// The word of Zoho's own data center whose accounts server is at `origin`, `https://accounts.zoho.eu`.
    pub fn name_at(origin: &str) -> Option<&'static str> {
        let is_it = |row: &&Row| {
            let host = origin.strip_prefix("https://accounts.");
            host.is_some_and(|host| host.eq_ignore_ascii_case(row.accounts))
        };
        TABLE.iter().find(is_it).map(|row| row.name)
    }

    /// Where Zoho says how that data center fares. No page of Zoho's lists these: they are those that users watch.
    pub fn status_page(name: &str) -> Option<&'static str> {
        match name {
            "us" => Some("https://status.zoho.com"),
            "eu" => Some("https://status.zoho.eu"),
            "in" => Some("https://status.zoho.in"),
            "au" => Some("https://status.zoho.com.au"),
            _ => None,
        }
    }

    /// The data center that `name` means to Zoho.
    pub fn of_zoho(name: &str) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.name == name)?;
        let accounts_url = format!("https://accounts.{}", row.accounts);
        let api = |prefix| format!("https://{prefix}.zohoapis.{}", row.api);
        Some(Self {
            name: row.name.to_owned(),
            endpoints: Endpoints::of_zoho(&accounts_url),
            accounts_url,
            api_domains: ApiDomains {
                production: Some(api("www")),
                sandbox: row.scoped.then(|| api("sandbox")),
                developer: row.scoped.then(|| api("developer")),
            },
            console_url: row
                .console
                .map(|host| format!("https://api-console.{host}")),
            takes_pkce: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accounts, production, sandbox, developer and console host of each, written out; `-`: no source names it. The
    /// table above is made of endings, so a cell that is wrong there shows here.
    const CELLS: [[&str; 6]; 11] = [
        [
            "us",
            "accounts.zoho.com",
            "www.zohoapis.com",
            "sandbox.zohoapis.com",
            "developer.zohoapis.com",
            "api-console.zoho.com",
        ],
        [
            "eu",
            "accounts.zoho.eu",
            "www.zohoapis.eu",
            "sandbox.zohoapis.eu",
            "developer.zohoapis.eu",
            "api-console.zoho.eu",
        ],
        [
            "in",
            "accounts.zoho.in",
            "www.zohoapis.in",
            "sandbox.zohoapis.in",
            "developer.zohoapis.in",
            "api-console.zoho.in",
        ],
        [
            "au",
            "accounts.zoho.com.au",
            "www.zohoapis.com.au",
            "sandbox.zohoapis.com.au",
            "developer.zohoapis.com.au",
            "api-console.zoho.com.au",
        ],
        [
            "jp",
            "accounts.zoho.jp",
            "www.zohoapis.jp",
            "sandbox.zohoapis.jp",
            "developer.zohoapis.jp",
            "api-console.zoho.jp",
        ],
        [
            "cn",
            "accounts.zoho.com.cn",
            "www.zohoapis.com.cn",
            "sandbox.zohoapis.com.cn",
            "developer.zohoapis.com.cn",
            "api-console.zoho.com.cn",
        ],
        [
            "ca",
            "accounts.zohocloud.ca",
            "www.zohoapis.ca",
            "sandbox.zohoapis.ca",
            "developer.zohoapis.ca",
            "api-console.zohocloud.ca",
        ],
        [
            "sa",
            "accounts.zoho.sa",
            "www.zohoapis.sa",
            "sandbox.zohoapis.sa",
            "developer.zohoapis.sa",
            "api-console.zoho.sa",
        ],
        [
            "uk",
            "accounts.zoho.uk",
            "www.zohoapis.uk",
            "-",
            "-",
            "api-console.zoho.uk",
        ],
        [
            "ae",
            "accounts.zoho.ae",
            "www.zohoapis.ae",
            "-",
            "-",
            "api-console.zoho.ae",
        ],
        ["sg", "accounts.zoho.sg", "www.zohoapis.sg", "-", "-", "-"],
    ];

    #[test]
    fn every_cell_of_the_table_is_what_its_source_says() {
        assert!(DataCenter::names().eq(CELLS.map(|row| row[0])));
        for [name, accounts, production, sandbox, developer, console] in CELLS {
            let known = DataCenter::of_zoho(name).expect("in the table");
            let url = |host: &str| (host != "-").then(|| format!("https://{host}"));
            assert_eq!(Some(&known.accounts_url), url(accounts).as_ref(), "{name}");
            assert_eq!(known.console_url, url(console), "{name}");
            let domains = ApiDomains {
                production: url(production),
                sandbox: url(sandbox),
                developer: url(developer),
            };
            assert_eq!(known.api_domains, domains, "{name}");
            assert_eq!(
                known.endpoints,
                Endpoints::of_zoho(&format!("https://{accounts}"))
            );
        }
    }

    /// S4: or an answer would prove two places at once.
    #[test]
    fn s4_no_two_places_share_an_api_host() {
        let hosts = CELLS
            .iter()
            .flat_map(|row| &row[2..5])
            .filter(|host| **host != "-");
        let mut hosts: Vec<_> = hosts.collect();
        let all = hosts.len();
        hosts.sort();
        hosts.dedup();
        assert_eq!((hosts.len(), all), (27, 27));
    }

    #[test]
    fn an_accounts_server_is_of_one_data_center_or_of_none() {
        for name in DataCenter::names() {
            let own = DataCenter::of_zoho(name).expect("in the table");
            assert_eq!(DataCenter::name_at(&own.accounts_url), Some(name));
        }
        for stranger in [
            "http://accounts.zoho.eu",
            "https://accounts.zoho.eu.evil.example",
            "https://accounts.zoho.eu:444",
            "https://zoho.eu",
        ] {
            assert_eq!(DataCenter::name_at(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn s4_an_api_domain_names_its_environment() {
        let eu = DataCenter::of_zoho("eu").expect("in the table").api_domains;
        assert_eq!(
            eu.environment_of("https://sandbox.zohoapis.eu/"),
            Some(Environment::Sandbox)
        );
        assert_eq!(eu.environment_of("https://www.zohoapis.com"), None);
    }

    #[test]
    fn what_is_no_data_center_of_zohos_is_unknown() {
        for name in ["mars", "EU", ""] {
            assert!(DataCenter::of_zoho(name).is_none(), "{name}");
        }
    }
}
