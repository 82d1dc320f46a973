//! What breaks goes on: lines and processes.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{self, Outcome};
use crate::server::{Reply, Server};
use crate::{Bench, good, sha256, table};

/// A number below this that depends on the other two and nothing else.
fn chance(seed: usize, number: usize, below: usize) -> usize {
    let mut mixed = (seed << 32 | number).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^= mixed >> 29;
    mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 32) % below
}

/// The body is cut at random places, of a mirror that knows ranges.
#[test]
fn a_hundred_broken_lines() {
    let mut answers = Vec::new();
    for seed in 0..100 {
        let bench = Bench::new(200_000);
        let file = bench.file.clone();
        let server = Server::new(move |request| {
            let reply = Reply::file(request, &file);
            let left = reply.body.len();
            // The last pieces come whole.
            if left < 5000 { reply } else { reply.cut(chance(seed, request.number, left)) }
        });
        let outcome = bench.fetch(&server.url("/big.iso"));
        answers.push(server.requests().len().to_string());
        assert_eq!(outcome.status, 0, "seed {seed}\n{}", outcome.stderr);
        bench.is_right();
        assert_eq!(server.sent(), 200_000, "seed {seed}: what was there was sent again");
    }
    table::seeds("lines cut at random, seeds 0 to 99: how many answers each file took", &answers);
}

/// A process is killed again and again; what it brought is not brought again.
#[test]
fn killed_at_fifty_random_moments() {
    let bench = Bench::new(8_000_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        Reply::file(request, &file).pace(16_384, Duration::from_millis(5))
    });
    let url = server.url("/big.iso");
    let sum = sha256(&bench.file);
    let (mut killed, mut moments) = (0, Vec::new());
    for number in 0..50 {
        let mut command = bench.command(&["--url", &url, "--sha256", &sum, "--quiet"]);
        let mut child = command.stdout(Stdio::null()).spawn().expect("the program");
        // Counted in what it was sent: a busy machine starts slowly, and goes as far.
        let (before, bytes) = (server.sent(), chance(50, number, 150_000) as u64);
        let begun = Instant::now();
        while server.sent() - before < bytes && begun.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(1));
        }
        killed += u32::from(child.try_wait().expect("its state").is_none());
        child.kill().expect("killed");
        child.wait().expect("gone");
        moments.push(format!("{}={}", bytes >> 10, server.sent() >> 10));
        bench.is_right_or_nothing();
    }
    assert!(killed >= 40, "only {killed} of 50 ran long enough to be killed");
    let outcome = bench.fetch(&url);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    // What was on the way when a process died.
    let again = server.sent() - 8_000_000;
    let about =
        "killed at moments 0 to 49 of seed 50: after how many KiB of a run, and KiB of all runs";
    table::seeds(about, &moments);
    println!("  {killed} were still running; {again} bytes of 8000000 were sent again");
    assert!(again < 2_500_000, "{again} bytes were sent again");
}

/// How fast it goes is how fast it goes now: what an earlier run brought counts for nothing.
#[test]
fn the_rate_of_what_is_left() {
    let bench = Bench::new(30 << 20);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        let reply = Reply::file(request, &file);
        match request.number {
            0 => reply.cut(29 << 20),
            // 80 KiB a second.
            _ => reply.pace(8192, Duration::from_millis(100)),
        }
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let rate = outcome.stderr.lines().find_map(|line| line.strip_suffix(" KiB/s"));
    let rate: u64 = rate.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a rate");
    assert!(rate <= 82, "{}", outcome.stderr);
}

#[test]
fn what_is_left_of_ninety_percent() {
    let bench = Bench::new(20 << 20);
    let file = bench.file.clone();
    let cut = file.len() / 10 * 9;
    let server = Server::new(move |request| {
        let reply = Reply::file(request, &file);
        if request.number == 0 { reply.cut(cut) } else { reply }
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    let again = server.sent() - cut as u64;
    assert!(again <= (bench.file.len() / 10 + (1 << 20)) as u64, "{again} bytes after the break");
}

#[test]
fn the_next_mirror_goes_on_where_the_last_one_stopped() {
    let bench = Bench::new(300_000);
    let file = bench.file.clone();
    let dying = Server::new(move |request| match request.number {
        0 => Reply::file(request, &file).cut(200_000).with("ETag", "\"of this mirror\""),
        _ => Reply::status(404),
    });
    let other = Server::new(good(&bench.file));
    let outcome = bench.fetch_from(&[&dying, &other], &[]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right_or_nothing();
    assert_eq!(other.sent(), 100_000);
    let asked = &other.requests()[0].headers;
    assert!(!asked.contains_key("if-range"), "an entity tag is one server's: {asked:?}");
}

/// Two at the same time: one brings it, the other waits and takes it.
#[test]
fn two_at_the_same_time() {
    let bench = Bench::new(2_000_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        Reply::file(request, &file).pace(16_384, Duration::from_millis(20))
    });
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let url = server.url("/big.iso");
        let both = [(); 2].map(|()| {
            let (bench, url) = (&bench, url.clone());
            scope.spawn(move || bench.fetch(&url))
        });
        both.map(|one| one.join().expect("an outcome")).into()
    });
    for outcome in &outcomes {
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
    bench.is_right();
    assert_eq!(server.sent(), 2_000_000);
    // The one that took the lock in this moment may not have said who it is.
    let said = ["waiting for process ", "waiting for another process, "];
    let waited = outcomes.iter().filter(|o| said.iter().any(|said| o.stderr.contains(said)));
    assert_eq!(waited.count(), 1, "{outcomes:?}");
}

/// What is just brought is not removed; what nobody brings any more is.
#[test]
fn pruned() {
    let bench = Bench::new(2_000_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        Reply::file(request, &file).pace(16_384, Duration::from_millis(20))
    });
    let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
    let mut fetch = bench.command(&["--url", &url, "--sha256", &sum, "--quiet"]);
    let mut fetch = fetch.stdout(Stdio::null()).spawn().expect("it runs");
    let prune = || {
        let mut prune = Command::new(common::PROGRAM);
        prune.args(["image", "prune", "--cache"]).arg(bench.cache());
        common::judged(prune)
    };
    thread::sleep(Duration::from_millis(500));
    let outcome = prune();
    assert!(outcome.stderr.contains(" stays: process "), "{outcome:?}");
    fetch.kill().expect("killed");
    fetch.wait().expect("gone");
    let outcome = prune();
    assert!(
        outcome.stdout.contains(&format!("removed {}\n", bench.part().display())),
        "{outcome:?}"
    );
    assert!(!bench.part().exists());
}

