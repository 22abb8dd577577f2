// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a slot were written: KVM_GET_DIRTY_LOG, KVM_CLEAR_DIRTY_LOG.
 *
 * A set bit means: written since the log was last taken, and the page may be writable in stage 2.
 * Taking the log clears the bits and write-protects those pages; the first write after that faults
 * and sets the bit again. With KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE KVM_GET_DIRTY_LOG only looks, and KVM_CLEAR_DIRTY_LOG
 * takes the bits that userspace names. With KVM_DIRTY_LOG_INITIALLY_SET all bits are set at first, so that nothing has to be
 * protected before bits are taken. With dirty rings (dirty_ring.c) the bits are not shown to anybody: they tell which pages
 * are in a ring.
 *
 * Where the hardware logs (wr_pt_format.dirty_by_log) the pages stay writable, and taking the log clears D instead. A write that
 * sets D puts the page into a buffer of its vCPU, which wr_dirty_from_log() empties after each exit, before anybody may take the
 * vCPU to be out of the guest. No write is lost:
 *
 *   - Who sets D has logged the page before it is out of the guest. So where D is set the bit is set, or will be at an exit of a
 *     vCPU that is in the guest now.
 *   - The bit is taken, then D is cleared, by an atomic operation as the hardware's own. If the hardware sets D in between, or
 *     after, its entry in the buffer sets the bit again.
 *   - Who takes the log first has all vCPUs leave the guest: what was written before the call is in the bits then.
 *   - Then all vCPUs are flushed. Until that a translation from before may write without an entry: but such a write is done before
 *     the call returns, and the page is among those that it reports.
 *   - A leaf is made with D set, or a page is written for the guest, only where the bit is set under the same hold of wr_mmu.lock,
 *     or where the slot has no log. When it gets one all leaves lose D, after the faults that did not know of it have ended.
 *
 * A page may be reported once too often: an entry of the buffer may come after its bit was taken.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "internal.h"

/*
 * Words taken under one hold of wr_mmu.lock, and words that one buffer has: 64 MiB and 4 GiB of
 * guest memory.
 */
#define BATCH_WORDS	256
#define BUFFER_WORDS	(16 * 1024)

/**
 * wr_dirty_mark - note that a page of a slot is being written
 * @vm: the VM
 * @vcpu: that writes, on its own thread; NULL: not known
 * @slot: its slot, read under vm->srcu
 * @gfn: the page, in @slot
 *
 * Who writes through the creator's mapping marks after the write and a full barrier, who makes a stage-2 leaf writable
 * does it under the same hold of wr_mmu.lock. Context: any, in parallel with all else.
 */
void wr_dirty_mark(struct wr_vm *vm, struct wr_vcpu *vcpu, const struct wr_slot *slot, u64 gfn)
{
	u64 bit = gfn - slot->gfn;

	if (!slot->dirty || test_bit(bit, slot->dirty) || test_and_set_bit(bit, slot->dirty))
		return;
	if (vm->mmu.ring_entries)
		wr_dirty_ring_add(vm, vcpu, slot, bit);
}
WR_EXPORT_FOR_KUNIT(wr_dirty_mark);

/**
 * wr_dirty_from_log - note the pages that the hardware has logged
 * @vcpu: on its own thread
 * @gpa: of pages, in or outside slots that are logged
 * @nr: how many
 *
 * Context: any, before wr_vcpu.mode says that the vCPU is not in the guest.
 */
void wr_dirty_from_log(struct wr_vcpu *vcpu, const u64 *gpa, unsigned int nr)
{
	int idx = srcu_read_lock(&vcpu->vm->srcu);
	const struct wr_slots *slots = wr_slots(vcpu->vm);
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct wr_slot *slot = wr_slot_find_cached(&vcpu->walk_cache, slots, gpa[i] >> PAGE_SHIFT);

		if (slot)
			wr_dirty_mark(vcpu->vm, vcpu, slot, gpa[i] >> PAGE_SHIFT);
	}
	srcu_read_unlock(&vcpu->vm->srcu, idx);
}
WR_EXPORT_FOR_KUNIT(wr_dirty_from_log);

