#!/bin/sh
# Runs the Node.js that the lockfile pins, where there is one for this machine, and the host's
# elsewhere. npm before 11.6 does not link it as node_modules/.bin/node, so it is named here.
for node in "$(dirname "$0")"/../node_modules/node-linux-*/bin/node; do
  if [ -x "$node" ]; then exec "$node" "$@"; fi
done
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 24 ? 1 : 0)'; then
  echo 'Node.js 24 or newer is needed: there is no pinned one for this machine.' >&2
  exit 1
fi
exec node "$@"
