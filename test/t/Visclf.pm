# What the TAP tests share: a cluster with the extension, tables of images.
package Visclf;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_node load_adverts load_files data_folder peak_memory memory_now proportional_memory backend_pid);

# A running cluster with the extension in database postgres.
sub start_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%options);
	$node->append_conf('postgresql.conf', "fsync = off\nmax_wal_size = 4GB\nvisclf.device = cpu\n");
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION visclf');
	return $node;
}

# Generated adverts: count in all, of which some have a label; in database postgres or another.
sub load_adverts
{
	my ($node, $table, $count, $labelled, $database) = @_;

	$node->safe_psql($database || 'postgres', qq{
		CREATE TABLE $table (id bigint PRIMARY KEY, newspaper text, place text,
			published date, label text, truth text, image bytea);
		\\copy $table FROM PROGRAM 'build/adverts --count $count --labelled $labelled'
	});
}

# Files as rows of (name, image, and what extra columns a caller gives), by COPY.
sub load_files
{
	my ($node, $table, $columns, @rows) = @_;
	my $file = $PostgreSQL::Test::Utils::tmp_check . "/$table.copy";

	open(my $out, '>', $file) or die "$file: $!";
	foreach my $row (@rows)
	{
		my ($path, @values) = @$row;
		my $bytes = slurp_file($path);

		print $out join("\t", @values, '\\\\x' . unpack('H*', $bytes)), "\n";
	}
	close($out) or die "$file: $!";
	$node->safe_psql('postgres', "CREATE TABLE $table ($columns, image bytea);\n\\copy $table FROM '$file'");
	unlink $file;
}

# A folder of the test data, or undef where it is missing.
sub data_folder
{
	my ($name) = @_;
	my $folder = ($ENV{VISCLF_DATA} || '../shared/data') . "/$name";

	return -d $folder ? $folder : undef;
}

# A field of /proc/PID/status in kB.
sub status_field
{
	my ($pid, $field) = @_;
	my ($value) = slurp_file("/proc/$pid/status") =~ /^$field:\s+(\d+) kB/m;

	return $value;
}

sub peak_memory { return status_field($_[0], 'VmHWM'); }
# Memory of the process's own: shared buffers do not count.
sub memory_now { return status_field($_[0], 'RssAnon'); }

# Memory in kB where pages that n processes share count as 1/n.
sub proportional_memory
{
	my ($pid) = @_;
	my ($value) = slurp_file("/proc/$pid/smaps_rollup") =~ /^Pss:\s+(\d+) kB/m;

	return $value;
}

# The backend of a background psql session.
sub backend_pid
{
	my ($session) = @_;

	return $session->query_safe('SELECT pg_backend_pid()');
}

1;
