#!/usr/bin/env bash
# Saves and restores Resellflow's PostgreSQL with the server's own programs. docs/backup.md has the procedures.
#
#   backup.sh base                     copy the whole server, and check the copy
#   backup.sh archive PATH NAME        archive_command: keep a segment of the server's log
#   backup.sh check                    restore the newest copy and the log beside it, look at it, remove it
#   backup.sh status                   is the log archived, and is the newest copy young enough?
#   backup.sh recover --to TIME --into DIRECTORY [--set-aside DIRECTORY] [--timeline N]
#                                      the whole server as it was at TIME, held
#   backup.sh dump                     save Resellflow's database alone, and restore it once to check it
#   backup.sh load FILE [--as NAME]    make a saved database the live one, or a copy of another name; held
#
# `base`, `check` and `dump` write into Resellflow's database when they were done; its metrics show that (docs/metrics.md).
#
# "Held": worker and API refuse to work on it until somebody runs `resell restored`.
#
# BACKUP_DIRECTORY  where everything is kept (/backups). Not encrypted by this script
# BACKUP_KEEP       how many copies, and how many dumps, are kept (7). Older ones go when a new one was checked
# BACKUP_MAX_HOURS  how old the newest copy may be for `status` (26)
# PGHOST, PGPORT, PGUSER (postgres), PGDATABASE (resellflow), PGPASSFILE: as for all programs of PostgreSQL.
# There is no option for a password: other users of the machine can read options.
#
# Exit status: 0 done; 1 failed, and what was there before is still there; 2 wrong usage or settings; 3 not now, try later.
set -euo pipefail
umask 077

export PGUSER=${PGUSER:-postgres} PGDATABASE=${PGDATABASE:-resellflow}
export BACKUP_DIRECTORY=${BACKUP_DIRECTORY:-/backups}
keep=${BACKUP_KEEP:-7}
max_hours=${BACKUP_MAX_HOURS:-26}
migration_lock=7265735 # the one of `resell migrate`
held_because='this database was restored from a backup'
script=$(readlink -f "$0")
live_host=${PGHOST:-} live_port=${PGPORT:-}
server='' lock_holder='' scratch='' private='' scratch_database=''

say() { printf '%s\n' "$*"; }
fail() { printf 'backup: %s\n' "$*" >&2; exit 1; }
wrong() { printf 'backup: %s\n' "$*" >&2; exit 2; }
later() { printf 'backup: %s\n' "$*" >&2; exit 3; }

clean_up() {
    local status=$?
    trap - EXIT
    set +e
    [ -z "$server" ] || stop_server
    [ -z "$lock_holder" ] || kill "$lock_holder" 2>/dev/null
    [ -z "$scratch_database" ] || ask "DROP DATABASE IF EXISTS \"$scratch_database\" WITH (FORCE)" >/dev/null
    rm -rf ${scratch:+"$scratch"} ${private:+"$private"}
    exit "$status"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

ask() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
    --dbname "${2:-postgres}" --command "$1"; }

needs() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || wrong "$program is missing. It comes with PostgreSQL: run this in the server's" \
            "container, or put the directory of the server's programs on PATH"
    done
}

major_of() { "$1" --version | sed -E 's/.*\) ([0-9]+).*/\1/'; }

# One run at a time, and the directories.
begin() {
    [[ $keep =~ ^[1-9][0-9]*$ ]] || wrong "BACKUP_KEEP is '$keep': a number from 1 on is right"
    mkdir -p "$BACKUP_DIRECTORY"/{base,dumps,wal} 2>/dev/null && [ -w "$BACKUP_DIRECTORY" ] ||
        wrong "BACKUP_DIRECTORY: this user can't write to $BACKUP_DIRECTORY"
    exec 9>"$BACKUP_DIRECTORY/.lock"
    flock --nonblock 9 || later "another run works in $BACKUP_DIRECTORY; begin again when it has ended"
    rm -rf "$BACKUP_DIRECTORY"/.unfinished.*
    scratch=$(mktemp -d "$BACKUP_DIRECTORY/.unfinished.XXXXXX")
}

reach_server() {
    local error
    error=$(ask 'SELECT 1' 2>&1 >/dev/null) || fail "the server can't be reached (PGHOST, PGPORT, PGUSER): ${error%%$'\n'*}"
}

# A program may be newer than the server where it only reads; never older.
not_older() {
    local theirs
    theirs=$(($(ask 'SHOW server_version_num') / 10000))
    [ "$(major_of "$1")" -ge "$theirs" ] || wrong "$1 is of PostgreSQL $(major_of "$1") and the server is $theirs:" \
        "use the programs of the server's version, for example in its container"
}

