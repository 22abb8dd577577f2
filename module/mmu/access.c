// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checked access to guest memory by guest physical address, through the creator's mapping of it.
 *
 * The same rights, faults and copy-on-write as for the creator itself: nothing is pinned and
 * nothing is bypassed.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/asm.h>

#include "compat.h"
#include "internal.h"

/* Access failed: is it that we may not sleep, or that the creator has nothing there? */
static int access_error(void)
{
	return faulthandler_disabled() ? -EAGAIN : -EFAULT;
}

/*
 * What instructions and descriptors take, in few instructions. A naturally aligned word of 2, 4 or 8 bytes, be it all or the
 * start of it, is one load, as it is on a CPU: another one may be writing it. False: try again the long way.
 */
static __always_inline bool read_small(unsigned long hva, void *data, size_t len)
{
/* Two loads that may share bytes cover up to twice the size. The start comes last, so that it stays whole. */
#define READ_ENDS(type)											\
do {													\
	if (len > sizeof(type))										\
		unsafe_get_user(*(type *)(data + len - sizeof(type)),					\
				(type __user *)(hva + len - sizeof(type)), failed);			\
	unsafe_get_user(*(type *)data, (type __user *)hva, failed);					\
} while (0)

	if (!user_read_access_begin((const void __user *)hva, len))
		return false;
	if (len >= 8)
		READ_ENDS(u64);
	else if (len >= 4)
		READ_ENDS(u32);
	else if (len >= 2)
		READ_ENDS(u16);
	else if (len)
		READ_ENDS(u8);
#undef READ_ENDS
	user_read_access_end();
	return true;
failed:
	user_read_access_end();
	return false;
}

/* What instructions write: likewise one store. */
static __always_inline bool write_small(unsigned long hva, const void *data, size_t len)
{
	if (!user_write_access_begin((void __user *)hva, len))
		return false;
	switch (len) {
	case 1:
		unsafe_put_user(*(const u8 *)data, (u8 __user *)hva, failed);
		break;
	case 2:
		unsafe_put_user(*(const u16 *)data, (u16 __user *)hva, failed);
		break;
	case 4:
		unsafe_put_user(*(const u32 *)data, (u32 __user *)hva, failed);
		break;
	case 8:
		unsafe_put_user(*(const u64 *)data, (u64 __user *)hva, failed);
		break;
	default:
		goto failed;
	}
	user_write_access_end();
	return true;
failed:
	user_write_access_end();
	return false;
}

/**
 * wr_hva_read - read from the creator's memory
 * @hva: address that a slot has, so that it is a user address; current->mm is the creator's
 * @data: destination
 * @len: bytes
 *
 * Return: 0; -EFAULT; -EAGAIN where a page would have to be brought in and nothing may sleep.
 * Context: any.
 */
int wr_hva_read(unsigned long hva, void *data, size_t len)
{
	const void __user *user = (const void __user *)hva;
	unsigned long left;

	if (len <= 16 && read_small(hva, data, len))
		return 0;
	pagefault_disable();
	left = __copy_from_user_inatomic(data, user, len);
	pagefault_enable();
	if (likely(!left))
		return 0;
	if (faulthandler_disabled())
		return -EAGAIN;
	return copy_from_user(data, user, len) ? -EFAULT : 0;
}

/**
 * wr_hva_write - write to the creator's memory; see wr_hva_read()
 * @hva: destination
 * @data: source
 * @len: bytes
 */
int wr_hva_write(unsigned long hva, const void *data, size_t len)
{
	void __user *user = (void __user *)hva;
	unsigned long left;

	if (len <= 8 && write_small(hva, data, len))
		return 0;
	pagefault_disable();
	left = __copy_to_user_inatomic(user, data, len);
	pagefault_enable();
	if (likely(!left))
		return 0;
	if (faulthandler_disabled())
		return -EAGAIN;
	return copy_to_user(user, data, len) ? -EFAULT : 0;
}

/* So that the compiler knows which bytes the instruction below changes. */
struct pair {
	u64 low, high;
};

