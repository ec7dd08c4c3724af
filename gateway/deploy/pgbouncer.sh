#!/bin/sh
# Starts pgbouncer, which reads whom it lets in from a file alone. The file is written here, among
# temporary files: Compose puts nothing into a container whose root may not be written.
set -eu
umask 077
printf '"gateway" "%s"\n' "${DATABASE_PASSWORD:?}" >/tmp/userlist.txt
unset DATABASE_PASSWORD
exec pgbouncer /etc/pgbouncer/pgbouncer.ini
