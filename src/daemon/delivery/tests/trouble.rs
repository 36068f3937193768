//! Deliveries that fail, or that are not what they were when they began.

use super::*;

/// R1: what has ended and would not go does not wait longer for each failure.
#[test]
fn r1_a_file_that_would_not_go_is_tried_again_every_second() {
    run(async {
        let bench = Bench::new();
        bench.wish("acme", 1, Duration::from_millis(500), &[bench.output()]);
        until(SOON, || bench.is_out()).await;
        let path = bench.output().path;
        fs::remove_file(&path).expect("ours");
        fs::create_dir(&path).expect("ours");
        sleep(Duration::from_millis(600)).await;
        bench.delivery.wish(&name("acme"), None, &[bench.output()]);
        // Into what would be the third pause, of four seconds.
        sleep(Duration::from_millis(3_300)).await;
        fs::remove_dir(&path).expect("ours");
        fs::write(&path, "ZOHO_ACCESS_TOKEN=old\n").expect("ours");
        until(Duration::from_secs(2), || !path.exists()).await;
    });
}

/// R1: a reload may take a path back before it is done with.
#[test]
fn r1_an_output_that_was_left_and_is_wished_for_again_is_the_daemons_to_empty_again() {
    run(async {
        let bench = Bench::new();
        bench.wish("acme", 1, HOUR, &[bench.output()]);
        until(SOON, || bench.is_out()).await;
        bench.delivery.withdraw_others(&BTreeSet::new());
        bench.wish("acme", 2, HOUR, &[bench.output()]);
        until(SOON, || bench.in_output().as_deref() == Some("acme-2")).await;
        fs::write(bench.output().path, "changed").expect("ours");
        bench.delivery.wish(&name("acme"), None, &[bench.output()]);
        until(SOON, || bench.in_output().is_none()).await;
    });
}

/// Who waits for all to be in place, as a watcher or the end of the daemon, does not wait for what may never be.
#[test]
fn what_is_in_trouble_is_waited_for_by_nobody_and_its_trouble_is_no_other_orgs() {
    run(async {
        let bench = Bench::new();
        bench.block();
        bench.wish("acme", 1, HOUR, &[bench.output()]);
        until(SOON, || bench.troubles("acme") == 2).await;
        assert!(!bench.delivery.is_busy());
        let begun = Instant::now();
        bench.delivery.settle_all(|_| true).await;
        assert!(begun.elapsed() < SETTLE_FOR_WATCHERS);
        bench.wish("beta", 1, HOUR, &[bench.output()]);
        assert_eq!(bench.troubles("beta"), 0);
    });
}
