/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC, as its own files see it: lapic.c (registers), lapic_ids.c (ids and destinations), lapic_ipi.c (messages),
 * lapic_timer.c, lapic_assist.c. irq.h is the door for all others; the run loop may use wr_lapic_maybe_pending()
 * from here.
 *
 * Who writes what:
 *
 *   IRR, TMR, errors, events    anybody, in any context, by atomic bit operations
 *   everything else             the vCPU's own thread; others read single words with READ_ONCE()
 *
 * Where the hardware assists (wr_vcpu.lapic_assist) others write "arrived" or "posted" instead of IRR, and the vCPU's
 * thread moves it on.
 */
#ifndef WARREN_IRQ_LAPIC_H
#define WARREN_IRQ_LAPIC_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/hrtimer.h>
#include <linux/nospec.h>
#include <linux/types.h>
#include <asm/apicdef.h>

#include "../warren.h"

#define WR_X2APIC_BROADCAST	U32_MAX
#define WR_XAPIC_BROADCAST	0xff

/* Bits of IA32_APIC_BASE; the address is above them. */
#define WR_APIC_BASE_BSP	BIT_ULL(8)
#define WR_APIC_BASE_X2APIC	BIT_ULL(10)
#define WR_APIC_BASE_ENABLE	BIT_ULL(11)
#define WR_APIC_BASE_MODE	(WR_APIC_BASE_X2APIC | WR_APIC_BASE_ENABLE)

/* LVTT bits that choose the timer's mode; one-shot is 0. */
#define WR_LVTT_MODE		(APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSCDEADLINE)

/* struct wr_lapic_state.events */
#define WR_LAPIC_INIT		0
#define WR_LAPIC_SIPI		1

/*
 * struct wr_lapic_state - what a snapshot must hold besides the register page
 *
 * Plain: it may be copied whole while the vCPU stands still.
 */
struct wr_lapic_state {
	unsigned long errors;	/* ESR bits that the next write of ESR shows */
	unsigned long events;	/* INIT and SIPI that the vCPU has not acted on */
	u64 tsc_deadline;	/* IA32_TSC_DEADLINE as last written; 0: disarmed */
	u8 sipi_vector;		/* written before SIPI is set in @events */
	u8 eoi_vector;		/* of the EOI that WR_REQ_EOI_EXIT tells userspace */
};

/*
 * struct wr_lapic_timer - the hrtimer behind the three timer modes
 *
 * One count of the timer is as many ns as the divide configuration says: the bus clock is 1 GHz.
 */
struct wr_lapic_timer {
	struct hrtimer hrtimer;
	u64 period;		/* ns that TMICT stands for; 0: stopped, or TSC deadline mode */
};

struct wr_lapic {
	struct wr_vcpu *vcpu;
	void *regs;		/* one page as the architecture has it: a u32 each 16 bytes */
	bool irr_pending;	/* false: IRR is empty, see wr_lapic_pending() */
	int isr_highest;	/* vector in service, -1: none; not kept where the hardware assists */
	int isr_count;		/* bits set in ISR; likewise */
	DECLARE_BITMAP(arrived, 256);	/* interrupts on their way to IRR; only where the hardware assists */
	unsigned long *posted;		/* [I] likewise, 256 bits that the hardware takes while the guest runs; NULL: it does not */
	DECLARE_BITMAP(eoi_exit, 256);	/* vectors whose sender must hear of the EOI; likewise */
	struct wr_lapic_state state;
	struct wr_lapic_timer timer;
};

/**
 * wr_lapic_maybe_pending - quick look before wr_lapic_pending()
 * @lapic: local APIC or NULL
 *
 * Return: false when IRR is empty for sure.
 */
static inline bool wr_lapic_maybe_pending(const struct wr_lapic *lapic)
{
	return lapic && READ_ONCE(lapic->irr_pending);
}

static inline u32 wr_lapic_reg(const struct wr_lapic *lapic, u32 offset)
{
	return READ_ONCE(*(const u32 *)(lapic->regs + offset));
}

static inline void wr_lapic_set_reg(struct wr_lapic *lapic, u32 offset, u32 value)
{
	WRITE_ONCE(*(u32 *)(lapic->regs + offset), value);
}

/* IRR, ISR and TMR: 256 bits, 32 of them at the start of each 16 bytes. */
static inline unsigned long *wr_lapic_word(const struct wr_lapic *lapic, u32 bitmap, u8 vector)
{
	return lapic->regs + bitmap + (vector >> 5) * 0x10;
}

static inline bool wr_lapic_test_vector(const struct wr_lapic *lapic, u32 bitmap, u8 vector)
{
	return test_bit(vector & 31, wr_lapic_word(lapic, bitmap, vector));
}

static inline bool wr_lapic_hw_enabled(const struct wr_lapic *lapic)
{
	return READ_ONCE(lapic->vcpu->apic_base) & WR_APIC_BASE_ENABLE;
}

