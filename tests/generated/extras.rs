//! What a layer says of hosts, a proxy, repositories, host keys, hooks and templates; and what a lab has beside its file.

use serde_json::{Value, json};

use super::layer::Layer;
use super::random::Random;

/// Files beside the lab file: path and text.
pub type Files = Vec<(String, String)>;

impl Layer {
    pub(super) fn extras(&mut self, r: &mut Random, level: &str) {
        if r.once_in(4) {
            let (address, name) =
                (format!("192.0.2.{}", 1 + r.below(3)), format!("h-{}", r.word()));
            self.say("hosts", json!({ (address.as_str()): [name] }));
            self.mapped.insert(("host", address), name);
        }
        if r.once_in(4) {
            let url = format!("http://proxy.{level}.example:{}", 3000 + r.below(99));
            let without = format!(".{level}.example");
            self.say("proxy", json!({ "url": url, "no_proxy": [without] }));
            self.single.insert("proxy", url);
            self.added.insert("no_proxy", vec![without]);
        }
        if r.once_in(4) {
            let id = format!("r-{level}");
            let (name, url) =
                (format!("x{}", r.comment()), format!("http://{}.example/el7/", r.word()));
            let said = json!({ "name": name, "baseurl": url, "gpgcheck": false });
            self.say("repositories", json!({ (id.as_str()): said }));
            self.mapped.insert(("repository", id), format!("{name}\n{url}"));
        }
        if r.once_in(4) {
            let kept = *r.of(&["keep", "new"]);
            self.say("host_keys", json!(kept));
            self.single.insert("host_keys", kept.to_owned());
        }
        for when in ["pre", "post", "first_boot"] {
            if r.once_in(5) {
                let script = format!("#!/bin/bash\ncat <<'HERE'\n{}\nHERE\n", r.text(8));
                let name = format!("{level}-{}", when.replace('_', "-"));
                let hook = json!({ "name": name, "script": script });
                self.hooks.insert(when.to_owned(), json!([hook]));
                let what = if when == "pre" { "pre hook" } else { "hook" };
                self.mapped.insert((what, name), script);
            }
        }
        if !self.hooks.is_empty() {
            self.say("hooks", Value::Object(self.hooks.clone()));
        }
        if r.once_in(6) {
            let (folder, package) = (format!("templates-{level}"), format!("own-{level}"));
            let text = format!(
                "%packages\n{{% for package in installer.packages %}}\n{{{{ package|package }}}}\n{{% endfor %}}\n{package}\n%end\n"
            );
            self.files.push((format!("{folder}/kickstart/packages.j2"), text));
            self.say("templates", json!([folder]));
            self.single.insert("own package", package);
        }
    }
}

impl Layer {
    /// What only an installer or only cloud-init does.
    pub(super) fn one_way(&mut self, r: &mut Random, level: &str) {
        if r.once_in(4) {
            let plain = |c: &char| c.is_ascii() && (!c.is_control() || *c == '\n');
            let text: String = r.text(8).chars().filter(plain).collect();
            let (path, command) =
                (format!("/opt/{level}"), format!("echo {level} {}", r.comment()));
            let command: String = command.chars().filter(char::is_ascii).collect();
            self.say(
                "cloud_init",
                json!({
                    "runcmd": [command, ["logger", text]],
                    "write_files": [{ "path": path, "content": text }],
                    "final_message": text,
                    "rsyslog": { "remotes": { (level): command } },
                }),
            );
            self.added.insert("own command", vec![command.clone()]);
            self.single.insert("final message", text.clone());
            self.mapped.insert(("own file", path), text);
            self.mapped.insert(("remote", level.to_owned()), command);
        }
        if r.once_in(4) {
            let (package, group) = (format!("k-{level}"), format!("group --name=g-{level}"));
            let hook = json!({ "name": package, "script": format!("echo {package}\n") });
            let said = json!({ "packages": [package], "commands": [group], "post": [hook] });
            self.say("kickstart", said);
            self.added.insert("medium's package", vec![package]);
            self.added.insert("installer's command", vec![group]);
        }
    }
}

/// A stage of the lab's own, with a parameter: its folder's files, and the parameter's value.
pub fn own_stage(r: &mut Random, files: &mut Files) -> String {
    for (name, text) in [
        (
            "stage.yaml",
            "summary: mine\nparameters: {word: {default: a, help: a word}}\nfiles: [{path: /etc/mine, source: mine.j2}]\n",
        ),
        ("mine.j2", "{{ parameters.word }} on {{ node.name }} in {{ lab.name|sh }}\n"),
        ("verify.sh", "true\n"),
    ] {
        files.push((format!("stages/mine/{name}"), text.to_owned()));
    }
    r.word()
}
