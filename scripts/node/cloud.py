#!/usr/bin/python2
"""Asks OpenStack's services, over HTTP as their own clients do. Nothing beside Python's own library is needed, and a question takes a
tenth of what the client `openstack` takes to start.

cloud.py register FILE                                   makes what FILE, a stage's identity.json, says of users and the catalogue
cloud.py rows [--as USER:SECRET:PROJECT] TYPE PATH KEY FIELD...
                                                         asks the service of that TYPE, and prints a line for each entry of the list KEY
                                                         in the answer (. is the answer itself): its FIELDs (a.b is b in a, and where a
                                                         is a list, each b in it), with a tab between
cloud.py catalogue FILE...                               compares the catalogue with what these files say; tells what differs

It enters as admin, or as the USER whose password is that SECRET. Passwords are read from the node's own file of secrets, and stand in no
argument and no message. Runs on CentOS 7's Python 2, and on Python 3 alike.
"""

from __future__ import print_function

import json
import os
import signal
import socket
import sys
import time

try:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener
except ImportError:  # Python 2
    from httplib import HTTPException
    from urllib2 import HTTPError, ProxyHandler, Request, URLError, build_opener

if sys.version_info[0] < 3:
    # Python 2 takes text for ASCII, and a server's name may be Korean.
    reload(sys)  # noqa: F821
    sys.setdefaultencoding("utf-8")

ROOT = os.environ.get("TRAINYARD_ROOT", "")
CONTROLLER = os.environ.get("TRAINYARD_CONTROLLER", "controller")
KEYSTONE = "http://%s:5000/v3" % CONTROLLER
REGION = "RegionOne"
DOMAIN = "default"  # the id of the domain `Default`, which `keystone-manage bootstrap` makes
INTERFACES = ("public", "internal", "admin")
SECONDS = float(os.environ.get("TRAINYARD_ANSWER_LIMIT", 60))  # that an answer may take; ten times that for what is sent as a file
PAUSE = float(os.environ.get("TRAINYARD_ANSWER_PAUSE", 5))  # seconds until the next attempt


class Failure(Exception):
    """What a person is told."""


KNOWN = set()  # values of secrets that were read


def secret(name):
    path = ROOT + "/etc/trainyard/secrets.env"
    with open(path) as lines:
        for line in lines:
            key, _, value = line.rstrip("\n").partition("=")
            if key == name:
                KNOWN.add(value)
                return value
    raise Failure("the secret %s is not in %s" % (name, path))


class Refused(Failure):
    """An answer that is an error."""

    def __init__(self, status, what):
        Failure.__init__(self, what)
        self.status = status


# The lab's own services are reached directly, whatever the environment says of proxies.
OPENER = build_opener(ProxyHandler({}))


def ask(method, url, body=None, token=None, raw=None):
    """The answer's JSON, or None where it is empty, and its headers. `body` is sent as JSON, `raw` as it is."""
    # Python 2 joins head and body of a request, and cannot where the one is `unicode` and the other bytes.
    request = Request(str(url), data=raw if body is None else json.dumps(body).encode("ascii"))
    request.get_method = lambda: method
    request.add_header("Accept", "application/json")
    if body is not None or raw is not None:
        request.add_header("Content-Type", "application/json" if raw is None else "application/octet-stream")
    if token:
        request.add_header("X-Auth-Token", token)
    limit = SECONDS if raw is None else 10 * SECONDS

    def late(*_):
        raise socket.timeout("no whole answer within %g s" % limit)

    # A limit of the socket alone would begin again with each byte.
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        try:
            answer = OPENER.open(request)
            text = answer.read().decode("utf-8", "replace")
        except HTTPError as error:
            raise Refused(error.code, "%s %s: %d %s" % (method, url, error.code, reason(error)))
    except (URLError, HTTPException, socket.error) as error:
        raise Refused(0, "%s %s: %s" % (method, url, getattr(error, "reason", error) or type(error).__name__))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    headers = dict((key.lower(), value) for key, value in answer.headers.items())
    if not text:
        return None, headers
    try:
        return json.loads(text), headers
    except ValueError:
        raise Failure("%s %s: the answer is no JSON: %s" % (method, url, shown(text)))


def shown(text):
    """The beginning of what a service said, on one line; without secrets, which some services repeat to who sent them."""
    for value in filter(None, KNOWN):
        text = text.replace(value, "***")
    return " ".join(text.split())[:300]


