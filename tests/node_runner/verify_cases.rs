//! Healthy nodes of each stage, and for each check of it what breaks the thing that it looks at.

/// Units run and are enabled, unless a file says otherwise.
pub const SYSTEMCTL: &str = "case $* in 'is-active '*) [ -e $ROOT/stopped ] && echo failed && exit 3; echo active;;\n\
    'is-enabled b.service') cat $ROOT/b;; 'is-enabled c.service') cat $ROOT/c;; 'is-enabled '*) echo enabled;;\n\
    *'is-active b.service') [ -e $ROOT/b-runs ];; *'is-active c.service') exit 3;; esac";

/// `timeout` runs what asks a service by the network; the fake answers for it, and runs all else.
const TIMEOUT: &str = r#"
case "$*" in
*/11211*) for host; do case $host in trainyard_*) break;; esac; last=$host; done
    [ -e "$ROOT/memcached/$last" ] && printf 'STORED\r\nVALUE x 0 2\r\nok\r\nEND\r\nDELETED\r\n' ;;
*/123*) [ ! -e "$ROOT/no-time" ] && printf "$(cat "$ROOT/ntp")$(printf '\\0%.0s' $(seq 46))" ;;
*'"/dev/tcp/$0/5672"'*) [ -e "$ROOT/amqp" ] && printf '\1\0\0\0\0\1\1\0\12\0\12' ;;
*' 3306') [ -e "$ROOT/mysql-port" ] ;;
*' controller '[0-9]*) ;; # an open port
*) exec /usr/bin/timeout "$@" ;;
esac
"#;

const CHRONYC: &str = "case $* in *sources) [ ! -e $ROOT/mute ] || exit 1; cat $ROOT/sources;; *tracking) cat $ROOT/tracking;; esac";

const SS: &str = "echo State Recv-Q Send-Q Local Peer; cat $ROOT/ss$1 2>/dev/null; true";

/// Answers what the checks ask, from files named after it.
const MYSQL: &str = r#"
case "$*" in
"--no-defaults --user=root "*) [ -e "$ROOT/root-enters" ] || { echo "ERROR 1045 (28000): Access denied for user 'root'@'localhost'" >&2; exit 1; } ;;
*--protocol=tcp*) case "$*" in *10.0.0.11*nova*nova_api) [ "$MYSQL_PWD" = "$(cat "$ROOT/nova")" ];; *) exit 1;; esac ;;
*) sql=$(cat)
    case $sql in
    *CURRENT_USER*) echo root@localhost ;;
    *@@*) cat "$ROOT/variables/${sql#*@@}" ;;
    *"User = 'root' AND Host <> 'localhost'") cat "$ROOT/roots" ;;
    *"User = ''") cat "$ROOT/anonymous" ;;
    *"Db IN ('test', 'test\\\\_%')") cat "$ROOT/tests" ;;
    *) echo "unknown: $sql" >&2; exit 1 ;;
    esac ;;
esac
"#;

const FIREWALL_CMD: &str = r#"
case "$*" in
--state) [ ! -e "$ROOT/mute" ] && echo running ;;
--get-default-zone) echo public ;;
--permanent*--zone=public*--list-all) cat "$ROOT/permanent" ;;
--zone=public*--list-all) cat "$ROOT/zone" ;;
--get-active-zones) cat "$ROOT/zones" ;;
--direct*) cat "$ROOT/direct" ;;
*) exit 2 ;;
esac
"#;

const CURL: &str = r#"
case "$*" in *"--data {"*"http://controller:2379/"*) ;; *) exit 2 ;; esac
case "$*" in */v3beta/*) [ -e "$ROOT/etcd-3.3" ] || exit 22 ;; esac
case "$*" in
*/put) : >"$ROOT/kept" ;;
*/range) [ -e "$ROOT/etcd" ] && [ -e "$ROOT/kept" ] && echo '{"kvs":[{"key":"x","value":"b2s="}],"count":"1"}' ;;
*/deleterange) rm "$ROOT/kept" ;;
esac
"#;

