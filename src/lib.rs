//! zoho-tokend keeps the OAuth 2.0 access tokens of Zoho CRM orgs fresh and hands them to back-end jobs.

pub mod base;
pub mod cli;
pub mod config;
pub mod edge;
pub mod policy;
