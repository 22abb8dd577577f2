// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOAPIC: 24 pins, version 0x11, at its usual place.
 *
 * state.irr holds the lines that are high. A level pin delivers while its line is high and its
 * remote IRR clear; an edge pin delivers when its line rises, and an edge that comes while the pin
 * is masked is lost, as in hardware.
 */
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../warren.h"
#include "chips.h"

#define IOAPIC_BASE	0xfec00000
#define IOAPIC_LENGTH	0x100
#define IOAPIC_VERSION	0x11

#define IOAPIC_SELECT	0x00
#define IOAPIC_WINDOW	0x10

#define REG_ID		0
#define REG_VERSION	1
#define REG_ARBITRATION	2
#define REG_TABLE	0x10

/* Of the low half of an entry: not the delivery status and the remote IRR. */
#define ENTRY_LOW_WRITABLE	0x0001afffu
#define ENTRY_HIGH_WRITABLE	0xff000000u

/* As long as a guest that never gets to its handler's end is given to do something else. */
#define STORM_DELAY	(HZ / 100)

/* An entry of the redirection table; its union has no name. */
#define IOAPIC_ENTRY	typeof(((struct kvm_ioapic_state *)NULL)->redirtbl[0])

static_assert(sizeof(IOAPIC_ENTRY) == 8);
static_assert(WR_IOAPIC_PINS <= 32);

static bool pin_is_level(const struct wr_ioapic *ioapic, unsigned int pin)
{
	return ioapic->state.redirtbl[pin].fields.trig_mode;
}

static void ioapic_update_vectors(struct wr_ioapic *ioapic)
{
	DECLARE_BITMAP(new, 256) = {};
	unsigned int pin;

	/* Masked pins too: what was delivered before must find its pin at the EOI. */
	for (pin = 0; pin < WR_IOAPIC_PINS; pin++)
		__set_bit(ioapic->state.redirtbl[pin].fields.vector, new);
	bitmap_copy(ioapic->vectors, new, 256);
}

static int ioapic_deliver(struct wr_ioapic *ioapic, const struct wr_lapic_msg *msg)
{
	return wr_lapic_deliver(ioapic->vm, NULL, msg);
}

/*
 * Send the message of a pin. -1: masked, 0: it merged with one on its way, otherwise how many took
 * it.
 */
static int ioapic_fire(struct wr_ioapic *ioapic, unsigned int pin)
{
	IOAPIC_ENTRY *entry = &ioapic->state.redirtbl[pin];
	bool level = pin_is_level(ioapic, pin);
	struct wr_lapic_msg msg;
	int ret;

	lockdep_assert_held(&ioapic->lock);
	if (entry->fields.mask)
		return -1;
	if (level && entry->fields.remote_irr)
		return 0;
	msg = (struct wr_lapic_msg) {
		.dest = entry->fields.dest_id,
		.vector = entry->fields.vector,
		.delivery_mode = entry->fields.delivery_mode,
		.logical = entry->fields.dest_mode,
		.level = level,
		.assert = true,
		/* Acknowledge notifiers hear of edges, too. */
		.wants_eoi = true,
	};
	ret = ioapic->deliver(ioapic, &msg);
	if (level && ret > 0)
		entry->fields.remote_irr = 1;
	if (!level)
		ioapic->delivered |= BIT(pin);
	return ret;
}

/**
 * wr_ioapic_set_irq - set what one source drives a pin to
 * @ioapic: the IOAPIC
 * @pin: 0 to 23
 * @source: WR_IRQ_SOURCE_*
 * @level: non-zero for high; the polarity bit is not looked at, high means active
 *
 * Context: any, hard interrupts included.
 * Return: the number of local APICs that took it, 0 when it merged with one on its way, -1 when
 * masked; 1 for a line that falls.
 */
