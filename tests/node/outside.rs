//! What a lab finds outside of itself: names, mirrors and the time.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::area::{Area, text};
use crate::common::{ROOT, judge};
use crate::network::{BEHIND, OUTSIDE, Switches};

/// Where the mirrors listen.
pub const PORT: u16 = 8080;

/// A mirror of packages by the way it behaves: `first` and `second` are whole, for the others see outside.py.
pub fn mirror(how: &str) -> String {
    format!("http://{OUTSIDE}:{PORT}/{how}")
}

/// A server in the namespace of the switches; it ends with this value, or with the test.
struct Server(Child);

impl Server {
    fn start(switches: &Switches, command: &Command) -> Self {
        let mut inside = Command::new("setpriv");
        inside.args(["--pdeathsig", "KILL", "nsenter", &format!("--net={}", switches.path())]);
        inside.arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(inside.spawn().expect("a server"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All servers.
pub struct Outside {
    clock: Option<Server>,
    _others: [Server; 2],
    requests: PathBuf,
    configuration: PathBuf,
}

impl Outside {
    pub fn new(area: &Area, switches: &Switches) -> Self {
        let requests = area.path("requests");
        let ours = |arguments: &[&str]| {
            let mut command = Command::new("python3");
            command.arg(format!("{ROOT}/tests/node/outside.py")).args(arguments);
            Server::start(switches, &command)
        };
        let mirrors = ["mirrors", OUTSIDE, &PORT.to_string(), text(&requests)];
        let mut outside = Self {
            clock: None,
            _others: [ours(&["names", OUTSIDE, BEHIND]), ours(&mirrors)],
            requests,
            configuration: area.path("clock.conf"),
        };
        outside.tell_time(switches, 0);
        outside
    }

    /// The clock that nodes are told is so many seconds off. One that is right is a real chronyd.
    pub fn tell_time(&mut self, switches: &Switches, off: i64) {
        self.clock = None;
        let command = if off == 0 {
            let lines = "local stratum 1\nallow\ncmdport 0\nbindcmdaddress /\n";
            let file =
                format!("pidfile {}\n{lines}", self.configuration.with_extension("pid").display());
            fs::write(&self.configuration, file).expect("written");
            let mut command = judge("chronyd");
            command.args(["-x", "-d", "-u", "root", "-f", text(&self.configuration)]);
            command
        } else {
            let mut command = Command::new("python3");
            command.arg(format!("{ROOT}/tests/node/outside.py"));
            command.args(["time", OUTSIDE, &off.to_string()]);
            command
        };
        self.clock = Some(Server::start(switches, &command));
    }

    /// What the mirrors were asked for since the last time.
    pub fn requests(&self) -> Vec<String> {
        let asked = fs::read_to_string(&self.requests).unwrap_or_default();
        let _ = fs::remove_file(&self.requests);
        asked.lines().map(str::to_owned).collect()
    }
}
