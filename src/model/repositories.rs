//! Package repositories of one's own, and the proxy that they and others are reached through.

use crate::report::Rule;
use crate::spec::{Entries, Entry, ProxySpec, RepositorySpec, SigningKey, Spanned};
use crate::template::quote::is_plain_word;

use super::Origin;
use super::files::writable;
use super::settle::{Resolver, Wrong, word};

/// A web proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// `http://HOST:PORT`.
    pub url: String,
    /// Hosts and domains that are reached without it.
    pub without: Vec<String>,
}

/// A package repository.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Where it is.
    pub baseurls: Vec<String>,
    /// What its packages are signed with; nothing where they are not checked.
    pub key: Option<PackageKey>,
    /// Whether yum uses it.
    pub enabled: bool,
}

/// A key that packages are signed with.
#[derive(Clone, Debug)]
pub enum PackageKey {
    /// The key itself.
    Text(String),
    /// The `file://` URL of one that the node has.
    OnNode(String),
}

/// The repositories that every node has, and what yum's configuration takes for its own.
pub const PINNED: [&str; 8] = [
    "main",
    "base",
    "updates",
    "extras",
    "centos-openstack-train",
    "centos-ceph-nautilus",
    "centos-nfs-ganesha28",
    "centos-qemu-ev",
];

pub(super) fn resolve(
    spec: Option<&Spanned<Entries<RepositorySpec>>>,
    r: &mut Resolver,
) -> Vec<Repository> {
    let mut repositories = Vec::new();
    for Entry { name: id, value } in spec.iter().flat_map(|s| &s.value.0) {
        repositories.extend(one(id, value, r));
    }
    repositories
}

fn one(id: &Spanned<String>, spec: &RepositorySpec, r: &mut Resolver) -> Option<Repository> {
    let key = |key: &str| format!("repositories.{}.{key}", id.value);
    let checked = repository_id(&id.value);
    let known = checked.is_ok();
    if let Err(wrong) = checked {
        r.reject(id, wrong);
    }
    let name = match &spec.name {
        Some(written) => r.settle(&key("name"), Some(written), title),
        None => Some(id.value.clone()),
    };
    let urls = spec.baseurl.as_ref().map(|urls| (urls.span, urls.value.0.as_slice()));
    // Of one that needs another id, nothing is missing.
    if known && urls.is_none_or(|(_, urls)| urls.is_empty()) {
        let message = format!("the repository `{}` has no `baseurl`", id.value);
        r.tell(Rule::Value, id, message, "at least one URL of a folder that holds `repodata`");
    }
    for url in urls.iter().flat_map(|(_, urls)| urls.iter()) {
        if has_credentials(&key("baseurl"), url, r) {
            return None;
        }
    }
    let baseurls = r.settle_list(&key("baseurl"), urls, base_url);
    let enabled = spec.enabled.as_ref().is_none_or(|enabled| enabled.value);
    r.note_flag(&key("enabled"), enabled, spec.enabled.as_ref());
    let says_key = spec.gpgkey.is_some() || spec.gpgcheck.is_some();
    let gpgkey = if known || says_key { signing_key(id, spec, r) } else { None };
    // What the node gets, which a key alone decides.
    r.note_flag(&key("gpgcheck"), gpgkey.is_some(), spec.gpgcheck.as_ref());
    let name = name?;
    known.then(|| Repository { id: id.value.clone(), name, baseurls, key: gpgkey, enabled })
}

fn repository_id(text: &str) -> Result<String, Wrong> {
    let id = word(text, 64, "._-").map_err(|a| Wrong::from(format!("a repository's id: {a}")))?;
    if PINNED.contains(&text) {
        let help = format!("another id than {}", PINNED.map(|id| format!("`{id}`")).join(", "));
        return Err(Wrong::of(
            Rule::RepositoryTaken,
            "is the id of a repository that every node has",
            help,
        ));
    }
    Ok(id)
}

/// A name on one line. yum's parser cuts off what follows ` ;`, and blanks at both ends.
fn title(text: &str) -> Result<String, Wrong> {
    if let Err((why, help)) = writable(text) {
        return Err(Wrong::of(Rule::Unwritable, why, help));
    }
    let fits = !text.is_empty()
        && text.chars().count() <= 120
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || c == ';');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Wrong::from(
            "1 to 120 characters on one line, without `;` and without blanks at the ends",
        ))
    }
}