def reason(error):
    """What a service says of its refusal, in whichever shape."""
    text = error.read().decode("utf-8", "replace")
    try:
        said = json.loads(text)
        while isinstance(said, dict) and said:
            said = said.get("message") or said.get("detail") or list(said.values())[0]
        return shown("%s" % (said,))
    except ValueError:
        return shown(text)


def enter(user, password, project):
    """A token of that user, for that project if there is one; and what it opens."""
    who = {"name": user, "domain": {"id": DOMAIN}, "password": password}
    auth = {"identity": {"methods": ["password"], "password": {"user": who}}}
    if project:
        auth["scope"] = {"project": {"name": project, "domain": {"id": DOMAIN}}}
    answer, headers = ask("POST", KEYSTONE + "/auth/tokens", {"auth": auth})
    return headers["x-subject-token"], answer["token"]


class Cloud(object):
    """The services, as one user sees them."""

    def __init__(self, user="admin", name="ADMIN_PASS", project="admin"):
        self.token, self.scope = enter(user, secret(name), project)

    def url(self, kind):
        for service in self.scope.get("catalog", []):
            if service["type"] == kind:
                for endpoint in service["endpoints"]:
                    if endpoint["interface"] == "internal":
                        return endpoint["url"].rstrip("/")
        raise Failure("the catalogue has no internal endpoint of the type %s" % kind)

    def ask(self, method, kind, path, body=None, raw=None):
        base = KEYSTONE if kind == "identity" else self.url(kind)
        return ask(method, base + path, body, self.token, raw)[0]

    def get(self, kind, path):
        return self.ask("GET", kind, path)


# ---- users and the catalogue -----------------------------------------------------------------------------------------


def only(found, what):
    """The one that there is, or nothing. A second one is nothing that this would choose between."""
    if len(found) > 1:
        raise Failure("there are %d of %s, where there is to be one: remove all but one" % (len(found), what))
    return found[0] if found else None


def ensured(cloud, plural, one, wanted, query):
    """The entry of identity's list that is called so; made where it is not there."""
    found = only(cloud.get("identity", "/%s?%s" % (plural, query))[plural], "%s `%s`" % (one, wanted["name"]))
    if found is None:
        print("%s %s: made" % (one, wanted["name"]))
        found = cloud.ask("POST", "identity", "/" + plural, {one: wanted})[one]
    return found


def register_user(cloud, wanted):
    name, password = wanted["name"], secret(wanted["secret"])
    project = {"name": wanted["project"], "domain_id": DOMAIN, "description": wanted["project"]}
    project = ensured(cloud, "projects", "project", project, "name=%s&domain_id=%s" % (wanted["project"], DOMAIN))
    role = only(cloud.get("identity", "/roles?name=" + wanted["role"])["roles"], "role " + wanted["role"])
    if role is None:
        raise Failure("there is no role `%s`" % wanted["role"])
    user = {"name": name, "domain_id": DOMAIN, "password": password}
    user = ensured(cloud, "users", "user", user, "name=%s&domain_id=%s" % (name, DOMAIN))
    try:
        enter(name, password, None)
    except Refused as refused:
        if refused.status != 401:
            raise
        print("user %s: given the lab's password" % name)
        cloud.ask("PATCH", "identity", "/users/" + user["id"], {"user": {"password": password, "enabled": True}})
    cloud.ask("PUT", "identity", "/projects/%s/users/%s/roles/%s" % (project["id"], user["id"], role["id"]))
    print("user %s: %s in the project %s" % (name, wanted["role"], wanted["project"]))


def url_of(service, interface):
    """Where a service of an identity.json answers: by TLS there is another URL for those outside."""
    return service.get("public", service["url"]) if interface == "public" else service["url"]


