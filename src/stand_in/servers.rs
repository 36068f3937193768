//! `GET /oauth/serverinfo`: where the accounts servers of all data centers are.
//!
//! The list is written out here, not taken from the program's own table, so that a mistake in one shows. China runs
//! apart and is in nobody's list but its own.

use serde_json::{Map, Value};

use super::answer::Reply;
use super::zoho::Zoho;

/// What a script's fault is [added](Zoho::add_fault) on for the next calls; its `set` and `drop` mean locations.
pub const ON_SERVERS: &str = "serverinfo";

/// Accounts, "Multi-DC"; what that leaves out, from public code.
const SERVERS: [(&str, &str); 10] = [
    ("us", "https://accounts.zoho.com"),
    ("eu", "https://accounts.zoho.eu"),
    ("in", "https://accounts.zoho.in"),
    ("au", "https://accounts.zoho.com.au"),
    ("jp", "https://accounts.zoho.jp"),
    ("ca", "https://accounts.zohocloud.ca"),
    ("sa", "https://accounts.zoho.sa"),
    ("uk", "https://accounts.zoho.uk"),
    ("ae", "https://accounts.zoho.ae"),
    ("sg", "https://accounts.zoho.sg"),
];

impl Zoho {
    /// Answers one call, as the script of faults wants it.
    pub fn servers(&mut self) -> Reply {
        let fault = self.faults.take(&[ON_SERVERS]);
        let known = SERVERS.map(|(name, url)| (name.to_owned(), Value::from(url)));
        let mut locations = Map::from_iter(known);
        fault.alter(&mut locations);
        let locations = Value::from(locations);
        let body = format!(r#"{{"result":"success","locations":{locations}}}"#);
        fault.spoil(Some(Reply::json(200, body)))
    }
}
