// SPDX-License-Identifier: GPL-2.0-only
/*
 * GSI routes: which pins or which message a global interrupt reaches; the VM's interrupt chips as
 * one thing.
 *
 * The table is built aside, published whole and read under vm->irq.srcu, from hard interrupt context
 * too.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../warren.h"
#include "chips.h"

/* What struct wr_route.chip says besides KVM_IRQCHIP_* */
#define ROUTE_MSI	KVM_NR_IRQCHIPS

#define NO_GSI		(-1)

/* So few that it takes no time to look at all of them */
#define FEW_VCPUS	32

/* Pins of one 8259 */
#define PIC_CHIP_PINS	(WR_PIC_PINS / 2)

struct wr_route {
	u8 chip;
	u8 pin;			/* WR_PIC_PINS count through both PICs */
	struct wr_lapic_msg msg;
};

/*
 * struct wr_routes - the table
 *
 * The routes of GSI g are @route[first[g]] up to before @route[first[g + 1]].
 */
struct wr_routes {
	s16 gsi_of[KVM_NR_IRQCHIPS][WR_IOAPIC_PINS];	/* which GSI a pin belongs to, NO_GSI */
	u32 nr_gsis;
	u16 *first;
	struct wr_route route[];
};

static_assert(WR_MAX_GSI <= S16_MAX);

/*
 * With 32-bit ids the high word of the address has the destination's upper bits. Returns 0 or
 * -EINVAL.
 */
static int msi_decode(const struct wr_vm *vm, struct wr_lapic_msg *msg, u64 address, u32 data)
{
	bool ids32 = vm->irq.x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS;
	u32 high = address >> 32;

	if (ids32 && high & 0xff)
		return -EINVAL;
	*msg = (struct wr_lapic_msg) {
		.dest = (address >> 12 & 0xff) | (ids32 ? high & ~0xff : 0),
		.logical = address & BIT(2),
		.redirection_hint = address & BIT(3),
		.vector = data,
		.delivery_mode = data >> 8 & 7,
		.level = data & BIT(15),
		.assert = true,
	};
	return 0;
}

static u64 msi_address(u32 high, u32 low)
{
	return (u64)high << 32 | low;
}

/* Returns 0 or -EINVAL. */
static int route_decode_pin(struct wr_route *route, u32 chip, u32 pin)
{
	if (chip >= KVM_NR_IRQCHIPS)
		return -EINVAL;
	if (pin >= (chip == KVM_IRQCHIP_IOAPIC ? WR_IOAPIC_PINS : PIC_CHIP_PINS))
		return -EINVAL;
	route->chip = chip;
	route->pin = chip == KVM_IRQCHIP_PIC_SLAVE ? pin + PIC_CHIP_PINS : pin;
	return 0;
}

