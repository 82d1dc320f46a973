//! From what was written to what it means: defaults, parsed values, references.

use std::fmt::Display;

use crate::report::{Findings, Span, did_you_mean};
use crate::spec::{
    AccessSpec, Entries, ImageSpec, InstallerSpec, LabSpec, OneOrMany, OpenStackSpec, Spanned,
};

use super::{
    Access, Image, Installer, Lab, Networking, Origin, RootLogin, Settled, machines, networks,
};

/// Settles values one by one: parses what was written or takes the default, and notes which it was.
pub(super) struct Resolver<'f> {
    pub findings: &'f mut Findings,
    pub origins: Vec<Settled>,
}

/// Why a written value cannot be used.
pub(super) struct Wrong {
    /// What it is, after the value; nothing where the help says it.
    why: Option<String>,
    /// What is allowed.
    help: String,
}

impl Wrong {
    pub(super) fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: Some(why.into()), help: help.into() }
    }
}

impl<T: Into<String>> From<T> for Wrong {
    fn from(help: T) -> Self {
        Self { why: None, help: help.into() }
    }
}

impl Resolver<'_> {
    /// The value that was written, or the default where none was, or where it cannot be used (then it was told).
    pub fn settle<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<&Spanned<String>>,
        default: T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> T {
        let Some(written) = written else {
            self.note(path, &default, Origin::Default);
            return default;
        };
        match parse(&written.value) {
            Ok(value) => {
                self.note(path, &value, Origin::File { line: written.span.line });
                value
            }
            Err(allowed) => {
                self.reject(written, allowed);
                default
            }
        }
    }

    /// Like [`Self::settle`] for a value that has no default.
    pub fn settle_optional<T: Display, E: Into<Wrong>>(
        &mut self,
        written: Option<&Spanned<String>>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let written = written?;
        match parse(&written.value) {
            Ok(value) => {
                self.note(&written.path, &value, Origin::File { line: written.span.line });
                Some(value)
            }
            Err(allowed) => {
                self.reject(written, allowed);
                None
            }
        }
    }

    /// A list: each item parsed, or the default where no list was written.
    pub fn settle_list<T: Display, E: Into<Wrong>>(
        &mut self,
        path: &str,
        written: Option<(Span, &[Spanned<String>])>,
        default: Vec<T>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some((span, written)) = written else {
            if !default.is_empty() {
                self.note(path, &joined(&default), Origin::Default);
            }
            return default;
        };
        let mut values = Vec::new();
        for item in written {
            match parse(&item.value) {
                Ok(value) => values.push(value),
                Err(allowed) => self.reject(item, allowed),
            }
        }
        self.note(path, &joined(&values), Origin::File { line: span.line });
        values
    }

    /// A number within bounds.
    pub fn settle_number(
        &mut self,
        path: &str,
        written: Option<&Spanned<u64>>,
        default: u16,
        bounds: std::ops::RangeInclusive<u16>,
    ) -> u16 {
        let Some(written) = written else {
            self.note(path, &default, Origin::Default);
            return default;
        };
        match u16::try_from(written.value) {
            Ok(value) if bounds.contains(&value) => {
                self.note(path, &value, Origin::File { line: written.span.line });
                value
            }
            _ => {
                let allowed = format!("a number from {} to {}", bounds.start(), bounds.end());
                self.findings.error(
                    &written.path,
                    written.span,
                    format!("`{}` cannot be used here", written.value),
                    allowed,
                );
                default
            }
        }
    }

    pub fn note(&mut self, path: &str, value: &impl Display, origin: Origin) {
        self.origins.push(Settled { path: path.to_owned(), value: value.to_string(), origin });
    }

    pub fn reject(&mut self, written: &Spanned<String>, wrong: impl Into<Wrong>) {
        let Wrong { why, help } = wrong.into();
        let why = why.as_deref().unwrap_or("cannot be used here");
        self.findings.error(
            &written.path,
            written.span,
            format!("`{}` {why}", written.value),
            help,
        );
    }
}

