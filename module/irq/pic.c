// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two cascaded 8259 interrupt controllers of a PC, with the ELCR of the PIIX.
 *
 * Edges are latched until they are acknowledged, also when the line falls before: an eventfd's
 * pulse has no width. The slave's output is the level of the master's pin 2.
 */
#include <linux/bitops.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../warren.h"
#include "chips.h"

#define PIC_CASCADE	2
#define PIC_SPURIOUS	7

#define PIC_MASTER_CMD	0x20
#define PIC_SLAVE_CMD	0xa0
#define PIC_ELCR	0x4d0

/*
 * Pins that can be level triggered: not the timer, the keyboard, the cascade, the RTC, the FPU
 * error.
 */
#define ELCR_MASTER	0xf8
#define ELCR_SLAVE	0xde

#define ICW1_INIT	BIT(4)
#define ICW1_SINGLE	BIT(1)
#define ICW1_ICW4	BIT(0)
#define ICW4_AEOI	BIT(1)
#define ICW4_SFNM	BIT(4)
#define OCW3		BIT(3)
#define OCW3_SMM_SET	BIT(6)
#define OCW3_SMM	BIT(5)
#define OCW3_POLL	BIT(2)
#define OCW3_READ_SET	BIT(1)
#define OCW3_READ_ISR	BIT(0)

/* kvm_pic_state.init_state: which initialization word comes next at the data port */
enum { EXPECT_NONE, EXPECT_ICW2, EXPECT_ICW3, EXPECT_ICW4 };

/* kvm_pic_state.init4 keeps ICW1's two low bits, so that it is non-zero when an ICW4 follows. */
#define INIT4_SINGLE	ICW1_SINGLE
#define INIT4_ICW4	ICW1_ICW4

/*
 * The bit of @mask with the highest priority, 8 when there is none; counted from the rotating top.
 */
static unsigned int pic_priority(const struct kvm_pic_state *s, u8 mask)
{
	unsigned int top = s->priority_add;

	if (!mask)
		return 8;
	return __ffs((mask | mask << 8) >> top & 0xff);
}

/* The pin that this chip asks to be served, or -1. */
static int pic_request(const struct kvm_pic_state *s, bool master)
{
	unsigned int wanted = pic_priority(s, s->irr & ~s->imr);
	u8 serving = s->isr;

	if (wanted == 8)
		return -1;
	/* Special mask mode: what is masked does not hold others back. */
	if (s->special_mask)
		serving &= ~s->imr;
	/* Special fully nested mode: the slave may interrupt its own lower priorities. */
	if (master && s->special_fully_nested_mode)
		serving &= ~BIT(PIC_CASCADE);
	if (pic_priority(s, serving) <= wanted)
		return -1;
	return (wanted + s->priority_add) & 7;
}

static void pic_update(struct wr_pic *pic)
{
	struct kvm_pic_state *master = &pic->chip[0];

	if (pic_request(&pic->chip[1], false) >= 0)
		master->irr |= BIT(PIC_CASCADE);
	else
		master->irr &= ~BIT(PIC_CASCADE);
	WRITE_ONCE(pic->output, pic_request(master, true) >= 0);
}

/* Make the vCPUs look that are wired to the PIC: normally the one that booted. */
static void pic_wake(struct wr_vm *vm)
{
	struct wr_vcpu *vcpu;
	unsigned long i;

	wr_for_each_vcpu(i, vcpu, vm) {
		if (!wr_lapic_accepts_extint(vcpu))
			continue;
		wr_vcpu_request(vcpu, WR_REQ_EVENT);
		wr_vcpu_kick(vcpu);
		return;
	}
}

/*
 * What happened under the lock and is told without it: the listeners set lines of this PIC again.
 */
struct pic_news {
	unsigned long acked, unmasked;	/* pins */
	bool wake;			/* a vCPU must be told of an output that is high */
};

