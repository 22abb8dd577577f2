// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to local APICs: what arrives there (lapic_ids.c: who is meant). Also what a local APIC sends to
 * itself (LVT, errors) and what the vCPU does about INIT and SIPI.
 *
 * How an interrupt reaches a vCPU that does not know of it:
 *
 *   sender                              vCPU's thread
 *   1 set bit in IRR, irr_pending       A mode = WR_IN_GUEST, or: into rcuwait
 *   2 wr_vcpu_request()                 B full barrier
 *   3 wr_vcpu_kick(): full barrier,     C look at requests and wr_lapic_pending(),
 *     look at mode and rcuwait            then enter the guest, or sleep
 *
 * Steps 1 and 2 are locked instructions: either C sees them, or 3 sees A and interrupts the guest
 * or wakes the thread. Nothing here takes a lock or sleeps: timers and eventfd wake-ups call it
 * with interrupts off.
 */
#include <linux/rcupdate.h>

#include "compat.h"
#include "lapic.h"

/* What struct wr_lapic_msg.delivery_mode may be */
#define MODE_FIXED	(APIC_DM_FIXED >> 8)
#define MODE_LOWEST	(APIC_DM_LOWEST >> 8)
#define MODE_NMI	(APIC_DM_NMI >> 8)
#define MODE_INIT	(APIC_DM_INIT >> 8)
#define MODE_STARTUP	(APIC_DM_STARTUP >> 8)

/* Vectors below are the CPU's exceptions: no interrupt may use them. */
#define FIRST_VECTOR	16

/**
 * wr_lapic_set_irr - an interrupt has arrived
 * @lapic: local APIC that takes it
 * @vector: 16 to 255
 * @level: level triggered
 * @wants_eoi: its sender must hear of the EOI, even of an edge
 *
 * Return: 1, or 0 if that vector was pending already.
 * Context: any.
 */
int wr_lapic_set_irr(struct wr_lapic *lapic, u8 vector, bool level, bool wants_eoi)
{
	/* TMR before IRR: the EOI must find how the interrupt came. Seldom does it change, and two senders may find that it does. */
	if (wr_lapic_test_vector(lapic, APIC_TMR, vector) != level)
		assign_bit(vector & 31, wr_lapic_word(lapic, APIC_TMR, vector), level);

	if (lapic->vcpu->lapic_assist)
		return wr_lapic_arrive(lapic, vector, level || wants_eoi);
	/* Who set the bit first kicks. */
	if (test_and_set_bit(vector & 31, wr_lapic_word(lapic, APIC_IRR, vector)))
		return 0;
	WRITE_ONCE(lapic->irr_pending, true);
	wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
	wr_vcpu_kick(lapic->vcpu);
	return 1;
}

/* An interrupt message with a vector, from outside or from the LVT */
static int take_vector(struct wr_lapic *lapic, u8 vector, bool level, bool wants_eoi)
{
	if (vector < FIRST_VECTOR) {
		wr_lapic_error(lapic, APIC_ESR_RECVILL);
		return 0;
	}
	return wr_lapic_set_irr(lapic, vector, level, wants_eoi);
}

/**
 * wr_lapic_local - a local interrupt source fires
 * @lapic: local APIC
 * @lvt: offset of its LVT entry
 *
 * Context: any.
 */
void wr_lapic_local(struct wr_lapic *lapic, u32 lvt)
{
	u32 entry = wr_lapic_reg(lapic, lvt);

	if ((entry & APIC_LVT_MASKED) || !wr_lapic_hw_enabled(lapic))
		return;
	switch (entry & APIC_MODE_MASK) {
	case APIC_DM_FIXED:
		take_vector(lapic, entry & APIC_VECTOR_MASK, false, false);
		break;
	case APIC_DM_NMI:
		wr_event_nmi(lapic->vcpu);
		break;
	}
}

/**
 * wr_lapic_error - record an error and tell the guest
 * @lapic: local APIC
 * @error: one bit of ESR
 *
 * The error interrupt comes once per kind of error until the guest writes ESR; so an illegal
 * vector in the error's own LVT entry ends here, too.
 * Context: any.
 */
void wr_lapic_error(struct wr_lapic *lapic, u32 error)
{
	if (!test_and_set_bit(__ffs(error), &lapic->state.errors))
		wr_lapic_local(lapic, APIC_LVTERR);
}

static int take_fixed(struct wr_lapic *lapic, const struct wr_lapic_msg *msg)
{
	/* The falling edge of a level-triggered interrupt says nothing new. */
	if (!wr_lapic_sw_enabled(lapic) || (msg->level && !msg->assert))
		return 0;
	return take_vector(lapic, msg->vector, msg->level, msg->wants_eoi);
}

static int take_init(struct wr_lapic *lapic, const struct wr_lapic_msg *msg)
{
	/* INIT de-assert synchronised arbitration ids long ago. */
	if (msg->level && !msg->assert)
		return 0;
	/* A SIPI that came before is void. */
	clear_bit(WR_LAPIC_SIPI, &lapic->state.events);
	set_bit(WR_LAPIC_INIT, &lapic->state.events);
	wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
	wr_vcpu_kick(lapic->vcpu);
	return 1;
}

