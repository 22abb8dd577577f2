// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC where hardware does part of its work (struct wr_lapic_assist): how interrupts get to it, and what comes back.
 *
 *   sender                                vCPU's thread
 *   1 wr_lapic.eoi_exit, TMR, arrived     A take WR_REQ_EVENT
 *   2 wr_vcpu_request()                   B "arrived" to IRR
 *   3 wr_vcpu_kick()                      C tell the hardware of IRR, ISR and eoi_exit, enter
 *
 * Whoever runs B without C makes the request himself: so C follows before the guest runs on.
 *
 * Hardware may take interrupts from "posted" while the guest runs. Senders put them there instead of into "arrived", and 3 is
 * wr_vcpu_kick_posted(): no exit, and the request waits for the next one. The hardware knows nothing of what B has moved, so
 * without B's own request it could be told of an interrupt that it does not find. What wants its EOI stays in "arrived":
 * delivered before C, it would end unheard.
 */
#include <linux/bitmap.h>

#include "compat.h"
#include "lapic.h"

/**
 * wr_lapic_page - the registers, as the hardware is to see them
 * @vcpu: the vCPU, with an in-kernel local APIC
 */
void *wr_lapic_page(const struct wr_vcpu *vcpu)
{
	return vcpu->lapic->regs;
}

/**
 * wr_lapic_post_to - the hardware takes interrupts by itself while the guest runs
 * @vcpu: the vCPU, which nobody else knows yet, with an in-kernel local APIC
 * @posted: 256 bits, where it finds them; wr_vcpu_kick_posted() makes it look
 */
void wr_lapic_post_to(struct wr_vcpu *vcpu, unsigned long *posted)
{
	vcpu->lapic->posted = posted;
}
WR_EXPORT_FOR_KUNIT(wr_lapic_post_to);

/**
 * wr_lapic_arrive - an interrupt for a local APIC whose registers may be in the hardware's hands
 * @lapic: local APIC that takes it
 * @vector: 16 to 255; TMR is up to date
 * @wants_eoi: its sender must hear of the EOI
 *
 * Return: 1, or 0 if that vector was pending already.
 * Context: any.
 */
int wr_lapic_arrive(struct wr_lapic *lapic, u8 vector, bool wants_eoi)
{
	bool known = wr_lapic_test_vector(lapic, APIC_IRR, vector);
	bool post = lapic->posted && !wants_eoi;

	if (test_bit(vector, lapic->eoi_exit) != wants_eoi)
		assign_bit(vector, lapic->eoi_exit, wants_eoi);
	/* Even when it is in IRR already: the hardware may be about to take it from there. */
	if (test_and_set_bit(vector, post ? lapic->posted : lapic->arrived))
		return 0;
	wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
	if (post)
		wr_vcpu_kick_posted(lapic->vcpu);
	else
		wr_vcpu_kick(lapic->vcpu);
	return !known;
}

static void move_to_irr(struct wr_lapic *lapic, unsigned long *from)
{
	unsigned long word, bit;
	int i;

	for (i = 0; i < BITS_TO_LONGS(256); i++) {
		if (!READ_ONCE(from[i]))
			continue;
		word = xchg(&from[i], 0);
		for_each_set_bit(bit, &word, BITS_PER_LONG) {
			u8 vector = i * BITS_PER_LONG + bit;

			__set_bit(vector & 31, wr_lapic_word(lapic, APIC_IRR, vector));
		}
	}
}

static void collect(struct wr_lapic *lapic)
{
	move_to_irr(lapic, lapic->arrived);
	if (lapic->posted)
		move_to_irr(lapic, lapic->posted);
}

/**
 * wr_lapic_collect_some - wr_lapic_collect() when something has arrived
 * @lapic: as there
 */
void wr_lapic_collect_some(struct wr_lapic *lapic)
{
	collect(lapic);
	wr_vcpu_request(lapic->vcpu, WR_REQ_EVENT);
}

/**
 * wr_lapic_sync - bring the hardware up to date before an entry
 * @vcpu: the vCPU, whose local APIC has an assist; WR_REQ_EVENT was taken before
 * @hold: deliver nothing for now
 *
 * Context: in a stay, interrupts off.
 */
void wr_lapic_sync(struct wr_vcpu *vcpu, bool hold)
{
	struct wr_lapic *lapic = vcpu->lapic;
	int irr = -1, isr;

	collect(lapic);
	if (!hold && wr_lapic_hw_enabled(lapic))
		irr = wr_lapic_highest(lapic, APIC_IRR);
	isr = wr_lapic_highest(lapic, APIC_ISR);
	vcpu->lapic_assist->sync(vcpu, max(irr, 0), max(isr, 0), lapic->eoi_exit);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_sync);

/**
 * wr_lapic_eoi_done - the hardware has ended an interrupt whose sender must hear of it
 * @vcpu: the vCPU
 * @vector: no longer in service
 *
 * Context: vCPU's thread.
 */
void wr_lapic_eoi_done(struct wr_vcpu *vcpu, u8 vector)
{
	wr_lapic_broadcast_eoi(vcpu->lapic, vector);
}
WR_EXPORT_FOR_KUNIT(wr_lapic_eoi_done);

/**
 * wr_lapic_written - the hardware has put what the guest wrote into the page: now act on it
 * @vcpu: the vCPU
 * @offset: of the register, a multiple of 16
 *
 * Context: vCPU's thread.
 */
void wr_lapic_written(struct wr_vcpu *vcpu, u32 offset)
{
	wr_lapic_write_reg(vcpu->lapic, offset, wr_lapic_reg(vcpu->lapic, offset));
}
WR_EXPORT_FOR_KUNIT(wr_lapic_written);