static struct pic_news pic_take_news(struct wr_pic *pic, bool wake)
{
	struct pic_news news = {
		.acked = pic->acked,
		.unmasked = pic->unmasked,
		.wake = wake && pic->output,
	};

	lockdep_assert_held(&pic->lock);
	pic->acked = 0;
	pic->unmasked = 0;
	return news;
}

static void pic_tell(struct wr_pic *pic, const struct pic_news *news)
{
	unsigned int pin;

	if (!pic->vm || likely(!(news->acked | news->unmasked | news->wake)))
		return;
	for_each_set_bit(pin, &news->acked, WR_PIC_PINS)
		wr_irq_notify_ack(pic->vm, pin / 8, pin % 8);
	for_each_set_bit(pin, &news->unmasked, WR_PIC_PINS)
		wr_irq_notify_unmask(pic->vm, pin / 8, pin % 8);
	if (news->wake)
		pic_wake(pic->vm);
}

static unsigned int pic_index(const struct wr_pic *pic, const struct kvm_pic_state *s)
{
	return s - pic->chip;
}

static void pic_note_ack(struct wr_pic *pic, const struct kvm_pic_state *s, u8 mask)
{
	pic->acked |= mask << (8 * pic_index(pic, s));
}

/* The line of @pin has @level now. 0: already requested, -1: masked, otherwise 1. */
static int pic_line(struct kvm_pic_state *s, unsigned int pin, bool level)
{
	u8 bit = BIT(pin);
	bool again;

	if (!level) {
		if (s->elcr & bit)
			s->irr &= ~bit;
		s->last_irr &= ~bit;
		return 1;
	}
	again = s->irr & bit;
	if (s->elcr & bit || !(s->last_irr & bit))
		s->irr |= bit;
	s->last_irr |= bit;
	if (s->imr & bit)
		return -1;
	return !again;
}

/**
 * wr_pic_set_irq - set what one source drives a pin to
 * @pic: the pair
 * @pin: 0 to 15; 2 is the cascade, where nothing can be connected
 * @source: WR_IRQ_SOURCE_*
 * @level: non-zero for high
 *
 * Context: any, hard interrupts included.
 * Return: 1 when the request is new (or the line falls), 0 when it merged with one, -1 when masked.
 */
int wr_pic_set_irq(struct wr_pic *pic, u32 pin, int source, int level)
{
	unsigned long flags;
	struct pic_news news;
	bool before;
	int ret;

	if (pin == PIC_CASCADE)
		return -1;
	raw_spin_lock_irqsave(&pic->lock, flags);
	before = pic->output;
	level = wr_source_set(&pic->sources[pin], source, level);
	ret = pic_line(&pic->chip[pin / 8], pin % 8, level);
	pic_update(pic);
	news = pic_take_news(pic, !before);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	pic_tell(pic, &news);
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_pic_set_irq);

static void pic_in_service(struct wr_pic *pic, struct kvm_pic_state *s, unsigned int pin)
{
	u8 bit = BIT(pin);

	if (!(s->elcr & bit))
		s->irr &= ~bit;
	if (!s->auto_eoi) {
		s->isr |= bit;
		return;
	}
	if (s->rotate_on_auto_eoi)
		s->priority_add = (pin + 1) & 7;
	pic_note_ack(pic, s, bit);
}

/* One INTA sequence as the chip @s sees it: the pin served, or the spurious one. */
static unsigned int pic_inta(struct wr_pic *pic, struct kvm_pic_state *s)
{
	int pin = pic_request(s, s == pic->chip);

	if (pin < 0)
		return PIC_SPURIOUS;
	pic_in_service(pic, s, pin);
	return pin;
}

/**
 * wr_pic_take_vector - acknowledge: the INTA cycles of the CPU
 * @pic: the pair
 *
 * Context: any, hard interrupts included.
 * Return: the vector; that of the spurious interrupt when the request has gone.
 */
