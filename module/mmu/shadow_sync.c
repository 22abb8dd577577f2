// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow pages that the guest's tables have left behind, brought up to them again when the guest flushes.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include "shadow.h"

/* Syncs without a change after which a table is write-protected again */
#define IDLE_SYNCS	2

static unsigned int entry_size(const struct shadow_page *sp)
{
	return sp->role.mode == SHADOW_32 ? 4 : 8;
}

/* Where in the guest's table the entry is that @i shadows: of 4-byte ones a shadow page has a half, or a quarter. */
static unsigned int entry_offset(const struct shadow_page *sp, unsigned int i)
{
	if (sp->role.mode != SHADOW_32)
		return i * 8;
	if (sp->role.level == 1)
		return (sp->role.quadrant * WR_PT_ENTRIES + i) * 4;
	return (sp->role.quadrant * WR_PT_ENTRIES + i) / 2 * 4;
}

static bool read_at(unsigned long hva, unsigned int size, u64 *value)
{
	u32 half;
	int r;

	pagefault_disable();
	if (size == 8) {
		r = __get_user(*value, (u64 __user *)hva);
	} else {
		r = __get_user(half, (u32 __user *)hva);
		*value = half;
	}
	pagefault_enable();
	return !r;
}

/**
 * shadow_read_entry - read what the guest's table says
 * @vcpu: on its own thread, inside vm->srcu; current->mm is the VM's
 * @sp: a shadow page of the table
 * @i: index in @sp
 * @value: set
 *
 * Return: false when no memory is there, or not at the time. Context: atomic.
 */
bool shadow_read_entry(struct wr_vcpu *vcpu, const struct shadow_page *sp, unsigned int i, u64 *value)
{
	const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, wr_slots(vcpu->vm), sp->gfn);

	return slot && read_at(wr_slot_hva(slot, sp->gfn) + entry_offset(sp, i), entry_size(sp), value);
}

/**
 * shadow_sync_page - drop the entries of which the guest's table says something else by now
 * @vcpu: as for shadow_read_entry(); wr_mmu.lock is held for writing
 * @sp: the shadow page
 * @gather: what is owed
 *
 * Return: was there any? What cannot be read counts as changed.
 */
bool shadow_sync_page(struct wr_vcpu *vcpu, struct shadow_page *sp, struct wr_gather *gather)
{
	const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, wr_slots(vcpu->vm), sp->gfn);
	unsigned long hva = slot ? wr_slot_hva(slot, sp->gfn) : 0;
	unsigned int i, left = sp->present, size = entry_size(sp);
	bool changed = false;
	u64 value = 0;

	for (i = 0; left; i++) {
		if (!(READ_ONCE(sp->spt[i]) & SPTE_P))
			continue;
		left--;
		if (slot && read_at(hva + entry_offset(sp, i), size, &value) && shadow_same(sp->guest[i], value))
			continue;
		shadow_drop(sp, i, gather);
		changed = true;
	}
	return changed;
}

/**
 * shadow_sync_written - tables that the host wrote to are unsync
 * @mmu: wr_mmu.lock is held for writing
 */
void shadow_sync_written(struct wr_mmu *mmu)
{
	struct wr_shadow *sh = mmu->shadow;
	struct wr_gfn_chunk *chunk;
	unsigned long index;
	unsigned int i;

	if (likely(!READ_ONCE(sh->written)))
		return;
	/* The flag before the bits: pairs with wr_shadow_written(). */
	xchg(&sh->written, false);
	xa_for_each(&sh->chunks, index, chunk)
		for_each_set_bit(i, chunk->written, WR_PT_ENTRIES) {
			clear_bit(i, chunk->written);
			wr_shadow_unsync(mmu, (u64)index * WR_PT_ENTRIES + i);
		}
}

/* Write-protect tables that have not changed for a while. The flush comes before the look that makes them be in sync. */
static void protect_idle(struct wr_vcpu *vcpu, struct list_head *idle, struct wr_gather *gather)
{
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	struct shadow_page *sp, *next;
	struct wr_gather owed = {};

	list_for_each_entry(sp, idle, unsync_link) {
		set_bit(sp->gfn % WR_PT_ENTRIES, shadow_chunk(mmu->shadow, sp->gfn)->tables);
		wr_table_protect_masked(mmu, sp->gfn, 1, &owed);
	}
	wr_stage2_flush(vcpu->vm, &owed);
	list_for_each_entry_safe(sp, next, idle, unsync_link) {
		list_del_init(&sp->unsync_link);
		shadow_sync_page(vcpu, sp, gather);
	}
}

/**
 * shadow_sync_all - bring all unsync pages of the VM up to the guest's tables
 * @vcpu: as for shadow_read_entry(); wr_mmu.lock is held for writing
 * @tidy: the caller holds on to no shadow page: those that are empty may go, and tables be protected again
 * @gather: what the vCPU's own TLB owes; other vCPUs' owe nothing to the guest, see shadow.h
 */
void shadow_sync_all(struct wr_vcpu *vcpu, bool tidy, struct wr_gather *gather)
{
	struct wr_shadow *sh = vcpu->vm->mmu.shadow;
	struct shadow_page *sp, *next;
	LIST_HEAD(idle);

	shadow_sync_written(&vcpu->vm->mmu);
	list_for_each_entry_safe(sp, next, &sh->unsync, unsync_link) {
		if (shadow_sync_page(vcpu, sp, gather))
			sp->idle = 0;
		else if (tidy && ++sp->idle >= IDLE_SYNCS) {
			if (sp->present || sp->roots)
				list_move(&sp->unsync_link, &idle);
			else
				shadow_zap_page(sh, sp, gather);
		}
	}
	if (!list_empty(&idle))
		protect_idle(vcpu, &idle, gather);
}
