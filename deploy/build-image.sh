#!/bin/sh
# Build the image with buildah, without a daemon and without a registry of images, and try it.
#
#   sh deploy/build-image.sh [NAME]      as root; NAME is entente where it is left out
#
# Needs the packages buildah and debootstrap, and the indexes of Debian and Python packages.
# Where a proxy has certificates of its own, CERTIFICATES names the file with them, which is not kept
# in the image. With DEBIAN_MIRROR the packages come from there; with BASE=pulled the base is pulled as
# the Dockerfile names it. The image is then tried by try-image.sh.
set -eu
name=${1:-entente}
base=docker.io/library/python:3.11-slim-bookworm
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

pull=
if [ "${BASE:-}" != pulled ]; then
    pull=--pull-never
    if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
        debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm \
            "$place/base" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$place/log" || { tail "$place/log"; exit 1; }
        ln -s python3 "$place/base/usr/bin/python"
        # What installing left behind, and what nobody reads in a container.
        rm -rf "$place"/base/var/cache/apt/* "$place"/base/var/lib/apt/lists/* \
            "$place"/base/usr/share/doc/* "$place"/base/usr/share/man/* "$place"/base/usr/share/locale/*
        container=$(buildah from scratch)
        buildah add -q "$container" "$place/base" / >/dev/null
        buildah commit -q --rm "$container" "$base" >/dev/null
    fi
fi
trust=
if [ -n "${CERTIFICATES:-}" ]; then
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$place/pip.conf"
    trust="--volume $CERTIFICATES:/etc/ssl/certs/ca-certificates.crt:ro --volume $place/pip.conf:/etc/pip.conf:ro"
fi
# shellcheck disable=SC2086  # options of several words
buildah bud $pull $trust --isolation chroot --network host -t "$name" .

sh deploy/try-image.sh "$name"
