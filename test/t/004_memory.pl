# The peak memory of a training does not grow with the number of images.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('memory');
load_adverts($node, 'adverts', 5000, 5000);

sub peak_of_training
{
	my ($images) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = backend_pid($session);

	$session->query_safe("SET client_min_messages = warning");
	$session->query_safe("CREATE TEMP VIEW some AS SELECT * FROM adverts WHERE id <= $images");
	$session->query_safe("CALL visclf.train('m', 'some', architecture => 'resnet20', image_size => 32, epochs => 1)");
	my $peak = peak_memory($pid);
	$session->quit;
	return $peak;
}

my $few = peak_of_training(500);
my $many = peak_of_training(5000);
diag("peak memory of the backend: $few kB with 500 images, $many kB with 5,000");
# shared buffers that the backend touches count too: 128 MB of them at most
cmp_ok($many - $few, '<', 16 * 1024 + 128 * 1024, 'peak memory does not grow with the images');

# temp_file_limit holds for the decoded images
my ($code, $out, $error) = $node->psql('postgres', q{
	SET temp_file_limit = '10MB';
	CALL visclf.train('limited', 'adverts', architecture => 'resnet20', image_size => 64, epochs => 1)});
like($error, qr/temporary file size exceeds temp_file_limit/, 'temp_file_limit holds');

$node->stop;
done_testing();
