// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: which guest memory is which memory of the creator. KVM_SET_USER_MEMORY_REGION.
 *
 * A change makes a new set of slots and publishes it; the old set goes when its last reader is
 * done. Adding waits for nobody. Deleting and moving must leave no mapping behind: the slot is
 * marked as dying, so that faults map nothing new from it while MMU notifiers still find it; when
 * the faults under way are done, its mappings are removed; then only the new set is published. Who
 * accesses memory by its hva does not look at the mark: deleting ends when they have ended.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "internal.h"

#define SLOT_FLAGS	(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY)
#define MAX_PAGES	((1ULL << 31) - 1)	/* of one slot, as KVM has it */

/* What every VM starts with. Generation 0 is that of an empty cache. */
struct wr_slots wr_no_slots = { .generation = 1 };
WR_EXPORT_FOR_KUNIT(wr_no_slots);

/**
 * wr_slot_find - the slot that has a page
 * @slots: read under vm->srcu
 * @gfn: the page
 *
 * Return: the slot or NULL.
 */
const struct wr_slot *wr_slot_find(const struct wr_slots *slots, u64 gfn)
{
	u32 low = 0, high = slots->nr;

	while (low < high) {
		u32 mid = (low + high) / 2;
		const struct wr_slot *slot = slots->slot[mid];

		if (gfn < slot->gfn)
			high = mid;
		else if (gfn - slot->gfn >= slot->npages)
			low = mid + 1;
		else
			return slot;
	}
	return NULL;
}
WR_EXPORT_FOR_KUNIT(wr_slot_find);

/**
 * wr_slot_check - is a region one that a slot can be made of?
 * @region: from userspace
 * @max_gfn: past the last gfn that stage 2 can map
 *
 * Return: 0 or -EINVAL. A region of size 0, that deletes, is checked as any other.
 */
int wr_slot_check(const struct kvm_userspace_memory_region *region, u64 max_gfn)
{
	u64 size = region->memory_size;

	if (region->slot >= WR_MAX_SLOTS || (region->flags & ~SLOT_FLAGS))
		return -EINVAL;
	if (!PAGE_ALIGNED(size | region->guest_phys_addr | region->userspace_addr))
		return -EINVAL;
	if (size >> PAGE_SHIFT > MAX_PAGES)
		return -EINVAL;
	if (region->guest_phys_addr + size < region->guest_phys_addr ||
	    (region->guest_phys_addr + size) >> PAGE_SHIFT > max_gfn)
		return -EINVAL;
	if (region->userspace_addr >= TASK_SIZE_MAX ||
	    size > TASK_SIZE_MAX - region->userspace_addr)
		return -EINVAL;
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_slot_check);

/**
 * wr_slots_overlap - does a range meet a slot other than one?
 * @slots: all slots
 * @gfn: first page of the range
 * @npages: its size
 * @except: this slot does not count; may be NULL
 */
bool wr_slots_overlap(const struct wr_slots *slots, u64 gfn, u64 npages,
		      const struct wr_slot *except)
{
	u32 i;

	for (i = 0; i < slots->nr; i++) {
		const struct wr_slot *slot = slots->slot[i];

		if (slot != except && gfn < slot->gfn + slot->npages && slot->gfn < gfn + npages)
			return true;
	}
	return false;
}
WR_EXPORT_FOR_KUNIT(wr_slots_overlap);

/**
 * wr_slots_replace - a new set of slots that differs from another by one
 * @old: the set to start from
 * @without: slot that is left out; may be NULL
 * @with: slot that is put in; may be NULL
 *
 * Return: the new set, not published, or NULL without memory. Context: may sleep.
 */
struct wr_slots *wr_slots_replace(const struct wr_slots *old, const struct wr_slot *without,
				  struct wr_slot *with)
{
	u32 nr = old->nr - !!without + !!with;
	struct wr_slots *new = kvmalloc(struct_size(new, slot, nr), GFP_KERNEL_ACCOUNT);
	u32 from, to = 0;

