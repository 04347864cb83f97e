#!/bin/sh
# Runs a command where the layers of an image lie over this machine's own root, as they would lie
# over a base of Debian. It is called in mount and process namespaces of its own, by root.
#   WORK    empty folder to mount in, on one file system with the layers
#   BASE    layer that makes a base of this machine's root
#   LOWER   layer above it that is only read; empty: there is none
#   UPPER   layer that is written to; empty: the root is read-only, as is /tmp
#   HIDDEN  folders of this machine that no image has, deepest first
#   VOLUME  folder to be /data; may be empty
#   DROP    words before the command, which make it another user
#   DIR     where it starts             arguments: NAME=value …, the command and its words
set -eu
mount --make-rprivate /
mkdir "$WORK/base" "$WORK/base-work" "$WORK/work" "$WORK/root"
# By itself, because a layer must not lie in another: all of them lie in "/".
mount -t overlay -o "lowerdir=/,upperdir=$BASE,workdir=$WORK/base-work" base "$WORK/base"
ROOT=$WORK/root
if [ -n "$UPPER" ]; then
  layers="lowerdir=$WORK/base,upperdir=$UPPER,workdir=$WORK/work"
  mode=rw,mode=1777
else
  layers="lowerdir=$LOWER:$WORK/base"
  mode=ro,mode=0755
fi
mount -t overlay -o "$layers" image "$ROOT"
for folder in $HIDDEN; do
  [ ! -d "$ROOT$folder" ] || mount -t tmpfs -o "$mode" hidden "$ROOT$folder"
done
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=0755 devices "$ROOT/dev"
mknod -m 666 "$ROOT/dev/null" c 1 3
mknod -m 666 "$ROOT/dev/zero" c 1 5
mknod -m 666 "$ROOT/dev/random" c 1 8
mknod -m 666 "$ROOT/dev/urandom" c 1 9
mount -o remount,ro "$ROOT/dev"
[ -z "$VOLUME" ] || mount --bind "$VOLUME" "$ROOT/data"
# shellcheck disable=SC2086 # DROP is words.
exec chroot "$ROOT" $DROP /usr/bin/env -i --chdir="$DIR" "$@"
