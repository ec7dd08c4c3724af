#!/bin/sh
# PostgreSQL's image runs this once, when it makes the database: the role that the gateways and the
# worker run as. It owns nothing; `gateway migrate --grant-to gateway` gives it its rights.
set -eu
psql --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password DATABASE_PASSWORD
CREATE ROLE gateway LOGIN PASSWORD :'password';
SQL