static int take_sipi(struct wr_lapic *lapic, const struct wr_lapic_msg *msg)
{
	WRITE_ONCE(lapic->state.sipi_vector, msg->vector);
	/* Pairs with the barrier in wr_lapic_take_events(): the vector first. */
	smp_mb__before_atomic();
	set_bit(WR_LAPIC_SIPI, &lapic->state.events);
	wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
	wr_vcpu_kick(lapic->vcpu);
	return 1;
}

/**
 * wr_lapic_accepts_extint - does the PIC's output reach this vCPU?
 * @vcpu: the vCPU
 *
 * Return: true when LINT0 is open for ExtINT, or the APIC is off and its pins are the CPU's.
 * Context: any.
 */
bool wr_lapic_accepts_extint(const struct wr_vcpu *vcpu)
{
	u32 lint0;

	if (!wr_lapic_enabled(vcpu))
		return true;
	lint0 = wr_lapic_reg(vcpu->lapic, APIC_LVT0);
	return (lint0 & (APIC_LVT_MASKED | APIC_MODE_MASK)) == APIC_DM_EXTINT;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_accepts_extint);

/* A message reaches one local APIC: number of new interrupts, or -1 if it is switched off. */
static int take(struct wr_lapic *lapic, const struct wr_lapic_msg *msg)
{
	if (!wr_lapic_hw_enabled(lapic))
		return -1;
	switch (msg->delivery_mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		return take_fixed(lapic, msg);
	case MODE_NMI:
		wr_event_nmi(lapic->vcpu);
		return 1;
	case MODE_INIT:
		return take_init(lapic, msg);
	case MODE_STARTUP:
		return take_sipi(lapic, msg);
	}
	/* No SMM, no remote read; ExtINT reaches the vCPU by wr_lapic_accepts_extint(). */
	return 0;
}

/*
 * Lowest priority: hardware may choose by any rule. By vector: each interrupt stays on one vCPU
 * and its cache, and several interrupts spread. Those whose APIC is disabled by software do not
 * take part.
 */
static struct wr_lapic *next_enabled(struct wr_lapic_targets *targets)
{
	struct wr_lapic *lapic;

	do {
		lapic = wr_lapic_next_target(targets);
	} while (lapic && !wr_lapic_sw_enabled(lapic));
	return lapic;
}

static int deliver_to_one(struct wr_vm *vm, const struct wr_vcpu *source, const struct wr_lapic_msg *msg)
{
	struct wr_lapic_targets targets = wr_lapic_targets(vm, source, msg);
	struct wr_lapic *lapic, *chosen = NULL;
	unsigned int nr = 0, skip;

	while (next_enabled(&targets))
		nr++;
	if (!nr)
		return -1;
	targets = wr_lapic_targets(vm, source, msg);
	/* There may be fewer than a moment ago: then it is the last one. */
	for (skip = msg->vector % nr; (lapic = next_enabled(&targets)); skip--) {
		chosen = lapic;
		if (!skip)
			break;
	}
	return chosen ? take(chosen, msg) : -1;
}

static int deliver_many(struct wr_vm *vm, const struct wr_vcpu *source, const struct wr_lapic_msg *msg)
{
	struct wr_lapic_targets targets;
	struct wr_lapic *lapic;
	int result = -1, taken;

	if (msg->delivery_mode == MODE_LOWEST || msg->redirection_hint)
		return deliver_to_one(vm, source, msg);
	targets = wr_lapic_targets(vm, source, msg);
	while ((lapic = wr_lapic_next_target(&targets))) {
		taken = take(lapic, msg);
		if (taken >= 0)
			result = max(result, 0) + taken;
	}
	return result;
}

/**
 * wr_lapic_deliver_to_id - send a message to the one local APIC with an id
 * @vm: the VM
 * @id: 255 is an id like others here
 * @msg: content
 *
 * Return: as wr_lapic_deliver(). Context: any; neither locks nor sleeps.
 */
int wr_lapic_deliver_to_id(struct wr_vm *vm, u32 id, const struct wr_lapic_msg *msg)
{
	struct wr_lapic *lapic = wr_lapic_by_id(vm, id);

	return lapic ? take(lapic, msg) : -1;
}

/**
 * wr_lapic_deliver - send a message to local APICs
 * @vm: the VM
 * @source: vCPU that sends an IPI; NULL for the IOAPIC and MSIs
 * @msg: destination and content; shorthands need a @source
 *
 * Return: how many APICs took a new interrupt; 0 when all who are meant have it pending already
 * or are disabled by software; -1 when nobody is meant.
 * Context: any; neither locks nor sleeps.
 */
