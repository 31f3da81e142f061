#!/bin/sh
# Does what docker-compose.yml relies on in the entrypoint of the image `postgres`: the first start makes the data
# directory, with the password from POSTGRES_PASSWORD_FILE, and runs /docker-entrypoint-initdb.d; the server does not run
# as root. Any other command is run as it is.
set -eu

[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    chown postgres "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 0700 "$PGDATA"
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    # Over its socket alone: nobody meets a half-made database.
    pg_ctl --wait start -o "-c listen_addresses=''"
    export POSTGRES_USER=postgres
    for script in /docker-entrypoint-initdb.d/*.sh; do
        echo "running $script"
        sh "$script"
    done
    pg_ctl --wait --mode=fast stop
fi

exec "$@"
