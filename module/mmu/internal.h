/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of mmu/ share with each other and with nobody else.
 */
#ifndef WARREN_MMU_INTERNAL_H
#define WARREN_MMU_INTERNAL_H

#include <linux/mm_types.h>
#include <linux/srcu.h>

#include "table.h"
#include "warren.h"

/* Set in wr_slot.flags while the slot is being deleted or moved: nothing new is mapped from it. */
#define WR_SLOT_DYING		BIT(31)

/* struct wr_host_page - what the creator's page tables say of one address */
struct wr_host_page {
	u64 pfn;
	u8 level;		/* of the host's leaf */
	bool writable;
	bool special;		/* no ordinary memory: its struct page, if any, is not ours */
};

/* hva.c */
bool wr_host_walk(struct mm_struct *mm, unsigned long hva, bool write, bool check_keys,
		  struct wr_host_page *page);
int wr_host_page_in(struct mm_struct *mm, unsigned long hva, bool write, struct wr_host_page *page);

/* notifier.c */
int wr_notifier_init(struct wr_vm *vm);
void wr_notifier_exit(struct wr_vm *vm);

/* stage2.c */
void wr_stage2_flush(struct wr_vm *vm, struct wr_gather *gather);
void wr_stage2_defer(struct wr_vm *vm, const struct wr_gather *gather);
void wr_stage2_zap_all(struct wr_vm *vm);
bool wr_stage2_unprotect(struct wr_vcpu *vcpu, u64 gfn);

/* shadow.c: with wr_mmu.shadow */
int wr_shadow_init(struct wr_mmu *mmu);
void wr_shadow_exit(struct wr_mmu *mmu);
void wr_shadow_written(struct wr_vm *vm, u64 gfn);
void wr_shadow_forget(struct wr_vm *vm, const struct wr_slots *slots, const struct wr_slot *slot);

/* shadow_check.c: debug builds only */
#ifdef WARREN_CHECKS
void wr_shadow_check_end(struct wr_vm *vm);
#else
static inline void wr_shadow_check_end(struct wr_vm *vm) { }
#endif

/* access.c: an address of the creator's that a slot has */
int wr_hva_read(unsigned long hva, void *data, size_t len);
int wr_hva_write(unsigned long hva, const void *data, size_t len);
int wr_hva_cmpxchg(unsigned long hva, void *old, const void *new, size_t len);
int wr_gpa_update_entry(struct wr_vm *vm, u64 gpa, void *old, const void *new, size_t len);

/* dirty_ring.c */
void wr_dirty_ring_add(struct wr_vm *vm, struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 page);

/* slots.c */
extern struct wr_slots wr_no_slots;
const struct wr_slot *wr_slot_by_id(struct wr_vm *vm, u32 id);
int wr_slots_set_private(struct wr_vm *vm, const struct kvm_userspace_memory_region *region);
void wr_slots_exit(struct wr_vm *vm);

/* Is it one of private.c's? */
static inline bool wr_slot_is_private(const struct wr_slot *slot)
{
	return slot->id >= WR_MAX_SLOTS;
}

/* private.c */
void wr_private_exit(struct wr_vm *vm);

/* The slots, for a reader inside vm->srcu. */
static inline const struct wr_slots *wr_slots(struct wr_vm *vm)
{
	return srcu_dereference(vm->slots, &vm->srcu);
}

/**
 * wr_slot_find_cached - wr_slot_find() that looks first where it hit last time
 * @cache: a vCPU's, on its own thread
 * @slots: read under vm->srcu
 * @gfn: what to look for
 *
 * The generation tells a cached slot of the present slots from one whose memory is another slot's
 * by now.
 */
static inline const struct wr_slot *wr_slot_find_cached(struct wr_walk_cache *cache,
							const struct wr_slots *slots, u64 gfn)
{
	const struct wr_slot *slot = cache->slot;

	if (cache->generation == slots->generation && gfn - slot->gfn < slot->npages)
		return slot;
	slot = wr_slot_find(slots, gfn);
	if (slot) {
		cache->generation = slots->generation;
		cache->slot = slot;
	}
	return slot;
}

static inline unsigned long wr_slot_hva(const struct wr_slot *slot, u64 gfn)
{
	return slot->hva + ((gfn - slot->gfn) << PAGE_SHIFT);
}

#endif