# For the metric resellflow_backup_timestamp_seconds, at the server that was saved. What was saved is good without that.
note() {
    PGHOST=$live_host PGPORT=$live_port ask "INSERT INTO beat (name, at) VALUES ('backup_$1', clock_timestamp())
        ON CONFLICT (name) DO UPDATE SET at = excluded.at" "$PGDATABASE" >/dev/null 2>"$scratch/note" || {
        say "backup: database $PGDATABASE can't be told, so its metrics show an older $1: $(head -n 1 "$scratch/note")" >&2
    }
}

# --- the whole server --------------------------------------------------------------------------------------------------

base() {
    local name
    needs psql pg_basebackup pg_verifybackup pg_archivecleanup flock
    begin
    reach_server
    [ "$(ask 'SHOW archive_mode')" != off ] || wrong "archive_mode is off at the server, so no point in time could be" \
        "restored: set archive_mode and archive_command (docs/backup.md), or save the database alone with 'dump'"
    not_older pg_basebackup
    pg_basebackup --pgdata="$scratch/base" --wal-method=stream --checkpoint=fast --no-password \
        --manifest-checksums=SHA256 || fail "pg_basebackup has failed, see above; nothing is saved"
    pg_verifybackup --quiet "$scratch/base" || fail "the copy is not as it was sent, see above; nothing is saved"
    # Named by the second after its end, by the server's clock: it can be rolled forward to any time from there on.
    name=$(ask "SELECT to_char((clock_timestamp() + interval '1 s') AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24MISS\"Z\"')")
    mv --no-target-directory "$scratch/base" "$BACKUP_DIRECTORY/base/$name"
    sync "$BACKUP_DIRECTORY/base"
    say "saved: $BACKUP_DIRECTORY/base/$name"
    note base
    forget_bases
}

names_in() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }

forget_bases() {
    local name
    for name in $(names_in "$BACKUP_DIRECTORY/base" | head -n "-$keep"); do
        rm -rf "$BACKUP_DIRECTORY/base/${name:?}"
        say "removed: base/$name"
    done
    # The log from before the oldest copy is of no use to anybody.
    name=$(names_in "$BACKUP_DIRECTORY/base" | head -n 1)
    pg_archivecleanup -x .gz "$BACKUP_DIRECTORY/wal" "$(first_segment "$BACKUP_DIRECTORY/base/$name")"
}

first_segment() { sed -nE 's/^START WAL LOCATION: .*\(file ([0-9A-F]{24})\)$/\1/p' "$1/backup_label"; }

# Called by the server. It repeats what fails, so nothing is lost while it has room itself.
archive() {
    local target="$BACKUP_DIRECTORY/wal/$2.gz" words
    if [ -e "$target" ]; then
        gzip --decompress --stdout "$target" | cmp --silent - "$1" && return # sent again after a crash
        fail "$target is another file of that name: a second server archives to the same directory, or the file is damaged"
    fi
    words=$({ mkdir -p "${target%/*}" && gzip --fast --stdout "$1" >"$target.part" && sync "$target.part" &&
        mv "$target.part" "$target" && sync "${target%/*}"; } 2>&1) || {
        rm -f "$target.part"
        fail "$2 can't be archived in ${target%/*}: ${words##*: }. The server keeps it, and needs room for all that follow"
    }
}

# restore_command. The status 1 means that there is no such segment, 200 that recovery must not go on without it.
fetch() {
    if [ -e "$BACKUP_DIRECTORY/wal/$1.gz" ]; then
        gzip --decompress --stdout "$BACKUP_DIRECTORY/wal/$1.gz" >"$2" || { say "backup: wal/$1.gz is damaged" >&2; exit 200; }
    elif [ -n "${BACKUP_MORE_WAL:-}" ] && [ -e "$BACKUP_MORE_WAL/$1" ]; then
        cp "$BACKUP_MORE_WAL/$1" "$2" || exit 200
    else
        exit 1
    fi
}

