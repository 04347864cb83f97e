# What stands before the commands of a paper when commands.test.ts runs them.

# `npm start` serves until it is stopped, and a reader goes on in another terminal: so it runs in
# the background. What served before is stopped first, as a reader would to use the port again.
serve() {
  stop_serving
  setsid npm start >"$WORK/service.log" 2>&1 &
  service=$!
  echo "$service" >>"$WORK/pids"
  until answers_yet; do
    kill -0 "$service" 2>/dev/null || { cat "$WORK/service.log" >&2; return 1; }
    sleep 0.1
  done
}

# It is ready, or its provider has nothing for this road.
answers_yet() {
  command curl -sfo "$WORK/ready" "http://127.0.0.1:$PORT/health/ready" ||
    grep -q '"msg":"refresh' "$WORK/service.log"
}

service=
stop_serving() {
  [ -z "$service" ] || { kill -- "-$service" && wait "$service" || true; } 2>/dev/null
  service=
}
trap stop_serving EXIT

# No request may fail, unless the paper says so: then its status is the one that is said.
curl() { command curl --fail-with-body "$@"; }
answers() {
  local wanted=$1 got
  shift 2
  got=$(command curl "$@" -o "$WORK/body" -w '%{http_code}')
  [ "$got" = "$wanted" ] || { echo "answered $got, not $wanted: curl $*" >&2; return 1; }
}
