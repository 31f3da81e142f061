#!/bin/sh
# Makes the files with the secrets that docker-compose.yml gives to its services, in the folder RESELLFLOW_SECRETS
# (./secrets beside docker-compose.yml). A file that exists is left as it is, so run it again at any time.
#
# Passwords of databases and tokens are made here. What others have made, like the password of our account at the
# upstream, is taken from the environment variable of the same name in capitals, or stays empty until you write it there.
# A variable wins for each of them: `set -a; . ./.env; deploy/make-secrets.sh` takes over those of an older .env.
set -eu
cd "$(dirname "$0")/.."

folder=${RESELLFLOW_SECRETS:-./secrets}
# The folder keeps others out; services of several users read the files in it.
mkdir -p "$folder"
chmod 0700 "$folder"
umask 0022

keep() {
    [ -e "$folder/$1" ] || printf '%s' "$2" > "$folder/$1"
    chmod 0444 "$folder/$1"
}

made() {
    openssl rand -hex 32
}

keep postgres_password "${POSTGRES_PASSWORD:-$(made)}"
keep temporal_db_password "${TEMPORAL_DB_PASSWORD:-$(made)}"
keep resellflow_db_password "${RESELLFLOW_DB_PASSWORD:-$(made)}"
keep database_url "postgresql://resellflow:$(cat "$folder/resellflow_db_password")@postgresql:5432/resellflow"
keep storefront_tokens "${RESELL_STOREFRONT_TOKENS:-shop=$(made)}"
keep operator_tokens "${RESELL_OPERATOR_TOKENS:-ops=$(made)}"
keep main_upstream_password "${MAIN_UPSTREAM_PASSWORD:-}"
keep main_hint_secret "${MAIN_HINT_SECRET:-}"
keep shop_webhook_secret "${SHOP_WEBHOOK_SECRET:-}"
keep payload_keys ""
keep webhook_keys ""
keep notifications ""
keep oidc_client_secret ""

for name in main_upstream_password; do
    [ -s "$folder/$name" ] || echo "$folder/$name is empty: write the password of your account at the upstream there."
done
