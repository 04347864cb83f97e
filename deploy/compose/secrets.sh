#!/bin/sh
# Makes the files of ./secrets that docker-compose.yml names and that are not there yet, with random
# passwords. What is there stays as it is: the passwords of a database do not change with their file.
#
# Nobody but the owner of this folder can come to the files. They themselves may be read by all,
# because each container reads its own as another user.
set -eu
cd "$(dirname "$0")/../.."
umask 022
mkdir -p secrets
chmod 700 secrets
cd secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# write NAME VALUE: whole or not at all.
write() {
  if [ -s "$1" ]; then
    echo "secrets/$1 is there"
  else
    printf '%s' "$2" >"$1.new"
    mv "$1.new" "$1"
    echo "secrets/$1 was made"
  fi
}

write grafana-password "$(random)"
write key-pepper "$(random)"
write postgres-password "$(random)"
write redis-password "$(random)"
write database-url "postgres://ayalon:$(cat postgres-password)@postgres:5432/ayalon"
write redis-url "redis://:$(cat redis-password)@redis:6379/0"
