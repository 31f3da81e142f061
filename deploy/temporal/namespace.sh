#!/bin/sh
# Makes the namespace and the search attributes that Resellflow's workflows set, where they are missing.
# Reads TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and RETENTION. Run again by every start.
set -eu

# The server's port is open a moment before it serves; compose tries this job again until it succeeds.
temporal operator cluster health

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# All parts of the server know a new namespace only after some seconds.
tries=60
until existing=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" 2>&1); do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
        printf '%s\n' "$existing" >&2
        exit 1
    fi
    sleep 1
done

for attribute in OrderStage:Keyword StageSince:Datetime FailureClass:Keyword ServiceNumber:Int OperationKind:Keyword \
    UpstreamName:Keyword; do
    name=${attribute%:*} type=${attribute#*:}
    printf '%s\n' "$existing" | grep -qw "$name" ||
        temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type"
done

# The same for new search attributes: until then an order that sets them is refused.
tries=60
query='OrderStage = "" OR StageSince < "1970-01-01T00:00:00Z" OR FailureClass = "" OR ServiceNumber = 0 OR OperationKind = "" OR UpstreamName = ""'
until answer=$(temporal workflow count --namespace "$TEMPORAL_NAMESPACE" --query "$query" 2>&1); do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
        printf '%s\n' "$answer" >&2
        exit 1
    fi
    sleep 1
done
