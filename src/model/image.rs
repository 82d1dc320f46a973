//! The installation medium.

use std::path::PathBuf;

use crate::base_image::known::{DEFAULT, KNOWN};
use crate::base_image::{Facts, Signer, Wanted};
use crate::digest::Digest;
use crate::report::{Rule, did_you_mean};
use crate::spec::{ImageFields, ImageSpec, Spanned, TextFile};

use super::settle::{Resolver, Wrong};

/// The installation medium that a lab names.
#[derive(Clone, Debug)]
pub struct Image {
    /// Where it is from.
    pub source: ImageSource,
    /// What the lab says about it, over what is known.
    pub facts: Facts,
}

/// Where a medium is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A known one.
    Known(String),
    /// A file, as written: relative to the lab file.
    Path(PathBuf),
    /// A download.
    Url(String),
}

pub(super) fn resolve(spec: Option<&Spanned<ImageSpec>>, r: &mut Resolver) -> Image {
    let none = ImageFields::default();
    let fields = spec.map_or(&none, |spec| &spec.value.0);
    let (source, shown) = match fields {
        ImageFields { path: Some(path), .. } => (ImageSource::Path((&path.value).into()), path),
        ImageFields { url: Some(url), .. } => {
            check_url(url, r);
            (ImageSource::Url(url.value.clone()), url)
        }
        ImageFields { name: Some(name), .. } => {
            if !KNOWN.images.get(&name.value).is_some_and(|image| image.builds) {
                let media = KNOWN.images.iter().filter(|(_, image)| image.builds);
                let help = if name.value.contains(['/', '\\']) || name.value.ends_with("iso") {
                    format!("a file is named by `image: {{path: {}}}`", name.value)
                } else {
                    did_you_mean(&name.value, media.map(|(name, _)| name.as_str()))
                };
                r.tell(Rule::Value, name, format!("unknown image `{}`", name.value), help);
            }
            (ImageSource::Known(name.value.clone()), name)
        }
        _ => {
            r.note("image", &DEFAULT, super::Origin::BuiltIn);
            return Image { source: ImageSource::Known(DEFAULT.into()), facts: facts(fields, r) };
        }
    };
    let origin = r.origin(shown.span);
    r.note("image", &shown.value, origin);
    Image { source, facts: facts(fields, r) }
}

fn check_url(url: &Spanned<String>, r: &mut Resolver) {
    if let Err(error) = Wanted::url(&url.value, Facts::default()) {
        let help = "a URL of one file, such as `https://example.org/my.iso`";
        r.tell(Rule::Value, url, error.to_string(), help);
    }
}

fn facts(fields: &ImageFields, r: &mut Resolver) -> Facts {
    let said = |r: &mut Resolver, name: &str, written: &Spanned<String>| {
        let origin = r.origin(written.span);
        r.note(&format!("image.{name}"), &written.value, origin);
    };
    let sha256 = fields.sha256.as_ref().and_then(|written| {
        said(r, "sha256", written);
        let digest = written.value.parse::<Digest>();
        let wrong = || Wrong::of(Rule::Value, "is no SHA-256", "64 hexadecimal digits");
        digest.map_err(|_| r.reject(written, wrong())).ok()
    });
    if let Some(volume_id) = &fields.volume_id {
        said(r, "volume_id", volume_id);
    }
    let size = fields.size.as_ref().map(|size| {
        let origin = r.origin(size.span);
        r.note("image.size", &size.value, origin);
        size.value
    });
    let mut first = Vec::new();
    for mirror in fields.mirrors.iter().flat_map(|mirrors| &mirrors.value.0) {
        said(r, "mirrors", mirror);
        let alone = Facts { mirrors: vec![mirror.value.clone()], ..Facts::default() };
        if Wanted::known(DEFAULT, alone).is_ok() {
            first.push(mirror.value.clone());
        } else {
            let help =
                "a base URL that holds a `7.9.2009` folder, such as `https://vault.centos.org`";
            r.reject(mirror, help);
        }
    }
    let signer = fields.key.as_ref().and_then(|key| signer(key, r));
    let volume_id = fields.volume_id.as_ref().map(|id| id.value.clone());
    Facts { sha256, size, volume_id, mirrors: Vec::new(), first, signer }
}

fn signer(key: &Spanned<TextFile>, r: &mut Resolver) -> Option<Signer> {
    let origin = r.origin(key.span);
    r.note("image.key", &key.value.name, origin);
    match Signer::from_file(&key.value.text) {
        Ok(signer) => Some(signer),
        Err(error) => {
            let help = "a public key as `gpg --armor --export` writes it";
            r.tell(Rule::Value, key, format!("`{}`: {error}", key.value.name), help);
            None
        }
    }
}
