/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_RING_H
#define WARREN_CLI_RING_H

#include <linux/warren.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct wr_ring - a vCPU's trace ring, mapped, and how far it was read
 * @map: the mapping
 * @size: of it, in bytes
 * @fd: the file, or -1
 * @next: sequence number of the next entry to read
 * @lost: entries that were overwritten before they were read
 */
struct wr_ring {
	const struct warren_trace_ring *map;
	size_t size;
	int fd;
	uint64_t next;
	uint64_t lost;
};

/**
 * wr_ring_open() - map the ring of a vCPU; reading begins with the oldest entry that it has
 * @ring: filled in; wr_ring_close() must follow if that succeeds
 * @device: Warren's
 * @vm: id
 * @vcpu: index
 * @entries: as in struct warren_trace_open
 *
 * Return: 0, or after a message an exit status (status.h).
 */
int wr_ring_open(struct wr_ring *ring, const char *device, uint32_t vm, uint32_t vcpu,
		 uint32_t entries);

/**
 * wr_ring_close() - the opposite of wr_ring_open()
 * @ring: open
 */
void wr_ring_close(struct wr_ring *ring);

/**
 * wr_ring_begin() - read memory as a ring
 * @ring: filled in but for @fd
 * @map: what is mapped
 * @size: how much
 *
 * Return: 0, or -EPROTO if that is no ring.
 */
int wr_ring_begin(struct wr_ring *ring, const void *map, size_t size);

/**
 * wr_ring_read() - take the next entries
 * @ring: open
 * @entries: filled in
 * @max: how many at most
 *
 * What was overwritten is left out and counted in @ring->lost; @seq of entries shows where. What is returned is whole.
 *
 * Return: how many, 0: there is none now.
 */
size_t wr_ring_read(struct wr_ring *ring, struct warren_trace_entry *entries, size_t max);

/**
 * wr_ring_ended() - whether the vCPU is gone and all its entries have been read
 * @ring: open
 *
 * Return: true or false.
 */
bool wr_ring_ended(const struct wr_ring *ring);

#endif
