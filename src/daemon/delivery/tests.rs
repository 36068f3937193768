//! Deliveries to a folder of the test, in real time: the end of a token is a moment on the machine's clock.

use std::fs;
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use tokio::task::LocalSet;
use tokio::time::sleep;

use super::*;
use crate::base::{Environment, Secret};
use crate::edge::outlet::Format;
use crate::policy::access::Ids;

mod trouble;

/// What may pass until a thing is seen that comes by itself; long, since the machine may be busy.
const SOON: Duration = Duration::from_secs(20);

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<SystemClock>,
    delivery: Rc<Delivery>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files = TokenFiles::open(&folder.path().join("tokens")).expect("room");
        let clock = Arc::new(SystemClock::new());
        let written = Written::open(&folder.path().join("outputs.json"));
        let delivery = Delivery::new(Some(files), written, Arc::clone(&clock));
        Self {
            folder,
            clock,
            delivery,
        }
    }

    fn output(&self) -> Output {
        Output {
            path: self.folder.path().join("zoho"),
            format: Format::Token,
            group: None,
            mode: 0o600,
        }
    }

    fn publication(&self, org: &str, generation: u64, life: Duration) -> Arc<Publication> {
        Arc::new(Publication {
            org: name(org),
            access_token: Arc::new(Secret::new(format!("{org}-{generation}"))),
            token_type: "Zoho-oauthtoken".into(),
            api_domain: "https://www.zohoapis.eu".into(),
            scope: vec![],
            environment: Environment::Production,
            data_center: "eu".into(),
            expires_at: self.clock.now().wall.plus(life),
            generation,
            readers: Ids::default(),
        })
    }

    /// Wishes for a token of `life`, in the folder and in the outputs.
    fn wish(&self, org: &str, generation: u64, life: Duration, outputs: &[Output]) {
        let publication = self.publication(org, generation, life);
        self.delivery.wish(&name(org), Some(&publication), outputs);
    }

    fn in_file(&self) -> Option<String> {
        fs::read_to_string(self.folder.path().join("tokens/acme/access_token")).ok()
    }

    fn in_output(&self) -> Option<String> {
        fs::read_to_string(self.output().path).ok()
    }

    /// Whether a token is in both places.
    fn is_out(&self) -> bool {
        self.in_file().is_some() && self.in_output().is_some()
    }

    /// Whether none is in either.
    fn is_withdrawn(&self) -> bool {
        self.in_file().is_none() && self.in_output().is_none()
    }

    fn troubles(&self, org: &str) -> usize {
        self.delivery.troubles_of(&name(org)).len()
    }

    /// Folders where the daemon puts what it renames: nothing can be published.
    fn block(&self) {
        for path in self.blocks() {
            fs::create_dir(path).expect("ours");
        }
    }

    fn unblock(&self) {
        for path in self.blocks() {
            fs::remove_dir(path).expect("ours");
        }
    }

    fn blocks(&self) -> [std::path::PathBuf; 2] {
        let folder: &Path = self.folder.path();
        [
            folder.join("tokens/.generations/acme.link"),
            folder.join(".zoho.zoho-tokend"),
        ]
    }

    fn folders(&self) -> usize {
        let generations = fs::read_dir(self.folder.path().join("tokens/.generations"));
        generations.expect("ours").count()
    }
}

fn name(org: &str) -> OrgName {
    OrgName::parse(org).expect("a good name")
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, test);
}

