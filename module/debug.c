// SPDX-License-Identifier: GPL-2.0-only
/*
 * A debugger in userspace: what of the debug registers, #DB and #BP is its own, and what is the guest's.
 */
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>

#include "debug.h"
#include "insn.h"
#include "state.h"

#define DR6_WRITABLE	WR_DR6_CAUSES
#define DR7_WRITABLE	0xffff2bffULL
#define DR7_GD		BIT(13)		/* general detect: trap accesses to debug registers */

/* #BP is raised with RIP at the INT3, as KVM has it: what is pushed is the address after. */
static int inject(struct wr_vcpu *vcpu, u32 control)
{
	const struct wr_exception *ex = &vcpu->event.exception;

	if (ex->pending || ex->injected)
		return -EBUSY;
	wr_event_exception(vcpu, control & KVM_GUESTDBG_INJECT_DB ? X86_TRAP_DB : X86_TRAP_BP);
	return 0;
}

/* Is an instruction under way that userspace has to finish? */
static bool owes_access(const struct wr_vcpu *vcpu)
{
	return vcpu->pio.pending || vcpu->mmio.read_pending || vcpu->mmio.nr_writes;
}

/**
 * wr_debug_set - KVM_SET_GUEST_DEBUG
 * @vcpu: its vCPU, in an ioctl
 * @in: from userspace; padding is not looked at, since VMMs leave it as it was on their stack
 *
 * Return: 0; -EINVAL for unknown flags or a DR7 that does not fit 32 bits; -EBUSY when an exception is to be injected while
 * another one is waiting. Nothing has changed then.
 */
