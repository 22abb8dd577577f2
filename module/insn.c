// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of a vCPU: fetch, step over, emulate.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "fpu.h"
#include "insn.h"
#include "state.h"

#define DR6_BS		BIT(14)		/* single step */
#define OPCODE_IRET	0xcf

/* How many iterations of a REP run before the guest, and what waits for the CPU, has its turn again */
#define REP_BATCH	128

/* struct insn_emu - the emulator's struct, and whom it works for */
struct insn_emu {
	struct wr_emu emu;
	struct wr_vcpu *vcpu;
};

static struct wr_vcpu *emu_vcpu(struct wr_emu *emu)
{
	return container_of(emu, struct insn_emu, emu)->vcpu;
}

/**
 * wr_insn_mode - what kind of code the vCPU executes
 * @vcpu: on its own thread
 */
enum wr_emu_mode wr_insn_mode(struct wr_vcpu *vcpu)
{
	struct kvm_segment cs;

	if (!(vcpu->cr0 & X86_CR0_PE))
		return WR_EMU_REAL;
	if (vcpu->rflags & X86_EFLAGS_VM)
		return WR_EMU_VM86;
	wr_backend->get_segment(vcpu, WR_CS, &cs);
	if (wr_is_long_mode(vcpu) && cs.l)
		return WR_EMU_PROT64;
	return cs.db ? WR_EMU_PROT32 : WR_EMU_PROT16;
}

static u32 user_access(struct wr_vcpu *vcpu)
{
	return wr_backend->get_cpl(vcpu) == 3 ? WR_ACC_USER : 0;
}

static u64 code_address(struct wr_vcpu *vcpu, enum wr_emu_mode mode)
{
	struct kvm_segment cs;

	if (mode == WR_EMU_PROT64)
		return vcpu->rip;
	wr_backend->get_segment(vcpu, WR_CS, &cs);
	return (u32)(cs.base + vcpu->rip);
}

/*
 * Read up to @want bytes of code at linear address @la, not past its page. Returns how many, or a negative error as
 * wr_walk() and wr_gpa_read() give; 1 page fault raised: -EINTR.
 */
static int fetch_page(struct wr_vcpu *vcpu, u64 la, u8 *bytes, u32 want)
{
	u32 len = min_t(u32, want, PAGE_SIZE - offset_in_page(la));
	struct wr_walk walk;
	int err;

	err = wr_walk(vcpu, la, WR_ACC_FETCH | user_access(vcpu), &walk);
	if (err > 0) {
		wr_event_page_fault(vcpu, la, walk.error);
		return -EINTR;
	}
	if (!err)
		err = wr_gpa_read(vcpu->vm, walk.gpa, bytes, len);
	return err ?: len;
}

/*
 * Fetch bytes until @step, a decoder, has enough. Code past a page's end is only touched when the instruction goes on
 * there: it may not be mapped.
 */
static int fetch(struct wr_vcpu *vcpu, enum wr_emu_mode mode, u8 *bytes, u32 *have,
		 int (*step)(void *arg, const u8 *bytes, u32 len), void *arg)
{
	u64 la = code_address(vcpu, mode);
	int n, ret;

	*have = 0;
	do {
		n = fetch_page(vcpu, la + *have, bytes + *have, WR_INSN_MAX - *have);
		if (n < 0)
			return n;
		*have += n;
		ret = step(arg, bytes, *have);
	} while (ret == -ENODATA && *have < WR_INSN_MAX);
	return ret;
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
		return wr_exit_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
	}
}

/**
 * wr_insn_retire - the instruction is done: move RIP on and do what goes with that
 * @vcpu: on its own thread
 * @next_rip: of the next instruction
 */
void wr_insn_retire(struct wr_vcpu *vcpu, u64 next_rip)
{
	vcpu->rip = next_rip;
	if (wr_backend->get_interrupt_shadow(vcpu))
		wr_backend->set_interrupt_shadow(vcpu, 0);
	if (unlikely(vcpu->rflags & X86_EFLAGS_TF))
		wr_event_debug(vcpu, DR6_BS);
	vcpu->rflags &= ~(u64)X86_EFLAGS_RF;
}

static int length_step(void *arg, const u8 *bytes, u32 len)
{
	return wr_insn_length(bytes, len, *(enum wr_emu_mode *)arg);
}

/**
 * wr_insn_skip - step over the instruction that exited
 * @vcpu: on its own thread, right after the exit
 *
 * Return: 0; -EAGAIN when the code is not in memory and nothing may sleep here; -EINTR when fetching it faulted in the
 * guest; -EINVAL, -E2BIG, -EOPNOTSUPP from the decoder; see wr_insn_fault_result().
 */
