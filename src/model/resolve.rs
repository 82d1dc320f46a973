//! From what was written to what it means: parsed values, references between the parts.

use std::path::PathBuf;

use crate::certificate::certificates;
use crate::report::{Findings, Rule, Sources};
use crate::spec::{LabSpec, OpenStackSpec, Spanned, TlsSpec, UnreadFile};

use super::settle::{Firsts, Resolver, word};
use super::{Lab, Networking, Node, Origin, Tls, image, machines, networks, time};

/// What a lab file means. Where `findings` has errors after it, it is good for nothing but finding more.
pub fn resolve(spec: &LabSpec, sources: &Sources, findings: &mut Findings) -> Lab {
    let mut resolver = Resolver { findings, sources, origins: Vec::new() };
    let r = &mut resolver;
    let lab = &spec.lab;
    if let Some(version) = lab.version.as_ref().filter(|v| v.value != 1) {
        let message = format!("version {} is not known here", version.value);
        r.tell(Rule::Version, version, message, "this trainyard reads version 1");
    }
    r.take("version", lab.version.as_ref());
    let name = r.settle("name", lab.name.as_ref(), |text| {
        word(text, 32, "_-").map_err(|allowed| format!("a lab's name is {allowed}"))
    });
    let medium = lab.image.as_ref().map(|written| &written.value.0);
    let image = image::resolve(&image::MEDIUM, medium, r);
    let cloud = lab.cloud_image.as_ref().map(|written| &written.value.0);
    let cloud_image = image::resolve(&image::CLOUD, cloud, r);
    let package_lock = package_lock(lab.package_lock.as_ref(), r);
    let (networking, services) = openstack(lab.openstack.as_ref(), r);
    let tls = tls(lab.openstack.as_ref(), r);
    let networks = networks::resolve(lab.networks.as_ref(), r);
    let time_servers = time::resolve(lab.time.as_ref(), r);
    let own_stages = lab.own_stages.as_ref().map(|s| s.value.0.clone()).unwrap_or_default();
    for folder in &own_stages {
        let origin = r.origin(folder.span);
        r.note("own_stages", &folder.value.name, origin);
    }
    let settled = std::mem::take(&mut r.origins);
    let name = name.unwrap_or_default();
    let (roles, nodes, settings) = machines::resolve(spec, &name, &networks, r);
    time::tell_own(lab.time.as_ref(), &nodes, r);
    tell_unlocked(lab.package_lock.as_ref(), &nodes, r);
    Lab {
        is_whole: !r.findings.has_mistakes(),
        name,
        image,
        cloud_image,
        package_lock,
        locked: None,
        networking,
        services,
        tls,
        networks,
        time_servers,
        own_stages,
        roles,
        nodes,
        settings,
        settled,
    }
}

fn openstack(
    spec: Option<&Spanned<OpenStackSpec>>,
    r: &mut Resolver,
) -> (Networking, Option<Vec<Spanned<String>>>) {
    let spec = spec.map(|s| &s.value);
    r.take("openstack.release", spec.and_then(|s| s.release.as_ref()));
    let networking = r.take("openstack.networking", spec.and_then(|s| s.networking.as_ref()));
    let services = spec.and_then(|s| s.services.as_ref());
    let names = services
        .map(|s| s.value.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(", "));
    let mut first = Firsts::default();
    for service in services.iter().flat_map(|s| &s.value) {
        r.is_repeated(service, &service.value, &mut first);
    }
    let origin = services.map_or(Origin::BuiltIn, |s| r.origin(s.span));
    r.note("openstack.services", &names.as_deref().unwrap_or("every one there is"), origin);
    (networking.unwrap_or(Networking::SelfService), services.map(|s| s.value.clone()))
}

fn package_lock(written: Option<&Spanned<UnreadFile>>, r: &mut Resolver) -> Option<PathBuf> {
    let Some(written) = written else {
        r.note("package_lock", &"none", Origin::BuiltIn);
        return None;
    };
    let path = written.value.0.clone();
    let origin = r.origin(written.span);
    r.note("package_lock", &path.display(), origin);
    Some(path)
}

/// Tells what a locked lab would install from somewhere else.
fn tell_unlocked(lock: Option<&Spanned<UnreadFile>>, nodes: &[Node], r: &mut Resolver) {
    let Some(lock) = lock else { return };
    let all = nodes.iter().flat_map(|node| &node.settings.custom.repositories);
    let is_kept = |url: &String| url.starts_with("http");
    let mut other = all.filter(|it| it.key.is_none() || !it.baseurls.iter().all(is_kept));
    if let Some(repository) = other.next() {
        let message = format!("packages of the repository `{}` cannot be locked", repository.id);
        let help = "a repository that is signed (`gpgkey`) and reached by http or https: `trainyard packages` keeps no other";
        r.tell(Rule::NotLocked, lock, message, help);
    }
}

fn tls(spec: Option<&Spanned<OpenStackSpec>>, r: &mut Resolver) -> Option<Tls> {
    let written = spec.and_then(|s| s.value.tls.as_ref());
    let origin = written.map_or(Origin::BuiltIn, |w| r.origin(w.span));
    let Some(written) = written else {
        r.note("openstack.tls", &"no", origin);
        return None;
    };
    let fields = match &written.value {
        TlsSpec::Flag(flag) => {
            r.note("openstack.tls", &if *flag { "yes" } else { "no" }, origin);
            return flag.then_some(Tls::Made);
        }
        TlsSpec::Given(fields) => fields,
    };
    let (Some(certificate), Some(key)) = (&fields.certificate, &fields.key) else {
        let message = "a certificate of one's own is a `certificate` and its `key`";
        let help =
            "`tls: {certificate: endpoints.pem, key: endpoints.key}`; `tls: yes` has one made";
        // A file that cannot be read was told.
        let is_told = |key| r.findings.explains_absence(written.span.file, &written.path, key);
        if !["certificate", "key"].into_iter().any(is_told) {
            r.tell(Rule::EndpointCertificate, written, message, help);
        }
        return None;
    };
    if certificates(certificate.value.text.as_bytes()).is_none() {
        let message = format!("`{}` is no certificate in PEM", certificate.value.name);
        let help = "the server's certificate, `-----BEGIN CERTIFICATE-----`, and after it those that prove it";
        r.tell(Rule::EndpointCertificate, certificate, message, help);
        return None;
    }
    r.note("openstack.tls", &certificate.value.name, origin);
    Some(Tls::Given { certificate: certificate.value.clone(), key: key.value.0.clone() })
}
