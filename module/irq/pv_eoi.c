// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends of interrupts without an exit, where no hardware assists: a bit in the guest's memory says that the interrupt in service
 * may be ended by clearing it, which is only so while nothing waits behind it and nobody has to hear of its end.
 *
 * Nobody looks at the bit after each exit. What the guest did matters only when the local APIC is looked at for another
 * interrupt, or by userspace: then wr_pv_eoi_sync() brings it up to date, and takes the permission back. An interrupt that arrives
 * meanwhile makes the guest exit, and so is such a look.
 */
#include <linux/errno.h>
#include <linux/kvm_para.h>

#include "../pv.h"
#include "chips.h"
#include "lapic.h"

static u64 bit_gpa(const struct wr_vcpu *vcpu)
{
	return vcpu->pv.eoi_msr & ~(u64)KVM_MSR_ENABLED;
}

/* Does the IOAPIC have to hear of a vector's end? Userspace's may have any. */
static bool sender_waits(const struct wr_lapic *lapic, u8 vector)
{
	const struct wr_ioapic *ioapic = READ_ONCE(lapic->vcpu->vm->irq.ioapic);

	return !ioapic || test_bit(vector, ioapic->vectors) || wr_lapic_test_vector(lapic, APIC_TMR, vector);
}

/**
 * wr_pv_eoi_arm - an interrupt was injected: let the guest end it without an exit, if it can
 * @vcpu: about to enter; the guest asked for it by MSR_KVM_PV_EOI_EN
 *
 * Context: interrupts off.
 */
void wr_pv_eoi_arm(struct wr_vcpu *vcpu)
{
	struct wr_lapic *lapic = vcpu->lapic;
	u8 bit = KVM_PV_EOI_ENABLED;

	if (!lapic || vcpu->lapic_assist || lapic->isr_count != 1)
		return;
	if (wr_lapic_maybe_pending(lapic) || sender_waits(lapic, lapic->isr_highest))
		return;
	/* Where its page is not at hand now the guest ends the interrupt as ever. */
	vcpu->pv.eoi_armed = !wr_gpa_write(vcpu->vm, bit_gpa(vcpu), &bit, sizeof(bit));
}

/**
 * wr_pv_eoi_sync - has the guest ended the interrupt? From now on it has to exit for that
 * @vcpu: the vCPU; its thread calls
 *
 * Return: 0, or -EAGAIN where nothing may sleep and the page is not at hand: call again outside the stay.
 * Context: any.
 */
int wr_pv_eoi_sync(struct wr_vcpu *vcpu)
{
	u8 old = KVM_PV_EOI_ENABLED, none = 0;
	int r, tries = 0;

	if (!vcpu->pv.eoi_armed)
		return 0;
	/* No other vCPU has business with this byte: interrupts may be off, and none shall keep us here. */
	do {
		r = wr_gpa_cmpxchg(vcpu->vm, bit_gpa(vcpu), &old, &none, sizeof(old));
	} while (r == 1 && (old & KVM_PV_EOI_ENABLED) && ++tries < WR_PV_MAX_TRIES);
	if (r == -EAGAIN)
		return r;
	vcpu->pv.eoi_armed = false;
	/* Cleared, or gone with its page, and an interrupt that never ends would block all others. */
	if (r)
		wr_lapic_write_reg(vcpu->lapic, APIC_EOI, 0);
	return 0;
}

/**
 * wr_pv_eoi_end - the guest wants no more of this: as wr_pv_eoi_sync(), but what cannot be read now counts as gone
 * @vcpu: the vCPU; its thread calls
 */
void wr_pv_eoi_end(struct wr_vcpu *vcpu)
{
	if (!wr_pv_eoi_sync(vcpu))
		return;
	vcpu->pv.eoi_armed = false;
	wr_lapic_write_reg(vcpu->lapic, APIC_EOI, 0);
}