int wr_insn_skip(struct wr_vcpu *vcpu)
{
	u64 next = wr_backend->next_rip(vcpu);
	enum wr_emu_mode mode;
	u8 bytes[WR_INSN_MAX];
	u32 have;
	int len;

	if (!next) {
		mode = wr_insn_mode(vcpu);
		len = fetch(vcpu, mode, bytes, &have, length_step, &mode);
		if (len < 0)
			return len;
		next = vcpu->rip + len;
		if (mode != WR_EMU_PROT64)
			next = (u32)next;
	}
	wr_insn_retire(vcpu, next);
	return 0;
}

static void emu_segment(struct wr_emu *emu, int seg, struct kvm_segment *out)
{
	wr_backend->get_segment(emu_vcpu(emu), seg, out);
}

static void emu_set_segment(struct wr_emu *emu, int seg, const struct kvm_segment *in)
{
	wr_backend->set_segment(emu_vcpu(emu), seg, in);
}

static void emu_table(struct wr_emu *emu, bool idt, struct kvm_dtable *out)
{
	struct wr_dtable table;

	if (idt)
		wr_backend->get_idt(emu_vcpu(emu), &table);
	else
		wr_backend->get_gdt(emu_vcpu(emu), &table);
	*out = (struct kvm_dtable) { .base = table.base, .limit = table.limit };
}

static void emu_set_table(struct wr_emu *emu, bool idt, const struct kvm_dtable *in)
{
	const struct wr_dtable table = { .base = in->base, .limit = in->limit };

	if (idt)
		wr_backend->set_idt(emu_vcpu(emu), &table);
	else
		wr_backend->set_gdt(emu_vcpu(emu), &table);
}

/* Translate one page's part of an access. */
static enum wr_emu_result translate(struct wr_emu *emu, u64 la, u32 access, u64 *gpa)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	struct wr_walk walk;
	int err;

	if (emu->cpl == 3)
		access |= WR_ACC_USER;
	err = wr_walk(vcpu, la, access, &walk);
	if (err > 0) {
		emu->fault.vector = X86_TRAP_PF;
		emu->fault.has_error = true;
		emu->fault.error = walk.error;
		emu->fault.cr2 = la;
		return WR_EMU_FAULT;
	}
	if (err)
		return err == -EAGAIN ? WR_EMU_RETRY : WR_EMU_UNKNOWN;
	*gpa = walk.gpa;
	return WR_EMU_DONE;
}

static u32 page_part(u64 la, u32 len)
{
	return min_t(u32, len, PAGE_SIZE - offset_in_page(la));
}

static enum wr_emu_result emu_read(struct wr_emu *emu, u64 la, void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	enum wr_emu_result result;
	u32 part;
	u64 gpa;
	int err;

	for (; len; la += part, data += part, len -= part) {
		part = page_part(la, len);
		result = translate(emu, la, 0, &gpa);
		if (result != WR_EMU_DONE)
			return result;
		err = wr_gpa_read(vcpu->vm, gpa, data, part);
		if (!err)
			continue;
		if (err != -ENXIO)
			return WR_EMU_UNKNOWN;
		result = wr_mmio_read(vcpu, gpa, data, part);
		if (result != WR_EMU_DONE)
			return result;
	}
	return WR_EMU_DONE;
}

static enum wr_emu_result emu_probe_write(struct wr_emu *emu, u64 la, u32 len)
{
	enum wr_emu_result result;
	u32 part;
	u64 gpa;

	for (; len; la += part, len -= part) {
		part = page_part(la, len);
		result = translate(emu, la, WR_ACC_WRITE, &gpa);
		if (result != WR_EMU_DONE)
			return result;
	}
	return WR_EMU_DONE;
}

static enum wr_emu_result emu_write(struct wr_emu *emu, u64 la, const void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	enum wr_emu_result result;
	u32 part;
	u64 gpa;
	int err;

	/* Both pages must take it before either does. */
	if (page_part(la, len) != len) {
		result = emu_probe_write(emu, la, len);
		if (result != WR_EMU_DONE)
			return result;
	}
	for (; len; la += part, data += part, len -= part) {
		part = page_part(la, len);
		result = translate(emu, la, WR_ACC_WRITE, &gpa);
		if (result != WR_EMU_DONE)
			return result;
		err = wr_gpa_write(vcpu->vm, gpa, data, part);
		if (!err)
			continue;
		/* No memory, or a read-only slot: a device. */
		if (err != -ENXIO && err != -EPERM)
			return WR_EMU_UNKNOWN;
		result = wr_mmio_write(vcpu, gpa, data, part);
		if (result != WR_EMU_DONE)
			return result;
	}
	return WR_EMU_DONE;
}

