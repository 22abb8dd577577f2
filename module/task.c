// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits for hardware task switches, which no processor does in a guest: the emulator does them.
 */
#include <asm/processor-flags.h>

#include "backend.h"
#include "emuops.h"
#include "insn.h"
#include "state.h"

/* Local enables of debug registers: each task has its own. */
#define DR7_LOCAL	0x155U

#define DR6_TASK	BIT(15)	/* the T bit of the new TSS */

/* Was the event delivered that the guest did not ask for by INT n, INT3 or INTO? */
static bool is_external(const struct wr_event *event)
{
	const struct wr_exception *ex = &event->exception;

	if (ex->injected)
		return ex->vector != X86_TRAP_BP && ex->vector != X86_TRAP_OF;
	return event->nmi.injected || (event->interrupt.injected && !event->interrupt.soft);
}

/**
 * wr_event_delivered - the delivery under way ended without the hardware: in a handler, a new task, or a fault in its place
 * @vcpu: on its own thread
 */
void wr_event_delivered(struct wr_vcpu *vcpu)
{
	struct wr_event *event = &vcpu->event;

	if (event->nmi.injected)
		wr_backend->set_nmi_mask(vcpu, true);
	event->exception.injected = false;
	event->nmi.injected = false;
	event->interrupt.injected = false;
}

static void commit(struct wr_vcpu *vcpu, const struct wr_emu *emu, const struct wr_task_switch *ts)
{
	memcpy(vcpu->regs, emu->regs, sizeof(vcpu->regs));
	vcpu->rip = emu->rip;
	vcpu->rflags = emu->rflags;
	vcpu->interrupt_shadow = false;
	vcpu->dr7 &= ~(u64)DR7_LOCAL;
	wr_backend->set_dr7(vcpu);
	if (ts->cause == WR_TASK_IRET)
		wr_backend->set_nmi_mask(vcpu, false);
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
}

static enum wr_run_result finish(struct wr_vcpu *vcpu, enum wr_emu_result result, const struct wr_emu *emu,
				 enum wr_task_result task)
{
	switch (result) {
	case WR_EMU_DONE:
		wr_event_delivered(vcpu);
		if (task == WR_TASK_TRAPS)
			wr_event_debug(vcpu, DR6_TASK);
		return WR_RUN_RESUME;
	case WR_EMU_FAULT:
		/* Merged with the exception under way, if there is one. */
		wr_insn_raise(vcpu, emu);
		wr_event_delivered(vcpu);
		return WR_RUN_RESUME;
	case WR_EMU_RETRY:
		return WR_RUN_RESUME;
	default:
		/* A TSS that is a device, or a TR that is none */
		return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
	}
}

/**
 * wr_task_switch - switch tasks
 * @vcpu: see exit.h; outside a stay
 * @ts: which way
 */
enum wr_run_result wr_task_switch(struct wr_vcpu *vcpu, const struct wr_task_switch *ts)
{
	struct wr_insn_emu e = { .vcpu = vcpu };
	enum wr_task_result task;
	enum wr_emu_result result;
	struct wr_code code;

	wr_backend->get_code(vcpu, &code);
	wr_insn_emu_load(&e, wr_insn_mode(vcpu, &code), &code);
	result = wr_emu_task_switch(&e.emu, ts, &task);
	/* A device is no place for a TSS or a stack: what was asked of one is forgotten. */
	if (vcpu->mmio.nr_writes || vcpu->mmio.read_pending)
		result = WR_EMU_UNKNOWN;
	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.nr_writes = 0;
	vcpu->mmio.read_pending = false;
	if (task != WR_TASK_STAYED)
		commit(vcpu, &e.emu, ts);
	return finish(vcpu, result, &e.emu, task);
}

/**
 * wr_exit_task_switch - JMP, CALL, IRET or a gate of the IDT leads to another task
 * @vcpu: see exit.h; the delivery that a gate interrupted is in vcpu->event
 * @selector: of the new TSS
 * @cause: enum wr_task_cause
 */
enum wr_run_result wr_exit_task_switch(struct wr_vcpu *vcpu, u16 selector, u8 cause)
{
	const struct wr_exception *ex = &vcpu->event.exception;
	struct wr_task_switch ts = { .selector = selector, .cause = cause, .next_rip = vcpu->rip };
	int err;

	if (vcpu->in_stay)
		return WR_RUN_SLEEPABLE;
	ts.external = cause == WR_TASK_GATE && is_external(&vcpu->event);
	if (!ts.external) {
		/* The old task goes on after the instruction. */
		err = wr_insn_next(vcpu);
		if (err)
			return wr_insn_fault_result(vcpu, err);
		ts.next_rip = vcpu->next_rip;
	}
	if (cause == WR_TASK_GATE && ex->injected && ex->has_error) {
		ts.has_error = true;
		ts.error = ex->error;
	}
	return wr_task_switch(vcpu, &ts);
}
