# PHP waits for NGINX's requests, and NGINX, which has the key of the certificate, becomes the first process.
#
# Under the library OS a child finds its parent's memory file systems empty, but it has its parent's variables. So the
# shell reads what PHP needs, and the child that becomes PHP writes it into a memory file system of its own. All of it
# with the shell's own commands: any other would be one more child, which sees nothing.
#
# NGINX and PHP talk over a Unix socket: what goes over TCP goes through the host, which would read it, and could ask PHP
# for any page without NGINX's password.
set -eu
umask 077

keep() {  # VARIABLE FILE; `read` says no because the file ends before a NUL comes
    IFS= read -r -d '' "$1" <"$2" || :
}

keep chain /run/caisson/tls/certificate.pem
keep key /run/caisson/tls/key.pem
keep secrets /run/caisson/secrets/wordpress.json

(
    begin="-----BEGIN CERTIFICATE-----"
    printf %s "$chain" >/tmp/database-certificate.pem
    printf %s "$key" >/tmp/database-key.pem
    printf %s "$begin${chain##*"$begin"}" >/tmp/database-authority.pem  # the last one is the key server's
    printf %s "$secrets" >/tmp/wordpress.json
    if [ "$CAISSON_RUNTIME" = gramine ]; then
        # Here a child can lock no file in memory, and opcache would end PHP. A socket has no file.
        set -- -d opcache.file_cache=/tmp -d opcache.file_cache_only=1
    else
        /bin/busybox mkdir -m 700 /tmp/php  # PHP lets everybody use its socket
    fi
    exec /usr/bin/php-cgi8.2 -c /etc/caisson/php "$@" -b /tmp/php/socket
) &
exec /usr/sbin/nginx -c /etc/caisson/nginx.conf -e stderr
