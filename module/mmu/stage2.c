// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stage 2: guest physical to host physical. Faults, and what takes mappings away.
 *
 * Faults hold wr_mmu.lock for reading and run in parallel; the host's page is looked up before.
 * Whatever removes or narrows holds it for writing, flushes under it, and frees detached tables
 * after it.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "backend.h"
#include "compat.h"
#include "internal.h"

/*
 * Device pages whose fault handler keeps saying yes while nothing appears: give up after so many
 * tries.
 */
#define MAX_TRIES	64

/* Pages that are protected under one hold of wr_mmu.lock */
#define PROTECT_PAGES	(32 * wr_pt_pages(2))

/**
 * wr_mmu_gpa_bits - how wide a guest physical address can be
 *
 * Return: bits, bounded by the depth of stage-2 tables on this host. Context: any.
 */
u32 wr_mmu_gpa_bits(void)
{
	return min_t(u32, PAGE_SHIFT + 9 * wr_backend->stage2->levels, WR_MAX_GPA_BITS);
}

/**
 * wr_stage2_flush - do the flush that a change of tables owes
 * @vm: wr_mmu.lock is held for writing
 * @gather: what is owed; its tables may be freed after this
 *
 * Afterwards no vCPU is in the guest with translations from before the change.
 */
void wr_stage2_flush(struct wr_vm *vm, struct wr_gather *gather)
{
	lockdep_assert_held_write(&vm->mmu.lock);
	if (!gather->flush)
		return;
	wr_vm_request_all(vm, WR_REQ_TLB_FLUSH, true);
	vm->mmu.flushes++;
	gather->flush = false;
	if (wr_shadow_of(&vm->mmu))
		wr_shadow_flushed(&vm->mmu);
}

/**
 * wr_stage2_defer - leave a flush that is owed to a later hold of the lock
 * @vm: wr_mmu.lock is held for writing
 * @gather: what is owed; nothing was removed, and nobody relies on the protection before the flush
 */
void wr_stage2_defer(struct wr_vm *vm, const struct wr_gather *gather)
{
	if (gather->flush && wr_shadow_of(&vm->mmu))
		wr_shadow_owe(&vm->mmu);
}

/**
 * wr_stage2_zap - remove all mappings of a range, flushed
 * @vm: the VM
 * @gfn: first
 * @npages: how many
 *
 * Context: may sleep.
 */
void wr_stage2_zap(struct wr_vm *vm, u64 gfn, u64 npages)
{
	struct wr_gather gather = {};

	write_lock(&vm->mmu.lock);
	wr_table_zap(&vm->mmu, gfn, gfn + npages, &gather);
	wr_stage2_flush(vm, &gather);
	write_unlock(&vm->mmu.lock);
	wr_gather_free(&vm->mmu, &gather, true);
	/* Guests' tables may have gone, too. */
	if (wr_shadow_of(&vm->mmu))
		wr_vm_request_all(vm, WR_REQ_SHADOW, false);
}

/**
 * wr_stage2_zap_all - remove all mappings, flushed
 * @vm: the VM
 *
 * Context: may sleep.
 */
void wr_stage2_zap_all(struct wr_vm *vm)
{
	wr_stage2_zap(vm, 0, wr_pt_pages(vm->mmu.format->levels + 1));
}

/**
 * wr_stage2_write_protect - make the first writes in a range be noticed, flushed
 * @vm: the VM; its slot there logs writes by now
 * @gfn: first
 * @npages: how many
 *
 * In steps of 64 MiB, so that faults need not wait long. One flush at the end serves all: it is owed
 * only before the caller relies on the protection. Context: may sleep.
 */
void wr_stage2_write_protect(struct wr_vm *vm, u64 gfn, u64 npages)
{
	struct wr_gather gather = {};
	u64 end = gfn + npages;
	u64 step;

	for (; gfn < end; gfn = step) {
		step = min(end, round_down(gfn, PROTECT_PAGES) + PROTECT_PAGES);
		write_lock(&vm->mmu.lock);
		wr_table_protect(&vm->mmu, gfn, step, &gather);
		if (step == end)
			wr_stage2_flush(vm, &gather);
		else
			wr_stage2_defer(vm, &gather);
		write_unlock(&vm->mmu.lock);
		cond_resched();
	}
}

