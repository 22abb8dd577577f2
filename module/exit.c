// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exits: what common code does about them. The rules are in exit.h.
 */
#include <asm/processor-flags.h>

#include "debug.h"
#include "exit.h"
#include "fpu.h"
#include "hypercall.h"
#include "insn.h"
#include "msr.h"
#include "msr_user.h"
#include "state.h"
#include "trace.h"

static enum wr_run_result to_user(struct wr_vcpu *vcpu, u32 reason)
{
	vcpu->run->exit_reason = reason;
	vcpu->run_error = 0;
	return WR_RUN_USER;
}

static enum wr_run_result fail(struct wr_vcpu *vcpu, int error)
{
	vcpu->run_error = error;
	return WR_RUN_USER;
}

/* Userspace has no memory there, or none that works: tell where. */
static enum wr_run_result memory_fault(struct wr_vcpu *vcpu, u64 gpa, int error)
{
	/* 6.8: kvm_run.memory_fault, a member of the union */
	struct warren_memory_fault *fault = (void *)vcpu->run->padding;

	static_assert(offsetof(struct kvm_run, padding) == offsetof(struct kvm_run, hw));
	*fault = (struct warren_memory_fault) { .gpa = gpa & PAGE_MASK, .size = PAGE_SIZE };
	vcpu->run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	return fail(vcpu, error);
}