static int route_decode(const struct wr_vm *vm, struct wr_route *route,
			const struct kvm_irq_routing_entry *entry)
{
	const struct kvm_irq_routing_msi *msi = &entry->u.msi;

	switch (entry->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (vm->irq.mode == WR_IRQCHIP_SPLIT || entry->flags)
			return -EINVAL;
		return route_decode_pin(route, entry->u.irqchip.irqchip, entry->u.irqchip.pin);
	case KVM_IRQ_ROUTING_MSI:
		/* A device id says nothing here, but is harmless. */
		if (entry->flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		route->chip = ROUTE_MSI;
		return msi_decode(vm, &route->msg, msi_address(msi->address_hi, msi->address_lo),
				  msi->data);
	}
	return -EINVAL;
}

static struct wr_routes *routes_alloc(u32 nr_gsis, u32 nr)
{
	struct wr_routes *routes;

	routes = kvzalloc(struct_size(routes, route, nr) + (nr_gsis + 1) * sizeof(u16),
			  GFP_KERNEL_ACCOUNT);
	if (!routes)
		return NULL;
	routes->nr_gsis = nr_gsis;
	routes->first = (u16 *)&routes->route[nr];
	memset(routes->gsi_of, 0xff, sizeof(routes->gsi_of));
	return routes;
}

/*
 * Put one entry behind those that its GSI has already; @used says how many. One message, or one
 * pin of each chip, is what a GSI can have.
 */
static int routes_add(const struct wr_vm *vm, struct wr_routes *routes,
		      const struct kvm_irq_routing_entry *entry, u8 *used)
{
	struct wr_route *first = &routes->route[routes->first[entry->gsi]];
	struct wr_route route = {};
	u32 i;
	int ret;

	ret = route_decode(vm, &route, entry);
	if (ret)
		return ret;
	for (i = 0; i < used[entry->gsi]; i++)
		if (first[i].chip == route.chip || first[i].chip == ROUTE_MSI ||
		    route.chip == ROUTE_MSI)
			return -EINVAL;
	first[i] = route;
	used[entry->gsi]++;
	if (route.chip != ROUTE_MSI)
		routes->gsi_of[route.chip][entry->u.irqchip.pin] = entry->gsi;
	return 0;
}

/* Make room for each GSI's entries: counting sort by GSI. */
static void routes_count(struct wr_routes *routes, const struct kvm_irq_routing_entry *entries,
			 u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		routes->first[entries[i].gsi + 1]++;
	for (i = 0; i < routes->nr_gsis; i++)
		routes->first[i + 1] += routes->first[i];
}

static int routes_fill(const struct wr_vm *vm, struct wr_routes *routes,
		       const struct kvm_irq_routing_entry *entries, u32 nr)
{
	u8 *used;
	u32 i;
	int ret = 0;

	used = kvzalloc(routes->nr_gsis + 1, GFP_KERNEL_ACCOUNT);
	if (!used)
		return -ENOMEM;
	routes_count(routes, entries, nr);
	for (i = 0; i < nr && !ret; i++)
		ret = routes_add(vm, routes, &entries[i], used);
	kvfree(used);
	return ret;
}

static struct wr_routes *routes_build(const struct wr_vm *vm,
				      const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct wr_routes *routes;
	u32 i, nr_gsis = 0;
	int ret;

	for (i = 0; i < nr; i++) {
		if (entries[i].gsi >= WR_MAX_GSI)
			return ERR_PTR(-EINVAL);
		nr_gsis = max(nr_gsis, entries[i].gsi + 1);
	}
	routes = routes_alloc(nr_gsis, nr);
	if (!routes)
		return ERR_PTR(-ENOMEM);
	ret = routes_fill(vm, routes, entries, nr);
	if (ret) {
		kvfree(routes);
		return ERR_PTR(ret);
	}
	return routes;
}

/* When it returns no interrupt goes the old way any more. */
static void routes_publish(struct wr_vm *vm, struct wr_routes *new)
{
	struct wr_routes *old;

	old = rcu_replace_pointer(vm->irq.routes, new, lockdep_is_held(&vm->lock));
	if (!old)
		return;
	synchronize_srcu_expedited(&vm->irq.srcu);
	kvfree(old);
}

/**
 * wr_irq_set_routes - KVM_SET_GSI_ROUTING
 * @vm: the VM
 * @entries: the whole new table, in kernel memory
 * @nr: how many, at most WR_MAX_GSI
 *
 * Context: vm->lock held, may sleep.
 * Return: 0; -EINVAL: no in-kernel irqchip, too many, unknown type or flags, a GSI, chip or pin
 * that does not exist, a GSI with more than one message or more than one pin of a chip; -ENOMEM.
 */
int wr_irq_set_routes(struct wr_vm *vm, const struct kvm_irq_routing_entry *entries, u32 nr)
{
	struct wr_routes *routes;

	lockdep_assert_held(&vm->lock);
	if (vm->irq.mode == WR_IRQCHIP_NONE || nr > WR_MAX_GSI)
		return -EINVAL;
	routes = routes_build(vm, entries, nr);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	routes_publish(vm, routes);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_irq_set_routes);

/* -1: masked or nothing there, 0: merged, otherwise how many took it. */
static int route_set(struct wr_vm *vm, const struct wr_route *route, int level, int source)
{
	switch (route->chip) {
	case ROUTE_MSI:
		return level ? wr_lapic_deliver(vm, NULL, &route->msg) : -1;
	case KVM_IRQCHIP_IOAPIC:
		return wr_ioapic_set_irq(vm->irq.ioapic, route->pin, source, level);
	default:
		return wr_pic_set_irq(vm->irq.pic, route->pin, source, level);
	}
}

/**
 * wr_irq_set - set what one source drives a GSI to
 * @vm: the VM
 * @gsi: any number
 * @level: non-zero for high; a message is sent at each call with high
 * @source: WR_IRQ_SOURCE_*
 *
 * Context: any, hard interrupts included; no chip's lock held.
 * Return: as KVM_IRQ_LINE_STATUS: the number of deliveries, 0 when all merged with one on its way,
 * -1 when masked or not routed, -ENXIO without an in-kernel irqchip.
 */
int wr_irq_set(struct wr_vm *vm, u32 gsi, int level, int source)
{
	const struct wr_routes *routes;
	int idx, ret = -1, one;
	u32 i;

	idx = srcu_read_lock(&vm->irq.srcu);
	routes = srcu_dereference(vm->irq.routes, &vm->irq.srcu);
	if (!routes) {
		ret = -ENXIO;
	} else if (gsi < routes->nr_gsis) {
		gsi = array_index_nospec(gsi, routes->nr_gsis);
		for (i = routes->first[gsi]; i < routes->first[gsi + 1]; i++) {
			one = route_set(vm, &routes->route[i], level, source);
			if (one >= 0)
				ret = max(ret, 0) + one;
		}
	}
	srcu_read_unlock(&vm->irq.srcu, idx);
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_irq_set);

/**
 * wr_irq_is_wide - is a GSI a message that takes too long to be sent with interrupts off?
 * @vm: the VM
 * @gsi: any number
 *
 * Context: any, hard interrupts included.
 */
bool wr_irq_is_wide(struct wr_vm *vm, u32 gsi)
{
	const struct wr_routes *routes;
	const struct wr_route *route;
	bool wide = false;
	int idx;

	if (atomic_read(&vm->online_vcpus) <= FEW_VCPUS)
		return false;
	idx = srcu_read_lock(&vm->irq.srcu);
	routes = srcu_dereference(vm->irq.routes, &vm->irq.srcu);
	if (routes && gsi < routes->nr_gsis) {
		gsi = array_index_nospec(gsi, routes->nr_gsis);
		route = &routes->route[routes->first[gsi]];
		/* A message is alone; without a route this is the next GSI's. */
		wide = routes->first[gsi] < routes->first[gsi + 1] && route->chip == ROUTE_MSI &&
		       wr_lapic_is_wide(&route->msg);
	}
	srcu_read_unlock(&vm->irq.srcu, idx);
	return wide;
}
WR_EXPORT_FOR_KUNIT(wr_irq_is_wide);

/**
 * wr_irq_msi - KVM_SIGNAL_MSI
 * @vm: the VM
 * @msi: the message; no flags are known
 *
 * Context: any.
 * Return: the number of deliveries, 0 when no local APIC took it; -EINVAL for flags, a bad address
 * or without an in-kernel local APIC.
 */
int wr_irq_msi(struct wr_vm *vm, const struct kvm_msi *msi)
{
	struct wr_lapic_msg msg;

	if (vm->irq.mode == WR_IRQCHIP_NONE || msi->flags)
		return -EINVAL;
	if (msi_decode(vm, &msg, msi_address(msi->address_hi, msi->address_lo), msi->data))
		return -EINVAL;
	return max(wr_lapic_deliver(vm, NULL, &msg), 0);
}
WR_EXPORT_FOR_KUNIT(wr_irq_msi);

/* The GSI of a pin, or NO_GSI. */
static int gsi_of_pin(struct wr_vm *vm, u32 chip, u32 pin)
{
	const struct wr_routes *routes;
	int idx, gsi = NO_GSI;

	idx = srcu_read_lock(&vm->irq.srcu);
	routes = srcu_dereference(vm->irq.routes, &vm->irq.srcu);
	if (routes)
		gsi = routes->gsi_of[chip][pin];
	srcu_read_unlock(&vm->irq.srcu, idx);
	return gsi;
}

/* The PIT's output is GSI 0. */
static struct wr_pit *pit_of_gsi(struct wr_vm *vm, int gsi)
{
	return gsi == 0 ? READ_ONCE(vm->irq.pit) : NULL;
}

/**
 * wr_irq_notify_ack - a guest acknowledged the interrupt of a pin
 * @vm: the VM
 * @chip: KVM_IRQCHIP_*
 * @pin: of that chip, 0 to 7 for each PIC
 *
 * Context: any; no chip's lock held: lines may be set from here.
 */
void wr_irq_notify_ack(struct wr_vm *vm, u32 chip, u32 pin)
{
	int gsi = gsi_of_pin(vm, chip, pin);
	struct wr_pit *pit;

	if (gsi == NO_GSI)
		return;
	pit = pit_of_gsi(vm, gsi);
	if (pit)
		wr_pit_ack(pit);
	wr_irqfd_notify_ack(vm, gsi);
}

/**
 * wr_irq_has_ack_notifier - does somebody wait for acknowledges of a pin?
 * @vm: the VM
 * @chip: KVM_IRQCHIP_*
 * @pin: of that chip, 0 to 7 for each PIC
 *
 * Context: any.
 */
bool wr_irq_has_ack_notifier(struct wr_vm *vm, u32 chip, u32 pin)
{
	int gsi = gsi_of_pin(vm, chip, pin);

	if (gsi == NO_GSI)
		return false;
	return pit_of_gsi(vm, gsi) || wr_irqfd_has_resampler(vm, gsi);
}
WR_EXPORT_FOR_KUNIT(wr_irq_has_ack_notifier);

/**
 * wr_irq_notify_unmask - a guest unmasked a pin
 * @vm: the VM
 * @chip: KVM_IRQCHIP_*
 * @pin: of that chip, 0 to 7 for each PIC
 *
 * Context: any; no chip's lock held.
 */
void wr_irq_notify_unmask(struct wr_vm *vm, u32 chip, u32 pin)
{
	struct wr_pit *pit = pit_of_gsi(vm, gsi_of_pin(vm, chip, pin));

	if (pit)
		wr_pit_unmask(pit);
}

/* GSI 0 to 15 reach a PIC pin and the IOAPIC pin of the same number, 16 to 23 the IOAPIC alone. */
static struct wr_routes *default_routes(const struct wr_vm *vm)
{
	struct kvm_irq_routing_entry *entries, *entry;
	struct wr_routes *routes;
	u32 gsi;

	entries = kcalloc(WR_PIC_PINS + WR_IOAPIC_PINS, sizeof(*entries), GFP_KERNEL_ACCOUNT);
	if (!entries)
		return ERR_PTR(-ENOMEM);
	entry = entries;
	for (gsi = 0; gsi < WR_IOAPIC_PINS; gsi++) {
		*entry++ = (struct kvm_irq_routing_entry) {
			.gsi = gsi,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = gsi },
		};
		if (gsi < WR_PIC_PINS)
			*entry++ = (struct kvm_irq_routing_entry) {
				.gsi = gsi,
				.type = KVM_IRQ_ROUTING_IRQCHIP,
				.u.irqchip = { .irqchip = gsi / 8, .pin = gsi % 8 },
			};
	}
	routes = routes_build(vm, entries, entry - entries);
	kfree(entries);
	return routes;
}