fn joined(values: &[impl Display]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What a lab file means, or nothing where it has errors; all of them are in `findings`.
pub fn resolve(spec: &LabSpec, findings: &mut Findings) -> Option<Lab> {
    let mut resolver = Resolver { findings, origins: Vec::new() };
    let r = &mut resolver;
    if let Some(version) = spec.version.as_ref().filter(|v| v.value != 1) {
        r.findings.error(
            &version.path,
            version.span,
            format!("version {} is not known here", version.value),
            "this trainyard reads version 1",
        );
    }
    let name = r.settle("name", spec.name.as_ref(), "train".to_owned(), |text| {
        word(text, 32, "_-").map_err(|allowed| format!("a lab's name is {allowed}"))
    });
    let image = image(spec.image.as_ref(), r);
    let mirrors = r.settle_list(
        "mirror",
        spec.mirror.as_ref().map(|m: &Spanned<OneOrMany<String>>| (m.span, m.value.0.as_slice())),
        vec![
            "http://vault.centos.org".to_owned(),
            "http://archive.kernel.org/centos-vault".to_owned(),
        ],
        mirror,
    );
    if mirrors.is_empty()
        && let Some(written) = &spec.mirror
    {
        r.findings.error(
            "mirror",
            written.span,
            "no mirror is left",
            "name at least one, or leave `mirror` out",
        );
    }
    let timezone = r.settle("timezone", spec.timezone.as_ref(), "Asia/Seoul".to_owned(), |text| {
        word(text, 64, "/_+-").map_err(|a| format!("{a}, such as `Asia/Seoul`"))
    });
    let language = r.settle("language", spec.language.as_ref(), "en_US.UTF-8".to_owned(), |text| {
        word(text, 32, "_.@-").map_err(|a| format!("{a}, such as `en_US.UTF-8`"))
    });
    let keyboard = r.settle("keyboard", spec.keyboard.as_ref(), "us".to_owned(), |text| {
        word(text, 32, "_-").map_err(|a| format!("{a}, such as `us`"))
    });
    let access = access(spec.access.as_ref(), r);
    let installer = installer(spec.installer.as_ref(), r);
    let (networking, services) = openstack(spec.openstack.as_ref(), r);
    let networks = networks::resolve(spec.networks.as_ref(), r);
    let time_servers = r.settle_list(
        "time.servers",
        spec.time
            .as_ref()
            .and_then(|t| t.value.servers.as_ref())
            .map(|s| (s.span, s.value.as_slice())),
        ["1.kr.pool.ntp.org", "0.asia.pool.ntp.org", "2.asia.pool.ntp.org"]
            .map(str::to_owned)
            .to_vec(),
        |text| word(text, 253, ".:-").map_err(|a| format!("{a}: a host name or an address")),
    );
    let nodes = machines::resolve(spec, &name, &networks, r);
    let origins = std::mem::take(&mut resolver.origins);
    if findings.errors() > 0 {
        return None;
    }
    Some(Lab {
        name,
        image,
        mirrors,
        timezone,
        language,
        keyboard,
        access,
        installer,
        networking,
        services,
        networks,
        time_servers,
        nodes,
        parameters: parameters(spec.parameters.as_ref()),
        settings: settings(spec.settings.as_ref()),
        origins,
    })
}

/// Letters, digits and a few more signs.
pub(super) fn word(text: &str, longest: usize, more: &str) -> Result<String, String> {
    let fits = (1..=longest).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        && !text.starts_with(['-', '.']);
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("1 to {longest} letters, digits and `{more}`"))
    }
}

fn mirror(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or("");
    let fits = !rest.is_empty()
        && !rest.starts_with('/')
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "._:/~-".contains(c));
    if fits {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("a base URL that holds a `7.9.2009` folder, such as `http://vault.centos.org`".into())
    }
}

fn image(spec: Option<&Spanned<ImageSpec>>, r: &mut Resolver) -> Image {
    let Some(written) = spec else {
        r.note("image", &ImageSpec::KNOWN[0], Origin::Default);
        return Image::Known(ImageSpec::KNOWN[0].to_owned());
    };
    if let Err((message, help)) = written.value.check() {
        r.findings.error(&written.path, written.span, message, help);
    }
    let (shown, image) = match &written.value {
        ImageSpec::Known(name) => (name.clone(), Image::Known(name.clone())),
        ImageSpec::Path(path) => (path.clone(), Image::Path(path.into())),
        ImageSpec::Url { url, sha256 } => {
            (url.clone(), Image::Url { url: url.clone(), sha256: sha256.to_ascii_lowercase() })
        }
    };
    r.note("image", &shown, Origin::File { line: written.span.line });
    image
}

fn access(spec: Option<&Spanned<AccessSpec>>, r: &mut Resolver) -> Access {
    let spec = spec.map(|s| &s.value);
    let authorized_keys = r.settle_list(
        "access.ssh_authorized_keys",
        spec.and_then(|s| s.ssh_authorized_keys.as_ref()).map(|k| (k.span, k.value.as_slice())),
        Vec::new(),
        public_key,
    );
    let root_login = r.settle(
        "access.root_login",
        spec.and_then(|s| s.root_login.as_ref()),
        Choice(RootLogin::Password, "password"),
        |text| {
            choose(
                text,
                &[
                    ("password", RootLogin::Password),
                    ("key", RootLogin::Key),
                    ("locked", RootLogin::Locked),
                ],
            )
        },
    );
    let user = r.settle_optional(spec.and_then(|s| s.user.as_ref()), |text| match word(text, 32, "_-") {
        Ok(name) if name != "root" && name == name.to_lowercase() && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') => Ok(name),
        _ => Err("an account other than root: 1 to 32 lower-case letters, digits and `_-`, a letter first"),
    });
    let way_in = match root_login.0 {
        RootLogin::Password => true,
        RootLogin::Key => !authorized_keys.is_empty(),
        RootLogin::Locked => user.is_some(),
    };
    if !way_in {
        let span = spec.and_then(|s| s.root_login.as_ref()).map_or(Span::default(), |v| v.span);
        r.findings.error("access.root_login", span, "nobody could log in to these nodes", "add a key to `access.ssh_authorized_keys`, name an `access.user`, or use `root_login: password`");
    }
    Access { authorized_keys, root_login: root_login.0, user }
}

