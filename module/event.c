// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: raising them, merging them, choosing which goes in next.
 */
#include <uapi/asm/debugreg.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "compat.h"
#include "debug.h"
#include "trace.h"

#define DR7_GD	BIT(13)	/* general detect: trap accesses to debug registers */

enum exception_class {
	EX_BENIGN,
	EX_CONTRIBUTORY,
	EX_PAGE_FAULT,
};

static enum exception_class exception_class(u8 vector)
{
	switch (vector) {
	case X86_TRAP_PF:
		return EX_PAGE_FAULT;
	case X86_TRAP_DE:
	case X86_TRAP_TS:
	case X86_TRAP_NP:
	case X86_TRAP_SS:
	case X86_TRAP_GP:
		return EX_CONTRIBUTORY;
	default:
		return EX_BENIGN;
	}
}

/* What the CPU makes of @second raised while @first is delivered. */
static bool makes_double_fault(u8 first, u8 second)
{
	enum exception_class a = exception_class(first), b = exception_class(second);

	if (a == EX_PAGE_FAULT)
		return b != EX_BENIGN;
	return a == EX_CONTRIBUTORY && b == EX_CONTRIBUTORY;
}

static void raise_exception(struct wr_vcpu *vcpu, struct wr_exception next)
{
	struct wr_exception *ex = &vcpu->event.exception;

	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	next.pending = true;
	if (ex->pending || ex->injected) {
		if (ex->vector == X86_TRAP_DF) {
			wr_event_triple_fault(vcpu);
			return;
		}
		if (makes_double_fault(ex->vector, next.vector))
			next = (struct wr_exception) {
				.pending = true, .vector = X86_TRAP_DF, .has_error = true,
			};
	}
	*ex = next;
}

/**
 * wr_event_exception - raise an exception without error code
 * @vcpu: on its own thread
 * @vector: X86_TRAP_*
 *
 * Merged with one that is under way as the CPU would: replaced, double fault, or triple fault.
 */
void wr_event_exception(struct wr_vcpu *vcpu, u8 vector)
{
	raise_exception(vcpu, (struct wr_exception) { .vector = vector });
}

/**
 * wr_event_exception_error - raise an exception with an error code
 * @vcpu: on its own thread
 * @vector: X86_TRAP_*
 * @error: error code; in real mode none is delivered
 */
void wr_event_exception_error(struct wr_vcpu *vcpu, u8 vector, u32 error)
{
	raise_exception(vcpu, (struct wr_exception) {
		.vector = vector,
		.has_error = vcpu->cr0 & X86_CR0_PE,
		.error = error,
	});
}

/**
 * wr_event_page_fault - raise #PF
 * @vcpu: on its own thread
 * @cr2: faulting linear address
 * @error: error code
 */
void wr_event_page_fault(struct wr_vcpu *vcpu, u64 cr2, u32 error)
{
	raise_exception(vcpu, (struct wr_exception) {
		.vector = X86_TRAP_PF,
		.has_error = true,
		.error = error,
		.has_payload = true,
		.payload = cr2,
	});
}

/**
 * wr_event_debug - raise #DB
 * @vcpu: on its own thread
 * @dr6: causes, as DR6 will show them
 */
void wr_event_debug(struct wr_vcpu *vcpu, u64 dr6)
{
	raise_exception(vcpu, (struct wr_exception) {
		.vector = X86_TRAP_DB,
		.has_payload = true,
		.payload = dr6,
	});
}

/**
 * wr_event_nmi - send an NMI
 * @vcpu: any vCPU
 *
 * Context: any.
 */
void wr_event_nmi(struct wr_vcpu *vcpu)
{
	atomic_inc(&vcpu->event.nmi.queued);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	wr_vcpu_kick(vcpu);
}

/**
 * wr_event_triple_fault - the guest shut its CPU down
 * @vcpu: on its own thread
 */
void wr_event_triple_fault(struct wr_vcpu *vcpu)
{
	wr_vcpu_request(vcpu, WR_REQ_TRIPLE_FAULT);
}