int wr_lapic_deliver(struct wr_vm *vm, struct wr_vcpu *source, const struct wr_lapic_msg *msg)
{
	if (msg->shorthand == WR_SHORTHAND_SELF)
		return take(source->lapic, msg);
	if (msg->shorthand || msg->logical || msg->dest == WR_X2APIC_BROADCAST)
		return deliver_many(vm, source, msg);
	if (msg->dest == WR_XAPIC_BROADCAST && !(source && wr_lapic_x2apic(source->lapic)))
		return deliver_many(vm, source, msg);
	/* The common case: one destination, known by its id. */
	return wr_lapic_deliver_to_id(vm, msg->dest, msg);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_deliver);

/**
 * wr_lapic_write_icr - send an IPI
 * @lapic: local APIC that sends
 * @icr: low half of ICR
 * @dest: destination: all 32 bits of the high half in x2APIC mode, its upper 8 in xAPIC mode
 *
 * Context: vCPU's thread, interrupts may be off.
 */
void wr_lapic_write_icr(struct wr_lapic *lapic, u32 icr, u32 dest)
{
	bool init = (icr & APIC_MODE_MASK) == APIC_DM_INIT;
	struct wr_lapic_msg msg = {
		.dest = dest,
		.vector = icr & APIC_VECTOR_MASK,
		.delivery_mode = GET_APIC_DELIVERY_MODE(icr),
		.logical = icr & APIC_DEST_LOGICAL,
		/* All IPIs are edges; only for INIT do these bits mean something. */
		.level = init && (icr & APIC_INT_LEVELTRIG),
		.assert = !init || (icr & APIC_INT_ASSERT),
		.shorthand = (icr & APIC_DEST_ALLBUT) / APIC_DEST_SELF,
	};

	if (msg.delivery_mode <= MODE_LOWEST && msg.vector < FIRST_VECTOR) {
		wr_lapic_error(lapic, APIC_ESR_SENDILL);
		return;
	}
	wr_lapic_deliver(lapic->vcpu->vm, lapic->vcpu, &msg);
}

/**
 * wr_lapic_has_events - is there an INIT or a SIPI to act on?
 * @vcpu: the vCPU
 *
 * Return: true when wr_lapic_take_events() has something to do, be it to drop a second SIPI. One
 * that comes before any INIT does not count: nobody can make a sleeping vCPU look around by it.
 */
bool wr_lapic_has_events(const struct wr_vcpu *vcpu)
{
	unsigned long events = vcpu->lapic ? READ_ONCE(vcpu->lapic->state.events) : 0;

	if (likely(!events))
		return false;
	return (events & BIT(WR_LAPIC_INIT)) ||
	       READ_ONCE(vcpu->mp_state) != KVM_MP_STATE_UNINITIALIZED;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_has_events);

/**
 * wr_lapic_take_events - act on INIT and SIPI
 * @vcpu: the vCPU
 *
 * INIT resets the vCPU; the boot CPU goes on at the reset vector, others wait for a SIPI. A SIPI
 * that finds its vCPU not waiting is dropped.
 * Context: vCPU's thread, outside a stay.
 */
void wr_lapic_take_events(struct wr_vcpu *vcpu)
{
	struct wr_lapic *lapic = vcpu->lapic;

	if (!lapic || likely(!READ_ONCE(lapic->state.events)))
		return;
	if (test_and_clear_bit(WR_LAPIC_INIT, &lapic->state.events)) {
		wr_vcpu_reset(vcpu, true);
		WRITE_ONCE(vcpu->mp_state, vcpu->id == vcpu->vm->bsp_id ?
			   KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED);
	}
	/* Fully ordered: the vector that was written before the bit is seen after it. */
	if (test_and_clear_bit(WR_LAPIC_SIPI, &lapic->state.events) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		wr_vcpu_sipi(vcpu, READ_ONCE(lapic->state.sipi_vector));
}
WR_EXPORT_FOR_KUNIT(wr_lapic_take_events);

/**
 * wr_lapic_eoi_vector - whose EOI is it that WR_REQ_EOI_EXIT tells?
 * @vcpu: the vCPU
 *
 * Context: vCPU's thread, after taking that request and before the next entry.
 */
u8 wr_lapic_eoi_vector(const struct wr_vcpu *vcpu)
{
	return vcpu->lapic->state.eoi_vector;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_eoi_vector);

/**
 * wr_lapic_set_sipi_vector - KVM_SET_VCPU_EVENTS with a SIPI vector
 * @vcpu: the vCPU; nothing happens without an in-kernel local APIC
 * @vector: page number where it is to start
 */
void wr_lapic_set_sipi_vector(struct wr_vcpu *vcpu, u8 vector)
{
	if (vcpu->lapic)
		WRITE_ONCE(vcpu->lapic->state.sipi_vector, vector);
}

/**
 * wr_lapic_post_sipi - KVM_SET_MP_STATE with KVM_MP_STATE_SIPI_RECEIVED
 * @vcpu: the vCPU, in KVM_MP_STATE_INIT_RECEIVED
 *
 * It starts at the vector last set.
 */
void wr_lapic_post_sipi(struct wr_vcpu *vcpu)
{
	if (!vcpu->lapic)
		return;
	set_bit(WR_LAPIC_SIPI, &vcpu->lapic->state.events);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
}
