/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_MEMORY_H
#define WARREN_CLI_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct wr_memory - the guest's RAM: one host mapping, split around the hole below 4 GiB
 * @host: first byte, 2 MiB aligned so that huge pages line up with the guest's
 * @size: bytes in all
 * @low: bytes at guest-physical 0
 * @high: bytes at guest-physical 4 GiB
 * @map: what mmap gave
 * @map_size: its length
 */
struct wr_memory {
	uint8_t *host;
	uint64_t size;
	uint64_t low;
	uint64_t high;
	void *map;
	size_t map_size;
};

/* Types of the PC memory map; the PVH boot protocol uses the same numbers. */
enum wr_range_type {
	WR_RANGE_RAM = 1,
	WR_RANGE_RESERVED = 2,
};

struct wr_range {
	uint64_t start;
	uint64_t size;
	enum wr_range_type type;
};

#define WR_RANGES_MAX 4
#define WR_MEMORY_MIN (4 * 1024 * 1024ull)
#define WR_MEMORY_MAX (1ull << 40)

/**
 * wr_memory_split() - place @size bytes of RAM around the hole
 * @mem: filled in except for the mapping
 * @size: bytes
 */
void wr_memory_split(struct wr_memory *mem, uint64_t size);

/**
 * wr_memory_alloc() - reserve the guest's RAM; the host gives pages as they are touched
 * @mem: filled in
 * @size: bytes, multiple of 4 KiB
 *
 * Return: 0, or -1 after an error message.
 */
int wr_memory_alloc(struct wr_memory *mem, uint64_t size);

/**
 * wr_memory_free() - give the RAM back
 * @mem: may be all zero
 */
void wr_memory_free(struct wr_memory *mem);

/**
 * wr_memory_at() - the one way from a guest address to a host pointer
 * @mem: the RAM
 * @gpa: guest-physical address
 * @len: bytes that the caller will touch
 *
 * Return: pointer, or NULL if any byte of it is not RAM.
 */
void *wr_memory_at(const struct wr_memory *mem, uint64_t gpa, uint64_t len);

/**
 * wr_memory_map() - the memory map that the guest is told
 * @mem: the RAM
 * @ranges: filled in, ascending
 *
 * Return: how many ranges.
 */
size_t wr_memory_map(const struct wr_memory *mem, struct wr_range ranges[WR_RANGES_MAX]);

#endif
