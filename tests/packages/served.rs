//! A cache that serves packages.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Answer, ask, try_ask};
use crate::common::{Lab, Outcome, outcome};
use crate::host::lab;
use crate::repositories::{cached_path, repositories};
use crate::running;
use crate::upstream::Upstream;

/// `trainyard packages serve`; dropped, it is killed.
pub struct Served {
    pub lab: Lab,
    pub address: SocketAddr,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Served {
    /// Of these mirrors, with an empty cache.
    pub fn of(mirrors: &[&Upstream]) -> Self {
        Self::with(mirrors, |command| command)
    }

    /// Run as another command runs it.
    pub fn with(mirrors: &[&Upstream], wrap: impl FnOnce(Command) -> Command) -> Self {
        Self::of_lab(lab(mirrors, ""), wrap)
    }

    /// The cache of a lab.
    pub fn of_lab(lab: Lab, wrap: impl FnOnce(Command) -> Command) -> Self {
        let command = wrap(serve(&lab, "127.0.0.1:0"));
        let (child, address, said) = begin(command);
        Self { lab, address, child, said }
    }

    /// Where it keeps a file of this name; one, or none.
    pub fn kept(&self, path: &str) -> Option<PathBuf> {
        let name = path.rsplit('/').next().expect("a name");
        let mut folders = vec![self.lab.path("cache/packages")];
        while let Some(inside) = folders.pop() {
            for entry in fs::read_dir(inside).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_str() == Some(name) {
                    return Some(entry.path());
                }
            }
        }
        None
    }

    /// Asks until it is right, for at most half a minute; what comes meanwhile is never wrong.
    pub fn becomes_right(&self, path: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.right_or_nothing(path) {
            assert!(Instant::now() < end, "{path}: {}", self.said());
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Whether a file came; where one came whole, it is the right one.
    pub fn right_or_nothing(&self, path: &str) -> bool {
        let came = self.try_get(path).filter(|answer| answer.status == 200);
        if let Some(answer) = &came {
            assert!(answer.body[..] == repositories().file(path)[..], "{path}: other bytes");
        }
        came.is_some()
    }

    /// A lab like the one that is served, whose nodes ask this first.
    pub fn of_nodes(&self, mirrors: &[&Upstream]) -> Lab {
        lab(mirrors, &format!("package_cache: http://{}\n", self.address))
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("it ends");
    }

    /// The same while others use it; [`Self::kill`] waits for its end.
    pub fn kill_now(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("killed");
    }

    /// The same cache is served again, at the same address.
    pub fn again(&mut self) {
        let command = serve(&self.lab, &self.address.to_string());
        (self.child, self.address, self.said) = begin(command);
    }

    pub fn said(&self) -> String {
        self.said.lock().expect("whole").clone()
    }

    /// Waits until it has said this.
    pub fn says(&self, what: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.said().contains(what) {
            assert!(Instant::now() < end, "not a word of {what}: {}", self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks for what the mirrors have at this path.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        let headers: Vec<String> = headers.iter().map(|it| (*it).to_owned()).collect();
        ask(self.address, method, &url_path(path), &headers, "")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Nothing where it did not come whole.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        try_ask(self.address, "GET", &url_path(path), &[], "")
    }

    /// The bytes of a file, which must be the right ones.
    pub fn right(&self, path: &str) {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}\n{}\n{}", answer.text(), self.said());
        assert!(answer.body[..] == repositories().file(path)[..], "{path}: other bytes");
    }

    /// Asks for a file; the answer is on its way as long as the connection lives.
    pub fn send(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        let request =
            format!("GET {} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", url_path(path));
        stream.write_all(request.as_bytes()).expect("sent");
        stream
    }

    /// Asks for a file and reads as much of the body as is said here; the rest is on its way as long as the connection lives.
    pub fn begin_to_read(&self, path: &str, bytes: usize) -> Reading {
        let mut lines = BufReader::new(self.send(path));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let count = lines.read_line(&mut head).expect("a head");
            assert!(count > 0, "the head ends: {head}");
        }
        let mut read = vec![0; bytes];
        lines.read_exact(&mut read).expect("a part");
        Reading { read, rest: lines }
    }

    /// `trainyard packages` about this cache.
    pub fn packages(&self, arguments: &[&str]) -> Outcome {
        packages(&self.lab, arguments)
    }

    /// The same, as JSON.
    pub fn packages_json(&self, arguments: &[&str]) -> serde_json::Value {
        let outcome = self.packages(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer that is on its way.
pub struct Reading {
    read: Vec<u8>,
    rest: BufReader<TcpStream>,
}

impl Reading {
    /// What came until the connection ended.
    pub fn end(mut self) -> Vec<u8> {
        let _ = self.rest.read_to_end(&mut self.read);
        self.read
    }
}

fn url_path(path: &str) -> String {
    format!("/packages/{}", cached_path(path))
}

/// `trainyard packages`, with the cache of this lab.
pub fn packages(lab: &Lab, arguments: &[&str]) -> Outcome {
    outcome(command(lab, arguments))
}

pub fn command(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = lab.command(&["packages"]);
    command.args(arguments).arg("--cache").arg(lab.path("cache"));
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

/// The command that serves a lab's repositories.
pub fn serve(lab: &Lab, listen: &str) -> Command {
    // Pauses that tests can wait for.
    let pauses = ["--retry", "2", "--retry-delay", "0.01", "--stall-time", "2"];
    command(lab, &[&["serve", "--listen", listen][..], &pauses].concat())
}

/// Starts it, and waits until it says where it serves.
fn begin(command: Command) -> (Child, SocketAddr, Arc<Mutex<String>>) {
    let (child, said) = running::begin(command);
    let text = said.lock().expect("whole").clone();
    let (_, rest) = text.split_once("serving packages at http://").expect("where it serves");
    let (address, _) = rest.split_once("/packages/").expect("a URL");
    (child, address.parse().expect("an address"), said)
}