u8 wr_pic_take_vector(struct wr_pic *pic)
{
	struct kvm_pic_state *s = &pic->chip[0];
	unsigned long flags;
	struct pic_news news;
	unsigned int pin;
	u8 vector;

	raw_spin_lock_irqsave(&pic->lock, flags);
	pin = pic_inta(pic, s);
	if (pin == PIC_CASCADE) {
		s = &pic->chip[1];
		pin = pic_inta(pic, s);
	}
	vector = s->irq_base + pin;
	pic_update(pic);
	news = pic_take_news(pic, true);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	pic_tell(pic, &news);
	return vector;
}
WR_EXPORT_FOR_KUNIT(wr_pic_take_vector);

/**
 * wr_pic_ack - acknowledge the PIC's request for a vCPU that takes it
 * @vm: the VM
 *
 * Context: any. Call it only when the interrupt will be injected: it is in service from here on.
 * Return: the vector, -1 when the VM has no PIC.
 */
int wr_pic_ack(struct wr_vm *vm)
{
	struct wr_pic *pic = READ_ONCE(vm->irq.pic);

	return pic ? wr_pic_take_vector(pic) : -1;
}
WR_EXPORT_FOR_KUNIT(wr_pic_ack);

/**
 * wr_pic_pending - does the PIC ask for service?
 * @vm: the VM
 *
 * Context: any; takes no lock. The caller checks wr_lapic_accepts_extint().
 */
bool wr_pic_pending(const struct wr_vm *vm)
{
	const struct wr_pic *pic = READ_ONCE(vm->irq.pic);

	return pic && READ_ONCE(pic->output);
}
WR_EXPORT_FOR_KUNIT(wr_pic_pending);

static void pic_end(struct wr_pic *pic, struct kvm_pic_state *s, unsigned int pin)
{
	if (s->isr & BIT(pin))
		pic_note_ack(pic, s, BIT(pin));
	s->isr &= ~BIT(pin);
}

static void pic_icw1(struct wr_pic *pic, struct kvm_pic_state *s, u8 value)
{
	/* Who waits for an acknowledge of what is forgotten here must not wait for ever. */
	pic_note_ack(pic, s, s->isr | (s->irr & ~s->elcr));
	*s = (struct kvm_pic_state) {
		.irr = s->irr & s->elcr,
		.irq_base = s->irq_base,
		.elcr = s->elcr,
		.elcr_mask = s->elcr_mask,
		.init4 = value & (ICW1_SINGLE | ICW1_ICW4),
		.init_state = EXPECT_ICW2,
	};
}

static void pic_ocw2(struct wr_pic *pic, struct kvm_pic_state *s, u8 value)
{
	bool rotate = value & BIT(7), specific = value & BIT(6), eoi = value & BIT(5);
	unsigned int pin = value & 7, priority;

	if (!eoi) {
		if (!specific)
			s->rotate_on_auto_eoi = rotate;
		else if (rotate)
			s->priority_add = (pin + 1) & 7;
		return;
	}
	if (!specific) {
		priority = pic_priority(s, s->special_mask ? s->isr & ~s->imr : s->isr);
		if (priority == 8)
			return;
		pin = (priority + s->priority_add) & 7;
	}
	pic_end(pic, s, pin);
	if (rotate)
		s->priority_add = (pin + 1) & 7;
}

static void pic_ocw3(struct kvm_pic_state *s, u8 value)
{
	if (value & OCW3_POLL)
		s->poll = 1;
	if (value & OCW3_READ_SET)
		s->read_reg_select = value & OCW3_READ_ISR;
	if (value & OCW3_SMM_SET)
		s->special_mask = !!(value & OCW3_SMM);
}

static void pic_write_command(struct wr_pic *pic, struct kvm_pic_state *s, u8 value)
{
	if (value & ICW1_INIT)
		pic_icw1(pic, s, value);
	else if (value & OCW3)
		pic_ocw3(s, value);
	else
		pic_ocw2(pic, s, value);
}

