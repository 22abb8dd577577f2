// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of a vCPU: fetch, step over, emulate.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "debug.h"
#include "emuops.h"
#include "insn.h"
#include "msr.h"
#include "state.h"
#include "trace.h"

#define OPCODE_IRET	0xcf
#define OPCODE_MOVSX	0xbe	/* and 0xbf, after 0x0f */

/* How many iterations of a REP run before the guest, and what waits for the CPU, has its turn again */
#define REP_BATCH	128

/* struct fetch - the bytes of the instruction at RIP, as they come */
struct fetch {
	struct wr_code code;
	enum wr_emu_mode mode;
	u32 have;
	u8 bytes[WR_INSN_MAX + 1];	/* readable as two words */
};

static void fetch_begin(struct wr_vcpu *vcpu, struct fetch *f)
{
	wr_backend->get_code(vcpu, &f->code);
	f->mode = wr_insn_mode(vcpu, &f->code);
	f->have = 0;
}

/*
 * Fetch up to @want bytes in all, not past the end of a page: code there may not be mapped, and is only touched when the
 * instruction goes on. 0, -EINTR with a page fault raised, or an error of wr_gva_fetch().
 */
static int fetch_more(struct wr_vcpu *vcpu, struct fetch *f, u32 want)
{
	u64 la = f->mode == WR_EMU_PROT64 ? vcpu->rip : (u32)(f->code.base + vcpu->rip);
	struct wr_walk walk;
	u32 len;
	int err;

	la += f->have;
	len = min_t(u32, want - f->have, PAGE_SIZE - offset_in_page(la));
	err = wr_gva_fetch(vcpu, la, f->code.cpl == 3, f->bytes + f->have, len, &walk);
	if (err > 0) {
		wr_event_page_fault(vcpu, la, walk.error);
		return -EINTR;
	}
	if (!err)
		f->have += len;
	return err;
}

/*
 * Nothing can be done with the instruction. A program of the guest's must not be able to end its kernel by such a one: it gets #UD,
 * unless userspace wants to see them all.
 */
static bool refuse_program(struct wr_vcpu *vcpu)
{
	if (!wr_backend->get_cpl(vcpu) || READ_ONCE(vcpu->vm->policy.exit_on_failure))
		return false;
	wr_event_exception(vcpu, X86_TRAP_UD);
	return true;
}

/**
 * wr_insn_fault_result - what the run loop does about a fetch or decode that failed
 * @vcpu: on its own thread
 * @err: from wr_insn_skip() and the like
 */
enum wr_run_result wr_insn_fault_result(struct wr_vcpu *vcpu, int err)
{
	switch (err) {
	case -EAGAIN:
		return WR_RUN_SLEEPABLE;
	case -EINTR:
		return WR_RUN_RESUME;
	case -EINVAL:
		wr_event_exception(vcpu, X86_TRAP_UD);
		return WR_RUN_RESUME;
	case -E2BIG:
		wr_event_exception_error(vcpu, X86_TRAP_GP, 0);
		return WR_RUN_RESUME;
	default:
		/* Unknown, or in no memory */
		if (refuse_program(vcpu))
			return WR_RUN_RESUME;
		return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
	}
}

/* The end of an instruction, or of an iteration of it, that began with @guest_tf set or is a step of the debugger's. */
static void trap_step(struct wr_vcpu *vcpu, bool guest_tf)
{
	if (guest_tf)
		wr_event_debug(vcpu, WR_DR6_BS);
	wr_debug_stepped(vcpu);
}

/**
 * wr_insn_trap - an instruction ends that is a step, of the guest's or the debugger's
 * @vcpu: on its own thread
 */
void wr_insn_trap(struct wr_vcpu *vcpu)
{
	trap_step(vcpu, vcpu->rflags & X86_EFLAGS_TF);
}

/*
 * Length of the instruction at RIP. The answer for the first 8 bytes last seen is kept: it depends on nothing else but the
 * mode.
 */
