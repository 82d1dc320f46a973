#!/usr/bin/python2
"""Uses the cloud once, as a person would: an image, a network, a server that comes up, what it says on its console; then takes it all away.

smoke.py [--format table|json] [--image FILE] [--keep]

Everything it makes is called `trainyard-smoke`, and what an earlier run left under that name goes first. Without --image it makes a tiny image
on the spot, which says one line on its console and halts: nothing is downloaded, and 64 MB of memory are enough. --keep leaves all of it.
It runs on the controller, as root, for it enters as admin and as demo.
"""

from __future__ import print_function

import json
import os
import struct
import sys
import time

from cloud import PAUSE, Cloud, Failure, Refused, shown

NAME = "trainyard-smoke"
WORDS = "trainyard: this server runs\r\n"
LIMIT = float(os.environ.get("TRAINYARD_SMOKE_LIMIT", 900))  # seconds that all of it may take; the last fifth is for taking things away
RANGE = ("203.0.113.0/24", "203.0.113.1", "203.0.113.101", "203.0.113.250")  # of the provider network, where there is none yet
OWN = ("172.31.250.0/24", "172.31.250.1")


def image():
    """A disk whose first sector writes WORDS to the first serial port, and halts."""
    code = bytearray(b"\x31\xc0\x8e\xd8\xbe\x00\x7c")  # xor ax,ax; mov ds,ax; mov si,WORDS
    start = len(code)
    code += b"\xac\x84\xc0\x74\x00"  # next: lodsb; test al,al; jz halt
    jump = len(code)
    code += b"\x88\xc3\xba\xfd\x03"  # mov bl,al; mov dx,0x3fd
    code += b"\xec\xa8\x20\x74\xfb"  # wait: in al,dx; test al,0x20; jz wait
    code += b"\xba\xf8\x03\x88\xd8\xee"  # mov dx,0x3f8; mov al,bl; out dx,al
    code += b"\xeb" + struct.pack("b", start - len(code) - 2)  # jmp next
    code[jump - 1] = len(code) - jump
    code += b"\xf4\xeb\xfd"  # halt: hlt; jmp halt
    code[5:7] = struct.pack("<H", 0x7C00 + len(code))
    code += WORDS.encode("ascii") + b"\0"
    return bytes(code) + b"\0" * (510 - len(code)) + b"\x55\xaa" + b"\0" * (1048576 - 512)


