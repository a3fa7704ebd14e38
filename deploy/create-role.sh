#!/bin/sh
# Run once by the postgres image, in an empty volume: the role of the service and its database.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d postgres -v password="$(cat /run/secrets/postgres_password)" <<'SQL'
CREATE ROLE entente LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
CREATE DATABASE entente OWNER entente TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
SQL
