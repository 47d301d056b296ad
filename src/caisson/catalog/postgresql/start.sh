# The first start makes the cluster. Where it was interrupted, initdb refuses: somebody has to look and remove what is there.
set -eu
bin=/usr/lib/postgresql/15/bin
complete=/data/cluster/caisson-complete

if [ ! -e "$complete" ]; then
    "$bin/initdb" --pgdata=/data/cluster --username=caisson --auth=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums
    : >"$complete"
fi
# A password that cannot be set ends the start: the old one would count.
"$bin/postgres" --single -D /data/cluster -c config_file=/etc/caisson/postgresql.conf -c exit_on_error=on postgres \
    </run/caisson/secrets/init.sql >/dev/null
exec "$bin/postgres" -D /data/cluster -c config_file=/etc/caisson/postgresql.conf
