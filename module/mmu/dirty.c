// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of a slot were written: KVM_GET_DIRTY_LOG.
 *
 * A set bit means: written since the log was last taken, and the page may be writable in stage 2.
 * Taking the log clears the bits and write-protects those pages; the first write after that faults
 * and sets the bit again.
 *
 * Where the hardware logs (wr_pt_format.dirty_by_log) the pages stay writable, and taking the log clears D instead. A write that
 * sets D puts the page into a buffer of its vCPU, which wr_dirty_from_log() empties after each exit, before anybody may take the
 * vCPU to be out of the guest. No write is lost:
 *
 *   - Who sets D has logged the page before it is out of the guest. So where D is set the bit is set, or will be at an exit of a
 *     vCPU that is in the guest now.
 *   - The bit is taken, then D is cleared, by an atomic operation as the hardware's own. If the hardware sets D in between, or
 *     after, its entry in the buffer sets the bit again.
 *   - wr_dirty_get() first has all vCPUs leave the guest: what was written before the call is in the bits then.
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
 * @slot: its slot, read under vm->srcu
 * @gfn: the page, in @slot
 *
 * Who writes through the creator's mapping marks after the write, who makes a stage-2 leaf writable
 * does it under the same hold of wr_mmu.lock. Context: any, in parallel with all else.
 */
void wr_dirty_mark(const struct wr_slot *slot, u64 gfn)
{
	u64 bit = gfn - slot->gfn;

	if (slot->dirty && !test_bit(bit, slot->dirty))
		set_bit(bit, slot->dirty);
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
			wr_dirty_mark(slot, gpa[i] >> PAGE_SHIFT);
	}
	srcu_read_unlock(&vcpu->vm->srcu, idx);
}
WR_EXPORT_FOR_KUNIT(wr_dirty_from_log);

/* Take words and protect the pages that they name. wr_mmu.lock is held for writing. */
static void take_words(struct wr_vm *vm, const struct wr_slot *slot, unsigned long first,
		       unsigned long nr, unsigned long *out, struct wr_gather *gather)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		unsigned long *word = &slot->dirty[first + i];

		out[i] = READ_ONCE(*word) ? xchg(word, 0) : 0;
		if (out[i])
			wr_table_protect_masked(&vm->mmu, slot->gfn + (first + i) * BITS_PER_LONG,
						out[i], gather);
	}
}

/*
 * Take @nr words of the log. The flush at the end serves all: until then no bit has been shown to
 * anyone.
 */
static void take(struct wr_vm *vm, const struct wr_slot *slot, unsigned long first,
		 unsigned long nr, unsigned long *out)
{
	struct wr_gather gather = {};
	unsigned long done, step;

	for (done = 0; done < nr; done += step) {
		step = min_t(unsigned long, nr - done, BATCH_WORDS);
		write_lock(&vm->mmu.lock);
		take_words(vm, slot, first + done, step, out + done, &gather);
		if (done + step == nr)
			wr_stage2_flush(vm, &gather);
		write_unlock(&vm->mmu.lock);
		cond_resched();
	}
}

/* Userspace did not get these bits: the next call will have them. */
static void put_back(const struct wr_slot *slot, unsigned long first, unsigned long nr,
		     const unsigned long *words)
{
	unsigned long i;

	for (i = 0; i < nr; i++)
		if (words[i])
			atomic_long_or(words[i], (atomic_long_t *)&slot->dirty[first + i]);
}

static int copy_log(struct wr_vm *vm, const struct wr_slot *slot, void __user *user,
		    unsigned long *buffer, unsigned long room)
{
	unsigned long total = BITS_TO_LONGS(slot->npages);
	unsigned long first, nr;

	for (first = 0; first < total; first += nr) {
		nr = min(total - first, room);
		take(vm, slot, first, nr, buffer);
		if (!copy_to_user(user + first * sizeof(long), buffer, nr * sizeof(long)))
			continue;
		put_back(slot, first, nr, buffer);
		return -EFAULT;
	}
	return 0;
}

static const struct wr_slot *logged_slot(struct wr_vm *vm, u32 id)
{
	const struct wr_slots *slots = rcu_dereference_protected(vm->slots,
								 lockdep_is_held(&vm->slots_lock));
	u32 i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i]->id == id)
			return slots->slot[i]->dirty ? slots->slot[i] : NULL;
	return NULL;
}

/**
 * wr_dirty_get - which pages of a slot were written since the last call: KVM_GET_DIRTY_LOG
 * @vm: the VM
 * @log: slot and bitmap, one bit a page, rounded up to 64 bits
 *
 * Return: 0; -EINVAL for a slot number out of range; -ENOENT for a slot that is not there or not
 * logged; -EFAULT when the bitmap cannot be written: what was not delivered is not lost; -ENOMEM.
 * Context: may sleep; takes slots_lock.
 */
int wr_dirty_get(struct wr_vm *vm, const struct kvm_dirty_log *log)
{
	const struct wr_slot *slot;
	unsigned long *buffer;
	unsigned long room;
	int r = -ENOENT;

	if (log->slot >= WR_MAX_SLOTS)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	slot = logged_slot(vm, log->slot);
	if (!slot)
		goto unlock;
	r = -ENOMEM;
	room = min_t(unsigned long, BITS_TO_LONGS(slot->npages), BUFFER_WORDS);
	buffer = kvmalloc_array(room, sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		goto unlock;
	/* They leave the guest, and what the hardware has logged is known. */
	if (vm->mmu.format->dirty_by_log)
		wr_vm_request_all(vm, WR_REQ_EVENT, true);
	r = copy_log(vm, slot, log->dirty_bitmap, buffer, room);
	kvfree(buffer);
unlock:
	mutex_unlock(&vm->slots_lock);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_dirty_get);
