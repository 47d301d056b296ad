"""Images with the layout of upstream's, and nothing real in them: paths, links, users, entry points, libraries.

Each shape names where its layout was read: the Dockerfile that the image is built by, in October 2026.
"""

from dataclasses import dataclass, field

from caisson.oci import FileLayer, Image, ImageConfig, RunConfig, append, tar
from tests.unit.conversion.conftest import elf

LOADER = "/lib64/ld-linux-x86-64.so.2"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
SCRIPT = b'#!/bin/bash\nexec gosu nobody "$@"\n'
# What all of Debian's and Ubuntu's images have, and no program of ours needs.
DISTRIBUTION = ("usr/bin/bash", "usr/bin/dash", "usr/bin/apt-get", "usr/bin/perl", "usr/bin/cat", "usr/bin/mv")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """`program` needs `libraries`; of `beside` nothing may be measured. `data` are files that the recipe names."""

    dockerfile: str
    program: str
    libraries: tuple[str, ...]
    run: RunConfig
    beside: tuple[str, ...]
    data: tuple[str, ...] = ()
    interpreter: str = LOADER
    links: dict[str, str] = field(default_factory=dict)
    passwd: str = ""

    def image(self, scratch):
        files = {path: elf(interpreter=LOADER, needed=("libc.so.6",)) for path in DISTRIBUTION}
        files |= {f"{self.directory}/{name}": elf(needed=(), content=name.encode()) for name in self.libraries}
        if self.interpreter:
            files[self.directory + "/" + self.interpreter.rpartition("/")[2]] = elf(content=b"loader")
        files |= {path: f"{path}\n".encode() for path in self.data}
        files |= {path: SCRIPT if path.endswith(".sh") else elf(content=b"x") for path in self.beside}
        files[self.program] = elf(interpreter=self.interpreter, needed=self.libraries, content=b"program")
        files["etc/passwd"] = f"root:x:0:0:root:/root:/bin/bash\n{self.passwd}".encode()
        links = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", **self.links}
        if self.interpreter == LOADER:
            links["usr/lib64/ld-linux-x86-64.so.2"] = f"/{LIBRARIES}/ld-linux-x86-64.so.2"
        pieces = []
        for path, content in sorted(files.items()):
            pieces.append(tar.member(tar.Entry(path=path, kind=tar.Kind.FILE, mode=0o755, size=len(content))))
            pieces += [content, tar.padding(len(content))]
        for path, target in links.items():
            pieces.append(tar.member(tar.Entry(path=path, kind=tar.Kind.SYMBOLIC_LINK, link=target)))
        layer = FileLayer.pack([*pieces, tar.end()], scratch=scratch)
        return append(Image.build(ImageConfig(run=self.run), ()), layer, created_by="a shape")

    @property
    def directory(self):
        return LIBRARIES if self.interpreter in (LOADER, "") else "usr/lib"


