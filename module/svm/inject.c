// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V: handing events to the hardware, and the windows in which the guest takes them.
 */
#include "svm.h"

/* INT n, INT3 and INTO push the address after them, which nobody tells the hardware but by RIP. */
static void pass_soft(struct svm_vcpu *svm, u8 len)
{
	svm->soft_injected = true;
	svm->soft_rip = svm->vcpu.rip;
	svm->vcpu.rip += len;
	svm->soft_next = svm->vcpu.rip;
}

static bool is_soft(u8 vector)
{
	return vector == X86_TRAP_BP || vector == X86_TRAP_OF;
}

/* wr_backend.lapic_assist: AVIC is not used */
const struct wr_lapic_assist *svm_lapic_assist(struct wr_vcpu *vcpu)
{
	return NULL;
}

/* wr_backend.inject_exception */
void svm_inject_exception(struct wr_vcpu *vcpu)
{
	struct vmcb_control_area *control = &to_svm(vcpu)->vmcb->control;
	const struct wr_exception *ex = &vcpu->event.exception;

	if (is_soft(ex->vector))
		pass_soft(to_svm(vcpu), 1);
	control->event_inj = ex->vector | SVM_EVTINJ_VALID | SVM_EVTINJ_TYPE_EXEPT |
		(ex->has_error ? SVM_EVTINJ_VALID_ERR : 0);
	control->event_inj_err = ex->has_error ? ex->error : 0;
}

/* wr_backend.inject_interrupt */
void svm_inject_interrupt(struct wr_vcpu *vcpu)
{
	struct svm_vcpu *svm = to_svm(vcpu);

	if (vcpu->event.interrupt.soft)
		pass_soft(svm, vcpu->event.interrupt.len ?: WR_INT_LEN);
	svm->vmcb->control.event_inj = vcpu->event.interrupt.vector | SVM_EVTINJ_VALID |
		(vcpu->event.interrupt.soft ? SVM_EVTINJ_TYPE_SOFT : SVM_EVTINJ_TYPE_INTR);
}

/* wr_backend.inject_nmi */
void svm_inject_nmi(struct wr_vcpu *vcpu)
{
	to_svm(vcpu)->vmcb->control.event_inj = SVM_EVTINJ_VALID | SVM_EVTINJ_TYPE_NMI;
	svm_set_nmi_mask(vcpu, true);
}

/* An exit, or the lack of an entry, left the delivery of @info undone: it must be done again. */
static void requeue(struct svm_vcpu *svm, u32 info, u32 error)
{
	enum wr_event_class class = WR_EVENT_NONE;
	u8 vector = info & SVM_EXITINTINFO_VEC_MASK;
	bool passed = svm->soft_injected && svm->vcpu.rip == svm->soft_next, soft = false;

	svm->soft_injected = false;
	switch (info & (SVM_EXITINTINFO_VALID | SVM_EXITINTINFO_TYPE_MASK)) {
	case SVM_EXITINTINFO_VALID | SVM_EXITINTINFO_TYPE_NMI:
		class = WR_EVENT_NMI;
		break;
	case SVM_EXITINTINFO_VALID | SVM_EXITINTINFO_TYPE_INTR:
		class = WR_EVENT_INTERRUPT;
		break;
	case SVM_EXITINTINFO_VALID | SVM_EXITINTINFO_TYPE_EXEPT:
		/* The guest's own INT3 or INTO: RIP is still there, it runs again and raises it again. INT n likewise. */
		soft = is_soft(vector);
		if (!soft || passed)
			class = WR_EVENT_EXCEPTION;
		break;
	case SVM_EXITINTINFO_VALID | SVM_EXITINTINFO_TYPE_SOFT:
		soft = true;
		if (passed)
			class = WR_EVENT_INTERRUPT;
		break;
	}
	if (soft && passed)
		svm->vcpu.rip = svm->soft_rip;
	wr_event_redeliver(&svm->vcpu, class, vector, info & SVM_EXITINTINFO_VALID_ERR, error);
	svm->vcpu.event.interrupt.soft = soft && class == WR_EVENT_INTERRUPT;
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
	svm_start_nmi_step(svm);
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
	svm_intercept(svm, INTERCEPT_IRET, masked || svm_steps(svm));
}

/* wr_backend.update_cr8_intercept */
void svm_update_cr8_intercept(struct wr_vcpu *vcpu, int threshold)
{
	svm_intercept(to_svm(vcpu), INTERCEPT_CR8_WRITE, threshold >= 0);
}
