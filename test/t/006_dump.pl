# Models travel as rows: pg_dump by whoever owns the database, pg_restore in any
# order and into a cluster with other roles, a hot standby.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $tables = '{model,weight,optimizer_state,epoch,validation,model_share,model_name}';
my $ask = q{SELECT string_agg((p).label || round((p).confidence::numeric, 3), ',' ORDER BY id)
	FROM (SELECT id, visclf.classify('ads', image) AS p FROM adverts) x};

# A hash of the rows of each of the extension's tables.
sub all_rows
{
	my ($of, $database) = @_;

	return join("\n", map { "$_ " . $of->safe_psql($database,
		"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM visclf.$_ t") }
		split(/,/, $tables =~ tr/{}//dr));
}

# An empty database for a dump to be restored into.
sub make_database
{
	my ($of, $name, $owner) = @_;

	$of->safe_psql('postgres', "DROP DATABASE IF EXISTS $name");
	$of->safe_psql('postgres', "CREATE DATABASE $name OWNER $owner");
}

my $node = start_node('origin', allows_streaming => 1);
$node->safe_psql('postgres', q{
	CREATE ROLE historian LOGIN;
	CREATE ROLE assistant LOGIN;
	CREATE ROLE renamed LOGIN;
	CREATE ROLE leaver LOGIN;
	CREATE ROLE administrator LOGIN;
	CREATE DATABASE history OWNER administrator});
$node->safe_psql('history', 'CREATE EXTENSION visclf; GRANT CREATE ON SCHEMA public TO PUBLIC');
load_adverts($node, 'adverts', 60, 60, 'history');
my $train = q{architecture => 'resnet20', image_size => 32, epochs => 1, key_column => 'id'};
$node->safe_psql('history', qq{
	SET client_min_messages = warning;
	ALTER TABLE adverts OWNER TO administrator;
	GRANT SELECT ON adverts TO PUBLIC;
	SET ROLE historian;
	CALL visclf.train('ads', 'adverts', $train);
	CALL visclf.share('ads', 'assistant');
	CALL visclf.share('ads', 'administrator');
	CREATE MATERIALIZED VIEW said AS
		SELECT id, (p).label FROM (SELECT id, visclf.classify_batch('ads', image) OVER () AS p FROM adverts) x;
	CREATE MATERIALIZED VIEW figures AS SELECT * FROM visclf.classification_report('ads');
	CREATE MATERIALIZED VIEW lists AS SELECT model, owner, epoch FROM visclf.models JOIN visclf.training_log USING (model);
	GRANT SELECT ON said, figures, lists TO administrator;
	SET ROLE renamed;
	CALL visclf.train('renamed', 'adverts', $train);
	SET ROLE leaver;
	CALL visclf.train('left', 'adverts', $train);
	RESET ROLE;
	ALTER ROLE renamed RENAME TO "Re Named";
	DROP ROLE leaver;
	CREATE ROLE leaver LOGIN});
my $answer = $node->safe_psql('history', $ask);

# settings of pg_dump's and pg_restore's
foreach my $what ('classify_batch(\'ads\', image) OVER () FROM adverts', 'classify(\'ads\', image) FROM adverts',
	'confusion_matrix(\'ads\')', 'classification_report(\'ads\')', 'top_losses(\'ads\')', 'calibration(\'ads\')',
	'evaluate(\'ads\', \'adverts\')', 'export_model(\'ads\')', 'active_version(\'ads\')', 'probabilities FROM visclf.validation')
{
	my $call = $what =~ /FROM visclf/ ? $what : "visclf.$what";
	my ($code, $out, $error) = $node->psql('history', "SET ROLE historian; SET row_security = off; SELECT $call");

	is($code, $what =~ /FROM visclf/ ? 3 : 0, "with row_security = off: $what" . ($error ? " ($error)" : ''));
}

# the owner of the database, no superuser, dumps it
my $dump = $PostgreSQL::Test::Utils::tmp_check . '/history';
my @as_owner = ('-U', 'administrator', '-d', $node->connstr('history'));
command_ok([ 'pg_dump', '-Fc', '-f', "$dump.dump", @as_owner ], 'pg_dump by the owner of the database');
command_ok([ 'pg_dump', '--enable-row-security', '-f', "$dump.row_security.sql", @as_owner ], 'with --enable-row-security');
command_ok([ 'pg_dump', '-f', "$dump.sql", $node->connstr('history') ], 'pg_dump by a superuser');
unlike(slurp_file("$dump.sql"), qr/^COPY visclf\.model .*^.*\tleaver\t/ms, 'nobody of an old name is in it');

# restored into another database, everything is there and it trains on
my $rows = all_rows($node, 'history');
make_database($node, 'copy', 'administrator');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", '-d', $node->connstr('copy') ], 'restore');
is(all_rows($node, 'copy'), $rows, 'all rows are there');
is($node->safe_psql('copy', "SET ROLE historian; $ask"), $answer, 'the restored model answers alike');
is($node->safe_psql('copy', q{SELECT (SELECT count(*) FROM said), (SELECT count(*) > 2 FROM figures), (SELECT count(*) FROM lists)}),
	'60|t|1', 'materialized views over functions and views of the extension are filled');
$node->safe_psql('copy', qq{
	SET client_min_messages = warning;
	SET ROLE historian;
	CALL visclf.train('ads', 'adverts', $train)});
is($node->safe_psql('copy', q{SELECT count(*), count(DISTINCT model_id), max(version) FROM visclf.models WHERE model = 'ads'}),
	'2|2|2', 'its sequence goes on');

# any order of the tables
foreach my $time (1 .. 4)
{
	make_database($node, 'parallel', 'administrator');
	command_ok([ 'pg_restore', '-j4', '-d', $node->connstr('parallel'), "$dump.dump" ], "pg_restore -j4, time $time");
	is(all_rows($node, 'parallel'), $rows, 'all rows are there');
}
is($node->safe_psql('parallel', "SET ROLE historian; $ask"), $answer, 'it answers alike');

# by the owner of the database, where a superuser has made the extension
make_database($node, 'hosted', 'administrator');
$node->safe_psql('hosted', 'CREATE EXTENSION visclf');
$node->command_checks_all([ 'pg_restore', '-U', 'administrator', '--no-comments', '--no-owner', '-d', $node->connstr('hosted'), "$dump.dump" ],
	1, [qr/^$/], [qr/^pg_restore: error: [^\n]*\nCommand was: CREATE SCHEMA visclf;\s+pg_restore: warning: errors ignored on restore: 1$/],
	'pg_restore by the owner of the database');
is(all_rows($node, 'hosted'), $rows, 'all rows are there');

# another cluster, whose roles have other OIDs, and not all of the names
my $other = start_node('other');
$other->safe_psql('postgres', q{
	CREATE ROLE nobody; CREATE ROLE leaver LOGIN; CREATE ROLE administrator LOGIN; CREATE ROLE historian LOGIN; CREATE ROLE renamed LOGIN;
	DROP EXTENSION visclf; DROP SCHEMA visclf});
$other->command_checks_all([ 'pg_restore', '--no-owner', '--no-privileges', '-d', $other->connstr('postgres'), "$dump.dump" ],
	0, [qr/^$/], [qr/^$/], 'pg_restore into another cluster');
is($other->safe_psql('postgres', q{SELECT string_agg(model || ' ' || coalesce(owner::text, 'nobody'), ', ' ORDER BY model) FROM visclf.models}),
	'ads historian, left nobody, renamed nobody', 'models have their owners by name, or none');
is($other->safe_psql('postgres', $ask), $answer, 'it answers alike');
is($other->safe_psql('postgres', q{SELECT string_agg(grantee_role::text, ', ' ORDER BY grantee) FROM visclf.model_share}),
	'administrator, ', 'so have shares');
is($other->safe_psql('postgres', q{SET ROLE leaver; SELECT count(*) FROM visclf.models}), '0',
	'a role of an old name sees nothing');
is($other->safe_psql('postgres', q{CALL visclf.reassign('renamed', 'renamed'); SET ROLE renamed; SELECT model FROM visclf.models}),
	'renamed', 'a superuser gives one to a role');

# pg_dumpall has the roles too
my $third = PostgreSQL::Test::Cluster->new('third');
$third->init;
$third->append_conf('postgresql.conf', "fsync = off\nvisclf.device = cpu\n");
$third->start;
$node->command_ok([ 'pg_dumpall', '-f', "$dump.all.sql" ], 'pg_dumpall');
$third->psql('postgres', "\\i $dump.all.sql", on_error_stop => 0);
is($third->safe_psql('history', q{SELECT string_agg(model || ' ' || coalesce(owner::text, 'nobody'), ', ' ORDER BY model) FROM visclf.models}),
	'ads historian, left nobody, renamed Re Named', 'with the roles, all have their owners');
$third->stop;
$other->stop;

# a standby classifies, and does not train
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('history', "SET ROLE historian; $ask"), $answer, 'a hot standby answers alike');
foreach my $call (q{train('x', 'adverts')}, q{resume('ads')}, q{share('ads', 'public')}, q{drop_model('ads')}, q{reassign('ads', 'leaver')})
{
	my ($code, $out, $error) = $standby->psql('history', "CALL visclf.$call");
	like($error, qr/^psql:\S+ ERROR:  cannot execute visclf\.\w+\(\) in a read-only transaction$/m, "a hot standby does not $call");
}
my $session = $node->background_psql('history');
$session->query_until(qr//, "SET client_min_messages = error;\nCALL visclf.train('long', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 10000);\n");
ok($node->poll_query_until('history', q{SELECT count(*) >= 1 FROM visclf.training_log WHERE model = 'long'}), 'a training runs');
$node->wait_for_catchup($standby);
is($node->safe_psql('history', q{SELECT status FROM visclf.models WHERE model = 'long'}), 'training', 'which is said there');
is($standby->safe_psql('history', q{SELECT status FROM visclf.models WHERE model = 'long'}), 'running elsewhere', 'and on the standby');
$node->safe_psql('history', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ 'long' AND pid <> pg_backend_pid()});
eval { $session->quit };

$standby->stop;
$node->stop;
done_testing();