/// A mirror that asked for time gets it, and holds up no other.
#[test]
fn who_is_busy_is_asked_later() {
    let bench = Bench::new(300_000);
    let file = bench.file.clone();
    let busy = Server::new(|_| Reply::status(429).with("Retry-After", "60"));
    let well = Server::new(move |request| match request.number {
        0 => Reply::status(503),
        _ => Reply::file(request, &file),
    });
    let begun = std::time::Instant::now();
    let outcome = bench.fetch_from(&[&busy, &well], &[]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(busy.requests().len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(30), "it was waited for");
}

/// What is there may be of another file: then it is why every mirror refuses.
#[test]
fn what_is_there_is_too_long() {
    let bench = Bench::new(300_000);
    let server = Server::new(good(&bench.file));
    fs::create_dir_all(bench.part().parent().expect("a folder")).expect("made");
    fs::write(bench.part(), vec![7; 400_000]).expect("written");
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
}

/// A longer file of another mirror may be why a good one refuses: that one is asked again once all has been thrown away.
#[test]
fn what_a_liar_sent_is_too_long() {
    let bench = Bench::new(300_000);
    let lie = crate::image(500_001)[1..].to_vec();
    let liar = Server::new(move |request| match request.number {
        0 => Reply::file(request, &lie).cut(400_000),
        1 => Reply::status(503),
        _ => Reply::file(request, &lie),
    });
    let well = Server::new(good(&bench.file));
    let outcome = bench.fetch_from(&[&liar, &well], &[]);
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert_eq!(well.requests().len(), 2);
    assert!(std::fs::read(bench.place_from()).expect("the image") == bench.file);
}

/// A mirror whose ranges are not to be understood may still send the whole.
#[test]
fn ranges_that_nobody_understands() {
    let bench = Bench::new(300_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| match (request.number, request.from()) {
        (0, _) => Reply::whole(&file).cut(9000),
        (_, None) => Reply::whole(&file),
        (_, Some(from)) => Reply { status: 206, ..Reply::whole(&file[from..]) },
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("answers a range without saying which"), "{outcome:?}");
    bench.is_right();
}

/// Progress made is retries won back.
#[test]
fn who_still_sends_something_is_not_given_up() {
    let bench = Bench::new(300_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| match request.number % 2 {
        0 => Reply::file(request, &file).cut(30_000),
        _ => Reply::status(503),
    });
    let outcome = bench.fetch(&server.url("/big.iso"));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    bench.is_right();
    assert!(server.sent() < 301_000, "what was there was sent again");
}

/// Many at once, and others that remove what is there: the image's name never holds anything else.
#[test]
fn brought_and_removed_at_the_same_time() {
    let bench = Bench::new(100_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        let mut file = file.clone();
        // Every second answer is a lie.
        file[50_000] ^= u8::try_from(request.number % 2).expect("a bit");
        Reply::file(request, &file).pace(16_384, Duration::from_millis(1))
    });
    let url = server.url("/big.iso");
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let outcome = bench.fetch(&url);
                    assert!([0, 7].contains(&outcome.status), "{outcome:?}");
                    bench.is_right_or_nothing();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..30 {
                let mut prune = Command::new(common::PROGRAM);
                prune.args(["image", "prune", "--all", "--cache"]).arg(bench.cache());
                common::judged(prune);
            }
        });
    });
}

/// Ctrl-C: it ends at once, keeps what it has, and goes on the next time.
#[test]
fn interrupted() {
    let bench = Bench::new(2_000_000);
    let file = bench.file.clone();
    let server = Server::new(move |request| {
        Reply::file(request, &file).pace(16_384, Duration::from_millis(20))
    });
    let (url, sum) = (server.url("/big.iso"), sha256(&bench.file));
    let mut command = bench.command(&["--url", &url, "--sha256", &sum, "--quiet"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
    thread::sleep(Duration::from_millis(500));
    let mut kill = Command::new("kill");
    kill.args(["-INT", &child.id().to_string()]);
    common::judged(kill);
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    assert!(!bench.place().exists());
    let before = server.sent();
    assert_eq!(bench.fetch(&url).status, 0);
    bench.is_right();
    assert!(server.sent() - before < 2_000_000, "it began anew");
}
