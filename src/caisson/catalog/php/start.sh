# PHP waits for NGINX's requests, and NGINX, which has the key of the certificate, becomes the first process.
set -eu
/usr/bin/php-cgi8.2 -c /etc/caisson/php -b 127.0.0.1:9000 &
exec /usr/sbin/nginx -c /etc/caisson/nginx.conf -e stderr
