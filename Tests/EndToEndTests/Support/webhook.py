#!/usr/bin/env python3
"""Takes what is posted: a line with the port first, then one a request, as JSON. Answers with the statuses given, the last for ever.

Usage: webhook.py STATUS[,STATUS…]
"""

import http.server
import json
import sys


class Receiver(http.server.BaseHTTPRequestHandler):
    statuses = [int(status) for status in sys.argv[1].split(",")]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        print(json.dumps({"path": self.path, "headers": headers, "body": body.decode()}), flush=True)
        self.send_response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_address[1], flush=True)
server.serve_forever()