static int fetch_length(struct wr_vcpu *vcpu, struct fetch *f)
{
	struct wr_skip_cache *cache = &vcpu->skip_cache;
	int len, err = fetch_more(vcpu, f, sizeof(cache->bytes));
	u64 head;

	if (err)
		return err;
	memcpy(&head, f->bytes, sizeof(head));
	if (cache->len && f->have == sizeof(head) && head == cache->bytes &&
	    f->mode == cache->mode)
		return cache->len;
	for (;;) {
		len = wr_insn_length(f->bytes, f->have, f->mode);
		if (len != -ENODATA || f->have >= WR_INSN_MAX)
			break;
		err = fetch_more(vcpu, f, WR_INSN_MAX);
		if (err)
			return err;
	}
	if (len > 0 && f->have == sizeof(head)) {
		cache->bytes = head;
		cache->mode = f->mode;
		cache->len = len;
	}
	return len;
}

/**
 * wr_insn_measure - wr_insn_next() where the hardware did not tell
 * @vcpu: as there
 */
int wr_insn_measure(struct wr_vcpu *vcpu)
{
	struct fetch f;
	int len;

	fetch_begin(vcpu, &f);
	len = fetch_length(vcpu, &f);
	if (len < 0)
		return len;
	vcpu->next_rip = vcpu->rip + len;
	if (f.mode != WR_EMU_PROT64)
		vcpu->next_rip = (u32)vcpu->next_rip;
	return 0;
}

static void commit(struct wr_insn_emu *e, const struct wr_insn *insn)
{
	struct wr_vcpu *vcpu = e->vcpu;
	bool guest_tf = vcpu->rflags & X86_EFLAGS_TF;

	memcpy(vcpu->regs, e->emu.regs, sizeof(vcpu->regs));
	/* TF as it was decides: POPF does not trap itself. */
	vcpu->rflags = e->emu.rflags;
	if (wr_pio_delivers(vcpu) && (++vcpu->pio.taken == vcpu->pio.count || !e->emu.repeat))
		vcpu->pio.ready = false;
	vcpu->stats.insns_emulated++;
	wr_mmio_forget_reads(vcpu);
	vcpu->rip = e->emu.rip;
	vcpu->interrupt_shadow = e->emu.interrupt_shadow;
	/* The program's step ends when the one that MOV SS holds up does, or when a handler returns. */
	if (e->emu.trap_shadow || e->emu.delivered)
		guest_tf = false;
	if (unlikely(guest_tf || wr_debug_steps(vcpu)))
		trap_step(vcpu, guest_tf);
	if (insn->map == 0 && insn->opcode == OPCODE_IRET)
		wr_backend->set_nmi_mask(vcpu, false);
	/* POPF, STI and writes of CR8 may let interrupts in. */
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
}

/* The instruction goes no further. */
static void forget_accesses(struct wr_vcpu *vcpu)
{
	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.nr_writes = 0;
	vcpu->pio.ready = false;
}

/**
 * wr_insn_raise - raise the fault that the emulator met
 * @vcpu: on its own thread
 * @emu: after WR_EMU_FAULT
 */
void wr_insn_raise(struct wr_vcpu *vcpu, const struct wr_emu *emu)
{
	if (emu->fault.vector == X86_TRAP_PF)
		wr_event_page_fault(vcpu, emu->fault.cr2, emu->fault.error);
	else if (emu->fault.has_error)
		wr_event_exception_error(vcpu, emu->fault.vector, emu->fault.error);
	else
		wr_event_exception(vcpu, emu->fault.vector);
}

static enum wr_run_result raise_fault(struct wr_vcpu *vcpu, const struct wr_emu *emu)
{
	/* What a port gave for INS is kept: a port gives it once, and the instruction runs again when the fault is mended. */
	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.nr_writes = 0;
	wr_insn_raise(vcpu, emu);
	return WR_RUN_RESUME;
}

