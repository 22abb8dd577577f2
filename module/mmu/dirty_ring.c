// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty rings: KVM_CAP_DIRTY_LOG_RING. Each vCPU tells what it writes in a ring that userspace maps, takes pages from while the
 * vCPU runs, and gives back by KVM_RESET_DIRTY_RINGS.
 *
 * The bits of dirty.c stay, and tell which pages are in a ring. So a page is in one ring at most, once. A reset clears its bit,
 * then protects it, as taking the log does; what is written to it before the reset returns userspace has yet to read.
 *
 * A vCPU does not enter the guest while its ring is full but for a reserve: for what the hardware logs until the next exit, and
 * for what is written for the guest on the way. Should even that be used up (userspace can have much written without entering the
 * guest), another vCPU's ring takes the page; when all are full its bit in wr_slot.late keeps it until a reset makes room.
 *
 * Whatever userspace writes to the entries can only make it lose or repeat pages of its own: indices are the kernel's, slot and
 * page are checked, and a reset takes no more than what was added.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "internal.h"

/* Room for what is written outside of the guest between two looks at the ring, and for VT-x's log of dirty pages */
#define RESERVE			64
#define RESERVE_LOG		512

/* struct batch - pages of one word of a slot's log, to be reset together */
struct batch {
	const struct wr_slot *slot;
	u64 word;
	unsigned long mask;
};

/* Entries that a vCPU may have in its ring when it enters the guest are fewer. */
static u32 soft_limit(const struct wr_mmu *mmu)
{
	return mmu->ring_entries - RESERVE - (mmu->format->dirty_by_log ? RESERVE_LOG : 0);
}

static u32 used(const struct wr_dirty_ring *ring)
{
	return READ_ONCE(ring->head) - READ_ONCE(ring->tail);
}

static struct kvm_dirty_gfn *entry(const struct wr_mmu *mmu, const struct wr_dirty_ring *ring, u32 index)
{
	return &ring->entries[index & (mmu->ring_entries - 1)];
}

/* False: there are @limit entries already. */
static bool push(struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 page, u32 limit)
{
	struct wr_dirty_ring *ring = &vcpu->dirty_ring;
	struct wr_mmu *mmu = &vcpu->vm->mmu;
	struct kvm_dirty_gfn *e;
	u32 nr;

	spin_lock(&ring->lock);
	/* The tail before the entry: a reset has finished with it. */
	nr = ring->head - smp_load_acquire(&ring->tail);
	if (nr < limit) {
		e = entry(mmu, ring, ring->head);
		WRITE_ONCE(e->slot, slot->id);
		WRITE_ONCE(e->offset, page);
		/* Userspace that sees the flag sees the rest. */
		smp_store_release(&e->flags, KVM_DIRTY_GFN_F_DIRTY);
		/* A reset that sees the index sees the entry. */
		smp_store_release(&ring->head, ring->head + 1);
	}
	spin_unlock(&ring->lock);
	if (nr + 1 >= soft_limit(mmu))
		wr_vcpu_request(vcpu, WR_REQ_DIRTY_FULL);
	return nr < limit;
}

/* Whoever writes for the guest does so for a vCPU, and on its thread. Should that ever not be so any ring will do. */
static struct wr_vcpu *vcpu_of_thread(struct wr_vm *vm)
{
	struct wr_vcpu *vcpu;
	unsigned long i;

	wr_for_each_vcpu(i, vcpu, vm)
		if (READ_ONCE(vcpu->thread) == task_pid(current))
			return vcpu;
	return xa_load(&vm->vcpus, 0);
}

/* Once there are late pages no other ring has room either, until a reset. */
static bool push_elsewhere(struct wr_vm *vm, const struct wr_slot *slot, u64 page)
{
	struct wr_vcpu *vcpu;
	unsigned long i;

	if (READ_ONCE(vm->mmu.ring_late))
		return false;
	wr_for_each_vcpu(i, vcpu, vm)
		if (push(vcpu, slot, page, soft_limit(&vm->mmu)))
			return true;
	return false;
}

static void set_late(struct wr_vm *vm, const struct wr_slot *slot, u64 page)
{
	set_bit(page, slot->late);
	/* The bit before the flag: pairs with xchg() in deliver_late(). */
	smp_store_release(&vm->mmu.ring_late, true);
}

/**
 * wr_dirty_ring_add - tell userspace of a page
 * @vm: the VM, which has rings
 * @vcpu: that writes, on its own thread; NULL: not known
 * @slot: a logged one, read under vm->srcu
 * @page: number of the page in @slot; its dirty bit was clear and has just been set
 *
 * Context: any but interrupts.
 */