/* Largest leaf that keeps within the slot and means the same pages for guest and host. */
static int leaf_level(const struct wr_mmu *mmu, const struct wr_slot *slot, u64 gfn, int level)
{
	u64 offset = gfn - slot->gfn;

	/* Dirty pages are told apart by 4 KiB, and so are the guest's tables. */
	if (slot->dirty || wr_shadow_of(mmu))
		return 1;
	for (level = min_t(int, level, mmu->format->max_leaf_level); level > 1; level--) {
		u64 mask = wr_pt_pages(level) - 1;
		u64 before = gfn & mask;

		if (((slot->hva >> PAGE_SHIFT) ^ slot->gfn) & mask)
			continue;
		if (before <= offset && offset - before + mask < slot->npages)
			break;
	}
	return level;
}

/* Is a table of 4 KiB leaves there whose pages the host has in one piece? */
static bool is_collapsible(struct wr_vm *vm, const struct wr_slot *slot, const struct wr_pt_iter *it)
{
	struct wr_host_page page;

	if (it->level != 2 || !wr_pt_is_table(it->format, it->value, 2))
		return false;
	if (it->gfn < slot->gfn || leaf_level(&vm->mmu, slot, it->gfn, 2) < 2)
		return false;
	return wr_host_walk(vm->mm, wr_slot_hva(slot, it->gfn), false, false, &page) && page.level > 1;
}

/**
 * wr_stage2_recover - let large leaves come back that a dirty log had split
 * @vm: the VM; current->mm is its
 * @slot: of it, has no log any more
 *
 * Removes tables where the next fault maps a large leaf. In steps of 1 GiB, so that faults need not wait long. Context: may sleep.
 */
void wr_stage2_recover(struct wr_vm *vm, const struct wr_slot *slot)
{
	u64 gfn = slot->gfn, end = gfn + slot->npages, step;
	struct wr_gather gather = {};
	struct wr_pt_iter it;

	for (; gfn < end; gfn = step) {
		step = min(end, round_down(gfn, wr_pt_pages(3)) + wr_pt_pages(3));
		write_lock(&vm->mmu.lock);
		wr_pt_for_each(&it, &vm->mmu, 2, gfn, step)
			if (is_collapsible(vm, slot, &it))
				wr_pt_clear(&it, &gather);
		wr_stage2_flush(vm, &gather);
		write_unlock(&vm->mmu.lock);
		wr_gather_free(&vm->mmu, &gather, true);
		cond_resched();
	}
}

/* Has the host changed its mapping since @seq was read? wr_mmu.lock is held. */
static bool invalidated(const struct wr_mmu *mmu, unsigned long seq, unsigned long hva,
			unsigned long size)
{
	if (mmu->invalidate_seq != seq)
		return true;
	return mmu->invalidate_count &&
	       hva < mmu->invalidate_end && hva + size > mmu->invalidate_start;
}

/* The guest can write the page from now on: what it writes must not be dropped as clean. */
static void mark_page_dirty(const struct wr_host_page *page)
{
	struct page *p;

	if (!page->writable || page->special)
		return;
	p = pfn_to_page(page->pfn);
	if (!PageReserved(p) && !PageDirty(p))
		SetPageDirty(p);
}

/* struct want - one fault under way */
struct want {
	const struct wr_slot *slot;
	u64 gfn;
	unsigned long hva;
	bool write;
	unsigned long seq;		/* wr_mmu.invalidate_seq from before the host was asked */
	struct wr_host_page page;
};

static u64 make_leaf(const struct wr_mmu *mmu, const struct want *want, int level)
{
	bool may_write = want->page.writable && !(want->slot->flags & KVM_MEM_READONLY);
	/* The first write to a page of a logged slot must be noticed: by a fault, or by the hardware. */
	bool logged = may_write && want->slot->dirty && !want->write;
	bool by_log = mmu->format->dirty_by_log;
	enum wr_pt_memtype type = WR_MEM_WB;
	u64 leaf;

	if (want->page.special && !pfn_valid(want->page.pfn))
		type = WR_MEM_UC;
	leaf = mmu->format->make_leaf(want->page.pfn & ~(wr_pt_pages(level) - 1), level,
				      may_write && (by_log || !logged), true, type);
	/* D from the start: what nobody wants to know needs no entry in the hardware's log. */
	if (by_log)
		return may_write && !logged ? leaf | mmu->format->dirty : leaf;
	return logged ? leaf | WR_PT_SW_LOGGED : leaf;
}

