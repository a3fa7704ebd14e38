#!/bin/sh
# Started instead of the postgres image's own command: copies the primary into an empty volume, then
# follows it. To make it the primary: docker compose exec -u postgres standby pg_ctl promote
set -eu
PGPASSWORD="$(cat /run/secrets/superuser_password)"
export PGPASSWORD
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    install -d -m 700 -o postgres -g postgres "$PGDATA"
    gosu postgres pg_basebackup --host="${PRIMARY_HOST:-postgres}" --port="${PRIMARY_PORT:-5432}" \
        --username=standby --pgdata="$PGDATA" --write-recovery-conf --checkpoint=fast
fi
unset PGPASSWORD
# Long questions are not cancelled by what the primary cleans up meanwhile.
exec docker-entrypoint.sh postgres -c hot_standby_feedback=on
