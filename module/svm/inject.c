// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: handing events to the hardware, and the windows in which the guest takes them.
 */
#include <asm/processor-flags.h>

#include "svm.h"

/* wr_backend.inject_exception */
void svm_inject_exception(struct wr_vcpu *vcpu)
{
	struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	const struct wr_exception *ex = &vcpu->event.exception;

	to_svm(vcpu)->soft_injected = ex->vector == X86_TRAP_BP || ex->vector == X86_TRAP_OF;
	control->event_inj = ex->vector | SVM_EVTINJ_VALID | SVM_EVTINJ_TYPE_EXEPT |
		(ex->has_error ? SVM_EVTINJ_VALID_ERR : 0);
	control->event_inj_err = ex->has_error ? ex->error : 0;
}

/* wr_backend.inject_interrupt */
void svm_inject_interrupt(struct wr_vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.event_inj = vcpu->event.interrupt.vector | SVM_EVTINJ_VALID |
		(vcpu->event.interrupt.soft ? SVM_EVTINJ_TYPE_SOFT : SVM_EVTINJ_TYPE_INTR);
}

/* wr_backend.inject_nmi */
void svm_inject_nmi(struct wr_vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.event_inj = SVM_EVTINJ_VALID | SVM_EVTINJ_TYPE_NMI;
	svm_set_nmi_mask(vcpu, true);
}

/* Find out what of event.*.injected the hardware did not finish: @info is what it was about to deliver. */
static void requeue(struct svm_vcpu *svm, u32 info, u32 error)
{
	struct wr_event *event = &svm->vcpu.event;
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;
	bool soft;

	event->exception.injected = false;
	event->interrupt.injected = false;
	event->nmi.injected = false;
	if (!(info & SVM_EXITINTINFO_VALID))
		return;

	switch (info & SVM_EXITINTINFO_TYPE_MASK) {
	case SVM_EXITINTINFO_TYPE_NMI:
		event->nmi.injected = true;
		break;
	case SVM_EXITINTINFO_TYPE_INTR:
		event->interrupt.injected = true;
		event->interrupt.soft = false;
		event->interrupt.vector = vector;
		break;
	case SVM_EXITINTINFO_TYPE_EXEPT:
		/* RIP is still at the guest's own INT3 or INTO: it runs again and raises it again. */
		soft = vector == X86_TRAP_BP || vector == X86_TRAP_OF;
		if (soft && !svm->soft_injected)
			break;
		event->exception.injected = true;
		event->exception.pending = false;
		event->exception.has_payload = false;
		event->exception.vector = vector;
		event->exception.has_error = info & SVM_EXITINTINFO_VALID_ERR;
		event->exception.error = error;
		break;
	default:
		/* INT n: likewise, RIP has not moved. */
		break;
	}
}

/* After an exit: what the exit interrupted must be delivered again. */
void svm_complete_injection(struct svm_vcpu *svm)
{
	struct vmcb_control_area *control = &svm->vmcb->control;

	if (!(control->exit_int_info & SVM_EXITINTINFO_VALID) && !wr_event_unfinished(&svm->vcpu))
		return;
	requeue(svm, control->exit_int_info, control->exit_int_info_err);
	control->event_inj = 0;
}

/* wr_backend.cancel_injection */
void svm_cancel_injection(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (!(svm->vmcb->control.event_inj & SVM_EVTINJ_VALID))
		return;
	requeue(svm, svm->vmcb->control.event_inj, svm->vmcb->control.event_inj_err);
	svm->vmcb->control.event_inj = 0;
}

/* wr_backend.nmi_allowed */
bool svm_nmi_allowed(struct wr_vcpu *vcpu)
{
	return !svm_get_nmi_mask(vcpu) && !vcpu->interrupt_shadow;
}

/*
 * wr_backend.interrupt_window: a virtual interrupt of highest priority exits, instead of being delivered, as soon
 * as the guest can take one.
 */
void svm_interrupt_window(struct wr_vcpu *vcpu, bool on)
{
	struct svm_vcpu *svm = to_svm(vcpu);
	struct vmcb_control_area *control = &svm->vmcb->control;
	u32 bits = V_IRQ_MASK | V_INTR_PRIO_MASK | V_IGN_TPR_MASK;

	if (!on == !(control->int_ctl & V_IRQ_MASK))
		return;
	if (on)
		control->int_ctl |= bits;
	else
		control->int_ctl &= ~bits;
	control->int_vector = 0;
	svm_mark_dirty(svm, SVM_CLEAN_INTR);
	svm_intercept(svm, INTERCEPT_VINTR, on);
}

/* Step over the instruction that still blocks NMIs. */
static void start_nmi_step(struct svm_vcpu *svm)
{
	if (svm->nmi_stepping)
		return;
	svm->nmi_stepping = true;
	svm->nmi_step_rflags = svm->vcpu.rflags & (X86_EFLAGS_TF | X86_EFLAGS_RF);
	svm->vcpu.rflags |= X86_EFLAGS_TF | X86_EFLAGS_RF;
}

/* The step is over: the guest gets its own flags back. */
void svm_nmi_step_done(struct svm_vcpu *svm)
{
	if (!svm->nmi_stepping)
		return;
	svm->nmi_stepping = false;
	svm->vcpu.rflags &= ~(u64)(X86_EFLAGS_TF | X86_EFLAGS_RF);
	svm->vcpu.rflags |= svm->nmi_step_rflags & X86_EFLAGS_TF;
	wr_vcpu_request(&svm->vcpu, WR_REQ_EVENT);
}

/* wr_backend.nmi_window */
void svm_nmi_window(struct wr_vcpu *vcpu, bool on)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	/* While the handler runs, the exit at its IRET is the window. */
	if (!on || (svm->nmi_masked && !svm->nmi_iret))
		return;
	/* TF would land in the flags that this event pushes. Let it be delivered, exit at once, and look again. */
	if (svm->vmcb->control.event_inj & SVM_EVTINJ_VALID) {
		wr_vcpu_request(vcpu, WR_REQ_EVENT);
		wr_send_reschedule(smp_processor_id());
		return;
	}
	start_nmi_step(svm);
}

/* wr_backend.get_nmi_mask */
bool svm_get_nmi_mask(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	/* The exit at IRET comes before the instruction: the mask lasts until RIP has moved on. */
	if (svm->nmi_iret && vcpu->rip != svm->nmi_iret_rip)
		svm_set_nmi_mask(vcpu, false);
	return svm->nmi_masked;
}

/* wr_backend.set_nmi_mask */
void svm_set_nmi_mask(struct wr_vcpu *vcpu, bool masked)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	svm->nmi_masked = masked;
	svm->nmi_iret = false;
	svm_intercept(svm, INTERCEPT_IRET, masked);
}

/* wr_backend.update_cr8_intercept */
void svm_update_cr8_intercept(struct wr_vcpu *vcpu, int threshold)
{
	svm_intercept(to_svm(vcpu), INTERCEPT_CR8_WRITE, threshold >= 0);
}