status() {
    local failing newest hours
    needs psql
    reach_server
    [ "$(ask 'SHOW archive_mode')" != off ] || fail "archive_mode is off at the server: no log is kept"
    failing=$(ask "SELECT last_failed_wal || ' since ' || last_failed_time FROM pg_stat_archiver
        WHERE last_failed_time > coalesce(last_archived_time, '-infinity')")
    [ -z "$failing" ] || fail "the log is not archived: $failing; the server's own messages say why"
    newest=$(names_in "$BACKUP_DIRECTORY/base" 2>/dev/null | tail -n 1)
    [ -n "$newest" ] || fail "there is no copy of the server in $BACKUP_DIRECTORY/base: run 'base'"
    hours=$((($(date +%s) - $(seconds_of "$newest")) / 3600))
    [ "$hours" -lt "$max_hours" ] || fail "the newest copy, base/$newest, is $hours hours old; at most $max_hours are right"
    say "the log is archived; the newest copy is base/$newest"
}

seconds_of() { date --utc --date "$(sed -E 's/^(.{4})(..)(..)T(..)(..)(..)Z$/\1-\2-\3 \4:\5:\6Z/' <<<"$1")" +%s; }

# --- restore the whole server ------------------------------------------------------------------------------------------

recover() {
    local to='' into='' aside='' timeline=latest
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || wrong "$1 needs a value"
        case $1 in
            --to) to=$2 ;;
            --into) into=$2 ;;
            --set-aside) aside=$2 ;;
            --timeline) timeline=$2 ;;
            *) wrong "$1: there is no such option" ;;
        esac
        shift 2
    done
    [ -n "$to" ] && [ -n "$into" ] || wrong "recover needs --to and --into"
    needs postgres psql pg_controldata pg_verifybackup flock
    [ "$(id -u)" -ne 0 ] || wrong "PostgreSQL does not run as root: run this as the user of the server, such as postgres"
    begin
    choose_base "$to"
    make_room "$into" "$aside"
    roll_forward "$to" "$into" "$timeline"
    say "recovered: $into, held. Start the server on it, then run 'resell restored' before worker and API"
}

check() {
    needs postgres psql pg_controldata pg_verifybackup flock
    [ "$(id -u)" -ne 0 ] || wrong "PostgreSQL does not run as root: run this as the user of the server, such as postgres"
    begin
    choose_base latest
    mkdir "$scratch/checked"
    roll_forward latest "$scratch/checked" latest
    say "it can be restored"
    note check
}

# Sets `chosen`: the newest copy that ended before the time.
choose_base() {
    local wanted limit all theirs
    all=$(names_in "$BACKUP_DIRECTORY/base")
    [ -n "$all" ] || fail "there is no copy of the server in $BACKUP_DIRECTORY/base"
    limit=9
    if [ "$1" != latest ]; then
        [[ $1 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}[T\ ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$ ]] &&
            limit=$(date --utc --date "$1" +%Y%m%dT%H%M%SZ 2>/dev/null) ||
            wrong "--to '$1': 'latest', or date, time and zone such as '2026-11-28 03:15:00+00' are right"
        [ "$(date --date "$1" +%s)" -le "$(date +%s)" ] || wrong "--to '$1' is still to come"
    fi
    wanted=$(awk -v limit="$limit" '$0 <= limit' <<<"$all" | tail -n 1)
    [ -n "$wanted" ] || fail "no copy is from before $1, and a copy can only be rolled forward. The oldest can go to" \
        "$(date --utc --date "@$(seconds_of "$(head -n 1 <<<"$all")")" '+%F %T+00') and later"
    chosen=$BACKUP_DIRECTORY/base/$wanted
    theirs=$(cat "$chosen/PG_VERSION")
    [ "$(major_of postgres)" = "$theirs" ] || wrong "postgres is of version $(major_of postgres), and the copy of $theirs:" \
        "use the programs of the copy's version, for example in the server's container"
    say "from base/$wanted"
}

# Makes the directory ready. What is in it goes to `aside`; its log counts, as far as it was not archived.
make_room() {
    local into=$1 aside=$2
    [ ! -e "$into/postmaster.pid" ] || fail "--into $into: a server runs there (postmaster.pid). Stop it first; if it has" \
        "crashed, start and stop it, or remove that file"
    mkdir -p "$into" 2>/dev/null && [ -w "$into" ] || wrong "--into $into: this user can't write there"
    if [ -n "$(ls -A "$into")" ]; then
        [ -n "$aside" ] || fail "--into $into is not empty. Name a new directory, or say with --set-aside where what is there goes"
        [ ! -e "$aside" ] || fail "--set-aside $aside is there already: name a new directory"
        mkdir -p "${aside%/*}"
        cp --archive "$into" "$aside.part" && mv "$aside.part" "$aside" || fail "$into can't be copied to $aside; nothing is changed"
        find "$into" -mindepth 1 -delete
        export BACKUP_MORE_WAL=$aside/pg_wal
        say "set aside: $aside"
    fi
}

