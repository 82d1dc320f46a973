//! The real program, serving in such a network.

use std::fs;
use std::process::{Child, Command};

use serde_json::Value;

use crate::common::Lab;
use crate::network::{Network, SERVER};

/// A machine that is known by its card.
pub const MAC: &str = "52:54:00:aa:00:11";
/// Its lab. The other node has no machine, and none is given its address.
const LAB: &str = r"
nodes:
  controller:
    role: controller
    interfaces:
      enp0s3: {network: management, address: 10.0.0.11, mac: 52:54:00:aa:00:11}
";

pub fn lab() -> Lab {
    Lab::new(LAB)
}

pub struct Serving<'n> {
    pub network: &'n Network,
    pub lab: Lab,
    pub program: Child,
}

impl<'n> Serving<'n> {
    /// Begins, and waits until it serves.
    pub fn new(network: &'n Network, lab: Lab, image: &str, port: u16, more: &[&str]) -> Self {
        let listen = format!("{SERVER}:{port}");
        let fixed = ["serve", "--image", image, "--listen", &listen];
        let mut command = network.inside(&lab.command(&[&fixed[..], more].concat()));
        command.stderr(fs::File::create(lab.path("serve.log")).expect("created"));
        let program = command.spawn().expect("it runs");
        let mut serving = Self { network, lab, program };
        Network::wait("it serves", || {
            let ended = serving.program.try_wait().expect("asked");
            assert!(ended.is_none(), "it ended: {}", serving.said());
            serving.said().contains("Ctrl-C ends it") && !serving.events().is_empty()
        });
        serving
    }

    pub fn said(&self) -> String {
        self.lab.read("serve.log")
    }

    /// What happened to its node.
    pub fn events(&self) -> Vec<String> {
        let ask = ["node", "events", "controller", "--format", "json"];
        let told = crate::common::outcome(self.network.inside(&self.lab.command(&ask))).stdout;
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        let events = told["events"].as_array().into_iter().flatten();
        events.map(|event| event["text"].as_str().expect("a text").to_owned()).collect()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> i32 {
        let mut status = None;
        Network::wait("it ends", || {
            status = self.program.try_wait().expect("asked");
            status.is_some()
        });
        status.and_then(|it| it.code()).unwrap_or(-1)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // It takes its folder with it.
        if matches!(self.program.try_wait(), Ok(None)) {
            let _ = Command::new("kill").arg(self.program.id().to_string()).output();
        }
        let _ = self.program.wait();
    }
}
