// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host's memory management tells: pages that go away, and whether pages are in use.
 *
 * Every change of the creator's page tables that takes a page or a right away is bracketed by
 * invalidate_range_start and _end: swap, migration, KSM, THP split and collapse, madvise,
 * truncation, mprotect, munmap, fork. Start removes what is mapped and flushes; until end nothing
 * new is mapped in the range, and a fault that read the host's tables before end sees
 * invalidate_seq moved and reads again.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>

#include "compat.h"
#include "internal.h"

static struct wr_vm *to_vm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct wr_vm, mmu.notifier);
}

/*
 * The part of a slot that lies in [start, end) of the creator's memory, as gfns; false when there
 * is none.
 */
static bool slot_part(const struct wr_slot *slot, unsigned long start, unsigned long end,
		      u64 *first, u64 *past)
{
	unsigned long slot_end = slot->hva + (slot->npages << PAGE_SHIFT);

	start = max(start, slot->hva);
	end = min(end, slot_end);
	if (start >= end)
		return false;
	*first = slot->gfn + ((start - slot->hva) >> PAGE_SHIFT);
	*past = slot->gfn + ((end - 1 - slot->hva) >> PAGE_SHIFT) + 1;
	return true;
}

static void zap_hva(struct wr_vm *vm, unsigned long start, unsigned long end,
		    struct wr_gather *gather)
{
	const struct wr_slots *slots = wr_slots(vm);
	u64 first, past;
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slot_part(slots->slot[i], start, end, &first, &past))
			wr_table_zap(&vm->mmu, first, past, gather);
}

/* Ranges of several invalidations under way become one that spans them. */
static void range_enter(struct wr_mmu *mmu, unsigned long start, unsigned long end)
{
	if (mmu->invalidate_count++) {
		start = min(start, mmu->invalidate_start);
		end = max(end, mmu->invalidate_end);
	}
	mmu->invalidate_start = start;
	mmu->invalidate_end = end;
}

static int invalidate_range_start(struct mmu_notifier *notifier,
				  const struct mmu_notifier_range *range)
{
	struct wr_vm *vm = to_vm(notifier);
	struct wr_gather gather = {};
	int idx = srcu_read_lock(&vm->srcu);

	write_lock(&vm->mmu.lock);
	range_enter(&vm->mmu, range->start, range->end);
	zap_hva(vm, range->start, range->end, &gather);
	/* Owed now: once we return, the pages are given to others. */
	wr_stage2_flush(vm, &gather);
	write_unlock(&vm->mmu.lock);
	srcu_read_unlock(&vm->srcu, idx);
	wr_gather_free(&vm->mmu, &gather, mmu_notifier_range_blockable(range));
	return 0;
}

static void invalidate_range_end(struct mmu_notifier *notifier,
				 const struct mmu_notifier_range *range)
{
	struct wr_vm *vm = to_vm(notifier);

	write_lock(&vm->mmu.lock);
	vm->mmu.invalidate_seq++;
	vm->mmu.invalidate_count--;
	write_unlock(&vm->mmu.lock);
}

/* Without an A bit the only way to learn of the next use is to remove the mapping. */
static bool age_by_zap(struct wr_vm *vm, unsigned long start, unsigned long end)
{
	struct wr_gather gather = {};
	bool young;

	write_lock(&vm->mmu.lock);
	zap_hva(vm, start, end, &gather);
	young = gather.flush;
	wr_stage2_flush(vm, &gather);
	write_unlock(&vm->mmu.lock);
	wr_gather_free(&vm->mmu, &gather, false);
	return young;
}

static bool age_by_bit(struct wr_vm *vm, unsigned long start, unsigned long end, bool clear)
{
	const struct wr_slots *slots = wr_slots(vm);
	bool young = false;
	u64 first, past;
	u32 i;

	read_lock(&vm->mmu.lock);
	for (i = 0; i < slots->nr; i++)
		if (slot_part(slots->slot[i], start, end, &first, &past))
			young |= wr_table_age(&vm->mmu, first, past, clear);
	read_unlock(&vm->mmu.lock);
	return young;
}

static bool age(struct mmu_notifier *notifier, unsigned long start, unsigned long end, bool clear)
{
	struct wr_vm *vm = to_vm(notifier);
	int idx = srcu_read_lock(&vm->srcu);
	bool young;

	if (vm->mmu.format->accessed)
		young = age_by_bit(vm, start, end, clear);
	else
		young = clear && age_by_zap(vm, start, end);
	srcu_read_unlock(&vm->srcu, idx);
	return young;
}

/*
 * No flush, as on x86 for the CPU's own tables: a stale translation only makes a page look older
 * than it is.
 */
static wr_young_t clear_flush_young(struct mmu_notifier *notifier, struct mm_struct *mm,
				    unsigned long start, unsigned long end)
{
	return age(notifier, start, end, true);
}

static wr_young_t clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			      unsigned long start, unsigned long end)
{
	return age(notifier, start, end, true);
}

static wr_young_t test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			     unsigned long address)
{
	return age(notifier, address, address + 1, false);
}

/*
 * The creator's memory ends, while file descriptors may keep the VM. Faults need the creator's
 * threads: none follows. The same when the VM goes first.
 */
static void release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	wr_shadow_check_end(to_vm(notifier));
	wr_stage2_zap_all(to_vm(notifier));
}

static const struct mmu_notifier_ops notifier_ops = {
	.release = release,
	.invalidate_range_start = invalidate_range_start,
	.invalidate_range_end = invalidate_range_end,
	.clear_flush_young = clear_flush_young,
	.clear_young = clear_young,
	.test_young = test_young,
};

/**
 * wr_notifier_init - listen to the host's memory management
 * @vm: its mm is current->mm
 *
 * Return: 0 or an error of mmu_notifier_register(). Context: may sleep, takes mmap_lock.
 */
int wr_notifier_init(struct wr_vm *vm)
{
	int r;

	vm->mmu.notifier.ops = &notifier_ops;
	r = mmu_notifier_register(&vm->mmu.notifier, vm->mm);
	vm->mmu.notifier_registered = !r;
	return r;
}

/**
 * wr_notifier_exit - listen no more; no callback runs after the return
 * @vm: the VM
 *
 * Context: may sleep.
 */
void wr_notifier_exit(struct wr_vm *vm)
{
	if (vm->mmu.notifier_registered)
		mmu_notifier_unregister(&vm->mmu.notifier, vm->mm);
	vm->mmu.notifier_registered = false;
}