static enum wr_run_result general_protection(struct wr_vcpu *vcpu)
{
	wr_event_exception_error(vcpu, X86_TRAP_GP, 0);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_cpuid - CPUID
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_cpuid(struct wr_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e;
	u64 *regs = vcpu->regs;
	int err = wr_insn_skip(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	e = wr_cpuid_again(&vcpu->cpuid, regs[WR_RAX], regs[WR_RCX]);
	if (unlikely(!e)) {
		if ((u32)regs[WR_RAX] == WR_CPUID_XSTATE)
			wr_fpu_sync_xcr0(vcpu);
		wr_cpuid_query(vcpu);
		return WR_RUN_RESUME;
	}
	regs[WR_RAX] = e->eax;
	regs[WR_RBX] = e->ebx;
	regs[WR_RCX] = e->ecx;
	regs[WR_RDX] = e->edx;
	return WR_RUN_RESUME;
}

/* Leave the access to userspace, which sees RIP at the instruction; it moves on when the access is done. */
static enum wr_run_result io_to_user(struct wr_vcpu *vcpu)
{
	const struct wr_io *io = &vcpu->io;
	struct kvm_run *run = vcpu->run;

	vcpu->pio = (struct wr_pio) {
		.pending = true, .in = io->in, .size = io->size, .port = io->port,
		.rip = vcpu->rip, .next_rip = vcpu->next_rip,
	};
	run->io.direction = io->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = io->size;
	run->io.port = io->port;
	run->io.count = 1;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	/* All of EAX, whatever the size: a copy of known length is a single store. */
	if (!io->in) {
		*(u32 *)vcpu->pio_data = vcpu->regs[WR_RAX];
		if (trace_warren_pio_enabled())
			wr_trace_io(vcpu);
	}
	return to_user(vcpu, KVM_EXIT_IO);
}

static enum wr_run_result emulate(struct wr_vcpu *vcpu)
{
	if (vcpu->in_stay)
		return WR_RUN_SLEEPABLE;
	return wr_insn_emulate(vcpu);
}

/**
 * wr_exit_io - IN, OUT, INS, OUTS
 * @vcpu: see exit.h; vcpu->io is the access
 */
enum wr_run_result wr_exit_io(struct wr_vcpu *vcpu)
{
	struct wr_io *io = &vcpu->io;
	int err;

	if (io->string) {
		io->exited = true;
		return emulate(vcpu);
	}
	err = wr_insn_next(vcpu);
	if (err)
		return wr_insn_fault_result(vcpu, err);

	if (io->in)
		err = wr_bus_read(vcpu, WR_BUS_PIO, io->port, io->size, &io->value);
	else
		err = wr_bus_write(vcpu, WR_BUS_PIO, io->port, io->size, &vcpu->regs[WR_RAX]);
	if (err)
		return io_to_user(vcpu);
	if (io->in)
		wr_reg_merge(&vcpu->regs[WR_RAX], io->value, io->size, false);
	if (trace_warren_pio_enabled())
		wr_trace_io(vcpu);
	wr_insn_retire(vcpu, vcpu->next_rip);
	return WR_RUN_RESUME;
}

/* The instruction accesses a device. What the exit told of it is of no use to another instruction. */
static enum wr_run_result emulate_access(struct wr_vcpu *vcpu)
{
	enum wr_run_result result = wr_insn_emulate(vcpu);

	if (result == WR_RUN_RESUME)
		vcpu->mmio.gpa_known = false;
	return result;
}

/* Is this the second look at an exit, now that it may sleep? What is there was found out by the first. */
static bool second_look(const struct wr_vcpu *vcpu, u64 gpa)
{
	return !vcpu->in_stay && vcpu->mmio.gpa_known && vcpu->mmio.gpa == gpa;
}

static __always_inline enum wr_run_result faulted(struct wr_vcpu *vcpu, u64 gpa, u32 access, enum wr_fault result)
{
	trace_warren_page_fault(vcpu, gpa, access, result);
	switch (result) {
	case WR_FAULT_FIXED:
		vcpu->stats.faults++;
		return WR_RUN_RESUME;
	case WR_FAULT_MMIO:
		/* The IDT or the stack is a device: the instruction at RIP is not what touched it. */
		if (wr_event_unfinished(vcpu))
			return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV,
						      (u64[]) { gpa, access }, 2);
		vcpu->io.exited = false;
		vcpu->mmio.gpa = gpa;
		vcpu->mmio.exit_writes = access & WR_ACC_WRITE;
		vcpu->mmio.gpa_known = !(access & WR_ACC_TABLE);
		return emulate_access(vcpu);
	case WR_FAULT_SLEEP:
		vcpu->mmio.gpa_known = false;
		return WR_RUN_SLEEPABLE;
	case WR_FAULT_SIGNAL:
		return WR_RUN_RESUME;
	case WR_FAULT_NOMEM:
		return fail(vcpu, -ENOMEM);
	case WR_FAULT_POISON:
		return memory_fault(vcpu, gpa, -EHWPOISON);
	default:
		return memory_fault(vcpu, gpa, -EFAULT);
	}
}

/**
 * wr_exit_fault - the guest touched a gpa that stage 2 does not map, or not so
 * @vcpu: see exit.h
 * @gpa: where
 * @access: WR_ACC_*
 */
enum wr_run_result wr_exit_fault(struct wr_vcpu *vcpu, u64 gpa, u32 access)
{
	if (second_look(vcpu, gpa))
		return emulate_access(vcpu);
	return faulted(vcpu, gpa, access, wr_mmu_fault(vcpu, gpa, access, vcpu->in_stay));
}

/* What the hardware says of an access, as the walker wants it */
static u32 walk_access(struct wr_vcpu *vcpu, u32 error)
{
	u32 access = error & (WR_ACC_WRITE | WR_ACC_USER | WR_ACC_FETCH);

	/* The CPU's own, to a table of descriptors or the like, on behalf of a program */
	if (!(error & WR_ACC_USER) && wr_backend->get_cpl(vcpu) == 3)
		access |= WR_ACC_IMPLICIT;
	return access;
}

/**
 * wr_exit_page_fault - #PF with shadow paging: by the guest's own tables, or only by ours?
 * @vcpu: see exit.h
 * @gva: where
 * @error: error code
 */
enum wr_run_result wr_exit_page_fault(struct wr_vcpu *vcpu, u64 gva, u32 error)
{
	u32 access = walk_access(vcpu, error);
	struct wr_walk walk = { .gpa = gva };
	int r = 0;