/* 0: swapped, 1: @old now has what was found, -EFAULT */
static int cmpxchg16(unsigned long hva, u64 *old, const u64 *new)
{
	struct pair *user = (struct pair *)hva;
	u64 low = old[0], high = old[1];
	int err = 0;
	bool equal;

	__uaccess_begin_nospec();
	asm volatile("1: lock cmpxchg16b %[mem]\n"
		     "   setz %[equal]\n"
		     "2:\n"
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG,
					   %[err])
		     : [mem] "+m" (*user), "+a" (low), "+d" (high),
		       [equal] "=&q" (equal), [err] "+r" (err)
		     : "b" (new[0]), "c" (new[1])
		     : "memory", "cc");
	__uaccess_end();
	if (err)
		return err;
	old[0] = low;
	old[1] = high;
	return !equal;
}

/**
 * wr_hva_cmpxchg - atomic compare and exchange in the creator's memory
 * @hva: address, aligned to @len
 * @old: what must be there; on return what was there
 * @new: what is to be there
 * @len: 1, 2, 4, 8 or 16
 *
 * Return: 0 when exchanged; 1 when something else was there; -EFAULT, -EAGAIN as wr_hva_read();
 * -EINVAL for @len.
 */
int wr_hva_cmpxchg(unsigned long hva, void *old, const void *new, size_t len)
{
	int r;

	switch (len) {
	case 1:
		r = __try_cmpxchg_user((u8 __user *)hva, (u8 *)old, *(const u8 *)new, fault1);
		break;
	case 2:
		r = __try_cmpxchg_user((u16 __user *)hva, (u16 *)old, *(const u16 *)new, fault2);
		break;
	case 4:
		r = __try_cmpxchg_user((u32 __user *)hva, (u32 *)old, *(const u32 *)new, fault4);
		break;
	case 8:
		r = __try_cmpxchg_user((u64 __user *)hva, (u64 *)old, *(const u64 *)new, fault8);
		break;
	case 16:
		r = cmpxchg16(hva, old, new);
		break;
	default:
		return -EINVAL;
	}
	return r < 0 ? access_error() : r;
}

/* What one slot has of an access that may run over its end */
struct part {
	const struct wr_slot *slot;
	unsigned long hva;
	size_t len;
};

static int find_part(const struct wr_slots *slots, u64 gpa, size_t len, bool write,
		     struct part *part)
{
	u64 gfn = gpa >> PAGE_SHIFT;
	u64 room;

	part->slot = wr_slot_find(slots, gfn);
	if (!part->slot)
		return -ENXIO;
	if (write && (part->slot->flags & KVM_MEM_READONLY))
		return -EPERM;
	part->hva = wr_slot_hva(part->slot, gfn) + offset_in_page(gpa);
	room = ((part->slot->gfn + part->slot->npages) << PAGE_SHIFT) - gpa;
	part->len = min_t(u64, len, room);
	return 0;
}

/* @shadow: what shadow tables made of it may be wrong now */
static void mark_written(struct wr_vm *vm, const struct wr_slot *slot, u64 gpa, size_t len, bool shadow)
{
	u64 gfn;

	if (!shadow && !slot->dirty)
		return;
	/* The write before the look at the bits: who takes or sets one reads the page then. */
	smp_mb();
	for (gfn = gpa >> PAGE_SHIFT; gfn <= (gpa + len - 1) >> PAGE_SHIFT; gfn++) {
		if (shadow)
			wr_shadow_written(vm, gfn);
		if (slot->dirty)
			wr_dirty_mark(vm, NULL, slot, gfn);
	}
}

static int read_slots(struct wr_vm *vm, u64 gpa, void *data, size_t len)
{
	struct part part;
	int r;

	for (; len; gpa += part.len, data += part.len, len -= part.len) {
		r = find_part(wr_slots(vm), gpa, len, false, &part);
		if (!r)
			r = wr_hva_read(part.hva, data, part.len);
		if (r)
			return r;
	}
	return 0;
}

static int write_slots(struct wr_vm *vm, u64 gpa, const void *data, size_t len)
{
	struct part part;
	int r;

	for (; len; gpa += part.len, data += part.len, len -= part.len) {
		r = find_part(wr_slots(vm), gpa, len, true, &part);
		if (r)
			return r;
		r = wr_hva_write(part.hva, data, part.len);
		/* Marked even when it failed: some of it may have been written. */
		mark_written(vm, part.slot, gpa, part.len, wr_shadow_of(&vm->mmu));
		if (r)
			return r;
	}
	return 0;
}

