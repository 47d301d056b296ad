# The first start makes the system tables, inside the enclave: outside of it nothing is ever in plain text.
# What was interrupted is made up for: all of these statements may be repeated.
set -euo pipefail
server="/usr/sbin/mariadbd --defaults-file=/etc/caisson/mariadb.cnf"
complete=/data/caisson-complete

if [ ! -e "$complete" ]; then
    # Under the library OS this process keeps for good how long a file was when a child locked it, and the server locks
    # `ibdata1` when that is new. So at first it has another name, and a child gives it its own.
    first=
    [ -e /data/ibdata1 ] || first="--innodb-data-file-path=first:12M:autoextend"
    {
        echo "CREATE DATABASE IF NOT EXISTS mysql;"
        echo "USE mysql;"
        echo "SET @auth_root_socket = NULL;"
        for part in mysql_system_tables mysql_performance_tables mysql_system_tables_data fill_help_tables \
            maria_add_gis_sp_bootstrap mysql_sys_schema; do
            $CAT "/usr/share/mysql/$part.sql"
        done
        # Without a plugin for Unix sockets it makes `root` for several hosts, all without a password.
        for table in global_priv proxies_priv; do
            echo "DELETE FROM mysql.$table WHERE User = '' OR User = 'root' AND Host <> 'localhost';"
        done
    } | $server --bootstrap --skip-ssl $first
    [ -z "$first" ] || $MV /data/first /data/ibdata1
    : >"$complete"
fi

# With the shell's own commands only: another program would be a child, which under the library OS does not see these files.
umask 077
authority=
while IFS= read -r line; do
    case $line in *BEGIN*) authority= ;; esac  # the last certificate is the key server's
    authority="$authority$line
"
done </run/caisson/tls/certificate.pem
printf %s "$authority" >/tmp/authority.pem
{
    echo "SET NAMES utf8mb4;"  # as secrets are written
    # Nobody is let in without a password: whoever shares the network of the container could be anybody. A volume may be
    # older than the deletion above.
    echo "SELECT CONCAT('DROP USER ', GROUP_CONCAT(QUOTE(User), '@', QUOTE(Host))) INTO @drop" \
        "FROM mysql.global_priv WHERE User = '' OR User = 'root' AND Host <> 'localhost';"
    echo "EXECUTE IMMEDIATE IFNULL(@drop, 'DO 0');"
    echo "ALTER USER 'root'@'localhost' ACCOUNT LOCK;"
    for part in /run/caisson/secrets/init.sql /run/caisson/secrets/init/*.sql; do
        [ -e "$part" ] || continue
        while IFS= read -r line; do
            printf '%s\n' "$line"
        done <"$part"
    done
} >/tmp/init.sql
exec $server --init-file=/tmp/init.sql