/* KVM_EXIT_INTERNAL_ERROR with the bytes that the emulator does not know. */
static enum wr_run_result unknown_instruction(struct wr_vcpu *vcpu, const u8 *bytes, u32 len)
{
	struct kvm_run *run = vcpu->run;

	forget_accesses(vcpu);
	if (refuse_program(vcpu))
		return WR_RUN_RESUME;
	vcpu->crash = WARREN_CRASH_INTERNAL;
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	memset(&run->emulation_failure, 0, sizeof(run->emulation_failure));
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.ndata = 3;
	run->emulation_failure.flags = KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES;
	run->emulation_failure.insn_size = len;
	memcpy(run->emulation_failure.insn_bytes, bytes, len);
	vcpu->run_error = 0;
	return WR_RUN_USER;
}

/* MOV and its extending kin, between a register or immediate and memory */
static bool makes_one_access(const struct wr_insn *insn)
{
	switch (insn->map << 8 | insn->opcode) {
	case 0x088 ... 0x08b:
	case 0x0a0 ... 0x0a3:
	case 0x0c6 ... 0x0c7:
	case 0x1b6 ... 0x1b7:
	case 0x1be ... 0x1bf:
		return true;
	default:
		return false;
	}
}

/* Where the instruction at RIP is decoded to. */
static struct wr_insn_cache *insn_cache(struct wr_vcpu *vcpu)
{
	return &vcpu->insn_cache[vcpu->rip % ARRAY_SIZE(vcpu->insn_cache)];
}

static int fetch_and_decode(struct wr_vcpu *vcpu, struct fetch *f)
{
	int err;

	fetch_begin(vcpu, f);
	do {
		err = fetch_more(vcpu, f, WR_INSN_MAX);
		if (err)
			return err;
		err = wr_decode_cached(insn_cache(vcpu), f->bytes, f->have, f->mode);
	} while (err == -ENODATA && f->have < WR_INSN_MAX);
	return err;
}

static bool wants_pause(struct wr_vcpu *vcpu)
{
	return signal_pending(current) || need_resched() || READ_ONCE(vcpu->requests) & ~BIT(WR_REQ_EVENT);
}

/* The linear address of the memory operand. */
static u64 operand_address(struct wr_vcpu *vcpu, const struct wr_insn *insn, const struct fetch *f)
{
	u64 la = insn->disp;
	struct kvm_segment seg;

	if (insn->base == WR_EMU_BASE_RIP)
		la += vcpu->rip + insn->len;
	else if (insn->base < WR_NR_REGS)
		la += vcpu->regs[insn->base];
	if (insn->index < WR_NR_REGS)
		la += vcpu->regs[insn->index] << insn->scale;
	if (f->mode != WR_EMU_PROT64 || insn->seg == WR_FS || insn->seg == WR_GS) {
		wr_backend->get_segment(vcpu, insn->seg, &seg);
		la += seg.base;
	}
	return la;
}

/*
 * Can move() do it? The exit has told the address; segments, rights and alignment were the hardware's to check, of an access in
 * this direction.
 */
static bool is_plain_move(struct wr_vcpu *vcpu, const struct wr_insn *insn,
			  const struct fetch *f)
{
	const struct wr_operand *mem = insn->dst.kind == WR_OP_MEM ? &insn->dst : &insn->src;
	const struct wr_operand *other = mem == &insn->dst ? &insn->src : &insn->dst;

	return vcpu->mmio.gpa_known && vcpu->mmio.exit_writes == (mem == &insn->dst) &&
		makes_one_access(insn) && mem->kind == WR_OP_MEM &&
		(other->kind == WR_OP_REG || other->kind == WR_OP_IMM) &&
		(f->mode == WR_EMU_PROT64 || f->mode == WR_EMU_PROT32) &&
		offset_in_page(vcpu->mmio.gpa) + mem->size <= PAGE_SIZE &&
		/* An exit names the second page when the first one had no fault. */
		offset_in_page(vcpu->mmio.gpa) == offset_in_page(operand_address(vcpu, insn, f));
}

