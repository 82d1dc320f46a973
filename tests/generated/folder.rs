//! The folder of a random lab.

use std::fs;

use super::common::Lab;
use super::lab::Generated;

impl Generated {
    /// Its folder, with the files beside the lab file.
    pub fn folder(&self) -> Lab {
        let lab = Lab::new("nodes: {}\n");
        for (path, text) in &self.files {
            let path = lab.path(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        fs::write(lab.path("lab.yaml"), &self.text).expect("written");
        lab.know_nodes();
        lab
    }
}

/// A number of the environment's.
pub fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}
