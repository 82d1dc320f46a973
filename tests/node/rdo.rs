//! The tree with OpenStack, and what its packages lay: later releases of OpenStack run as Train does, and what one may stumble
//! over there is there.

use crate::area::Area;
use crate::host::Host;
use crate::install::image;
use crate::network::Switches;

/// What a client on the host is told: the status of HTTP, 000 where nothing listens.
fn status(host: &Host, url: &str) -> String {
    host.run(&format!("curl -s -o /dev/null -w '%{{http_code}}' {url}")).stdout
}

const KEYSTONE: &str = "http://localhost:5000/v3";
const PLACEMENT: &str = "http://localhost:8778/";

/// What a person types who follows the guide, with a database that is a file.
const IDENTITY: &str = "set -e
cat >/etc/keystone/keystone.conf <<-END
	[database]
	connection = sqlite:////var/lib/keystone/keystone.sqlite
	END
su -s /bin/sh -c 'keystone-manage db_sync' keystone
keystone-manage fernet_setup --keystone-user keystone --keystone-group keystone
keystone-manage credential_setup --keystone-user keystone --keystone-group keystone
su -s /bin/sh -c 'OS_BOOTSTRAP_PASSWORD=test keystone-manage bootstrap --bootstrap-public-url http://localhost:5000/v3/' keystone
ln -s /usr/share/keystone/wsgi-keystone.conf /etc/httpd/conf.d
systemctl start httpd.service";

const TOKEN: &str =
    "export OS_USERNAME=admin OS_PASSWORD=test OS_PROJECT_NAME=admin OS_USER_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_NAME=Default OS_AUTH_URL=http://localhost:5000/v3 OS_IDENTITY_API_VERSION=3
openstack token issue -f value -c id";

#[test]
fn keystone_and_placement_run_under_httpd_as_rdos_packages_have_it() {
    let area = Area::new(true);
    let switches = Switches::new();
    let mut host = Host::new(&area, "controller");
    image(&area, host.name, &host.layer());
    // There is neither a seed nor an address to wait for. An empty unit file is one that is masked.
    host.write("etc/cloud/cloud-init.disabled", "");
    host.write("etc/systemd/system/network.service", "");
    host.start(&switches);
    host.wait_until(60, "systemctl -q is-active multi-user.target");
    // Nothing of what Debian's packages configured is there.
    let left = host.done(
        "for path in /etc/keystone /etc/placement /etc/httpd /etc/apache2 /var/log/keystone; do [ ! -e $path ] || echo $path; done
         grep -E '^(keystone|placement|apache|nova|neutron):' /etc/passwd
         systemctl list-unit-files --no-legend | grep -E 'keystone|placement|apache|httpd|nova|neutron' || true",
    );
    assert_eq!(left, "");

    host.done("rm /etc/yum.repos.d/* && yum -y install openstack-keystone openstack-placement-api mod_wsgi httpd");
    host.done(IDENTITY);
    assert_eq!(status(&host, KEYSTONE), "200");
    assert!(host.done(TOKEN).starts_with("gAAAA"));
    // Its log is where RDO's defaults put it, and belongs to the service.
    let log = host.done("stat -c '%U %G %a' /var/log/keystone/keystone.log");
    assert_eq!(log, "root keystone 660\n");
    host.done("grep -q keystone /var/log/keystone/keystone.log");

    // RDO's file grants nobody anything.
    assert_eq!(status(&host, PLACEMENT), "403");
    host.done(
        "set -e
         printf '%s\\n' '<Directory /usr/bin>' 'Require all granted' '</Directory>' >/etc/httpd/conf.d/grant.conf
         install -d -o placement /srv/placement
         printf '[placement_database]\\nconnection = sqlite:////srv/placement/db\\n' >/etc/placement/placement.conf
         su -s /bin/sh -c 'placement-manage db sync' placement
         systemctl restart httpd.service",
    );
    assert_eq!(status(&host, PLACEMENT), "200");

    // An error in the dashboard's settings stops httpd, and keystone with it.
    host.done("yum -y install openstack-dashboard && echo 'WEBROOT = (' >>/etc/openstack-dashboard/local_settings");
    assert_ne!(host.run("systemctl restart httpd.service").status, 0);
    assert_eq!(status(&host, KEYSTONE), "000");
}