	if (!new)
		return NULL;
	new->generation = old->generation + 1;
	new->retired = NULL;
	new->retired_dirty = NULL;
	new->nr = nr;
	for (from = 0; from < old->nr; from++) {
		struct wr_slot *slot = old->slot[from];

		if (slot == without)
			continue;
		if (with && with->gfn < slot->gfn) {
			new->slot[to++] = with;
			with = NULL;
		}
		new->slot[to++] = slot;
	}
	if (with)
		new->slot[to++] = with;
	return new;
}
WR_EXPORT_FOR_KUNIT(wr_slots_replace);

/*
 * Tables that 4 KiB leaves for all slots take, plus what the edges of slots that are gone may have
 * left. That is what a VM may have at most, so that no series of slot changes can pile up kernel
 * memory.
 */
static unsigned long table_limit(const struct wr_slots *slots, int levels)
{
	unsigned long limit = 64;
	u32 i;
	int level;

	for (i = 0; i < slots->nr; i++)
		for (level = 2; level <= levels; level++)
			limit += (slots->slot[i]->npages >> (9 * (level - 1))) + 2;
	return limit;
}

static void slot_free(const struct wr_slot *slot)
{
	if (slot)
		kvfree(slot->dirty);
	kfree(slot);
}

static void slots_free_rcu(struct rcu_head *rcu)
{
	struct wr_slots *slots = container_of(rcu, struct wr_slots, rcu);

	kvfree(slots->retired_dirty);
	kfree(slots->retired);
	kvfree(slots);
}

/*
 * Make @new the slots. @retired goes when the last reader of the old set has gone, and its bitmap
 * with it unless the slot that takes its place has it.
 */
static void publish(struct wr_vm *vm, struct wr_slots *old, struct wr_slots *new,
		    const struct wr_slot *retired, const struct wr_slot *heir)
{
	WRITE_ONCE(vm->mmu.max_tables, table_limit(new, vm->mmu.format->levels));
	rcu_assign_pointer(vm->slots, new);
	WRITE_ONCE(vm->slots_generation, new->generation);
	if (old == &wr_no_slots)
		return;
	old->retired = retired;
	if (retired && (!heir || heir->dirty != retired->dirty))
		old->retired_dirty = retired->dirty;
	call_srcu(&vm->srcu, &old->rcu, slots_free_rcu);
}

/* Remove what is mapped from a slot, so that none of it comes back: see the head of the file. */
static void kill_slot(struct wr_vm *vm, struct wr_slot *slot)
{
	WRITE_ONCE(slot->flags, slot->flags | WR_SLOT_DYING);
	synchronize_srcu_expedited(&vm->srcu);
	wr_stage2_zap(vm, slot->gfn, slot->npages);
	if (wr_shadow_of(&vm->mmu))
		wr_shadow_forget(vm, rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->slots_lock)), slot);
}

/* All pages count as written at first: none has to be protected. */
static bool initially_set(struct wr_vm *vm)
{
	return !vm->mmu.ring_entries && (vm->mmu.manual_protect & KVM_DIRTY_LOG_INITIALLY_SET);
}

