# A GPU under SQL: training, classifying, precisions, memory given back.
#
# Everything runs twice: on a real GPU, where visclf.devices() has one that is
# usable, and on the tests' emulated one (a library in the place of
# visclf_cuda).  With a server that is not installed: set PATH to its bin
# folder, PERL5LIB to a folder with PostgreSQL::Test, and run this file with
# perl in a checkout that was built for it.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $train = q{CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32,
	epochs => 2, batch_size => 16, seed => 3)};
my $labels = q{SELECT string_agg(p.label, ',' ORDER BY a.id)
	FROM adverts a CROSS JOIN LATERAL visclf.classify('ads', a.image) p WHERE a.id <= 40};
my $canceled = q{CALL visclf.train('canceled', 'adverts', architecture => 'resnet20', image_size => 32, epochs => 50)};
my $free = q{SELECT memory_free FROM visclf.devices() WHERE device = 'cuda' AND usable};

# What two devices say of 40 images: the share they agree on.
sub agreement
{
	my ($one, $other) = @_;
	my @one = split(/,/, $one);
	my @other = split(/,/, $other);
	my $same = grep { $one[$_] eq $other[$_] } (0 .. $#one);

	return @one == 40 && @other == 40 ? $same / 40 : 0;
}

# The losses of a training's epochs, in several batches each, and whether its
# images were sent batch by batch.
sub train_losses
{
	my ($node) = @_;
	my ($result, $out, $err) = $node->psql('postgres', q{SET visclf.device = cuda; SET visclf.precision = float32;
		SET client_min_messages = debug1;
		CALL visclf.train('batches', 'adverts', architecture => 'resnet20', image_size => 32,
			epochs => 1, batch_size => 8, seed => 4)});
	my $losses = $node->safe_psql('postgres', q{SELECT string_agg(train_loss || ' ' || valid_loss, ', ' ORDER BY phase, epoch)
		FROM visclf.training_log WHERE model = 'batches'});
	$node->safe_psql('postgres', q{CALL visclf.drop_model('batches')});
	return ($losses, $err =~ /images are sent batch by batch/ ? 'sent' : 'kept');
}

sub try_device
{
	my ($node, $name, $slack) = @_;
	my ($result, $out, $err);

	is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM visclf.devices() WHERE device = 'cuda' AND usable}),
		't', "$name: there is one");
	$node->safe_psql('postgres', "SET visclf.device = cuda; SET visclf.precision = float32; $train");
	is($node->safe_psql('postgres', q{SELECT status FROM visclf.models WHERE model = 'ads'}),
		'ready', "$name: a training ends");
	my $cpu = $node->safe_psql('postgres', "SET visclf.device = cpu; $labels");
	my $gpu = $node->safe_psql('postgres', "SET visclf.device = cuda; SET visclf.precision = float32; $labels");
	my $auto = $node->safe_psql('postgres', "SET visclf.device = cuda; $labels");
	is(agreement($cpu, $gpu), 1, "$name: in float32 it classifies as the CPU does");
	cmp_ok(agreement($cpu, $auto), '>=', 0.9, "$name: in half precision nearly so");

	# a session that does nothing gives its memory back, and goes on as before
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my $before = $session->query_safe('SET visclf.device = cuda; SET visclf.gpu_idle_timeout = 1; ' . $free);
	$session->query_safe($labels);
	my $used = $session->query_safe($free);
	sleep(3);
	my $idle = $session->query_safe($free);
	cmp_ok($used, '<', $before, "$name: a model takes memory");
	cmp_ok($idle, '>', $used, "$name: a session that is idle gives it back");
	is($session->query_safe($labels), $auto, "$name: and classifies again");
	$session->quit;

	# Canceled trainings leave nothing behind.  What is free counts from after
	# the first one: CUDA keeps the kernels that it loaded.  A training that
	# stayed would take more than the slack, which is for other processes.
	$session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('SET visclf.device = cuda; SET statement_timeout = 400');
	$session->query($canceled);
	$before = $session->query($free);
	$session->query($canceled) foreach (1 .. 5);
	$session->query('RESET statement_timeout');
	cmp_ok($session->query($free), '>=', $before - $slack, "$name: canceled trainings leave the memory as it was");
	$session->quit;
	$node->safe_psql('postgres', q{CALL visclf.drop_model('ads')});
}

my $node = start_node('cuda');
load_adverts($node, 'adverts', 80, 80);
my ($result, $out, $err) = $node->psql('postgres', 'SET visclf.device = cpu; SET visclf.precision = bfloat16; '
	. q{CALL visclf.train('half', 'adverts', architecture => 'resnet20', image_size => 32)});
like($err, qr/a CPU does not compute in this precision.*HINT:  Set visclf.precision/s, 'a CPU refuses half precision');

SKIP:
{
	my $usable = $node->safe_psql('postgres', q{SELECT count(*) FROM visclf.devices() WHERE device = 'cuda' AND usable});
	my $reason = $node->safe_psql('postgres', q{SELECT reason FROM visclf.devices() WHERE device = 'cuda' LIMIT 1});

	if ($usable == 0)
	{
		my $statement = q{SELECT count(*) FROM adverts a CROSS JOIN LATERAL visclf.classify('ads', a.image) p};

		($result, $out, $err) = $node->psql('postgres', "SET visclf.device = cuda; $train");
		like($err, qr/no CUDA device can be used: \Q$reason\E.*HINT:  Set visclf.device/s,
			"asked for by name it is an error: $reason");
		skip "no GPU: $reason", 8;
	}
	try_device($node, 'GPU', 32 * 1024 * 1024);
}
$node->stop;

SKIP:
{
	my $emulated = abs_path('build/visclf_cuda_emulated.so');

	skip 'the emulated GPU was not built', 10 if !defined $emulated || !-e $emulated;
	local $ENV{VISCLF_CUDA} = $emulated;
	$node->start;
	try_device($node, 'emulated GPU', 0);
	my ($losses, $how) = train_losses($node);

	is($how, 'kept', 'images are kept on the GPU');
	$node->stop;

	# images that find no room on the GPU are sent batch by batch
	local $ENV{EMULATED_GPU_MIB} = 300;
	$node->start;
	is(join(' ', train_losses($node)), "$losses sent", 'images sent batch by batch train as those that are kept');
	$node->stop;
}
done_testing();
