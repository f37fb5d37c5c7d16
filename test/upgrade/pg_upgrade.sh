# Run by test/pg_upgrade in a root that has the tree in /visclf and two versions
# of PostgreSQL: 15 and a newer one.
set -euo pipefail
old=/usr/lib/postgresql/15/bin
new=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
export LC_ALL=C.UTF-8
cd /visclf
for bin in "$old" "$new"; do
	make -s clean PG_CONFIG="$bin/pg_config"
	make -s -j"$(nproc)" PG_CONFIG="$bin/pg_config" all build/adverts
	make -s PG_CONFIG="$bin/pg_config" install
done
tmp=$(mktemp -d)
cp build/adverts "$tmp/"
chown -R postgres: "$tmp"
cd "$tmp"
as_user()
{
	runuser -u postgres -- env HOME="$tmp" "$@"
}

# Answers of both models, float32 and int8, by what psql says of a cluster.
ask()
{
	as_user psql -X -q -A -t -h "$tmp" postgres <<'SQL'
SET visclf.precision = float32;
SELECT md5(string_agg((p).label, ',' ORDER BY id)) FROM (SELECT id, visclf.classify_batch('ads', image) OVER () AS p FROM adverts) x;
SET visclf.precision = int8;
SELECT md5(string_agg((p).label, ',' ORDER BY id)) FROM (SELECT id, visclf.classify_batch('ads', image) OVER () AS p FROM adverts) x;
SELECT model, version, active, status, owner, classes, accuracy FROM visclf.models ORDER BY 1, 2;
SELECT count(*), sum(octet_length(data)) FROM visclf.weight;
SELECT name, grantee FROM visclf.model_share;
SQL
}

sums=
as_user "$new/initdb" --help | grep -q no-data-checksums && sums=--no-data-checksums
as_user "$old/initdb" -D old -A trust -E UTF8 --no-locale >/dev/null
as_user "$new/initdb" -D new -A trust -E UTF8 --no-locale $sums >/dev/null
as_user "$old/pg_ctl" -w -s -D old -l old.log -o "-k $tmp -c listen_addresses=''" start
as_user psql -X -q -v ON_ERROR_STOP=1 -h "$tmp" postgres <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION visclf;
CREATE ROLE anna;
CREATE TABLE adverts (id bigint PRIMARY KEY, newspaper text, place text, published date, label text, truth text, image bytea);
\copy adverts FROM PROGRAM './adverts --count 300 --labelled 120'
GRANT SELECT ON adverts TO anna;
SET ROLE anna;
CALL visclf.train('ads', 'adverts', architecture => 'resnet20', epochs => 2, key_column => 'id');
CALL visclf.share('ads', 'public');
RESET ROLE;
CREATE VIEW labels AS SELECT id, visclf.classify('ads', image) FROM adverts;
CREATE TABLE kept AS SELECT id, visclf.classify('ads', image) AS p FROM adverts LIMIT 5;
SQL
ask >before
as_user "$old/pg_ctl" -w -s -D old stop
as_user "$new/pg_upgrade" -b "$old" -B "$new" -d old -D new -s "$tmp" >pg_upgrade.log || { cat pg_upgrade.log new/pg_upgrade_output.d/*/log/*; exit 1; }
as_user "$new/pg_ctl" -w -s -D new -l new.log -o "-k $tmp -c listen_addresses=''" start
ask >after
as_user psql -X -q -A -t -h "$tmp" postgres -c "SELECT count((p).label) = 5 FROM kept" -c "SELECT count(*) = 300 FROM labels" \
	-c "SET client_min_messages = warning" -c "SET ROLE anna" \
	-c "CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1)" \
	-c "SELECT max(version) = 2 FROM visclf.models" >more
as_user "$new/pg_ctl" -s -D new -m immediate stop
diff before after
[ "$(sort -u more)" = t ] || { cat more; exit 1; }
echo "pg_upgrade from $("$old/postgres" --version) to $("$new/postgres" --version): models are there and answer as before"
