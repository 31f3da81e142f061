#!/bin/sh
# For programs that read a secret from an environment variable alone: `with-secrets.sh VARIABLE=SECRET … COMMAND`
# sets each variable to the content of /run/secrets/SECRET, for the command and what it starts. What `docker inspect`
# shows, and what other services get, does not contain it.
set -eu

while expr "$1" : '[A-Z_][A-Z_0-9]*=' >/dev/null; do
    file=/run/secrets/${1#*=}
    value=$(cat "$file")
    if [ -z "$value" ]; then
        echo "with-secrets.sh: $file is empty; deploy/make-secrets.sh makes it" >&2
        exit 1
    fi
    export "${1%%=*}=$value"
    shift
done
exec "$@"