fn base_url(text: &str) -> Result<String, Wrong> {
    let rest = ["http://", "https://", "ftp://", "file:///"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or_default();
    // `$basearch` and the like are yum's to replace; at a comma it would begin another URL.
    if is_plain_word(&rest.replace('$', "")) && !rest.starts_with('/') && !rest.contains(',') {
        Ok(text.to_owned())
    } else {
        Err(Wrong::from(
            "the URL of a folder that holds `repodata`, such as `http://packages.example.org/el7/$basearch/`",
        ))
    }
}

/// Whether a URL that everyone on the node may read holds a name or a password; that is told without showing it.
pub(super) fn has_credentials(path: &str, written: &Spanned<String>, r: &mut Resolver) -> bool {
    let rest = written.value.split_once("://").map_or(&*written.value, |(_, rest)| rest);
    let found = rest.split('/').next().is_some_and(|host| host.contains('@'));
    if found {
        let message = format!(
            "`{path}` holds a name or a password, which every account on the node could read"
        );
        let help =
            "a URL without `NAME:PASSWORD@`; let the server know the nodes by their addresses";
        r.tell(Rule::Credentials, written, message, help);
    }
    found
}

/// Nothing where its packages are not checked.
fn signing_key(
    id: &Spanned<String>,
    spec: &RepositorySpec,
    r: &mut Resolver,
) -> Option<PackageKey> {
    if let Some(unchecked) = spec.gpgcheck.as_ref().filter(|check| !check.value) {
        let message = format!("packages of `{}` are installed unchecked", id.value);
        let help = "whoever is between the node and the repository can become root there; sign the packages, and name the key with `gpgkey`";
        r.tell(Rule::UnsignedRepository, unchecked, message, help);
        return None;
    }
    let Some(written) = &spec.gpgkey else {
        // It may be one that cannot be read.
        if r.findings.has_told(&format!("{}.gpgkey", id.path)) {
            return None;
        }
        let message = format!("the repository `{}` has no `gpgkey`", id.value);
        let help = "a file beside the lab file with the key that its packages are signed with, or `gpgcheck: no` to install them unchecked";
        r.tell(Rule::RepositoryKey, id, message, help);
        return None;
    };
    let (shown, key) = match &written.value {
        SigningKey::File(file) => (file.name.clone(), PackageKey::Text(file.text.to_string())),
        SigningKey::Url(url) => (url.clone(), PackageKey::OnNode(url.clone())),
    };
    let wrong = match &key {
        PackageKey::Text(text) if text.contains("PRIVATE KEY BLOCK") => {
            Some("this is a private key: export the public one (`gpg --export --armor`)")
        }
        PackageKey::Text(text) => {
            let is_key =
                text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") && writable(text).is_ok();
            (!is_key).then_some("a file with `-----BEGIN PGP PUBLIC KEY BLOCK-----`, as `gpg --export --armor` writes it")
        }
        PackageKey::OnNode(url) => {
            let path =
                url.strip_prefix("file:///").is_some_and(|p| is_plain_word(p) && !p.contains(','));
            (!path).then_some("a file beside the lab file, or `file:///…` for one that the node has: fetch the key once, compare its fingerprint with the one that its owner tells, and put it beside the lab file")
        }
    };
    if let Some(help) = wrong {
        r.tell(Rule::RepositoryKey, written, format!("`{shown}` cannot be used as a key"), help);
        return None;
    }
    let origin = r.origin(written.span);
    r.note(&format!("repositories.{}.gpgkey", id.value), &shown, origin);
    Some(key)
}

pub(super) fn proxy(spec: Option<&Spanned<ProxySpec>>, r: &mut Resolver) -> Option<Proxy> {
    let Some(spec) = spec else {
        r.note("proxy.url", &"none", Origin::BuiltIn);
        return None;
    };
    let without = spec.value.no_proxy.as_ref().map(|a| a.value.0.as_slice());
    let without = r.settle_added("proxy.no_proxy", without, |text| {
        word(text.trim_start_matches('.'), 253, ".-:")
            .map(|_| text.to_owned())
            .map_err(|_| "a host, an address or a domain, such as `.example.org`")
    });
    if spec.value.url.is_none() {
        let help = "for example `proxy: {url: http://proxy.example.org:3128}`";
        r.tell(Rule::Value, spec, "the proxy has no `url`", help);
    }
    let url = spec.value.url.as_ref()?;
    if has_credentials("proxy.url", url, r) {
        return None;
    }
    let url =
        r.settle("proxy.url", Some(url), |url| plain_server(url, "http://proxy.example.org:3128"))?;
    Some(Proxy { url, without })
}

/// A server without TLS: `http://HOST:PORT`, such as the example.
pub(super) fn plain_server(text: &str, example: &str) -> Result<String, Wrong> {
    let rest = text.strip_prefix("http://").unwrap_or_default();
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').unwrap_or_default();
    let fits = word(host, 253, ".-").is_ok() && port.parse::<u16>().is_ok_and(|port| port > 0);
    if fits {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(Wrong::from(format!("`http://HOST:PORT`, such as `{example}`")))
    }
}