int wr_ioapic_set_irq(struct wr_ioapic *ioapic, u32 pin, int source, int level)
{
	unsigned long flags;
	bool was_high;
	int ret = 1;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	was_high = ioapic->state.irr & BIT(pin);
	if (!wr_source_set(&ioapic->sources[pin], source, level)) {
		ioapic->state.irr &= ~BIT(pin);
		ioapic->delivered &= ~BIT(pin);
	} else {
		ioapic->state.irr |= BIT(pin);
		if (was_high && !pin_is_level(ioapic, pin))
			ret = ioapic->state.redirtbl[pin].fields.mask ? -1 : 0;
		else
			ret = ioapic_fire(ioapic, pin);
	}
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_set_irq);

/* A level line that is high and may deliver: now? */
static void ioapic_refire(struct wr_ioapic *ioapic, unsigned int pin)
{
	if (pin_is_level(ioapic, pin) && ioapic->state.irr & BIT(pin))
		ioapic_fire(ioapic, pin);
}

/*
 * The guest finished with a level pin. A line that is high again delivers again at once; but when
 * this went on for very long the guest cannot get the device to let go, and needs time for
 * whatever would.
 */
static void ioapic_end_level(struct wr_ioapic *ioapic, unsigned int pin)
{
	IOAPIC_ENTRY *entry = &ioapic->state.redirtbl[pin];

	if (!pin_is_level(ioapic, pin))
		return;
	entry->fields.remote_irr = 0;
	if (entry->fields.mask || !(ioapic->state.irr & BIT(pin))) {
		ioapic->eois[pin] = 0;
		return;
	}
	if (++ioapic->eois[pin] < WR_IOAPIC_MAX_EOIS) {
		ioapic_fire(ioapic, pin);
		return;
	}
	ioapic->eois[pin] = 0;
	schedule_delayed_work(&ioapic->storm, STORM_DELAY);
}

static void ioapic_storm_work(struct work_struct *work)
{
	struct wr_ioapic *ioapic = container_of(work, struct wr_ioapic, storm.work);
	unsigned long flags;
	unsigned int pin;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	for (pin = 0; pin < WR_IOAPIC_PINS; pin++)
		ioapic_refire(ioapic, pin);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}

/* The pins whose entry has @vector. */
static unsigned long ioapic_pins_of(const struct wr_ioapic *ioapic, u8 vector)
{
	unsigned long pins = 0;
	unsigned int pin;

	for (pin = 0; pin < WR_IOAPIC_PINS; pin++)
		if (ioapic->state.redirtbl[pin].fields.vector == vector)
			pins |= BIT(pin);
	return pins;
}

/**
 * wr_ioapic_eoi_vector - a local APIC finished with a vector
 * @ioapic: the IOAPIC
 * @vector: which
 * @level: it was level triggered (TMR), and the local APIC broadcasts its EOI
 *
 * Context: any.
 */
void wr_ioapic_eoi_vector(struct wr_ioapic *ioapic, u8 vector, bool level)
{
	unsigned long flags, pins;
	unsigned int pin;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	pins = ioapic_pins_of(ioapic, vector);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);

	/* First those who hold a line until it is acknowledged: they set lines of this IOAPIC. */
	if (ioapic->vm)
		for_each_set_bit(pin, &pins, WR_IOAPIC_PINS)
			wr_irq_notify_ack(ioapic->vm, KVM_IRQCHIP_IOAPIC, pin);
	if (!level)
		return;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	pins &= ioapic_pins_of(ioapic, vector);
	for_each_set_bit(pin, &pins, WR_IOAPIC_PINS)
		ioapic_end_level(ioapic, pin);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_eoi_vector);

/**
 * wr_ioapic_eoi - a local APIC of the VM finished with a vector; call it for edges as well
 * @vm: the VM
 * @vector: which
 * @level: it was level triggered (TMR), and the local APIC broadcasts its EOI
 *
 * Edges are acknowledged too, for the PIT. Cheap when no pin has the vector.
 * Context: any.
 */
void wr_ioapic_eoi(struct wr_vm *vm, u8 vector, bool level)
{
	struct wr_ioapic *ioapic = READ_ONCE(vm->irq.ioapic);

	if (ioapic && test_bit(vector, ioapic->vectors))
		wr_ioapic_eoi_vector(ioapic, vector, level);
}

