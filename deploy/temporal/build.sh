#!/bin/sh
# Builds the Temporal server and its schema tool with Go, where their images can't be had: build.sh DIRECTORY
# Does nothing when they are there. DIRECTORY/VERSION names the release that was built: TEMPORAL_VERSION, or the nearest
# patch release before it that the Go on this machine is new enough for.
set -eu

directory=${1:?"say where the programs are to be put: build.sh DIRECTORY"}
wanted=${TEMPORAL_VERSION:-1.32.2}

if [ -x "$directory/temporal-server" ] && [ -x "$directory/temporal-sql-tool" ] && [ -s "$directory/VERSION" ]; then
    exit 0
fi
command -v go >/dev/null || {
    echo "Go is missing. It builds the Temporal server here: install it, or give the programs (in $directory)." >&2
    exit 1
}

mkdir -p "$directory"
built=$(mktemp -d "$directory/building.XXXXXX")
trap 'rm -rf "$built"' EXIT
minor=${wanted%.*}
patch=${wanted##*.}

install() {
    GOBIN=$built CGO_ENABLED=0 go install -ldflags='-s -w' "go.temporal.io/server/cmd/$1@v$minor.$patch" 2>"$built/errors"
}

# Patch releases raise the Go that they ask for, too, and a machine may be told to use the Go that it has.
until install server; do
    cat "$built/errors" >&2
    if [ "$patch" -eq 0 ] || ! grep -q 'requires go >=' "$built/errors"; then
        exit 1
    fi
    patch=$((patch - 1))
done
install tools/sql || {
    cat "$built/errors" >&2
    exit 1
}
[ "$minor.$patch" = "$wanted" ] || echo "Temporal $minor.$patch is built instead of $wanted (see above)." >&2

mv "$built/server" "$directory/temporal-server"
mv "$built/sql" "$directory/temporal-sql-tool"
echo "$minor.$patch" >"$directory/VERSION"