static void pic_write_data(struct wr_pic *pic, struct kvm_pic_state *s, u8 value)
{
	switch (s->init_state) {
	case EXPECT_NONE:
		pic->unmasked |= (s->imr & (u8)~value) << (8 * pic_index(pic, s));
		s->imr = value;
		break;
	case EXPECT_ICW2:
		s->irq_base = value & 0xf8;
		if (!(s->init4 & INIT4_SINGLE))
			s->init_state = EXPECT_ICW3;
		else
			s->init_state = s->init4 & INIT4_ICW4 ? EXPECT_ICW4 : EXPECT_NONE;
		break;
	case EXPECT_ICW3:
		s->init_state = s->init4 & INIT4_ICW4 ? EXPECT_ICW4 : EXPECT_NONE;
		break;
	case EXPECT_ICW4:
		s->special_fully_nested_mode = !!(value & ICW4_SFNM);
		s->auto_eoi = !!(value & ICW4_AEOI);
		s->init_state = EXPECT_NONE;
		break;
	}
}

/* A poll is an INTA by software: bit 7 says whether there was a request, the low bits which. */
static u8 pic_poll(struct wr_pic *pic, struct kvm_pic_state *s)
{
	int pin = pic_request(s, s == pic->chip);

	s->poll = 0;
	if (pin < 0)
		return 0;
	pic_in_service(pic, s, pin);
	pic_update(pic);
	return BIT(7) | pin;
}

/**
 * wr_pic_port_read - IN of one byte
 * @pic: the pair
 * @port: 0x20, 0x21, 0xa0, 0xa1, 0x4d0 or 0x4d1
 *
 * Context: any.
 */
u8 wr_pic_port_read(struct wr_pic *pic, u16 port)
{
	struct kvm_pic_state *s;
	unsigned long flags;
	struct pic_news news;
	u8 value;

	raw_spin_lock_irqsave(&pic->lock, flags);
	if ((port & ~1) == PIC_ELCR) {
		value = pic->chip[port & 1].elcr;
	} else {
		s = &pic->chip[!!(port & 0x80)];
		if (unlikely(s->poll))
			value = pic_poll(pic, s);
		else if (port & 1)
			value = s->imr;
		else
			value = s->read_reg_select ? s->isr : s->irr;
	}
	news = pic_take_news(pic, false);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	pic_tell(pic, &news);
	return value;
}
WR_EXPORT_FOR_KUNIT(wr_pic_port_read);

/**
 * wr_pic_port_write - OUT of one byte
 * @pic: the pair
 * @port: 0x20, 0x21, 0xa0, 0xa1, 0x4d0 or 0x4d1
 * @value: the byte
 *
 * Context: any.
 */
void wr_pic_port_write(struct wr_pic *pic, u16 port, u8 value)
{
	struct kvm_pic_state *s;
	unsigned long flags;
	struct pic_news news;

	raw_spin_lock_irqsave(&pic->lock, flags);
	if ((port & ~1) == PIC_ELCR) {
		s = &pic->chip[port & 1];
		s->elcr = value & s->elcr_mask;
	} else {
		s = &pic->chip[!!(port & 0x80)];
		if (port & 1)
			pic_write_data(pic, s, value);
		else
			pic_write_command(pic, s, value);
	}
	pic_update(pic);
	news = pic_take_news(pic, true);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	pic_tell(pic, &news);
}
WR_EXPORT_FOR_KUNIT(wr_pic_port_write);

static int pic_io_read(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len, void *data)
{
	struct wr_pic *pic = container_of(dev, struct wr_pic, dev);
	u8 *bytes = data;
	u32 i;

	for (i = 0; i < len; i++)
		bytes[i] = wr_pic_port_read(pic, addr + i);
	return 0;
}

