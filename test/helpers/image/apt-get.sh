#!/bin/sh
# Stands in for apt-get while an image is put together: what it should install must be Debian's and
# be on this machine, whose root lies below the image. Anything else is an error.
set -eu
case "$1" in
  update) exit 0 ;;
  install) shift ;;
  *) echo "apt-get $1 is not known here" >&2 && exit 1 ;;
esac
for word in "$@"; do
  case "$word" in
    --yes | --no-install-recommends) ;;
    -*) echo "apt-get install $word is not known here" >&2 && exit 1 ;;
    *) dpkg-query --show "$word" && apt-cache show "$word" >/dev/null ;;
  esac
done