class Smoke(object):
    def __init__(self, file, limit):
        self.file, self.end = file, time.time() + limit * 0.8
        self.steps = []
        self.undo = []  # what takes away what was made: a thing's description, and a function
        self.admin = self.demo = None

    # ---- helpers ----

    def step(self, name, work):
        """Says what WORK returns; what it raises ends the run."""
        begun = time.time()
        try:
            if time.time() > self.end:
                raise Failure("no time is left")
            detail, ok = work(), True
        except (Failure, IOError, KeyError, IndexError, TypeError, ValueError) as error:
            detail, ok = (str(error) if isinstance(error, Failure) else shown(repr(error))), False
        self.steps.append({"name": name, "ok": ok, "detail": detail, "seconds": round(time.time() - begun, 1)})
        return ok

    def wait(self, what, seconds, ask):
        """Until ASK returns something."""
        begun = time.time()
        end = min(self.end, begun + seconds)
        while True:
            found = ask()
            if found:
                return found
            if time.time() > end:
                raise Failure("%s: not within %d s" % (what, time.time() - begun))
            time.sleep(min(PAUSE, 2))

    def make(self, user, kind, path, one, body):
        made = user.ask("POST", kind, path, {one: body})
        made = made.get(one, made)
        self.later(user, kind, "%s/%s" % (path, made.get("id") or made["name"]))
        return made

    def later(self, user, kind, path):
        """In the end, this is taken away."""
        self.undo.append((path, lambda: self.remove(user, kind, path)))

    def remove(self, user, kind, path):
        """Until it is gone: a server takes some seconds, and its port holds the network for as long, and it holds its volume, of which
        block storage says 400."""
        def gone():
            try:
                user.ask("DELETE", kind, path)
                return kind in ("image", "network")
            except Refused as refused:
                if refused.status not in ((404, 409, 400) if kind == "volumev3" else (404, 409)):
                    raise
                return refused.status == 404

        self.wait(path + " goes", 120, gone)

    def called(self, user, kind, path, key):
        return [e for e in user.get(kind, path)[key] if e.get("name") == NAME]

    def has_volumes(self):
        return any(service["type"] == "volumev3" for service in self.demo.scope["catalog"])

    def has_routers(self):
        """A lab with provider networks alone has none, and 404 for who asks for them."""
        return "router" in [e["alias"] for e in self.admin.get("network", "/v2.0/extensions")["extensions"]]

    # ---- what is tried ----

    def enter(self):
        self.admin = Cloud()
        self.demo = Cloud("demo", "DEMO_PASS", "demo")
        return "admin and demo have tokens"

    def tidy(self):
        """What an earlier run left."""
        gone = []

        def away(user, kind, path):
            user.ask("DELETE", kind, path)
            gone.append(path)

        for server in self.called(self.demo, "compute", "/servers", "servers"):
            away(self.demo, "compute", "/servers/" + server["id"])
        self.wait("an old server goes", 120, lambda: not self.called(self.demo, "compute", "/servers", "servers"))
        for volume in self.called(self.demo, "volumev3", "/volumes", "volumes") if self.has_volumes() else []:
            self.remove(self.demo, "volumev3", "/volumes/" + volume["id"])
            gone.append(volume["id"])
        for router in self.called(self.demo, "network", "/v2.0/routers", "routers") if self.has_routers() else []:
            for port in self.demo.get("network", "/v2.0/ports?device_owner=network:router_interface&device_id=" + router["id"])["ports"]:
                self.demo.ask("PUT", "network", "/v2.0/routers/%s/remove_router_interface" % router["id"], {"port_id": port["id"]})
            away(self.demo, "network", "/v2.0/routers/" + router["id"])
        for network in self.called(self.admin, "network", "/v2.0/networks", "networks"):
            away(self.admin, "network", "/v2.0/networks/" + network["id"])
        for group in self.called(self.demo, "network", "/v2.0/security-groups", "security_groups"):
            away(self.demo, "network", "/v2.0/security-groups/" + group["id"])
        for flavor in self.called(self.admin, "compute", "/flavors", "flavors"):
            away(self.admin, "compute", "/flavors/" + flavor["id"])
        for pair in self.demo.get("compute", "/os-keypairs")["keypairs"]:
            if pair["keypair"]["name"] == NAME:
                away(self.demo, "compute", "/os-keypairs/" + NAME)
        for old in self.called(self.admin, "image", "/v2/images", "images"):
            away(self.admin, "image", "/v2/images/" + old["id"])
        return "nothing of an earlier run is left" if not gone else "of an earlier run, %d things were left" % len(gone)

    def make_image(self):
        kind = "qcow2" if self.file else "raw"
        content = open(self.file, "rb").read() if self.file else image()
        if self.file and content[:4] != b"QFI\xfb":
            kind = "raw"
        body = {"name": NAME, "disk_format": kind, "container_format": "bare", "visibility": "public"}
        made = self.admin.ask("POST", "image", "/v2/images", body)
        self.later(self.admin, "image", "/v2/images/" + made["id"])
        self.admin.ask("PUT", "image", "/v2/images/%s/file" % made["id"], raw=content)
        self.wait("the image is active", 120, lambda: self.admin.get("image", "/v2/images/" + made["id"])["status"] == "active")
        self.image = made["id"]
        return "%d bytes, %s" % (len(content), kind)

    def make_flavor(self):
        body = {"name": NAME, "ram": 64 if not self.file else 256, "vcpus": 1, "disk": 1}
        self.flavor = self.make(self.admin, "compute", "/flavors", "flavor", body)["id"]
        return "%(vcpus)d CPU, %(ram)d MB of memory, %(disk)d GB of disk" % body

    def provider(self, has_servers):
        """The flat network on the provider's cable: there can be one only, so one that is there is used. Without servers on it, nobody asks
        it for an address by DHCP."""
        found = self.admin.get("network", "/v2.0/networks?provider:physical_network=provider&provider:network_type=flat")["networks"]
        if found:
            return found[0], "the provider network `%s`" % found[0]["name"]
        body = {"name": NAME, "shared": True, "router:external": True, "provider:network_type": "flat", "provider:physical_network": "provider"}
        network = self.make(self.admin, "network", "/v2.0/networks", "network", body)
        cidr, gateway, first, last = RANGE
        body = {"name": NAME, "network_id": network["id"], "ip_version": 4, "cidr": cidr, "gateway_ip": gateway, "enable_dhcp": has_servers,
                "allocation_pools": [{"start": first, "end": last}]}
        self.make(self.admin, "network", "/v2.0/subnets", "subnet", body)
        return network, "a provider network, %s" % cidr

    def make_network(self):
        has_routers = self.has_routers()
        network, said = self.provider(not has_routers)
        if has_routers:
            cidr, gateway = OWN
            outside, network = network, self.make(self.demo, "network", "/v2.0/networks", "network", {"name": NAME})
            body = {"name": NAME, "network_id": network["id"], "ip_version": 4, "cidr": cidr, "gateway_ip": gateway}
            subnet = self.make(self.demo, "network", "/v2.0/subnets", "subnet", body)
            body = {"name": NAME}
            if outside["router:external"]:
                body["external_gateway_info"] = {"network_id": outside["id"]}
            router = self.make(self.demo, "network", "/v2.0/routers", "router", body)
            joins = {"subnet_id": subnet["id"]}
            self.demo.ask("PUT", "network", "/v2.0/routers/%s/add_router_interface" % router["id"], joins)
            leave = "/v2.0/routers/%s/remove_router_interface" % router["id"]
            self.undo.append((leave, lambda: self.demo.ask("PUT", "network", leave, joins)))
            self.router = router["id"]
            said = "%s behind a router, to %s" % (cidr, said)
        self.network = network["id"]
        return said

    def routers_work(self):
        """The ports of the router and of DHCP are made by agents, which may take a while."""
        def ports():
            found = self.admin.get("network", "/v2.0/ports?network_id=%s" % self.network)["ports"]
            ours = [p for p in found if p["device_owner"] in ("network:dhcp", "network:router_interface")]
            return ours if ours and all(p["status"] == "ACTIVE" for p in ours) else None

        found = self.wait("the agents make the ports of the network", 180, ports)
        return ", ".join(sorted(p["device_owner"].split(":")[1] + " " + p["fixed_ips"][0]["ip_address"] for p in found))

    def make_group(self):
        group = self.make(self.demo, "network", "/v2.0/security-groups", "security_group", {"name": NAME, "description": NAME})
        for rule in ({"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}):
            body = dict(rule, security_group_id=group["id"], direction="ingress", ethertype="IPv4")
            self.demo.ask("POST", "network", "/v2.0/security-group-rules", {"security_group_rule": body})
        self.group = group["id"]
        return "lets in ICMP and ssh"

    def make_pair(self):
        pair = self.make(self.demo, "compute", "/os-keypairs", "keypair", {"name": NAME})
        return "a key pair, %s" % pair["fingerprint"]

    def make_server(self):
        body = {"name": NAME, "imageRef": self.image, "flavorRef": self.flavor, "key_name": NAME, "networks": [{"uuid": self.network}],
                "security_groups": [{"name": NAME}]}
        server = self.demo.ask("POST", "compute", "/servers", {"server": body})["server"]
        self.server = server["id"]
        self.later(self.demo, "compute", "/servers/" + self.server)

        def active():
            now = self.demo.get("compute", "/servers/" + self.server)["server"]
            if now["status"] == "ERROR":
                raise Failure("the server is in ERROR: %s" % now.get("fault", {}).get("message", "no reason is told"))
            return now if now["status"] == "ACTIVE" else None

        now = self.wait("the server is ACTIVE", 300, active)
        host = self.admin.get("compute", "/servers/" + self.server)["server"].get("OS-EXT-SRV-ATTR:host", "?")
        addresses = [a["addr"] for network in now["addresses"].values() for a in network]
        return "ACTIVE on %s, %s" % (host, ", ".join(addresses) or "without an address")

    def read_console(self):
        def log():
            answer = self.demo.ask("POST", "compute", "/servers/%s/action" % self.server, {"os-getConsoleOutput": {}})
            return answer.get("output", "").strip()

        said = self.wait("the server says something on its console", 180, log)
        return said.splitlines()[-1][:100]

    def make_volume(self):
        volume = self.make(self.demo, "volumev3", "/volumes", "volume", {"name": NAME, "size": 1})
        # It goes after the server: a halted one would not let go of it.
        self.undo.insert(0, self.undo.pop())

        def status(wanted):
            now = self.demo.get("volumev3", "/volumes/" + volume["id"])["volume"]["status"]
            if now.startswith("error"):
                raise Failure("the volume is in %s" % now)
            return now == wanted

        self.wait("the volume is available", 180, lambda: status("available"))
        body = {"volumeAttachment": {"volumeId": volume["id"]}}
        self.demo.ask("POST", "compute", "/servers/%s/os-volume_attachments" % self.server, body)
        self.wait("the volume is in use", 180, lambda: status("in-use"))
        return "1 GB, attached to the server"

    def clean(self):
        """Takes away what was made, the last first."""
        wrong = []
        for path, away in reversed(self.undo):
            try:
                away()
            except Failure as error:
                wrong.append("%s: %s" % (path, error))
        if wrong:
            raise Failure("; ".join(wrong))
        return "%d things were taken away" % len(self.undo)


def main(words):
    form, file, keep = "table", None, False
    while words:
        word = words.pop(0)
        if word == "--format" and words and words[0] in ("table", "json"):
            form = words.pop(0)
        elif word == "--image" and words:
            file = words.pop(0)
        elif word == "--keep":
            keep = True
        else:
            sys.stderr.write(__doc__)
            return 2
    smoke = Smoke(file, LIMIT)
    steps = [("enter", smoke.enter), ("tidy", smoke.tidy), ("image", smoke.make_image), ("flavor", smoke.make_flavor),
             ("network", smoke.make_network), ("ports", smoke.routers_work), ("security group", smoke.make_group),
             ("key pair", smoke.make_pair), ("server", smoke.make_server), ("console", smoke.read_console), ("volume", smoke.make_volume)]
    try:
        for name, work in steps:
            if name == "volume" and not smoke.has_volumes():
                continue
            done = smoke.step(name, work)
            tell(form, smoke.steps[-1])
            if not done:
                break
    finally:
        if not keep:
            smoke.end = time.time() + LIMIT * 0.2
            smoke.step("clean", smoke.clean)
            tell(form, smoke.steps[-1])
    ok = all(step["ok"] for step in smoke.steps)
    if form == "json":
        print(json.dumps({"schema": 1, "ok": ok, "steps": smoke.steps}, indent=2, sort_keys=True))
    return 0 if ok else 5


def tell(form, step):
    if form == "table":
        print("%s %s: %s (%.1f s)" % ("ok" if step["ok"] else "FAILED", step["name"], step["detail"], step["seconds"]))
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