/// A stage, what makes a healthy node of it, and for each of its checks a line that breaks what it looks at.
pub struct Case {
    pub stage: &'static str,
    pub manifest: &'static str,
    pub fakes: &'static [(&'static str, &'static str)],
    pub healthy: &'static str,
    pub breaks: &'static [(&'static str, &'static str)],
}

pub const CASES: [Case; 16] = [
    Case {
        stage: "accounts",
        manifest: "account alice 1500 /bin/bash wheel,lab -\naccount bob - /bin/sh - BOB_HASH\n",
        fakes: &[
            ("getent", "grep \"^$2:\" $ROOT/$1"),
            (
                "id",
                "case $1 in -u) grep \"^$2:\" $ROOT/passwd | cut -d : -f 3;; -nG) grep \"^$2 \" $ROOT/groups;; esac",
            ),
            ("visudo", "[ ! -e $ROOT/bad ] || { echo 'parse error' >&2; exit 1; }"),
        ],
        healthy: "printf 'alice:x:1500:1500::/home/alice:/bin/bash\\nbob:x:1:1::/home/bob:/bin/sh\\n' >$ROOT/passwd\n\
            printf 'alice:!!:1:\\nbob:$6$x:1:\\n' >$ROOT/shadow; printf 'alice lab wheel\\nbob bob\\n' >$ROOT/groups\n\
            mkdir -p $ROOT/etc/trainyard/accounts $ROOT/home/alice/.ssh\n\
            echo key | tee $ROOT/etc/trainyard/accounts/alice.keys >$ROOT/home/alice/.ssh/authorized_keys",
        breaks: &[
            ("the accounts are there", "sed -i '/^alice:/d' $ROOT/passwd"),
            ("the accounts are there", "sed -i s:/bin/bash:/bin/sh: $ROOT/passwd"),
            ("the accounts are there", "sed -i s/1500/1501/ $ROOT/passwd"),
            ("the accounts are in their groups", "echo 'alice lab' >$ROOT/groups"),
            (
                "the accounts have the lab's keys",
                "echo other >>$ROOT/home/alice/.ssh/authorized_keys",
            ),
            ("accounts without a password are locked", "echo 'alice:$6$x:1:' >$ROOT/shadow"),
            ("sudo takes its rules", "touch $ROOT/bad"),
        ],
    },
    Case {
        stage: "cache",
        manifest: "service memcached.service\n",
        fakes: &[("systemctl", SYSTEMCTL), ("timeout", TIMEOUT), ("ss", SS)],
        healthy: "mkdir $ROOT/memcached; touch $ROOT/memcached/127.0.0.1 $ROOT/memcached/10.0.0.11\n\
            printf 'LISTEN 0 9 127.0.0.1:11211 *:*\\nLISTEN 0 9 10.0.0.11:11211 *:*\\nLISTEN 0 9 *:22 *:*\\n' >$ROOT/ss-ltn",
        breaks: &[
            ("its services run", "touch $ROOT/stopped; rm $ROOT/memcached/*"),
            ("memcached keeps a value at the management address", "rm $ROOT/memcached/10.0.0.11"),
            ("memcached keeps a value at 127.0.0.1", "rm $ROOT/memcached/127.0.0.1"),
            (
                "memcached listens at no other address",
                "echo 'LISTEN 0 9 [::]:11211 *:*' >>$ROOT/ss-ltn",
            ),
            (
                "memcached listens at no other address",
                "echo 'LISTEN 0 9 192.168.1.2%eth1:11211 *:*' >>$ROOT/ss-ltn",
            ),
            (
                "memcached does not listen on UDP",
                "echo 'UNCONN 0 9 10.0.0.11:11211 *:*' >$ROOT/ss-lun",
            ),
        ],
    },
    Case {
        stage: "cinder-volume",
        manifest: "service openstack-cinder-volume.service\n",
        fakes: &[
            ("systemctl", SYSTEMCTL),
            ("vgs", "[ -e $ROOT/group ] && echo '  cinder-volumes 4g 4g'"),
            ("lvmconfig", "cat $ROOT/${1#devices/}"),
            ("python2", "cat $ROOT/state"),
        ],
        healthy: "touch $ROOT/group; echo up >$ROOT/state; echo 'filter=[\"a|^/dev/sdb$|\",\"r|.*|\"]' >$ROOT/filter\n\
            echo 'global_filter=\"r|.*|\"' >$ROOT/global_filter",
        breaks: &[
            ("its services run", "touch $ROOT/stopped"),
            ("its volume group is there", "rm $ROOT/group"),
            ("LVM looks at no server's volumes", "echo 'filter=[\"a|^/dev/sdb$|\"]' >$ROOT/filter"),
            (
                "LVM looks at no server's volumes",
                "echo 'global_filter=[\"r|.*|\",\"a|.*|\"]' >$ROOT/global_filter",
            ),
            // Without it in the file, LVM's own is told, or nothing.
            (
                "LVM looks at no server's volumes",
                "echo 'global_filter=[\"a|.*|\"]' >$ROOT/global_filter",
            ),
            ("LVM looks at no server's volumes", ": >$ROOT/global_filter"),
            ("the Block Storage service sees it up", "echo down >$ROOT/state"),
            ("the Block Storage service sees it up", ": >$ROOT/state"),
        ],
    },
    Case {
        stage: "controller-services",
        manifest: "parameter wait_seconds 0\nneed controller 5672\nneed controller 11211\nneed controller 2379\n",
        fakes: &[("timeout", TIMEOUT), ("curl", CURL)],
        healthy: "mkdir $ROOT/memcached; touch $ROOT/memcached/controller $ROOT/amqp $ROOT/etcd",
        breaks: &[
            ("the controller's RabbitMQ greets", "rm $ROOT/amqp"),
            ("the controller's memcached keeps a value", "rm $ROOT/memcached/controller"),
            ("the controller's etcd keeps a value", "rm $ROOT/etcd"),
        ],
    },
    Case {
        stage: "database",
        manifest: "service mariadb.service\ndatabase nova_api nova RABBIT_PASS\n",
        fakes: &[("systemctl", SYSTEMCTL), ("timeout", TIMEOUT), ("ss", SS), ("mysql", MYSQL)],
        healthy: "printf '[client]\\nuser=root\\npassword=rootpw\\n' >$ROOT/root/.my.cnf; touch $ROOT/mysql-port\n\
            echo DATABASE_ROOT_PASS=rootpw >>$ROOT/etc/trainyard/secrets.env; touch $ROOT/{roots,anonymous,tests}\n\
            sed -n s/RABBIT_PASS=//p $ROOT/etc/trainyard/secrets.env >$ROOT/nova\n\
            mkdir -p $ROOT/variables $ROOT/etc/trainyard/stages/database/files/etc/my.cnf.d; cd $ROOT/variables\n\
            echo 4096 >max_connections; echo 65535 >open_files_limit; echo utf8mb3 >character_set_server\n\
            echo utf8mb3_general_ci >collation_server; echo InnoDB >default_storage_engine; echo 1 >innodb_file_per_table\n\
            printf '%s\\n' '[mysqld]' 'default-storage-engine = innodb' 'innodb_file_per_table = on' 'max_connections = 4096' \
                'collation-server = utf8_general_ci' 'character-set-server = utf8' \
                >$ROOT/etc/trainyard/stages/database/files/etc/my.cnf.d/openstack.cnf\n\
            echo 'LISTEN 0 9 10.0.0.11:3306 *:*' >$ROOT/ss-ltn",
        breaks: &[
            ("its services run", "touch $ROOT/stopped; rm $ROOT/mysql-port"),
            ("root enters with the lab's password", "sed -i s/rootpw/old/ $ROOT/root/.my.cnf"),
            ("root needs a password", "touch $ROOT/root-enters"),
            ("root enters from this host alone", "echo \"'%'\" >$ROOT/roots"),
            ("there are no anonymous users", "echo \"'controller'\" >$ROOT/anonymous"),
            ("there is no test database", "echo test >$ROOT/tests"),
            (
                "it takes as many connections as the lab says",
                "echo 214 >$ROOT/variables/max_connections",
            ),
            (
                "it takes as many connections as the lab says",
                "echo 4096 >$ROOT/variables/open_files_limit",
            ),
            (
                "its character set is the lab's",
                "echo utf8mb4 >$ROOT/variables/character_set_server",
            ),
            ("its character set is the lab's", "echo utf8_bin >$ROOT/variables/collation_server"),
            (
                "its tables are kept as the lab says",
                "echo MyISAM >$ROOT/variables/default_storage_engine",
            ),
            (
                "its tables are kept as the lab says",
                "echo 0 >$ROOT/variables/innodb_file_per_table",
            ),
            (
                "it listens at the management address alone",
                "echo 'LISTEN 0 9 0.0.0.0:3306 *:*' >>$ROOT/ss-ltn",
            ),
            ("it listens at the management address alone", "rm $ROOT/mysql-port"),
            ("the services' users enter their databases", "echo other >$ROOT/nova"),
        ],
    },
    Case {
        stage: "endpoints-tls",
        manifest: "service httpd.service\n",
        fakes: &[
            ("systemctl", SYSTEMCTL),
            ("selinuxenabled", ""),
            (
                "semanage",
                "printf 'http_cache_port_t  tcp  13292\\nhttp_port_t  tcp  %s, 80, 443\\n' $(cat $ROOT/labelled)",
            ),
            (
                "curl",
                "case \"$*\" in *\" --cacert $ROOT/etc/pki/tls/certs/endpoints-authority.pem \"*) ;; *) exit 60;; esac\n\
                 case \"$*\" in *https://controller:13292/) printf 300;; *:443/) cat $ROOT/answer;; *) exit 7;; esac",
            ),
        ],
        // With one `=` at its end.
        healthy: "mkdir -p $ROOT/etc/httpd/conf.d $ROOT/etc/pki/tls/private; cd $ROOT/etc/pki/tls/private\n\
            openssl req -x509 -nodes -newkey rsa:2048 -subj /CN=x -days 31 -keyout key -out endpoints.pem 2>/dev/null\n\
            cat key >>endpoints.pem; chmod 600 endpoints.pem\n\
            until case $(base64 -w0 endpoints.pem) in *==) false;; *=) ;; *) false;; esac do echo >>endpoints.pem; done\n\
            printf 'ENDPOINTS_TLS=%s\\n' $(base64 -w0 endpoints.pem) >>$ROOT/etc/trainyard/secrets.env\n\
            printf 'Listen 13292\\n<VirtualHost *:13292>\\nListen 443\\n' >$ROOT/etc/httpd/conf.d/ssl.conf\n\
            echo 13000, 13292 >$ROOT/labelled; printf 403 >$ROOT/answer",
        breaks: &[
            ("its services run", "touch $ROOT/stopped; printf 503 >$ROOT/answer"),
            ("its certificate is the lab's", "echo >>$ROOT/etc/pki/tls/private/endpoints.pem"),
            ("its certificate is the lab's", "chmod 640 $ROOT/etc/pki/tls/private/endpoints.pem"),
            (
                "its certificate is good for a month",
                "cd $ROOT/etc/pki/tls/private; openssl req -x509 -key key -subj /CN=x -days 29 -out endpoints.pem; cat key >>endpoints.pem\n\
                 sed -i \"s/^ENDPOINTS_TLS=.*/ENDPOINTS_TLS=$(base64 -w0 endpoints.pem | sed 's:/:\\\\/:g')/\" $ROOT/etc/trainyard/secrets.env",
            ),
            ("SELinux lets httpd have its ports", "echo 13000 >$ROOT/labelled"),
            ("each endpoint answers by TLS", "printf 503 >$ROOT/answer"),
            (
                "each endpoint answers by TLS",
                "sed -i s/13292/13696/ $ROOT/etc/httpd/conf.d/ssl.conf; echo 13696 >$ROOT/labelled",
            ),
        ],
    },
    Case {
        stage: "firewall",
        manifest: "service firewalld.service\nfirewall 3306 tcp 10.0.0.0/24\nfirewall 80 tcp any\n",
        fakes: &[("systemctl", SYSTEMCTL), ("ss", SS), ("firewall-cmd", FIREWALL_CMD)],
        healthy: "printf '%s\\n' 'public (active)' '  target: default' '  interfaces: enp0s3' '  sources: ' '  services: ssh dhcpv6-client' \
                '  ports: ' '  masquerade: no' '  rich rules: ' $'\\trule family=\"ipv4\" source address=\"10.0.0.0/24\" port port=\"3306\" protocol=\"tcp\" accept' \
                $'\\trule port port=\"80\" protocol=\"tcp\" accept' >$ROOT/zone\n\
            sed -e 's/ (active)//' -e 's/interfaces: .*/interfaces: /' -e 's/ssh dhcpv6-client/dhcpv6-client ssh/' $ROOT/zone >$ROOT/permanent\n\
            printf 'public\\n  interfaces: enp0s3\\n' >$ROOT/zones; touch $ROOT/direct",
        breaks: &[
            ("its services run", "touch $ROOT/stopped $ROOT/mute"),
            ("the firewall answers", "touch $ROOT/mute"),
            (
                "what the stages and the lab open is open, from there alone",
                "sed -i /3306/d $ROOT/zone $ROOT/permanent",
            ),
            (
                "what the stages and the lab open is open, from there alone",
                "printf '\\trule family=\"ipv4\" port port=\"3306\" protocol=\"tcp\" accept\\n' | tee -a $ROOT/zone >>$ROOT/permanent",
            ),
            (
                "ssh is let in, and no other service",
                "sed -i 's/ssh/http ssh/' $ROOT/zone $ROOT/permanent",
            ),
            ("ssh is let in, and no other service", "sed -i 's/ssh//' $ROOT/zone $ROOT/permanent"),
            (
                "nothing else is let in",
                "sed -i 's/target: default/target: ACCEPT/' $ROOT/zone $ROOT/permanent",
            ),
            (
                "nothing else is let in",
                "sed -i 's|ports: |ports: 8080/tcp|' $ROOT/zone $ROOT/permanent",
            ),
            ("nothing else is let in", "printf 'trusted\\n  sources: 10.0.0.0/8\\n' >>$ROOT/zones"),
            ("nothing else is let in", "echo 'ipv4 filter INPUT 0 -j ACCEPT' >$ROOT/direct"),
            ("the running firewall is the one that lasts", "sed -i /3306/d $ROOT/permanent"),
        ],
    },
    Case {
        stage: "hook",
        manifest: "",
        fakes: &[],
        healthy: "PATH=$ROOT/fakes:$PATH TRAINYARD_ROOT=$ROOT bash $ROOT/usr/local/sbin/trainyard-node run >/dev/null",
        breaks: &[
            ("the hook ended well", "rm $ROOT/var/lib/trainyard/done/hook"),
            ("the hook ended well", "echo x=1 >>$ROOT/etc/trainyard/stages/hook/manifest"),
        ],
    },
    Case {
        stage: "kernel",
        manifest: "add console=ttyS0\nremove quiet\n",
        fakes: &[],
        healthy: "mkdir $ROOT/proc; echo root=x console=ttyS0 >$ROOT/proc/cmdline",
        breaks: &[
            ("the kernel was started with the lab's arguments", "echo root=x >$ROOT/proc/cmdline"),
            (
                "the kernel was started with the lab's arguments",
                "echo console=ttyS0 quiet >$ROOT/proc/cmdline",
            ),
        ],
    },
    Case {
        stage: "key-value-store",
        manifest: "service etcd.service\n",
        fakes: &[
            ("systemctl", SYSTEMCTL),
            ("ss", SS),
            (
                "etcdctl",
                "[ \"$ETCDCTL_API $ETCDCTL_ENDPOINTS\" = '3 http://10.0.0.11:2379' ] || exit 1\n\
                 case $1 in put) [ ! -e $ROOT/full ] && echo $3 >$ROOT/kept;; get) cat $ROOT/kept;; del) rm $ROOT/kept;; esac",
            ),
        ],
        healthy: "printf 'LISTEN 0 9 10.0.0.11:2379 *:*\\nLISTEN 0 9 [::ffff:10.0.0.11]:2380 *:*\\n' >$ROOT/ss-ltn",
        breaks: &[
            ("its services run", "touch $ROOT/stopped $ROOT/full"),
            ("etcd keeps a value", "touch $ROOT/full"),
            ("etcd listens at no other address", "echo 'LISTEN 0 9 *:2380 *:*' >>$ROOT/ss-ltn"),
        ],
    },
    Case {
        stage: "openstack-packages",
        manifest: "",
        fakes: &[
            ("getenforce", "cat $ROOT/mode"),
            ("semodule", "cat $ROOT/modules"),
            ("openstack", "[ ! -e $ROOT/broken ] && echo openstack 4.0.2"),
        ],
        healthy: "echo Enforcing >$ROOT/mode; printf 'abrt 1.4.1\\nos-nova 1.0\\n' >$ROOT/modules",
        breaks: &[
            ("SELinux enforces", "echo Permissive >$ROOT/mode"),
            ("SELinux has OpenStack's policy", "sed -i /os-/d $ROOT/modules"),
            ("the OpenStack client starts", "touch $ROOT/broken"),
        ],
    },
    Case {
        stage: "repositories",
        manifest: "",
        fakes: &[
            (
                "yum",
                "case $* in *repolist*) echo repo id; sed 's:$:/7/x86_64 x 1:' $ROOT/used;; *) exit 1;; esac",
            ),
            (
                "curl",
                "[ ! -e $ROOT/dead ] && echo \"$(cat) by $http_proxy\" >>$ROOT/asked && grep -q -e b.example -e own.example $ROOT/asked && echo '<repomd>'",
            ),
        ],
        healthy: "printf '%s\\n' '[base]' 'baseurl=http://a.example/$basearch/' '        http://b.example/os' enabled=1 gpgcheck=1 '[site]' \\
                'baseurl=http://off.example' enabled=0 '[own]' 'baseurl=http://me:pw@own.example/' enabled=1 'proxy=http://p.example:3128' | tee $ROOT/etc/trainyard/pinned.repo >$ROOT/etc/yum.repos.d/trainyard.repo\n\
            printf 'base\\nown\\n' >$ROOT/used",
        breaks: &[
            (
                "the repositories' keys are there",
                "echo '[train]' >>$ROOT/etc/trainyard/pinned.repo",
            ),
            ("yum uses the lab's repositories and no others", "echo epel >>$ROOT/used"),
            ("the repositories answer", "touch $ROOT/dead"),
        ],
    },
    Case {
        stage: "site",
        manifest: "disabled b.service\nmasked c.service\n",
        fakes: &[("systemctl", SYSTEMCTL), ("sysctl", "printf '%s\\t%s\\n' $(cat $ROOT/value)")],
        healthy: "mkdir -p $ROOT/etc/sysctl.d; echo 'net.ipv4.tcp_rmem = 1   2' >$ROOT/etc/sysctl.d/90-trainyard.conf; echo 1 2 >$ROOT/value\n\
            echo static >$ROOT/b; echo masked >$ROOT/c",
        breaks: &[
            ("what the lab switches off is off", "touch $ROOT/b-runs"),
            ("what the lab switches off is off", "echo enabled >$ROOT/b"),
            ("what the lab switches off is off", "echo disabled >$ROOT/c"),
            ("what the lab switches off is off", "echo masked-runtime >$ROOT/c"),
            ("kernel parameters have their values", "echo 1 3 >$ROOT/value"),
        ],
    },
    Case {
        stage: "system-upgrade",
        manifest: "",
        fakes: &[
            (
                "rpm",
                "printf '1700000002 3.10.0-1160.119.1.el7.x86_64\\n1600000001 3.10.0-1160.el7.x86_64\\n'",
            ),
            ("uname", "cat $ROOT/running"),
        ],
        healthy: "echo 3.10.0-1160.119.1.el7.x86_64 >$ROOT/running",
        breaks: &[("the newest kernel runs", "echo 3.10.0-1160.el7.x86_64 >$ROOT/running")],
    },
    Case {
        stage: "time-client",
        manifest: "service chronyd.service\n",
        fakes: &[("systemctl", SYSTEMCTL), ("chronyc", CHRONYC)],
        healthy: "echo '^,*,10.0.0.11,3,6,377,23,-0.000012,0.000045,0.001' >$ROOT/sources\n\
            echo 0A00000B,10.0.0.11,4,1.0,0.000022,0.1,0.1,-5.9,0.0,0.1,0.02,0.03,64.4,Normal >$ROOT/tracking",
        breaks: &[
            ("its services run", "touch $ROOT/stopped $ROOT/mute"),
            ("chronyd answers", "touch $ROOT/mute"),
            (
                "the controller is the only source of time",
                "echo '^,+,10.0.0.9,3,6,377,23,0,0,0' >>$ROOT/sources",
            ),
            ("this clock follows the controller", "sed -i 's/,[*],/,?,/' $ROOT/sources"),
            ("this clock is right", "sed -i s/0.000022/-3600.2/ $ROOT/tracking"),
            ("this clock is right", "sed -i s/0.000022/0.61/ $ROOT/tracking"),
            ("this clock is right", "sed -i s/-0.000012/-3600/ $ROOT/sources"),
        ],
    },
    Case {
        stage: "time-server",
        manifest: "service chronyd.service\n",
        fakes: &[("systemctl", SYSTEMCTL), ("chronyc", CHRONYC), ("timeout", TIMEOUT)],
        healthy: "mkdir -p $ROOT/etc/trainyard/stages/time-server/files/etc\n\
            printf 'server ntp.example iburst\\nserver 192.0.2.1 iburst\\n' >$ROOT/etc/trainyard/stages/time-server/files/etc/chrony.conf\n\
            printf '^,+,192.0.2.1,3\\n^,*,198.51.100.7,2\\n' >$ROOT/sources; printf '\\\\44\\\\3' >$ROOT/ntp\n\
            echo x,x,4,1.0,0.000022,0.1,0.1,-5.9,0.0,0.1,0.02,0.03,64.4,Normal >$ROOT/tracking",
        breaks: &[
            ("its services run", "touch $ROOT/stopped $ROOT/mute $ROOT/no-time"),
            ("chronyd answers", "touch $ROOT/mute"),
            ("the sources of time are the lab's", "sed -i s/192.0.2.1/192.0.2.2/ $ROOT/sources"),
            ("the sources of time are the lab's", "sed -i /192.0.2.1/d $ROOT/sources"),
            ("the sources of time are the lab's", "echo '^,+,203.0.113.1,1' >>$ROOT/sources"),
            ("this clock follows one of them", "sed -i 's/,[*],/,?,/' $ROOT/sources"),
            ("the other nodes are told the time", "touch $ROOT/no-time"),
            ("the other nodes are told the time", "printf '\\\\344\\\\3' >$ROOT/ntp"),
            ("this clock is right", "sed -i s/0.000022/3600/ $ROOT/tracking"),
        ],
    },
];
