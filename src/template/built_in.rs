//! The templates of the kickstart that trainyard comes with. A lab's folder of templates can override them.

use include_dir::{Dir, include_dir};

static KICKSTART: Dir = include_dir!("$CARGO_MANIFEST_DIR/kickstart");

/// The kickstart's skeleton and its parts: file name and text.
pub fn kickstart() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = KICKSTART.files();
    let files = files.filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?)));
    files.filter(|(name, _)| *name != CHOOSER.0)
}

/// What a medium for several nodes starts with: name and text. It is no node's, so no node's templates override it.
pub const CHOOSER: (&str, &str) = ("choose.j2", include_str!("../../kickstart/choose.j2"));

/// The path of cloud-init's base, which a lab can override like a template; the rest is merged into it as data.
pub const USER_DATA: &str = "cloud-init/user-data.yaml";