static int pic_io_write(struct wr_vcpu *vcpu, struct wr_io_dev *dev, u64 addr, u32 len,
			const void *data)
{
	struct wr_pic *pic = container_of(dev, struct wr_pic, dev);
	const u8 *bytes = data;
	u32 i;

	for (i = 0; i < len; i++)
		wr_pic_port_write(pic, addr + i, bytes[i]);
	return 0;
}

static const struct wr_io_ops pic_io_ops = {
	.read = pic_io_read,
	.write = pic_io_write,
};

/**
 * wr_pic_init - the state after power-on
 * @pic: zeroed
 * @vm: whose it is, NULL in tests of the model
 */
void wr_pic_init(struct wr_pic *pic, struct wr_vm *vm)
{
	raw_spin_lock_init(&pic->lock);
	pic->chip[0].elcr_mask = ELCR_MASTER;
	pic->chip[1].elcr_mask = ELCR_SLAVE;
	pic->dev.ops = &pic_io_ops;
	pic->vm = vm;
}
WR_EXPORT_FOR_KUNIT(wr_pic_init);

/**
 * wr_pic_create - make the PIC of a VM and put it on the port bus
 * @vm: the VM
 *
 * Context: vm->lock held, may sleep.
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int wr_pic_create(struct wr_vm *vm)
{
	static const u16 ports[] = { PIC_MASTER_CMD, PIC_SLAVE_CMD, PIC_ELCR };
	struct wr_pic *pic;
	unsigned int i;
	int ret;

	pic = kzalloc(sizeof(*pic), GFP_KERNEL_ACCOUNT);
	if (!pic)
		return -ENOMEM;
	wr_pic_init(pic, vm);
	WRITE_ONCE(vm->irq.pic, pic);
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		ret = wr_bus_register(vm, WR_BUS_PIO, &pic->dev, ports[i], 2);
		if (ret) {
			wr_pic_destroy(vm);
			return ret;
		}
	}
	return 0;
}

/**
 * wr_pic_destroy - undo wr_pic_create()
 * @vm: the VM; without a PIC nothing is done
 *
 * Context: vm->lock held or the last user, may sleep. Nobody may set its lines any more.
 */
void wr_pic_destroy(struct wr_vm *vm)
{
	struct wr_pic *pic = vm->irq.pic;

	if (!pic)
		return;
	wr_bus_unregister(vm, WR_BUS_PIO, &pic->dev);
	WRITE_ONCE(vm->irq.pic, NULL);
	kfree(pic);
}

/**
 * wr_pic_get - KVM_GET_IRQCHIP for one of the two chips
 * @pic: the pair
 * @state: out
 * @slave: which
 *
 * Context: any.
 */
void wr_pic_get(struct wr_pic *pic, struct kvm_pic_state *state, bool slave)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&pic->lock, flags);
	*state = pic->chip[slave];
	raw_spin_unlock_irqrestore(&pic->lock, flags);
}
WR_EXPORT_FOR_KUNIT(wr_pic_get);

/**
 * wr_pic_set - KVM_SET_IRQCHIP for one of the two chips
 * @pic: the pair
 * @state: any bytes; what cannot be is made to fit
 * @slave: which
 *
 * Context: any.
 */
void wr_pic_set(struct wr_pic *pic, const struct kvm_pic_state *state, bool slave)
{
	struct kvm_pic_state new = *state;
	unsigned long flags;
	struct pic_news news;

	new.elcr_mask = slave ? ELCR_SLAVE : ELCR_MASTER;
	new.elcr &= new.elcr_mask;
	new.priority_add &= 7;
	new.irq_base &= 0xf8;
	new.init_state &= 3;
	raw_spin_lock_irqsave(&pic->lock, flags);
	pic->chip[slave] = new;
	pic_update(pic);
	news = pic_take_news(pic, true);
	raw_spin_unlock_irqrestore(&pic->lock, flags);
	pic_tell(pic, &news);
}
WR_EXPORT_FOR_KUNIT(wr_pic_set);
