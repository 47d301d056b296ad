# The first start makes the system tables, inside the enclave: outside of it nothing is ever in plain text.
# What was interrupted is made up for: all of these statements may be repeated.
set -euo pipefail
server="/usr/sbin/mariadbd --defaults-file=/etc/caisson/mariadb.cnf"
complete=/data/caisson-complete

if [ ! -e "$complete" ]; then
    {
        echo "CREATE DATABASE IF NOT EXISTS mysql;"
        echo "USE mysql;"
        echo "SET @auth_root_socket = NULL;"
        for part in mysql_system_tables mysql_performance_tables mysql_system_tables_data fill_help_tables \
            maria_add_gis_sp_bootstrap mysql_sys_schema; do
            $CAT "/usr/share/mysql/$part.sql"
        done
    } | $server --bootstrap
    : >"$complete"
fi
exec $server --init-file=/run/caisson/secrets/init.sql
