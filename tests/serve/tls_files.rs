//! Which certificate a server has: its own, made once, or one that it is given.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};

use crate::common::{Lab, judge, judged, make_private, outcome, seeded_by_web};
use crate::running::{Serving, free, serve};
use crate::tls::{MADE, curl, kickstart, kickstart_path, serving, state, told_to_boot, wait_for};

fn mode(lab: &Lab, path: &str) -> u32 {
    fs::metadata(lab.path(path)).expect("it is there").permissions().mode() & 0o7777
}

/// What openssl says of the first certificate of a file.
fn openssl(lab: &Lab, file: &str, options: &[&str]) -> String {
    let mut openssl = judge("openssl");
    openssl.args(["x509", "-noout", "-in"]).arg(lab.path(file)).args(options);
    judged(openssl).stdout
}

/// Writes a certificate of its own issue and its key to `cert.pem` and `key.pem`.
fn write(lab: &Lab, params: &CertificateParams) {
    let key = KeyPair::generate().expect("a key");
    let made = params.self_signed(&key).expect("a certificate");
    fs::write(lab.path("cert.pem"), made.pem()).expect("written");
    fs::write(lab.path("key.pem"), key.serialize_pem()).expect("written");
    make_private(&lab.path("key.pem"));
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("a name")
}

const GIVEN: [&str; 4] = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];

#[test]
fn one_is_made_once_and_kept_for_nobody_else_to_read() {
    let mut serving = serving();
    for file in [MADE, ".trainyard/tls.key", ".trainyard/server.pem"] {
        assert_eq!(mode(&serving.lab, file), 0o600, "{file}");
    }
    let (pem, key) = (serving.lab.read(MADE), serving.lab.read(".trainyard/tls.key"));
    let fingerprint = openssl(&serving.lab, MADE, &["-fingerprint", "-sha256"]);
    let fingerprint = fingerprint.trim().rsplit('=').next().expect("it").to_owned();
    let said = serving.said();
    assert!(said.contains(&format!("serving at https://{}, ", serving.address)), "{said}");
    assert!(said.contains(&format!("SHA-256 fingerprint:\n  {fingerprint}\n")), "{said}");
    assert!(said.contains(&format!("machines boot http://{}/boot.ipxe", serving.address)));
    let names = openssl(&serving.lab, MADE, &["-ext", "subjectAltName"]);
    assert!(names.contains("IP Address:127.0.0.1") && !names.contains("DNS"), "{names}");
    // Its authority proves it, and is the only thing that could have: the key of it is nowhere.
    let authority = &pem[pem.rfind("-----BEGIN").expect("two")..];
    fs::write(serving.lab.path("authority.pem"), authority).expect("written");
    let mut verify = judge("openssl");
    verify.args(["verify", "-purpose", "sslserver", "-CAfile"]);
    verify.arg(serving.lab.path("authority.pem")).arg(serving.lab.path(MADE));
    judged(verify);
    assert_eq!(curl(&serving, "authority.pem", "/metrics", &[]).status, 0);
    assert_eq!(key.matches("-----BEGIN").count(), 1);

    serving.kill();
    serving.again(&["--tls"]);
    assert!(serving.lab.read(MADE) == pem && serving.lab.read(".trainyard/tls.key") == key);
    assert!(!serving.said().contains("anew"), "{}", serving.said());
    // What the server showed before is not what it shows without TLS.
    serving.kill();
    serving.again(&[]);
    assert_eq!(serving.node_command(&["status"]).status, 0);
    assert_eq!(serving.lab.read(MADE), pem);
}

/// What happens to a server's folder while it is not running.
type Change<'c> = &'c dyn Fn(&Lab);