roll_forward() {
    local to=$1 into=$2 timeline=$3 target=() gap
    gap=$(missing_segment)
    if [ -n "$gap" ]; then
        [ "$to" != latest ] || fail "segment $gap of the log is missing, and later ones are there. Everything before it can" \
            "be restored: give a time with --to"
        say "segment $gap of the log is missing: no time after it can be reached"
    fi
    pg_verifybackup --quiet "$chosen" || fail "$chosen is damaged, see above; an older copy goes as far, if it is moved away"
    cp --archive "$chosen/." "$into/"
    chmod 700 "$into"
    touch "$into/recovery.signal"
    private=$(mktemp -d) # short: the path of a socket has 107 characters at most
    echo 'local all all trust' >"$private/pg_hba.conf"
    touch "$private/postgresql.conf" "$private/pg_ident.conf"
    [ "$to" = latest ] || target=(-c recovery_target_time="$to" -c recovery_target_action=promote)
    # Nobody else can reach it: no network, and a socket in a directory of this user alone. It leaves this state only held.
    postgres -D "$into" -c config_file="$private/postgresql.conf" -c hba_file="$private/pg_hba.conf" \
        -c ident_file="$private/pg_ident.conf" -c listen_addresses= -c unix_socket_directories="$private" -c port=5432 \
        -c hot_standby=off -c archive_mode=off -c logging_collector=off -c log_destination=stderr \
        -c restore_command="'$script' fetch %f %p" -c recovery_target_timeline="$timeline" "${target[@]}" \
        9>&- >"$private/log" 2>&1 &
    server=$!
    export PGHOST=$private PGPORT=5432
    until ask 'SELECT 1' >/dev/null 2>&1; do
        kill -0 "$server" 2>/dev/null || recovery_failed "$to" "$private/log" "$gap"
        sleep 0.5
    done
    sed -nE 's/.*(last completed transaction was at log time .*)/\1/p' "$private/log"
    hold "$PGDATABASE"
    describe "$PGDATABASE"
    stop_server
}

stop_server() {
    kill -INT "$server" 2>/dev/null || true
    wait "$server" || true
    server=''
}

recovery_failed() {
    server=''
    grep -E 'FATAL|PANIC|ERROR|HINT|damaged' "$2" | grep -vE 'starting up|not accepting connections' | tail -n 5 >&2 || true
    if grep -q 'before configured recovery target was reached' "$2"; then
        [ -z "$3" ] || fail "$1 can't be reached, because segment $3 of the log is missing. Give an earlier time"
        fail "$1 can't be reached: the log that was kept ends before it. Give an earlier time, or 'latest'"
    fi
    fail "the server could not be recovered, see above"
}