/* A log for a slot: its bits, and with dirty rings as many more for wr_slot.late. */
static bool log_alloc(struct wr_vm *vm, struct wr_slot *slot)
{
	unsigned long words = BITS_TO_LONGS(slot->npages);
	bool rings = vm->mmu.ring_entries;

	slot->dirty = kvcalloc(rings ? 2 * words : words, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return false;
	if (rings)
		slot->late = slot->dirty + words;
	else if (initially_set(vm))
		bitmap_set(slot->dirty, 0, slot->npages);
	return true;
}

static struct wr_slot *slot_alloc(struct wr_vm *vm, const struct kvm_userspace_memory_region *region,
				  const struct wr_slot *old)
{
	struct wr_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL_ACCOUNT);

	if (!slot)
		return NULL;
	slot->gfn = region->guest_phys_addr >> PAGE_SHIFT;
	slot->npages = region->memory_size >> PAGE_SHIFT;
	slot->hva = region->userspace_addr;
	slot->flags = region->flags;
	slot->id = region->slot;
	if (!(slot->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return slot;
	if (old && old->dirty) {
		slot->dirty = old->dirty;
		slot->late = old->late;
		return slot;
	}
	if (log_alloc(vm, slot))
		return slot;
	kfree(slot);
	return NULL;
}

/* Free a slot that was never published; a bitmap that it shares stays with its owner. */
static void slot_discard(struct wr_slot *slot, const struct wr_slot *old)
{
	if (slot && (!old || slot->dirty != old->dirty))
		kvfree(slot->dirty);
	kfree(slot);
}

static int slot_delete(struct wr_vm *vm, struct wr_slots *slots, struct wr_slot *old)
{
	struct wr_slots *new = wr_slots_replace(slots, old, NULL);

	if (!new)
		return -ENOMEM;
	kill_slot(vm, old);
	publish(vm, slots, new, old, NULL);
	/* When this returns its memory may become anything of the creator's. */
	synchronize_srcu_expedited(&vm->srcu);
	return 0;
}

/*
 * A slot has its log from now on. Faults that know the slot without it may still make pages writable: let them end. A log that
 * began as all set has nothing to protect.
 */
static void start_log(struct wr_vm *vm, const struct wr_slot *slot)
{
	synchronize_srcu_expedited(&vm->srcu);
	if (!initially_set(vm))
		wr_stage2_write_protect(vm, slot->gfn, slot->npages);
}

/* Put a slot in: a new one, or one that takes the place of @old, moved or with other flags. */
static int slot_put(struct wr_vm *vm, struct wr_slots *slots, struct wr_slot *old,
		    const struct kvm_userspace_memory_region *region)
{
	struct wr_slot *slot = slot_alloc(vm, region, old);
	struct wr_slots *new;

	if (!slot)
		return -ENOMEM;
	new = wr_slots_replace(slots, old, slot);
	if (!new) {
		slot_discard(slot, old);
		return -ENOMEM;
	}
	if (old && old->gfn != slot->gfn)
		kill_slot(vm, old);
	publish(vm, slots, new, old, slot);
	if (old && slot->dirty && !old->dirty)
		start_log(vm, slot);
	else if (old && !slot->dirty && old->dirty)
		wr_stage2_recover(vm, slot);
	return 0;
}

static struct wr_slot *slot_by_id(const struct wr_slots *slots, u32 id)
{
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == id)
			return slots->slot[i];
	return NULL;
}

/**
 * wr_slot_by_id - find a slot by its number
 * @vm: slots_lock is held
 * @id: number
 *
 * Return: the slot or NULL.
 */
const struct wr_slot *wr_slot_by_id(struct wr_vm *vm, u32 id)
{
	return slot_by_id(rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->slots_lock)), id);
}

/* What may change in a slot that is there: its place and its dirty logging. */
static int check_change(const struct wr_slot *old, const struct kvm_userspace_memory_region *region)
{
	if (region->memory_size >> PAGE_SHIFT != old->npages ||
	    region->userspace_addr != old->hva ||
	    ((region->flags ^ old->flags) & KVM_MEM_READONLY))
		return -EINVAL;
	return 0;
}

static int set_locked(struct wr_vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct wr_slots *slots = rcu_dereference_protected(vm->slots,
							   lockdep_is_held(&vm->slots_lock));
	struct wr_slot *old = slot_by_id(slots, region->slot);
	u64 gfn = region->guest_phys_addr >> PAGE_SHIFT;
	int r;

	if (!region->memory_size)
		return old ? slot_delete(vm, slots, old) : -EINVAL;
	if (old) {
		r = check_change(old, region);
		if (r)
			return r;
		if (old->gfn == gfn && old->flags == region->flags)
			return 0;
	}
	if ((!old || old->gfn != gfn) &&
	    wr_slots_overlap(slots, gfn, region->memory_size >> PAGE_SHIFT, old))
		return -EEXIST;
	return slot_put(vm, slots, old, region);
}