#[test]
fn it_is_made_anew_where_it_serves_no_more_and_nodes_that_do_not_know_it_are_named() {
    let mut serving = serving();
    for node in ["controller", "compute"] {
        wait_for(&serving, node, "armed");
    }
    let url = format!("https://lab.example.org:{}", serving.address.port());
    let folder = serving.lab.path(".trainyard");
    let expired = |lab: &Lab| {
        let mut old = params("127.0.0.1");
        (old.not_before, old.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 2, 3));
        write(lab, &old);
        fs::rename(lab.path("cert.pem"), folder.join("tls.pem")).expect("moved");
        fs::rename(lab.path("key.pem"), folder.join("tls.key")).expect("moved");
    };
    let other_key = |_: &Lab| {
        let key = KeyPair::generate().expect("a key").serialize_pem();
        fs::write(folder.join("tls.key"), key).expect("written");
    };
    let no_key = |_: &Lab| fs::remove_file(folder.join("tls.key")).expect("removed");
    let garbage = |_: &Lab| fs::write(folder.join("tls.pem"), "nonsense").expect("written");
    let nothing = |_: &Lab| {};
    let cases: [(Change, &[&str], &str); 5] = [
        (&nothing, &["--tls", "--url", &url], "it is not for `lab.example.org`"),
        (&expired, &["--tls"], "it expired on Sat, 03 Feb 2001 00:00:00 GMT"),
        (&other_key, &["--tls"], "its key is another one's"),
        (&no_key, &["--tls"], "its key is gone"),
        (&garbage, &["--tls"], "it is no certificate"),
    ];
    for (change, options, why) in cases {
        serving.kill();
        change(&serving.lab);
        let before = serving.lab.read(MADE);
        serving.again(options);
        let said = serving.said();
        let note = said.lines().find(|line| line.contains("was made anew: "));
        assert!(note.is_some_and(|note| note.contains(why)), "{why}: {said}");
        assert_ne!(serving.lab.read(MADE), before, "{why}");
        assert_eq!(mode(&serving.lab, ".trainyard/tls.key"), 0o600);
        let end = Instant::now() + Duration::from_secs(20);
        let named = "so what they report does not arrive: controller compute; `trainyard node arm controller compute`";
        while !serving.said().contains(named) {
            assert!(Instant::now() < end, "{why}: {}", serving.said());
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert_eq!(serving.node_command(&["arm", "controller", "compute"]).status, 0);
    serving.kill();
    serving.again(&["--tls"]);
    // It would be said at once.
    thread::sleep(Duration::from_secs(1));
    assert!(!serving.said().contains("does not arrive"), "{}", serving.said());
}

#[test]
fn one_that_is_given_is_served_and_the_installer_checks_it() {
    let lab = Lab::new(&seeded_by_web());
    write(&lab, &params("127.0.0.1"));
    let serving = Serving::of(lab, &GIVEN);
    wait_for(&serving, "controller", "armed");
    // What the installer brings itself comes by TLS as well, and what boot loaders bring does not.
    let path = kickstart_path(&serving, "controller");
    let tree = format!("{}{}", serving.address, path.replace("/ks", "/tree"));
    for script in told_to_boot(&serving, &serving.mac("controller")) {
        assert!(script.contains(&format!("inst.stage2=https://{tree} ")), "{script}");
        assert!(!script.contains("noverifyssl"), "{script}");
        assert!(!script.contains(&format!("https://{tree}/images/")), "{script}");
    }
    let got = kickstart(&serving, "cert.pem", "controller");
    assert!(got.stdout.contains(&format!("url --url=https://{tree}")), "{}", got.stdout);
    let stage = format!("{}/.treeinfo", path.replace("/ks", "/tree"));
    assert_eq!(curl(&serving, "cert.pem", &stage, &[]).status, 0);
    assert!(got.status == 0 && got.stdout.contains(&format!("https://{}/r/", serving.address)));
    assert!(!got.stdout.contains("--cacert") && !got.stdout.contains("BEGIN CERTIFICATE"));
    assert_eq!(state(&serving, "controller"), "installing");
    assert!(!serving.lab.names(".trainyard").iter().any(|name| name.starts_with("tls.")));
    // And so may cloud-init.
    let seed = serving.lab.done(&["node", "seed", "controller"]);
    let source = format!("ds=nocloud-net;s=https://{}/n/", serving.address);
    assert!(seed.stdout.contains(&source), "{seed:?}");
}

#[test]
fn one_that_cannot_be_used_is_refused_with_all_reasons() {
    let refused = |lab: &Lab, options: &[&str]| {
        let refused = outcome(serve(lab, free(), options));
        (refused.status, refused.stderr)
    };
    let lab = Lab::example("reference.yaml");
    let good = || write(&lab, &params("127.0.0.1"));
    let expect = |what: &str, words: &[&str]| {
        let (status, said) = refused(&lab, &GIVEN);
        assert_eq!(status, 9, "{what}: {said}");
        for word in words {
            assert!(said.contains(word), "{what}: {word}: {said}");
        }
    };
    expect(
        "neither is there",
        &["`--tls-cert cert.pem`: No such file", "`--tls-key key.pem`: there is no such file"],
    );
    good();
    fs::write(lab.path("cert.pem"), "nonsense").expect("written");
    fs::write(lab.path("key.pem"), "nonsense").expect("written");
    expect(
        "no PEM",
        &[
            "`--tls-cert cert.pem` is no certificate in PEM",
            "`--tls-key key.pem` is no private key in PEM",
        ],
    );
    fs::write(
        lab.path("cert.pem"),
        "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n",
    )
    .expect("written");
    fs::write(
        lab.path("key.pem"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nbm9uc2Vuc2U=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .expect("written");
    expect(
        "what is inside",
        &["is no X.509 certificate", "is encrypted", "openssl pkey -in key.pem"],
    );
    good();
    fs::write(lab.path("key.pem"), KeyPair::generate().expect("a key").serialize_pem())
        .expect("written");
    expect("another key", &["`--tls-key key.pem` is not the key of `--tls-cert cert.pem`"]);
    good();
    fs::set_permissions(lab.path("key.pem"), fs::Permissions::from_mode(0o640)).expect("set");
    expect(
        "others may read it",
        &["`key.pem` can be read by others (mode 0640): run `chmod 600 key.pem`"],
    );
    let mut old = params("127.0.0.1");
    old.not_after = date_time_ymd(2020, 1, 1);
    write(&lab, &old);
    expect("expired", &["`--tls-cert cert.pem` expired on Wed, 01 Jan 2020 00:00:00 GMT"]);
    let mut early = params("127.0.0.1");
    early.not_before = date_time_ymd(2200, 1, 1);
    write(&lab, &early);
    expect("not yet", &["is not valid before Wed, 01 Jan 2200 00:00:00 GMT"]);
    write(&lab, &params("lab.example.org"));
    expect("another name", &["is not for `127.0.0.1`, which nodes know the server by"]);
    let mut client = params("127.0.0.1");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    write(&lab, &client);
    expect("a client's", &["is not a server's"]);
    // One without the other, and an address that needs them.
    for (options, words) in [
        (&GIVEN[..2], "--tls-key <FILE>"),
        (&GIVEN[2..], "--tls-cert <FILE>"),
        (&["--url", "https://10.0.2.2:8080"], "`--url https://…` needs `--tls`"),
    ] {
        let (status, said) = refused(&lab, options);
        assert!(status == 2 && said.contains(words), "{options:?}: {said}");
    }
}

/// An authority of the person's own, which is not in the file.
#[test]
fn who_proves_one_need_not_be_in_its_file() {
    let lab = Lab::example("reference.yaml");
    let mut authority = CertificateParams::new([]).expect("no name");
    authority.distinguished_name.push(rcgen::DnType::CommonName, "the person's own authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let proof = authority.self_signed(&authority_key).expect("made").pem();
    let key = KeyPair::generate().expect("a key");
    let issuer = Issuer::new(authority, authority_key);
    let made = params("127.0.0.1").signed_by(&key, &issuer).expect("made");
    fs::write(lab.path("ca.pem"), proof).expect("written");
    fs::write(lab.path("cert.pem"), made.pem()).expect("written");
    fs::write(lab.path("key.pem"), key.serialize_pem()).expect("written");
    make_private(&lab.path("key.pem"));
    let serving = Serving::of(lab, &GIVEN);
    wait_for(&serving, "compute", "armed");
    assert_eq!(curl(&serving, "ca.pem", "/metrics", &[]).status, 0);
    let address = format!("https://{}", serving.address);
    let by_ca = serving.node_command(&["status", "--server", &address, "--ca-file", "ca.pem"]);
    assert_eq!(by_ca.status, 0, "{by_ca:?}");
}