void wr_dirty_ring_add(struct wr_vm *vm, struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 page)
{
	if (!vcpu)
		vcpu = vcpu_of_thread(vm);
	if (vcpu && push(vcpu, slot, page, vm->mmu.ring_entries))
		return;
	if (!push_elsewhere(vm, slot, page))
		set_late(vm, slot, page);
}

/* Pages of one slot that no ring had room for. False: there is none now either. */
static bool deliver_slot(struct wr_vm *vm, const struct wr_slot *slot, struct wr_vcpu **vcpu, unsigned long *index)
{
	u64 page;

	for_each_set_bit(page, slot->late, slot->npages) {
		while (!push(*vcpu, slot, page, soft_limit(&vm->mmu))) {
			*vcpu = xa_find_after(&vm->vcpus, index, ULONG_MAX, XA_PRESENT);
			if (!*vcpu)
				return false;
		}
		clear_bit(page, slot->late);
		cond_resched();
	}
	return true;
}

static void deliver_late(struct wr_vm *vm)
{
	const struct wr_slots *slots = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->slots_lock));
	unsigned long index = 0;
	struct wr_vcpu *vcpu;
	u32 i;

	if (!READ_ONCE(vm->mmu.ring_late) || !xchg(&vm->mmu.ring_late, false))
		return;
	vcpu = xa_find(&vm->vcpus, &index, ULONG_MAX, XA_PRESENT);
	for (i = 0; vcpu && i < slots->nr; i++)
		if (slots->slot[i]->late && !deliver_slot(vm, slots->slot[i], &vcpu, &index))
			break;
	if (!vcpu)
		WRITE_ONCE(vm->mmu.ring_late, true);
}

static void reset_batch(struct wr_vm *vm, const struct batch *batch, struct wr_gather *gather)
{
	if (!batch->slot)
		return;
	write_lock(&vm->mmu.lock);
	atomic_long_andnot(batch->mask, (atomic_long_t *)&batch->slot->dirty[batch->word]);
	wr_table_protect_masked(&vm->mmu, batch->slot->gfn + batch->word * BITS_PER_LONG, batch->mask, gather);
	wr_stage2_defer(vm, gather);
	write_unlock(&vm->mmu.lock);
}

/* Slot and page are what userspace left of them. */
static void reset_page(struct wr_vm *vm, struct batch *batch, u32 id, u64 page, struct wr_gather *gather)
{
	const struct wr_slot *slot = batch->slot;

	if (!slot || slot->id != id)
		slot = wr_slot_by_id(vm, id);
	if (!slot || !slot->dirty || page >= slot->npages)
		return;
	if (slot != batch->slot || page / BITS_PER_LONG != batch->word) {
		reset_batch(vm, batch, gather);
		*batch = (struct batch) { .slot = slot, .word = page / BITS_PER_LONG };
	}
	batch->mask |= BIT(page % BITS_PER_LONG);
}

/* What userspace has harvested of a ring; at most what is there now, or it could keep us for ever. A fatal signal ends it. */
static u32 reset_ring(struct wr_vm *vm, struct wr_dirty_ring *ring, struct wr_gather *gather)
{
	u32 head = smp_load_acquire(&ring->head); /* before the entries, as push() has it */
	struct batch batch = {};
	u32 nr = 0;

	for (; ring->tail != head && !fatal_signal_pending(current); nr++) {
		struct kvm_dirty_gfn *e = entry(&vm->mmu, ring, ring->tail);
		u64 page;
		u32 id;

		/* What userspace did with the entry before it let go of it */
		if (!(smp_load_acquire(&e->flags) & KVM_DIRTY_GFN_F_RESET))
			break;
		id = READ_ONCE(e->slot);
		page = READ_ONCE(e->offset);
		WRITE_ONCE(e->flags, 0);
		/* The entry is push()'s again. */
		smp_store_release(&ring->tail, ring->tail + 1);
		reset_page(vm, &batch, id, page, gather);
		cond_resched();
	}
	reset_batch(vm, &batch, gather);
	return nr;
}

/**
 * wr_dirty_rings_reset - what userspace has harvested is to be told of again: KVM_RESET_DIRTY_RINGS
 * @vm: the VM
 *
 * Return: number of entries; -EINVAL when the VM has no rings. Context: may sleep; takes slots_lock.
 */
