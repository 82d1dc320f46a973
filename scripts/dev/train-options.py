#!/usr/bin/env python3
"""Writes what OpenStack Train's configuration files take, one list for each file, to src/model/train/.

usage: train-options.py FOLDER

FOLDER holds NAME.json for each file below, made from the projects' own releases and the libraries that these were released with:
  {"options": {SECTION: {OPTION: {"type", "choices", "min", "max", "multi", "deprecated_for_removal"}}},
   "renamed": {SECTION: {OLD NAME: "SECTION.OPTION"}}}
oslo.config's generator gives the names (`oslo-config-generator --format json`, with the namespaces of the project's own generator
file); sections that log in to keystone have the options of keystoneauth's `password` as well.
"""

import json
import pathlib
import sys

RELEASES = {
    "cinder": "cinder 15.6.0",
    "dhcp_agent": "neutron 15.3.4",
    "glance-api": "glance 19.0.4",
    "keystone": "keystone 16.0.2",
    "l3_agent": "neutron 15.3.4",
    "linuxbridge_agent": "neutron 15.3.4",
    "metadata_agent": "neutron 15.3.4",
    "ml2_conf": "neutron 15.3.4",
    "neutron": "neutron 15.3.4",
    "nova": "nova 20.6.1",
    "placement": "placement 2.0.1",
}
TYPES = {
    "string": None,
    "str": None,
    "multistring": None,
    "boolean": "bool",
    "integer": "int",
    "float": "float",
    "port": "port",
    "list": "list",
    "dict": "dict",
    "hostaddress": "host",
    "ipaddress": "ip",
    "uri": "uri",
}
# What the releases' sources declare with `ignore_case`, which the generator does not tell.
ANY_CASE = {
    "backup_compression_algorithm",
    "disk_driver",
    "infinidat_storage_protocol",
    "log_rotate_interval_type",
    "log_rotation_type",
    "storage_protocol",
}
HEAD = """\
# What {release}, of OpenStack Train, takes in this file; made by scripts/dev/train-options.py, from the release itself.
# An option, its type (none: any text), `=` its choices, LEAST..MOST; `->` what an old name is called today.
"""


def limits(option):
    """`LEAST..MOST`, where there is one that says more than the type does."""
    least, most = option.get("min"), option.get("max")
    if option["type"] == "port" and (least, most) == (0, 65535) or least is most is None:
        return None
    return "{}..{}".format(*("" if limit is None else f"{limit:g}" if limit < 1e6 else limit for limit in (least, most)))


def line(name, option):
    """An option's line."""
    fields = [name, TYPES[option["type"]], limits(option)]
    # `None` among the choices is what an option is that nobody sets.
    choices = [str(choice) for choice in option.get("choices", []) if choice is not None]
    if choices:
        assert not any(set("|\t\n") & set(choice) for choice in choices), name
        fields.append("=" + "|".join(choices))
        if name in ANY_CASE:
            fields.append("any-case")
    if option.get("deprecated_for_removal"):
        fields.append("deprecated")
    return "\t".join(field for field in fields if field)


def main():
    """Writes all lists."""
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(__file__).resolve().parents[2] / "src/model/train"
    for name, release in RELEASES.items():
        known = json.loads((source / f"{name}.json").read_text(encoding="utf-8"))
        lines = [HEAD.format(release=release).rstrip()]
        for section in sorted(known["options"].keys() | known["renamed"].keys()):
            lines.append(f"[{section}]")
            lines += [line(*entry) for entry in sorted(known["options"].get(section, {}).items())]
            lines += [f"{old}\t-> {new}" for old, new in sorted(known["renamed"].get(section, {}).items())]
        (target / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if len(sys.argv) != 2:
    sys.exit(__doc__)
main()
