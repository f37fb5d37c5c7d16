# What a backend may take, and what ends it: threads, memory, interrupts, the postmaster's end.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Visclf;

my $node = start_node('limits');

$node->append_conf('postgresql.conf', "shared_buffers = 8MB\n");
$node->restart;
load_adverts($node, 'adverts', 900, 900);
$node->safe_psql('postgres', 'CREATE VIEW few AS SELECT * FROM adverts WHERE id <= 60');
$node->safe_psql('postgres', q{CREATE ROLE anna LOGIN;
	CALL visclf.train('m', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
	CALL visclf.share('m', 'public')});

# threads: as many as there are cores; superusers set more, for others too
my $cores = $node->safe_psql('postgres', q{SELECT threads FROM visclf.devices() WHERE device = 'cpu'});
my $classify = q{SELECT count((visclf.classify('m', image)).label) FROM adverts WHERE id <= 3};

$node->safe_psql('postgres', 'GRANT SELECT ON adverts TO anna');
sub as_anna
{
	my ($sql) = @_;
	my ($code, $out, $error) = $node->psql('postgres', "DO 'BEGIN PERFORM visclf.devices(); END'; $sql", extra_params => ['-U', 'anna']);

	return ($out, $error);
}
is((as_anna("SET visclf.threads = $cores; $classify"))[0], 3, 'a role sets as many threads as there are cores');
like((as_anna('SET visclf.threads = 1024'))[1], qr/invalid value for parameter "visclf.threads": 1024.*This server has $cores cores/s,
	'but no more');
like((as_anna('ALTER ROLE anna SET visclf.threads = 1024'))[1], qr/invalid value/, 'nor for later');
my $more = $cores + 2;
is($node->safe_psql('postgres', "SET visclf.threads = $more; $classify"), 3, 'a superuser sets more');
$node->safe_psql('postgres', "SELECT count(*) FROM visclf.devices(); ALTER ROLE anna SET visclf.threads = $more");
is((as_anna('SHOW visclf.threads'))[0], $more, 'also for a role');
is((as_anna("SET debug_parallel_query = on; $classify"))[1] =~ /visclf.threads/ ? 'refused' : 'taken', 'taken', 'which its workers take over')
	if $node->pg_version >= 16;
$node->safe_psql('postgres', 'ALTER ROLE anna RESET ALL');

# an image that needs more memory than all threads may have: from its header
my $progressive = 'ffd8' . 'ffc20014082700270004' . '011100' . '021100' . '031100' . '041100' .
	'ffda000e0401000200030004000000' . '00' . 'ffd9';
is($node->safe_psql('postgres', qq{SELECT error FROM visclf.classify('m', decode('$progressive', 'hex'))}),
	'decoding the image takes 763 MB, more than the limit of 512 MB', 'a progressive image of 100 million pixels');
like($node->safe_psql('postgres', qq{SET visclf.decode_memory = '1GB'; SELECT error FROM visclf.classify('m', decode('$progressive', 'hex'))}),
	qr/^cannot decode JPEG image/, 'which more memory lets through, to be found empty');
like((as_anna(q{SET visclf.decode_memory = '1GB'}))[1], qr/permission denied/, 'that is for superusers to set');

# counting says what it needs before it asks for it
$node->safe_psql('postgres', q{CREATE TABLE p AS SELECT id, (p).* FROM (SELECT id, visclf.classify_batch('m', image) OVER () p FROM adverts) x});
like(($node->psql('postgres', q{SET maintenance_work_mem = '1MB'; SELECT * FROM visclf.prevalence('m', 'p', resamples => 100000)}))[2],
	qr/memory required is \d+ MB, maintenance_work_mem is 1 MB/, 'prevalence refuses what takes too much memory');

# a million members of a row's labels do not hold up a timeout
$node->safe_psql('postgres', q{CREATE TABLE many AS SELECT id, image, ARRAY[truth] AS labels FROM adverts WHERE id <= 20;
	UPDATE many SET labels = (SELECT array_agg('label ' || i % 9000) FROM generate_series(1, 1000000) i) WHERE id = 1});
my $start = time;
like(($node->psql('postgres', q{SET statement_timeout = '1s'; CALL visclf.train('many', 'many', architecture => 'resnet20', image_size => 32, label_column => 'labels')}))[2],
	qr/statement timeout/, 'a training on a million labels of one image is canceled');
cmp_ok(time - $start, '<', 3, 'in time');

# calibrations leave nothing behind
my $session = $node->background_psql('postgres');
my $pid = backend_pid($session);
my $calibrate = q{SELECT visclf.calibrate_int8('m', 'adverts', images => 756)};
$session->query_safe($calibrate) foreach (1 .. 5);
my $before = memory_now($pid);
$session->query_safe($calibrate) foreach (1 .. 10);
my $growth = memory_now($pid) - $before;
diag("growth over 10 calls of calibrate_int8: $growth kB");
cmp_ok($growth, '<', 40 * 1024, 'memory does not grow over calibrations');
$session->quit;

# a request to log memory use is served while a network computes, and ends nothing;
# what images were decoded in is gone when the epochs begin
$session = $node->background_psql('postgres', on_error_stop => 0);
$pid = backend_pid($session);
$session->query_until(qr/begun/, q{\echo begun
CALL visclf.train('large', 'few', image_size => 384, batch_size => 2, epochs => 1000);
});
is($node->poll_query_until('postgres', q{SELECT status = 'training' FROM visclf.models WHERE model = 'large'}), 1, 'a training has begun');
my $offset = -s $node->logfile;
$start = time;
$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
$node->wait_for_log(qr/Grand total: \d+ bytes/, $offset);
cmp_ok(time - $start, '<', 5, 'a request to log memory is served within a step');
my ($total) = slurp_file($node->logfile, $offset) =~ /Grand total: (\d+) bytes/;
diag("memory contexts of a training: $total bytes");
cmp_ok($total, '<', 40 * 1024 * 1024, 'a training does not keep what it decoded in');
is($node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid"), 'active', 'and goes on');

# the postmaster is killed: so is the training, and the server can be started
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');
($postmaster) = $postmaster =~ /^(\d+)/;
kill 'KILL', $postmaster;
$start = time;
usleep(100000) while (kill(0, $pid) && time - $start < 30);
cmp_ok(time - $start, '<', 10, 'a training ends when the postmaster is gone');
$session->{run}->kill_kill;
$node->{_pid} = undef;
$node->start;
is($node->safe_psql('postgres', $classify), 3, 'and the server starts again');

$node->stop;
done_testing();