	if (wr_is_paging(vcpu))
		r = wr_walk(vcpu, gva, access, &walk);
	if (r > 0) {
		wr_event_page_fault(vcpu, gva, walk.error);
		return WR_RUN_RESUME;
	}
	if (r)
		return vcpu->in_stay ? WR_RUN_SLEEPABLE : WR_RUN_RESUME;
	if (second_look(vcpu, walk.gpa))
		return emulate_access(vcpu);
	return faulted(vcpu, walk.gpa, access, wr_shadow_fault(vcpu, gva, walk.gpa, access, vcpu->in_stay));
}

/**
 * wr_exit_page_fault_gpa - what wr_exit_page_fault() will find at an address, for those who trace
 * @vcpu: as there
 * @gva: as there
 * @error: as there
 *
 * Return: 0 when the guest gets the fault, or nobody can tell yet.
 */
u64 wr_exit_page_fault_gpa(struct wr_vcpu *vcpu, u64 gva, u32 error)
{
	struct wr_walk walk = { .gpa = gva };

	return wr_is_paging(vcpu) && wr_walk(vcpu, gva, walk_access(vcpu, error), &walk) ? 0 : walk.gpa;
}

/**
 * wr_exit_emulate - an instruction that only the emulator can do
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_emulate(struct wr_vcpu *vcpu)
{
	vcpu->io.exited = false;
	return emulate(vcpu);
}

/**
 * wr_exit_system - MOV CR, INVLPG, of which the hardware tells nothing
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_system(struct wr_vcpu *vcpu)
{
	vcpu->io.exited = false;
	return wr_insn_emulate(vcpu);
}

/**
 * wr_exit_halt - HLT
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_halt(struct wr_vcpu *vcpu)
{
	int err = wr_insn_skip(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	if (!wr_has_lapic(vcpu))
		return to_user(vcpu, KVM_EXIT_HLT);
	WRITE_ONCE(vcpu->mp_state, KVM_MP_STATE_HALTED);
	return WR_RUN_LEAVE;
}

/* The second look at the exit may sleep: who sets a filter does not wait for it, so that it asks for the filter of that time. */
static enum wr_run_result msr_insn_fault(struct wr_vcpu *vcpu, int err)
{
	if (err == -EAGAIN) {
		vcpu->msr_filtered = true;
		wr_vcpu_request(vcpu, WR_REQ_POLICY);
	}
	return wr_insn_fault_result(vcpu, err);
}

/**
 * wr_exit_msr - RDMSR, WRMSR
 * @vcpu: see exit.h
 * @write: which
 */
enum wr_run_result wr_exit_msr(struct wr_vcpu *vcpu, bool write)
{
	u32 index = vcpu->regs[WR_RCX];
	u64 data;
	int err = wr_insn_next(vcpu);