static u32 ioapic_read_register(const struct wr_ioapic *ioapic)
{
	u32 reg = ioapic->state.ioregsel & 0xff;
	u64 entry;

	switch (reg) {
	case REG_ID:
	case REG_ARBITRATION:
		return (ioapic->state.id & 0xf) << 24;
	case REG_VERSION:
		return IOAPIC_VERSION | (WR_IOAPIC_PINS - 1) << 16;
	}
	if (reg < REG_TABLE || reg >= REG_TABLE + 2 * WR_IOAPIC_PINS)
		return 0;
	entry = ioapic->state.redirtbl[array_index_nospec((reg - REG_TABLE) / 2, WR_IOAPIC_PINS)].bits;
	return reg & 1 ? entry >> 32 : entry;
}

/* Returns whether the pin was unmasked. */
static bool ioapic_write_entry(struct wr_ioapic *ioapic, unsigned int pin, bool high, u32 value)
{
	IOAPIC_ENTRY *entry = &ioapic->state.redirtbl[pin], old = *entry;

	if (high) {
		entry->bits = (u32)old.bits | (u64)(value & ENTRY_HIGH_WRITABLE) << 32;
	} else {
		entry->bits = (old.bits & ~(u64)ENTRY_LOW_WRITABLE) | (value & ENTRY_LOW_WRITABLE);
		/*
		 * Guests without an EOI register clear a stuck remote IRR by turning the pin to
		 * edge.
		 */
		if (!pin_is_level(ioapic, pin))
			entry->fields.remote_irr = 0;
		ioapic_update_vectors(ioapic);
	}
	ioapic_refire(ioapic, pin);
	return old.fields.mask && !entry->fields.mask;
}

/* Returns the pin that was unmasked, or -1. */
static int ioapic_write_register(struct wr_ioapic *ioapic, u32 value)
{
	u32 reg = ioapic->state.ioregsel & 0xff;
	unsigned int pin = (reg - REG_TABLE) / 2;

	if (reg == REG_ID)
		ioapic->state.id = value >> 24 & 0xf;
	if (reg < REG_TABLE || pin >= WR_IOAPIC_PINS)
		return -1;
	pin = array_index_nospec(pin, WR_IOAPIC_PINS);
	return ioapic_write_entry(ioapic, pin, reg & 1, value) ? pin : -1;
}

/**
 * wr_ioapic_reg_read - read a 32-bit register
 * @ioapic: the IOAPIC
 * @offset: from its base
 *
 * Context: any.
 */
u32 wr_ioapic_reg_read(struct wr_ioapic *ioapic, u32 offset)
{
	unsigned long flags;
	u32 value = 0;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	if (offset == IOAPIC_SELECT)
		value = ioapic->state.ioregsel;
	else if (offset == IOAPIC_WINDOW)
		value = ioapic_read_register(ioapic);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	return value;
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_reg_read);

/**
 * wr_ioapic_reg_write - write a 32-bit register
 * @ioapic: the IOAPIC
 * @offset: from its base
 * @value: what
 *
 * Context: any.
 */
void wr_ioapic_reg_write(struct wr_ioapic *ioapic, u32 offset, u32 value)
{
	unsigned long flags;
	int unmasked = -1;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	if (offset == IOAPIC_SELECT)
		ioapic->state.ioregsel = value & 0xff;
	else if (offset == IOAPIC_WINDOW)
		unmasked = ioapic_write_register(ioapic, value);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
	if (unmasked >= 0 && ioapic->vm)
		wr_irq_notify_unmask(ioapic->vm, KVM_IRQCHIP_IOAPIC, unmasked);
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_reg_write);

static int ioapic_io_read(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			  void *data)
{
	struct wr_ioapic *ioapic = container_of(dev, struct wr_ioapic, dev);
	u32 value = wr_ioapic_reg_read(ioapic, addr - IOAPIC_BASE);

	memset(data, 0, len);
	memcpy(data, &value, min_t(u32, len, sizeof(value)));
	return 0;
}

static int ioapic_io_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			   const void *data)
{
	struct wr_ioapic *ioapic = container_of(dev, struct wr_ioapic, dev);
	u32 value = 0;

	memcpy(&value, data, min_t(u32, len, sizeof(value)));
	wr_ioapic_reg_write(ioapic, addr - IOAPIC_BASE, value);
	return 0;
}

