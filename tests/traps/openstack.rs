//! Traps of OpenStack Train as RDO packages it for CentOS 7.

use crate::common::Lab;
use crate::rendered::In::Either;
use crate::rendered::{Rendered, code, expect, hold};

/// Where the node has the stage: each of its two files of that name, and whether they are there.
fn of(node: &Rendered, stage: &str, inside: &str, wrong: &mut Vec<String>) -> Vec<String> {
    if !node.orders().iter().flatten().any(|name| name == stage) {
        return Vec::new();
    }
    let found = node.of_stage(stage, inside);
    expect(wrong, found.len() == 2, format!("{stage}: no {inside}"));
    found.into_iter().map(|file| file.content).collect()
}

/// Each of these lines stands there by itself.
fn says(node: &Rendered, stage: &str, inside: &str, lines: &[&str], wrong: &mut Vec<String>) {
    for text in of(node, stage, inside, wrong) {
        for line in lines {
            let said = text.lines().any(|said| said.trim_start().starts_with(line));
            expect(wrong, said, format!("{stage}, {inside}: {line}"));
        }
    }
}

fn o1(node: &Rendered, wrong: &mut Vec<String>) {
    let host = "files/etc/httpd/conf.d/00-placement-api.conf";
    says(node, "placement", host, &["<Directory /usr/bin>", "Require all granted"], wrong);
    for text in of(node, "placement", host, wrong) {
        let inside = text.split_once("<Directory /usr/bin>").map_or("", |(_, rest)| rest);
        let inside = inside.split("</Directory>").next().unwrap_or("");
        expect(wrong, inside.contains("Require all granted"), "granted elsewhere");
    }
}

#[test]
fn o1_httpd_lets_its_clients_reach_placement() {
    hold(
        o1,
        &[
            (Either, "Require all granted", "Require all denied"),
            (Either, "<Directory /usr/bin>", "<Directory /usr/share>"),
        ],
    );
}

fn o2(node: &Rendered, wrong: &mut Vec<String>) {
    let settings = "files/etc/openstack-dashboard/local_settings";
    let lines = [
        "WEBROOT = '/dashboard/'",
        "POLICY_FILES_PATH = '/etc/openstack-dashboard'",
        "OPENSTACK_KEYSTONE_DEFAULT_ROLE = 'member'",
        "LOGGING = {",
    ];
    says(node, "horizon", settings, &lines, wrong);
    for text in of(node, "horizon", settings, wrong) {
        let hosts = text.lines().find(|line| line.starts_with("ALLOWED_HOSTS = ")).unwrap_or("");
        let address = &node.environment()["TRAINYARD_ADDRESS"];
        expect(wrong, hosts.contains(&format!("'{address}'")), "its own address is refused");
    }
}

#[test]
fn o2_the_dashboard_lies_where_trains_package_has_it() {
    hold(
        o2,
        &[
            (Either, "WEBROOT = '/dashboard/'", "WEBROOT = '/'"),
            (Either, "POLICY_FILES_PATH = '/etc/openstack-dashboard'\n", ""),
            (Either, "DEFAULT_ROLE = 'member'", "DEFAULT_ROLE = 'user'"),
            (Either, "ALLOWED_HOSTS = [", "ALLOWED = ["),
        ],
    );
}

fn o3(node: &Rendered, wrong: &mut Vec<String>) {
    let host = "files/etc/httpd/conf.d/trainyard-dashboard.conf";
    says(node, "horizon", host, &["WSGIApplicationGroup %{GLOBAL}"], wrong);
    let unit = "files/etc/systemd/system/httpd.service.d/openstack-dashboard.conf";
    for text in of(node, "horizon", unit, wrong) {
        let steps: Vec<_> = text.lines().filter(|l| l.starts_with("ExecStartPre=")).collect();
        let spared = steps.len() == 2 && steps.iter().all(|l| l.starts_with("ExecStartPre=-"));
        expect(wrong, spared, "a step of the dashboard's stops keystone and placement");
    }
    for text in of(node, "horizon", "prepare.sh", wrong) {
        let compiled = text.contains("python2 -c 'import sys; compile(");
        expect(wrong, compiled, "settings that are no Python are not told before httpd starts");
    }
}

#[test]
fn o3_an_error_in_the_dashboards_settings_stops_nothing_else() {
    hold(
        o3,
        &[
            (Either, "WSGIApplicationGroup %{GLOBAL}", "WSGIApplicationGroup own"),
            (Either, "ExecStartPre=-/usr/bin/python2", "ExecStartPre=/usr/bin/python2"),
            (Either, "import sys; compile(", "import sys; print("),
        ],
    );
}

fn o4(node: &Rendered, wrong: &mut Vec<String>) {
    let units = "files/etc/systemd/system";
    let agent = format!("{units}/neutron-linuxbridge-agent.service.d/trainyard.conf");
    says(node, "neutron-agent", &agent, &["After=firewalld.service"], wrong);
    let firewall = format!("{units}/firewalld.service.d/trainyard-neutron.conf");
    let again = "ExecStartPost=-/usr/bin/systemctl --no-block try-restart neutron-linuxbridge-agent.service";
    says(node, "neutron-agent", &firewall, &[again], wrong);
}

