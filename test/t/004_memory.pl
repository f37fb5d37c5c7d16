# The peak memory of a training does not grow with the number of images.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('memory');

# shared buffers that a backend touches count in its peak: keep them few
$node->append_conf('postgresql.conf', "shared_buffers = 8MB\n");
$node->restart;
load_adverts($node, 'adverts', 5000, 5000);

# The peak memory in kB of a session of its own that runs these commands.
sub peak_of
{
	my (@commands) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = backend_pid($session);

	$session->query_safe($_) foreach ('SET client_min_messages = warning', @commands);
	my $peak = peak_memory($pid);
	$session->quit;
	return $peak;
}

sub peak_of_training
{
	my ($images) = @_;

	return peak_of("CREATE TEMP VIEW few AS SELECT * FROM adverts WHERE id <= $images",
		"CALL visclf.train('m', 'few', architecture => 'resnet20', image_size => 32, epochs => 1)");
}

my $few = peak_of_training(500);
my $many = peak_of_training(5000);
diag("peak memory of the backend: $few kB with 500 images, $many kB with 5,000");
cmp_ok($many - $few, '<', 24 * 1024, 'peak memory does not grow with the images');

# nor with the epochs, where each keeps a checkpoint of a network of 45 MB
sub peak_of_epochs
{
	my ($epochs) = @_;

	return peak_of('SET visclf.convolution = direct', 'SET visclf.checkpoint_interval = 0',
		'CREATE TEMP VIEW few AS SELECT * FROM adverts WHERE id <= 40',
		"CALL visclf.train('large', 'few', architecture => 'resnet18', image_size => 32, epochs => $epochs)");
}

my $short = peak_of_epochs(2);
my $long = peak_of_epochs(8);
diag("peak memory of resnet18 with checkpoints: $short kB in 2 epochs, $long kB in 8");
cmp_ok($long - $short, '<', 40 * 1024, 'peak memory does not grow with the checkpoints');

# nor does that of classify_batch, sorted or not; without what takes more or
# less memory for other reasons: JIT, and algorithms chosen by a timing
sub peak_of_batch
{
	my ($images, $window) = @_;

	return peak_of('SET jit = off', 'SET visclf.convolution = direct',
		qq{SELECT count((p).label) FROM (SELECT visclf.classify_batch('m', image) OVER ($window) AS p
		FROM adverts WHERE id <= $images) x});
}

foreach my $window ('', 'ORDER BY published DESC', 'PARTITION BY place')
{
	my $few = peak_of_batch(500, $window);
	my $many = peak_of_batch(5000, $window);
	diag("peak memory of classify_batch OVER ($window): $few kB of 500 images, $many kB of 5,000");
	cmp_ok($many - $few, '<', 8 * 1024, "peak memory of classify_batch OVER ($window) does not grow with the rows");
}

# temp_file_limit holds for the decoded images
my ($code, $out, $error) = $node->psql('postgres', q{
	SET temp_file_limit = '10MB';
	CALL visclf.train('limited', 'adverts', architecture => 'resnet20', image_size => 64, epochs => 1)});
like($error, qr/temporary file size exceeds "?temp_file_limit/, 'temp_file_limit holds');

$node->stop;
done_testing();