/* wr_mmu.lock is held, for writing when there is @gather. */
static enum wr_map map_locked(struct wr_vcpu *vcpu, const struct want *want, int level, u64 leaf,
			      struct wr_gather *gather)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	unsigned long size = wr_pt_level_size(level);
	enum wr_map r;

	if (invalidated(mmu, want->seq, want->hva & ~(size - 1), size))
		return WR_MAP_RETRY;
	if (wr_shadow_of(mmu) && wr_shadow_is_table(mmu, want->gfn)) {
		if (want->write)
			wr_shadow_unsync(mmu, want->gfn);
		else if (leaf & mmu->format->writable)
			leaf = (leaf & ~mmu->format->writable) | WR_PT_SW_LOGGED;
	}
	r = wr_table_map(mmu, &vcpu->tables, want->gfn, level, leaf, gather);
	if (r != WR_MAP_DONE)
		return r;
	/* Not invalidated, and nobody can be while the lock is held: the page is there. */
	mark_page_dirty(&want->page);
	if (want->write)
		wr_dirty_mark(vcpu->vm, vcpu, want->slot, want->gfn);
	return r;
}

/* Make @want the first page of the host's large one that a table of stage 2 can map. Return: how many there are. */
static u64 widen(struct want *want)
{
	const struct wr_slot *slot = want->slot;
	u64 pages = wr_pt_pages(want->page.level), before = (want->hva >> PAGE_SHIFT) & (pages - 1);
	u64 first = round_down(want->gfn, WR_PT_ENTRIES), past = first + WR_PT_ENTRIES;
	u64 back;

	past = min3(past, slot->gfn + slot->npages, want->gfn - before + pages);
	back = min(before, want->gfn - max(first, slot->gfn));
	want->gfn -= back;
	want->hva -= back << PAGE_SHIFT;
	want->page.pfn -= back;
	return past - want->gfn;
}

/*
 * With shadow paging a table of small leaves stands for a large one, and the host is not asked 512 times. None counts as used; the
 * guest's own tables are left to faults, which know what to do with them. wr_mmu.lock is held for writing.
 */
static void map_around(struct wr_mmu *mmu, struct want want)
{
	u64 npages = widen(&want), leaf;
	const unsigned long *tables = wr_shadow_tables(mmu, want.gfn);
	struct wr_pt_iter it;

	if (invalidated(mmu, want.seq, want.hva, npages << PAGE_SHIFT))
		return;
	want.write = false;
	leaf = make_leaf(mmu, &want, 1) & ~mmu->format->accessed;
	wr_pt_for_each(&it, mmu, 1, want.gfn, want.gfn + npages) {
		if (it.level > 1 || wr_pt_is_present(it.format, it.value))
			continue;
		if (!tables || !test_bit(it.gfn % WR_PT_ENTRIES, tables))
			WRITE_ONCE(*it.entry, leaf + ((it.gfn - want.gfn) << PAGE_SHIFT));
	}
}

static enum wr_map map_page(struct wr_vcpu *vcpu, const struct want *want, bool exclusive)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	int level = leaf_level(mmu, want->slot, want->gfn, want->page.level);
	u64 leaf = make_leaf(mmu, want, level);
	struct wr_gather gather = {};
	enum wr_map r;

	if (!exclusive && !wr_shadow_of(mmu)) {
		read_lock(&mmu->lock);
		r = map_locked(vcpu, want, level, leaf, NULL);
		read_unlock(&mmu->lock);
		return r;
	}
	write_lock(&mmu->lock);
	r = map_locked(vcpu, want, level, leaf, &gather);
	if (r == WR_MAP_DONE && level < want->page.level && wr_shadow_of(mmu) && !want->slot->dirty)
		map_around(mmu, *want);
	wr_stage2_flush(vcpu->vm, &gather);
	write_unlock(&mmu->lock);
	wr_gather_free(mmu, &gather, true);
	return r;
}

