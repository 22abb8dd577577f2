// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the emulator may do to a vCPU: struct wr_emu_ops on its registers, its memory and its devices.
 */
#include <linux/mm.h>
#include <asm/processor-flags.h>

#include "backend.h"
#include "debug.h"
#include "emuops.h"
#include "fpu.h"
#include "insn.h"
#include "state.h"
#include "trace.h"

static struct wr_vcpu *emu_vcpu(struct wr_emu *emu)
{
	return container_of(emu, struct wr_insn_emu, emu)->vcpu;
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

	if (emu->system)
		access |= WR_ACC_IMPLICIT;
	else if (emu->cpl == 3)
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
static bool is_exit_access(struct wr_emu *emu, u64 la, u32 len, bool write)
{
	const struct wr_insn_emu *e = container_of(emu, struct wr_insn_emu, emu);
	const struct wr_mmio *mmio = &e->vcpu->mmio;

	return e->one_access && mmio->gpa_known && mmio->exit_writes == write && offset_in_page(la) == offset_in_page(mmio->gpa) &&
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

	if (is_exit_access(emu, la, len, false))
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

	if (is_exit_access(emu, la, len, true))
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

/* Elements that userspace is asked for at once: as many as will go to memory without a stop between. */
static u16 batch_size(struct wr_emu *emu)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	u64 gpa;

	if (emu->ahead == 1 || vcpu->rflags & X86_EFLAGS_TF || wr_debug_steps(vcpu))
		return 1;
	if (translate(emu, emu->ahead_la, WR_ACC_WRITE, &gpa) || !wr_gpa_is_ram(vcpu->vm, gpa, true))
		return 1;
	return emu->ahead;
}

/**
 * wr_pio_tell - ask userspace for the elements in vcpu->pio
 * @vcpu: on its own thread
 */
void wr_pio_tell(struct wr_vcpu *vcpu)
{
	const struct wr_pio *pio = &vcpu->pio;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = pio->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = pio->size;
	run->io.port = pio->port;
	run->io.count = pio->count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
}

static void ask_port(struct wr_vcpu *vcpu, u16 port, u32 len, u16 count, bool in)
{
	vcpu->pio = (struct wr_pio) {
		.pending = true, .in = in, .string = true, .size = len, .port = port, .count = count, .rip = vcpu->rip,
	};
	wr_pio_tell(vcpu);
}

static void trace_string(struct wr_vcpu *vcpu, bool in, u16 port, const void *data, u32 len)
{
	u32 value = 0;

	if (!trace_warren_pio_enabled())
		return;
	memcpy(&value, data, min_t(u32, len, sizeof(value)));
	trace_warren_pio(vcpu, in, port, len, value);
}

static bool emu_port_exited(struct wr_emu *emu, u16 port, u32 len, bool in)
{
	const struct wr_io *io = &emu_vcpu(emu)->io;

	return io->exited && io->port == port && io->size == len && io->in == in;
}

static enum wr_emu_result emu_in(struct wr_emu *emu, u16 port, void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	struct wr_pio *pio = &vcpu->pio;

	if (pio->ready && pio->port == port && pio->size == len && pio->rip == vcpu->rip) {
		memcpy(data, vcpu->pio_data + pio->taken * len, len);
		return WR_EMU_DONE;
	}
	if (!wr_bus_read(vcpu, WR_BUS_PIO, port, len, data)) {
		trace_string(vcpu, true, port, data, len);
		return WR_EMU_DONE;
	}
	ask_port(vcpu, port, len, batch_size(emu), true);
	return WR_EMU_EXIT;
}

/*
 * The instruction is committed with the access still to be made by userspace, which cannot refuse it. Further elements join
 * it, see wr_pio_collects().
 */
static enum wr_emu_result emu_out(struct wr_emu *emu, u16 port, const void *data, u32 len)
{
	struct wr_vcpu *vcpu = emu_vcpu(emu);
	u16 before = vcpu->pio.pending ? vcpu->pio.count : 0;

	trace_string(vcpu, false, port, data, len);
	if (!before && !wr_bus_write(vcpu, WR_BUS_PIO, port, len, data))
		return WR_EMU_DONE;
	memcpy(vcpu->pio_data + before * len, data, len);
	ask_port(vcpu, port, len, before + 1, false);
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

static struct fxregs_state *emu_x87(struct wr_emu *emu)
{
	return wr_fpu_x87(emu_vcpu(emu));
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
	.port_exited = emu_port_exited,
	.in = emu_in,
	.out = emu_out,
	.read_vec = emu_read_vec,
	.write_vec = emu_write_vec,
	.x87 = emu_x87,
	.read_cr = emu_read_cr,
	.write_cr = emu_write_cr,
};

/**
 * wr_insn_mode - how code of a segment is decoded
 * @vcpu: on its own thread
 * @code: its code segment
 */
enum wr_emu_mode wr_insn_mode(const struct wr_vcpu *vcpu, const struct wr_code *code)
{
	if (!(vcpu->cr0 & X86_CR0_PE))
		return WR_EMU_REAL;
	if (vcpu->rflags & X86_EFLAGS_VM)
		return WR_EMU_VM86;
	if (wr_is_long_mode(vcpu) && code->l)
		return WR_EMU_PROT64;
	return code->db ? WR_EMU_PROT32 : WR_EMU_PROT16;
}

/**
 * wr_insn_emu_load - give the emulator a copy of the registers
 * @e: whose vcpu is set
 * @mode: from wr_insn_mode()
 * @code: the code segment
 */
void wr_insn_emu_load(struct wr_insn_emu *e, enum wr_emu_mode mode, const struct wr_code *code)
{
	struct wr_vcpu *vcpu = e->vcpu;

	e->emu.ops = &emu_ops;
	e->emu.mode = mode;
	e->emu.cpl = code->cpl;
	e->emu.long_mode = wr_is_long_mode(vcpu);
	e->emu.system = false;
	e->emu.cr0 = vcpu->cr0;
	e->emu.cr4 = vcpu->cr4;
	e->emu.xcr0 = vcpu->fpu.xcr0;
	memcpy(e->emu.regs, vcpu->regs, sizeof(e->emu.regs));
	e->emu.rip = vcpu->rip;
	e->emu.rflags = vcpu->rflags;
	e->emu.repeat = false;
	e->emu.interrupt_shadow = false;
	e->emu.breakpoints = vcpu->debug.control & KVM_GUESTDBG_USE_SW_BP;
}
