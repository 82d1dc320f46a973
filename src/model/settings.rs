//! What a node has of the keys that a lab, a role and a node may each say.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::report::{Rule, Sources, did_you_mean};
use crate::spec::{
    Added, Entries, Folder, IniOption, IniOptions, InstallerSpec, OneOrMany, SettingsSpec, Spanned,
};
use crate::template::quote::is_plain_word;

use super::settle::{Resolver, Wrong};
use super::{
    Access, Hardware, Installer, ParameterValue, Places, RootLogin, Settings, Storage, Templates,
    access, arguments, custom, el7, file_places, hardware, kernel_arguments, machine, names,
    storage, train,
};

/// Settings that several nodes share are resolved once.
#[derive(Default)]
pub(super) struct Resolved {
    /// Options that every node has, before those of its own.
    config: Vec<IniOption>,
    known: IndexMap<*const SettingsSpec, Arc<Settings>>,
    /// The sets of templates in them: reading a set costs more than what most nodes say of their own.
    templates: Vec<Arc<Templates>>,
}

impl Resolved {
    /// None so far. `config` is what `openstack.config` says.
    pub fn new(config: Option<&Spanned<IniOptions>>, r: &mut Resolver) -> Self {
        Self { config: config_of(config, r), ..Self::default() }
    }

    /// All of them, of the lab, its roles and its nodes.
    pub fn all(self) -> Vec<Arc<Settings>> {
        self.known.into_values().collect()
    }

    pub fn of(&mut self, spec: &Arc<SettingsSpec>, r: &mut Resolver) -> Arc<Settings> {
        let known = self.known.entry(Arc::as_ptr(spec));
        let new = || {
            let mut settings = resolve(spec, &self.config, r);
            match self.templates.iter().find(|known| **known == settings.templates) {
                Some(known) => settings.templates = Arc::clone(known),
                None => self.templates.push(Arc::clone(&settings.templates)),
            }
            Arc::new(settings)
        };
        known.or_insert_with(new).clone()
    }
}

/// Resolves everything, so that one mistake hides no other: something stands in for what cannot be used.
fn resolve(spec: &SettingsSpec, config: &[IniOption], r: &mut Resolver) -> Settings {
    let before = std::mem::take(&mut r.origins);
    let hardware = hardware::resolve(spec, r);
    let machine = machine::resolve(spec.machine.as_ref(), r);
    let storage = storage::resolve(spec.storage.as_ref(), r);
    let mirrors = mirrors(spec.mirror.as_ref(), r);
    let package_cache = package_cache(spec.package_cache.as_ref(), r);
    let timezone = r.settle("timezone", spec.timezone.as_ref(), el7::timezone);
    let language = r.settle("language", spec.language.as_ref(), el7::language);
    let keyboard = r.settle("keyboard", spec.keyboard.as_ref(), el7::keyboard);
    let access = access::resolve(spec.access.as_ref(), r);
    let installer = installer(spec.installer.as_ref(), r);
    let names = names::resolve(spec, r);
    let custom = custom::resolve(spec, access.as_ref(), r);
    if let Some(storage) = &storage {
        file_places::tell_mounts(&custom.files, storage, r);
        kernel_arguments::tell_lvm(&custom.kernel.arguments, spec, storage, r);
    }
    let templates = templates(spec.templates.as_ref(), r);
    let parameters = parameters(spec.parameters.as_ref(), r);
    let options = config.iter().cloned().chain(options(spec.settings.as_ref(), r)).collect();
    let settled = std::mem::replace(&mut r.origins, before);
    Settings {
        is_sized: hardware.is_some() && storage.is_some(),
        hardware: hardware.unwrap_or(Hardware { cpus: 1, memory_mib: 1, disk_mib: 1 }),
        machine,
        storage: storage.unwrap_or_else(Storage::stand_in),
        places: places(spec),
        mirrors,
        package_cache,
        timezone: timezone.unwrap_or_default(),
        language: language.unwrap_or_default(),
        keyboard: keyboard.unwrap_or_default(),
        access: access.unwrap_or(Access {
            authorized_keys: Vec::new(),
            root_login: RootLogin::Password,
            user: None,
        }),
        installer: installer.unwrap_or(Installer {
            boot_timeout: 1,
            boot_arguments: Vec::new(),
            boot_arguments_removed: Vec::new(),
        }),
        names,
        custom,
        templates: Arc::new(templates),
        parameters,
        options,
        settled,
    }
}

fn places(spec: &SettingsSpec) -> Places {
    let place = |written: Option<&Spanned<String>>| {
        let written = written.filter(|w| w.span.file != Sources::BUILT_IN)?;
        Some(Spanned { span: written.span, path: written.path.clone(), value: () })
    };
    let root = spec.storage.as_ref().and_then(|s| s.value.root.as_ref());
    Places { memory: place(spec.memory.as_ref()), root: place(root) }
}