/* struct part - words of a slot's log */
struct part {
	const struct wr_slot *slot;
	unsigned long first, nr;
};

/*
 * Take those bits of words that @bits has, and protect the pages that they name. @bits then has what was set. wr_mmu.lock is
 * held for writing.
 */
static void take_words(struct wr_vm *vm, const struct wr_slot *slot, unsigned long first,
		       unsigned long nr, unsigned long *bits, struct wr_gather *gather)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		unsigned long *word = &slot->dirty[first + i];

		bits[i] &= READ_ONCE(*word);
		if (!bits[i])
			continue;
		bits[i] &= atomic_long_fetch_andnot(bits[i], (atomic_long_t *)word);
		if (bits[i])
			wr_table_protect_masked(&vm->mmu, slot->gfn + (first + i) * BITS_PER_LONG,
						bits[i], gather);
	}
}

/* Take a part of the log. The flush at the end serves all: until then no bit has been shown to anyone. */
static void take(struct wr_vm *vm, const struct part *part, unsigned long *bits)
{
	struct wr_gather gather = {};
	unsigned long done, step;

	for (done = 0; done < part->nr; done += step) {
		step = min_t(unsigned long, part->nr - done, BATCH_WORDS);
		write_lock(&vm->mmu.lock);
		take_words(vm, part->slot, part->first + done, step, bits + done, &gather);
		if (done + step == part->nr)
			wr_stage2_flush(vm, &gather);
		else
			wr_stage2_defer(vm, &gather);
		write_unlock(&vm->mmu.lock);
		cond_resched();
	}
}

static void look(const struct part *part, unsigned long *bits)
{
	unsigned long i;

	for (i = 0; i < part->nr; i++)
		bits[i] = READ_ONCE(part->slot->dirty[part->first + i]);
}

/* Userspace did not get these bits: the next call will have them. */
static void put_back(const struct part *part, const unsigned long *bits)
{
	unsigned long i;

	for (i = 0; i < part->nr; i++)
		if (bits[i])
			atomic_long_or(bits[i], (atomic_long_t *)&part->slot->dirty[part->first + i]);
}

static int get_part(struct wr_vm *vm, const struct part *part, void __user *user, unsigned long *bits)
{
	bool manual = vm->mmu.manual_protect;

	if (manual) {
		look(part, bits);
	} else {
		memset(bits, 0xff, part->nr * sizeof(long));
		take(vm, part, bits);
	}
	if (!copy_to_user(user, bits, part->nr * sizeof(long)))
		return 0;
	if (!manual)
		put_back(part, bits);
	return -EFAULT;
}

static int clear_part(struct wr_vm *vm, const struct part *part, void __user *user, unsigned long *bits)
{
	if (copy_from_user(bits, user, part->nr * sizeof(long)))
		return -EFAULT;
	take(vm, part, bits);
	return 0;
}

typedef int (*part_fn)(struct wr_vm *vm, const struct part *part, void __user *user, unsigned long *bits);

/* Do something with a long part in short ones; @user has its bits. */
static int each_part(struct wr_vm *vm, const struct part *all, void __user *user, part_fn fn)
{
	unsigned long room = min_t(unsigned long, all->nr, BUFFER_WORDS);
	unsigned long *bits = kvmalloc_array(room, sizeof(long), GFP_KERNEL_ACCOUNT);
	unsigned long done;
	int r = 0;

	if (!bits)
		return -ENOMEM;
	/* They leave the guest, and what the hardware has logged is known. */
	if (vm->mmu.format->dirty_by_log)
		wr_vm_request_all(vm, WR_REQ_EVENT, true);
	for (done = 0; done < all->nr && !r; done += room) {
		struct part part = { all->slot, all->first + done, min(room, all->nr - done) };

		r = fn(vm, &part, user + done * sizeof(long), bits);
	}
	kvfree(bits);
	return r;
}

