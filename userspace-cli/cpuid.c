// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's CPUID: what the device offers, with this machine's topology put in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpuid.h"
#include "util.h"

#define LEAF_TOPOLOGY 0x0b
#define LEVEL_THREAD 1
#define LEVEL_CORE 2

#define ECX_1_TSC_DEADLINE (1u << 24)
#define ECX_1_HYPERVISOR (1u << 31)
#define EDX_1_HTT (1u << 28)
#define ECX_80000001_CMP_LEGACY (1u << 1)

/* Bits of an APIC id that tell @count cores apart. */
static unsigned int id_bits(unsigned int count)
{
	unsigned int bits = 0;

	while ((1u << bits) < count)
		bits++;
	return bits;
}

static __u32 put_field(__u32 value, unsigned int low, unsigned int high, __u32 field)
{
	__u32 mask = (0xffffffffu >> (31 - high + low)) << low;

	return (value & ~mask) | (field << low & mask);
}

static void leaf_1(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place)
{
	e->ebx = put_field(e->ebx, 24, 31, place->apic_id);
	e->ebx = put_field(e->ebx, 16, 23, place->count);
	e->edx &= ~EDX_1_HTT;
	if (place->count > 1)
		e->edx |= EDX_1_HTT;
	e->ecx |= ECX_1_HYPERVISOR;
	e->ecx &= ~ECX_1_TSC_DEADLINE;
	if (place->tsc_deadline)
		e->ecx |= ECX_1_TSC_DEADLINE;
}

/* Caches, one subleaf each: type in EAX 4:0, level in 7:5, sharers - 1 in 25:14. */
static void cache_sharing(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place)
{
	unsigned int level = e->eax >> 5 & 7;

	if ((e->eax & 0x1f) == 0)
		return;
	e->eax = put_field(e->eax, 14, 25, level >= 3 ? place->count - 1 : 0);
}

static void leaf_4(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place)
{
	if ((e->eax & 0x1f) == 0)
		return;
	cache_sharing(e, place);
	e->eax = put_field(e->eax, 26, 31, (1u << id_bits(place->count)) - 1);
}

static void leaf_80000001(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place)
{
	e->ecx &= ~ECX_80000001_CMP_LEGACY;
	if (place->count > 1)
		e->ecx |= ECX_80000001_CMP_LEGACY;
}

static void leaf_80000008(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place)
{
	e->ecx = put_field(e->ecx, 0, 7, place->count - 1);
	e->ecx = put_field(e->ecx, 12, 15, id_bits(place->count));
}

static void leaf_8000001e(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place)
{
	e->eax = place->apic_id;
	e->ebx = place->apic_id & 0xff;		/* core number, one thread per core */
	e->ecx = 0;				/* node 0 of 1 */
	e->edx = 0;
}

static const struct {
	__u32 function;
	void (*adjust)(struct kvm_cpuid_entry2 *e, const struct wr_cpuid_place *place);
} adjustments[] = {
	{ 0x00000001, leaf_1 },
	{ 0x00000004, leaf_4 },
	{ 0x80000001, leaf_80000001 },
	{ 0x80000008, leaf_80000008 },
	{ 0x8000001d, cache_sharing },
	{ 0x8000001e, leaf_8000001e },
};

static void remove_leaf(struct kvm_cpuid2 *table, __u32 function)
{
	__u32 from, to = 0;

	for (from = 0; from < table->nent; from++)
		if (table->entries[from].function != function)
			table->entries[to++] = table->entries[from];
	table->nent = to;
}

/* Replaces what a device says about its host by the levels of this machine. */
static void put_topology(struct kvm_cpuid2 *table, const struct wr_cpuid_place *place)
{
	const struct kvm_cpuid_entry2 level[WR_CPUID_EXTRA] = {
		{ .eax = 0, .ebx = 1, .ecx = LEVEL_THREAD << 8 },
		{ .eax = id_bits(place->count), .ebx = place->count, .ecx = LEVEL_CORE << 8 },
		{ .eax = 0, .ebx = 0, .ecx = 0 },
	};
	__u32 i;

	for (i = 0; i < WR_CPUID_EXTRA; i++) {
		struct kvm_cpuid_entry2 *e = &table->entries[table->nent++];

		*e = level[i];
		e->function = LEAF_TOPOLOGY;
		e->index = i;
		e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		e->ecx |= i;
		e->edx = place->apic_id;
	}
}

void wr_cpuid_adjust(struct kvm_cpuid2 *table, const struct wr_cpuid_place *place)
{
	__u32 max_basic = 0;
	__u32 i;
	size_t j;

	/* Leaf 0x1f repeats 0xb in more levels, of which this machine has none. */
	remove_leaf(table, LEAF_TOPOLOGY);
	remove_leaf(table, 0x1f);
	for (i = 0; i < table->nent; i++) {
		struct kvm_cpuid_entry2 *e = &table->entries[i];

		if (e->function == 0)
			max_basic = e->eax;
		for (j = 0; j < ARRAY_SIZE(adjustments); j++)
			if (adjustments[j].function == e->function)
				adjustments[j].adjust(e, place);
	}
	if (max_basic >= LEAF_TOPOLOGY)
		put_topology(table, place);
}

struct kvm_cpuid2 *wr_cpuid_supported(int sys_fd)
{
	__u32 count;

	for (count = 64; count <= 4096; count *= 2) {
		struct kvm_cpuid2 *table;

		table = calloc(1, sizeof(*table) +
			       (count + WR_CPUID_EXTRA) * sizeof(table->entries[0]));
		if (!table)
			return NULL;
		table->nent = count;
		if (!ioctl(sys_fd, KVM_GET_SUPPORTED_CPUID, table))
			return table;
		free(table);
		if (errno != E2BIG)
			return NULL;
	}
	errno = E2BIG;
	return NULL;
}
