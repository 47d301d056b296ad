# PHP waits for NGINX's requests, and NGINX, which has the key of the certificate, becomes the first process.
set -eu

# Under the library OS PHP is a forked child, which can lock no file in memory: opcache cannot share, and would end PHP.
if [ "$CAISSON_RUNTIME" = gramine ]; then
    set -- -d opcache.file_cache=/tmp -d opcache.file_cache_only=1
fi
/usr/bin/php-cgi8.2 -c /etc/caisson/php "$@" -b 127.0.0.1:9000 &
exec /usr/sbin/nginx -c /etc/caisson/nginx.conf -e stderr