static enum wr_emu_result emu_cmpxchg(struct wr_emu *emu, u64 la, const void *old,
				      const void *new, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	enum wr_emu_result result;
	u8 expected[16];
	u64 gpa;
	int err;

	if (len > sizeof(expected))
		return WR_EMU_UNKNOWN;
	/* A locked access that is split over two pages, or is not aligned, cannot be atomic here. */
	if (page_part(la, len) != len)
		return emu_write(emu, la, new, len);
	result = translate(emu, la, WR_ACC_WRITE, &gpa);
	if (result != WR_EMU_DONE)
		return result;
	memcpy(expected, old, len);
	err = wr_gpa_cmpxchg(vcpu->vm, gpa, expected, new, len);
	switch (err) {
	case 0:
		return WR_EMU_DONE;
	case 1:
		return WR_EMU_RETRY;
	case -EINVAL:
		return emu_write(emu, la, new, len);
	case -ENXIO:
	case -EPERM:
		return wr_mmio_write(vcpu, gpa, new, len);
	default:
		return WR_EMU_UNKNOWN;
	}
}

static void ask_port(struct wr_vcpu *vcpu, u16 port, u32 len, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = len;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	vcpu->pio = (struct wr_pio) {
		.pending = true, .in = in, .string = true, .size = len, .port = port,
	};
}

static enum wr_emu_result emu_in(struct wr_emu *emu, u16 port, void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	struct wr_pio *pio = &vcpu->pio;

	if (pio->ready && pio->port == port && pio->size == len) {
		memcpy(data, vcpu->pio_data, len);
		return WR_EMU_DONE;
	}
	if (!wr_bus_read(vcpu, WR_BUS_PIO, port, len, data))
		return WR_EMU_DONE;
	ask_port(vcpu, port, len, true);
	return WR_EMU_EXIT;
}

/* The instruction is committed with the access still to be made by userspace, which cannot refuse it. */
static enum wr_emu_result emu_out(struct wr_emu *emu, u16 port, const void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);

	if (!wr_bus_write(vcpu, WR_BUS_PIO, port, len, data))
		return WR_EMU_DONE;
	memcpy(vcpu->pio_data, data, len);
	ask_port(vcpu, port, len, false);
	return WR_EMU_DONE;
}

static void emu_read_vec(struct wr_emu *emu, int reg, void *data, u32 len)
{
	wr_fpu_read_vec(emu_vcpu(emu), reg, data, len);
}

static void emu_write_vec(struct wr_emu *emu, int reg, const void *data, u32 len, bool clear_upper)
{
	wr_fpu_write_vec(emu_vcpu(emu), reg, data, len, clear_upper);
}

static u64 emu_read_cr(struct wr_emu *emu, int cr)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);

	switch (cr) {
	case 0: return vcpu->cr0;
	case 2: return vcpu->cr2;
	case 3: return vcpu->cr3;
	case 4: return vcpu->cr4;
	default: return wr_get_cr8(vcpu);
	}
}

static enum wr_emu_result emu_write_cr(struct wr_emu *emu, int cr, u64 value)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	int err = 0;

	switch (cr) {
	case 0:
		err = wr_set_cr0(vcpu, value);
		break;
	case 2:
		vcpu->cr2 = value;
		break;
	case 3:
		err = wr_set_cr3(vcpu, value);
		break;
	case 4:
		err = wr_set_cr4(vcpu, value);
		break;
	default:
		err = wr_set_cr8(vcpu, value);
		break;
	}
	if (!err)
		return WR_EMU_DONE;
	emu->fault.vector = X86_TRAP_GP;
	emu->fault.has_error = true;
	emu->fault.error = 0;
	return WR_EMU_FAULT;
}

static const struct wr_emu_ops emu_ops = {
	.segment = emu_segment,
	.set_segment = emu_set_segment,
	.table = emu_table,
	.set_table = emu_set_table,
	.read = emu_read,
	.write = emu_write,
	.probe_write = emu_probe_write,
	.cmpxchg = emu_cmpxchg,
	.in = emu_in,
	.out = emu_out,
	.read_vec = emu_read_vec,
	.write_vec = emu_write_vec,
	.read_cr = emu_read_cr,
	.write_cr = emu_write_cr,
};

static void load_regs(struct insn_emu *e, enum wr_emu_mode mode)
{
	struct wr_vcpu *vcpu = e->vcpu;

	e->emu.ops = &emu_ops;
	e->emu.mode = mode;
	e->emu.cpl = wr_backend->get_cpl(vcpu);
	e->emu.cr0 = vcpu->cr0;
	e->emu.cr4 = vcpu->cr4;
	e->emu.xcr0 = vcpu->fpu.xcr0;
	memcpy(e->emu.regs, vcpu->regs, sizeof(e->emu.regs));
	e->emu.rip = vcpu->rip;
	e->emu.rflags = vcpu->rflags;
	e->emu.repeat = false;
	e->emu.interrupt_shadow = false;
}

