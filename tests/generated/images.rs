//! The images that a lab names, and what `plan --explain` tells of them.

use serde_json::{Map, Value, json};

use super::random::Random;

/// Keys of the lab file, and their values.
pub type Images = Vec<(String, String)>;

/// A medium and a cloud image, now and then. Nothing of them is on a node.
pub fn say(r: &mut Random, lab: &mut Map<String, Value>) -> Images {
    let mut told = Images::new();
    for (key, names, ending) in [
        ("image", &["centos-7.9-minimal", "centos-7.9-dvd"][..], "iso"),
        ("cloud_image", &["centos-7.9-genericcloud", "centos-7.9-genericcloud-2009"], "qcow2"),
    ] {
        if !r.once_in(3) {
            continue;
        }
        let name = (*r.of(names)).to_owned();
        let (said, value) = match r.below(4) {
            0 => (json!(name), name),
            1 => {
                let mirror = format!("https://{}.example/centos", r.word());
                told.push((format!("{key}.mirrors"), mirror.clone()));
                (json!({ "name": name, "mirrors": mirror }), name)
            }
            2 => {
                let path = format!("{}/my image.{ending}", r.word());
                (json!({ "path": path }), path)
            }
            _ => {
                let url = format!("http://{}.example/{}.{ending}", r.word(), r.word());
                let digest = format!("{:064x}", r.below(1 << 30));
                told.push((format!("{key}.sha256"), digest.clone()));
                let size = 1 + r.below(1 << 30);
                told.push((format!("{key}.size"), size.to_string()));
                (json!({ "url": url, "sha256": digest, "size": size }), url)
            }
        };
        told.push((key.to_owned(), value));
        lab.insert(key.to_owned(), said);
    }
    told
}

/// What `plan --explain` tells otherwise than it was said.
pub fn differences(wanted: &Images, explained: &str) -> Vec<String> {
    let explained: Vec<Value> = serde_json::from_str(explained).expect("JSON");
    let is_told = |(path, value): &&(String, String)| {
        let same = |told: &&Value| told["path"] == **path && told["origin"] == "file";
        explained.iter().find(same).is_some_and(|told| told["value"] == **value)
    };
    let wrong = wanted.iter().filter(|said| !is_told(said));
    wrong.map(|(path, value)| format!("{path}: {value} is not told")).collect()
}