/**
 * wr_event_reset - forget all events
 * @vcpu: on its own thread
 */
void wr_event_reset(struct wr_vcpu *vcpu)
{
	wr_event_disarm(vcpu);
	memset(&vcpu->event, 0, sizeof(vcpu->event));
	vcpu->event.extint = -1;
}

/* NMIs that arrived: one can wait while one is handled, more are lost, as on hardware. */
static void collect_nmis(struct wr_vcpu *vcpu)
{
	struct wr_event *event = &vcpu->event;
	unsigned int limit = 2;

	if (likely(!atomic_read(&event->nmi.queued)))
		return;
	if (event->nmi.injected || wr_backend->get_nmi_mask(vcpu))
		limit = 1;
	event->nmi.pending = min(limit, event->nmi.pending +
				 (unsigned int)atomic_xchg(&event->nmi.queued, 0));
}

static bool has_extint(struct wr_vcpu *vcpu)
{
	struct wr_vm *vm = vcpu->vm;

	return (vcpu->event.extint >= 0 || (vm->irq.pic && wr_pic_pending(vm))) && wr_lapic_accepts_extint(vcpu);
}

/* Is there room for an interrupt of userspace's PIC, and would the vCPU take it from there? */
static bool takes_user_interrupt(struct wr_vcpu *vcpu)
{
	if (vcpu->vm->irq.mode == WR_IRQCHIP_KERNEL || vcpu->event.extint >= 0)
		return false;
	return !wr_has_lapic(vcpu) || wr_lapic_accepts_extint(vcpu);
}

/**
 * wr_event_user_ready - could userspace's PIC inject an interrupt now?
 * @vcpu: on its own thread
 *
 * Context: any.
 */
bool wr_event_user_ready(struct wr_vcpu *vcpu)
{
	return takes_user_interrupt(vcpu) && wr_interrupt_allowed(vcpu) && !vcpu->event.exception.pending &&
		!wr_event_unfinished(vcpu);
}

/**
 * wr_event_has_interrupt - is there an interrupt for this vCPU, if only it took interrupts?
 * @vcpu: on its own thread
 *
 * Context: atomic.
 */
bool wr_event_has_interrupt(struct wr_vcpu *vcpu)
{
	return has_extint(vcpu) || (wr_has_lapic(vcpu) && wr_lapic_pending(vcpu) >= 0);
}

/* Likewise, but only if injecting it is our work. */
static bool has_injectable(struct wr_vcpu *vcpu)
{
	return vcpu->lapic_assist ? has_extint(vcpu) : wr_event_has_interrupt(vcpu);
}

/* Take the interrupt of highest rank from its controller; -1: there is none. */
static int take_interrupt(struct wr_vcpu *vcpu)
{
	int vector;

	if (has_extint(vcpu)) {
		if (vcpu->vm->irq.pic)
			return wr_pic_ack(vcpu->vm);
		vector = vcpu->event.extint;
		vcpu->event.extint = -1;
		return vector;
	}
	if (vcpu->lapic_assist)
		return -1;
	vector = wr_lapic_pending(vcpu);
	if (vector >= 0)
		wr_lapic_accept(vcpu, vector);
	return vector;
}

/**
 * wr_event_deliverable - would an entry deliver something? what a halted vCPU waits for
 * @vcpu: on its own thread
 */
bool wr_event_deliverable(struct wr_vcpu *vcpu)
{
	struct wr_event *event = &vcpu->event;

	if (event->exception.pending || wr_event_unfinished(vcpu))
		return true;
	collect_nmis(vcpu);
	if (event->nmi.pending && wr_backend->nmi_allowed(vcpu))
		return true;
	return wr_interrupt_allowed(vcpu) && wr_event_has_interrupt(vcpu);
}