# The first segment that is not there although a later one is. Nothing if all are there.
missing_segment() {
    local per_log number expected='' name
    per_log=$((0x100000000 / $(pg_controldata "$chosen" | sed -nE 's/^Bytes per WAL segment: +//p')))
    for name in $({ names_in "$BACKUP_DIRECTORY/wal" | sed 's/\.gz$//'; names_in "$chosen/pg_wal"
        [ -z "${BACKUP_MORE_WAL:-}" ] || names_in "$BACKUP_MORE_WAL"; } |
        grep -E '^[0-9A-F]{24}$' | sed -E 's/^(.{8})(.{16})$/\2 \1/' | sort | awk '{ print $2 $1 }'); do
        [[ ${name:8} < $(first_segment "$chosen" | cut -c 9-) ]] && continue
        number=$((16#${name:8:8} * per_log + 16#${name:16:8}))
        if [ -n "$expected" ] && [ "$number" -gt "$expected" ]; then
            printf '%s%08X%08X\n' "${name:0:8}" $((expected / per_log)) $((expected % per_log))
            return
        fi
        expected=$((number + 1))
    done
}

# From now on worker and API refuse to work on this database, until `resell restored` was run.
hold() {
    ask "UPDATE installation SET held_because = '$held_because' WHERE held_because IS NULL" "$1" >/dev/null ||
        fail "database $1 can't be held, see above. It may be older than revision 0028. No worker may start on it" \
            "before 'resell migrate' and 'resell restored'"
}

describe() {
    ask "SELECT format('database %s: revision %s, tag %s, %s services, %s operations', current_database(),
        (SELECT version_num FROM alembic_version), (SELECT tag FROM installation),
        (SELECT count(*) FROM service), (SELECT count(*) FROM operation))" "$1"
}

# --- Resellflow's database alone ---------------------------------------------------------------------------------------

dump() {
    local name
    needs psql pg_dump pg_restore flock
    begin
    reach_server
    not_older pg_dump
    keep_migrations_away
    pg_dump --format=custom --no-password --lock-wait-timeout=60s --file="$scratch/dump" ||
        fail "pg_dump has failed, see above; nothing is saved"
    kill "$lock_holder" && lock_holder=''
    verify "$scratch/dump"
    name=$PGDATABASE-$(date --utc +%Y%m%dT%H%M%SZ).dump
    sync "$scratch/dump"
    mv --no-target-directory "$scratch/dump" "$BACKUP_DIRECTORY/dumps/$name"
    sync "$BACKUP_DIRECTORY/dumps"
    say "saved: $BACKUP_DIRECTORY/dumps/$name"
    note dump
    for name in $(names_in "$BACKUP_DIRECTORY/dumps" | head -n "-$keep"); do
        rm -f "$BACKUP_DIRECTORY/dumps/$name"
        say "removed: dumps/$name"
    done
}

# A table that a migration writes anew looks empty to a dump that began before.
keep_migrations_away() {
    coproc HOLDER { exec psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 2>&1; }
    lock_holder=$HOLDER_PID
    printf '%s\n' "SET lock_timeout = '10s';" "SELECT 'locked' FROM pg_advisory_lock_shared($migration_lock);" >&"${HOLDER[1]}"
    local answer=''
    read -r -u "${HOLDER[0]}" answer || true
    [ "$answer" = locked ] || later "a migration runs ('resell migrate'); begin again when it has ended ($answer)"
}

# Restores the dump under another name, held, and drops it again.
verify() {
    local name="${PGDATABASE}_checked_$$"
    if [ "$(ask 'SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user')" != t ]; then
        pg_restore --file=/dev/null "$1" || fail "the dump can't be read back; nothing is saved"
        say "read back as a whole. Not restored to check it: $PGUSER may not create databases"
        return
    fi
    restore_as "$name" "$1"
    describe "$name"
    ask "DROP DATABASE \"$name\"" >/dev/null
    scratch_database=''
}

restore_as() {
    ask "CREATE DATABASE \"$1\" OWNER \"${3:-$PGUSER}\" ENCODING 'UTF8' TEMPLATE template0" >/dev/null
    scratch_database=$1
    ask "REVOKE CONNECT ON DATABASE \"$1\" FROM PUBLIC" >/dev/null
    pg_restore --exit-on-error --no-password --dbname="$1" "$2" || fail "the dump can't be restored, see above; nothing is changed"
    hold "$1"
}

load() {
    local file=${1:-} name=$PGDATABASE new owner others before=''
    [ -n "$file" ] || wrong "load needs the file of a dump"
    [ $# -eq 1 ] || { [ $# -eq 3 ] && [ "$2" = --as ] && name=$3; } || wrong "after the file only --as NAME is right"
    [ -r "$file" ] || wrong "$file can't be read"
    needs psql pg_restore
    reach_server
    not_older pg_restore
    owner=$(ask "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '$name'")
    others=$(ask "SELECT string_agg(format('%s at %s', coalesce(nullif(application_name, ''), usename),
        coalesce(host(client_addr), 'this machine')), ', ') FROM pg_stat_activity WHERE datname = '$name'")
    [ -z "$others" ] || later "database $name is in use: $others. Stop worker and API, all of them, and close other connections"
    new="${name}_loading_$$"
    restore_as "$new" "$file" "${owner:-$(ask "SELECT coalesce((SELECT rolname FROM pg_roles WHERE rolname = '$name'), current_user)")}"
    if [ -n "$owner" ]; then
        before="${name}_before_$(date --utc +%Y%m%d%H%M%S)"
        ask "BEGIN; ALTER DATABASE \"$name\" RENAME TO \"$before\"; ALTER DATABASE \"$new\" RENAME TO \"$name\"; COMMIT" >/dev/null ||
            later "database $name could not be replaced, see above; it is as it was"
    else
        ask "ALTER DATABASE \"$new\" RENAME TO \"$name\"" >/dev/null
    fi
    scratch_database=''
    describe "$name"
    [ -z "$before" ] || say "the former database is $before; drop it when you need it no more"
    say "loaded, held. Run 'resell migrate', then 'resell restored', before worker and API"
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
    base | check | status | dump) [ $# -eq 0 ] || wrong "$command takes nothing else"; "$command" ;;
    archive | fetch) [ $# -eq 2 ] || wrong "$command needs two values"; "$command" "$@" ;;
    recover | load) "$command" "$@" ;;
    *) wrong "base, archive, check, status, recover, dump or load is right; the beginning of $script says more" ;;
esac
