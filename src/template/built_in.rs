//! The templates of the kickstart that trainyard comes with. A lab's folder of templates can override them.

use include_dir::{Dir, include_dir};

static KICKSTART: Dir = include_dir!("$CARGO_MANIFEST_DIR/kickstart");

/// The kickstart's skeleton and its parts: file name and text.
pub fn kickstart() -> impl Iterator<Item = (&'static str, &'static str)> {
    KICKSTART.files().filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)))
}

/// The path of cloud-init's base, which a lab can override like a template; the rest is merged into it as data.
pub const USER_DATA: &str = "cloud-init/user-data.yaml";
