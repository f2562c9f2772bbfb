#!/usr/bin/env python3
"""A webhook for tests: answers each POST and keeps it. usage: webhook.py FOLDER

FOLDER/port has the port once it listens; FOLDER/N.json the N-th message, counted from 1. The first is refused with 500.
"""
import http.server
import os
import sys

FOLDER = sys.argv[1]


class Hook(http.server.BaseHTTPRequestHandler):
    count = 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Hook.count += 1
        path = os.path.join(FOLDER, f"{Hook.count}.json")
        with open(path + ".new", "wb") as out:
            out.write(body)
        os.rename(path + ".new", path)
        self.send_response(500 if Hook.count == 1 else 200)
        self.end_headers()
        self.wfile.write(b"refused" if Hook.count == 1 else b"ok")

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
with open(os.path.join(FOLDER, "port.new"), "w", encoding="ascii") as out:
    out.write(str(server.server_port))
os.rename(os.path.join(FOLDER, "port.new"), os.path.join(FOLDER, "port"))
server.serve_forever()
