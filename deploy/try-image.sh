#!/bin/sh
# Start an image that buildah has, and ask it: sh deploy/try-image.sh [NAME], as root.
#
# Prints what it weighs. Fails where it does not start with a root that is read-only, as its user,
# without capabilities, or does not answer.
set -eu
name=${1:-entente}
cd "$(dirname "$0")"
place=$(mktemp -d)
mounted=$(buildah from --pull-never "$name")
trap 'buildah rm "$mounted" >/dev/null; rm -rf --one-file-system "$place"' EXIT
root=$(buildah mount "$mounted")
echo "$name has $(du -smx "$root" | cut -f1) MB"

# As it would be started with --read-only --cap-drop ALL --security-opt no-new-privileges.
mkdir "$place/data"
cp try_image.py "$place/data/"
chown -R 10001:10001 "$place/data"
chmod 755 "$place"
export root place
unshare --mount sh -euc '
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount --bind "$place/data" "$root/data"
    mount -t tmpfs tmpfs "$root/tmp"
    mount --rbind /proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -o remount,bind,ro "$root"
    cd "$root/data"
    exec env -i PATH=/opt/entente/bin:/usr/sbin:/usr/bin:/sbin:/bin ENTENTE_DATABASE_URL=sqlite:////data/entente.db \
        PYTHONDONTWRITEBYTECODE=1 chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups \
        --bounding-set=-all --inh-caps=-all --no-new-privs python /data/try_image.py
'