/* A write that faulted for dirty logging alone: no need to ask the host. */
static bool unprotect(struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 gfn)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	bool done;

	read_lock(&mmu->lock);
	done = !(wr_shadow_of(mmu) && wr_shadow_is_table(mmu, gfn)) && wr_table_unprotect(mmu, gfn);
	if (done)
		wr_dirty_mark(vcpu->vm, vcpu, slot, gfn);
	read_unlock(&mmu->lock);
	vcpu->stats.fast_faults += done;
	return done;
}

/**
 * wr_stage2_unprotect - give a page that shadow paging wants to write to the right that only logging, or its being a table, took
 * @vcpu: on its own thread, inside vm->srcu; wr_mmu.lock is held for writing
 * @gfn: the page
 *
 * Return: may it be written to now?
 */
bool wr_stage2_unprotect(struct wr_vcpu *vcpu, u64 gfn)
{
	const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, wr_slots(vcpu->vm), gfn);
	struct wr_mmu *mmu = &vcpu->vm->mmu;

	if (!slot || READ_ONCE(slot->flags) & WR_SLOT_DYING || !wr_table_unprotect(mmu, gfn))
		return false;
	if (wr_shadow_is_table(mmu, gfn))
		wr_shadow_unsync(mmu, gfn);
	wr_dirty_mark(vcpu->vm, vcpu, slot, gfn);
	vcpu->stats.fast_faults++;
	return true;
}

static void sample(struct wr_mmu *mmu, struct want *want)
{
	want->seq = READ_ONCE(mmu->invalidate_seq);
	/* Before the host's tables are read; pairs with wr_mmu.lock. */
	smp_rmb();
}

/* One try where nothing may sleep: whatever needs more is left to the caller. */
static enum wr_fault fault_atomic(struct wr_vcpu *vcpu, struct want *want)
{
	struct wr_vm *vm = vcpu->vm;

	sample(&vm->mmu, want);
	if (!wr_host_walk(vm->mm, want->hva, want->write, true, &want->page))
		return WR_FAULT_SLEEP;
	return map_page(vcpu, want, false) == WR_MAP_DONE ? WR_FAULT_FIXED : WR_FAULT_SLEEP;
}

/*
 * The memory behind the page is broken. The VMM is told as by an access of its own, and may hand the guest a machine check; with
 * a signal that it does not take, KVM_RUN has to tell.
 */
static enum wr_fault poisoned(const struct want *want)
{
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)want->hva, PAGE_SHIFT, current);
	return signal_pending(current) ? WR_FAULT_SIGNAL : WR_FAULT_POISON;
}

/* One try that may sleep. WR_FAULT_SLEEP: try again. */
static enum wr_fault fault_try(struct wr_vcpu *vcpu, struct want *want, bool *exclusive)
{
	struct wr_vm *vm = vcpu->vm;
	int r;

	if (wr_table_cache_fill(&vcpu->tables, vm->mmu.format->levels - 1))
		return WR_FAULT_NOMEM;
	sample(&vm->mmu, want);
	if (!wr_host_walk(vm->mm, want->hva, want->write, true, &want->page)) {
		r = wr_host_page_in(vm->mm, want->hva, want->write, &want->page);
		if (r == -EAGAIN)
			return WR_FAULT_SLEEP;
		if (r == -EHWPOISON)
			return poisoned(want);
		if (r)
			return r == -EINTR ? WR_FAULT_SIGNAL : WR_FAULT_BAD;
	}
	switch (map_page(vcpu, want, *exclusive)) {
	case WR_MAP_DONE:
		return WR_FAULT_FIXED;
	case WR_MAP_EXCLUSIVE:
		*exclusive = true;
		break;
	case WR_MAP_LIMIT:
		/* Tables of slots that are gone, most likely: start again with none. */
		wr_stage2_zap_all(vm);
		break;
	default:
		break;
	}
	return WR_FAULT_SLEEP;
}

