// SPDX-License-Identifier: GPL-2.0-only
/* From rings to exits with their times. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 256

uint64_t wr_tsc_ns(uint64_t ticks, uint32_t khz)
{
	return (uint64_t)((__uint128_t)ticks * 1000000 / khz);
}

/* CPUs' counters may differ a little. */
static uint64_t between(const struct wr_stream *stream, uint64_t from, uint64_t to)
{
	return to > from ? wr_tsc_ns(to - from, stream->ring.map->tsc_khz) : 0;
}

/* Gives away what is held; @next is the one after it, or NULL. */
static int release(struct wr_stream *stream, const struct warren_trace_entry *next,
		   struct wr_list *exits)
{
	const struct warren_trace_entry *held = &stream->held;
	struct wr_exit exit = { .vcpu = stream->vcpu, .host_ns = -1, .entry = *held };

	if (!stream->holds)
		return 0;
	stream->holds = false;
	exit.guest_ns = between(stream, held->entry_tsc, held->exit_tsc);
	if (next)
		exit.host_ns = (int64_t)between(stream, held->exit_tsc, next->entry_tsc);
	return wr_list_add(exits, &exit, sizeof(exit));
}

static int tell_lost(struct wr_stream *stream, uint64_t tsc, struct wr_list *exits)
{
	struct wr_exit exit = { .vcpu = stream->vcpu, .host_ns = -1, .entry.exit_tsc = tsc };
	int error = release(stream, NULL, exits);

	exit.lost = stream->ring.lost - stream->told;
	stream->told = stream->ring.lost;
	return error ? error : wr_list_add(exits, &exit, sizeof(exit));
}

static int take(struct wr_stream *stream, const struct warren_trace_entry *entries, size_t count,
		struct wr_list *exits)
{
	int error = 0;
	size_t i;

	if (stream->ring.lost != stream->told)
		error = tell_lost(stream, count ? entries[0].exit_tsc : stream->held.exit_tsc,
				  exits);
	for (i = 0; i < count && !error; i++) {
		error = release(stream, &entries[i], exits);
		stream->held = entries[i];
		stream->holds = true;
	}
	return error;
}

/* No more than the ring holds at once: one that is filled as fast as it is read would never end it. */
int wr_stream_read(struct wr_stream *stream, struct wr_list *exits)
{
	struct warren_trace_entry entries[CHUNK];
	size_t count, total = 0;
	int error;

	do {
		count = wr_ring_read(&stream->ring, entries, CHUNK);
		error = take(stream, entries, count, exits);
		total += count;
	} while (count == CHUNK && total < stream->ring.map->nr_entries && !error);
	if (!error && wr_ring_ended(&stream->ring))
		error = release(stream, NULL, exits);
	return error;
}

int wr_stream_end(struct wr_stream *stream, struct wr_list *exits)
{
	return release(stream, NULL, exits);
}

static int compare_exits(const void *a, const void *b)
{
	const struct wr_exit *first = a, *second = b;
	uint64_t early = first->entry.exit_tsc, late = second->entry.exit_tsc;

	if (early != late)
		return early < late ? -1 : 1;
	if (first->vcpu != second->vcpu)
		return first->vcpu < second->vcpu ? -1 : 1;
	/* A gap is before what follows it. */
	return (first->lost == 0) - (second->lost == 0);
}

void wr_exits_sort(struct wr_list *exits)
{
	if (exits->count)
		qsort(exits->items, exits->count, sizeof(struct wr_exit), compare_exits);
}
