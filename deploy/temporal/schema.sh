#!/bin/sh
# Brings Temporal's two databases to the schema of this version. Does nothing when they are there already; run again by
# every `docker compose up`, so also when the version is raised.
set -eu

schema=/etc/temporal/schema/postgresql/v12

for database in temporal:temporal temporal_visibility:visibility; do
    name=${database%:*} kind=${database#*:}
    tool="temporal-sql-tool --plugin postgres12 --ep $SQL_HOST --port 5432 --user $SQL_USER --db $name"
    # The password is read from SQL_PASSWORD.
    $tool setup-schema --version 0.0
    $tool update-schema --schema-dir "$schema/$kind/versioned"
done