SHAPES = {
    "redis": Shape(
        dockerfile="redis/docker-library-redis 7.2/debian/Dockerfile",
        program="usr/local/bin/redis-server",
        libraries=("libssl.so.3", "libcrypto.so.3", "libm.so.6", "libc.so.6"),
        beside=("usr/local/bin/docker-entrypoint.sh", "usr/local/bin/gosu", "usr/local/bin/redis-benchmark"),
        links={"usr/local/bin/redis-check-rdb": "redis-server", "usr/local/bin/redis-sentinel": "redis-server"},
        passwd="redis:x:999:999::/home/redis:/bin/sh\n",
        run=RunConfig(
            entrypoint=("docker-entrypoint.sh",),
            cmd=("redis-server",),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "REDIS_VERSION=7.2.5"),
            working_dir="/data",
            exposed_ports=("6379/tcp",),
            volumes=("/data",),
        ),
    ),
    "nginx": Shape(
        dockerfile="nginxinc/docker-nginx stable/debian/Dockerfile",
        program="usr/sbin/nginx",
        libraries=("libcrypt.so.1", "libpcre2-8.so.0", "libssl.so.3", "libcrypto.so.3", "libz.so.1", "libc.so.6"),
        beside=(
            "docker-entrypoint.sh",
            "docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
            "docker-entrypoint.d/20-envsubst-on-templates.sh",
            "usr/lib/nginx/modules/ngx_http_js_module.so",
            "etc/nginx/conf.d/default.conf",
            "usr/bin/curl",
        ),
        data=("etc/nginx/mime.types",),
        passwd="nginx:x:101:101:nginx user:/nonexistent:/bin/false\n",
        run=RunConfig(
            entrypoint=("/docker-entrypoint.sh",),
            cmd=("nginx", "-g", "daemon off;"),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1.28.0"),
            exposed_ports=("80/tcp",),
            stop_signal="SIGQUIT",
        ),
    ),
    "mariadb": Shape(
        dockerfile="MariaDB/mariadb-docker 10.11/Dockerfile",
        program="usr/sbin/mariadbd",
        libraries=("libpcre2-8.so.0", "liburing.so.2", "libsystemd.so.0", "libz.so.1", "libssl.so.3", "libc.so.6"),
        beside=(
            "usr/local/bin/docker-entrypoint.sh",
            "usr/local/bin/healthcheck.sh",
            "usr/local/bin/gosu",
            "usr/bin/mariadb",
        ),
        data=tuple(
            f"usr/share/mysql/{name}"
            for name in ("mysql_system_tables.sql", "fill_help_tables.sql", "english/errmsg.sys")
        ),
        links={"usr/sbin/mysqld": "mariadbd"},
        passwd="mysql:x:999:999::/home/mysql:/bin/sh\n",
        run=RunConfig(
            entrypoint=("docker-entrypoint.sh",),
            cmd=("mariadbd",),
            env=(
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *("GOSU_VERSION=1.16", "LANG=C.UTF-8", "MARIADB_VERSION=1:10.11.2+maria~ubu2204"),
            ),
            exposed_ports=("3306/tcp",),
            volumes=("/var/lib/mysql",),
        ),
    ),
    "memcached": Shape(
        dockerfile="docker-library/memcached 1/debian/Dockerfile",
        program="usr/local/bin/memcached",
        libraries=("libevent-2.1.so.7", "libsasl2.so.2", "libssl.so.3", "libcrypto.so.3", "libc.so.6"),
        beside=("usr/local/bin/docker-entrypoint.sh", "usr/lib/x86_64-linux-gnu/sasl2/libplain.so"),
        passwd="memcache:x:11211:11211::/home/memcache:/bin/sh\n",
        run=RunConfig(
            entrypoint=("docker-entrypoint.sh",),
            cmd=("memcached",),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "MEMCACHED_VERSION=1.6.25"),
            user="memcache",
            exposed_ports=("11211/tcp",),
        ),
    ),
    "mosquitto": Shape(
        dockerfile="eclipse-mosquitto/mosquitto docker/2.0-openssl/Dockerfile",
        program="usr/sbin/mosquitto",
        interpreter="/lib/ld-musl-x86_64.so.1",
        libraries=("libssl.so.3", "libcrypto.so.3", "libcjson.so.1", "libwebsockets.so.19"),
        beside=("docker-entrypoint.sh", "mosquitto/config/mosquitto.conf", "usr/bin/mosquitto_passwd"),
        passwd="mosquitto:x:1883:1883:mosquitto:/var/empty:/sbin/nologin\n",
        run=RunConfig(
            entrypoint=("/docker-entrypoint.sh",),
            cmd=("/usr/sbin/mosquitto", "-c", "/mosquitto/config/mosquitto.conf"),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "VERSION=2.0.18"),
            exposed_ports=("1883/tcp",),
            volumes=("/mosquitto/data", "/mosquitto/log"),
        ),
    ),
    "nodejs": Shape(
        dockerfile="nodejs/docker-node 20/bookworm-slim/Dockerfile",
        program="usr/local/bin/node",
        libraries=("libdl.so.2", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libc.so.6"),
        beside=("usr/local/bin/docker-entrypoint.sh", "usr/local/lib/node_modules/npm/index.js", "opt/yarn/bin/yarn"),
        links={"usr/local/bin/nodejs": "node"},
        passwd="node:x:1000:1000::/home/node:/bin/bash\n",
        run=RunConfig(
            entrypoint=("docker-entrypoint.sh",),
            cmd=("node",),
            env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NODE_VERSION=20.19.3"),
        ),
    ),
    "postgresql": Shape(
        dockerfile="docker-library/postgres 15/bookworm/Dockerfile",
        program="usr/lib/postgresql/15/bin/postgres",
        libraries=("libssl.so.3", "libcrypto.so.3", "libicuuc.so.72", "libldap-2.5.so.0", "libz.so.1", "libc.so.6"),
        beside=("usr/local/bin/docker-entrypoint.sh", "usr/local/bin/docker-ensure-initdb.sh", "usr/local/bin/gosu"),
        data=("usr/lib/postgresql/15/bin/initdb", "usr/share/postgresql/15/postgres.bki", "usr/share/zoneinfo/UTC"),
        links={"usr/bin/sh": "dash"},
        passwd="postgres:x:999:999::/var/lib/postgresql:/bin/bash\n",
        run=RunConfig(
            entrypoint=("docker-entrypoint.sh",),
            cmd=("postgres",),
            env=(
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/15/bin",
                *("LANG=en_US.utf8", "PG_MAJOR=15", "PGDATA=/var/lib/postgresql/data"),
            ),
            exposed_ports=("5432/tcp",),
            volumes=("/var/lib/postgresql/data",),
            stop_signal="SIGINT",
        ),
    ),
    "mongodb": Shape(
        dockerfile="docker-library/mongo 8.0/Dockerfile",
        program="usr/bin/mongod",
        libraries=("libcurl.so.4", "libcrypto.so.3", "libssl.so.3", "liblzma.so.5", "libresolv.so.2", "libc.so.6"),
        beside=(
            *("usr/local/bin/docker-entrypoint.sh", "usr/local/bin/gosu", "usr/bin/mongosh", "usr/bin/mongos"),
            *("usr/bin/numactl", "usr/bin/jq", "opt/js-yaml/js-yaml.js", "etc/mongod.conf.orig"),
        ),
        passwd="mongodb:x:999:999::/data/db:/usr/sbin/nologin\n",
        run=RunConfig(
            entrypoint=("docker-entrypoint.sh",),
            cmd=("mongod",),
            env=(
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *("GOSU_VERSION=1.17", "JSYAML_VERSION=3.13.1", "MONGO_PACKAGE=mongodb-org", "MONGO_MAJOR=8.0"),
                "HOME=/data/db",
            ),
            exposed_ports=("27017/tcp",),
            volumes=("/data/configdb", "/data/db"),
        ),
    ),
    "arangodb": Shape(
        dockerfile="arangodb/arangodb-docker alpine/3.12.5.2/Dockerfile",
        program="usr/sbin/arangod",
        interpreter="",  # linked statically
        libraries=(),
        beside=("entrypoint.sh", "usr/bin/arangosh", "etc/arangodb3/arangod.conf", "usr/bin/numactl"),
        data=("usr/share/arangodb3/js/server/server.js", "usr/share/arangodb3/icudtl.dat"),
        links={"usr/sbin/arango-init-database": "arangod"},
        run=RunConfig(
            entrypoint=("/entrypoint.sh",),
            cmd=("arangod",),
            env=(
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                *("ARANGO_VERSION=3.12.5.2", "GLIBCXX_FORCE_NEW=1"),
            ),
            exposed_ports=("8529/tcp",),
            volumes=("/var/lib/arangodb3", "/var/lib/arangodb3-apps"),
        ),
    ),
}
