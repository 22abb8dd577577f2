// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of a vCPU: fetch, step over, emulate.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "debug.h"
#include "fpu.h"
#include "insn.h"
#include "state.h"
#include "trace.h"

#define OPCODE_IRET	0xcf
#define OPCODE_MOVSX	0xbe	/* and 0xbf, after 0x0f */

/* How many iterations of a REP run before the guest, and what waits for the CPU, has its turn again */
#define REP_BATCH	128

/* struct insn_emu - the emulator's struct, and whom it works for */
struct insn_emu {
	struct wr_emu emu;
	struct wr_vcpu *vcpu;
	const struct wr_insn *insn;
	bool one_access;	/* it makes one access to memory at most: the one that exited */
	bool took;		/* it took what userspace has read from a port */
};

static struct wr_vcpu *emu_vcpu(struct wr_emu *emu)
{
	return container_of(emu, struct insn_emu, emu)->vcpu;
}

static enum wr_emu_mode code_mode(const struct wr_vcpu *vcpu, const struct wr_code *code)
{
	if (!(vcpu->cr0 & X86_CR0_PE))
		return WR_EMU_REAL;
	if (vcpu->rflags & X86_EFLAGS_VM)
		return WR_EMU_VM86;
	if (wr_is_long_mode(vcpu) && code->l)
		return WR_EMU_PROT64;
	return code->db ? WR_EMU_PROT32 : WR_EMU_PROT16;
}

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
	f->mode = code_mode(vcpu, &f->code);
	f->have = 0;
}

/*
 * Fetch up to @want bytes in all, not past the end of a page: code there may not be mapped, and is only touched when the
 * instruction goes on. 0, -EINTR with a page fault raised, or an error of wr_gva_read().
 */
