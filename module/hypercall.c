// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCALL and VMMCALL: the number is in RAX, arguments in RBX, RCX, RDX and RSI, the result goes to
 * RAX.
 */
#include <linux/kvm_para.h>
#include <asm/apicdef.h>

#include "hypercall.h"
#include "state.h"
#include "trace.h"
#include "warren.h"

/* Send to the CPUs of a bit map whose bit 0 is APIC id @min. Returns how many took it. */
static int send_to_map(struct wr_vcpu *vcpu, struct wr_lapic_msg *msg, unsigned long map, u64 min)
{
	unsigned long bit;
	int sent = 0;

	for_each_set_bit(bit, &map, BITS_PER_LONG) {
		/* Beyond are no CPUs, and 255 would be all of them. */
		if (min + bit >= WR_MAX_VCPU_IDS)
			break;
		msg->dest = min + bit;
		sent += wr_lapic_deliver(vcpu->vm, vcpu, msg) > 0;
	}
	return sent;
}

/*
 * KVM_HC_SEND_IPI: one exit instead of one per target
 * @map: low and high half of the bit map
 * @min: APIC id of its first bit
 * @icr: vector and delivery mode
 * @bits: of a half: 64, or 32 outside long mode
 */
static long send_ipi(struct wr_vcpu *vcpu, const unsigned long *map, u64 min, u64 icr, int bits)
{
	struct wr_lapic_msg msg = {
		.vector = icr & APIC_VECTOR_MASK,
		.delivery_mode = (icr & APIC_MODE_MASK) >> 8,
		.assert = true,
	};
	int sent;

	if (!wr_has_lapic(vcpu))
		return -KVM_ENOSYS;
	if (icr & ~(u64)(APIC_VECTOR_MASK | APIC_MODE_MASK | APIC_INT_ASSERT))
		return -KVM_EINVAL;
	if ((icr & APIC_MODE_MASK) != APIC_DM_FIXED && (icr & APIC_MODE_MASK) != APIC_DM_NMI)
		return -KVM_EINVAL;
	if ((icr & APIC_MODE_MASK) == APIC_DM_FIXED && msg.vector < 16)
		return -KVM_EINVAL;
	if (min >= WR_MAX_VCPU_IDS)
		return -KVM_EINVAL;
	sent = send_to_map(vcpu, &msg, map[0], min);
	return sent + send_to_map(vcpu, &msg, map[1], min + bits);
}

static long dispatch(struct wr_vcpu *vcpu, u64 mask, int bits)
{
	unsigned long map[2] = {
		wr_reg_read(vcpu, WR_RBX) & mask,
		wr_reg_read(vcpu, WR_RCX) & mask,
	};

	switch (wr_reg_read(vcpu, WR_RAX) & mask) {
	case KVM_HC_VAPIC_POLL_IRQ:
		/* The exit itself was what the guest wanted. */
		return 0;
	case KVM_HC_SEND_IPI:
		return send_ipi(vcpu, map, wr_reg_read(vcpu, WR_RDX) & mask,
				wr_reg_read(vcpu, WR_RSI) & mask, bits);
	case KVM_HC_CLOCK_PAIRING:
		return -KVM_EOPNOTSUPP;
	default:
		return -KVM_ENOSYS;
	}
}

/**
 * wr_hypercall - act on VMCALL or VMMCALL
 * @vcpu: the vCPU; its thread calls
 *
 * The caller skips the instruction. Only the guest's kernel is served.
 *
 * Return: WR_RUN_RESUME. Context: in a stay; does not sleep.
 */
enum wr_run_result wr_hypercall(struct wr_vcpu *vcpu)
{
	bool wide = wr_is_64bit_mode(vcpu);
	u64 mask = wide ? U64_MAX : U32_MAX;
	long ret = -KVM_EPERM;

	if (!wr_backend->get_cpl(vcpu))
		ret = dispatch(vcpu, mask, wide ? 64 : 32);
	trace_warren_hypercall(vcpu, wr_reg_read(vcpu, WR_RAX) & mask, ret);
	wr_reg_write(vcpu, WR_RAX, (u64)ret & mask);
	return WR_RUN_RESUME;
}
