"""Programs out of Debian, as recipes for Gramine."""

REDIS = """
version = 1
name = "gramine-redis"
summary = "Redis with its data in an encrypted mount"
tmpfs = ["/run/caisson", "/tmp"]
ports = [7379]

[source.debian]
suite = "bookworm"
packages = ["redis-server"]

[application]
command = ["/usr/bin/redis-server", "/etc/caisson/redis.conf"]
working_dir = "/data"
user = "999:999"

[enclave]
size = "1G"
max_threads = 16
isv_prod_id = 17
isv_svn = 1

[[encrypted]]
path = "/data"
key = "data"

[[file]]
path = "/etc/caisson/redis.conf"
content = '''
port 0
tls-port 7379
bind 127.0.0.1
tls-cert-file /run/caisson/tls/certificate.pem
tls-key-file /run/caisson/tls/key.pem
tls-ca-cert-file /run/caisson/tls/certificate.pem
tls-auth-clients no
protected-mode no
save ""
'''

[provision]
fs_keys = { data = "data-key" }

[[provision.secret]]
name = "data-key"
kind = "symmetric-key"
length = 16
"""

_SETTINGS = """
[enclave]
size = "1G"
max_threads = 32
isv_prod_id = 18
isv_svn = 1
"""

_PYTHON = (
    """
[source.debian]
suite = "bookworm"
packages = ["python3-minimal", "libpython3-stdlib"]

[application.environment]
PYTHONDONTWRITEBYTECODE = "1"

[files]
trusted = ["/usr/lib/python3.11"]
"""
    + _SETTINGS
)

PYTHON = (
    """
version = 1
name = "gramine-python"
summary = "a web server in Python"
tmpfs = ["/run/caisson", "/tmp"]
ports = [7444]

[application]
command = ["/usr/bin/python3", "/srv/serve.py"]
user = "999:999"

[[file]]
path = "/srv/serve.py"
content = '''
import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/run/caisson/tls/certificate.pem", "/run/caisson/tls/key.pem")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the inside")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 7444), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
'''
"""
    + _PYTHON
)

NGINX = (
    """
version = 1
name = "gramine-nginx"
summary = "NGINX with one page"
tmpfs = ["/run/caisson", "/tmp"]
ports = [7443]

[source.debian]
suite = "bookworm"
packages = ["nginx-light"]

[application]
command = ["/usr/sbin/nginx", "-c", "/etc/caisson/nginx.conf", "-e", "stderr"]
user = "999:999"

[[file]]
path = "/etc/caisson/nginx.conf"
content = '''
daemon off;
master_process off;
pid /tmp/nginx.pid;
error_log stderr;
events { }
http {
  access_log off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  server {
    listen 127.0.0.1:7443 ssl;
    ssl_certificate /run/caisson/tls/certificate.pem;
    ssl_certificate_key /run/caisson/tls/key.pem;
    root /srv/www;
  }
}
'''

[[file]]
path = "/srv/www/index.html"
content = "hello from the inside"
"""
    + _SETTINGS
)

ENCRYPTED = (
    """
version = 1
name = "gramine-encrypted"
summary = "a program in Python whose own code and configuration the host cannot read"
tmpfs = ["/run/caisson", "/tmp", "/app"]
ports = [7445]

[application]
command = ["/usr/bin/python3", "/app/serve.py"]
user = "999:999"

[[encrypted_file]]
path = "/app"
key = "code"
from = "app"

[provision]
fs_keys = { code = "code-key" }
"""
    + _PYTHON
)

# The program of `ENCRYPTED`, by the names of its files.
APP = {
    "serve.py": """
import http.server, ssl
from rules import answer
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/run/caisson/tls/certificate.pem", "/run/caisson/tls/key.pem")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer().encode())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 7445), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
""",
    "rules/__init__.py": """
import json
def answer():
    with open("/app/settings.json") as settings:
        return "the rule of the house: " + json.load(settings)["rule"]
""",
    "settings.json": """{"rule": "the canary sings at dawn"}""",
}
