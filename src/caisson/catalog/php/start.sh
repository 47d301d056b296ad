# PHP waits for NGINX's requests, and NGINX, which has the key of the certificate, becomes the first process.
#
# They talk over a Unix socket: what goes over TCP goes through the host, which would read it, and could ask PHP itself.
set -eu

if [ "$CAISSON_RUNTIME" = gramine ]; then
    # PHP is a forked child, which can lock no file in memory: opcache cannot share, and would end PHP. A socket has no file.
    set -- -d opcache.file_cache=/tmp -d opcache.file_cache_only=1
else
    /bin/busybox mkdir -m 700 /tmp/php  # PHP lets everybody use its socket
fi
/usr/bin/php-cgi8.2 -c /etc/caisson/php "$@" -b /tmp/php/socket &
exec /usr/sbin/nginx -c /etc/caisson/nginx.conf -e stderr
