# Models travel as rows: pg_dump and restore, a hot standby.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('origin', allows_streaming => 1);
load_adverts($node, 'adverts', 60, 60);
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1, key_column => 'id');
	CALL visclf.share('ads', 'public')});
my $ask = q{SELECT string_agg((p).label || round((p).confidence::numeric, 3), ',' ORDER BY id)
	FROM (SELECT id, visclf.classify('ads', image) AS p FROM adverts) x};
my $answer = $node->safe_psql('postgres', $ask);

# restored into another database, it answers alike and trains on
my $dump = $PostgreSQL::Test::Utils::tmp_check . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ], 'restore');
is($node->safe_psql('copy', $ask), $answer, 'the restored model answers alike');
$node->safe_psql('copy', q{
	SET client_min_messages = warning;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1)});
is($node->safe_psql('copy', q{SELECT count(*), count(DISTINCT model_id), max(version) FROM visclf.models}),
	'2|2|2', 'its sequence goes on');
is($node->safe_psql('copy', q{SELECT count(*) FROM visclf.model_share}), 1, 'shares too');

# a standby classifies, and does not train
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $ask), $answer, 'a hot standby answers alike');
my ($code, $out, $error) = $standby->psql('postgres', q{CALL visclf.train('x', 'adverts')});
like($error, qr/read-only transaction|during recovery/, 'a hot standby does not train');

$standby->stop;
$node->stop;
done_testing();
