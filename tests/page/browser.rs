//! Headless Chromium, driven over `WebDriver` (<https://www.w3.org/TR/webdriver2/>).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::judge;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Keys that write nothing (<https://www.w3.org/TR/webdriver2/#keyboard-actions>).
pub const TAB: char = '\u{e004}';
pub const ENTER: char = '\u{e007}';
pub const ESCAPE: char = '\u{e00c}';

/// What the window is.
#[derive(Clone, Copy)]
pub enum Window {
    Desktop,
    /// 360 pixels wide, two of the device's each.
    Phone,
}

/// A browser with one window, and nothing in its profile.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// More words for its command line may follow.
    pub fn new(window: Window, more: &[&str]) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut command = judge("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        command.env("HOME", profile.path()).env("TZ", "UTC");
        let mut driver = command.spawn().expect("it starts");
        let lines = BufReader::new(driver.stdout.take().expect("its words")).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let address = SocketAddr::from(([127, 0, 0, 1], port.expect("a port")));
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        let mut words = vec![
            "--headless".to_owned(),
            // Its sandbox needs what neither root nor a container has; it is shown nothing but our page.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--no-first-run".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--force-color-profile=srgb".to_owned(),
            "--window-size=1280,800".to_owned(),
        ];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        let mut options = json!({ "args": words });
        if matches!(window, Window::Phone) {
            let metrics = json!({ "width": 360, "height": 740, "pixelRatio": 2.0, "touch": true, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let wanted =
            json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let said = browser.post("/session", &json!({ "capabilities": { "alwaysMatch": wanted } }));
        said["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        browser
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, &body.to_string())
    }

    /// What the driver answers. It keeps connections open whatever it is told, so an answer is read as long as it says that it is.
    fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(LIMIT)).expect("set");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        let head = format!(
            "{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        let mut answer = BufReader::new(stream);
        let (mut first, mut length) = (String::new(), 0);
        answer.read_line(&mut first).expect("an answer");
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut said = vec![0; length];
        answer.read_exact(&mut said).expect("all of it");
        let said: Value = serde_json::from_slice(&said).expect("JSON");
        assert!(first.contains(" 200 "), "{path}: {said}");
        said["value"].clone()
    }

    fn here(&self, path: &str) -> String {
        format!("/session/{}/{path}", self.session)
    }

    pub fn open(&self, url: &str) {
        self.post(&self.here("url"), &json!({ "url": url }));
    }

    /// A command of the browser's own (<https://chromedevtools.github.io/devtools-protocol/>).
    pub fn command(&self, name: &str, what: &Value) {
        self.post(&self.here("goog/cdp/execute"), &json!({ "cmd": name, "params": what }));
    }

    /// Runs a script in every page, before its own.
    pub fn before(&self, script: &str) {
        self.command("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post(&self.here("execute/sync"), &json!({ "script": script, "args": [] }))
    }

    /// An expression's value.
    pub fn value(&self, expression: &str) -> Value {
        self.run(&format!("return {expression}"))
    }

    /// The same as text.
    pub fn text(&self, expression: &str) -> String {
        self.value(&format!("String({expression})")).as_str().expect("text").to_owned()
    }

    /// Waits until an expression is true.
    pub fn wait(&self, expression: &str) {
        let end = Instant::now() + LIMIT;
        while self.value(&format!("Boolean({expression})")) != true {
            let late = Instant::now() > end;
            assert!(!late, "{expression}\n{}", self.text("document.body.innerText"));
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Waits until a part of the page holds this text.
    pub fn wait_text(&self, selector: &str, text: &str) {
        self.wait(&format!(
            "document.querySelector({})?.textContent.includes({})",
            json!(selector),
            json!(text)
        ));
    }

    /// Presses keys, one after the other.
    pub fn press(&self, keys: impl IntoIterator<Item = char>) {
        let strokes = keys
            .into_iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })));
        let keyboard =
            json!({ "type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>() });
        self.post(&self.here("actions"), &json!({ "actions": [keyboard] }));
    }

    /// Presses Tab until this is true of `document.activeElement`, and says what was passed otherwise.
    pub fn tab_to(&self, is: &str) {
        let mut passed = Vec::new();
        for _ in 0..40 {
            self.press([TAB]);
            let focused = "const it = document.activeElement; return [Boolean(IS), `${it.tagName} ${it.id} ${it.textContent.slice(0, 40)}`]";
            let said = self.run(&focused.replace("IS", is));
            if said[0] == true {
                return;
            }
            passed.push(said[1].to_string());
        }
        panic!("{is}: {passed:#?}");
    }

    /// A picture of the window, as PNG.
    pub fn picture(&self) -> Vec<u8> {
        let said = self.ask("GET", &self.here("screenshot"), "");
        Base64::decode_vec(said.as_str().expect("a picture")).expect("base64")
    }

    /// What the browser has complained of since this was asked last.
    pub fn complaints(&self) -> Vec<String> {
        let said = self.post(&self.here("se/log"), &json!({ "type": "browser" }));
        said.as_array().expect("a list").iter().map(|it| it["message"].to_string()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends its own processes in order, and the driver waits for them.
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let end = format!(
                "DELETE /session/{} HTTP/1.1\r\nHost: {}\r\n\r\n",
                self.session, self.address
            );
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.write_all(end.as_bytes()).and_then(|()| stream.read(&mut [0; 64]));
        }
        // What is left of it and of the driver, and nothing else.
        if let Some(group) = i32::try_from(self.driver.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}
