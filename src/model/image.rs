//! The images that nodes are made from: the installation medium, and the cloud image.

use std::path::PathBuf;

use crate::base_image::known::{DEFAULT, DEFAULT_CLOUD, KNOWN, KnownImage};
use crate::base_image::{Facts, Signer, Wanted};
use crate::digest::Digest;
use crate::report::{Rule, did_you_mean};
use crate::spec::{ImageFields, Spanned, TextFile};

use super::settle::{Resolver, Wrong};

/// An image that a lab names.
#[derive(Clone, Debug)]
pub struct Image {
    /// Where it is from.
    pub source: ImageSource,
    /// What the lab says about it, over what is known.
    pub facts: Facts,
}

/// Where an image is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// A known one.
    Known(String),
    /// A file, as written: relative to the lab file.
    Path(PathBuf),
    /// A download.
    Url(String),
}

/// What an image is for.
pub(super) struct Purpose {
    /// The key that names it.
    pub key: &'static str,
    /// The known one that is taken where none is named.
    default: &'static str,
    /// Which of the known ones will do.
    fits: fn(&KnownImage) -> bool,
    /// How names of such files end.
    ending: &'static str,
    /// What a mirror of it is.
    mirror: &'static str,
}

/// What nodes are installed from.
pub(super) const MEDIUM: Purpose = Purpose {
    key: "image",
    default: DEFAULT,
    fits: |image| image.builds,
    ending: "iso",
    mirror: "a base URL that holds a `7.9.2009` folder, such as `https://vault.centos.org`",
};

/// What disks are made from.
pub(super) const CLOUD: Purpose = Purpose {
    key: "cloud_image",
    default: DEFAULT_CLOUD,
    fits: KnownImage::is_cloud,
    ending: "qcow2",
    mirror: "a base URL that holds the image, such as `https://cloud.centos.org/centos/7/images`",
};

pub(super) fn resolve(purpose: &Purpose, written: Option<&ImageFields>, r: &mut Resolver) -> Image {
    let none = ImageFields::default();
    let fields = written.unwrap_or(&none);
    let (source, shown) = match fields {
        ImageFields { path: Some(path), .. } => (ImageSource::Path((&path.value).into()), path),
        ImageFields { url: Some(url), .. } => {
            check_url(url, purpose, r);
            (ImageSource::Url(url.value.clone()), url)
        }
        ImageFields { name: Some(name), .. } => {
            check_name(name, purpose, r);
            (ImageSource::Known(name.value.clone()), name)
        }
        _ => {
            r.note(purpose.key, &purpose.default, super::Origin::BuiltIn);
            let source = ImageSource::Known(purpose.default.into());
            return Image { source, facts: facts(fields, purpose, r) };
        }
    };
    let origin = r.origin(shown.span);
    r.note(purpose.key, &shown.value, origin);
    Image { source, facts: facts(fields, purpose, r) }
}

fn check_name(name: &Spanned<String>, purpose: &Purpose, r: &mut Resolver) {
    if KNOWN.images.get(&name.value).is_some_and(purpose.fits) {
        return;
    }
    let fitting = KNOWN.images.iter().filter(|(_, image)| (purpose.fits)(image));
    let help = if name.value.contains(['/', '\\']) || name.value.ends_with(purpose.ending) {
        format!("a file is named by `{}: {{path: {}}}`", purpose.key, name.value)
    } else {
        did_you_mean(&name.value, fitting.map(|(name, _)| name.as_str()))
    };
    r.tell(Rule::Value, name, format!("unknown image `{}`", name.value), help);
}

fn check_url(url: &Spanned<String>, purpose: &Purpose, r: &mut Resolver) {
    if let Err(error) = Wanted::url(&url.value, Facts::default()) {
        let help =
            format!("a URL of one file, such as `https://example.org/my.{}`", purpose.ending);
        r.tell(Rule::Value, url, error.to_string(), help);
    }
}

fn facts(fields: &ImageFields, purpose: &Purpose, r: &mut Resolver) -> Facts {
    let said = |r: &mut Resolver, name: &str, written: &Spanned<String>| {
        let origin = r.origin(written.span);
        r.note(&format!("{}.{name}", purpose.key), &written.value, origin);
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
        r.note(&format!("{}.size", purpose.key), &size.value, origin);
        size.value
    });
    let mut first = Vec::new();
    for mirror in fields.mirrors.iter().flat_map(|mirrors| &mirrors.value.0) {
        said(r, "mirrors", mirror);
        let alone = Facts { mirrors: vec![mirror.value.clone()], ..Facts::default() };
        if Wanted::known(purpose.default, alone).is_ok() {
            first.push(mirror.value.clone());
        } else {
            r.reject(mirror, purpose.mirror);
        }
    }
    let signer = fields.key.as_ref().and_then(|key| signer(key, purpose, r));
    let volume_id = fields.volume_id.as_ref().map(|id| id.value.clone());
    Facts { sha256, size, volume_id, mirrors: Vec::new(), first, signer }
}

fn signer(key: &Spanned<TextFile>, purpose: &Purpose, r: &mut Resolver) -> Option<Signer> {
    let origin = r.origin(key.span);
    r.note(&format!("{}.key", purpose.key), &key.value.name, origin);
    match Signer::from_file(&key.value.text) {
        Ok(signer) => Some(signer),
        Err(error) => {
            let help = "a public key as `gpg --armor --export` writes it";
            r.tell(Rule::Value, key, format!("`{}`: {error}", key.value.name), help);
            None
        }
    }
}