/* As KVM: -EEXIST there is one, -EINVAL it comes too late. */
static int irqchip_may_create(struct wr_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	if (vm->irq.mode != WR_IRQCHIP_NONE)
		return -EEXIST;
	return vm->created_vcpus ? -EINVAL : 0;
}

/**
 * wr_irqchip_create - KVM_CREATE_IRQCHIP: PICs, IOAPIC, a local APIC in each vCPU to come
 * @vm: the VM
 *
 * Context: vm->lock held, may sleep.
 * Return: 0; -EEXIST there is an irqchip, -EINVAL there are vCPUs, -ENOMEM, -ENOSPC.
 */
int wr_irqchip_create(struct wr_vm *vm)
{
	struct wr_routes *routes;
	int ret;

	ret = irqchip_may_create(vm);
	if (ret)
		return ret;
	routes = default_routes(vm);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	ret = wr_pic_create(vm);
	if (ret)
		goto err_free_routes;
	ret = wr_ioapic_create(vm);
	if (ret)
		goto err_destroy_pic;
	routes_publish(vm, routes);
	WRITE_ONCE(vm->irq.mode, WR_IRQCHIP_KERNEL);
	return 0;

err_destroy_pic:
	wr_pic_destroy(vm);
err_free_routes:
	kvfree(routes);
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_irqchip_create);

