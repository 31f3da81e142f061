#!/bin/sh
# Run once by the PostgreSQL image, when its data directory is empty: a user and a database each for Temporal, for
# Temporal's visibility store (it needs one of its own) and for Resellflow. None can read another's.
set -eu

create() {
    user=$1 password=$2
    shift 2
    psql --username "$POSTGRES_USER" --dbname postgres --quiet -v ON_ERROR_STOP=1 \
        -v user="$user" -v password="$password" <<'SQL'
CREATE ROLE :"user" LOGIN PASSWORD :'password';
SQL
    for database in "$@"; do
        psql --username "$POSTGRES_USER" --dbname postgres --quiet -v ON_ERROR_STOP=1 \
            -v user="$user" -v database="$database" <<'SQL'
CREATE DATABASE :"database" OWNER :"user" ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
    done
}

# A password is in a variable, or in the file that VARIABLE_FILE names.
[ -n "${TEMPORAL_DB_PASSWORD:-}" ] || TEMPORAL_DB_PASSWORD=$(cat "$TEMPORAL_DB_PASSWORD_FILE")
[ -n "${RESELLFLOW_DB_PASSWORD:-}" ] || RESELLFLOW_DB_PASSWORD=$(cat "$RESELLFLOW_DB_PASSWORD_FILE")

create temporal "$TEMPORAL_DB_PASSWORD" temporal temporal_visibility
create resellflow "$RESELLFLOW_DB_PASSWORD" resellflow
