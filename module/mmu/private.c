// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots that userspace has not made: pages that the CPU wants in the guest's memory where it cannot run real mode by itself.
 *
 * Their memory is the creator's like any other, so that nothing else need know of them; userspace gives the addresses alone.
 * A guest that writes there harms itself.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <asm/pgtable_types.h>

#include "compat.h"
#include "internal.h"

/* Numbers of slots that userspace cannot name */
enum {
	SLOT_TSS = WR_MAX_SLOTS,
	SLOT_IDENTITY_MAP,
};

/* In a 32-bit TSS: where the bitmap of ports begins. That of software interrupts is before it. */
#define TSS_IO_BASE	102
#define TSS_PORTS	(104 + 32)
#define TSS_END		(TSS_PORTS + 65536 / 8)

static_assert(TSS_END + 1 == WR_TSS_SIZE);

#define ENTRIES		1024	/* of a page directory without PAE */
#define ENTRY_SHIFT	22

static void release(struct wr_vm *vm, const struct kvm_userspace_memory_region *region)
{
	/* A process that has ended, or another one: its memory goes with it. */
	if (current->mm == vm->mm)
		vm_munmap(region->userspace_addr, region->memory_size);
}

/* @region says number, address and size. */
static int make_slot(struct wr_vm *vm, struct kvm_userspace_memory_region *region)
{
	unsigned long hva = vm_mmap(NULL, 0, region->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
	int err;

	if (IS_ERR_VALUE(hva))
		return (long)hva;
	region->userspace_addr = hva;
	err = wr_slots_set_private(vm, region);
	if (err)
		release(vm, region);
	return err;
}

/* It could not be filled: userspace has unmapped what it saw there. */
static void remove_slot(struct wr_vm *vm, const struct kvm_userspace_memory_region *region)
{
	struct kvm_userspace_memory_region gone = *region;

	gone.memory_size = 0;
	if (!wr_slots_set_private(vm, &gone))
		release(vm, region);
}

/**
 * wr_private_tss - make the task that real mode is run in: KVM_SET_TSS_ADDR
 * @vm: in an ioctl, vm->lock is held
 * @gpa: of three pages below 4 GiB
 *
 * It allows all ports, and claims no software interrupt for anybody but the guest's vector table.
 * Return: 0; -EEXIST for the second one, and where there is a slot; -ENOMEM, -EFAULT.
 */
int wr_private_tss(struct wr_vm *vm, u64 gpa)
{
	struct kvm_userspace_memory_region region = {
		.slot = SLOT_TSS, .guest_phys_addr = gpa, .memory_size = WR_TSS_PAGES * PAGE_SIZE,
	};
	const u16 ports = TSS_PORTS;
	const u8 end = 0xff;
	int err;

	if (vm->mmu.tss)
		return -EEXIST;
	err = make_slot(vm, &region);
	if (err)
		return err;
	err = wr_gpa_write(vm, gpa + TSS_IO_BASE, &ports, sizeof(ports));
	if (!err)
		err = wr_gpa_write(vm, gpa + TSS_END, &end, sizeof(end));
	if (err)
		remove_slot(vm, &region);
	else
		WRITE_ONCE(vm->mmu.tss, gpa);
	return err;
}

/**
 * wr_private_identity_map - make the page table of guests that do not page
 * @vm: in an ioctl, vm->lock is held
 *
 * At vm->mmu.identity_map, once.
 * Return: 0; -EEXIST where there is a slot; -ENOMEM, -EFAULT.
 */
int wr_private_identity_map(struct wr_vm *vm)
{
	const u32 rights = _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_PSE;
	struct kvm_userspace_memory_region region = {
		.slot = SLOT_IDENTITY_MAP, .guest_phys_addr = vm->mmu.identity_map, .memory_size = PAGE_SIZE,
	};
	u32 i, entry;
	int err;

	if (vm->mmu.has_identity_map)
		return 0;
	err = make_slot(vm, &region);
	if (err)
		return err;
	for (i = 0; i < ENTRIES && !err; i++) {
		entry = i << ENTRY_SHIFT | rights;
		err = wr_gpa_write(vm, vm->mmu.identity_map + i * sizeof(entry), &entry, sizeof(entry));
	}
	if (err)
		remove_slot(vm, &region);
	vm->mmu.has_identity_map = !err;
	return err;
}

/**
 * wr_private_exit - give the memory of these slots back
 * @vm: it ends; its slots are still there, and nobody reads them any more
 *
 * Context: may sleep, takes mmap_lock.
 */
void wr_private_exit(struct wr_vm *vm)
{
	const struct wr_slots *slots = rcu_dereference_protected(vm->slots, true);
	u32 i;

	for (i = 0; i < slots->nr; i++) {
		const struct wr_slot *slot = slots->slot[i];

		if (wr_slot_is_private(slot))
			release(vm, &(struct kvm_userspace_memory_region) {
				.userspace_addr = slot->hva, .memory_size = slot->npages << PAGE_SHIFT,
			});
	}
}