/**
 * wr_irqchip_split - KVM_CAP_SPLIT_IRQCHIP: local APICs here, PIC and IOAPIC in userspace
 * @vm: the VM
 * @pins: of userspace's IOAPIC: the first GSIs are theirs
 *
 * Context: vm->lock held, may sleep.
 * Return: 0; -EINVAL too many pins, -EEXIST there is an irqchip or a vCPU, -ENOMEM.
 */
int wr_irqchip_split(struct wr_vm *vm, u32 pins)
{
	struct wr_routes *routes;

	if (pins > WR_MAX_GSI)
		return -EINVAL;
	if (irqchip_may_create(vm))
		return -EEXIST;
	routes = routes_build(vm, NULL, 0);
	if (IS_ERR(routes))
		return PTR_ERR(routes);
	routes_publish(vm, routes);
	WRITE_ONCE(vm->irq.mode, WR_IRQCHIP_SPLIT);
	return 0;
}
WR_EXPORT_FOR_KUNIT(wr_irqchip_split);

/**
 * wr_irqchip_get - KVM_GET_IRQCHIP
 * @vm: the VM
 * @chip: chip_id in, the rest out
 *
 * Context: any.
 * Return: 0; -ENXIO the chips are not in the kernel, -EINVAL no such chip.
 */