static void finish_move(struct wr_vcpu *vcpu, const struct wr_insn *insn, const struct fetch *f)
{
	u64 next = vcpu->rip + insn->len;

	vcpu->stats.insns_emulated++;
	wr_mmio_forget_reads(vcpu);
	wr_insn_retire(vcpu, f->mode == WR_EMU_PROT64 ? next : (u32)next);
}

static enum wr_run_result move_to_device(struct wr_vcpu *vcpu, const struct wr_insn *insn, const struct fetch *f)
{
	const struct wr_operand *src = &insn->src;
	u64 gpa = vcpu->mmio.gpa, value = src->imm;

	if (src->kind == WR_OP_REG)
		value = vcpu->regs[src->reg] >> (src->high8 ? 8 : 0);
	finish_move(vcpu, insn, f);
	return wr_mmio_send(vcpu, gpa, &value, insn->dst.size) ? WR_RUN_USER : WR_RUN_RESUME;
}

/* MOV, MOVZX or MOVSX between a device and a register: nearly all there is. */
static enum wr_run_result plain_move(struct wr_vcpu *vcpu, const struct wr_insn *insn,
				     const struct fetch *f)
{
	const struct wr_operand *dst = &insn->dst, *src = &insn->src;
	u64 value = 0;

	vcpu->run_error = 0;
	if (dst->kind == WR_OP_MEM)
		return move_to_device(vcpu, insn, f);
	vcpu->mmio.next_read = 0;
	switch (wr_mmio_read(vcpu, vcpu->mmio.gpa, &value, src->size)) {
	case WR_EMU_DONE:
		break;
	case WR_EMU_EXIT:
		vcpu->mmio.rip = vcpu->rip;
		return WR_RUN_USER;
	default:
		return unknown_instruction(vcpu, f->bytes, insn->len);
	}
	if (insn->map == 1 && insn->opcode >= OPCODE_MOVSX)
		value = sign_extend64(value, src->size * 8 - 1);
	wr_reg_merge(&vcpu->regs[dst->reg], value, dst->size, dst->high8);
	finish_move(vcpu, insn, f);
	return WR_RUN_RESUME;
}

/* After an iteration: does userspace act now, or is there more to do before it does? */
static bool is_userspaces_turn(struct wr_vcpu *vcpu, bool repeats)
{
	if (wr_mmio_send_writes(vcpu))
		return true;
	if (!vcpu->pio.pending)
		return false;
	return !repeats || !wr_pio_collects(vcpu) || wants_pause(vcpu) || vcpu->event.exception.pending;
}

/* An iteration of a REP that is not the first one has come to an end of its own; earlier ones wrote to a port. */
static enum wr_run_result send_collected(struct wr_vcpu *vcpu)
{
	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.read_pending = false;
	vcpu->mmio.nr_writes = 0;
	wr_pio_tell(vcpu);
	vcpu->run_error = 0;
	return WR_RUN_USER;
}

static enum wr_run_result read_tsc(struct wr_vcpu *vcpu, bool processor)
{
	u64 tsc = 0, aux = 0;

	if (processor && !wr_guest_has(vcpu, X86_FEATURE_RDTSCP))
		return wr_exit_undefined(vcpu);
	wr_msr_get(vcpu, MSR_IA32_TSC, &tsc, false);
	if (processor) {
		wr_msr_get(vcpu, MSR_TSC_AUX, &aux, true);
		vcpu->regs[WR_RCX] = (u32)aux;
	}
	vcpu->regs[WR_RAX] = (u32)tsc;
	vcpu->regs[WR_RDX] = tsc >> 32;
	return wr_exit_skip(vcpu);
}

