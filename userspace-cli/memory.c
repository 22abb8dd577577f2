// SPDX-License-Identifier: GPL-2.0-only
/* Guest RAM: its place on the host and in the guest-physical address space. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "layout.h"
#include "memory.h"
#include "util.h"

#define HUGE_PAGE (2 * WR_MIB)

void wr_memory_split(struct wr_memory *mem, uint64_t size)
{
	mem->size = size;
	mem->low = size < WR_LAYOUT_HOLE ? size : WR_LAYOUT_HOLE;
	mem->high = size - mem->low;
}

int wr_memory_alloc(struct wr_memory *mem, uint64_t size)
{
	uintptr_t start;

	wr_memory_split(mem, size);
	mem->map_size = size + HUGE_PAGE;
	mem->map = mmap(NULL, mem->map_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->map == MAP_FAILED) {
		mem->map = NULL;
		wr_error("cannot reserve %llu MiB for the guest: %s",
			 (unsigned long long)(size / WR_MIB), strerror(errno));
		wr_hint("give it less with --memory, or raise the limit (ulimit -v)");
		return -1;
	}
	start = ((uintptr_t)mem->map + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
	mem->host = (uint8_t *)start;
	/* A kernel without huge pages refuses; the guest then runs on small ones. */
	madvise(mem->host, size, MADV_HUGEPAGE);
	madvise(mem->host, size, MADV_DONTDUMP);
	return 0;
}

void wr_memory_free(struct wr_memory *mem)
{
	if (mem->map)
		munmap(mem->map, mem->map_size);
	memset(mem, 0, sizeof(*mem));
}

void *wr_memory_at(const struct wr_memory *mem, uint64_t gpa, uint64_t len)
{
	if (gpa <= mem->low && len <= mem->low - gpa)
		return mem->host + gpa;
	if (gpa < WR_LAYOUT_4G)
		return NULL;
	gpa -= WR_LAYOUT_4G;
	if (gpa <= mem->high && len <= mem->high - gpa)
		return mem->host + mem->low + gpa;
	return NULL;
}

size_t wr_memory_map(const struct wr_memory *mem, struct wr_range ranges[WR_RANGES_MAX])
{
	size_t n = 0;

	ranges[n++] = (struct wr_range){ 0, WR_LAYOUT_EBDA, WR_RANGE_RAM };
	ranges[n++] = (struct wr_range){ WR_LAYOUT_EBDA, WR_LAYOUT_HIGH_RAM - WR_LAYOUT_EBDA,
					 WR_RANGE_RESERVED };
	ranges[n++] = (struct wr_range){ WR_LAYOUT_HIGH_RAM, mem->low - WR_LAYOUT_HIGH_RAM,
					 WR_RANGE_RAM };
	if (mem->high)
		ranges[n++] = (struct wr_range){ WR_LAYOUT_4G, mem->high, WR_RANGE_RAM };
	return n;
}
