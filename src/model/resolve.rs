//! From what was written to what it means: defaults, parsed values, references.

use crate::report::Findings;
use crate::spec::{Entries, ImageSpec, InstallerSpec, LabSpec, OneOrMany, OpenStackSpec, Spanned};
use crate::template::quote::is_plain_word;

use super::settle::{Choice, Resolver, Wrong, choose, word};
use super::{Image, Installer, Lab, Networking, Origin, access, el7, machines, networks};

/// What a lab file means. Where `findings` has errors after it, it is good for nothing but finding more.
pub fn resolve(spec: &LabSpec, findings: &mut Findings) -> Lab {
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
    let origin =
        spec.version.as_ref().map_or(Origin::Default, |v| Origin::File { line: v.span.line });
    r.note("version", &1, origin);
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
    let timezone =
        r.settle("timezone", spec.timezone.as_ref(), "Asia/Seoul".to_owned(), el7::timezone);
    let language =
        r.settle("language", spec.language.as_ref(), "en_US.UTF-8".to_owned(), el7::language);
    let keyboard = r.settle("keyboard", spec.keyboard.as_ref(), "us".to_owned(), el7::keyboard);
    let access = access::resolve(spec.access.as_ref(), r);
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
    if let Some(written) = spec
        .time
        .as_ref()
        .and_then(|t| t.value.servers.as_ref())
        .filter(|_| time_servers.is_empty())
    {
        r.findings.error(
            "time.servers",
            written.span,
            "no time server is left",
            "name at least one, or leave `time.servers` out",
        );
    }
    let nodes = machines::resolve(spec, &name, &networks, r);
    let origins = std::mem::take(&mut resolver.origins);
    Lab {
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
    }
}

fn mirror(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or("");
    let fits = !rest.is_empty() && !rest.starts_with('/') && is_plain_word(rest);
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

/// Arguments (without `inst.`) that say where the installer and its kickstart are, or make it something else.
const RESERVED: [&str; 9] =
    ["ks", "stage2", "repo", "nosave", "initrd", "rescue", "ks.sendmac", "ks.sendsn", "BOOT_IMAGE"];

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
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@+,=-".contains(c));
                let name = text.split('=').next().unwrap_or(text);
                if !fits {
                    return Err(Wrong::from(
                        "one kernel argument, such as `console=ttyS0,115200n8`",
                    ));
                }
                if RESERVED.contains(&name.trim_start_matches("inst.")) {
                    return Err(Wrong::new(
                        "is trainyard's to say",
                        "leave it out: the menu entry has it, or must not",
                    ));
                }
                Ok(text.to_owned())
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
        Choice::new((), "train"),
        |text| choose(text, &[("train", ())]),
    );
    let networking = r.settle(
        "openstack.networking",
        spec.and_then(|s| s.networking.as_ref()),
        Choice::new(Networking::SelfService, "self-service"),
        |text| {
            choose(
                text,
                &[("self-service", Networking::SelfService), ("provider", Networking::Provider)],
            )
        },
    );
    let services = spec.and_then(|s| s.services.as_ref());
    let names = services
        .map(|s| s.value.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", "));
    let origin = services.map_or(Origin::Default, |s| Origin::File { line: s.span.line });
    r.note("openstack.services", &names.as_deref().unwrap_or("every one there is"), origin);
    (networking.0, services.map(|s| s.value.clone()))
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
