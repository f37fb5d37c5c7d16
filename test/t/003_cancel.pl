# Cancels take effect within a second and free everything: memory, threads,
# temporary files, locks.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Visclf;

my $node = start_node('cancel');
load_adverts($node, 'adverts', 400, 400);
my $temporary = $node->data_dir . '/base/pgsql_tmp';

sub temporary_files
{
	my @files = glob("$temporary/*");
	return scalar(@files);
}

sub threads
{
	my ($pid) = @_;
	my ($count) = slurp_file("/proc/$pid/status") =~ /^Threads:\s+(\d+)/m;
	return $count;
}

# Runs a statement in a session and cancels it; seconds until it has ended.
sub cancel_after
{
	my ($session, $pid, $statement, $delay) = @_;

	$session->query_until(qr/begun/, "\\echo begun\n$statement;\n");
	usleep($delay * 1e6);
	my $start = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$node->poll_query_until('postgres',
		"SELECT state IN ('idle', 'idle in transaction (aborted)') FROM pg_stat_activity WHERE pid = $pid");
	return time - $start;
}

my $session = $node->background_psql('postgres', on_error_stop => 0);
my $pid = backend_pid($session);
my $train = q{CALL visclf.train('canceled', 'adverts', epochs => 50)};	# resnet18 at 224

# at different places: reading, planning, stepping
my @seconds;
foreach my $delay (0.05, 0.3, 1, 2, 4)
{
	push @seconds, cancel_after($session, $pid, $train, $delay);
}
diag('seconds until a training was canceled: ' . join(', ', map { sprintf('%.2f', $_) } @seconds));
ok(!(grep { $_ > 1.5 } @seconds), 'every cancel took effect within about a second');
is(temporary_files(), 0, 'no temporary file is left');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'object' AND classid = 'visclf.model'::regclass}), 0,
	'no lock is left');

cmp_ok(cancel_after($session, $pid, q{SELECT count(*) FROM visclf.lr_find('adverts')}, 3), '<', 1.5,
	'so did that of lr_find');
is(temporary_files(), 0, 'which leaves no temporary file either');

# a training that can be gone on with says so, one in a transaction block does not
$train = q{CALL visclf.train('slow', 'adverts', architecture => 'resnet20', image_size => 64, epochs => 500)};
foreach my $block ('', 'BEGIN;')
{
	my ($code, $out, $error) = $node->psql('postgres', "$block SET statement_timeout = '3s'; $train", on_error_stop => 0);

	like($error, qr/canceling statement due to statement timeout/, 'a timeout ends a training');
	unlike($error, qr/WARNING/, 'without a warning');
	my $told = $error =~ /training of model "slow" version \d+, which CALL visclf.resume\('slow'\) goes on with/;
	is($told ? 'resume' : 'nothing', $block ? 'nothing' : 'resume', 'what its error says of visclf.resume');
}
$node->safe_psql('postgres', q{CALL visclf.drop_model('slow')});

# many times: memory does not grow
$train = q{CALL visclf.train('small', 'adverts', architecture => 'resnet20', image_size => 64, epochs => 50)};
cancel_after($session, $pid, $train, 0.5 + 0.1 * $_) foreach (1 .. 4);
my $before = memory_now($pid);
my $threads = threads($pid);
cancel_after($session, $pid, $train, 0.4 + 0.07 * ($_ % 10)) foreach (1 .. 20);
my $growth = memory_now($pid) - $before;
diag("growth over 20 canceled trainings: $growth kB of $before kB");
cmp_ok($growth, '<', 8 * 1024, 'memory does not grow over 20 canceled trainings');
is(threads($pid), $threads, 'threads do not pile up');
is(temporary_files(), 0, 'no temporary file is left');

# the session goes on
my $answer = $session->query(q{
	SET client_min_messages = warning;
	CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 1);
	SELECT status FROM visclf.models WHERE model = 'ads'});
is($answer, 'ready', 'the session can train afterwards');

# a canceled classify_batch, in a subtransaction that is rolled back too
my $slow = q{SELECT count((p).label) FROM (SELECT visclf.classify_batch('ads', image) OVER () AS p
	FROM adverts, generate_series(1, 1000)) x};
cmp_ok(cancel_after($session, $pid, $slow, 0.5), '<', 1.5, 'classify_batch is canceled');
cmp_ok(cancel_after($session, $pid, "BEGIN; SAVEPOINT s; $slow", 0.5), '<', 1.5, 'also in a subtransaction');
is($session->query(q{ROLLBACK TO s; SELECT (p).error IS NULL FROM (SELECT visclf.classify_batch('ads', image) OVER () AS p
	FROM adverts LIMIT 1) x; COMMIT}), 't', 'after which the transaction goes on');

# 1,000 calls of classify: no growth
$session->query(q{SELECT count(visclf.classify('ads', image)) FROM adverts});
$before = memory_now($pid);
$session->query(q{SELECT count(visclf.classify('ads', image)) FROM adverts, generate_series(1, 3)}) foreach (1 .. 3);
$growth = memory_now($pid) - $before;
diag("growth over 3,600 calls of classify: $growth kB");
cmp_ok($growth, '<', 2 * 1024, 'memory does not grow over calls of classify');

$session->quit;
$node->stop;
done_testing();