/// One line as an `authorized_keys` file holds it: type, base64, comment.
fn public_key(text: &str) -> Result<String, String> {
    let allowed = || "a public key on one line, such as `ssh-ed25519 AAAA… me@host`".to_owned();
    let mut parts = text.split(' ');
    let (kind, data) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let known = [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    ];
    if text.contains("PRIVATE KEY") {
        return Err(
            "this is a private key: put the public one here (its file ends in `.pub`)".into()
        );
    }
    let printable = text.chars().all(|c| !c.is_control() && c != '"');
    let base64 = data.len() >= 40
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && data.starts_with("AAAA");
    if known.contains(&kind) && base64 && printable {
        Ok(text.trim_end().to_owned())
    } else {
        Err(allowed())
    }
}

fn installer(spec: Option<&Spanned<InstallerSpec>>, r: &mut Resolver) -> Installer {
    let spec = spec.map(|s| &s.value);
    Installer {
        // Zero would mean "wait for ever" to ISOLINUX and "at once" to GRUB.
        boot_timeout: r.settle_number(
            "installer.boot_timeout",
            spec.and_then(|s| s.boot_timeout.as_ref()),
            5,
            1..=600,
        ),
        boot_arguments: r.settle_list(
            "installer.boot_arguments",
            spec.and_then(|s| s.boot_arguments.as_ref()).map(|a| (a.span, a.value.as_slice())),
            Vec::new(),
            |text| {
                let fits = !text.is_empty()
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@+,=-\\".contains(c));
                if fits {
                    Ok(text.to_owned())
                } else {
                    Err("one kernel argument, such as `console=ttyS0,115200n8`")
                }
            },
        ),
        disk: r.settle(
            "installer.disk",
            spec.and_then(|s| s.disk.as_ref()),
            "sda".to_owned(),
            |text| {
                word(text.trim_start_matches("/dev/"), 32, "_-")
                    .map_err(|a| format!("a disk's name ({a}), such as `sda` or `vda`"))
            },
        ),
    }
}

fn openstack(
    spec: Option<&Spanned<OpenStackSpec>>,
    r: &mut Resolver,
) -> (Networking, Option<Vec<Spanned<String>>>) {
    let spec = spec.map(|s| &s.value);
    r.settle(
        "openstack.release",
        spec.and_then(|s| s.release.as_ref()),
        Choice((), "train"),
        |text| choose(text, &[("train", ())]),
    );
    let networking = r.settle(
        "openstack.networking",
        spec.and_then(|s| s.networking.as_ref()),
        Choice(Networking::SelfService, "self-service"),
        |text| {
            choose(
                text,
                &[("self-service", Networking::SelfService), ("provider", Networking::Provider)],
            )
        },
    );
    (networking.0, spec.and_then(|s| s.services.as_ref()).map(|s| s.value.clone()))
}

/// A value that has a name in the lab file.
#[derive(Clone, Copy)]
pub(super) struct Choice<T>(pub T, &'static str);

impl<T> Display for Choice<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.1)
    }
}

impl<T> Choice<T> {
    pub(super) const fn new(value: T, name: &'static str) -> Self {
        Self(value, name)
    }
}

/// The value of that name.
pub(super) fn choose<T: Copy>(
    text: &str,
    choices: &[(&'static str, T)],
) -> Result<Choice<T>, String> {
    match choices.iter().find(|(name, _)| *name == text) {
        Some((name, value)) => Ok(Choice(*value, name)),
        None => Err(did_you_mean(text, choices.iter().map(|(name, _)| *name))),
    }
}

type Nested = Spanned<Entries<Entries<String>>>;

fn parameters(spec: Option<&Nested>) -> Vec<(Spanned<String>, Spanned<String>, Spanned<String>)> {
    let mut parameters = Vec::new();
    for stage in spec.iter().flat_map(|s| &s.value.0) {
        for parameter in &stage.value.0 {
            let value = Spanned { value: parameter.value.clone(), ..parameter.name.clone() };
            parameters.push((stage.name.clone(), parameter.name.clone(), value));
        }
    }
    parameters
}

fn settings(
    spec: Option<&Spanned<Entries<Entries<Entries<String>>>>>,
) -> Vec<(Spanned<String>, String, String, Spanned<String>)> {
    let mut settings = Vec::new();
    for file in spec.iter().flat_map(|s| &s.value.0) {
        for section in &file.value.0 {
            for option in &section.value.0 {
                let value = Spanned { value: option.value.clone(), ..option.name.clone() };
                settings.push((
                    file.name.clone(),
                    section.name.value.clone(),
                    option.name.value.clone(),
                    value,
                ));
            }
        }
    }
    settings
}
