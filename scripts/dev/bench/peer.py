"""Renders a node's kickstart by Jinja2 and its user-data by PyYAML, COUNT times, and prints the seconds.

usage: peer.py FOLDER COUNT    FOLDER holds one node's ks.cfg and user-data
"""

import json
import sys
import time

import jinja2
import yaml

folder, count = sys.argv[1], int(sys.argv[2])
with open(f"{folder}/ks.cfg", encoding="utf-8") as file:
    kickstart = file.read()
with open(f"{folder}/user-data", encoding="utf-8") as file:
    user_data = yaml.load(file, Loader=yaml.CSafeLoader)
# The template is the rendered file with the node's name and address as expressions.
parts = []
for part in kickstart.replace("10.0.0.31", "\0address\0").replace("compute", "\0name\0").split("\0"):
    parts.append("{{ %s }}" % part if part in ("address", "name") else "{% raw %}" + part + "{% endraw %}")

began = time.perf_counter()
template = jinja2.Environment(keep_trailing_newline=True).from_string("".join(parts))
total = 0
for i in range(count):
    total += len(template.render(name=f"compute{i}", address=f"10.0.{i // 250}.{i % 250}"))
    user_data["hostname"] = f"compute{i}"
    total += len(yaml.dump(user_data, Dumper=yaml.CSafeDumper, default_flow_style=False))
print(json.dumps({"seconds": time.perf_counter() - began, "bytes": total}).replace(": ", ":"))
