// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest whose state the hardware cannot run: instruction by instruction, and events through the emulator.
 */
#include <linux/bits.h>

#include "backend.h"
#include "emuops.h"
#include "insn.h"
#include "state.h"

#define NR_BREAKPOINTS	4

/* Of a breakpoint in DR7: enabled, for whomever; and its kind and length, 0 for instructions */
static bool is_code_breakpoint(u64 dr7, unsigned int i)
{
	return dr7 >> (2 * i) & 3 && !(dr7 >> (16 + 4 * i) & 0xf);
}

/* Breakpoints at @la, as DR6 shows them */
static u64 code_breakpoints(const struct wr_vcpu *vcpu, u64 la)
{
	u64 dr7 = wr_debug_dr7(vcpu), hit = 0;
	unsigned int i;

	if (likely(!(dr7 & 0xff)) || vcpu->rflags & X86_EFLAGS_RF)
		return 0;
	for (i = 0; i < NR_BREAKPOINTS; i++)
		if (is_code_breakpoint(dr7, i) && wr_debug_dr(vcpu)[i] == la)
			hit |= BIT(i);
	return hit;
}

/* Does the instruction lie in its segment? 0, 1: not, or an error of wr_insn_look() */
static int past_limit(struct wr_vcpu *vcpu, u32 limit)
{
	const struct wr_insn *insn;
	int err;

	if (likely(vcpu->rip + WR_INSN_MAX <= limit))
		return 0;
	if (vcpu->rip > limit)
		return 1;
	err = wr_insn_look(vcpu, &insn);
	return err ? err : vcpu->rip + insn->len - 1 > limit;
}

/**
 * wr_insn_step - emulate the instruction at RIP, checking what the hardware checks before it fetches one
 * @vcpu: on its own thread, outside a stay
 *
 * That is the limit of CS, and breakpoints on instructions. A REP is left after a while, or when something waits.
 * Return: WR_RUN_RESUME; WR_RUN_LEAVE after HLT; WR_RUN_USER; WR_RUN_SLEEPABLE: again, the guest's tables change under the walk.
 */
enum wr_run_result wr_insn_step(struct wr_vcpu *vcpu)
{
	struct kvm_segment cs;
	u64 hit, la = vcpu->rip;
	int err = 0;

	wr_backend->get_segment(vcpu, WR_CS, &cs);
	if (!wr_is_64bit_mode(vcpu)) {
		la = (u32)(cs.base + vcpu->rip);
		err = past_limit(vcpu, cs.limit);
	}
	hit = code_breakpoints(vcpu, la);
	if (unlikely(hit)) {
		/* As the hardware does: it is met once. */
		vcpu->rflags |= X86_EFLAGS_RF;
		return wr_exit_db(vcpu, hit, false, false);
	}
	if (unlikely(err == 1)) {
		wr_event_exception_error(vcpu, X86_TRAP_GP, 0);
		return WR_RUN_RESUME;
	}
	if (err)
		return wr_insn_fault_result(vcpu, err);
	wr_insn_skip_force(vcpu);
	vcpu->mmio.gpa_known = false;
	return wr_exit_emulate(vcpu);
}

/* The handler begins: whether others wait for IF to be set again must be looked at anew. */
static void commit(struct wr_vcpu *vcpu, const struct wr_emu *emu)
{
	memcpy(vcpu->regs, emu->regs, sizeof(vcpu->regs));
	vcpu->rip = emu->rip;
	vcpu->rflags = emu->rflags;
	vcpu->interrupt_shadow = false;
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
	wr_debug_stepped(vcpu);
}

/* A stack or table that is a device: what was asked of one is forgotten. */
static bool asked_device(struct wr_vcpu *vcpu)
{
	bool asked = vcpu->mmio.nr_writes || vcpu->mmio.read_pending;

	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.nr_writes = 0;
	vcpu->mmio.read_pending = false;
	return asked;
}

/* The event that was to be injected; false: none */
static bool injected_event(const struct wr_vcpu *vcpu, struct wr_emu_event *out)
{
	const struct wr_event *event = &vcpu->event;
	const struct wr_exception *ex = &event->exception;

	*out = (struct wr_emu_event) { .source = WR_SOURCE_EXTERNAL, .rip = vcpu->rip };
	if (ex->injected) {
		out->vector = ex->vector;
		out->has_error = ex->has_error;
		out->error = ex->error;
		if (ex->vector == X86_TRAP_BP || ex->vector == X86_TRAP_OF) {
			out->source = WR_SOURCE_BREAK;
			out->rip++;
		}
	} else if (event->nmi.injected) {
		out->vector = X86_TRAP_NMI;
	} else if (event->interrupt.injected) {
		out->vector = event->interrupt.vector;
		if (event->interrupt.soft) {
			out->source = WR_SOURCE_INT;
			out->rip += event->interrupt.len ?: WR_INT_LEN;
		}
	} else {
		return false;
	}
	return true;
}

/**
 * wr_insn_deliver - deliver the injected event without the hardware: by the vector table of real mode, or the IDT
 * @vcpu: on its own thread, outside a stay; in place of the entry that would have delivered vcpu->event.*.injected
 *
 * A fault of the delivery is merged with the event and raised in the guest.
 * Return: as wr_insn_step(); WR_RUN_RESUME too when there is no event.
 */
enum wr_run_result wr_insn_deliver(struct wr_vcpu *vcpu)
{
	struct wr_insn_emu e = { .vcpu = vcpu };
	struct wr_emu_event event;
	enum wr_emu_result result;
	struct wr_code code;

	if (!injected_event(vcpu, &event))
		return WR_RUN_RESUME;
	if (wr_is_pae_paging(vcpu))
		wr_backend->sync_pdptrs(vcpu);
	wr_backend->get_code(vcpu, &code);
	wr_insn_emu_load(&e, wr_insn_mode(vcpu, &code), &code);
	/* Real mode has no error codes. */
	event.has_error = event.has_error && e.emu.mode != WR_EMU_REAL;
	result = wr_emu_deliver(&e.emu, &event);
	if (asked_device(vcpu))
		result = WR_EMU_UNKNOWN;
	switch (result) {
	case WR_EMU_DONE:
		commit(vcpu, &e.emu);
		wr_event_delivered(vcpu);
		return WR_RUN_RESUME;
	case WR_EMU_FAULT:
		wr_insn_raise(vcpu, &e.emu);
		wr_event_delivered(vcpu);
		return WR_RUN_RESUME;
	case WR_EMU_TASK:
		return wr_task_switch(vcpu, &e.emu.task);
	case WR_EMU_RETRY:
		return WR_RUN_RESUME;
	default:
		return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, (u64[]) { event.vector }, 1);
	}
}