int wr_dirty_rings_reset(struct wr_vm *vm)
{
	struct wr_gather gather = {};
	struct wr_vcpu *vcpu;
	unsigned long i;
	int nr = 0;

	if (!READ_ONCE(vm->mmu.ring_entries))
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	wr_for_each_vcpu(i, vcpu, vm) {
		if (fatal_signal_pending(current))
			break;
		nr += reset_ring(vm, &vcpu->dirty_ring, &gather);
	}
	write_lock(&vm->mmu.lock);
	wr_stage2_flush(vm, &gather);
	write_unlock(&vm->mmu.lock);
	if (!fatal_signal_pending(current))
		deliver_late(vm);
	mutex_unlock(&vm->slots_lock);
	return nr;
}
WR_EXPORT_FOR_KUNIT(wr_dirty_rings_reset);

/**
 * wr_dirty_ring_is_full - must userspace take pages before the guest may run?
 * @vcpu: on its own thread
 */
bool wr_dirty_ring_is_full(struct wr_vcpu *vcpu)
{
	return used(&vcpu->dirty_ring) >= soft_limit(&vcpu->vm->mmu);
}
WR_EXPORT_FOR_KUNIT(wr_dirty_ring_is_full);

static bool has_logged_slot(struct wr_vm *vm)
{
	const struct wr_slots *slots = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->slots_lock));
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->dirty)
			return true;
	return false;
}

/**
 * wr_dirty_ring_enable - KVM_CAP_DIRTY_LOG_RING, KVM_CAP_DIRTY_LOG_RING_ACQ_REL
 * @vm: the VM
 * @args: bytes of each vCPU's ring
 *
 * Return: 0; -EINVAL for a size that is no power of two or too small, when there are rings, vCPUs or a slot with a log already;
 * -E2BIG. Context: vm->lock is held.
 */
int wr_dirty_ring_enable(struct wr_vm *vm, const u64 *args)
{
	u32 entries = args[0] / sizeof(struct kvm_dirty_gfn);
	int r = -EINVAL;

	if (!is_power_of_2(args[0]) || args[0] < PAGE_SIZE)
		return -EINVAL;
	if (args[0] > WR_MAX_DIRTY_RING_BYTES)
		return -E2BIG;
	if (entries < RESERVE + (vm->mmu.format->dirty_by_log ? RESERVE_LOG : 0))
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	if (!vm->mmu.ring_entries && !vm->created_vcpus && !has_logged_slot(vm)) {
		WRITE_ONCE(vm->mmu.ring_entries, entries);
		r = 0;
	}
	mutex_unlock(&vm->slots_lock);
	return r;
}

/**
 * wr_dirty_ring_alloc - give a new vCPU its ring, if its VM has rings
 * @vcpu: not yet visible; vm->lock is held
 *
 * Return: 0 or -ENOMEM. Context: may sleep.
 */
int wr_dirty_ring_alloc(struct wr_vcpu *vcpu)
{
	struct wr_dirty_ring *ring = &vcpu->dirty_ring;
	u32 entries = vcpu->vm->mmu.ring_entries;

	spin_lock_init(&ring->lock);
	if (!entries)
		return 0;
	ring->entries = __vmalloc(array_size(entries, sizeof(*ring->entries)), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return ring->entries ? 0 : -ENOMEM;
}
WR_EXPORT_FOR_KUNIT(wr_dirty_ring_alloc);

/**
 * wr_dirty_ring_free - undo wr_dirty_ring_alloc()
 * @vcpu: nobody writes for it any more
 */
void wr_dirty_ring_free(struct wr_vcpu *vcpu)
{
	vfree(vcpu->dirty_ring.entries);
}
WR_EXPORT_FOR_KUNIT(wr_dirty_ring_free);

/**
 * wr_dirty_ring_meets - does a part of a vCPU's mapping have pages of its ring?
 * @vcpu: the vCPU
 * @pgoff: first page of the part
 * @nr: how many
 */
bool wr_dirty_ring_meets(struct wr_vcpu *vcpu, unsigned long pgoff, unsigned long nr)
{
	unsigned long pages = vcpu->vm->mmu.ring_entries * sizeof(struct kvm_dirty_gfn) / PAGE_SIZE;

	return pages && pgoff < KVM_DIRTY_LOG_PAGE_OFFSET + pages && pgoff + nr > KVM_DIRTY_LOG_PAGE_OFFSET;
}

/**
 * wr_dirty_ring_page - a page of a vCPU's ring
 * @vcpu: the vCPU
 * @pgoff: in its mapping
 *
 * Return: the page, or NULL where the ring is not.
 */
struct page *wr_dirty_ring_page(struct wr_vcpu *vcpu, unsigned long pgoff)
{
	if (!wr_dirty_ring_meets(vcpu, pgoff, 1))
		return NULL;
	return vmalloc_to_page((void *)vcpu->dirty_ring.entries + (pgoff - KVM_DIRTY_LOG_PAGE_OFFSET) * PAGE_SIZE);
}
