//! A server that runs.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Answer, ask};
use crate::common::{Lab, Outcome, ROOT, judge};

/// The stand-in medium, which set-up makes.
pub fn medium() -> String {
    let path = format!("{ROOT}/target/standin/small.iso");
    assert!(std::path::Path::new(&path).exists(), "{path} is missing: `make check` makes it");
    path
}

/// A lab that is served.
pub struct Serving {
    pub lab: Lab,
    pub address: SocketAddr,
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Serving {
    /// The default lab.
    pub fn new() -> Self {
        Self::of(Lab::example("reference.yaml"), &[])
    }

    pub fn of(lab: Lab, more: &[&str]) -> Self {
        Self::with(lab, more, &[])
    }

    /// With these in its environment.
    pub fn with(lab: Lab, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let address = free();
        let mut command = serve(&lab, address, more);
        command.envs(environment.iter().copied());
        let (child, said) = begin(command);
        Self { lab, address, child, said }
    }

    /// One that goes on where it may write no more (`prlimit --fsize`), and is told so by each write.
    pub fn ignoring_limits(lab: Lab) -> Self {
        let address = free();
        let inner = serve(&lab, address, &[]);
        let mut command = judge("sh");
        command.args(["-c", r#"trap '' XFSZ && exec "$@""#, "sh"]);
        command.arg(inner.get_program()).args(inner.get_args()).current_dir(lab.path(""));
        let (child, said) = begin(command);
        Self { lab, address, child, said }
    }

    /// Of seeds alone.
    pub fn of_seeds(lab: Lab) -> Self {
        let address = free();
        let command = lab.command(&["serve", "--seeds", "--listen", &address.to_string()]);
        let (child, said) = begin(command);
        Self { lab, address, child, said }
    }

    /// Ends it at once, as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it ends");
    }

    /// The same lab is served again, at the same address.
    pub fn again(&mut self, more: &[&str]) {
        (self.child, self.said) = begin(serve(&self.lab, self.address, more));
    }

    #[allow(dead_code, reason = "the page's tests stop it for a while")]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn said(&self) -> String {
        self.said.lock().expect("whole").clone()
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, &[], "")
    }

    pub fn get_as(&self, mac: &str, path: &str) -> Answer {
        ask(self.address, "GET", path, &[format!("X-RHN-Provisioning-MAC-0: eth0 {mac}")], "")
    }

    /// Posts a form.
    pub fn tell(&self, path: &str, form: &str) -> Answer {
        let kind = "Content-Type: application/x-www-form-urlencoded".to_owned();
        ask(self.address, "POST", path, &[kind], form)
    }

    /// A node's state, as the API shows it.
    pub fn node(&self, name: &str) -> serde_json::Value {
        self.get(&format!("/api/v1/nodes/{name}")).json()
    }

    pub fn state(&self, name: &str) -> String {
        self.node(name)["state"].as_str().expect("a state").to_owned()
    }

    /// Waits until a node is in this state.
    pub fn wait_for(&self, name: &str, state: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.state(name) != state {
            assert!(Instant::now() < end, "{}\n{}", self.node(name), self.said());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The first hardware address of a node.
    pub fn mac(&self, name: &str) -> String {
        mac(&self.lab, name)
    }

    /// What the node's machine is told to boot.
    pub fn boot(&self, name: &str) -> String {
        self.get(&format!("/ipxe?mac={}&uuid=&serial_hex=", self.mac(name))).text()
    }

    /// The path of its kickstart, as it is told.
    pub fn kickstart_path(&self, name: &str) -> String {
        let script = self.boot(name);
        let url = script
            .split(' ')
            .find_map(|word| word.strip_prefix("inst.ks="))
            .unwrap_or_else(|| panic!("{script}"));
        let path = url.strip_prefix(&format!("http://{}", self.address));
        path.unwrap_or_else(|| panic!("{url}")).to_owned()
    }

    /// Where it reports to, as its kickstart says.
    pub fn report_path(kickstart: &str) -> String {
        let at = kickstart.find("/r/").expect("an address");
        kickstart[at..].split_whitespace().next().expect("an address").to_owned()
    }

    pub fn node_command(&self, arguments: &[&str]) -> Outcome {
        self.lab.run(&[&["node"], arguments].concat())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first hardware address of a node of a lab.
pub fn mac(lab: &Lab, name: &str) -> String {
    let plan = lab.done(&["plan", "--format", "json"]).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("a plan");
    let nodes = plan["nodes"].as_array().expect("nodes");
    let node = nodes.iter().find(|node| node["name"] == name).expect("the node");
    node["interfaces"][0]["mac"].as_str().expect("an address").to_owned()
}

/// A port that nobody has; the kernel does not give it away again at once.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port")
}

pub fn serve(lab: &Lab, address: SocketAddr, more: &[&str]) -> Command {
    let (listen, image) = (address.to_string(), medium());
    let fixed = ["serve", "--listen", &listen, "--image", &image];
    lab.command(&[&fixed[..], more].concat())
}

/// Starts it, and waits until it says that it serves.
pub fn begin(mut command: Command) -> (Child, Arc<Mutex<String>>) {
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("its words"));
    let mut said = String::new();
    while !said.contains("Ctrl-C ends it") {
        let count = lines.read_line(&mut said).expect("text");
        assert!(count > 0, "it ended: {said}");
    }
    let said = Arc::new(Mutex::new(said));
    let kept = Arc::clone(&said);
    thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(count) = lines.read(&mut part) {
            if count == 0 {
                return;
            }
            kept.lock().expect("whole").push_str(&String::from_utf8_lossy(&part[..count]));
        }
    });
    (child, said)
}
