// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coalesced writes: in the zones that userspace names, a guest's write is put into a ring that
 * userspace empties at the next exit, instead of an exit of its own. A full ring makes the write
 * an ordinary exit.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "warren.h"

struct wr_coalesced {
	spinlock_t lock;			/* writers of the ring */
	struct page *page;			/* userspace writes it: trust nothing */
	struct kvm_coalesced_mmio_ring *ring;
};

struct wr_zone {
	struct list_head link;
	struct kvm_coalesced_mmio_zone zone;
	struct wr_coalesced *coalesced;
	struct wr_io_dev dev;
};

/* Append one write, -EOPNOTSUPP when the ring is full or its indices are nonsense. */
static int ring_append(struct wr_coalesced *c, const struct kvm_coalesced_mmio *entry)
{
	struct kvm_coalesced_mmio_ring *ring = c->ring;
	u32 last, next;

	lockdep_assert_held(&c->lock);
	last = READ_ONCE(ring->last);
	if (last >= KVM_COALESCED_MMIO_MAX)
		return -EOPNOTSUPP;
	last = array_index_nospec(last, KVM_COALESCED_MMIO_MAX);
	next = (last + 1) % KVM_COALESCED_MMIO_MAX;
	if (next == READ_ONCE(ring->first))
		return -EOPNOTSUPP;
	ring->coalesced_mmio[last] = *entry;
	/* The entry must be whole before it is seen. */
	smp_store_release(&ring->last, next);
	return 0;
}

static int zone_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
		      const void *data)
{
	struct wr_zone *zone = container_of(dev, struct wr_zone, dev);
	struct kvm_coalesced_mmio entry = {
		.phys_addr = addr,
		.len = len,
		.pio = zone->zone.pio,
	};
	int ret;

	if (len > sizeof(entry.data))
		return -EOPNOTSUPP;
	memcpy(entry.data, data, len);
	spin_lock(&zone->coalesced->lock);
	ret = ring_append(zone->coalesced, &entry);
	spin_unlock(&zone->coalesced->lock);
	return ret;
}

static void zone_release(struct wr_io_dev *dev)
{
	struct wr_zone *zone = container_of(dev, struct wr_zone, dev);

	list_del(&zone->link);
	kfree(zone);
}

static const struct wr_io_ops zone_ops = {
	.write = zone_write,
	.release = zone_release,
};

/**
 * wr_coalesced_init - make the ring of a VM; done already is done
 * @vm: the VM
 *
 * Context: vm->lock held or the VM's only user, may sleep.
 * Return: 0, -ENOMEM.
 */
int wr_coalesced_init(struct wr_vm *vm)
{
	struct wr_coalesced *c;

	if (vm->coalesced)
		return 0;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return -ENOMEM;
	c->page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!c->page) {
		kfree(c);
		return -ENOMEM;
	}
	c->ring = page_address(c->page);
	spin_lock_init(&c->lock);
	/* Who sees it must see it made. */
	smp_store_release(&vm->coalesced, c);
	return 0;
}

/**
 * wr_coalesced_exit - undo wr_coalesced_init(); mappings of the page keep it
 * @vm: the VM, its zones released
 */
void wr_coalesced_exit(struct wr_vm *vm)
{
	struct wr_coalesced *c = vm->coalesced;

	if (!c)
		return;
	vm->coalesced = NULL;
	put_page(c->page);
	kfree(c);
}

/**
 * wr_coalesced_page - what is mapped at KVM_COALESCED_MMIO_PAGE_OFFSET of a vCPU
 * @vm: the VM
 *
 * Context: any.
 * Return: the page, without a reference taken, or NULL.
 */
struct page *wr_coalesced_page(struct wr_vm *vm)
{
	struct wr_coalesced *c = READ_ONCE(vm->coalesced);

	return c ? c->page : NULL;
}
WR_EXPORT_FOR_KUNIT(wr_coalesced_page);

/**
 * wr_coalesced_register - KVM_REGISTER_COALESCED_MMIO
 * @vm: the VM
 * @zone: range, and whether it is of ports
 *
 * Context: vm->lock held, may sleep.
 * Return: 0; -EINVAL for a pio that is neither 0 nor 1, an empty range or one that wraps; -ENOSPC;
 * -ENOMEM.
 */
int wr_coalesced_register(struct wr_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct wr_zone *new;
	int ret;

	lockdep_assert_held(&vm->lock);
	if (zone->pio > 1 || !zone->size)
		return -EINVAL;
	ret = wr_coalesced_init(vm);
	if (ret)
		return ret;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->zone = *zone;
	new->coalesced = vm->coalesced;
	new->dev.ops = &zone_ops;
	list_add_tail(&new->link, &vm->coalesced_zones);
	ret = wr_bus_register(vm, zone->pio ? WR_BUS_PIO : WR_BUS_MMIO, &new->dev, zone->addr,
			      zone->size);
	if (ret)
		zone_release(&new->dev);
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_coalesced_register);

static bool zone_contains(const struct kvm_coalesced_mmio_zone *outer,
			  const struct kvm_coalesced_mmio_zone *inner)
{
	u64 offset = inner->addr - outer->addr;

	return outer->pio == inner->pio && inner->addr >= outer->addr && offset <= outer->size &&
	       inner->size <= outer->size - offset;
}

/**
 * wr_coalesced_unregister - KVM_UNREGISTER_COALESCED_MMIO: remove the zones that contain a range
 * @vm: the VM
 * @zone: the range
 *
 * Context: vm->lock held, may sleep.
 * Return: 0, even when there was none; -EINVAL for a pio that is neither 0 nor 1.
 */
int wr_coalesced_unregister(struct wr_vm *vm, const struct kvm_coalesced_mmio_zone *zone)
{
	struct wr_zone *old, *next;

	lockdep_assert_held(&vm->lock);
	if (zone->pio > 1)
		return -EINVAL;
	list_for_each_entry_safe(old, next, &vm->coalesced_zones, link)
		if (zone_contains(&old->zone, zone))
			wr_bus_unregister(vm, zone->pio ? WR_BUS_PIO : WR_BUS_MMIO, &old->dev);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_coalesced_unregister);
