#!/usr/bin/python3
"""OpenStack's services, as far as the node's scripts ask them, on an address of the loopback of its own: keystone's port is fixed.

fake.py FOLDER

Prints its address. FOLDER/state.json is what there is, kept after each request; FOLDER/asked a line for each request, `METHOD PATH`;
FOLDER/faults.json what is to go wrong: [{"method", "path" (an expression), "do", "with", "times"}].
"""

import json
import os
import random
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

FOLDER = sys.argv[1]
SERVICES = {"image": "image", "compute": "compute", "network": "network", "volumev3": "volume"}
# What a list calls one of its entries, where it is not the list's name without an s.
ONE = {"networks": "network", "security-groups": "security_group", "security-group-rules": "security_group_rule", "os-keypairs": "keypair"}
LOCK = threading.Lock()


def kept(name, otherwise):
    try:
        with open(os.path.join(FOLDER, name)) as file:
            return json.load(file)
    except FileNotFoundError:
        return otherwise


class Refuse(Exception):
    pass


class Cloud:
    def __init__(self):
        self.lists = kept("state.json", {})
        self.count = 0

    def of(self, name):
        return self.lists.setdefault(name, [])

    def find(self, name, key, value):
        return [entry for entry in self.of(name) if str(entry.get(key)) == value]

    def one(self, name, wanted):
        found = self.find(name, "name" if name == "os-keypairs" else "id", wanted)
        if not found:
            raise Refuse(404, "there is no %s %s" % (name, wanted))
        return found[0]

    def add(self, name, entry):
        self.count += 1
        if name != "os-keypairs":  # nova knows these by their names
            entry.setdefault("id", "%s-%d" % (name, self.count))
        self.of(name).append(entry)
        return entry

    # ---- identity ----

    def token(self, body, address):
        auth = body["auth"]
        who = auth["identity"]["password"]["user"]
        if not any(u["password"] == who["password"] for u in self.find("users", "name", who["name"])):
            raise Refuse(401, "The request you have made requires authentication.")
        token = {}
        if "scope" in auth:
            kinds = {k: v for k, v in SERVICES.items() if k != "volumev3" or self.of("block-storage")}
            token["catalog"] = [
                # Nobody answers at the public one.
                {"type": kind, "endpoints": [{"interface": "public", "url": "http://%s:1/%s/" % (address, path)},
                                             {"interface": "internal", "url": "http://%s:5000/%s/" % (address, path)}]}
                for kind, path in kinds.items()]
        return {"token": token}

    # ---- what has consequences ----

    def seen(self, name, entry):
        """An entry as who asks sees it now: things take as long as until they are asked for a second time."""
        entry["asked"] = entry.get("asked", 0) + 1
        if name == "servers" and entry["asked"] > 1 and entry["status"] == "BUILD":
            entry["status"] = "ACTIVE"
        if name == "images":
            entry["status"] = "active" if entry.get("bytes") else "queued"
        if name == "volumes" and entry["asked"] > 1 and entry["status"] == "creating":
            entry["status"] = "available"
        return entry

    def made(self, name, entry):
        if name == "servers":
            entry.update(status="BUILD", addresses={"net": [{"addr": "172.31.250.9"}]}, **{"OS-EXT-SRV-ATTR:host": "compute"})
        if name == "volumes":
            entry["status"] = "creating"
        if name == "os-keypairs":
            entry["fingerprint"] = "07:eb"
        if name == "subnets":
            self.add("ports", {"network_id": entry["network_id"], "device_owner": "network:dhcp", "status": "ACTIVE",
                               "device_id": "dhcp", "fixed_ips": [{"ip_address": "172.31.250.2"}]})
        return entry

    def removed(self, name, entry):
        if name == "servers":
            # It is there for one more question, and then its volumes are free.
            if not entry.get("leaves"):
                entry["leaves"] = True
                return
            for volume in self.find("volumes", "server", entry["id"]):
                volume["status"] = "available"
        if name == "volumes" and entry["status"] in ("available", "error"):
            # And this one for one more, too.
            entry["status"] = "deleting"
            return
        if name == "volumes":
            if entry["status"] == "deleting":
                self.of(name).remove(entry)
            raise Refuse(400, "Invalid volume: Volume status must be available or error")
        if name == "networks":
            if any(entry["id"] in json.dumps(server) for server in self.of("servers")):
                raise Refuse(409, "the network is in use by a server")
            if self.find("ports", "device_owner", "network:router_interface"):
                raise Refuse(409, "the network is in use by a router")
        if name == "routers" and self.find("ports", "device_id", entry["id"]):
            raise Refuse(409, "the router has interfaces")
        self.of(name).remove(entry)

    def answer(self, method, path, query, body, raw):
        parts = path.strip("/").split("/")
        if parts[0] in ("v2", "v2.0", "v3"):
            parts = parts[1:]
        name = parts[0]
        single = ONE.get(name, name[:-1])
        if name == "servers" and len(parts) > 2:
            server = self.one(name, parts[1])
            if parts[2] == "action":
                return {"output": server.get("console", "trainyard: this server runs\n")}
            volume = self.one("volumes", body["volumeAttachment"]["volumeId"])
            volume.update(status="in-use", server=server["id"])
            return {"volumeAttachment": {}}
        if name == "routers" and not self.find("extensions", "alias", "router"):
            raise Refuse(404, "The resource could not be found.")
        if name == "routers" and len(parts) > 2:
            if parts[2] == "add_router_interface":
                self.add("ports", {"device_id": parts[1], "device_owner": "network:router_interface", "status": "ACTIVE",
                                   "network_id": self.one("subnets", body["subnet_id"])["network_id"],
                                   "fixed_ips": [{"ip_address": "172.31.250.1"}]})
            else:
                for port in self.find("ports", "device_id", parts[1]):
                    self.of("ports").remove(port)
            return {}
        if name == "images" and parts[2:] == ["file"]:
            self.one(name, parts[1])["bytes"] = len(raw)
            return None
        if name == "projects" and len(parts) > 2:
            if parts[1:] not in [g["path"] for g in self.of("grants")]:
                self.add("grants", {"path": parts[1:]})
            return None
        if method == "POST":
            entry = self.made(name, self.add(name, dict(body.get(single, body) if name != "images" else body)))
            return entry if name == "images" else {single: entry}
        if len(parts) == 1:
            for server in [s for s in self.of("servers") if s.get("leaves")] if name == "servers" else []:
                self.removed(name, server)
            found = [e for e in self.of(name) if all(str(e.get(k, v)) == v for k, v in query.items() if ":" not in k)]
            key = name.replace("-", "_") if name != "os-keypairs" else "keypairs"
            return {key: [{"keypair": e} for e in found] if name == "os-keypairs" else found}
        entry = self.one(name, parts[1])
        if method == "DELETE":
            self.removed(name, entry)
            return None
        if method == "PATCH":
            entry.update(body[single])
        entry = self.seen(name, entry)
        return entry if name == "images" else {single: entry}