int wr_irqchip_get(struct wr_vm *vm, struct kvm_irqchip *chip)
{
	if (READ_ONCE(vm->irq.mode) != WR_IRQCHIP_KERNEL)
		return -ENXIO;
	memset(&chip->chip, 0, sizeof(chip->chip));
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		wr_pic_get(vm->irq.pic, &chip->chip.pic, chip->chip_id);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		wr_ioapic_get(vm->irq.ioapic, &chip->chip.ioapic);
		return 0;
	}
	return -EINVAL;
}
WR_EXPORT_FOR_KUNIT(wr_irqchip_get);

/**
 * wr_irqchip_set - KVM_SET_IRQCHIP
 * @vm: the VM
 * @chip: which and its state
 *
 * Context: any.
 * Return: 0; -ENXIO the chips are not in the kernel, -EINVAL no such chip.
 */
int wr_irqchip_set(struct wr_vm *vm, const struct kvm_irqchip *chip)
{
	if (READ_ONCE(vm->irq.mode) != WR_IRQCHIP_KERNEL)
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		wr_pic_set(vm->irq.pic, &chip->chip.pic, chip->chip_id);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		wr_ioapic_set(vm->irq.ioapic, &chip->chip.ioapic);
		return 0;
	}
	return -EINVAL;
}
WR_EXPORT_FOR_KUNIT(wr_irqchip_set);

/**
 * wr_irq_init - a VM without any interrupt chip
 * @vm: new
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int wr_irq_init(struct wr_vm *vm)
{
	vm->irq.mode = WR_IRQCHIP_NONE;
	spin_lock_init(&vm->irq.irqfds_lock);
	INIT_LIST_HEAD(&vm->irq.irqfds);
	mutex_init(&vm->irq.resamplers_lock);
	INIT_LIST_HEAD(&vm->irq.resamplers);
	return init_srcu_struct(&vm->irq.srcu);
}
WR_EXPORT_FOR_KUNIT(wr_irq_init);

/**
 * wr_irq_exit - undo wr_irq_init() and everything that was made since
 * @vm: without running vCPUs; call it before the vCPUs go: until it returns, interrupts may still be delivered to vCPUs
 *
 * Takes the devices off the buses, as wr_bus_exit().
 *
 * Context: may sleep.
 */
void wr_irq_exit(struct wr_vm *vm)
{
	wr_irqfd_exit(vm);
	/* All devices at once, instead of a grace period for each. */
	wr_bus_exit(vm);
	wr_pit_destroy(vm);
	kvfree(rcu_replace_pointer(vm->irq.routes, NULL, true));
	wr_ioapic_destroy(vm);
	wr_pic_destroy(vm);
	cleanup_srcu_struct(&vm->irq.srcu);
}
WR_EXPORT_FOR_KUNIT(wr_irq_exit);
