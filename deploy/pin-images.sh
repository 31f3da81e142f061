#!/bin/sh
# Writes docker-compose.pinned.yml: every image that docker-compose.yml and Dockerfile take from a registry, by its
# digest. A tag can be moved to another image; a digest can't. The images are pulled, so a registry must answer.
#
#   deploy/pin-images.sh
#   echo COMPOSE_FILE=docker-compose.yml:docker-compose.pinned.yml >> .env
#
# Run it again after every change of a version, look at the difference, and try the result before production takes it.
set -eu
cd "$(dirname "$0")/.."

compose=docker-compose
command -v docker-compose >/dev/null || compose="docker compose"
pinned=docker-compose.pinned.yml
written=$(mktemp)
trap 'rm -f "$written"' EXIT

by_digest() {
    docker pull --quiet "$1" >/dev/null || {
        echo "pin-images.sh: no registry gives $1; $pinned is as it was" >&2
        return 1
    }
    docker image inspect --format '{{ index .RepoDigests 0 }}' "$1"
}

python=$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile)
python_pinned=$(by_digest "$python")
{
    echo "# Written by deploy/pin-images.sh. Beside each digest is the tag that it had on that day."
    echo "services:"
} >"$written"

# Service and image, a pair a line; without the pins of before.
$compose -f docker-compose.yml --profile '*' config |
    awk '/^[a-z]/ { in_services = /^services:/ }
         in_services && /^  [a-z]/ { service = $1; sub(":", "", service) }
         in_services && /^    image:/ { print service, $2 }' >"$written.pairs"
while read -r service image; do
    echo "  $service:" >>"$written"
    case $image in
    resellflow:*)
        printf '    build:\n      args:\n        PYTHON_IMAGE: %s # %s\n' "$python_pinned" "$python" >>"$written"
        ;;
    *)
        found=$(by_digest "$image")
        printf '    image: %s # %s\n' "$found" "$image" >>"$written"
        ;;
    esac
done <"$written.pairs"
rm -f "$written.pairs"
$compose -f docker-compose.yml -f "$written" config >/dev/null
mv "$written" "$pinned"
chmod 0644 "$pinned"
trap - EXIT
echo "$pinned is written."