CLOUD = Cloud()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def reply(self, status, text, **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def fault(self, raw):
        """Does what is to go wrong at this request; whether it answered."""
        faults = kept("faults.json", [])
        for fault in faults:
            if fault["method"] != self.command or not re.search(fault["path"], self.path) or not fault.get("times", 1000):
                continue
            fault["times"] = fault.get("times", 1000) - 1
            with open(os.path.join(FOLDER, "faults.json"), "w") as file:
                json.dump(faults, file)
            what = fault.get("with", "")
            if fault["do"] == "refuse":
                self.reply(what[0], what[1])
            elif fault["do"] == "say":
                self.reply(200, what, X_Subject_Token="t")
            elif fault["do"] == "echo":
                self.reply(400, json.dumps({"error": {"message": "Invalid input: %s" % raw.decode()}}))
            elif fault["do"] == "drip":
                # A byte now and then: no single one comes late.
                self.send_response(200)
                self.end_headers()
                for _ in range(200):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
            elif fault["do"] == "set":
                for entry in CLOUD.of(what[0]):
                    entry.update(what[1])
                return False
            return True
        return False

    def work(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        where = urlsplit(self.path)
        path = where.path
        # Identity stands at /v3, the other services each under their own name.
        for service in SERVICES.values():
            path = path[len(service) + 1:] if path.startswith("/%s/" % service) else path
        with LOCK:
            with open(os.path.join(FOLDER, "asked"), "a") as file:
                file.write("%s %s\n" % (self.command, self.path))
            if self.fault(raw):
                return
            is_json = self.headers.get("Content-Type") == "application/json"
            body = json.loads(raw) if is_json else None
            headers = {}
            try:
                if path == "/v3/auth/tokens":
                    answer, headers = CLOUD.token(body, self.server.server_address[0]), {"X_Subject_Token": "token"}
                elif self.headers.get("X-Auth-Token") != "token":
                    raise Refuse(401, "no token")
                else:
                    answer = CLOUD.answer(self.command, path, dict(parse_qsl(where.query)), body, raw)
                status, text = (204, "") if answer is None else (200, json.dumps(answer))
            except Refuse as refused:
                status, text = refused.args[0], json.dumps({"error": {"message": refused.args[1]}})
            with open(os.path.join(FOLDER, "state.json"), "w") as file:
                json.dump(CLOUD.lists, file)
        self.reply(status, text, **headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = work


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 20

    def handle_error(self, request, client_address):
        """Who asked has gone; whatever else goes wrong here is seen by who asked."""


for attempt in range(50):
    address = "127.%d.%d.%d" % (random.randint(2, 250), random.randint(1, 250), random.randint(2, 250))
    try:
        server = Server((address, 5000), Handler)
        break
    except OSError:
        pass
else:
    sys.exit("port 5000 is taken on every address of the loopback")
print(address, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()  # who started it has gone, then
