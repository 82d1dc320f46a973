"""What a lab finds outside: names, mirrors of packages, and a clock that is wrong.

outside.py names ADDRESS OTHER       answers every question for an address with ADDRESS, but for names without a dot; under openstack.org with OTHER
outside.py mirrors ADDRESS PORT LOG  the first part of a path says how the mirror behaves; LOG gets a line a request
outside.py time ADDRESS OFFSET       an NTP server of stratum 1 that is OFFSET seconds off
outside.py relay ADDRESS PORT        passes connections of the listening socket that is its standard input on to there
"""

import hashlib
import http.server
import socket
import struct
import sys
import threading
import time

PRIMARY = b'<?xml version="1.0"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" packages="0"/>\n'
REPOMD = (
    '<?xml version="1.0"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo">\n<data type="primary">\n'
    '<checksum type="sha256">%s</checksum>\n<location href="repodata/primary.xml"/>\n</data>\n</repomd>\n'
    % hashlib.sha256(PRIMARY).hexdigest()
).encode()


class Mirror(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        how = self.path.split("/")[1]
        with open(sys.argv[4], "a") as log:
            log.write(self.path + "\n")
        if how == "errors":
            return self.send_error(503)
        whole = REPOMD if self.path.endswith("/repomd.xml") else PRIMARY
        if how == "broken":
            whole = b"<html><body>The site is being moved</body></html>\n<br>"
        elif how == "torn" and whole is PRIMARY:
            whole = b"x" * len(PRIMARY)
        self.send_response(200)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        if how == "slow":
            for byte in whole:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(2)
        else:
            self.wfile.write(whole)

    def log_message(self, *_):
        pass


def names(address, other):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 53))
    while True:
        question, client = server.recvfrom(512)
        end, labels = 12, 0
        while question[end]:
            end += question[end] + 1
            labels += 1
        kind = struct.unpack("!H", question[end + 1 : end + 3])[0]
        asked = question[12 : end + 5]
        status = 0 if labels > 1 else 3  # no such name
        answer = b""
        if kind == 1 and not status:
            found = other if b"\topenstack\x03org" in asked else address
            answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(found)
        header = question[:2] + struct.pack("!HHHHH", 0x8180 | status, 1, 1 if answer else 0, 0, 0)
        server.sendto(header + asked + answer, client)


def wrong_time(address, offset):
    def stamp(when):
        when += 2208988800 + offset
        return struct.pack("!II", int(when), int(when % 1 * 2**32))

    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, 123))
    while True:
        question, client = server.recvfrom(512)
        now = time.time()
        # No warning, version 4, server; stratum 1; poll, precision, delay, dispersion, name of the clock.
        head = struct.pack("!BBbbII4s", 0x24, 1, question[2], -20, 0, 0x100, b"TEST")
        server.sendto(head + stamp(now - 1) + question[40:48] + stamp(now) + stamp(time.time()), client)


def relay(address, port):
    def pass_on(one, other):
        try:
            while True:
                read = one.recv(65536)
                if not read:
                    break
                other.sendall(read)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            one.close()
            other.close()

    listener = socket.socket(fileno=0)
    while True:
        here, _ = listener.accept()
        there = socket.create_connection((address, port))
        for pair in ((here, there), (there, here)):
            threading.Thread(target=pass_on, args=pair, daemon=True).start()


if sys.argv[1] == "names":
    names(*sys.argv[2:4])
elif sys.argv[1] == "relay":
    relay(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] == "mirrors":
    http.server.ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Mirror).serve_forever()
else:
    wrong_time(sys.argv[2], float(sys.argv[3]))
