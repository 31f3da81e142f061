#!/bin/sh
# Brings Temporal's two databases to the schema of this version, which temporal-sql-tool carries within it. Does nothing
# when they are there already; run again by every start, so also when the version is raised.
# Reads SQL_HOST, SQL_PORT (5432), SQL_USER and SQL_PASSWORD.
set -eu

# The tool itself reads these.
export SQL_PLUGIN=postgres12 SQL_HOST SQL_PORT="${SQL_PORT:-5432}" SQL_USER SQL_PASSWORD

for database in temporal:temporal temporal_visibility:visibility; do
    export SQL_DATABASE="${database%:*}"
    temporal-sql-tool setup-schema --version 0.0
    temporal-sql-tool update-schema --schema-name "postgresql/v12/${database#*:}"
done
