// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMCALL and VMMCALL: the number is in RAX, arguments in RBX, RCX, RDX and RSI, the result goes to
 * RAX.
 */
#include <linux/kvm_para.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched/stat.h>
#include <asm/apicdef.h>

#include "compat.h"
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
		/* Beyond are no CPUs. */
		if (min + bit >= WR_MAX_VCPU_IDS)
			break;
		sent += wr_lapic_deliver_to_id(vcpu->vm, min + bit, msg) > 0;
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

/* Userspace, or the guest itself, may name any number. */
static struct wr_vcpu *by_apic_id(struct wr_vcpu *vcpu, u64 id)
{
	return id < WR_MAX_VCPU_IDS ? wr_vcpu_by_id(vcpu->vm, id) : NULL;
}

/* This vCPU has nothing to do until the other has run: give it the time, when the stay is over. */
static void yield_later(struct wr_vcpu *vcpu, const struct wr_vcpu *target)
{
	if (!target || target == vcpu || single_task_running())
		return;
	vcpu->pv.yield_to = target->id + 1;
	vcpu->yield = true;
}

static long kick_cpu(struct wr_vcpu *vcpu, u64 id)
{
	struct wr_vcpu *target = by_apic_id(vcpu, id);

	if (target)
		wr_pv_unhalt(target);
	yield_later(vcpu, target);
	return 0;
}

static long sched_yield_to(struct wr_vcpu *vcpu, u64 id)
{
	yield_later(vcpu, by_apic_id(vcpu, id));
	return 0;
}

/* KVM_HC_CLOCK_PAIRING: may sleep */
static long clock_pairing(struct wr_vcpu *vcpu, u64 gpa, u64 type)
{
	struct kvm_clock_pairing pair = {};
	u64 real;
	u32 ns;

	if (type != KVM_CLOCK_PAIRING_WALLCLOCK || !wr_clock_pair(vcpu, &real, &pair.tsc))
		return -KVM_EOPNOTSUPP;
	pair.sec = div_u64_rem(real, NSEC_PER_SEC, &ns);
	pair.nsec = ns;
	return wr_gpa_write(vcpu->vm, gpa, &pair, sizeof(pair)) ? -KVM_EFAULT : 0;
}

/* struct call - what the guest's registers say, in its mode's width */
struct call {
	u64 nr, arg[4];
	bool wide;
};

static void read_call(struct wr_vcpu *vcpu, struct call *call)
{
	static const u8 regs[] = { WR_RBX, WR_RCX, WR_RDX, WR_RSI };
	u64 mask;
	int i;

	call->wide = wr_is_64bit_mode(vcpu);
	mask = call->wide ? U64_MAX : U32_MAX;
	call->nr = wr_reg_read(vcpu, WR_RAX) & mask;
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		call->arg[i] = wr_reg_read(vcpu, regs[i]) & mask;
}

static bool range_valid(u64 gpa, u64 npages)
{
	return !offset_in_page(gpa) && npages && (gpa >> PAGE_SHIFT) + npages > gpa >> PAGE_SHIFT;
}

static bool user_serves(const struct wr_vcpu *vcpu, u64 nr)
{
	return nr < 64 && (READ_ONCE(vcpu->vm->exit_hypercalls) & BIT_ULL(nr));
}

static long dispatch(struct wr_vcpu *vcpu, const struct call *call)
{
	const u64 *arg = call->arg;
	unsigned long map[2] = { arg[0], arg[1] };

	switch (call->nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		/* The exit itself was what the guest wanted. */
		return 0;
	case KVM_HC_KICK_CPU:
		return wr_pv_has(vcpu, KVM_FEATURE_PV_UNHALT) ? kick_cpu(vcpu, arg[1]) : -KVM_ENOSYS;
	case KVM_HC_SCHED_YIELD:
		return wr_pv_has(vcpu, KVM_FEATURE_PV_SCHED_YIELD) ? sched_yield_to(vcpu, arg[0]) : -KVM_ENOSYS;
	case KVM_HC_SEND_IPI:
		if (!wr_pv_has(vcpu, KVM_FEATURE_PV_SEND_IPI))
			return -KVM_ENOSYS;
		return send_ipi(vcpu, map, arg[2], arg[3], call->wide ? 64 : 32);
	case KVM_HC_CLOCK_PAIRING:
		return clock_pairing(vcpu, arg[0], arg[1]);
	case KVM_HC_MAP_GPA_RANGE:
		/* A good range went to userspace. */
		return user_serves(vcpu, call->nr) ? -KVM_EINVAL : -KVM_ENOSYS;
	default:
		return -KVM_ENOSYS;
	}
}