static enum wr_fault fault_sleepable(struct wr_vcpu *vcpu, struct want *want)
{
	bool exclusive = false;
	enum wr_fault r;
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		r = fault_try(vcpu, want, &exclusive);
		if (r != WR_FAULT_SLEEP)
			return r;
		if (fatal_signal_pending(current))
			return WR_FAULT_SIGNAL;
		cond_resched();
	}
	/*
	 * The host keeps changing its mind about this page; let the vCPU look at its requests, then
	 * fault again.
	 */
	return WR_FAULT_FIXED;
}

/**
 * wr_mmu_fault - the guest met an absent or too narrow stage-2 mapping
 * @vcpu: the vCPU, on its own thread; current->mm is the VM's
 * @gpa: what it wanted
 * @access: WR_ACC_WRITE counts
 * @atomic: nothing may sleep; preemption may be off. Then WR_FAULT_SLEEP asks for a call
 *	without @atomic, after vm->srcu has been given back: the slot may be about to go, and who
 *	deletes it waits for readers.
 *
 * Return: what became of it, see enum wr_fault.
 * Context: interrupts on; takes wr_mmu.lock and vm->srcu.
 */
enum wr_fault wr_mmu_fault(struct wr_vcpu *vcpu, u64 gpa, u32 access, bool atomic)
{
	struct wr_vm *vm = vcpu->vm;
	struct want want = { .gfn = gpa >> PAGE_SHIFT, .write = access & WR_ACC_WRITE };
	struct wr_walk_cache *cache = &vcpu->walk_cache;
	const struct wr_slots *slots;
	enum wr_fault r;
	u32 flags;
	int idx;

	if (cache->hole_end == want.gfn + 1 && cache->hole_generation == READ_ONCE(vm->slots_generation))
		return WR_FAULT_MMIO;
	idx = srcu_read_lock(&vm->srcu);
	slots = wr_slots(vm);
	want.slot = wr_slot_find_cached(cache, slots, want.gfn);
	flags = want.slot ? READ_ONCE(want.slot->flags) : 0;
	if (!want.slot) {
		cache->hole_end = want.gfn + 1;
		cache->hole_generation = slots->generation;
		r = WR_FAULT_MMIO;
	} else if (want.write && (flags & KVM_MEM_READONLY)) {
		r = WR_FAULT_MMIO;
	} else if (flags & WR_SLOT_DYING) {
		r = atomic ? WR_FAULT_SLEEP : WR_FAULT_FIXED;
	} else if (want.write && want.slot->dirty && unprotect(vcpu, want.slot, want.gfn)) {
		r = WR_FAULT_FIXED;
	} else {
		want.hva = wr_slot_hva(want.slot, want.gfn);
		r = atomic ? fault_atomic(vcpu, &want) : fault_sleepable(vcpu, &want);
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_mmu_fault);

/**
 * wr_mmu_init - give a new VM its memory management
 * @vm: zeroed but for what is constant, vm->mm (current->mm), and vm->srcu, which is ready
 *
 * Return: 0 or an error, and then nothing is left to undo. Context: may sleep.
 */
int wr_mmu_init(struct wr_vm *vm)
{
	int r;

	rwlock_init(&vm->mmu.lock);
	vm->mmu.format = wr_backend->stage2;
	vm->mmu.identity_map = WR_IDENTITY_MAP;
	RCU_INIT_POINTER(vm->slots, &wr_no_slots);
	r = wr_table_root_init(&vm->mmu);
	if (r)
		return r;
	if (wr_backend->shadow)
		r = wr_shadow_init(&vm->mmu);
	if (!r)
		r = wr_notifier_init(vm);
	if (r) {
		wr_shadow_exit(&vm->mmu);
		wr_table_root_free(&vm->mmu);
	}
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_mmu_init);

/**
 * wr_mmu_exit - undo wr_mmu_init(), with slots and tables
 * @vm: no vCPU can run any more; vm->srcu is still there
 *
 * Context: may sleep.
 */
void wr_mmu_exit(struct wr_vm *vm)
{
	wr_notifier_exit(vm);
	wr_shadow_exit(&vm->mmu);
	wr_table_root_free(&vm->mmu);
	wr_private_exit(vm);
	wr_slots_exit(vm);
}
WR_EXPORT_FOR_KUNIT(wr_mmu_exit);
