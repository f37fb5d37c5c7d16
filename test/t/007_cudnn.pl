# A server where cuDNN is not complete: a reason, and the server stays up.
# cuDNN's own functions would end the process, and with it all sessions.
use strict;
use warnings FATAL => 'all';

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::Bin;
use Test::More;

# All of this runs where the machine's cuDNN is hidden.
BEGIN
{
	if (!defined $ENV{VISCLF_BARE})
	{
		plan skip_all => 'the CUDA device was not built' if !-e 'visclf_cuda.so';
		my $folder = tempdir(CLEANUP => 1);
		my $reason = `test/bare $folder true`;

		plan skip_all => $reason if $? != 0;
		exit(system('test/bare', $folder, 'env', "VISCLF_BARE=$folder", $^X, (map { "-I$_" } @INC), $0) >> 8);
	}
}

use PostgreSQL::Test::Utils;
use Visclf;

$ENV{VISCLF_CUDA} = abs_path('visclf_cuda.so');
$ENV{LD_LIBRARY_PATH} = "$ENV{VISCLF_BARE}/half";
my $node = start_node('cudnn');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $reason = $session->query(q{SELECT reason FROM visclf.devices() WHERE device = 'cuda'});

like($reason, qr/^cuDNN is not complete: .*libcudnn_graph\.so\.9/, 'visclf.devices() says what is missing');
is($session->query(q{SELECT count(*) FROM visclf.devices() WHERE device = 'cpu' AND usable}), '1',
	'the session goes on');
$session->quit;
load_adverts($node, 'adverts', 40, 40);
my ($result, $out, $err) = $node->psql('postgres', 'SET visclf.device = cuda; '
	. q{CALL visclf.train('ads', 'adverts', architecture => 'resnet20', image_size => 32)});
like($err, qr/no CUDA device can be used: \Q$reason\E/, 'training on it is an error');
unlike(slurp_file($node->logfile), qr/terminated by signal/, 'no process ended');
$node->stop;
done_testing();