/**
 * wr_gpa_read - read guest memory
 * @vm: the VM; current->mm is its
 * @gpa: from here; may cross pages and slots
 * @data: destination
 * @len: bytes
 *
 * Return: 0; -ENXIO where there is no memory; -EFAULT where userspace has none behind it; -EAGAIN
 * where a page must be brought in and nothing may sleep.
 * Context: any.
 */
int wr_gpa_read(struct wr_vm *vm, u64 gpa, void *data, size_t len)
{
	int idx = srcu_read_lock(&vm->srcu);
	int r = read_slots(vm, gpa, data, len);

	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_gpa_read);

/**
 * wr_gpa_write - write guest memory and note it in the dirty log
 * @vm: the VM; current->mm is its
 * @gpa: to here; may cross pages and slots
 * @data: source
 * @len: bytes
 *
 * Return: as wr_gpa_read(), and -EPERM for a read-only slot. On an error a part before it may have
 * been written.
 * Context: any.
 */
int wr_gpa_write(struct wr_vm *vm, u64 gpa, const void *data, size_t len)
{
	int idx = srcu_read_lock(&vm->srcu);
	int r = write_slots(vm, gpa, data, len);

	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_gpa_write);

/*
 * A locked access that crosses cache lines could trap in the host: compare and write instead, as
 * one CPU sees it.
 */
static int cmpxchg_split(struct wr_vm *vm, u64 gpa, void *old, const void *new, size_t len)
{
	u8 found[16];
	int r;

	if (len > sizeof(found))
		return -EINVAL;
	r = read_slots(vm, gpa, found, len);
	if (r)
		return r;
	if (memcmp(found, old, len)) {
		memcpy(old, found, len);
		return 1;
	}
	return write_slots(vm, gpa, new, len);
}

static int cmpxchg_aligned(struct wr_vm *vm, u64 gpa, void *old, const void *new, size_t len, bool shadow)
{
	struct part part;
	int r = find_part(wr_slots(vm), gpa, len, true, &part);

	if (!r)
		r = wr_hva_cmpxchg(part.hva, old, new, len);
	if (!r)
		mark_written(vm, part.slot, gpa, len, shadow);
	return r;
}

/**
 * wr_gpa_cmpxchg - compare and exchange in guest memory
 * @vm: the VM; current->mm is its
 * @gpa: atomic when aligned to @len
 * @old: what must be there; on return 1 what was there
 * @new: what is to be there
 * @len: 1, 2, 4, 8 or 16
 *
 * Return: 0 when exchanged; 1 when something else was there; errors as wr_gpa_write(), -EINVAL for
 * @len.
 * Context: any.
 */
int wr_gpa_cmpxchg(struct wr_vm *vm, u64 gpa, void *old, const void *new, size_t len)
{
	int idx, r;

	if (!is_power_of_2(len))
		return -EINVAL;
	idx = srcu_read_lock(&vm->srcu);
	if (gpa & (len - 1))
		r = cmpxchg_split(vm, gpa, old, new, len);
	else
		r = cmpxchg_aligned(vm, gpa, old, new, len, wr_shadow_of(&vm->mmu));
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}
WR_EXPORT_FOR_KUNIT(wr_gpa_cmpxchg);

/**
 * wr_gpa_update_entry - wr_gpa_cmpxchg() that sets A or D in an entry of the guest's tables
 * @vm: the VM; inside vm->srcu
 * @gpa: of the entry
 * @old: as for wr_gpa_cmpxchg()
 * @new: as there
 * @len: 4 or 8
 *
 * What a shadow of the entry allows does not change by it. Return: as wr_gpa_cmpxchg().
 */
int wr_gpa_update_entry(struct wr_vm *vm, u64 gpa, void *old, const void *new, size_t len)
{
	return cmpxchg_aligned(vm, gpa, old, new, len, false);
}

/**
 * wr_gpa_is_ram - is there memory, and may it be written?
 * @vm: the VM
 * @gpa: the address
 * @write: read-only slots do not count
 *
 * Context: any.
 */
bool wr_gpa_is_ram(struct wr_vm *vm, u64 gpa, bool write)
{
	unsigned long hva;

	return !wr_slots_lookup_hva(vm, gpa, write, &hva);
}
WR_EXPORT_FOR_KUNIT(wr_gpa_is_ram);
