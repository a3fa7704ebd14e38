#!/bin/sh
# Run once by the postgres image, in an empty volume: the role of standbys, which may come from the
# networks that this server is in. In a volume that is older than this script, run it by hand:
#   docker compose exec postgres sh /docker-entrypoint-initdb.d/allow-standby.sh
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d postgres -v password="$(cat /run/secrets/superuser_password)" <<'SQL'
CREATE ROLE standby LOGIN REPLICATION PASSWORD :'password';
SQL
echo 'host replication standby samenet scram-sha-256' >> "$PGDATA/pg_hba.conf"
psql -q -U postgres -d postgres -c 'SELECT pg_reload_conf()' > /dev/null
