"""Answers over TLS with what its rules say."""

import http.server
import os
import ssl
import sys

sys.path.insert(0, "/app")

from rules import RULE


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{RULE}\n".encode())


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["CAISSON_TLS_CERTIFICATE"], os.environ["CAISSON_TLS_KEY"])
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8443), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