fn mirrors(written: Option<&Spanned<OneOrMany<String>>>, r: &mut Resolver) -> Vec<String> {
    let items = written.map(|m| (m.span, m.value.0.as_slice()));
    let mirrors = r.settle_list("mirror", items, mirror);
    if let Some(written) = written.filter(|m| m.value.0.is_empty()) {
        let help = "name at least one, or leave `mirror` out";
        r.tell(Rule::Value, written, "no mirror is left", help);
    }
    for item in items.iter().flat_map(|(_, items)| *items) {
        super::repositories::has_credentials("mirror", item, r);
        if item.value.starts_with("https://") {
            let message = format!("CentOS 7.9 may not know the certificate of `{}`", item.value);
            let help = "its own certificates are of 2020; `http` serves as well, because packages are signed";
            r.tell(Rule::HttpsMirror, item, message, help);
        }
    }
    mirrors
}

fn package_cache(written: Option<&Spanned<String>>, r: &mut Resolver) -> Option<String> {
    let Some(written) = written else {
        r.note("package_cache", &"none", super::Origin::BuiltIn);
        return None;
    };
    if super::repositories::has_credentials("package_cache", written, r) {
        return None;
    }
    let server = |url: &str| super::repositories::plain_server(url, "http://10.0.0.1:8080");
    r.settle("package_cache", Some(written), server)
}

fn mirror(text: &str) -> Result<String, Wrong> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or("");
    // At a comma, yum would begin another URL.
    let fits = is_plain_word(rest) && !rest.starts_with('/') && !rest.contains(',');
    if !fits {
        let help = "a base URL that holds a `7.9.2009` folder, such as `http://vault.centos.org`";
        return Err(Wrong::from(help));
    }
    let text = text.trim_end_matches('/');
    if let Some(base) = above_release(text) {
        let help = format!(
            "the base URL above them, to which `7.9.2009/os/x86_64` and the like are added: `{base}`"
        );
        return Err(Wrong::new("leads into the release's own folders", help));
    }
    Ok(text.to_owned())
}

/// What stands before the folder of the release, where a URL leads into it. A mirror's link to it is called `7`.
fn above_release(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let of_release = |step: &str| step == "7.9.2009" || step == "7" && url.ends_with("/os/x86_64");
    let mut at = scheme.len() + "://".len();
    for (i, step) in rest.split('/').enumerate() {
        if i > 0 && of_release(step) {
            return Some(url[..at].trim_end_matches('/'));
        }
        at += step.len() + 1;
    }
    None
}

fn installer(spec: Option<&Spanned<InstallerSpec>>, r: &mut Resolver) -> Option<Installer> {
    let spec = spec.map(|s| &s.value);
    // Zero would mean "wait for ever" to ISOLINUX and "at once" to GRUB.
    let boot_timeout = r.settle_number(
        "installer.boot_timeout",
        spec.and_then(|s| s.boot_timeout.as_ref()),
        1..=600,
    );
    let arguments::Kernel { arguments, remove } = arguments::of_the_installer(spec, r);
    Some(Installer {
        boot_timeout: boot_timeout?,
        boot_arguments: arguments,
        boot_arguments_removed: remove,
    })
}

/// The files of all folders; one of a later folder counts before one of an earlier.
fn templates(written: Option<&Spanned<Added<Folder>>>, r: &mut Resolver) -> Templates {
    let mut templates = Templates::new();
    for folder in written.iter().flat_map(|t| &t.value.0) {
        let origin = r.origin(folder.span);
        r.note("templates", &folder.value.name, origin);
        templates.extend(folder.value.files.clone());
    }
    templates
}

fn parameters(
    spec: Option<&Spanned<Entries<Entries<String>>>>,
    r: &mut Resolver,
) -> Vec<ParameterValue> {
    let mut parameters = Vec::new();
    for stage in spec.iter().flat_map(|s| &s.value.0) {
        for parameter in &stage.value.0 {
            parameters.push(ParameterValue {
                stage: stage.name.clone(),
                name: parameter.name.clone(),
                value: parameter.value.clone(),
                origin: r.origin(parameter.name.span),
            });
        }
    }
    parameters
}

fn options(spec: Option<&Spanned<IniOptions>>, r: &mut Resolver) -> Vec<IniOption> {
    let options: Vec<IniOption> = spec.iter().flat_map(|s| s.value.options()).collect();
    for IniOption { file, section, name, value } in &options {
        let origin = r.origin(name.span);
        let path = format!("settings.{}.{}.{}", file.value, section.value, name.value);
        r.note(&path, &value.value, origin);
    }
    options
}

/// What `openstack.config` says, with the paths of the files that it names.
fn config_of(spec: Option<&Spanned<IniOptions>>, r: &mut Resolver) -> Vec<IniOption> {
    let name = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
    let mut options = Vec::new();
    for file in spec.iter().flat_map(|s| &s.value.0) {
        if !train::paths().any(|path| name(path) == file.name.value) {
            let message = format!("`{}` is no configuration file of OpenStack's", file.name.value);
            let help = did_you_mean(&file.name.value, train::paths().map(name).collect::<Vec<_>>());
            r.tell(Rule::UnknownSettingsFile, &file.name, message, help);
        }
    }
    for mut option in spec.iter().flat_map(|s| s.value.options()) {
        let IniOption { file, section, name: key, value } = &mut option;
        let Some(path) = train::paths().find(|path| name(path) == file.value) else { continue };
        let origin = r.origin(key.span);
        let at = format!("openstack.config.{}.{}.{}", file.value, section.value, key.value);
        r.note(&at, &value.value, origin);
        path.clone_into(&mut file.value);
        options.push(option);
    }
    options
}