/* CR2 and DR6 change when the exception is delivered, not before: userspace may still take it back. */
static void deliver_payload(struct wr_vcpu *vcpu)
{
	struct wr_exception *ex = &vcpu->event.exception;

	if (!ex->has_payload)
		return;
	ex->has_payload = false;
	if (ex->vector == X86_TRAP_PF) {
		vcpu->cr2 = ex->payload;
	} else if (ex->vector == X86_TRAP_DB) {
		vcpu->dr6 &= ~(u64)DR_TRAP_BITS;
		vcpu->dr6 |= DR6_RESERVED | ex->payload;
		vcpu->dr7 &= ~(u64)DR7_GD;
		wr_backend->set_dr7(vcpu);
	}
}

/* Faults set RF in the pushed flags, so that an instruction breakpoint does not hit twice. */
static bool is_fault(u8 vector)
{
	return vector != X86_TRAP_DB && vector != X86_TRAP_BP && vector != X86_TRAP_OF &&
		vector != X86_TRAP_DF && vector != X86_TRAP_MC;
}

static bool inject_again(struct wr_vcpu *vcpu)
{
	struct wr_event *event = &vcpu->event;

	if (event->exception.injected)
		wr_backend->inject_exception(vcpu);
	else if (event->nmi.injected)
		wr_backend->inject_nmi(vcpu);
	else if (event->interrupt.injected)
		wr_backend->inject_interrupt(vcpu);
	else
		return false;
	return true;
}

static bool inject_exception(struct wr_vcpu *vcpu)
{
	struct wr_exception *ex = &vcpu->event.exception;

	if (is_fault(ex->vector))
		vcpu->rflags |= X86_EFLAGS_RF;
	deliver_payload(vcpu);
	ex->pending = false;
	ex->injected = true;
	trace_warren_inj_exception(vcpu, ex->vector);
	wr_backend->inject_exception(vcpu);
	return true;
}

static bool inject_nmi(struct wr_vcpu *vcpu)
{
	struct wr_event *event = &vcpu->event;

	if (!event->nmi.pending || wr_debug_blocks_irqs(vcpu) || !wr_backend->nmi_allowed(vcpu))
		return false;
	event->nmi.pending--;
	event->nmi.injected = true;
	vcpu->stats.nmis_injected++;
	trace_warren_inj_nmi(vcpu, X86_TRAP_NMI);
	wr_backend->inject_nmi(vcpu);
	return true;
}

static bool inject_interrupt(struct wr_vcpu *vcpu)
{
	struct wr_event *event = &vcpu->event;
	int vector;

	if (!wr_interrupt_allowed(vcpu) || wr_debug_blocks_irqs(vcpu))
		return false;
	vector = take_interrupt(vcpu);
	if (vector < 0)
		return false;
	event->interrupt.injected = true;
	event->interrupt.soft = false;
	event->interrupt.vector = vector;
	vcpu->stats.irqs_injected++;
	trace_warren_inj_interrupt(vcpu, vector);
	wr_backend->inject_interrupt(vcpu);
	return true;
}

/* The vector that may wait for a lower CR8, -1: none. What userspace's local APIC has is not known: any. */
static int cr8_threshold(struct wr_vcpu *vcpu)
{
	if (wr_has_lapic(vcpu))
		return wr_lapic_max_blocked_vector(vcpu);
	return vcpu->cr8 ? 255 : -1;
}

/* Ask for an exit when what could not go in now can. */
static void open_windows(struct wr_vcpu *vcpu)
{
	bool irq = has_injectable(vcpu) || (takes_user_interrupt(vcpu) && READ_ONCE(vcpu->run->request_interrupt_window));

	if (wr_debug_blocks_irqs(vcpu)) {
		wr_backend->interrupt_window(vcpu, false);
		return;
	}
	if (vcpu->event.nmi.pending)
		wr_backend->nmi_window(vcpu, true);
	wr_backend->interrupt_window(vcpu, irq);
	if (!vcpu->lapic_assist)
		wr_backend->update_cr8_intercept(vcpu, cr8_threshold(vcpu));
}

/**
 * wr_event_inject - hand the event of highest rank to the hardware, open windows for the rest
 * @vcpu: about to enter; on its own thread
 *
 * Context: interrupts off.
 */