/**
 * wr_slots_set - make, delete, move or change a slot: KVM_SET_USER_MEMORY_REGION
 * @vm: the VM
 * @region: as userspace gave it
 *
 * Return: 0; -EINVAL for what is misaligned, out of range, of unknown flags, of another address
 * space, or a change that is not allowed; -EEXIST when it meets another slot; -ENOMEM.
 * Context: may sleep; takes slots_lock. The caller is not inside vm->srcu.
 */
int wr_slots_set(struct wr_vm *vm, const struct kvm_userspace_memory_region *region)
{
	int r = wr_slot_check(region, wr_pt_pages(vm->mmu.format->levels + 1));

	if (r)
		return r;
	mutex_lock(&vm->slots_lock);
	r = set_locked(vm, region);
	mutex_unlock(&vm->slots_lock);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_slots_set);

/**
 * wr_slots_set_private - make a slot that userspace cannot name
 * @vm: the VM
 * @region: as wr_slots_set() takes it, aligned and in reach of all stage-2 tables; its number is %WR_MAX_SLOTS or above
 *
 * Return: 0; -EEXIST when it meets another slot; -ENOMEM. Context: as wr_slots_set().
 */
int wr_slots_set_private(struct wr_vm *vm, const struct kvm_userspace_memory_region *region)
{
	int r;

	mutex_lock(&vm->slots_lock);
	r = set_locked(vm, region);
	mutex_unlock(&vm->slots_lock);
	return r;
}

/**
 * wr_slots_lookup_hva - where the creator has a guest physical address
 * @vm: the VM
 * @gpa: the address
 * @write: it is to be written
 * @hva: set
 *
 * Return: 0; -ENXIO when no slot has it; -EPERM when the slot is read-only.
 * Context: any; the answer holds while the slot does.
 */
int wr_slots_lookup_hva(struct wr_vm *vm, u64 gpa, bool write, unsigned long *hva)
{
	int idx = srcu_read_lock(&vm->srcu);
	const struct wr_slot *slot = wr_slot_find(wr_slots(vm), gpa >> PAGE_SHIFT);
	int r = 0;

	if (!slot)
		r = -ENXIO;
	else if (write && (slot->flags & KVM_MEM_READONLY))
		r = -EPERM;
	else
		*hva = wr_slot_hva(slot, gpa >> PAGE_SHIFT) + offset_in_page(gpa);
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/**
 * wr_slots_size - how much memory a guest has
 * @vm: the VM
 *
 * Return: bytes of all slots that userspace made. Context: any.
 */
u64 wr_slots_size(struct wr_vm *vm)
{
	int idx = srcu_read_lock(&vm->srcu);
	const struct wr_slots *slots = wr_slots(vm);
	u64 pages = 0;
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (!wr_slot_is_private(slots->slot[i]))
			pages += slots->slot[i]->npages;
	srcu_read_unlock(&vm->srcu, idx);
	return pages << PAGE_SHIFT;
}

/**
 * wr_slots_exit - free all slots of a VM that ends
 * @vm: nobody reads its slots any more
 *
 * Context: may sleep.
 */
void wr_slots_exit(struct wr_vm *vm)
{
	struct wr_slots *slots = rcu_dereference_protected(vm->slots, true);
	u32 i;

	RCU_INIT_POINTER(vm->slots, &wr_no_slots);
	if (slots == &wr_no_slots)
		return;
	/* Sets that were replaced. */
	srcu_barrier(&vm->srcu);
	for (i = 0; i < slots->nr; i++)
		slot_free(slots->slot[i]);
	kvfree(slots);
}
