#!/bin/bash
# What a node has become, one fact a line: two nodes that print the same are the same. Times and what is random by its nature are left out.
set -uo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin

echo '# files'
find /etc /root /usr/local /opt /srv -xdev \( -name machine-id -o -name adjtime -o -name ld.so.cache -o -name '*.pyc' \) -prune -o \
    -printf '%y %m %u:%g %p -> %l\n' | sort
find /etc /root /usr/local -xdev -type f ! -name machine-id ! -name adjtime ! -name ld.so.cache ! -name '*.pyc' ! -name '*.log' \
    ! -path /etc/shadow ! -path '/etc/*-' -print0 | sort -z | xargs -0 sha256sum
# Without what tools for accounts keep of the file before (`/etc/passwd-`), and without the days on which passwords were set.
printf '%s  /etc/shadow\n' "$(cut -d : -f 1-2,4- /etc/shadow | sha256sum | cut -d ' ' -f 1)"
echo '# what runs that was cut off would leave'
find /etc /root /usr/local /var/lib/trainyard /var/lib/rabbitmq -xdev \( -name '*~' -o -name '.trainyard*' \)
find /tmp /var/tmp -xdev -mindepth 1 ! -name 'systemd-private-*' ! -path '*/systemd-private-*' ! -name '.*-unix'

echo '# stages'
for file in /var/lib/trainyard/done/*; do printf '%s %s\n' "$file" "$(head -c 64 "$file")"; done
for file in /var/lib/trainyard/state/*; do printf '%s %s\n' "$file" "$(cut -d ' ' -f 1 "$file")"; done
find /var/lib/trainyard -mindepth 1 -maxdepth 1 ! -name verified -printf '%f %m\n' | sort

echo '# units'
systemctl list-unit-files --no-legend --no-pager --state=enabled | awk '{ print $1, $2 }' | sort
systemctl list-units --all --no-legend --no-pager --plain --type=service | awk '$3 == "failed" { print $1, $3 }' | sort
while read -r unit; do
    printf '%s %s\n' "$unit" "$(systemctl is-active "$unit")"
done < <(sed -n 's/^service //p' /etc/trainyard/stages/*/manifest | sort -u)

echo '# packages'
cut -d ' ' -f 1 /var/lib/rpm/installed

if systemctl -q is-active mariadb; then
    echo '# database'
    mysql --defaults-file=/root/.my.cnf --batch --skip-column-names <<'SQL'
SELECT 'user', User, Host, plugin, authentication_string FROM mysql.user ORDER BY User, Host;
SELECT 'database', SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME;
SELECT 'setting', @@max_connections, @@bind_address, @@character_set_server, @@open_files_limit;
SQL
    mysql --defaults-file=/root/.my.cnf --batch --skip-column-names --execute="
        SELECT CONCAT('SHOW GRANTS FOR ', QUOTE(User), '@', QUOTE(Host), ';') FROM mysql.user ORDER BY User, Host" |
        mysql --defaults-file=/root/.my.cnf --batch --skip-column-names --force 2>&1
    mysql --defaults-file=/root/.my.cnf --batch --skip-column-names --execute="
        SELECT 'right to', Host, Db, User FROM mysql.db ORDER BY Host, Db, User"
fi
if systemctl -q is-active rabbitmq-server; then
    echo '# message queue'
    rabbitmqctl -q list_users | sort
    rabbitmqctl -q list_permissions | sort
    rabbitmqctl -q authenticate_user openstack "$(sed -n 's/^RABBIT_PASS=//p' /etc/trainyard/secrets.env)" 2>&1 | tail -n 1
fi
if systemctl -q is-active etcd; then
    echo '# key-value store'
    ETCDCTL_API=3 etcdctl --endpoints="http://$(sed -n 's/^TRAINYARD_ADDRESS=//p' /etc/trainyard/node.env):2379" get '' --prefix
fi
echo '# firewall'
firewall-cmd --state 2>&1
firewall-cmd --list-all | sort
firewall-cmd --permanent --list-all | sort
echo '# what listens'
ss -H -lntu | awk '{ print $1, $5 }' | grep -v ':\(3[2-9]\|[456][0-9]\)[0-9]\{3\}$' | sort -u
ip -o address show scope global | awk '{ print $2, $4 }' | sort
ip route show | sort