#[track_caller]
fn until(within: Duration, holds: impl Fn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < within, "not within {within:?}: {place}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

const HOUR: Duration = Duration::from_hours(1);

/// R1
#[test]
fn r1_a_token_is_withdrawn_at_its_end_while_the_next_one_cannot_be_written() {
    run(async {
        let bench = Bench::new();
        // Between the third attempt and the fourth, 3 s and 7 s after the first.
        let life = Duration::from_millis(3_600);
        let begun = Instant::now();
        bench.wish("acme", 1, life, &[bench.output()]);
        until(SOON, || bench.is_out()).await;
        bench.block();
        bench.wish("acme", 2, HOUR, &[bench.output()]);
        until(SOON, || bench.troubles("acme") == 2).await;
        assert!(bench.is_out());

        until(SOON, || bench.is_withdrawn()).await;
        let took = begun.elapsed();
        assert!(
            took >= life && took < life + Duration::from_millis(1_500),
            "{took:?}"
        );

        bench.unblock();
        let is = |text: Option<String>| text.as_deref() == Some("acme-2");
        until(SOON, || is(bench.in_file()) && is(bench.in_output())).await;
        until(SOON, || bench.troubles("acme") == 0).await;
    });
}

/// R1: a token that must not be read any more does not wait for a pause to end.
#[test]
fn r1_a_withdrawal_does_not_wait_for_the_pause_after_a_failure() {
    run(async {
        let bench = Bench::new();
        bench.wish("acme", 1, HOUR, &[bench.output()]);
        until(SOON, || bench.is_out()).await;
        bench.block();
        bench.wish("acme", 2, HOUR, &[bench.output()]);
        // Into the second pause, of two seconds.
        sleep(Duration::from_millis(1_300)).await;
        assert!(bench.is_out());
        bench.delivery.wish(&name("acme"), None, &[bench.output()]);
        until(Duration::from_millis(1_400), || bench.is_withdrawn()).await;
    });
}

/// R1: what an earlier run left may have ended long ago.
#[test]
fn r1_a_file_of_an_earlier_run_does_not_stay_because_no_new_one_can_be_written() {
    run(async {
        let bench = Bench::new();
        fs::write(bench.output().path, "ZOHO_ACCESS_TOKEN=old\n").expect("ours");
        bench.block();
        bench.wish("acme", 2, HOUR, &[bench.output()]);
        until(SOON, || bench.in_output().is_none()).await;
    });
}

#[test]
fn an_output_that_moves_between_orgs_is_there_afterwards_in_whichever_order_they_are_told() {
    run(async {
        let bench = Bench::new();
        let output = [bench.output()];
        bench.wish("acme", 0, HOUR, &output);
        bench.wish("beta", 0, HOUR, &[]);
        for generation in 1..=40 {
            let (from, to) = match generation % 2 {
                0 => ("beta", "acme"),
                _ => ("acme", "beta"),
            };
            if generation % 4 < 2 {
                bench.wish(to, generation, HOUR, &output);
                bench.wish(from, generation, HOUR, &[]);
            } else {
                bench.wish(from, generation, HOUR, &[]);
                bench.wish(to, generation, HOUR, &output);
            }
            until(SOON, || !bench.delivery.is_busy()).await;
            assert_eq!(bench.in_output(), Some(format!("{to}-{generation}")));
        }
    });
}

/// S3: a job that reads the output of `beta` must not find the token of `acme` there.
#[test]
fn s3_an_output_that_cannot_be_written_for_its_new_org_does_not_keep_the_token_of_the_old_one() {
    run(async {
        let bench = Bench::new();
        bench.wish("acme", 1, HOUR, &[bench.output()]);
        until(SOON, || bench.in_output().is_some()).await;
        bench.block();
        bench.wish("beta", 1, HOUR, &[bench.output()]);
        bench.wish("acme", 1, HOUR, &[]);
        until(SOON, || bench.in_output().is_none()).await;
        // The trouble is told when the worker is done, a moment after the file went.
        until(SOON, || bench.troubles("beta") == 1).await;
        assert_eq!(bench.troubles("acme"), 0);
    });
}

/// R1: its turn may have been a long time coming.
#[test]
fn r1_a_token_that_has_ended_when_its_turn_comes_is_not_published() {
    run(async {
        let bench = Bench::new();
        let files = bench.delivery.files.clone().expect("there is a tokens_dir");
        let other = files.lock().await;
        bench.wish("acme", 1, Duration::from_millis(50), &[]);
        sleep(Duration::from_millis(100)).await;
        drop(other);
        until(SOON, || !bench.delivery.is_busy()).await;
        assert_eq!((bench.in_file(), bench.folders()), (None, 0));
    });
}

#[test]
fn a_hung_tokens_dir_holds_up_no_output_and_no_other_thread() {
    run(async {
        let bench = Bench::new();
        let files = bench.delivery.files.clone().expect("there is a tokens_dir");
        let hung = files.lock().await;
        bench.wish("acme", 1, HOUR, &[bench.output()]);
        // More than tokio has threads.
        for number in 0..600 {
            bench.wish(&format!("org-{number}"), 1, HOUR, &[]);
        }
        until(SOON, || bench.in_output().is_some()).await;
        assert!(bench.in_file().is_none());
        // Who waits for files does so for a bounded time, and for nobody else's.
        let (acme, begun) = (name("acme"), Instant::now());
        bench
            .delivery
            .settle_all(|org| org.as_str() == "beta")
            .await;
        assert!(begun.elapsed() < SETTLE_FOR_WATCHERS);
        timeout(SOON, bench.delivery.settle_all(|org| *org == acme))
            .await
            .expect("an end");
        timeout(SOON, bench.delivery.settle(&acme))
            .await
            .expect("an end");
        drop(hung);
        until(SOON, || bench.in_file().is_some()).await;
    });
}

/// R1
#[test]
fn r1_the_folder_before_goes_with_its_token_and_not_after_the_usual_while() {
    run(async {
        let bench = Bench::new();
        bench.wish("acme", 1, Duration::from_millis(1_500), &[]);
        until(SOON, || bench.in_file().is_some()).await;
        bench.wish("acme", 2, HOUR, &[]);
        until(SOON, || bench.in_file().as_deref() == Some("acme-2")).await;
        assert_eq!(bench.folders(), 2, "a reader may be half-way through");
        until(Duration::from_millis(3_500), || bench.folders() == 1).await;
    });
}

/// A name, and what somebody does to the folder of the bench.
type Deed = (&'static str, fn(&Path));

const DEEDS: [Deed; 7] = [
    ("the folder is gone", |at| {
        fs::remove_dir_all(at.join("tokens")).expect("ours");
    }),
    ("the generations are gone", |at| {
        fs::remove_dir_all(at.join("tokens/.generations")).expect("ours");
    }),
    ("the name is gone", |at| {
        fs::remove_file(at.join("tokens/acme")).expect("ours");
    }),
    ("a file is gone", |at| {
        fs::remove_file(at.join("tokens/acme/access_token")).expect("ours");
    }),
    ("a file is empty", |at| {
        fs::write(at.join("tokens/acme/access_token"), "").expect("ours");
    }),
    ("the output is gone", |at| {
        fs::remove_file(at.join("zoho")).expect("ours");
    }),
    ("the output is another file", |at| {
        fs::remove_file(at.join("zoho")).expect("ours");
        fs::write(at.join("zoho"), "forged").expect("ours");
    }),
];

#[test]
fn what_somebody_removed_or_changed_is_written_anew_at_the_next_look_and_told() {
    run(async {
        let bench = Bench::new();
        for (generation, (deed, act)) in (1..).zip(DEEDS) {
            bench.wish("acme", generation, HOUR, &[bench.output()]);
            until(SOON, || !bench.delivery.is_busy()).await;
            let all = || (bench.in_file(), bench.in_output());
            let good = all();
            assert_eq!(bench.troubles("acme"), 0);
            act(bench.folder.path());
            assert_ne!(all(), good, "{deed}");
            bench.delivery.look();
            until(SOON, || all() == good).await;
            until(SOON, || !bench.delivery.is_busy()).await;
            let told = bench.delivery.troubles_of(&name("acme"));
            assert_eq!(told.len(), 1, "{deed}");
            assert!(told[0].contains("were gone or changed"), "{told:?}");
        }
    });
}

#[test]
fn a_look_that_finds_all_in_place_changes_nothing() {
    run(async {
        let bench = Bench::new();
        bench.wish("acme", 1, HOUR, &[bench.output()]);
        until(SOON, || !bench.delivery.is_busy()).await;
        let inode = |path| fs::metadata(bench.folder.path().join(path)).map(|found| found.ino());
        let inodes = || ["tokens/acme", "zoho"].map(|path| inode(path).expect("there"));
        let before = inodes();
        bench.delivery.look();
        until(SOON, || !bench.delivery.is_busy()).await;
        assert_eq!(inodes(), before);
        assert_eq!(bench.troubles("acme"), 0);
    });
}
