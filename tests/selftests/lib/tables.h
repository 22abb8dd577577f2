/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of guests' page tables share: bits of entries, and memory for tables and pages. */
#ifndef SELFTESTS_TABLES_H
#define SELFTESTS_TABLES_H

#include "guest.h"
#include "vm.h"

#define P 1ul
#define W 2ul
#define U 4ul
#define A 0x20ul
#define D 0x40ul
#define PS 0x80ul
#define PF 14

/* Identity-mapped, as all below 4 GiB is */
#define AREA 0x10000000ul
#define AREA_SIZE (4 * MiB)
#define TABLE(n) (AREA + (n) * PAGE)
#define DATA(n) (AREA + 2 * MiB + (n) * PAGE)
#define ROM 0x20000000ul

static inline volatile u64 *at(u64 va)
{
	return (volatile u64 *)va;
}

static inline void invlpg(u64 va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void load_cr3(u64 cr3)
{
	asm volatile("movq %0, %%cr3" : : "r"(cr3) : "memory");
}

static inline u64 try_read(u64 va, u64 *value)
{
	return GUEST_TRY("movq (%1), %0", : "=r"(*value) : "r"(va) : "memory");
}

#endif
