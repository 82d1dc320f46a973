//! A file in the two spellings: the command of a kickstart's script, and the item of user-data.

use std::collections::HashMap;
use std::rc::Rc;

use minijinja::value::Value;
use serde_json::json;

use super::node::Placed;
use super::yaml;
use crate::template::quote;

/// A file, spelled.
pub(super) struct Spelled {
    /// The command that puts it there, for a template.
    pub command: Value,
    /// Whether that is one in base64.
    pub encoded: bool,
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
    let item = json!([{
        "path": file.path,
        "owner": "root:root",
        "permissions": file.mode,
        "content": file.content,
    }]);
    let (command, encoded) = put(&file.content, file.mode, &file.path);
    let (command, item) = (Value::from_safe_string(command), yaml::to_string(&item)?);
    Ok(Spelled { command, encoded, item })
}

/// A command that puts a text into a file, and whether it is the one in base64: as a here-document, which a person can read,
/// or in base64 where the text would not survive that.
pub(super) fn put(content: &str, mode: &str, path: &str) -> (String, bool) {
    use base64ct::{Base64, Encoding};
    let (mode, path) = (quote::shell(mode), quote::shell(path));
    if content.is_empty() || quote::fits_here_document(content) {
        let end = quote::here_delimiter(content);
        return (format!("put {mode} {path} <<'{end}'\n{content}{end}"), false);
    }
    let encoded = Base64::encode_string(content.as_bytes());
    let lines: Vec<_> = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
    (format!("put_base64 {mode} {path} <<'EOF'\n{}\nEOF", lines.join("\n")), true)
}
