# Labels whose encoding the database does not know: out of it, into another, and back.
use strict;
use warnings FATAL => 'all';

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use Test::More;
use Visclf;

my $node = start_node('encoding');
$node->safe_psql('postgres', q{CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('postgres', q{CREATE DATABASE named ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0});
$node->safe_psql($_, 'CREATE EXTENSION visclf') foreach qw(bytes named);
load_adverts($node, 'adverts', 60, 60, 'bytes');

# the file of a model with two labels, one of which is given as bytes
sub export_with
{
	my ($name, $bytes) = @_;

	$node->safe_psql('bytes', qq{
		SET client_min_messages = error;
		CREATE VIEW $name AS SELECT image, CASE WHEN truth = 'text-only' THEN truth ELSE E'$bytes' END AS label FROM adverts;
		CALL visclf.train('$name', '$name', architecture => 'resnet20', image_size => 16, epochs => 1)});
	my ($code, $out, $error) = $node->psql('bytes', "SELECT encode(visclf.export_model('$name'), 'hex')");
	is($code, 0, "labels of $name are exported") or diag($error);
	return ($out, $error);
}

# its classes in a database that has an encoding
sub classes_of
{
	my ($file) = @_;

	$node->safe_psql('named', "SELECT visclf.import_model('m', decode('$file', 'hex'))");
	return $node->safe_psql('named', "SELECT convert_to(classes[1], 'UTF8') FROM visclf.model WHERE name = 'm' AND active");
}

my ($latin, $told) = export_with('latin', 'illustr\\351');
like($told, qr/WARNING:  labels that are not UTF-8 are exported as if they were Latin-1/, 'what is not UTF-8 is told of');
is(classes_of($latin), '\x696c6c75737472c3a9', 'and is Latin-1 in the file');
my ($utf8, $silence) = export_with('utf8', 'illustr\\303\\251');
is($silence, '', 'of UTF-8 nothing is said');
is(classes_of($utf8), '\x696c6c75737472c3a9', 'and it stays what it is');

$node->stop;
done_testing();