/* The emulator found an instruction that is done as when it exits. */
static enum wr_run_result assist(struct wr_vcpu *vcpu, const struct wr_emu *emu, u32 len)
{
	vcpu->stats.insns_emulated++;
	wr_mmio_forget_reads(vcpu);
	vcpu->next_rip = emu->mode == WR_EMU_PROT64 ? vcpu->rip + len : (u32)(vcpu->rip + len);
	switch (emu->assist) {
	case WR_ASSIST_CPUID: return wr_exit_cpuid(vcpu);
	case WR_ASSIST_HLT: return wr_exit_halt(vcpu);
	case WR_ASSIST_RDMSR: return wr_exit_msr(vcpu, false);
	case WR_ASSIST_WRMSR: return wr_exit_msr(vcpu, true);
	case WR_ASSIST_RDTSC: return read_tsc(vcpu, false);
	case WR_ASSIST_RDTSCP: return read_tsc(vcpu, true);
	case WR_ASSIST_RDPMC: return wr_exit_rdpmc(vcpu);
	case WR_ASSIST_READ_DR: return wr_exit_dr(vcpu, emu->assist_number, false);
	case WR_ASSIST_WRITE_DR: return wr_exit_dr(vcpu, emu->assist_number, true);
	case WR_ASSIST_INVLPG: return wr_exit_invlpg(vcpu, emu->assist_la);
	case WR_ASSIST_WBINVD: return wr_exit_skip(vcpu);
	case WR_ASSIST_XSETBV: return wr_exit_xsetbv(vcpu);
	case WR_ASSIST_HYPERCALL: return wr_exit_hypercall(vcpu);
	case WR_ASSIST_MONITOR: return wr_exit_monitor(vcpu);
	case WR_ASSIST_ICEBP: return wr_exit_icebp(vcpu);
	default: return wr_exit_bp(vcpu);
	}
}

/* One iteration came to a result that is not WR_EMU_DONE. */
static enum wr_run_result stopped(struct wr_vcpu *vcpu, enum wr_emu_result result, const struct wr_emu *emu,
				  const struct wr_insn *insn, const struct fetch *f)
{
	if (vcpu->pio.pending && !vcpu->pio.in)
		return send_collected(vcpu);
	switch (result) {
	case WR_EMU_FAULT:
		return raise_fault(vcpu, emu);
	case WR_EMU_EXIT:
		vcpu->mmio.rip = vcpu->rip;
		vcpu->run_error = 0;
		return WR_RUN_USER;
	case WR_EMU_ASSIST:
		return assist(vcpu, emu, insn->len);
	case WR_EMU_TASK:
		return wr_task_switch(vcpu, &emu->task);
	default:
		return unknown_instruction(vcpu, f->bytes, insn->len);
	}
}

static noinline enum wr_run_result execute_any(struct wr_vcpu *vcpu, const struct wr_insn *insn,
					       const struct fetch *f)
{
	struct wr_insn_emu emu, *e = &emu;
	enum wr_emu_result result;
	int i;

	e->vcpu = vcpu;
	e->one_access = makes_one_access(insn);
	for (i = 0; i < REP_BATCH || vcpu->pio.pending || wr_pio_delivers(vcpu); i++) {
		wr_insn_emu_load(e, f->mode, &f->code);
		vcpu->mmio.next_read = 0;
		result = wr_execute(&e->emu, insn);
		if (result == WR_EMU_RETRY && !vcpu->pio.pending) {
			vcpu->mmio.nr_writes = 0;
			/* Other vCPUs may change the tables on and on. */
			if (i >= REP_BATCH && wants_pause(vcpu))
				break;
			continue;
		}
		if (result != WR_EMU_DONE)
			return stopped(vcpu, result, &e->emu, insn, f);
		commit(e, insn);
		if (is_userspaces_turn(vcpu, e->emu.repeat)) {
			vcpu->run_error = 0;
			return WR_RUN_USER;
		}
		if (!e->emu.repeat || vcpu->event.exception.pending)
			break;
		if (!vcpu->pio.pending && !wr_pio_delivers(vcpu) && wants_pause(vcpu))
			break;
	}
	return WR_RUN_RESUME;
}

