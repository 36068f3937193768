//! Plans from seeds: each switches some troubles off and makes others frequent, so that rare meetings happen.

use std::time::Duration;

use super::dice::Seeded;
use super::plan::{Plan, Purpose};
use super::spans::{HOUR, MINUTE};
use super::trouble::Trouble;
use super::zoho::Rules;
use crate::base::{DataCenter, Environment, Limits, OrgName, ScopeSet, SecretMark};
use crate::policy::schedule::AT_BY_DEFAULT;
use crate::policy::settings::{Binding, GrantKind, OrgSettings};

/// How many runs in a thousand have short lives from beginning to end. They cost four times as much as others, and
/// trouble of that kind comes in the rest.
const SHORT_LIVES_PER_MILLE: u64 = 20;

/// The plan of a seed: so many orgs, for so many hours of trouble and three of calm.
pub fn plan(seed: u64, orgs: usize, hours: i64) -> Plan {
    let mut dice = Seeded::new(seed ^ 0x7357_0000);
    // Another chance, so that who asks the API shifts nothing else of a plan.
    let mut asking = Seeded::new(seed ^ 0xa5c_0000);
    let life_ms = if dice.happens(SHORT_LIVES_PER_MILLE) {
        15 * MINUTE
    } else {
        HOUR
    };
    let is_sparse = dice.happens(400);
    let means = if is_sparse {
        [0, 0, 0, 12 * HOUR]
    } else {
        [0, 20 * HOUR, 6 * HOUR, 90 * MINUTE]
    };
    let every_ms = std::array::from_fn(|_| *dice.pick(&means));
    let has_ntp = dice.happens(650);
    let client_mints = *dice.pick(&[None, None, None, Some(12)]);
    let with_limit = |own: OrgSettings| OrgSettings {
        client_mints,
        ..own
    };
    let orgs = (0..orgs).map(|nth| with_limit(org(nth, &mut dice)));
    let orgs = with_client_credentials(orgs.collect(), seed);
    let orgs = orgs.into_iter().map(|own| with_question(own, &mut asking));
    Plan {
        purpose: Purpose::Trial,
        seed,
        orgs: orgs.collect(),
        rules: Rules {
            limits: Limits::ZOHO,
            life_ms,
            rotates: dice.happens(150),
        },
        troubled_ms: hours * HOUR,
        calm_ms: 3 * HOUR,
        every_ms,
        script: Vec::new(),
        look_every_ms: 10 * MINUTE,
        rate_ppm: if has_ntp { 0 } else { *dice.pick(&[-500, 500]) },
        has_ntp,
        way_ms: *dice.pick(&[3, 400, 3_000]),
    }
}

/// Some orgs mint by their client's own right, some of these in one lane with the one before.
fn with_client_credentials(mut orgs: Vec<OrgSettings>, seed: u64) -> Vec<OrgSettings> {
    let mut dice = Seeded::new(seed ^ 0x0c11_e770);
    for nth in 0..orgs.len() {
        if !dice.happens(250) {
            continue;
        }
        let own = &mut orgs[nth];
        own.grant = GrantKind::ClientCredentials;
        own.has_client_secret = dice.happens(700);
        own.binding.soid = Some(format!("ZohoCRM.6000{nth}"));
        let is_twin = dice.happens(400);
        let scopes = *dice.pick(&["ZohoCRM.modules.ALL", "ZohoCRM.users.READ"]);
        let before = nth.checked_sub(1).map(|at| orgs[at].clone());
        let before = before.filter(|own| own.grant.is_of_client());
        if let Some(before) = before.filter(|_| is_twin) {
            orgs[nth] = OrgSettings {
                name: orgs[nth].name.clone(),
                binding: Binding {
                    scopes: ScopeSet::parse(scopes),
                    ..before.binding
                },
                ..before
            };
        }
    }
    orgs
}

/// Half of them at the default; most others as late as may be, where promises are tightest.
fn at(dice: &mut Seeded) -> f64 {
    match dice.below(16) {
        0 => 0.3,
        1..7 => 0.7,
        _ => AT_BY_DEFAULT,
    }
}

fn org(nth: usize, dice: &mut Seeded) -> OrgSettings {
    let data_center = ["eu", "us", "in"][nth % 3];
    let zoho = DataCenter::of_zoho(data_center);
    let environment = *dice.pick(&[
        Environment::Production,
        Environment::Production,
        Environment::Sandbox,
    ]);
    OrgSettings {
        name: OrgName::parse(&format!("org-{nth}")).unwrap_or_else(|_| unreachable!("a good name")),
        client: format!("client-{}", nth % 4),
        binding: Binding {
            client_id: format!("1000.CLIENT{}", nth % 4).into(),
            data_center: data_center.into(),
            environment,
            scopes: ScopeSet::parse("ZohoCRM.modules.ALL"),
            soid: None,
        },
        grant: GrantKind::SelfClient,
        has_client_secret: true,
        api_domains: zoho
            .as_ref()
            .map(|zoho| zoho.api_domains.clone())
            .unwrap_or_default(),
        console_url: None,
        at: at(dice),
        min_ttl: Duration::from_mins(10),
        timeout: Duration::from_secs(20),
        limits: Limits::ZOHO,
        client_mints: None,
        verify: false,
        org_id: None,
        neighbours: Vec::new(),
        secret: Some(SecretMark(0)),
        required: true,
    }
}

/// Every third org has Zoho's API asked whose its grants are.
fn with_question(own: OrgSettings, dice: &mut Seeded) -> OrgSettings {
    let number = format!("60{:06}", dice.below(1_000_000));
    // Orgs that a soid has in common are one.
    let soid = own.binding.soid.as_deref();
    let org_id = soid.and_then(|soid| soid.split('.').nth(1));
    let org_id = org_id.map_or(number, str::to_owned);
    OrgSettings {
        verify: dice.happens(333),
        org_id: Some(org_id),
        ..own
    }
}

/// A plan in which one trouble alone comes.
pub fn only(trouble: Trouble, every_ms: i64, plan: Plan) -> Plan {
    let mut every = [0; Trouble::ALL.len()];
    every[trouble.index()] = every_ms;
    Plan {
        every_ms: every,
        ..plan
    }
}
