"""A web page that counts its visits in Redis: TLS on both sides, and a password that nobody has ever seen."""

import http.server
import socket
import ssl

CERTIFICATE = "/run/caisson/tls/certificate.pem"  # the chain: its end is the key server's CA
KEY = "/run/caisson/tls/key.pem"
PASSWORD = "/run/caisson/secrets/redis-password"
DATABASE = ("redis", 6379)


def count():
    """Add a visit; give how many there are."""
    trusted = ssl.create_default_context(cafile=CERTIFICATE)
    with open(PASSWORD) as file:
        password = file.read()
    with socket.create_connection(DATABASE, timeout=5) as plain:
        with trusted.wrap_socket(plain, server_hostname=DATABASE[0]) as connection:
            connection.sendall(f"AUTH {password}\r\nINCR visits\r\nQUIT\r\n".encode())
            answers = connection.makefile().read().splitlines()
    return int(answers[1].removeprefix(":"))


class Page(http.server.BaseHTTPRequestHandler):
    """The only page."""

    def do_GET(self):
        try:
            status, text = 200, f"visit {count()}\n"
        except (OSError, ValueError, IndexError) as error:
            status, text = 503, f"the database does not answer: {error}\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


server = http.server.ThreadingHTTPServer(("", 8443), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