static const struct wr_slot *logged_slot(struct wr_vm *vm, u32 id)
{
	const struct wr_slot *slot = wr_slot_by_id(vm, id);

	return slot && slot->dirty ? slot : NULL;
}

/**
 * wr_dirty_get - which pages of a slot were written since the last call: KVM_GET_DIRTY_LOG
 * @vm: the VM
 * @log: slot and bitmap, one bit a page, rounded up to 64 bits
 *
 * Return: 0; -ENXIO when the VM has dirty rings; -EINVAL for a slot number out of range; -ENOENT for a slot that is not there or
 * not logged; -EFAULT when the bitmap cannot be written: what was not delivered is not lost; -ENOMEM.
 * Context: may sleep; takes slots_lock.
 */
int wr_dirty_get(struct wr_vm *vm, const struct kvm_dirty_log *log)
{
	struct part all = {};
	int r = -ENOENT;

	if (READ_ONCE(vm->mmu.ring_entries))
		return -ENXIO;
	if (log->slot >= WR_MAX_SLOTS)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	all.slot = logged_slot(vm, log->slot);
	if (all.slot) {
		all.nr = BITS_TO_LONGS(all.slot->npages);
		r = each_part(vm, &all, log->dirty_bitmap, get_part);
	}
	mutex_unlock(&vm->slots_lock);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_dirty_get);

/* Whole words, but for the end of the slot. */
static bool range_is_good(const struct wr_slot *slot, const struct kvm_clear_dirty_log *clear)
{
	u64 rest;

	if (clear->first_page > slot->npages)
		return false;
	rest = slot->npages - clear->first_page;
	return clear->num_pages == rest ||
	       (clear->num_pages < rest && !(clear->num_pages % BITS_PER_LONG));
}

/**
 * wr_dirty_clear - pages that are to be told of when they are written again: KVM_CLEAR_DIRTY_LOG
 * @vm: the VM
 * @clear: slot, range of it, and a bitmap that begins with the range: set bits are cleared in the log
 *
 * Return: 0; errors as wr_dirty_get(), and -EINVAL for a range that does not begin and end at multiples of 64 pages, or at the
 * end of the slot. After -EFAULT a part of the range may have been cleared.
 * Context: may sleep; takes slots_lock.
 */
int wr_dirty_clear(struct wr_vm *vm, const struct kvm_clear_dirty_log *clear)
{
	struct part all = { .first = clear->first_page / BITS_PER_LONG, .nr = DIV_ROUND_UP(clear->num_pages, BITS_PER_LONG) };
	int r = -ENOENT;

	if (READ_ONCE(vm->mmu.ring_entries))
		return -ENXIO;
	if (clear->slot >= WR_MAX_SLOTS || clear->first_page % BITS_PER_LONG)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	all.slot = logged_slot(vm, clear->slot);
	if (all.slot)
		r = range_is_good(all.slot, clear) ? each_part(vm, &all, clear->dirty_bitmap, clear_part) : -EINVAL;
	mutex_unlock(&vm->slots_lock);
	return r;
}

/**
 * wr_dirty_manual - KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2
 * @vm: the VM
 * @args: KVM_DIRTY_LOG_*; 0 turns it off
 *
 * Return: 0, or -EINVAL for unknown flags, and KVM_DIRTY_LOG_INITIALLY_SET alone. Context: vm->lock is held.
 */
int wr_dirty_manual(struct wr_vm *vm, const u64 *args)
{
	if (args[0] & ~(u64)(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET))
		return -EINVAL;
	if (args[0] == KVM_DIRTY_LOG_INITIALLY_SET)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	vm->mmu.manual_protect = args[0];
	mutex_unlock(&vm->slots_lock);
	return 0;
}