#[test]
fn o4_neutrons_rules_are_made_again_when_firewalld_starts() {
    hold(
        o4,
        &[
            (Either, "After=firewalld.service neutron-server.service", "After=network.target"),
            (
                Either,
                "ExecStartPost=-/usr/bin/systemctl --no-block try-restart",
                "ExecStartPost=-/usr/bin/true",
            ),
            (Either, "systemctl --no-block try-restart neutron", "systemctl try-restart neutron"),
        ],
    );
}

fn o5(node: &Rendered, wrong: &mut Vec<String>) {
    says(
        node,
        "neutron-agent",
        "files/etc/modules-load.d/trainyard-bridge.conf",
        &["br_netfilter"],
        wrong,
    );
    let parameters =
        ["net.bridge.bridge-nf-call-iptables = 1", "net.bridge.bridge-nf-call-ip6tables = 1"];
    says(node, "neutron-agent", "files/etc/sysctl.d/90-trainyard-bridge.conf", &parameters, wrong);
    for text in of(node, "neutron-agent", "prepare.sh", wrong) {
        let lines = code(&text);
        let at = |what: &str| lines.iter().position(|line| line.starts_with(what));
        let loaded = at("modprobe br_netfilter").zip(at("sysctl ")).is_some_and(|(a, b)| a < b);
        expect(wrong, loaded, "the parameters are set before the module that has them is there");
    }
}

#[test]
fn o5_the_kernel_has_the_bridges_parameters_when_they_are_set() {
    hold(
        o5,
        &[
            (Either, "modprobe br_netfilter ||", "true ||"),
            (Either, "br_netfilter", "bridge"),
            (Either, "bridge-nf-call-iptables = 1", "bridge-nf-call-iptables = 0"),
        ],
    );
}

fn o6(node: &Rendered, wrong: &mut Vec<String>) {
    says(node, "neutron-vxlan", "manifest", &["firewall 8472 udp "], wrong);
}

#[test]
fn o6_the_firewall_lets_the_kernels_own_vxlan_port_in() {
    hold(o6, &[(Either, "firewall 8472 udp", "firewall 4789 udp")]);
}

/// Stages whose services keep tables.
const WITH_TABLES: [&str; 5] = ["keystone", "glance", "placement", "nova", "neutron"];

fn o7(node: &Rendered, wrong: &mut Vec<String>) {
    for stage in WITH_TABLES {
        for text in of(node, stage, "prepare.sh", wrong) {
            for line in code(&text).into_iter().filter(|line| line.contains("-manage ")) {
                let by_itself = line.contains("as_user ") || line.contains("make_tables ");
                // These two give what they write to that user.
                let given = line.contains("_setup --keystone-user keystone");
                expect(wrong, by_itself || given, format!("{stage}: as root: {line}"));
            }
        }
    }
}

#[test]
fn o7_no_log_of_a_service_is_roots() {
    hold(
        o7,
        &[
            (Either, "as_user keystone keystone-manage bootstrap", "keystone-manage bootstrap"),
            (Either, "{ as_user nova nova-manage ", "{ nova-manage "),
            (Either, "credential_setup --keystone-user keystone ", "credential_setup "),
        ],
    );
}

fn o8(node: &Rendered, wrong: &mut Vec<String>) {
    for text in of(node, "nova-compute", "prepare.sh", wrong) {
        for wanted in [
            "grep -Eqw 'vmx|svm' \"$TRAINYARD_ROOT/proc/cpuinfo\" && [ -e \"$TRAINYARD_ROOT/dev/kvm\" ]; then type=kvm; fi",
            "[ \"$type\" = kvm ] || mode=none",
        ] {
            expect(wrong, text.contains(wanted), format!("nova-compute: {wanted}"));
        }
    }
}

#[test]
fn o8_kvm_is_used_only_where_the_machine_has_it() {
    hold(
        o8,
        &[
            (Either, "'vmx|svm'", "'vmx|svm|lm'"),
            (Either, " && [ -e \"$TRAINYARD_ROOT/dev/kvm\" ]", ""),
            (Either, "mode=none", "mode=host-model"),
        ],
    );
}

#[test]
fn o9_a_console_is_shown_where_the_browser_reaches_it() {
    for (attach, shown) in [
        ("nat-network", "127.0.0.1:6080"),
        ("bridged", "10.0.0.11:6080"),
        ("host-only", "10.0.0.11:6080"),
    ] {
        let lab = Lab::new(&format!(
            "networks: {{management: {{cidr: 10.0.0.0/24, virtualbox: {{attach: {attach}}}}}, provider: {{}}}}
nodes:
  controller: {{role: controller, address: 10.0.0.11}}
  compute: {{role: compute, address: 10.0.0.31}}
"
        ));
        lab.know_nodes();
        lab.done(&["render", "-o", "out"]);
        for file in ["ks.cfg", "user-data"] {
            let compute = lab.read(&format!("out/compute/{file}"));
            let url = format!("novncproxy_base_url = http://{shown}/vnc_auto.html\n");
            assert!(compute.contains(&url), "{attach}, {file}");
            let controller = lab.read(&format!("out/controller/{file}"));
            let hosts = controller.lines().find(|line| line.contains("ALLOWED_HOSTS = ["));
            assert!(hosts.is_some_and(|line| line.contains("127.0.0.1")), "{hosts:?}, {file}");
        }
    }
}