static bool is_invlpg(const struct wr_insn *insn)
{
	return insn->opcode == 0x01 && (insn->modrm & 0x38) == 0x38 && insn->modrm < 0xc0;
}

static bool is_mov_cr3(const struct wr_insn *insn)
{
	return (insn->opcode == 0x20 && insn->src.kind == WR_OP_CR && insn->src.reg == 3) ||
		(insn->opcode == 0x22 && insn->dst.kind == WR_OP_CR && insn->dst.reg == 3);
}

/* What a kernel without nested paging does all the time. */
static bool is_paging_insn(struct wr_vcpu *vcpu, const struct wr_insn *insn, const struct fetch *f)
{
	return insn->map == 1 && f->mode == WR_EMU_PROT64 && !insn->lock && !f->code.cpl &&
		((is_invlpg(insn) && insn->addr_size == 8) || is_mov_cr3(insn));
}

static enum wr_run_result paging_insn(struct wr_vcpu *vcpu, const struct wr_insn *insn, const struct fetch *f)
{
	vcpu->stats.insns_emulated++;
	vcpu->next_rip = vcpu->rip + insn->len;
	if (insn->opcode == 0x01)
		return wr_exit_invlpg(vcpu, operand_address(vcpu, insn, f));
	if (insn->opcode == 0x22)
		return wr_exit_write_cr3(vcpu, vcpu->regs[insn->src.reg]);
	return wr_exit_read_cr3(vcpu, &vcpu->regs[insn->dst.reg]);
}

/* Some have nothing to wait for; all else may touch memory that the host has to bring in. */
static enum wr_run_result execute(struct wr_vcpu *vcpu, const struct fetch *f)
{
	const struct wr_insn *insn = &insn_cache(vcpu)->insn;

	if (is_plain_move(vcpu, insn, f))
		return plain_move(vcpu, insn, f);
	if (is_paging_insn(vcpu, insn, f))
		return paging_insn(vcpu, insn, f);
	if (vcpu->in_stay)
		return WR_RUN_SLEEPABLE;
	return execute_any(vcpu, insn, f);
}

/**
 * wr_insn_look - decode the instruction that exited
 * @vcpu: on its own thread, right after the exit
 * @insn: set; good until the next one is decoded
 *
 * Return: as wr_insn_next().
 */
int wr_insn_look(struct wr_vcpu *vcpu, const struct wr_insn **insn)
{
	struct fetch f;

	*insn = &insn_cache(vcpu)->insn;
	return fetch_and_decode(vcpu, &f);
}

/**
 * wr_insn_emulate - run the instruction at RIP in the emulator
 * @vcpu: on its own thread, in a stay or not
 *
 * Return: WR_RUN_RESUME when it is done, or faulted in the guest, or should be tried again; WR_RUN_USER when a device in
 * userspace must act, or the instruction is unknown; WR_RUN_SLEEPABLE with nothing done for what may sleep, in a stay.
 */
enum wr_run_result wr_insn_emulate(struct wr_vcpu *vcpu)
{
	struct fetch f;
	int err;

	err = fetch_and_decode(vcpu, &f);
	if (err == -EOPNOTSUPP)
		return unknown_instruction(vcpu, f.bytes, f.have);
	if (err)
		return wr_insn_fault_result(vcpu, err);
	return execute(vcpu, &f);
}

/**
 * wr_insn_resume - run the instruction again that waited for userspace
 * @vcpu: on its own thread, at the start of KVM_RUN
 *
 * Return: as wr_insn_emulate().
 */
enum wr_run_result wr_insn_resume(struct wr_vcpu *vcpu)
{
	struct fetch f;

	/* Userspace has set other registers meanwhile: what it answered is not wanted any more. */
	if (vcpu->rip != vcpu->mmio.rip) {
		forget_accesses(vcpu);
		return WR_RUN_RESUME;
	}
	fetch_begin(vcpu, &f);
	memcpy(f.bytes, insn_cache(vcpu)->bytes, WR_INSN_MAX);
	return execute(vcpu, &f);
}
