# The first start makes the cluster. Where it was interrupted, initdb refuses: somebody has to look and remove what is there.
set -eu
bin=/usr/lib/postgresql/15/bin
complete=/data/cluster/caisson-complete

if [ ! -e "$complete" ]; then
    "$bin/initdb" --pgdata=/data/cluster --username=caisson --auth=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums
    : >"$complete"
fi
"$bin/postgres" --single -D /data/cluster -c config_file=/etc/caisson/postgresql.conf postgres \
    </run/caisson/secrets/init.sql >/dev/null
exec "$bin/postgres" -D /data/cluster -c config_file=/etc/caisson/postgresql.conf
