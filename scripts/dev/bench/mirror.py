#!/usr/bin/env python3
"""A mirror on loopback for measurements: sends files of a folder as fast as the system can, with ranges.

usage: mirror.py FOLDER LOG

Prints its address. LOG gets the bytes of each answer, a line each. The first answer for NAME?cut=N ends after N bytes.
"""

import os
import socketserver
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler

FOLDER, LOG = sys.argv[1:]
cut_once = set()


class Mirror(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        with open(os.path.join(FOLDER, os.path.basename(url.path)), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            asked = self.headers.get("Range", "")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(size - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.end_headers()
            self.wfile.flush()
            end = size
            if url.query.startswith("cut=") and self.path not in cut_once:
                cut_once.add(self.path)
                end = int(url.query.removeprefix("cut="))
            sent = start
            while sent < end:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), sent, min(end - sent, 1 << 20))
            with open(LOG, "a", encoding="utf-8") as log:
                print(sent - start, file=log)
            self.close_connection = end < size

    def log_message(self, *arguments):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


with Server(("127.0.0.1", 0), Mirror) as server:
    print("%s:%d" % server.server_address, flush=True)
    server.serve_forever()
