// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: debug registers, and single steps: for the debugger in userspace, and to see NMIs unblocked.
 *
 * There is no trap of our own: a step is RFLAGS.TF in the VMCB. Whatever would show that to the guest exits while we
 * step: what pushes flags, what loads them, and all exceptions, which are then injected. An entry that injects has no TF, which
 * would land in what is pushed, but a host interrupt waiting: it exits before the handler's first instruction. SYSCALL cannot
 * be caught: it copies TF to R11.
 */
#include <uapi/asm/debugreg.h>
#include <asm/processor-flags.h>

#include "../debug.h"
#include "svm.h"

/* Exceptions that always exit; vmcb.c says why */
#define ALWAYS_EXIT	(BIT(X86_TRAP_DB) | BIT(X86_TRAP_UD) | BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC))

bool svm_steps(const struct svm_vcpu *svm)
{
	return svm->nmi_stepping || wr_debug_steps(&svm->vcpu);
}

/* Are the hardware's DR6 and DR7 not the guest's? */
static bool shadows_dr(const struct svm_vcpu *svm)
{
	return svm->nmi_stepping || wr_debug_owns_dr(&svm->vcpu);
}

static void intercept_debug_registers(struct svm_vcpu *svm, bool on)
{
	unsigned int bit;

	/* All change together. */
	if (test_bit(INTERCEPT_DR0_READ, (unsigned long *)svm->vmcb->control.intercepts) == on)
		return;
	for (bit = INTERCEPT_DR0_READ; bit <= INTERCEPT_DR7_READ; bit++)
		svm_intercept(svm, bit, on);
	for (bit = INTERCEPT_DR0_WRITE; bit <= INTERCEPT_DR7_WRITE; bit++)
		svm_intercept(svm, bit, on);
}

static void intercept_exceptions(struct svm_vcpu *svm)
{
	u32 vectors = ALWAYS_EXIT | wr_debug_exceptions(&svm->vcpu);

	if (svm_shadow)
		vectors |= BIT(X86_TRAP_PF);
	if (svm_steps(svm))
		vectors = ~(u32)BIT(X86_TRAP_NMI);
	if (svm->vmcb->control.intercepts[INTERCEPT_EXCEPTION] == vectors)
		return;
	svm->vmcb->control.intercepts[INTERCEPT_EXCEPTION] = vectors;
	svm_mark_dirty(svm, SVM_CLEAN_INTERCEPTS);
}

/* Is the instruction at RIP a POPF or IRET that has exited, and must now run? */
static bool loads_flags(const struct svm_vcpu *svm)
{
	return svm->step.loads_flags && svm->step.loads_rip == svm->vcpu.rip;
}

static void intercept_flags(struct svm_vcpu *svm)
{
	bool on = svm_steps(svm), load = on && !loads_flags(svm);

	svm_intercept(svm, INTERCEPT_PUSHF, on);
	svm_intercept(svm, INTERCEPT_INTn, on || wr_debug_exceptions(&svm->vcpu) & BIT(X86_TRAP_BP));
	svm_intercept(svm, INTERCEPT_ICEBP, on);
	svm_intercept(svm, INTERCEPT_POPF, load);
	svm_intercept(svm, INTERCEPT_IRET, load || (svm->nmi_masked && !svm->nmi_iret));
}

/* wr_backend.set_dr7; also decides whether the guest has the debug registers for itself, and what a step needs */
void svm_set_dr7(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	u64 dr7 = wr_debug_dr7(vcpu);

	if (dr7 & DR_GLOBAL_ENABLE_MASK || dr7 & DR_LOCAL_ENABLE_MASK)
		svm->dr_live = true;
	else if (wr_debug_owns_dr(vcpu))
		svm->dr_live = false;
	if (svm->vmcb->save.dr7 != dr7 || svm->vmcb->save.dr6 != vcpu->dr6) {
		svm->vmcb->save.dr7 = dr7;
		svm->vmcb->save.dr6 = vcpu->dr6;
		svm_mark_dirty(svm, SVM_CLEAN_DR);
	}
	intercept_debug_registers(svm, !svm->dr_live || shadows_dr(svm));
	intercept_exceptions(svm);
	intercept_flags(svm);
	svm->debug_entry = svm->dr_live || shadows_dr(svm);
}