void wr_event_inject(struct wr_vcpu *vcpu)
{
	wr_event_disarm(vcpu);
	collect_nmis(vcpu);
	/*
	 * An exception raised while an NMI or interrupt was being delivered comes first: delivering that again would only
	 * raise it again.
	 */
	if (vcpu->event.exception.pending)
		vcpu->event.armed = inject_exception(vcpu);
	else
		vcpu->event.armed = inject_again(vcpu) || inject_nmi(vcpu) || inject_interrupt(vcpu);
	open_windows(vcpu);
	if (vcpu->lapic_assist)
		wr_lapic_sync(vcpu, wr_debug_blocks_irqs(vcpu));
	else if (unlikely(vcpu->pv.eoi_msr & KVM_MSR_ENABLED) && vcpu->event.interrupt.injected)
		wr_pv_eoi_arm(vcpu);
}

/**
 * wr_event_disarm - take an injection back from the hardware
 * @vcpu: not entered since wr_event_inject(); on its own thread
 */
void wr_event_disarm(struct wr_vcpu *vcpu)
{
	if (!vcpu->event.armed)
		return;
	vcpu->event.armed = false;
	wr_backend->cancel_injection(vcpu);
}

/**
 * wr_event_redeliver - what of the injected events the hardware did not finish
 * @vcpu: after an exit, or an entry that did not take place; on its own thread
 * @class: of the one event that must be delivered again; WR_EVENT_NONE: all was delivered
 * @vector: of the exception or interrupt
 * @has_error: the exception pushes an error code
 * @error: that code
 *
 * Context: interrupts may be off.
 */
void wr_event_redeliver(struct wr_vcpu *vcpu, enum wr_event_class class, u8 vector, bool has_error, u32 error)
{
	struct wr_event *event = &vcpu->event;

	event->exception.injected = class == WR_EVENT_EXCEPTION;
	event->nmi.injected = class == WR_EVENT_NMI;
	event->interrupt.injected = class == WR_EVENT_INTERRUPT;
	if (class == WR_EVENT_EXCEPTION) {
		event->exception.pending = false;
		event->exception.has_payload = false;
		event->exception.vector = vector;
		event->exception.has_error = has_error;
		event->exception.error = error;
	} else if (class == WR_EVENT_INTERRUPT) {
		event->interrupt.soft = false;
		event->interrupt.vector = vector;
	}
}

/**
 * wr_event_user_interrupt - KVM_INTERRUPT
 * @vcpu: its vCPU, in an ioctl
 * @vector: 0 to 255
 *
 * Return: 0; -EINVAL for a bad vector; -ENXIO when the irqchip is all in the kernel; -EEXIST when one is waiting.
 */
int wr_event_user_interrupt(struct wr_vcpu *vcpu, u32 vector)
{
	struct wr_event *event = &vcpu->event;

	if (vector > 255)
		return -EINVAL;
	if (vcpu->vm->irq.mode == WR_IRQCHIP_KERNEL)
		return -ENXIO;
	if (wr_has_lapic(vcpu)) {
		if (event->extint >= 0)
			return -EEXIST;
		event->extint = vector;
	} else {
		/* Userspace asked first whether it can be taken: ready_for_interrupt_injection. */
		event->interrupt.injected = true;
		event->interrupt.soft = false;
		event->interrupt.vector = vector;
	}
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}

/**
 * wr_event_get - KVM_GET_VCPU_EVENTS
 * @vcpu: its vCPU, in an ioctl
 * @out: filled
 */