/**
 * wr_hypercall_begin - before the instruction is stepped over: who serves the call, and where?
 * @vcpu: the vCPU; its thread calls
 *
 * Return: WR_RUN_RESUME: wr_hypercall() can be called here; WR_RUN_SLEEPABLE: it has to be where it may sleep; WR_RUN_USER:
 * userspace serves it, and then wr_hypercall_complete().
 */
enum wr_run_result wr_hypercall_begin(struct wr_vcpu *vcpu)
{
	u32 nr = wr_reg_read(vcpu, WR_RAX);
	struct kvm_run *run = vcpu->run;
	struct call call;

	if (likely(nr != KVM_HC_CLOCK_PAIRING && nr != KVM_HC_MAP_GPA_RANGE))
		return WR_RUN_RESUME;
	if (vcpu->in_stay)
		return WR_RUN_SLEEPABLE;
	read_call(vcpu, &call);
	if (call.nr != KVM_HC_MAP_GPA_RANGE || !user_serves(vcpu, call.nr) || wr_backend->get_cpl(vcpu) ||
	    !range_valid(call.arg[0], call.arg[1]))
		return WR_RUN_RESUME;
	vcpu->pv.in_user = true;
	vcpu->pv.hypercall_rip = vcpu->rip;
	vcpu->run_error = 0;
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = call.nr;
	/* Success, for who does not say. */
	run->hypercall.ret = 0;
	memcpy(run->hypercall.args, call.arg, 3 * sizeof(call.arg[0]));
	wr_set_hypercall_mode(run, call.wide);
	return WR_RUN_USER;
}

static void finish(struct wr_vcpu *vcpu, bool wide, u64 nr, long ret)
{
	trace_warren_hypercall(vcpu, nr, ret);
	wr_reg_write(vcpu, WR_RAX, wide ? (u64)ret : (u32)ret);
}

/**
 * wr_hypercall_complete - userspace has served a hypercall
 * @vcpu: the vCPU; its thread calls
 *
 * Return: is it to be stepped over? Not when userspace has set another RIP: what is in RAX is not the call's then.
 */
bool wr_hypercall_complete(struct wr_vcpu *vcpu)
{
	vcpu->pv.in_user = false;
	if (vcpu->rip != vcpu->pv.hypercall_rip)
		return false;
	finish(vcpu, wr_is_64bit_mode(vcpu), KVM_HC_MAP_GPA_RANGE, READ_ONCE(vcpu->run->hypercall.ret));
	return true;
}

/**
 * wr_hypercall - act on VMCALL or VMMCALL
 * @vcpu: the vCPU; its thread calls
 *
 * The caller skips the instruction. Only the guest's kernel is served.
 *
 * Return: WR_RUN_RESUME, or WR_RUN_LEAVE when another vCPU is to run now. Context: in a stay, where it does not sleep, but for what
 * wr_hypercall_begin() sent out of it.
 */
enum wr_run_result wr_hypercall(struct wr_vcpu *vcpu)
{
	long ret = -KVM_EPERM;
	struct call call;

	read_call(vcpu, &call);
	if (!wr_backend->get_cpl(vcpu))
		ret = dispatch(vcpu, &call);
	finish(vcpu, call.wide, call.nr, ret);
	return vcpu->pv.yield_to ? WR_RUN_LEAVE : WR_RUN_RESUME;
}
