#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
# One command to QEMU's monitor: qmp.pl SOCKET JSON, or qmp.pl SOCKET --hmp COMMAND for the monitor for people.
# Prints the answer; status 1 when it is an error. Needs nothing but perl-base.

use strict;
use warnings;
use IO::Socket::UNIX;

my ($path, @words) = @ARGV;
my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
$socket->autoflush(1);

# Events and the greeting go by.
sub command {
	print $socket "$_[0]\n";
	while (my $line = <$socket>) {
		$line =~ s/\r?\n$//;
		return $line if $line =~ /^\{"(return|error)"/;
	}
	# "quit" may be answered by nothing.
	exit 0;
}

sub quote {
	my ($text) = @_;
	$text =~ s/(["\\])/\\$1/g;
	return "\"$text\"";
}

# What a string of an answer stands for.
sub text {
	my ($text) = @_;
	my %plain = (n => "\n", t => "\t", r => '', b => "\b", f => "\f");
	$text =~ s/\\(u([0-9a-fA-F]{4})|.)/defined $2 ? chr hex $2 : exists $plain{$1} ? $plain{$1} : $1/ge;
	return $text;
}

command('{"execute": "qmp_capabilities"}');
my $answer;
if ($words[0] eq '--hmp') {
	$answer = command(sprintf '{"execute": "human-monitor-command", "arguments": {"command-line": %s}}', quote($words[1]));
	$answer = text($1) if $answer =~ /^\{"return": "(.*)"\}$/s;
} else {
	$answer = command($words[0]);
}
chomp $answer;
print "$answer\n" if $answer ne '';
exit($answer =~ /^(\{"error"|Error:)/ ? 1 : 0);
