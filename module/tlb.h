/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which event owes which flush of a host CPU's TLB.
 *
 * What a CPU caches of a guest carries a tag, and only an entry with the same tag uses it. On AMD-V the tag is an ASID,
 * handed out here, anew for each vCPU that comes to a CPU. On VT-x it is the EPT pointer, the VM's own on all CPUs; what also
 * carries a VPID carries that pointer too. With shadow paging it is the VPID, the vCPU's own as long as it lives.
 *
 *   a mapping is removed or narrowed     each vCPU of the VM, before its next entry: wr_tlb_drop()
 *   the guest's own tables or control
 *   registers were changed for it        likewise
 *   a vCPU comes to another CPU          what it left there is older than the flushes that it did elsewhere: wr_tlb_moved()
 *   a vCPU is new                        its tag may have been another's before: struct wr_tlb starts as zeros
 *   the tags of a CPU are used up        all are handed out again, the first one after a flush of all
 *   virtualization comes on              who had the CPU before may have used any tag: wr_tlb_host_on()
 *   another hypervisor has the CPU on    it may use any tag between two stays: each begins with a flush of what it has left there,
 *                                        wr_tlb_renew_beside(), and ends with one of what we leave. All of them have one tag: it is
 *                                        no vCPU's after that, wr_tlb_moved()
 *
 * These functions only decide. The vendor does what they answer, before the entry; tests/kunit/tlb_kunit.c plays them against a
 * TLB that forgets nothing.
 */
#ifndef WARREN_TLB_H
#define WARREN_TLB_H

#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/types.h>

enum wr_tlb_flush {
	WR_TLB_KEEP,
	WR_TLB_FLUSH_OWN,	/* what carries the vCPU's tag */
	WR_TLB_FLUSH_ALL,	/* what carries any tag */
};

/*
 * struct wr_tlb_cpu - a host CPU
 *
 * @generation: of tags; a vCPU of an older one owes a flush. Never 0.
 * @next: the tag to hand out.
 */
struct wr_tlb_cpu {
	u64 generation;
	u32 next;
};

/* The first entry on a CPU begins a generation, and so flushes. */
#define WR_TLB_CPU_INIT		{ .generation = 1, .next = U32_MAX }

/*
 * struct wr_tlb - a vCPU, on the CPU of its last stay
 *
 * @generation: of its tag there; 0: it has none.
 * @tag: where tags are handed out.
 */
struct wr_tlb {
	u64 generation;
	u32 tag;
};

/**
 * wr_tlb_host_on - virtualization comes on, or was off for a while
 * @cpu: this CPU's
 *
 * Context: interrupts off.
 */
static inline void wr_tlb_host_on(struct wr_tlb_cpu *cpu)
{
	cpu->generation++;
	cpu->next = U32_MAX;
}

/**
 * wr_tlb_moved - a vCPU's last stay was on another CPU, or beside another hypervisor
 * @tlb: the vCPU's
 */
static inline void wr_tlb_moved(struct wr_tlb *tlb)
{
	tlb->generation = 0;
}

/**
 * wr_tlb_drop - a vCPU must use nothing that was cached before
 * @tlb: the vCPU's, in a stay
 * @by_tag: the CPU can flush a single tag
 *
 * Return: what to flush before the next entry. Without @by_tag that entry gets another tag instead.
 */
static inline enum wr_tlb_flush wr_tlb_drop(struct wr_tlb *tlb, bool by_tag)
{
	if (by_tag)
		return WR_TLB_FLUSH_OWN;
	tlb->generation = 0;
	return WR_TLB_KEEP;
}

/**
 * wr_tlb_is_current - does a vCPU enter with the tag that it has?
 * @tlb: the vCPU's, in a stay
 * @generation: this CPU's
 *
 * If not: wr_tlb_renew().
 */
static inline bool wr_tlb_is_current(const struct wr_tlb *tlb, u64 generation)
{
	return tlb->generation == generation;
}

/**
 * wr_tlb_renew - make a vCPU current
 * @tlb: the vCPU's, in a stay
 * @cpu: this CPU's
 * @nr_tags: tags 1 to @nr_tags - 1 are handed out; 0: each vCPU's tag is its own for ever
 *
 * Return: what to flush before the next entry.
 */
static inline enum wr_tlb_flush wr_tlb_renew(struct wr_tlb *tlb, struct wr_tlb_cpu *cpu, u32 nr_tags)
{
	enum wr_tlb_flush owed = WR_TLB_KEEP;

	if (!nr_tags) {
		tlb->generation = cpu->generation;
		return WR_TLB_FLUSH_OWN;
	}
	if (cpu->next >= nr_tags) {
		/* Entries of vCPUs that had these tags before */
		cpu->generation++;
		cpu->next = 1;
		owed = WR_TLB_FLUSH_ALL;
	}
	tlb->generation = cpu->generation;
	tlb->tag = cpu->next++;
	return owed;
}

/**
 * wr_tlb_renew_beside - wr_tlb_renew() for the first entry of a stay beside another hypervisor
 * @tlb: the vCPU's, in a stay, after wr_tlb_moved()
 * @cpu: this CPU's
 * @nr_tags: as there; ours is the last one, where who counts upwards comes last
 * @by_tag: the CPU can flush a single tag
 *
 * The stay ends with the same flush, before the other hypervisor can enter.
 *
 * Return: what to flush before the next entry.
 */
static inline enum wr_tlb_flush wr_tlb_renew_beside(struct wr_tlb *tlb, const struct wr_tlb_cpu *cpu, u32 nr_tags, bool by_tag)
{
	tlb->generation = cpu->generation;
	if (nr_tags)
		tlb->tag = nr_tags - 1;
	return by_tag ? WR_TLB_FLUSH_OWN : WR_TLB_FLUSH_ALL;
}

#endif