void wr_event_get(struct wr_vcpu *vcpu, struct kvm_vcpu_events *out)
{
	struct wr_event *event = &vcpu->event;
	const struct wr_policy *policy = &vcpu->vm->policy;
	struct wr_exception *ex = &event->exception;

	collect_nmis(vcpu);
	/* Without KVM_CAP_EXCEPTION_PAYLOAD userspace knows no pending exceptions: they look injected, payload delivered. */
	if (!policy->exception_payload)
		deliver_payload(vcpu);
	*out = (struct kvm_vcpu_events) {
		.exception.injected = ex->injected || ex->pending,
		.exception.nr = ex->vector,
		.exception.has_error_code = ex->has_error,
		.exception.error_code = ex->error,
		.interrupt.injected = event->interrupt.injected,
		.interrupt.nr = event->interrupt.vector,
		.interrupt.soft = event->interrupt.soft,
		/* AMD-V does not say whether STI or MOV SS made it. */
		.interrupt.shadow = vcpu->interrupt_shadow ?
			KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0,
		.nmi.injected = event->nmi.injected,
		.nmi.pending = event->nmi.pending != 0,
		.nmi.masked = wr_backend->get_nmi_mask(vcpu),
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};
	if (policy->exception_payload) {
		out->exception.injected = ex->injected;
		out->exception.pending = ex->pending;
		out->exception_has_payload = ex->has_payload;
		out->exception_payload = ex->payload;
		out->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	}
	if (policy->triple_fault_event) {
		out->triple_fault.pending = test_bit(WR_REQ_TRIPLE_FAULT, &vcpu->requests);
		out->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
}

/* What userspace may say: more of it once it has shown that it knows. */
static u32 event_flags(const struct wr_policy *policy)
{
	u32 flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
		KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;

	if (policy->exception_payload)
		flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	if (policy->triple_fault_event)
		flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	return flags;
}

static int check_events(const struct wr_policy *policy, const struct kvm_vcpu_events *in)
{
	bool pending = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD && in->exception.pending;

	if (in->flags & ~event_flags(policy))
		return -EINVAL;
	if (in->flags & KVM_VCPUEVENT_VALID_SMM &&
	    (in->smi.smm || in->smi.pending || in->smi.smm_inside_nmi || in->smi.latched_init))
		return -EINVAL;
	if ((in->exception.injected || pending) && (in->exception.nr > 31 || in->exception.nr == X86_TRAP_NMI))
		return -EINVAL;
	return 0;
}

static void set_exception(struct wr_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	bool pending = in->flags & KVM_VCPUEVENT_VALID_PAYLOAD && in->exception.pending;
	/* CR2 can be anything; DR6 goes into the host's CPU, which faults on most of what it cannot be. */
	u64 causes = in->exception.nr == X86_TRAP_DB ? WR_DR6_CAUSES : ~0ULL;

	vcpu->event.exception = (struct wr_exception) {
		.pending = pending,
		.injected = in->exception.injected && !pending,
		.vector = in->exception.nr,
		.has_error = in->exception.has_error_code,
		.error = in->exception.error_code,
		.has_payload = pending && in->exception_has_payload,
		.payload = in->exception_payload & causes,
	};
}

/**
 * wr_event_set - KVM_SET_VCPU_EVENTS
 * @vcpu: its vCPU, in an ioctl
 * @in: from userspace
 *
 * Return: 0, or -EINVAL for flags that are unknown or need what is not advertised.
 */
int wr_event_set(struct wr_vcpu *vcpu, const struct kvm_vcpu_events *in)
{
	struct wr_event *event = &vcpu->event;
	int err = check_events(&vcpu->vm->policy, in);

	if (err)
		return err;
	wr_event_disarm(vcpu);
	set_exception(vcpu, in);
	event->interrupt.injected = in->interrupt.injected;
	event->interrupt.vector = in->interrupt.nr;
	event->interrupt.soft = in->interrupt.soft;
	event->interrupt.len = 0;
	if (in->flags & KVM_VCPUEVENT_VALID_SHADOW)
		vcpu->interrupt_shadow = in->interrupt.shadow;
	event->nmi.injected = in->nmi.injected;
	if (in->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		atomic_set(&event->nmi.queued, 0);
		event->nmi.pending = !!in->nmi.pending;
	}
	wr_backend->set_nmi_mask(vcpu, in->nmi.masked);
	if (in->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (in->triple_fault.pending)
			wr_event_triple_fault(vcpu);
		else
			wr_vcpu_take_request(vcpu, WR_REQ_TRIPLE_FAULT);
	}
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	return 0;
}
