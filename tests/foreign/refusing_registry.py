"""A schema registry that refuses every schema, as one whose subjects belong to somebody else does.

usage: refusing_registry.py PORT        until it is killed
"""
import http.server
import json
import sys


class Refuses(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"error_code": 409, "message": "an earlier schema has a field `colour`"}).encode()
        self.send_response(409)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Refuses).serve_forever()