def register_service(cloud, wanted):
    named = "service %s (%s)" % (wanted["name"], wanted["type"])
    service = only(cloud.get("identity", "/services?type=" + wanted["type"])["services"], "services of the type " + wanted["type"])
    said = dict((key, wanted[key]) for key in ("name", "type", "description"))
    if service is None:
        print("%s: made" % named)
        service = cloud.ask("POST", "identity", "/services", {"service": dict(said, enabled=True)})["service"]
    elif any(service.get(key) != said[key] for key in said):
        print("%s: changed" % named)
        cloud.ask("PATCH", "identity", "/services/" + service["id"], {"service": said})
    there = cloud.get("identity", "/endpoints?service_id=" + service["id"])["endpoints"]
    for interface in INTERFACES:
        url = url_of(wanted, interface)
        here = [e for e in there if e["interface"] == interface and e["region_id"] == REGION]
        endpoint = only(here, "%s endpoints of the %s" % (interface, named))
        said = {"interface": interface, "region_id": REGION, "service_id": service["id"], "url": url, "enabled": True}
        if endpoint is None:
            print("%s: %s at %s" % (named, interface, url))
            cloud.ask("POST", "identity", "/endpoints", {"endpoint": said})
        elif endpoint["url"] != url or not endpoint["enabled"]:
            print("%s: %s now at %s" % (named, interface, url))
            cloud.ask("PATCH", "identity", "/endpoints/" + endpoint["id"], {"endpoint": said})


def read(path):
    with open(path) as file:
        return json.load(file)


def register(path):
    cloud, entries = Cloud(), read(path)
    for user in entries["users"]:
        register_user(cloud, user)
    for service in entries["services"]:
        register_service(cloud, service)


def compare(paths):
    """Tells what the catalogue has and should not, and what it has not and should."""
    cloud = Cloud()
    services = [service for path in paths for service in read(path)["services"]]
    if all(service["type"] != "identity" for service in services):
        services.append({"type": "identity", "url": KEYSTONE + "/"})
    wanted = set((s["type"], interface, url_of(s, interface)) for s in services for interface in INTERFACES)
    kinds = dict((service["id"], service["type"]) for service in cloud.get("identity", "/services")["services"])
    endpoints = cloud.get("identity", "/endpoints")["endpoints"]
    there = [(kinds.get(e["service_id"], "unknown"), e["interface"], e["url"]) for e in endpoints if e["enabled"]]
    wrong = ["there is no %s endpoint of the type %s at %s" % (i, k, u) for k, i, u in sorted(wanted - set(there))]
    wrong += ["nothing of the lab has the %s endpoint of the type %s at %s" % (i, k, u) for k, i, u in sorted(set(there) - wanted)]
    wrong += ["there are %d %s endpoints of the type %s at %s" % (there.count(e), e[1], e[0], e[2])
              for e in sorted(set(there)) if there.count(e) > 1]
    wrong += ["there are %d services of the type %s" % (list(kinds.values()).count(kind), kind)
              for kind in sorted(set(kinds.values())) if list(kinds.values()).count(kind) > 1]
    for line in wrong:
        print("error: " + line)
    if wrong:
        sys.exit(1)
    print("%d services, %d endpoints" % (len(kinds), len(there)))


# ---- lists -----------------------------------------------------------------------------------------------------------


def field(entry, name):
    if isinstance(entry, list):
        return " ".join(field(one, name) for one in entry)
    part, _, rest = name.partition(".")
    entry = entry.get(part) if isinstance(entry, dict) else None
    if rest:
        return field(entry, rest)
    return "" if entry is None else str(entry)


def rows(cloud, kind, path, key, fields):
    answer = cloud.get(kind, path)
    entries = answer if key == "." else answer[key]
    for entry in entries if isinstance(entries, list) else [entries]:
        print("\t".join(field(entry, name) for name in fields))


def main(words):
    if words[:1] == ["register"] and len(words) == 2:
        return register(words[1])
    if words[:1] == ["catalogue"]:
        return compare(words[1:])
    if words[:1] == ["rows"]:
        words, who = words[1:], []
        if words[:1] == ["--as"]:
            who, words = words[1].split(":"), words[2:]
        if len(words) >= 4:
            return rows(Cloud(*who), words[0], words[1], words[2], words[3:])
    sys.stderr.write(__doc__)
    sys.exit(2)


if __name__ == "__main__":
    # A service that starts at this moment refuses for some seconds.
    for attempt in (1, 2, 3):
        try:
            main(sys.argv[1:])
            break
        except Refused as failure:
            if attempt == 3 or failure.status not in (0, 500, 502, 503, 504):
                sys.exit("error: %s" % failure)
            time.sleep(PAUSE)
        except Failure as failure:
            sys.exit("error: %s" % failure)
        except (IOError, IndexError, KeyError, TypeError, ValueError) as failure:
            sys.exit("error: what was answered or read is not what was expected: %s: %s" % (type(failure).__name__, failure))
