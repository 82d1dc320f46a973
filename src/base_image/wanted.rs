//! What the person wants: a known image or a URL, and what is said about it.

use reqwest::Url;

use super::known::KNOWN;
use super::signed::LIST;
use super::{Evidence, FetchError, Signer, shown};
use crate::digest::Digest;
use crate::report::did_you_mean;

/// What a lab file or a command line says about an image, over what is known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Its digest.
    pub sha256: Option<Digest>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its ISO 9660 volume id.
    pub volume_id: Option<String>,
    /// Base URLs that are asked instead of those that are known.
    pub mirrors: Vec<String>,
    /// Base URLs that are asked before all others.
    pub first: Vec<String>,
    /// Who signed the list beside it.
    pub signer: Option<Signer>,
}

/// The longest file name, in bytes; a record's is longer, and file systems end at 255.
const LONGEST_NAME: usize = 200;

/// What no file's name may hold on Windows; `:` names a stream of a file there. A cache may lie on a disk that both read.
const NOT_IN_NAMES: &str = "/\\:*?\"<>|";

/// An image to be brought.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its file name.
    pub file: String,
    /// Where it is, in the order in which they are asked.
    pub urls: Vec<Url>,
    /// Its digest, and where that is from.
    pub sha256: Option<(Digest, Evidence)>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its ISO 9660 volume id.
    pub volume_id: Option<String>,
    /// Who signed the list beside it.
    pub signer: Option<Signer>,
}

impl Wanted {
    /// An image that has a name.
    ///
    /// # Errors
    /// There is none of that name, or a mirror is no URL.
    pub fn known(name: &str, facts: Facts) -> Result<Self, FetchError> {
        let Some(image) = KNOWN.images.get(name) else {
            let help = if name.contains("://") {
                "a URL is brought by `--url URL`".to_owned()
            } else {
                did_you_mean(name, KNOWN.images.keys().map(String::as_str))
            };
            let name = shown_text(name);
            return Err(FetchError::Unknown { name, help });
        };
        let bases =
            if facts.mirrors.is_empty() { &KNOWN.mirrors[&image.tree] } else { &facts.mirrors };
        let mut urls: Vec<Url> = Vec::new();
        for base in facts.first.iter().chain(bases) {
            let url = below(base, &image.path)?;
            if !urls.contains(&url) {
                urls.push(url);
            }
        }
        // Another digest is another file: what is known of this one says nothing about it.
        let other = facts.sha256.is_some_and(|given| Some(given) != image.sha256);
        let sha256 = match facts.sha256 {
            Some(given) if other => Some((given, Evidence::Given)),
            _ => image.sha256.map(|known| (known, Evidence::Pinned)),
        };
        Ok(Self {
            file: image.file().to_owned(),
            urls,
            sha256,
            size: facts.size.or(image.size.filter(|_| !other)),
            volume_id: facts.volume_id.or_else(|| image.volume_id.clone().filter(|_| !other)),
            signer: facts.signer.or_else(|| image.signer()),
        })
    }

    /// Any file.
    ///
    /// # Errors
    /// It is no URL of a file.
    pub fn url(text: &str, facts: Facts) -> Result<Self, FetchError> {
        let url = url(text)?;
        let file = url.path_segments().and_then(Iterator::last).unwrap_or_default();
        let file = percent_encoding::percent_decode_str(file).decode_utf8_lossy().into_owned();
        if !Self::is_name(&file) {
            let message = format!(
                "`{}` names no file that can be kept: its last part is a name of 1 to {LONGEST_NAME} bytes that does not begin with `.`, without control characters and `{NOT_IN_NAMES}`",
                shown(&url)
            );
            return Err(FetchError::Facts(message));
        }
        Ok(Self {
            file,
            urls: vec![url],
            sha256: facts.sha256.map(|given| (given, Evidence::Given)),
            size: facts.size,
            volume_id: facts.volume_id,
            signer: facts.signer.or_else(|| Signer::built_in("centos-7")),
        })
    }

    /// Whether a file can be kept under this name.
    pub(crate) fn is_name(file: &str) -> bool {
        let fits = !file.is_empty() && !file.starts_with('.') && file.len() <= LONGEST_NAME;
        fits && !file.contains(|c: char| NOT_IN_NAMES.contains(c) || c.is_control())
    }

    /// The lists of digests beside the image.
    pub(super) fn lists(&self) -> impl Iterator<Item = Url> {
        self.urls.iter().filter_map(|url| url.join(LIST).ok())
    }
}

/// A file of a mirror.
fn below(base: &str, path: &str) -> Result<Url, FetchError> {
    let base = url(base)?;
    if base.query().is_some() || base.fragment().is_some() {
        let message =
            format!("`{}` is no base URL of a mirror: it ends with a query", shown(&base));
        return Err(FetchError::Facts(message));
    }
    url(&format!("{}/{path}", base.as_str().trim_end_matches('/')))
}

/// What may be no URL, shown as one: without what it may say of a person. A password with a `/` in it makes it none.
fn shown_text(text: &str) -> String {
    let text = text.split_once('?').map_or_else(|| text.into(), |(path, _)| format!("{path}?…"));
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => text,
    }
}

fn url(text: &str) -> Result<Url, FetchError> {
    let wrong = |why: String| {
        FetchError::Facts(format!("`{}` is no URL of a mirror: {why}", shown_text(text)))
    };
    let url: Url = text.parse().map_err(|e: url::ParseError| wrong(e.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(wrong("it begins with neither `http://` nor `https://`".into()));
    }
    Ok(url)
}