static inline bool wr_lapic_x2apic(const struct wr_lapic *lapic)
{
	return (READ_ONCE(lapic->vcpu->apic_base) & WR_APIC_BASE_MODE) == WR_APIC_BASE_MODE;
}

static inline bool wr_lapic_sw_enabled(const struct wr_lapic *lapic)
{
	return wr_lapic_reg(lapic, APIC_SPIV) & APIC_SPIV_APIC_ENABLED;
}

/* lapic.c */
int wr_lapic_highest(const struct wr_lapic *lapic, u32 bitmap);
void wr_lapic_write_reg(struct wr_lapic *lapic, u32 offset, u32 value);
void wr_lapic_broadcast_eoi(struct wr_lapic *lapic, u8 vector);

/* lapic_assist.c */
int wr_lapic_arrive(struct wr_lapic *lapic, u8 vector, bool wants_eoi);
void wr_lapic_collect_some(struct wr_lapic *lapic);

/* Any of 256 bits? */
static inline bool wr_lapic_any(const unsigned long *word)
{
	BUILD_BUG_ON(BITS_TO_LONGS(256) != 4);
	return READ_ONCE(word[0]) | READ_ONCE(word[1]) | READ_ONCE(word[2]) | READ_ONCE(word[3]);
}

/**
 * wr_lapic_collect - what has arrived goes to IRR
 * @lapic: local APIC; nothing happens where no hardware assists
 *
 * Context: vCPU's thread, interrupts may be off.
 */
static inline void wr_lapic_collect(struct wr_lapic *lapic)
{
	if (unlikely(wr_lapic_any(lapic->arrived) || (lapic->posted && wr_lapic_any(lapic->posted))))
		wr_lapic_collect_some(lapic);
}

/* struct wr_lapic_msg.shorthand */
#define WR_SHORTHAND_SELF	1
#define WR_SHORTHAND_ALL	2
#define WR_SHORTHAND_OTHERS	3

/*
 * struct wr_lapic_ids - vCPUs by APIC id
 *
 * An APIC id is its vCPU's id for ever, and vCPUs that went online live as long as the VM: so nothing is ever taken out. A larger
 * table with the same entries replaces this one when an id does not fit.
 */
struct wr_lapic_ids {
	struct wr_lapic_ids *outgrown;	/* [I] somebody may still look at it */
	u32 nr;				/* [I] */
	struct wr_vcpu *vcpu[];		/* [L] to write, [A] to read; NULL: nobody has that id */
};

/* struct wr_lapic_targets - a walk over those whom a message is meant for */
struct wr_lapic_targets {
	struct wr_vm *vm;
	const struct wr_vcpu *source;
	const struct wr_lapic_msg *msg;
	bool narrow;		/* the sender names its destinations with 8 bits */
	bool spelled;		/* candidates are members of an x2APIC cluster, else all vCPUs */
	u32 next, end;		/* candidates not looked at */
};

/* lapic_ids.c */
int wr_lapic_ids_reserve(struct wr_vm *vm, u32 id);
void wr_lapic_show_ids(struct wr_lapic *lapic);
int wr_lapic_id_shift(const struct wr_lapic *lapic);

/**
 * wr_lapic_by_id - the local APIC with a given id
 * @vm: the VM
 * @id: any number
 *
 * Return: it, or NULL. Context: any.
 */
static inline struct wr_lapic *wr_lapic_by_id(struct wr_vm *vm, u32 id)
{
	struct wr_lapic_ids *ids = READ_ONCE(vm->irq.ids);
	struct wr_vcpu *vcpu;

	if (unlikely(!ids || id >= ids->nr))
		return NULL;
	id = array_index_nospec(id, ids->nr);
	vcpu = READ_ONCE(ids->vcpu[id]);
	return likely(vcpu) ? vcpu->lapic : NULL;
}

struct wr_lapic_targets wr_lapic_targets(struct wr_vm *vm, const struct wr_vcpu *source, const struct wr_lapic_msg *msg);
struct wr_lapic *wr_lapic_next_target(struct wr_lapic_targets *targets);

/* lapic_ipi.c */
int wr_lapic_set_irr(struct wr_lapic *lapic, u8 vector, bool level, bool wants_eoi);
void wr_lapic_local(struct wr_lapic *lapic, u32 lvt);
void wr_lapic_error(struct wr_lapic *lapic, u32 error);
void wr_lapic_write_icr(struct wr_lapic *lapic, u32 icr, u32 dest);

/* lapic_timer.c */
void wr_lapic_timer_init(struct wr_lapic *lapic);
void wr_lapic_timer_stop(struct wr_lapic *lapic);
void wr_lapic_timer_start(struct wr_lapic *lapic);
void wr_lapic_timer_restore(struct wr_lapic *lapic, u32 count);
void wr_lapic_timer_set_mode(struct wr_lapic *lapic, u32 lvtt);
void wr_lapic_timer_set_divide(struct wr_lapic *lapic, u32 tdcr);
u32 wr_lapic_timer_count(const struct wr_lapic *lapic);

#endif
