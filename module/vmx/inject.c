// SPDX-License-Identifier: GPL-2.0-only
/*
 * VT-x: handing events to the hardware, and the windows in which the guest takes them.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "vmx.h"

static void inject(struct vmx_vcpu *vmx, u32 info, u32 error)
{
	vmx->injected = info | INTR_INFO_VALID_MASK;
	vmx->injected_error = error;
	vmx_begin(vmx);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, vmx->injected);
	/* Where HLT does not exit, the guest may be in it: few events are allowed to end that by themselves. */
	if (vmx->vcpu.vm->policy.disabled_exits & KVM_X86_DISABLE_EXITS_HLT)
		vmcs_write32(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_SOFT_EXCEPTION)
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, 1);
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, error);
	vmx_end();
}

/*
 * wr_backend.inject_exception. RIP is at the INT3 or INTO that raised #BP or #OF: the hardware moves past them.
 */
void vmx_inject_exception(struct wr_vcpu *vcpu)
{
	const struct wr_exception *ex = &vcpu->event.exception;
	bool soft = ex->vector == X86_TRAP_BP || ex->vector == X86_TRAP_OF;
	u32 info = ex->vector | (soft ? INTR_TYPE_SOFT_EXCEPTION : INTR_TYPE_HARD_EXCEPTION);

	/* Real mode knows no error codes, and entries refuse them there. */
	if (ex->has_error && vcpu->cr0 & X86_CR0_PE)
		info |= INTR_INFO_DELIVER_CODE_MASK;
	inject(to_vmx(vcpu), info, (u16)ex->error);
}

/* wr_backend.inject_interrupt */
void vmx_inject_interrupt(struct wr_vcpu *vcpu)
{
	/* RIP is still at the guest's own INT n, which runs again. */
	if (vcpu->event.interrupt.soft) {
		vcpu->event.interrupt.injected = false;
		return;
	}
	inject(to_vmx(vcpu), vcpu->event.interrupt.vector | INTR_TYPE_EXT_INTR, 0);
}

/* wr_backend.inject_nmi */
void vmx_inject_nmi(struct wr_vcpu *vcpu)
{
	/* The delivery blocks further ones; before it nothing may be blocked. */
	vmx_set_nmi_mask(vcpu, false);
	inject(to_vmx(vcpu), X86_TRAP_NMI | INTR_TYPE_NMI_INTR, 0);
}

/* An exit, or the lack of an entry, left the delivery of @info undone: it must be done again. */
static void requeue(struct vmx_vcpu *vmx, u32 info, u32 error)
{
	u8 vector = info & VECTORING_INFO_VECTOR_MASK;
	enum wr_event_class class;

	switch (info & (VECTORING_INFO_VALID_MASK | VECTORING_INFO_TYPE_MASK)) {
	case VECTORING_INFO_VALID_MASK | INTR_TYPE_NMI_INTR:
		class = WR_EVENT_NMI;
		break;
	case VECTORING_INFO_VALID_MASK | INTR_TYPE_EXT_INTR:
		class = WR_EVENT_INTERRUPT;
		break;
	case VECTORING_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION:
	case VECTORING_INFO_VALID_MASK | INTR_TYPE_SOFT_EXCEPTION:
		class = WR_EVENT_EXCEPTION;
		break;
	default:
		/* None; or the guest's own INT n or INT1: RIP has not moved, it runs again. */
		class = WR_EVENT_NONE;
	}
	wr_event_redeliver(&vmx->vcpu, class, vector, info & VECTORING_INFO_DELIVER_CODE_MASK, error);
}

/**
 * vmx_end_injection - the entry was to deliver an event, or the exit interrupted a delivery
 * @vmx: whose exit; its VMCS is current
 * @info: what the exit interrupted must be delivered again
 */
void vmx_end_injection(struct vmx_vcpu *vmx, u32 info)
{
	u32 error = 0;

	vmx->injected = 0;
	if (info & VECTORING_INFO_DELIVER_CODE_MASK)
		error = vmcs_read32(IDT_VECTORING_ERROR_CODE);
	requeue(vmx, info, error);
}

/* wr_backend.cancel_injection */
void vmx_cancel_injection(struct wr_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);

	if (!vmx->injected)
		return;
	requeue(vmx, vmx->injected, vmx->injected_error);
	vmx->injected = 0;
	vmx_begin(vmx);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmx_end();
}

/* wr_backend.nmi_allowed */
bool vmx_nmi_allowed(struct wr_vcpu *vcpu)
{
	return !vmx_get_nmi_mask(vcpu) && !vcpu->interrupt_shadow;
}

/* wr_backend.interrupt_window */
void vmx_interrupt_window(struct wr_vcpu *vcpu, bool on)
{
	vmx_begin(to_vmx(vcpu));
	vmx_set_cpu_control(to_vmx(vcpu), CPU_BASED_INTR_WINDOW_EXITING, on);
	vmx_end();
}

/* wr_backend.nmi_window */
void vmx_nmi_window(struct wr_vcpu *vcpu, bool on)
{
	vmx_begin(to_vmx(vcpu));
	vmx_set_cpu_control(to_vmx(vcpu), CPU_BASED_NMI_WINDOW_EXITING, on);
	vmx_end();
}

/* wr_backend.get_nmi_mask */
bool vmx_get_nmi_mask(struct wr_vcpu *vcpu)
{
	return to_vmx(vcpu)->blocking & GUEST_INTR_STATE_NMI;
}

/* wr_backend.set_nmi_mask */
void vmx_set_nmi_mask(struct wr_vcpu *vcpu, bool masked)
{
	u32 *blocking = &to_vmx(vcpu)->blocking;

	*blocking = masked ? *blocking | GUEST_INTR_STATE_NMI : *blocking & ~GUEST_INTR_STATE_NMI;
}

/* wr_backend.update_cr8_intercept: entries refuse a threshold above TPR's class, and none is needed */
void vmx_update_cr8_intercept(struct wr_vcpu *vcpu, int threshold)
{
	struct vmx_vcpu *vmx = to_vmx(vcpu);
	u32 class = threshold < 0 ? 0 : min_t(u32, threshold >> 4, vcpu->cr8);

	if (class == vmx->tpr_threshold)
		return;
	vmx->tpr_threshold = class;
	vmx_begin(vmx);
	vmcs_write32(TPR_THRESHOLD, class);
	vmx_end();
}
