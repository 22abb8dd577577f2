/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM_SET_GUEST_DEBUG: a debugger in userspace.
 *
 * It may have the guest stepped, and use the debug registers and #BP for itself. The guest sees none of it: its own
 * registers are in struct wr_vcpu, RFLAGS.TF and DR7 among them, and its own #DB and #BP reach it.
 *
 * A step ends at the next boundary between instructions: after an instruction, after one iteration of a REP, or at the
 * first instruction of the handler of the event that was delivered. The vendor steps by what it has: with RFLAGS.TF in the
 * hardware's registers alone, or a monitor trap.
 */
#ifndef WARREN_DEBUG_H
#define WARREN_DEBUG_H

#include <linux/bits.h>

#include "exit.h"

#define WR_DEBUG_FLAGS	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP | \
			 KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP | \
			 KVM_GUESTDBG_BLOCKIRQ)

/* Causes of #DB, as DR6 shows them; the other bits of DR6 are fixed */
#define WR_DR6_BP	0xfULL		/* breakpoints 0 to 3 */
#define WR_DR6_BD	BIT_ULL(13)	/* a debug register was touched while DR7.GD was set */
#define WR_DR6_BS	BIT_ULL(14)	/* single step */
#define WR_DR6_BT	BIT_ULL(15)	/* task switch */
#define WR_DR6_CAUSES	(WR_DR6_BP | WR_DR6_BD | WR_DR6_BS | WR_DR6_BT)

/* Is the vCPU to be stepped for the debugger? */
static inline bool wr_debug_steps(const struct wr_vcpu *vcpu)
{
	return vcpu->debug.control & KVM_GUESTDBG_SINGLESTEP;
}

/* Are the hardware's debug registers the debugger's? The guest's accesses to its own must then exit: wr_exit_dr(). */
static inline bool wr_debug_owns_dr(const struct wr_vcpu *vcpu)
{
	return vcpu->debug.control & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP);
}

/* DR0 to DR3 and DR7 as the hardware must have them */
static inline const u64 *wr_debug_dr(const struct wr_vcpu *vcpu)
{
	return vcpu->debug.control & KVM_GUESTDBG_USE_HW_BP ? vcpu->debug.dr : vcpu->dr;
}

static inline u64 wr_debug_dr7(const struct wr_vcpu *vcpu)
{
	return vcpu->debug.control & KVM_GUESTDBG_USE_HW_BP ? vcpu->debug.dr7 : vcpu->dr7;
}

/* Exceptions, as a bitmap by vector, that must exit for the debugger */
static inline u32 wr_debug_exceptions(const struct wr_vcpu *vcpu)
{
	u32 vectors = 0;

	if (wr_debug_owns_dr(vcpu))
		vectors |= BIT(X86_TRAP_DB);
	if (vcpu->debug.control & KVM_GUESTDBG_USE_SW_BP)
		vectors |= BIT(X86_TRAP_BP);
	return vectors;
}

/* Must interrupts and NMIs wait? */
static inline bool wr_debug_blocks_irqs(const struct wr_vcpu *vcpu)
{
	return unlikely(vcpu->debug.control & KVM_GUESTDBG_BLOCKIRQ);
}

void wr_debug_swap_in(struct wr_vcpu *vcpu, bool live);
void wr_debug_swap_out(struct wr_vcpu *vcpu, bool live, bool own);
int wr_debug_set(struct wr_vcpu *vcpu, const struct kvm_guest_debug *in);
void wr_debug_stepped(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_step(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_db(struct wr_vcpu *vcpu, u64 causes, bool guest_tf, bool our_tf);
enum wr_run_result wr_exit_bp(struct wr_vcpu *vcpu);
enum wr_run_result wr_exit_dr(struct wr_vcpu *vcpu, u8 dr, bool write);

#endif
