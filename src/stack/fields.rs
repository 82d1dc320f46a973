//! From what a `stage.yaml` says to what a stage is: what is left out has its default here.

use indexmap::IndexMap;

use super::stage::{
    Database, FileSpec, Identity, IdentityService, IdentityUser, Need, Opening, Ownership,
    Parameter, StageSpec, Template, When,
};
use crate::spec::{
    DatabaseFields, Entries, IdentityFields, IdentityServiceFields, IdentityUserFields, NeedFields,
    OwnershipFields, Protocol, Spanned, StageFields, StageFileFields, StageOpeningFields,
    WhenFields,
};

impl From<&StageFields> for StageSpec {
    fn from(fields: &StageFields) -> Self {
        let f = fields;
        let when = |when: &WhenFields| When {
            networking: when.networking.as_ref().map(|n| n.value),
            service: when.service.as_ref().map(|s| s.value.clone()),
            role: when.role.as_ref().map(|r| r.value.value.clone()),
            tls: when.tls.as_ref().map(|tls| tls.value),
        };
        let memory = f.memory.as_ref().map_or(0, |memory| memory.value);
        let time_limit = f.time_limit.as_ref().map_or(1800, |limit| limit.value);
        Self {
            summary: text(f.summary.as_ref()),
            roles: f.roles.as_ref().map(|roles| values(&roles.value)),
            except: list(f.except.as_ref()),
            when: f.when.as_ref().map(|w| when(&w.value)).unwrap_or_default(),
            requires: list(f.requires.as_ref()),
            after: list(f.after.as_ref()),
            needs: needs(f),
            custom: f.custom.as_ref().map(|part| part.value),
            packages: list(f.packages.as_ref()),
            parameters: parameters(f),
            secrets: list(f.secrets.as_ref()),
            settings: f.settings.iter().flat_map(|s| s.value.options()).collect(),
            ini: ini(f),
            files: items(f.files.as_ref()).map(file).collect(),
            services: list(f.services.as_ref()),
            firewall: openings(f),
            databases: databases(f),
            identity: f.identity.as_ref().map(|i| identity(&i.value)),
            memory,
            time_limit: u32::try_from(time_limit).unwrap_or(0),
        }
    }
}

fn text(written: Option<&Spanned<String>>) -> String {
    written.map(|w| w.value.clone()).unwrap_or_default()
}

fn values(items: &[Spanned<String>]) -> Vec<String> {
    items.iter().map(|item| item.value.clone()).collect()
}

fn list(written: Option<&Spanned<Vec<Spanned<String>>>>) -> Vec<String> {
    written.map(|w| values(&w.value)).unwrap_or_default()
}

/// The items of a list that may be left out.
pub(super) fn items<T>(
    written: Option<&Spanned<Vec<Spanned<T>>>>,
) -> impl Iterator<Item = &Spanned<T>> {
    written.into_iter().flat_map(|w| &w.value)
}

/// The entries of a mapping that may be left out.
pub(super) fn entries<T>(
    written: Option<&Spanned<Entries<T>>>,
) -> impl Iterator<Item = (&Spanned<String>, &T)> {
    written.into_iter().flat_map(|w| &w.value.0).map(|entry| (&entry.name, &entry.value))
}

fn needs(fields: &StageFields) -> Vec<Need> {
    let need = |need: &Spanned<NeedFields>| {
        let NeedFields { role, port, protocol, optional } = &need.value;
        Some(Need {
            role: role.as_ref()?.value.clone(),
            port: u16::try_from(port.as_ref()?.value).ok()?,
            protocol: protocol.as_ref().map_or(Protocol::Tcp, |p| p.value),
            optional: optional.as_ref().is_some_and(|o| o.value),
            at: need.span,
        })
    };
    items(fields.needs.as_ref()).filter_map(need).collect()
}

fn parameters(fields: &StageFields) -> IndexMap<String, Parameter> {
    let parameters = entries(fields.parameters.as_ref());
    parameters
        .map(|(name, p)| (name.value.clone(), Parameter { default: text(p.default.as_ref()) }))
        .collect()
}

fn ownership(
    owner: Option<&Spanned<String>>,
    group: Option<&Spanned<String>>,
    mode: Option<&Spanned<String>>,
) -> Ownership {
    let Ownership { owner: root, group: wheel, mode: usual } = Ownership::default();
    let or =
        |written: Option<&Spanned<String>>, default| written.map_or(default, |w| w.value.clone());
    Ownership { owner: or(owner, root), group: or(group, wheel), mode: or(mode, usual) }
}

fn ini(fields: &StageFields) -> IndexMap<String, Ownership> {
    let of = |o: &OwnershipFields| ownership(o.owner.as_ref(), o.group.as_ref(), o.mode.as_ref());
    entries(fields.ini.as_ref()).map(|(path, o)| (path.value.clone(), of(o))).collect()
}

fn file(file: &Spanned<StageFileFields>) -> FileSpec {
    let f = &file.value;
    let at = f.path.as_ref().map_or(file.span, |path| path.span);
    FileSpec {
        path: Template { text: text(f.path.as_ref()), at },
        source: text(f.source.as_ref()),
        each: f.each.as_ref().map(|each| each.value),
        optional: f.optional.as_ref().is_some_and(|optional| optional.value),
        ownership: ownership(f.owner.as_ref(), f.group.as_ref(), f.mode.as_ref()),
    }
}

fn openings(fields: &StageFields) -> Vec<Opening> {
    let opening = |opening: &Spanned<StageOpeningFields>| {
        let o = &opening.value;
        let from = o.from.as_ref()?;
        Some(Opening {
            port: o.port.as_ref()?.value.clone(),
            protocol: o.protocol.as_ref()?.value,
            from: from.value.clone(),
            tls: o.tls.as_ref().and_then(|port| u16::try_from(port.value).ok()),
            at: from.span,
        })
    };
    items(fields.firewall.as_ref()).filter_map(opening).collect()
}

fn databases(fields: &StageFields) -> Vec<Database> {
    let database = |d: &Spanned<DatabaseFields>| Database {
        name: text(d.value.name.as_ref()),
        user: text(d.value.user.as_ref()),
        secret: text(d.value.secret.as_ref()),
    };
    items(fields.databases.as_ref()).map(database).collect()
}

fn identity(fields: &IdentityFields) -> Identity {
    let or = |word: Option<&Spanned<String>>, otherwise: &str| {
        word.map_or_else(|| otherwise.to_owned(), |w| w.value.clone())
    };
    let user = |u: &Spanned<IdentityUserFields>| IdentityUser {
        name: text(u.value.name.as_ref()),
        secret: text(u.value.secret.as_ref()),
        project: or(u.value.project.as_ref(), "service"),
        role: or(u.value.role.as_ref(), "admin"),
    };
    let service = |s: &Spanned<IdentityServiceFields>| IdentityService {
        name: text(s.value.name.as_ref()),
        kind: text(s.value.kind.as_ref()),
        description: text(s.value.description.as_ref()),
        url: text(s.value.url.as_ref()),
        public: None,
        at: s.value.url.as_ref().map_or(s.span, |url| url.span),
    };
    Identity {
        users: items(fields.users.as_ref()).map(user).collect(),
        services: items(fields.services.as_ref()).map(service).collect(),
    }
}
