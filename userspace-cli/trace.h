/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_TRACE_H
#define WARREN_CLI_TRACE_H

#include "guests.h"
#include "ring.h"

/**
 * struct wr_exit - an exit as it is shown, or a gap
 * @vcpu: index
 * @lost: not 0: a gap of so many exits, and the rest is not there but for @entry.exit_tsc
 * @guest_ns: time in the guest before it
 * @host_ns: time in the host after it, -1: not known, since the next entry into the guest was not seen
 * @entry: all that the ring says
 */
struct wr_exit {
	uint32_t vcpu;
	uint64_t lost;
	uint64_t guest_ns;
	int64_t host_ns;
	struct warren_trace_entry entry;
};

/**
 * struct wr_stream - the exits of one vCPU
 * @ring: where they come from
 * @vcpu: its index
 * @held: the last one, held back until the next one tells its time in the host
 * @holds: there is one
 * @told: how many of the ring's lost entries are in gaps so far
 */
struct wr_stream {
	struct wr_ring ring;
	uint32_t vcpu;
	struct warren_trace_entry held;
	bool holds;
	uint64_t told;
};

/**
 * wr_stream_read() - take what the ring has now
 * @stream: with its ring open
 * @exits: list of struct wr_exit, appended to
 *
 * Return: 0 or -ENOMEM.
 */
int wr_stream_read(struct wr_stream *stream, struct wr_list *exits);

/**
 * wr_stream_end() - take what was held back
 * @stream: its ring open
 * @exits: appended to
 *
 * Return: 0 or -ENOMEM.
 */
int wr_stream_end(struct wr_stream *stream, struct wr_list *exits);

/**
 * wr_exits_sort() - bring exits of several vCPUs into the order of time
 * @exits: list of struct wr_exit
 */
void wr_exits_sort(struct wr_list *exits);

/**
 * wr_tsc_ns() - time of so many ticks
 * @ticks: of the TSC
 * @khz: its frequency
 *
 * Return: ns.
 */
uint64_t wr_tsc_ns(uint64_t ticks, uint32_t khz);

#endif
