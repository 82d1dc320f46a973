//! `write_files` of one's own. cloud-init 19.4 writes files before it makes accounts, and gives up on those that follow where it
//! cannot give one to its owner.

use std::io::{self, Read as _};

use base64ct::{Base64, Encoding as _};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use crate::report::Rule;
use crate::spec::{Data, Spanned};

use super::keys::FILE;
use super::values::Checker;
use crate::model::settle::Wrong;
use crate::model::{file_places, system};

const EXAMPLE: &str = "for example `[{path: /etc/motd, content: \"Train lab\\n\"}]`";

impl Checker<'_, '_> {
    pub(super) fn files(&mut self, at: &str, written: &Spanned<Data>) -> Option<Value> {
        let mut files = Vec::new();
        for (at, item) in self.items(at, written, EXAMPLE)? {
            let Some(mut file) = self.mapping(&at, item, FILE) else { continue };
            let of = |key: &str| item.value.said(key);
            let Some((_, path)) = of("path") else {
                self.r.tell(Rule::CloudInitValue, item, "a file has no `path`", EXAMPLE);
                continue;
            };
            if let Some(Value::String(text)) = file.get("path") {
                let path =
                    Spanned { value: text.clone(), span: path.span, path: path.path.clone() };
                let appends = file.get("append") == Some(&json!(true));
                self.tell_place(&path, appends);
                self.files.push(path);
            }
            let encoding = file.get("encoding").and_then(Value::as_str).unwrap_or_default();
            if let Some((_, content)) = of("content").filter(|_| encoding.contains("64")) {
                self.tell_encoded(content, encoding.starts_with("gz"));
            }
            if let Some((_, written)) =
                of("encoding").filter(|_| ["gz", "gzip"].contains(&encoding))
            {
                let help = "`gz+b64`, with the content in base64";
                let message = "what gzip makes is no text that YAML holds";
                self.r.tell(Rule::CloudInitValue, written, message, help);
            }
            // A text is what it is, whatever the order of keys.
            file.entry("content").or_insert_with(|| json!(""));
            files.push(Value::Object(file));
        }
        Some(json!(files))
    }

    /// Tells a path at which something else of the node's is, or will be.
    fn tell_place(&mut self, path: &Spanned<String>, appends: bool) {
        file_places::tell_risk(path, self.r);
        let wrong = if path.value.starts_with("/home/") {
            (
                "is in a home, which would be root's: cloud-init 19.4 writes files before it makes accounts",
                "say it under `files`",
            )
        } else if self.others.files.iter().any(|file| file.path.value == path.value) {
            ("is written by `files` as well", "say it once, under `files`")
        } else if !appends && self.files.iter().any(|file| file.value == path.value) {
            ("is written twice", "say it once, or let the second `append`")
        } else {
            return;
        };
        self.r.reject(path, Wrong::of(Rule::FilePlace, wrong.0, wrong.1));
    }

    fn tell_encoded(&mut self, content: &Spanned<Data>, is_packed: bool) {
        let Data::Text(text) = &content.value else { return };
        let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let (message, help) = match Base64::decode_vec(&bare) {
            Err(_) => (
                "this is not base64".to_owned(),
                "`base64 FILE` writes it; a plain text needs no `encoding`",
            ),
            Ok(packed) if is_packed => match unpacked(&packed) {
                Some(size) if size <= LARGEST => return,
                Some(_) => (
                    format!("this holds more than {} MiB, unpacked", LARGEST >> 20),
                    "a `hooks.first_boot` can fetch what is large",
                ),
                None => (
                    "this is base64, but nothing that gzip made".to_owned(),
                    "`gzip < FILE | base64` writes it; what is only in base64 has `encoding: b64`",
                ),
            },
            Ok(_) => return,
        };
        self.r.tell(Rule::CloudInitValue, content, message, help);
    }
}

/// The most that a packed file may hold, in bytes: a few kilobytes could hold gigabytes, over which the node would run out of memory.
const LARGEST: u64 = 16 << 20;

/// How many bytes are packed there; of more than may be, not all are counted. Nothing where it is damaged, or no gzip.
fn unpacked(packed: &[u8]) -> Option<u64> {
    let mut limited = MultiGzDecoder::new(packed).take(LARGEST + 1);
    io::copy(&mut limited, &mut io::sink()).ok()
}

/// An owner that is there when files are written: `root`, or `root:root`.
pub(super) fn owner(text: &str) -> Result<String, Wrong> {
    let (user, group) = text.split_once(':').unwrap_or((text, user_group(text)));
    if system::is_user(user) && system::is_group(group) {
        return Ok(format!("{user}:{group}"));
    }
    let why = "is nobody that the node has when cloud-init writes files";
    let help = "an account and a group of CentOS 7 itself, such as `root:root`; under `files`, those that `users` makes can own some";
    Err(Wrong::of(Rule::UnknownOwner, why, help))
}

/// The group of an account of the system's, where none is said.
fn user_group(user: &str) -> &str {
    if system::is_group(user) { user } else { "root" }
}