/* The last thing before an entry with debug_entry, interrupts off. */
void svm_step_begin(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	struct svm_step *step = &svm->step;

	step->shadowed = shadows_dr(svm);
	step->active = false;
	step->delivers = false;
	step->guest_tf = svm->vcpu.rflags & X86_EFLAGS_TF;
	if (!step->shadowed)
		return;
	/* Only the causes of this entry's #DB */
	save->dr6 = DR6_RESERVED;
	save->dr7 = wr_debug_dr7(&svm->vcpu);
	svm_mark_dirty(svm, SVM_CLEAN_DR);
	if (!svm_steps(svm))
		return;
	if (svm->vmcb->control.event_inj & SVM_EVTINJ_VALID) {
		step->delivers = true;
		wr_send_reschedule(smp_processor_id());
		return;
	}
	step->active = true;
	save->rflags |= X86_EFLAGS_TF;
}

/* The first thing after it: the VMCB's DR6 and RFLAGS become the guest's again. */
void svm_step_end(struct svm_vcpu *svm)
{
	struct vmcb_save_area *save = &svm->vmcb->save;
	struct svm_step *step = &svm->step;

	if (!step->shadowed)
		return;
	step->causes = save->dr6 & WR_DR6_CAUSES;
	save->dr6 = svm->vcpu.dr6;
	svm_mark_dirty(svm, SVM_CLEAN_DR);
	if (!step->active)
		return;
	/* POPF or IRET that is done: TF is what it loaded. */
	if (loads_flags(svm) && step->causes & WR_DR6_BS)
		return;
	save->rflags &= ~(u64)X86_EFLAGS_TF;
	if (step->guest_tf)
		save->rflags |= X86_EFLAGS_TF;
}

static void stop_nmi_step(struct svm_vcpu *svm)
{
	svm->nmi_stepping = false;
	wr_vcpu_request(&svm->vcpu, WR_REQ_EVENT);
}

/* Before an exit is handled: what its entry was a step for. A second look at the same exit finds nothing to do. */
void svm_step_exited(struct svm_vcpu *svm)
{
	struct svm_step *step = &svm->step;

	if (!step->shadowed)
		return;
	step->loads_flags = false;
	if (svm->vmcb->control.exit_code == SVM_EXIT_EXCP_BASE + X86_TRAP_DB)
		return;
	step->shadowed = false;
	/* Interrupted by something else; it starts again if it is still wanted. */
	if (svm->nmi_stepping)
		stop_nmi_step(svm);
	if (step->delivers && !wr_event_unfinished(&svm->vcpu))
		wr_debug_stepped(&svm->vcpu);
	svm_set_dr7(&svm->vcpu);
}

/* Step over the instruction that still blocks NMIs. Interrupts off, about to enter. */
void svm_start_nmi_step(struct svm_vcpu *svm)
{
	if (svm->nmi_stepping)
		return;
	svm->nmi_stepping = true;
	svm_set_dr7(&svm->vcpu);
}

/* #DB */
enum wr_run_result svm_exit_db(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct svm_step *step = &svm->step;

	if (!step->shadowed) {
		wr_event_debug(vcpu, svm->vmcb->save.dr6);
		return WR_RUN_RESUME;
	}
	step->shadowed = false;
	if (svm->nmi_stepping) {
		stop_nmi_step(svm);
		if (svm->nmi_iret && step->causes & WR_DR6_BS)
			svm_set_nmi_mask(vcpu, false);
	}
	svm_set_dr7(vcpu);
	return wr_exit_db(vcpu, step->causes, step->guest_tf, step->active);
}

/* POPF and IRET, before they execute: let this one run. */
enum wr_run_result svm_exit_flags_load(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->step.loads_flags = true;
	svm->step.loads_rip = vcpu->rip;
	intercept_flags(svm);
	return WR_RUN_RESUME;
}

static bool has_error_code(u8 vector)
{
	return vector == X86_TRAP_DF || (vector >= X86_TRAP_TS && vector <= X86_TRAP_PF) || vector == X86_TRAP_AC ||
		vector == X86_TRAP_CP;
}

/* An exception that exits only for the debugger, or while we step: it goes on to the guest as if it had not. */
enum wr_run_result svm_exit_exception(struct wr_vcpu *vcpu)
{
	const struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	u8 vector = control->exit_code - SVM_EXIT_EXCP_BASE;

	if (vector == X86_TRAP_BP)
		return wr_exit_bp(vcpu);
	if (vector == X86_TRAP_PF)
		wr_event_page_fault(vcpu, control->exit_info_2, control->exit_info_1);
	else if (has_error_code(vector))
		wr_event_exception_error(vcpu, vector, control->exit_info_1);
	else
		wr_event_exception(vcpu, vector);
	return WR_RUN_RESUME;
}