	if (err)
		return msr_insn_fault(vcpu, err);
	/* Who sets a filter waits for stays: what the vCPU knows of it holds there alone. */
	if (unlikely(vcpu->msr_filtered || !vcpu->in_stay) && !wr_msr_allowed(vcpu->vm, index, write))
		err = WR_MSR_FILTERED;
	else if (write)
		err = wr_msr_set(vcpu, index, wr_edx_eax(vcpu), false);
	else
		err = wr_msr_get(vcpu, index, &data, false);
	if (!err && !write) {
		vcpu->regs[WR_RAX] = (u32)data;
		vcpu->regs[WR_RDX] = data >> 32;
	}
	if (trace_warren_msr_enabled())
		wr_trace_msr(vcpu, write, err);
	if (err)
		return wr_msr_refused(vcpu, index, write, err);
	wr_insn_retire(vcpu, vcpu->next_rip);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_xsetbv - XSETBV
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_xsetbv(struct wr_vcpu *vcpu)
{
	int err;

	if (!(vcpu->cr4 & X86_CR4_OSXSAVE))
		return wr_exit_undefined(vcpu);
	err = wr_insn_next(vcpu);
	if (err)
		return wr_insn_fault_result(vcpu, err);
	if (wr_backend->get_cpl(vcpu) || (u32)vcpu->regs[WR_RCX] ||
	    wr_fpu_set_xcr0(vcpu, wr_edx_eax(vcpu)))
		return general_protection(vcpu);
	wr_insn_retire(vcpu, vcpu->next_rip);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_hypercall - VMMCALL, VMCALL
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_hypercall(struct wr_vcpu *vcpu)
{
	enum wr_run_result result = wr_hypercall_begin(vcpu);
	int err;

	if (result != WR_RUN_RESUME)
		return result;
	err = wr_insn_skip(vcpu);
	if (err)
		return wr_insn_fault_result(vcpu, err);
	return wr_hypercall(vcpu);
}

static enum wr_run_result complete_hypercall(struct wr_vcpu *vcpu)
{
	int err = wr_hypercall_complete(vcpu) ? wr_insn_skip(vcpu) : 0;

	return err ? wr_insn_fault_result(vcpu, err) : WR_RUN_RESUME;
}

/**
 * wr_exit_skip - an instruction that does nothing in a guest (WBINVD: its memory is coherent)
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_skip(struct wr_vcpu *vcpu)
{
	int err = wr_insn_skip(vcpu);

	return err ? wr_insn_fault_result(vcpu, err) : WR_RUN_RESUME;
}

/**
 * wr_exit_invlpg - INVLPG
 * @vcpu: see exit.h
 * @la: linear address
 */
enum wr_run_result wr_exit_invlpg(struct wr_vcpu *vcpu, u64 la)
{
	int err = wr_insn_skip(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	if (wr_shadow_of(&vcpu->vm->mmu))
		wr_shadow_invlpg(vcpu, la);
	wr_vcpu_request(vcpu, WR_REQ_TLB_FLUSH);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_write_cr3 - MOV to CR3, at CPL 0
 * @vcpu: see exit.h
 * @value: as the guest's mode makes it of the register
 */
enum wr_run_result wr_exit_write_cr3(struct wr_vcpu *vcpu, u64 value)
{
	int err = wr_insn_next(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	if (wr_set_cr3(vcpu, value))
		return general_protection(vcpu);
	wr_insn_retire(vcpu, vcpu->next_rip);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_read_cr3 - MOV from CR3, at CPL 0 in 64-bit mode
 * @vcpu: see exit.h
 * @reg: takes it
 */
enum wr_run_result wr_exit_read_cr3(struct wr_vcpu *vcpu, u64 *reg)
{
	int err = wr_insn_skip(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	*reg = vcpu->cr3;
	return WR_RUN_RESUME;
}

/**
 * wr_exit_monitor - MONITOR, MWAIT: they do nothing, which is what a CPU may do
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_monitor(struct wr_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e = wr_cpuid_find(&vcpu->cpuid, 1, 0);
	bool has_mwait = e && e->ecx & BIT(X86_FEATURE_MWAIT % 32);

	if (wr_backend->get_cpl(vcpu) || (wr_quirk_disabled(vcpu, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) && !has_mwait))
		return wr_exit_undefined(vcpu);
	return wr_exit_skip(vcpu);
}

/**
 * wr_exit_undefined - an instruction that this guest's CPU does not have
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_undefined(struct wr_vcpu *vcpu)
{
	wr_event_exception(vcpu, X86_TRAP_UD);
	return WR_RUN_RESUME;
}

#define OPCODE_INT3	0xcc
#define OPCODE_INTO	0xce

/**
 * wr_exit_soft_interrupt - INT n: inject it
 * @vcpu: see exit.h
 *
 * INT3 and INTO are exceptions to the hardware, but QEMU's emulation of it says INT n of them too.
 */
enum wr_run_result wr_exit_soft_interrupt(struct wr_vcpu *vcpu)
{
	const struct wr_insn *insn;
	int err = wr_insn_look(vcpu, &insn);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	if (insn->opcode == OPCODE_INT3)
		return wr_exit_bp(vcpu);
	if (insn->opcode == OPCODE_INTO) {
		wr_event_exception(vcpu, X86_TRAP_OF);
		return WR_RUN_RESUME;
	}
	vcpu->event.interrupt.injected = true;
	vcpu->event.interrupt.soft = true;
	vcpu->event.interrupt.vector = insn->src.imm;
	vcpu->event.interrupt.len = insn->len;
	return WR_RUN_RESUME;
}

/**
 * wr_exit_icebp - ICEBP: #DB without a cause, after the instruction
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_icebp(struct wr_vcpu *vcpu)
{
	int err = wr_insn_skip(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	wr_event_debug(vcpu, 0);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_rdpmc - RDPMC: there are no counters
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_rdpmc(struct wr_vcpu *vcpu)
{
	return general_protection(vcpu);
}

/**
 * wr_exit_pause - the guest spins: another task may hold what it waits for
 * @vcpu: see exit.h
 *
 * RIP stays or has moved on, as the hardware likes: PAUSE does nothing twice.
 */
enum wr_run_result wr_exit_pause(struct wr_vcpu *vcpu)
{
	int err = wr_insn_skip(vcpu);

	if (err)
		return wr_insn_fault_result(vcpu, err);
	vcpu->yield = true;
	return WR_RUN_LEAVE;
}

/**
 * wr_exit_shutdown - the CPU shut down: triple fault
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_shutdown(struct wr_vcpu *vcpu)
{
	vcpu->crash = WARREN_CRASH_TRIPLE_FAULT;
	return to_user(vcpu, KVM_EXIT_SHUTDOWN);
}

/**
 * wr_exit_entry_failed - the hardware refused the guest's state
 * @vcpu: see exit.h
 * @reason: the hardware's word for it
 */
enum wr_run_result wr_exit_entry_failed(struct wr_vcpu *vcpu, u64 reason)
{
	vcpu->run->fail_entry.hardware_entry_failure_reason = reason;
	vcpu->run->fail_entry.cpu = vcpu->cpu;
	vcpu->crash = WARREN_CRASH_ENTRY_FAILED;
	return to_user(vcpu, KVM_EXIT_FAIL_ENTRY);
}

/**
 * wr_exit_internal_error - nothing right can be done
 * @vcpu: see exit.h
 * @suberror: KVM_INTERNAL_ERROR_*
 * @data: words for whoever looks
 * @nr: how many, at most 15
 *
 * The CPU that the vCPU ran on follows them, but where the words have a form of their own (emulation).
 */
enum wr_run_result wr_exit_internal_error(struct wr_vcpu *vcpu, u32 suberror, const u64 *data, u32 nr)
{
	vcpu->run->internal.suberror = suberror;
	if (nr)
		memcpy(vcpu->run->internal.data, data, nr * sizeof(*data));
	if (suberror != KVM_INTERNAL_ERROR_EMULATION)
		vcpu->run->internal.data[nr++] = vcpu->cpu;
	vcpu->run->internal.ndata = nr;
	vcpu->crash = WARREN_CRASH_INTERNAL;
	return to_user(vcpu, KVM_EXIT_INTERNAL_ERROR);
}

/**
 * wr_exit_eoi - the guest ended an interrupt of the IOAPIC in userspace
 * @vcpu: on its own thread
 */
enum wr_run_result wr_exit_eoi(struct wr_vcpu *vcpu)
{
	vcpu->run->eoi.vector = wr_lapic_eoi_vector(vcpu);
	return to_user(vcpu, KVM_EXIT_IOAPIC_EOI);
}

/**
 * wr_exit_tpr - the guest lowered CR8, which userspace's local APIC may have waited for
 * @vcpu: on its own thread
 */
enum wr_run_result wr_exit_tpr(struct wr_vcpu *vcpu)
{
	return to_user(vcpu, KVM_EXIT_SET_TPR);
}

/**
 * wr_exit_host_event - an interrupt of the host; it was taken when interrupts came on
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_host_event(struct wr_vcpu *vcpu)
{
	/* A stay holds up RCU like any stretch of kernel code: between two exits nothing is held. */
	local_irq_disable();
	rcu_note_context_switch(false);
	local_irq_enable();
	return WR_RUN_RESUME;
}

/**
 * wr_exit_timer - the host's TSC reached vcpu->exit_tsc, or the hardware cannot count that far at once
 * @vcpu: see exit.h
 */
enum wr_run_result wr_exit_timer(struct wr_vcpu *vcpu)
{
	wr_lapic_timer_exit(vcpu);
	return WR_RUN_RESUME;
}

static enum wr_run_result complete_string_io(struct wr_vcpu *vcpu)
{
	if (!vcpu->pio.in)
		return WR_RUN_RESUME;
	vcpu->pio.ready = true;
	return wr_insn_resume(vcpu);
}

/* IN by userspace: the result to RAX; and RIP moves on. */
static enum wr_run_result complete_io(struct wr_vcpu *vcpu)
{
	struct wr_pio *pio = &vcpu->pio;

	pio->pending = false;
	if (unlikely(pio->string))
		return complete_string_io(vcpu);
	/* Userspace has set another state, whose RAX is not that instruction's. */
	if (vcpu->rip != pio->rip)
		return WR_RUN_RESUME;
	if (pio->in) {
		trace_warren_pio(vcpu, true, pio->port, pio->size, *(u32 *)vcpu->pio_data);
		wr_reg_merge(&vcpu->regs[WR_RAX], *(u32 *)vcpu->pio_data, pio->size, false);
	}
	wr_insn_retire(vcpu, pio->next_rip);
	return WR_RUN_RESUME;
}

/**
 * wr_exit_complete - finish what userspace was asked to do
 * @vcpu: at the start of KVM_RUN
 *
 * Return: WR_RUN_RESUME, or WR_RUN_USER when there is more to ask.
 */
enum wr_run_result wr_exit_complete(struct wr_vcpu *vcpu)
{
	if (vcpu->pio.pending)
		return complete_io(vcpu);
	if (vcpu->msr_exit.pending)
		return wr_msr_complete(vcpu);
	if (vcpu->mmio.read_pending) {
		wr_mmio_read_done(vcpu);
		return wr_insn_resume(vcpu);
	}
	if (vcpu->mmio.nr_writes && wr_mmio_send_writes(vcpu)) {
		vcpu->run_error = 0;
		return WR_RUN_USER;
	}
	return vcpu->pv.in_user ? complete_hypercall(vcpu) : WR_RUN_RESUME;
}
