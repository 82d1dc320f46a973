use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::secrets::host_key_name;

/// The bodies of the golden files' keys.
fn fixture() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/secrets.yaml");
    serde_yaml::from_str(&fs::read_to_string(path).expect("text")).expect("YAML")
}

fn body(kind: HostKeyType) -> String {
    fixture().remove(&host_key_name(kind, "controller")).expect("there")
}

/// What OpenSSH's own program says of a key file.
fn ssh_keygen(arguments: &[&str], key: &HostKey) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key");
    fs::write(&file, key.private_file()).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
    }
    let output = Command::new("ssh-keygen").args(arguments).arg("-f").arg(&file).output();
    let output = output.expect("ssh-keygen is there");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn openssh_reads_the_same() {
    for kind in HostKeyType::ALL {
        let key = HostKey::read(kind, &body(kind)).expect("good");
        let line = ssh_keygen(&["-y"], &key);
        assert_eq!(line.trim_end(), key.public_file().trim_end());
        let shown = ssh_keygen(&["-l"], &key);
        assert_eq!(shown.split(' ').nth(1), Some(key.fingerprint().as_str()), "{shown}");
    }
}

#[test]
fn the_file_is_as_openssh_writes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for kind in HostKeyType::ALL {
        let file = folder.path().join(kind.as_str());
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-N", "", "-C", "a comment", "-t", kind.as_str(), "-f"]).arg(&file);
        assert!(command.status().expect("ssh-keygen is there").success());
        let text = fs::read_to_string(&file).expect("text");
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        assert_eq!(HostKey::read(kind, &body).expect("good").private_file(), text);
    }
}

#[test]
fn nothing_damaged_is_taken() {
    for kind in HostKeyType::ALL {
        let good = Base64::decode_vec(&body(kind)).expect("base64");
        let read = |blob: &[u8]| HostKey::read(kind, &Base64::encode_string(blob));
        assert!(read(&good).is_ok());
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "{kind:?}: the first {end} bytes");
        }
        assert!(read(&[good.clone(), vec![0]].concat()).is_err(), "{kind:?}: one byte more");
        // Whatever byte is another: only the secret numbers themselves, the comment's and a few free ones
        // are not held twice.
        let key = read(&good).expect("good");
        for at in (0..good.len()).filter(|at| !key.secret.contains(at)) {
            let mut blob = good.clone();
            blob[at] ^= 0x55;
            assert!(read(&blob).is_err(), "{kind:?}: byte {at}");
        }
    }
}

#[test]
fn what_is_no_host_key_is_told() {
    let told = |kind, body: &str| HostKey::read(kind, body).expect_err("refused");
    let ed25519 = body(HostKeyType::Ed25519);
    assert_eq!(told(HostKeyType::Rsa, ""), "empty");
    assert!(told(HostKeyType::Rsa, &ed25519).contains("another type than ssh-rsa"));
    for form in ["ownvalue123", "AAAA", &ed25519[1..], &format!("{ed25519}\n")] {
        assert!(told(HostKeyType::Ed25519, form).contains("between the BEGIN and END lines"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let made = |name: &str, arguments: &[&str]| {
        let file = folder.path().join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-C", ""]).args(arguments).arg("-f").arg(&file);
        assert!(command.status().expect("ssh-keygen is there").success());
        let text = fs::read_to_string(&file).expect("text");
        text.lines().filter(|line| !line.starts_with("-----")).collect::<String>()
    };
    let with_passphrase = made("p", &["-t", "ed25519", "-N", "correct horse"]);
    assert!(told(HostKeyType::Ed25519, &with_passphrase).contains("with a passphrase"));
    let short = made("s", &["-t", "rsa", "-b", "1024", "-N", ""]);
    assert!(told(HostKeyType::Rsa, &short).contains("shorter than 2048 bits"));
    let old_form = made("o", &["-t", "ecdsa", "-m", "PEM", "-N", ""]);
    assert!(told(HostKeyType::Ecdsa, &old_form).contains("ssh-keygen -p -o"));
    let larger = made("l", &["-t", "ecdsa", "-b", "384", "-N", ""]);
    assert!(told(HostKeyType::Ecdsa, &larger).contains("another type"));
}

#[test]
fn however_it_is_broken_into_lines_it_gives_itself_away_and_the_public_half_does_not() {
    for kind in HostKeyType::ALL {
        let key = HostKey::read(kind, &body(kind)).expect("good");
        let traces = key.traces();
        assert!(traces.len() >= 5, "{kind:?}");
        let found = |text: &str| traces.iter().any(|trace| text.contains(trace));
        for width in 48..80 {
            for first in 0..width {
                // A line that begins anywhere.
                let body = &key.body.reveal()[first..];
                let lines: Vec<_> =
                    body.as_bytes().chunks(width).map(String::from_utf8_lossy).collect();
                assert!(lines.iter().any(|line| found(line)), "{kind:?} {width} {first}");
            }
        }
        assert!(!found(&key.public_file()) && !found(&key.fingerprint()));
        assert!(!format!("{key:?}").contains(traces[0]));
    }
}
