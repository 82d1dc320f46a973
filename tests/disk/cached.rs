//! The image of the cache.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::thread;

use crate::common::{Lab, PROGRAM, outcome};
use crate::{are_equal, image, lab, refused, sha256};

/// Serves one file to all who ask, as long as the test runs. Returns its URL.
fn served(file: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/base.qcow2", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                file.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&file));
        }
    });
    url
}

/// Runs a command that was told, as a person pastes it.
fn pasted(lab: &Lab, command: &str) {
    let words = command.strip_prefix("trainyard ").expect("a command of trainyard's");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("'{PROGRAM}' {words}")]).current_dir(lab.path("."));
    shell.env("HOME", lab.path("."));
    let done = outcome(shell);
    assert_eq!(done.status, 0, "{command}: {done:?}");
}

#[test]
fn the_image_is_brought_by_the_command_that_is_told() {
    let lab = lab();
    let (file, digest) =
        (fs::read(lab.path("base.qcow2")).expect("it"), sha256(&lab.path("base.qcow2")));
    let url = served(file);
    let text = lab.read("lab.yaml").replace("path: base.qcow2", &format!("url: '{url}'"));
    fs::write(lab.path("my lab.yaml"), text).expect("written");
    fs::remove_file(lab.path("base.qcow2")).expect("removed");
    let disk = ["disk", "compute", "--lab", "my lab.yaml", "--cache", "the cache"];
    let missing = refused(&lab, &disk, 9, "the cloud image `base.qcow2` is not in the cache: ");
    let command = missing.stderr.split('`').nth(3).expect("a command").to_owned();
    assert_eq!(command, "trainyard fetch --cloud --lab 'my lab.yaml' --cache 'the cache'");
    pasted(&lab, &command);
    let said = lab.done(&disk);
    let place = lab.path("the cache/images").join(&digest[..16]).join("base.qcow2");
    let place = place.canonicalize().expect("in the cache").display().to_string();
    assert!(said.stdout.ends_with(&format!("an overlay over {place}\n")), "{said:?}");
    assert!(said.stderr.contains("(`trainyard image prune --all` would remove it)"), "{said:?}");
    are_equal(&lab, (&place, "qcow2"), ("compute.qcow2", "qcow2"));
    let path =
        lab.done(&["image", "path", "--cloud", "--lab", "my lab.yaml", "--cache", "the cache"]);
    assert_eq!(
        fs::canonicalize(lab.path(path.stdout.trim())).expect("there").display().to_string(),
        place
    );

    // Damage that keeps size and time is found where it is used.
    let cached = fs::File::options().write(true).open(&place).expect("opened");
    let before = cached.metadata().expect("known").modified().expect("a time");
    cached.write_at(b"!", 1 << 20).expect("written");
    cached.set_modified(before).expect("hidden");
    let told = format!("`{command} --verify` mends what is in the cache");
    refused(&lab, &[&disk[..], &["--force"]].concat(), 5, &told);
    pasted(&lab, &format!("{command} --verify"));
    lab.done(&[&disk[..], &["--force"]].concat());
}

/// Without anything that is said, it is the last one for clouds; the mirrors of the lab's packages have none.
#[test]
fn a_lab_that_names_none_has_centos_s_own() {
    let lab = Lab::new(
        "mirror: http://127.0.0.1:1/packages\nnodes: {controller: {role: controller, address: 10.0.0.11}}\n",
    );
    let told = "the cloud image `CentOS-7-x86_64-GenericCloud-2211.qcow2` is not in the cache: `trainyard fetch --cloud` brings it, and `--image FILE` takes one that you have";
    refused(&lab, &["disk", "controller"], 9, told);
    let plan = lab.done(&["plan"]).stdout;
    let row = plan.lines().find(|line| line.trim().starts_with("cloud_image ")).expect("a row");
    assert!(row.contains("centos-7.9-genericcloud") && row.ends_with("built-in"), "{row}");
    let mut fetch = lab.command(&["fetch", "--cloud", "--retry", "0"]);
    // Nobody is asked who is not here.
    fetch.env("http_proxy", "http://127.0.0.1:1").env("https_proxy", "http://127.0.0.1:1");
    let failed = outcome(fetch);
    assert_eq!(failed.status, 7, "{failed:?}");
    assert!(
        failed.stderr.contains(
            "https://cloud.centos.org/centos/7/images/CentOS-7-x86_64-GenericCloud-2211.qcow2"
        ),
        "{failed:?}"
    );
    assert!(!failed.stderr.contains("127.0.0.1:1/packages"), "{failed:?}");
    // One that the lab names is asked first.
    let text = lab.read("lab.yaml") + "cloud_image: {mirrors: ['http://127.0.0.1:1/cloud']}\n";
    fs::write(lab.path("lab.yaml"), text).expect("written");
    let mut fetch = lab.command(&["fetch", "--cloud", "--retry", "0"]);
    fetch.env("https_proxy", "http://127.0.0.1:1");
    let failed = outcome(fetch);
    assert!(failed.stderr.starts_with("bringing http://127.0.0.1:1/cloud/CentOS-7-"), "{failed:?}");
}

/// A file that the lab names needs no cache, and is not brought.
#[test]
fn a_file_is_not_brought() {
    let lab = lab();
    image(&lab, "unused.qcow2");
    let told = "the lab's image is the file `base.qcow2`: there is nothing to bring";
    refused(&lab, &["fetch", "--cloud"], 2, told);
}
