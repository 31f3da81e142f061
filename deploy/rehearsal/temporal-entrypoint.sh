#!/bin/sh
# Does what docker-compose.yml relies on in the entrypoint of the image `temporalio/server`: with BIND_ON_IP=0.0.0.0 the
# server's parts are told to call each other by the container's own address. The configuration is built into the server
# and reads environment variables.
set -eu

TEMPORAL_BROADCAST_ADDRESS=$(getent hosts "$(hostname)" | awk '{ print $1; exit }')
export TEMPORAL_BROADCAST_ADDRESS
exec temporal-server start
