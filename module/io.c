// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buses of a VM: who in the kernel serves a port or an address.
 *
 * A bus is an array of ranges sorted by their first address, read under RCU and replaced
 * whole when a range is added. Readers turn preemption off, which their devices count on, and RCU
 * needs no more than that. A range is removed by clearing its device in place, which cannot
 * fail; the next addition drops the hole. Ranges may overlap: the ones that begin last are asked
 * first, of those the shortest.
 */
#include <linux/slab.h>

#include "compat.h"
#include "warren.h"

/*
 * struct wr_bus_range - inclusive bounds
 *
 * @reach is the highest @last of this range and of all before it: how far back a search has to
 * look.
 */
struct wr_bus_range {
	u64 first, last, reach;
	struct wr_io_dev *dev;		/* NULL: a hole */
};

struct wr_bus {
	struct rcu_head rcu;
	u64 generation;			/* no two arrays ever share one */
	u32 nr;
	struct wr_bus_range range[];
};

static atomic64_t generations;

static noinline u32 bus_search(const struct wr_bus *bus, u64 addr, struct wr_bus_hint *hint)
{
	u32 low = 0, high = bus->nr, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (bus->range[middle].first <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	*hint = (struct wr_bus_hint) { .generation = bus->generation, .addr = addr, .nr = low };
	return low;
}

/* How many ranges begin at or before @addr. */
static __always_inline u32 bus_find(const struct wr_bus *bus, u64 addr, struct wr_bus_hint *hint)
{
	if (likely(hint->generation == bus->generation && hint->addr == addr))
		return hint->nr;
	return bus_search(bus, addr, hint);
}

/*
 * The next device that serves [addr, last], from the end of what bus_find() found downwards; @i is
 * the cursor.
 */
static __always_inline struct wr_io_dev *bus_next(const struct wr_bus *bus, u32 *i, u64 addr,
						  u64 last)
{
	const struct wr_bus_range *range;
	struct wr_io_dev *dev;

	while (*i && bus->range[*i - 1].reach >= addr) {
		range = &bus->range[--*i];
		dev = READ_ONCE(range->dev);
		if (dev && last <= range->last)
			return dev;
	}
	return NULL;
}

static __always_inline u64 bus_last(u64 addr, u32 len)
{
	return len ? addr + len - 1 : addr;
}

/**
 * wr_bus_read - read from the device in the kernel that serves an address
 * @vcpu: who reads
 * @id: which bus
 * @addr: port or guest-physical address
 * @len: bytes, 1 to 8
 * @data: out
 *
 * Context: the vCPU's thread, interrupts on, in a stay or not.
 * Return: 0, -EOPNOTSUPP when it is userspace's.
 */
int wr_bus_read(struct wr_vcpu *vcpu, enum wr_bus_id id, u64 addr, u32 len, void *data)
{
	u64 last = bus_last(addr, len);
	const struct wr_bus *bus;
	struct wr_io_dev *dev;
	int ret = -EOPNOTSUPP;
	u32 i;

	if (last < addr)
		return -EOPNOTSUPP;
	rcu_read_lock_sched();
	bus = rcu_dereference_sched(vcpu->vm->bus[id]);
	if (likely(bus)) {
		i = bus_find(bus, addr, &vcpu->bus_hint[id]);
		while (ret && (dev = bus_next(bus, &i, addr, last)))
			if (dev->ops->read)
				ret = dev->ops->read(vcpu, dev, addr, len, data);
	}
	rcu_read_unlock_sched();
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_bus_read);

/**
 * wr_bus_write - write to the device in the kernel that serves an address
 * @vcpu: who writes
 * @id: which bus
 * @addr: port or guest-physical address
 * @len: bytes, 1 to 8; 0 on WR_BUS_FAST_MMIO
 * @data: what; not looked at on WR_BUS_FAST_MMIO
 *
 * Context: the vCPU's thread, interrupts on, in a stay or not.
 * Return: 0, -EOPNOTSUPP when it is userspace's.
 */
int wr_bus_write(struct wr_vcpu *vcpu, enum wr_bus_id id, u64 addr, u32 len, const void *data)
{
	u64 last = bus_last(addr, len);
	const struct wr_bus *bus;
	struct wr_io_dev *dev;
	int ret = -EOPNOTSUPP;
	u32 i;

	if (last < addr)
		return -EOPNOTSUPP;
	rcu_read_lock_sched();
	bus = rcu_dereference_sched(vcpu->vm->bus[id]);
	if (likely(bus)) {
		i = bus_find(bus, addr, &vcpu->bus_hint[id]);
		while (ret && (dev = bus_next(bus, &i, addr, last)))
			if (dev->ops->write)
				ret = dev->ops->write(vcpu, dev, addr, len, data);
	}
	rcu_read_unlock_sched();
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_bus_write);

static struct wr_bus *bus_of(struct wr_vm *vm, enum wr_bus_id id)
{
	return rcu_dereference_protected(vm->bus[id], lockdep_is_held(&vm->lock));
}

static bool range_before(const struct wr_bus_range *a, const struct wr_bus_range *b)
{
	return a->first < b->first || (a->first == b->first && a->last > b->last);
}

/* Copy @old, which may be NULL, without its holes and with @added at its place. */
static void bus_fill(struct wr_bus *bus, const struct wr_bus *old, const struct wr_bus_range *added)
{
	u32 i, nr = old ? old->nr : 0;
	u64 reach = 0;

	for (i = 0; i < nr; i++) {
		if (!old->range[i].dev)
			continue;
		if (added && range_before(added, &old->range[i])) {
			bus->range[bus->nr++] = *added;
			added = NULL;
		}
		bus->range[bus->nr++] = old->range[i];
	}
	if (added)
		bus->range[bus->nr++] = *added;
	for (i = 0; i < bus->nr; i++) {
		reach = max(reach, bus->range[i].last);
		bus->range[i].reach = reach;
	}
}

static u32 bus_used(const struct wr_bus *bus)
{
	u32 i, used = 0;

	for (i = 0; bus && i < bus->nr; i++)
		used += !!bus->range[i].dev;
	return used;
}

/**
 * wr_bus_register - let a device serve a range
 * @vm: the VM
 * @id: which bus
 * @dev: the device; it may serve several ranges
 * @addr: first port or guest-physical address
 * @len: bytes; 0 is the address alone
 *
 * Context: vm->lock held, may sleep; waits for nobody.
 * Return: 0; -ENOSPC the bus has WR_BUS_MAX_RANGES, -EINVAL the range wraps, -ENOMEM.
 */
int wr_bus_register(struct wr_vm *vm, enum wr_bus_id id, struct wr_io_dev *dev, u64 addr, u32 len)
{
	struct wr_bus_range added = { .first = addr, .last = bus_last(addr, len), .dev = dev };
	struct wr_bus *old = bus_of(vm, id), *new;
	u32 used = bus_used(old);

	lockdep_assert_held(&vm->lock);
	if (added.last < addr)
		return -EINVAL;
	if (used >= WR_BUS_MAX_RANGES)
		return -ENOSPC;
	new = kzalloc(struct_size(new, range, used + 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->generation = atomic64_inc_return(&generations);
	bus_fill(new, old, &added);
	rcu_assign_pointer(vm->bus[id], new);
	if (!old)
		return 0;
	/* Only vCPUs look at a bus: while there are none, nobody reads the old one. */
	if (vm->created_vcpus)
		kfree_rcu(old, rcu);
	else
		kfree(old);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_bus_register);

/**
 * wr_bus_unregister - take a device off all its ranges of a bus
 * @vm: the VM
 * @id: which bus
 * @dev: the device; when it serves no range nothing is done
 *
 * Waits until no access is under way, then releases the device.
 * Context: vm->lock held or the VM's last user, may sleep.
 */
void wr_bus_unregister(struct wr_vm *vm, enum wr_bus_id id, struct wr_io_dev *dev)
{
	struct wr_bus *bus = rcu_dereference_protected(vm->bus[id], true);
	bool found = false;
	u32 i;

	for (i = 0; bus && i < bus->nr; i++) {
		if (bus->range[i].dev != dev)
			continue;
		WRITE_ONCE(bus->range[i].dev, NULL);
		found = true;
	}
	if (!found)
		return;
	if (vm->created_vcpus)
		synchronize_rcu_expedited();
	if (dev->ops->release)
		dev->ops->release(dev);
}
WR_EXPORT_FOR_KUNIT(wr_bus_unregister);

/**
 * wr_bus_init - a VM with empty buses
 * @vm: new
 *
 * Return: 0.
 */
int wr_bus_init(struct wr_vm *vm)
{
	INIT_LIST_HEAD(&vm->ioeventfds);
	INIT_LIST_HEAD(&vm->coalesced_zones);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_bus_init);

/**
 * wr_bus_exit - release all devices and the buses
 * @vm: without vCPUs that run; done already is done. wr_irq_exit() does it before its chips go.
 *
 * Context: may sleep.
 */
void wr_bus_exit(struct wr_vm *vm)
{
	struct wr_bus *bus[WR_NR_BUSES];
	struct wr_io_dev *dev;
	unsigned int id;
	u32 i;

	/*
	 * A device that is on two buses is released by the first: the other one's part of it is
	 * not looked at then.
	 */
	for (id = WR_NR_BUSES; id--;) {
		bus[id] = rcu_replace_pointer(vm->bus[id], NULL, true);
		for (i = 0; bus[id] && i < bus[id]->nr; i++) {
			dev = bus[id]->range[i].dev;
			if (dev && dev->ops->release)
				dev->ops->release(dev);
		}
		kfree(bus[id]);
	}
	wr_coalesced_exit(vm);
}
WR_EXPORT_FOR_KUNIT(wr_bus_exit);