static int fetch_more(struct wr_vcpu *vcpu, struct fetch *f, u32 want)
{
	u64 la = f->mode == WR_EMU_PROT64 ? vcpu->rip : (u32)(f->code.base + vcpu->rip);
	struct wr_walk walk;
	u32 len;
	int err;

	la += f->have;
	len = min_t(u32, want - f->have, PAGE_SIZE - offset_in_page(la));
	err = wr_gva_read(vcpu, la, WR_ACC_FETCH | (f->code.cpl == 3 ? WR_ACC_USER : 0),
			  f->bytes + f->have, len, &walk);
	if (err > 0) {
		wr_event_page_fault(vcpu, la, walk.error);
		return -EINTR;
	}
	if (!err)
		f->have += len;
	return err;
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

/*
 * Is this the access that exited? Then its address needs no second translation, and the exit has told that no memory is
 * there.
 */
static bool is_exit_access(struct wr_emu *emu, u64 la, u32 len)
{
	const struct insn_emu *e = container_of(emu, struct insn_emu, emu);
	const struct wr_mmio *mmio = &e->vcpu->mmio;

	return e->one_access && mmio->gpa_known && offset_in_page(la) == offset_in_page(mmio->gpa) &&
		offset_in_page(la) + len <= PAGE_SIZE;
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

	if (is_exit_access(emu, la, len))
		return wr_mmio_read(vcpu, vcpu->mmio.gpa, data, len);
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

	if (is_exit_access(emu, la, len))
		return wr_mmio_write(vcpu, vcpu->mmio.gpa, data, len);
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

static void ask_port(struct wr_vcpu *vcpu, u16 port, u32 len, u32 count, bool in)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = len;
	run->io.port = port;
	run->io.count = count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	vcpu->pio = (struct wr_pio) {
		.pending = true, .in = in, .string = true, .size = len, .port = port, .count = count, .rip = vcpu->rip,
	};
}

/*
 * How many elements of REP INS to read in one go: what is sure to find its place, since what was read from a device cannot be
 * given back. So none beyond the page of the first, and one at a time where each ends a step.
 */
static u32 read_ahead(struct insn_emu *e, u32 len)
{
	const struct wr_insn *insn = e->insn;
	u64 mask = insn->addr_size == 8 ? U64_MAX : BIT_ULL(insn->addr_size * 8) - 1;
	u64 count = e->emu.regs[WR_RCX] & mask;
	struct kvm_segment es = {};
	u64 room;

	if (!(insn->rep || insn->repne) || e->emu.rflags & (X86_EFLAGS_DF | X86_EFLAGS_TF) || wr_debug_steps(e->vcpu))
		return 1;
	if (e->emu.mode != WR_EMU_PROT64)
		wr_backend->get_segment(e->vcpu, WR_ES, &es);
	room = PAGE_SIZE - offset_in_page(es.base + (e->emu.regs[WR_RDI] & mask));
	return clamp_t(u64, room / len, 1, count);
}

static void trace_string(struct wr_vcpu *vcpu, bool in, u16 port, const void *data, u32 len)
{
	u32 value = 0;

	if (!trace_warren_pio_enabled())
		return;
	memcpy(&value, data, min_t(u32, len, sizeof(value)));
	trace_warren_pio(vcpu, in, port, len, value);
}

static enum wr_emu_result emu_in(struct wr_emu *emu, u16 port, void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	struct insn_emu *e = container_of(emu, struct insn_emu, emu);
	struct wr_pio *pio = &vcpu->pio;

	if (pio->ready && pio->port == port && pio->size == len && pio->rip == vcpu->rip) {
		memcpy(data, vcpu->pio_data + pio->taken * len, len);
		e->took = true;
		return WR_EMU_DONE;
	}
	if (!wr_bus_read(vcpu, WR_BUS_PIO, port, len, data)) {
		trace_string(vcpu, true, port, data, len);
		return WR_EMU_DONE;
	}
	ask_port(vcpu, port, len, read_ahead(e, len), true);
	return WR_EMU_EXIT;
}

/* The instruction is committed with the access still to be made by userspace, which cannot refuse it. */
static enum wr_emu_result emu_out(struct wr_emu *emu, u16 port, const void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);

	trace_string(vcpu, false, port, data, len);
	if (!wr_bus_write(vcpu, WR_BUS_PIO, port, len, data))
		return WR_EMU_DONE;
	memcpy(vcpu->pio_data, data, len);
	ask_port(vcpu, port, len, 1, false);
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
	default: return vcpu->cr8;
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

static void load_regs(struct insn_emu *e, const struct fetch *f)
{
	struct wr_vcpu *vcpu = e->vcpu;

	e->emu.ops = &emu_ops;
	e->emu.mode = f->mode;
	e->emu.cpl = f->code.cpl;
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
	bool guest_tf = vcpu->rflags & X86_EFLAGS_TF;

	memcpy(vcpu->regs, e->emu.regs, sizeof(vcpu->regs));
	/* TF as it was decides: POPF does not trap itself. */
	vcpu->rflags = e->emu.rflags;
	if (!e->emu.repeat)
		vcpu->rflags &= ~(u64)X86_EFLAGS_RF;
	vcpu->pio.ready = e->took && e->emu.repeat && ++vcpu->pio.taken < vcpu->pio.count;
	vcpu->stats.insns_emulated++;
	wr_mmio_forget_reads(vcpu);
	vcpu->rip = e->emu.rip;
	vcpu->interrupt_shadow = e->emu.interrupt_shadow;
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

	forget_accesses(vcpu);
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

/* Where in its page the memory operand begins. An exit names the second page when the first one had no fault. */
static u64 operand_offset(struct wr_vcpu *vcpu, const struct wr_insn *insn, const struct fetch *f)
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
	return offset_in_page(la);
}

/* Can move() do it? The exit has told the address; segments, rights and alignment were the hardware's to check. */
static bool is_plain_move(struct wr_vcpu *vcpu, const struct wr_insn *insn,
			  const struct fetch *f)
{
	const struct wr_operand *mem = insn->dst.kind == WR_OP_MEM ? &insn->dst : &insn->src;
	const struct wr_operand *other = mem == &insn->dst ? &insn->src : &insn->dst;

	return vcpu->mmio.gpa_known && makes_one_access(insn) && mem->kind == WR_OP_MEM &&
		(other->kind == WR_OP_REG || other->kind == WR_OP_IMM) &&
		(f->mode == WR_EMU_PROT64 || f->mode == WR_EMU_PROT32) &&
		offset_in_page(vcpu->mmio.gpa) + mem->size <= PAGE_SIZE &&
		offset_in_page(vcpu->mmio.gpa) == operand_offset(vcpu, insn, f);
}

/* MOV, MOVZX or MOVSX between a device and a register: nearly all there is. */
static enum wr_emu_result move(struct wr_vcpu *vcpu, const struct wr_insn *insn)
{
	const struct wr_operand *dst = &insn->dst, *src = &insn->src;
	enum wr_emu_result result;
	u64 value = 0;

	if (dst->kind == WR_OP_MEM) {
		value = src->imm;
		if (src->kind == WR_OP_REG)
			value = vcpu->regs[src->reg] >> (src->high8 ? 8 : 0);
		return wr_mmio_write(vcpu, vcpu->mmio.gpa, &value, dst->size);
	}
	result = wr_mmio_read(vcpu, vcpu->mmio.gpa, &value, src->size);
	if (result != WR_EMU_DONE)
		return result;
	if (insn->map == 1 && insn->opcode >= OPCODE_MOVSX)
		value = sign_extend64(value, src->size * 8 - 1);
	wr_reg_merge(&vcpu->regs[dst->reg], value, dst->size, dst->high8);
	return WR_EMU_DONE;
}

static enum wr_run_result plain_move(struct wr_vcpu *vcpu, const struct wr_insn *insn,
				     const struct fetch *f)
{
	u64 next = vcpu->rip + insn->len;

	vcpu->mmio.next_read = 0;
	vcpu->run_error = 0;
	switch (move(vcpu, insn)) {
	case WR_EMU_DONE:
		break;
	case WR_EMU_EXIT:
		vcpu->mmio.rip = vcpu->rip;
		return WR_RUN_USER;
	default:
		return unknown_instruction(vcpu, f->bytes, insn->len);
	}
	vcpu->stats.insns_emulated++;
	wr_mmio_forget_reads(vcpu);
	wr_insn_retire(vcpu, f->mode == WR_EMU_PROT64 ? next : (u32)next);
	return wr_mmio_send_writes(vcpu) ? WR_RUN_USER : WR_RUN_RESUME;
}

static noinline enum wr_run_result execute_any(struct wr_vcpu *vcpu, const struct wr_insn *insn,
					       const struct fetch *f)
{
	struct insn_emu emu, *e = &emu;
	int i;

	e->vcpu = vcpu;
	e->insn = insn;
	e->one_access = makes_one_access(insn);
	for (i = 0; i < REP_BATCH || vcpu->pio.ready; i++) {
		load_regs(e, f);
		e->took = false;
		vcpu->mmio.next_read = 0;
		switch (wr_execute(&e->emu, insn)) {
		case WR_EMU_DONE:
			commit(e, insn);
			break;
		case WR_EMU_FAULT:
			return raise_fault(vcpu, &e->emu);
		case WR_EMU_EXIT:
			vcpu->mmio.rip = vcpu->rip;
			vcpu->run_error = 0;
			return WR_RUN_USER;
		case WR_EMU_RETRY:
			vcpu->mmio.nr_writes = 0;
			continue;
		default:
			return unknown_instruction(vcpu, f->bytes, insn->len);
		}
		if (wr_mmio_send_writes(vcpu) || vcpu->pio.pending) {
			vcpu->run_error = 0;
			return WR_RUN_USER;
		}
		if (!e->emu.repeat || vcpu->event.exception.pending)
			break;
		/* What userspace has read is taken first: no state that it can save has it. */
		if (!vcpu->pio.ready && wants_pause(vcpu))
			break;
	}
	return WR_RUN_RESUME;
}

/* A plain move has nothing to wait for; all else may touch memory that the host has to bring in. */
static enum wr_run_result execute(struct wr_vcpu *vcpu, const struct fetch *f)
{
	const struct wr_insn *insn = &insn_cache(vcpu)->insn;

	if (is_plain_move(vcpu, insn, f))
		return plain_move(vcpu, insn, f);
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

	if (wr_is_pae_paging(vcpu)) {
		if (vcpu->in_stay)
			return WR_RUN_SLEEPABLE;
		wr_backend->sync_pdptrs(vcpu);
	}
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
