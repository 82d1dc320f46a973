use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;

fn endpoints() -> Endpoints {
    let hosts = ["controller", "10.0.0.11"].map(str::to_owned).to_vec();
    Endpoints { lab: "train".into(), hosts, given: None }
}

/// What OpenSSL's own program says, with its exit status.
fn openssl(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output();
    let output = output.expect("openssl is there");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The blocks of a text in PEM.
fn blocks(text: &str) -> Vec<String> {
    text.split_inclusive("-----\n").collect::<Vec<_>>().chunks(2).map(<[_]>::concat).collect()
}

#[cfg(unix)]
fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}

#[test]
fn openssl_is_content_with_what_is_made() {
    let made = endpoints().make().expect("made");
    let text = EndpointCertificate::read(&made.value()).expect("read").text;
    assert_eq!(text, made.text);
    let [server, authority, key] = &blocks(&text)[..] else { panic!("{text}") };
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("server", server), ("authority", authority), ("key", key), ("all", &text)]
    {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let ask = |arguments: &[&str]| openssl(folder.path(), arguments);
    let proves = |name: &str, value: &str| {
        ask(&["verify", "-purpose", "sslserver", "-CAfile", "authority", name, value, "server"]).0
    };
    assert!(proves("-verify_hostname", "controller") && proves("-verify_ip", "10.0.0.11"));
    assert!(!proves("-verify_hostname", "compute") && !proves("-verify_ip", "10.0.0.12"));
    assert!(!ask(&["verify", "-CAfile", "server", "server"]).0, "nobody proves himself");
    // All of it is one file on the node, of which httpd takes the first certificate and the key.
    let public = ask(&["pkey", "-in", "all", "-pubout"]);
    assert_eq!(public, ask(&["x509", "-in", "all", "-noout", "-pubkey"]));
    let (_, shown) = ask(&["x509", "-in", "all", "-noout", "-subject"]);
    assert!(shown.contains("endpoints of the lab train"), "{shown}");
    assert!(ask(&["x509", "-in", "server", "-noout", "-checkend", "250000000"]).0, "for years");
}

#[test]
fn each_is_another_and_tells_whom_it_is_not_for() {
    let (one, other) = (endpoints().make().expect("made"), endpoints().make().expect("made"));
    assert_ne!(one.text, other.text);
    let asked = ["controller", "10.0.0.11", "10.0.0.12", "lab.example.org"].map(str::to_owned);
    assert_eq!(one.lacks(&asked), ["10.0.0.12", "lab.example.org"]);
}

#[test]
fn nothing_of_the_key_is_shown_and_its_lines_give_it_away() {
    let made = endpoints().make().expect("made");
    let key = blocks(&made.text).pop().expect("the key");
    let lines: Vec<&str> = made.traces().collect();
    let body = key.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>();
    assert_eq!(lines, body[..lines.len()]);
    assert!(lines.len() >= 2, "{}", lines.len());
    let shown = format!("{:?}", made.key);
    assert!(lines.iter().all(|line| !shown.contains(line)), "{shown}");
}

#[test]
fn what_does_not_fit_is_refused_and_not_shown() {
    let made = endpoints().make().expect("made");
    let parts = blocks(&made.text);
    let [server, authority, key] = &parts[..] else { panic!("three") };
    let other = blocks(&endpoints().make().expect("made").text);
    for (text, told) in [
        (String::new(), "no certificate in PEM"),
        (key.clone(), "no certificate in PEM"),
        (server.clone() + authority, "no private key in PEM"),
        (server.clone() + key, "that nothing proves"),
        (server.clone() + &other[1] + key, "that nothing proves"),
        (server.clone() + authority + &other[2], "a key that is not the certificate's"),
        (authority.clone() + server + key, "that nothing proves"),
    ] {
        let error = EndpointCertificate::of(text).expect_err(told);
        assert!(error.contains(told), "{told}: {error}");
        assert!(!made.traces().any(|line| error.contains(line)), "{error}");
    }
    for value in ["", "@", "0a1b", &made.value()[1..]] {
        assert!(EndpointCertificate::read(value).is_err(), "{value}");
    }
}

#[cfg(unix)]
#[test]
fn ones_own_of_openssl_is_taken_where_it_fits() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = |new: &[&str], days: &str, name: &str| {
        let subject = format!("subjectAltName=DNS:{name}");
        let fixed = ["req", "-x509", "-nodes", "-subj", "/CN=x", "-addext", &subject];
        let usage = [
            "-addext",
            "extendedKeyUsage=serverAuth",
            "-addext",
            // What openssl does of itself, so that it proves itself.
            "basicConstraints=critical,CA:TRUE",
        ];
        let rest = ["-days", days, "-newkey", new[0], "-keyout", "key", "-out", "certificate"];
        let arguments: Vec<&str> =
            fixed.iter().chain(&usage).chain(&rest).chain(&new[1..]).copied().collect();
        assert!(openssl(folder.path(), &arguments).0, "{arguments:?}");
        let read = |name| fs::read_to_string(folder.path().join(name)).expect("text");
        private(&folder.path().join("key"), &read("key"));
        let key = folder.path().join("key");
        GivenCertificate { name: "own.pem".into(), text: read("certificate").into(), key }
    };
    for new in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]] {
        let given = own(new, "30", "controller");
        let read = given.read().expect("good");
        assert_eq!(read.lacks(&endpoints().hosts), ["10.0.0.11"]);
        assert!(read.traces().count() > 2);
    }
    let told = |given: &GivenCertificate| given.read().expect_err("refused");
    assert!(told(&own(&["ed25519"], "30", "controller")).contains("an Ed25519 key"));
    let mut given = own(&["rsa:2048"], "30", "controller");
    fs::write(&given.key, given.text.as_bytes()).expect("written");
    assert!(told(&given).contains("a key's file with certificates"));
    given.key = folder.path().join("gone");
    assert!(told(&given).contains("there is no such file"));
    given.key = folder.path().join("certificate");
    assert!(told(&given).contains("can be read by others (mode"), "{}", told(&given));
}