int wr_debug_set(struct wr_vcpu *vcpu, const struct kvm_guest_debug *in)
{
	struct wr_debug *debug = &vcpu->debug;
	u32 control = in->control;
	int err;

	if (control & ~WR_DEBUG_FLAGS)
		return -EINVAL;
	if (control & KVM_GUESTDBG_USE_HW_BP && in->arch.debugreg[7] >> 32)
		return -EINVAL;
	if (control & (KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP)) {
		err = inject(vcpu, control);
		if (err)
			return err;
	}
	debug->control = control & KVM_GUESTDBG_ENABLE ? control : 0;
	if (debug->control & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(debug->dr, in->arch.debugreg, sizeof(debug->dr));
		debug->dr7 = (in->arch.debugreg[7] & DR7_WRITABLE) | WR_DR7_FIXED;
	}
	/* A step that ended and was not told is history; one that userspace has to finish is not. */
	if (!wr_debug_steps(vcpu) || !owes_access(vcpu))
		clear_bit(WR_REQ_DEBUG, &vcpu->requests);
	wr_backend->set_dr7(vcpu);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

static enum wr_run_result report(struct wr_vcpu *vcpu, u8 vector, u64 causes)
{
	u64 pc = vcpu->rip;
	struct wr_code code;

	if (!wr_is_64bit_mode(vcpu)) {
		wr_backend->get_code(vcpu, &code);
		pc = (u32)(code.base + pc);
	}
	/* Whatever ended the step, this is its end. */
	clear_bit(WR_REQ_DEBUG, &vcpu->requests);
	vcpu->run->debug.arch = (struct kvm_debug_exit_arch) {
		.exception = vector, .pc = pc, .dr6 = DR6_RESERVED | causes, .dr7 = wr_debug_dr7(vcpu),
	};
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	vcpu->run_error = 0;
	return WR_RUN_USER;
}

/**
 * wr_debug_stepped - a step has ended: tell before the next entry
 * @vcpu: on its own thread
 *
 * The instruction may still owe an access to userspace: that comes before.
 */
void wr_debug_stepped(struct wr_vcpu *vcpu)
{
	if (wr_debug_steps(vcpu))
		wr_vcpu_request(vcpu, WR_REQ_DEBUG);
}

/**
 * wr_exit_step - tell the debugger of a step that has ended
 * @vcpu: on its own thread, WR_REQ_DEBUG taken
 */
enum wr_run_result wr_exit_step(struct wr_vcpu *vcpu)
{
	return report(vcpu, X86_TRAP_DB, WR_DR6_BS);
}

/**
 * wr_exit_db - #DB: the debugger's, the guest's, or both
 * @vcpu: see exit.h
 * @causes: WR_DR6_*, those of this exception alone; vcpu->dr6 is as the guest had it
 * @guest_tf: the guest itself had RFLAGS.TF set when the instruction began: a step is its own
 * @our_tf: the vendor had it set, to step: a step is the debugger's, if there is one
 */
enum wr_run_result wr_exit_db(struct wr_vcpu *vcpu, u64 causes, bool guest_tf, bool our_tf)
{
	u64 guest = causes & ~WR_DR6_BS, debugger = 0;

	if (vcpu->debug.control & KVM_GUESTDBG_USE_HW_BP) {
		debugger = guest & (WR_DR6_BP | WR_DR6_BD);
		guest &= ~debugger;
	}
	if (our_tf && wr_debug_steps(vcpu))
		debugger |= causes & WR_DR6_BS;
	if (guest_tf)
		guest |= causes & WR_DR6_BS;
	/* No cause at all: ICEBP */
	if (guest || !causes)
		wr_event_debug(vcpu, guest);
	return debugger ? report(vcpu, X86_TRAP_DB, debugger) : WR_RUN_RESUME;
}

/**
 * wr_exit_bp - #BP, RIP at the INT3
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_bp(struct wr_vcpu *vcpu)
{
	if (vcpu->debug.control & KVM_GUESTDBG_USE_SW_BP)
		return report(vcpu, X86_TRAP_BP, 0);
	wr_event_exception(vcpu, X86_TRAP_BP);
	return WR_RUN_RESUME;
}

static u64 read_dr(const struct wr_vcpu *vcpu, u8 dr)
{
	if (dr < ARRAY_SIZE(vcpu->dr))
		return vcpu->dr[dr];
	return dr == 6 ? vcpu->dr6 : vcpu->dr7;
}

static void write_dr(struct wr_vcpu *vcpu, u8 dr, u64 value)
{
	if (dr < ARRAY_SIZE(vcpu->dr))
		vcpu->dr[dr] = value;
	else if (dr == 6)
		vcpu->dr6 = (value & DR6_WRITABLE) | DR6_RESERVED;
	else
		vcpu->dr7 = (value & DR7_WRITABLE) | WR_DR7_FIXED;
	wr_backend->set_dr7(vcpu);
}

/* DR7.GD traps the access before it is made. */
static enum wr_run_result general_detect(struct wr_vcpu *vcpu)
{
	if (vcpu->debug.control & KVM_GUESTDBG_USE_HW_BP)
		return report(vcpu, X86_TRAP_DB, WR_DR6_BD);
	wr_event_debug(vcpu, WR_DR6_BD);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_dr - MOV to or from a debug register while the hardware's are not the guest's
 * @vcpu: see exit.h; the hardware has checked the privilege level
 * @dr: 0 to 7
 * @write: which
 */
enum wr_run_result wr_exit_dr(struct wr_vcpu *vcpu, u8 dr, bool write)
{
	const struct wr_insn *insn;
	u8 gpr, size;
	int err;

	if (wr_debug_dr7(vcpu) & DR7_GD)
		return general_detect(vcpu);
	err = wr_insn_look(vcpu, &insn);
	if (err)
		return wr_insn_fault_result(vcpu, err);
	/* Another vCPU may have rewritten it. */
	if (unlikely(insn->dst.kind != WR_OP_REG))
		return WR_RUN_RESUME;
	gpr = insn->dst.reg;
	size = insn->dst.size;
	if (dr == 4 || dr == 5) {
		if (vcpu->cr4 & X86_CR4_DE)
			return wr_exit_undefined(vcpu);
		dr += 2;
	}
	if (write && dr >= 6 && size == 8 && vcpu->regs[gpr] >> 32) {
		wr_event_exception_error(vcpu, X86_TRAP_GP, 0);
		return WR_RUN_RESUME;
	}
	err = wr_insn_skip(vcpu);
	if (err)
		return wr_insn_fault_result(vcpu, err);
	if (write)
		write_dr(vcpu, dr, size == 8 ? vcpu->regs[gpr] : (u32)vcpu->regs[gpr]);
	else
		wr_reg_merge(&vcpu->regs[gpr], read_dr(vcpu, dr), size, false);
	return WR_RUN_RESUME;
}

struct host_debug {
	u64 dr[4];
	unsigned long dr7;
	bool active;
};

/* Of this CPU, around one entry: on the stack it would be cleared for each of them. */
static DEFINE_PER_CPU(struct host_debug, host_debug);

static void read_dr0_to_3(u64 *dr)
{
	unsigned long value[4];

	get_debugreg(value[0], 0);
	get_debugreg(value[1], 1);
	get_debugreg(value[2], 2);
	get_debugreg(value[3], 3);
	memcpy(dr, value, sizeof(value));
}

static void write_dr0_to_3(const u64 *dr)
{
	set_debugreg((unsigned long)dr[0], 0);
	set_debugreg((unsigned long)dr[1], 1);
	set_debugreg((unsigned long)dr[2], 2);
	set_debugreg((unsigned long)dr[3], 3);
}

/**
 * wr_debug_swap_in - before an entry: the host's breakpoints go, the guest's or the debugger's come
 * @vcpu: in a stay
 * @live: the coming entry uses DR0 to DR3
 *
 * DR6 and DR7 are the vendor's affair. Context: interrupts off.
 */
void wr_debug_swap_in(struct wr_vcpu *vcpu, bool live)
{
	struct host_debug *host = this_cpu_ptr(&host_debug);

	host->active = hw_breakpoint_active();
	if (host->active) {
		read_dr0_to_3(host->dr);
		get_debugreg(host->dr7, 7);
		set_debugreg(0UL, 7);
	}
	if (live)
		write_dr0_to_3(wr_debug_dr(vcpu));
}

/**
 * wr_debug_swap_out - after the exit, which has turned breakpoints off: the host's come back
 * @vcpu: in a stay
 * @live: as it was for wr_debug_swap_in()
 * @own: the guest could change what was in the registers
 *
 * Context: interrupts off.
 */
void wr_debug_swap_out(struct wr_vcpu *vcpu, bool live, bool own)
{
	static const u64 none[4];
	const struct host_debug *host = this_cpu_ptr(&host_debug);

	if (own)
		read_dr0_to_3(vcpu->dr);
	if (host->active) {
		write_dr0_to_3(host->dr);
		set_debugreg(host->dr7, 7);
	} else if (live) {
		/* The addresses are the guest's secret. */
		write_dr0_to_3(none);
	}
}