static void commit(struct insn_emu *e, const struct wr_insn *insn)
{
	struct wr_vcpu *vcpu = e->vcpu;

	memcpy(vcpu->regs, e->emu.regs, sizeof(vcpu->regs));
	vcpu->rflags = e->emu.rflags;
	vcpu->pio.ready = false;
	vcpu->stats.insns_emulated++;
	wr_mmio_forget_reads(vcpu);
	if (e->emu.repeat)
		vcpu->rip = e->emu.rip;
	else
		wr_insn_retire(vcpu, e->emu.rip);
	if (e->emu.interrupt_shadow)
		wr_backend->set_interrupt_shadow(vcpu, KVM_X86_SHADOW_INT_MOV_SS);
	if (insn->map == 0 && insn->opcode == OPCODE_IRET)
		wr_backend->set_nmi_mask(vcpu, false);
	/* POPF, STI and writes of CR8 may let interrupts in. */
	wr_vcpu_request(vcpu, WR_REQ_EVENT);
}

static enum wr_run_result raise_fault(struct wr_vcpu *vcpu, const struct wr_emu *emu)
{
	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.nr_writes = 0;
	if (emu->fault.vector == X86_TRAP_PF)
		wr_event_page_fault(vcpu, emu->fault.cr2, emu->fault.error);
	else if (emu->fault.has_error)
		wr_event_exception_error(vcpu, emu->fault.vector, emu->fault.error);
	else
		wr_event_exception(vcpu, emu->fault.vector);
	return WR_RUN_RESUME;
}

/* KVM_EXIT_INTERNAL_ERROR with the bytes that the emulator does not know. */
static enum wr_run_result unknown_instruction(struct wr_vcpu *vcpu, const u8 *bytes, u32 len)
{
	struct kvm_run *run = vcpu->run;

	wr_mmio_forget_reads(vcpu);
	vcpu->mmio.nr_writes = 0;
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

struct decode_arg {
	struct wr_insn_cache *cache;
	enum wr_emu_mode mode;
};

static int decode_step(void *arg, const u8 *bytes, u32 len)
{
	struct decode_arg *d = arg;

	return wr_decode_cached(d->cache, bytes, len, d->mode);
}

static bool wants_pause(struct wr_vcpu *vcpu)
{
	return signal_pending(current) || need_resched() || READ_ONCE(vcpu->requests) & ~BIT(WR_REQ_EVENT);
}

static enum wr_run_result execute(struct insn_emu *e, const struct wr_insn *insn, const u8 *bytes,
				  enum wr_emu_mode mode)
{
	struct wr_vcpu *vcpu = e->vcpu;
	int i;

	for (i = 0; i < REP_BATCH; i++) {
		load_regs(e, mode);
		vcpu->mmio.next_read = 0;
		switch (wr_execute(&e->emu, insn)) {
		case WR_EMU_DONE:
			commit(e, insn);
			break;
		case WR_EMU_FAULT:
			return raise_fault(vcpu, &e->emu);
		case WR_EMU_EXIT:
			vcpu->run_error = 0;
			return WR_RUN_USER;
		case WR_EMU_RETRY:
			vcpu->mmio.nr_writes = 0;
			continue;
		default:
			return unknown_instruction(vcpu, bytes, insn->len);
		}
		if (wr_mmio_send_writes(vcpu) || vcpu->pio.pending) {
			vcpu->run_error = 0;
			return WR_RUN_USER;
		}
		if (!e->emu.repeat || wants_pause(vcpu))
			break;
	}
	return WR_RUN_RESUME;
}

/**
 * wr_insn_emulate - run the instruction at RIP in the emulator
 * @vcpu: on its own thread, outside a stay
 *
 * Return: WR_RUN_RESUME when it is done, or faulted in the guest, or should be tried again; WR_RUN_USER when a device in
 * userspace must act, or the instruction is unknown.
 */
enum wr_run_result wr_insn_emulate(struct wr_vcpu *vcpu)
{
	struct insn_emu e = { .vcpu = vcpu };
	enum wr_emu_mode mode = wr_insn_mode(vcpu);
	u8 bytes[WR_INSN_MAX];
	struct decode_arg arg = { &vcpu->insn_cache, mode };
	u32 have;
	int err;

	/* With nested paging the hardware reads PDPTEs at each walk: so must we. */
	if (wr_is_paging(vcpu) && wr_is_pae(vcpu) && !wr_is_long_mode(vcpu))
		wr_load_pdptrs(vcpu, vcpu->cr3);
	err = fetch(vcpu, mode, bytes, &have, decode_step, &arg);
	if (err == -EOPNOTSUPP)
		return unknown_instruction(vcpu, bytes, have);
	if (err)
		return wr_insn_fault_result(vcpu, err);
	return execute(&e, &vcpu->insn_cache.insn, bytes, mode);
}
