#!/usr/bin/env python3
"""Asks oslo.config 6.11.3, which is OpenStack Train's, which values it takes, for the tests of src/model/train.

usage: train-values.py > src/model/train/values.tsv

Needs that release of oslo.config. Each line: what the option takes, in the words of the lists; a value; `taken` or `refused`.
"""

import tempfile

from oslo_config import cfg, types

OPTIONS = {
    "bool": cfg.BoolOpt("x"),
    "int": cfg.IntOpt("x"),
    "int 1..9": cfg.IntOpt("x", min=1, max=9),
    "int =256|512": cfg.Opt("x", type=types.Integer(choices=[256, 512])),
    "float 0..": cfg.FloatOpt("x", min=0.0),
    "port": cfg.PortOpt("x"),
    "list": cfg.ListOpt("x"),
    "dict": cfg.DictOpt("x"),
    "host": cfg.HostAddressOpt("x"),
    "ip": cfg.IPOpt("x"),
    "uri": cfg.URIOpt("x"),
    "=a|B": cfg.StrOpt("x", choices=["a", "B"]),
    "=sha256, verify|on": cfg.StrOpt("x", choices=["sha256, verify", "on"]),
    "=|a": cfg.StrOpt("x", choices=["", "a"]),
    "=Days any-case": cfg.StrOpt("x", choices=["Days"], ignore_case=True),
}
NUMBERS = ["0", "1", "-1", "+1", "9", "10", "010", "1.0", "0x10", "abc", "1e3", "--1", "", "256", "0256", "65535", "65536", "80"]
VALUES = {
    "bool": "true TRUE yes on 1 0 off no false t y n f 2 enabled ture".split() + ["", '"true"', "'no'", "'no"],
    "float": NUMBERS + ["-0.1", ".5", "5.", "-0", "inf", "infinity", "1e999"],
    "list": ["a,b", "a, b", "", "a,,b", '"a', "[a,b]"],
    "dict": ["a:b", "a:b,c:d", "a: b, c: d", "a", "a:b,c", "", "a:", "a:b,a:c", ":b", "a:b:c", "a:'x,y'"],
    "host": "10.0.0.1 ::1 a.b.c a_b controller -a 999.1.1.1 10.0.0.1:80 [::1] 1.2 a. 1a A.B a..b a-.b a1.2 1- . a.b.. 1.2.3.4.5 1.2.3.a "
    "10.0.0.01 fe80::1%eth0 ::ffff:1.2.3.4".split() + ["", "a b", "a" * 63, "a" * 64],
    "ip": ["10.0.0.1", "::1", "a", "10.0.0", "10.0.0.1/24", "", "1", "10.1"],
    "uri": "http://a a http:/a http:// ://a file:///x http://a:80/x?y=1#z HTTP://a 1http://a h+t.p-x://a h_t://a http://[::1]:80 "
    "http://user:p@h http://h:port http://ü http://a_b http://a^b http://a/{x} http://,a rabbit://u:p@h1:1,u:p@h2:2/ http://?x "
    "http:///x redis://:p@h http://h:99999 http://a@b@c rabbit://openstack:x@c:5672/ mysql+pymysql://a:b@c/d".split()
    + ["", "http://a b", "http://a/b c", 'http://a"b'],
    "=": ["a", "A", "B", "b", "", "c", '"a"', "sha256, verify", "sha256,verify", "on", "Days", "days", "DAYS", "day"],
}


def is_taken(option, value):
    """Whether the value can be read for the option from a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(f"[y]\nx = {value}\n")
        file.flush()
        conf = cfg.ConfigOpts()
        conf.register_opt(option, group="y")
        conf(["--config-file", file.name], project="x")
        try:
            conf.y.x
        except cfg.ConfigFileValueError:
            return False
        return True


print("# What oslo.config 6.11.3 takes, asked of it by scripts/dev/train-values.py.")
for words, option in OPTIONS.items():
    kind = "=" if words.startswith("=") else words.split()[0]
    for value in VALUES.get(kind, NUMBERS):
        print(words, value, "taken" if is_taken(option, value) else "refused", sep="\t")
