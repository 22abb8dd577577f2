#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
# A debugger of few words, for QEMU's gdbstub: rsp.pl SOCKET PACKET... sends each packet and prints its answer on a line.
# ^C interrupts what runs, PACKET& does not wait for the answer, -N waits N seconds. pN is register N (rax is 0, rip is
# 10), lowest byte first.

use strict;
use warnings;
use IO::Socket::UNIX;

my ($path, @packets) = @ARGV;
my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
$socket->autoflush(1);
$SIG{ALRM} = sub { die "no answer\n" };
alarm 250;

sub answer {
	my $text = '';
	while (read $socket, my $c, 1) {
		next if $text eq '' && $c ne '$';
		$text .= $c;
		next unless $c eq '#';
		read $socket, my $sum, 2;
		print $socket '+';
		return substr $text, 1, -1;
	}
	die "the stub is gone\n";
}

sub send_packet {
	my ($packet) = @_;
	my $sum = 0;
	$sum += ord for split //, $packet;
	printf $socket '$%s#%02x', $packet, $sum & 255;
}

for my $packet (@packets) {
	if ($packet =~ /^-(\d+)$/) {
		sleep $1;
		next;
	}
	my $waits = $packet !~ s/&$//;
	my $register = $packet =~ /^p([0-9a-f]+)$/ ? hex $1 : undef;
	if ($packet eq '^C') {
		print $socket "\x03";
	} else {
		send_packet(defined $register ? 'g' : $packet);
	}
	next unless $waits;
	my $answer = answer();
	$answer = substr $answer, 16 * $register, 16 if defined $register;
	print "$packet $answer\n";
}