static const struct wr_io_ops ioapic_io_ops = {
	.read = ioapic_io_read,
	.write = ioapic_io_write,
};

/**
 * wr_ioapic_init - the state after power-on: all pins masked
 * @ioapic: zeroed
 * @vm: whose it is; NULL in tests of the model, which set deliver() then
 */
void wr_ioapic_init(struct wr_ioapic *ioapic, struct wr_vm *vm)
{
	unsigned int pin;

	raw_spin_lock_init(&ioapic->lock);
	INIT_DELAYED_WORK(&ioapic->storm, ioapic_storm_work);
	ioapic->state.base_address = IOAPIC_BASE;
	for (pin = 0; pin < WR_IOAPIC_PINS; pin++)
		ioapic->state.redirtbl[pin].fields.mask = 1;
	ioapic->deliver = ioapic_deliver;
	ioapic->dev.ops = &ioapic_io_ops;
	ioapic->vm = vm;
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_init);

/**
 * wr_ioapic_create - make the IOAPIC of a VM and put it on the MMIO bus
 * @vm: the VM
 *
 * Context: vm->lock held, may sleep.
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int wr_ioapic_create(struct wr_vm *vm)
{
	struct wr_ioapic *ioapic;
	int ret;

	ioapic = kzalloc(sizeof(*ioapic), GFP_KERNEL_ACCOUNT);
	if (!ioapic)
		return -ENOMEM;
	wr_ioapic_init(ioapic, vm);
	ret = wr_bus_register(vm, WR_BUS_MMIO, &ioapic->dev, IOAPIC_BASE, IOAPIC_LENGTH);
	if (ret) {
		kfree(ioapic);
		return ret;
	}
	WRITE_ONCE(vm->irq.ioapic, ioapic);
	return 0;
}

/**
 * wr_ioapic_destroy - undo wr_ioapic_create()
 * @vm: the VM; without an IOAPIC nothing is done
 *
 * Context: vm->lock held or the last user, may sleep. Nobody may set its lines any more.
 */
void wr_ioapic_destroy(struct wr_vm *vm)
{
	struct wr_ioapic *ioapic = vm->irq.ioapic;

	if (!ioapic)
		return;
	wr_bus_unregister(vm, WR_BUS_MMIO, &ioapic->dev);
	WRITE_ONCE(vm->irq.ioapic, NULL);
	cancel_delayed_work_sync(&ioapic->storm);
	kfree(ioapic);
}

/**
 * wr_ioapic_get - KVM_GET_IRQCHIP
 * @ioapic: the IOAPIC
 * @state: out; irr has the level lines that are high and the edges not yet delivered
 *
 * Context: any.
 */
void wr_ioapic_get(struct wr_ioapic *ioapic, struct kvm_ioapic_state *state)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	*state = ioapic->state;
	state->irr &= ~ioapic->delivered;
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_get);

/**
 * wr_ioapic_set - KVM_SET_IRQCHIP
 * @ioapic: the IOAPIC
 * @state: any bytes; what cannot be is made to fit. What irr asks for is delivered.
 *
 * Context: any.
 */
void wr_ioapic_set(struct wr_ioapic *ioapic, const struct kvm_ioapic_state *state)
{
	unsigned long flags, pins;
	unsigned int pin;

	raw_spin_lock_irqsave(&ioapic->lock, flags);
	ioapic->state = *state;
	ioapic->state.base_address = IOAPIC_BASE;
	ioapic->state.pad = 0;
	ioapic->state.ioregsel &= 0xff;
	ioapic->state.irr &= BIT(WR_IOAPIC_PINS) - 1;
	ioapic->delivered = 0;
	memset(ioapic->eois, 0, sizeof(ioapic->eois));
	ioapic_update_vectors(ioapic);
	pins = ioapic->state.irr;
	for_each_set_bit(pin, &pins, WR_IOAPIC_PINS)
		ioapic_fire(ioapic, pin);
	raw_spin_unlock_irqrestore(&ioapic->lock, flags);
}
WR_EXPORT_FOR_KUNIT(wr_ioapic_set);
