//! A file in the two spellings: the command of a kickstart's script, and the item of user-data.

use std::collections::HashMap;
use std::rc::Rc;

use base64ct::{Base64, Encoding as _};
use minijinja::value::Value;
use serde_json::json;

use super::node::Placed;
use super::yaml;
use crate::template::quote;

/// A file, spelled.
pub(super) struct Spelled {
    /// The command that puts it there, for a template.
    pub command: Value,
    /// The item of `write_files`, as YAML.
    pub item: String,
}

/// Spells files, and remembers those that nodes share: scripts, and what is the same for all of them.
#[derive(Default)]
pub(super) struct Spelling {
    /// By path and by where the content lies, which is in the plan or in the program.
    shared: HashMap<(String, *const u8), Rc<Spelled>>,
}

impl Spelling {
    pub fn of(&mut self, file: &Placed) -> Result<Rc<Spelled>, serde_yaml::Error> {
        if !file.shared {
            return Ok(Rc::new(spell(file)?));
        }
        let key = (file.path.clone().into_owned(), file.content.as_ptr());
        if let Some(known) = self.shared.get(&key) {
            return Ok(known.clone());
        }
        let spelled = Rc::new(spell(file)?);
        self.shared.insert(key, spelled.clone());
        Ok(spelled)
    }
}

fn spell(file: &Placed) -> Result<Spelled, serde_yaml::Error> {
    // Only into folders of root's own: this runs before packages and their users are there.
    let mut item = json!({ "path": file.path, "owner": "root:root", "permissions": file.mode });
    if goes_as_text(&file.content) {
        item["content"] = json!(file.content);
    } else {
        // The YAML parser of CentOS 7 refuses characters that ours writes.
        item["encoding"] = json!("b64");
        item["content"] = json!(Base64::encode_string(file.content.as_bytes()));
    }
    let command = Value::from_safe_string(put(&file.content, file.mode, &file.path));
    Ok(Spelled { command, item: yaml::to_string(&json!([item]))? })
}

/// A command that puts a text into a file: as a here-document, which a person can read, or as bash quotes it
/// where the text would not survive that. (The installer has no base64.)
pub(super) fn put(content: &str, mode: &str, path: &str) -> String {
    let (mode, path) = (quote::shell(mode), quote::shell(path));
    if goes_as_text(content) {
        let end = quote::here_delimiter(content);
        return format!("put {mode} {path} <<'{end}'\n{content}{end}");
    }
    let lines = quote::bash_lines(content).join(" \\\n    ");
    format!("put {mode} {path} < <(printf %s \\\n    {lines})")
}

/// Whether a text goes to a node as it is, so that a person can read it on the way. Others are quoted or encoded; so are
/// those that hold what marks the secrets of a kickstart.
fn goes_as_text(content: &str) -> bool {
    let is_mark = |line: &str| line.starts_with("# trainyard: secrets ");
    content.is_empty() || quote::fits_here_document(content) && !content.lines().any(is_mark)
}
