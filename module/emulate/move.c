// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves between registers, memory, segment registers and the stack.
 */
#include <linux/string.h>
#include <linux/swab.h>
#include <asm/processor.h>

#include "insn.h"

#define TYPE_DATA	3	/* readable, writable, accessed */

/* Also MOVZX and MOVNTI: the source is already zero-extended. */
enum wr_emu_result wr_do_mov(struct wr_exec *x)
{
	x->dst = x->src;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_movsx(struct wr_exec *x)
{
	x->dst = sign_extend_size(x->src, x->insn->src.size);
	return WR_EMU_DONE;
}

/* Vendors differ on how much a 16-bit one reads. */
enum wr_emu_result wr_do_movsxd(struct wr_exec *x)
{
	if (x->insn->op_size == 2)
		return WR_EMU_UNKNOWN;
	return wr_do_movsx(x);
}

enum wr_emu_result wr_do_movbe(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;

	x->dst = swab64(x->src) >> (64 - size * 8);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_lea(struct wr_exec *x)
{
	x->dst = wr_emu_offset(x);
	return WR_EMU_DONE;
}

/* A pair of signed bounds in memory */
enum wr_emu_result wr_do_bound(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	u64 pair = 0;
	enum wr_emu_result ret = wr_emu_operand_address(x, 2 * size, false);
	s64 index = sign_extend_size(wr_reg_get(x->emu, x->insn->dst.reg, size, false), size);

	if (!ret)
		ret = wr_emu_read(x, x->la, &pair, 2 * size);
	if (ret)
		return ret;
	if (index < sign_extend_size(pair, size) || index > sign_extend_size(pair >> size * 8, size))
		return wr_emu_raise(x, VECTOR_BR);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_xlat(struct wr_exec *x)
{
	const struct wr_insn *insn = x->insn;
	u64 offset = x->emu->regs[REG_BX] + (x->emu->regs[REG_AX] & 0xff), la;
	enum wr_emu_result ret;
	u8 value;

	ret = wr_emu_linear(x, insn->seg, offset & size_mask(insn->addr_size), 1, false, &la);
	if (!ret)
		ret = wr_emu_read(x, la, &value, 1);
	if (!ret)
		wr_reg_set(x->emu, REG_AX, 1, false, value);
	return ret;
}

enum wr_emu_result wr_do_salc(struct wr_exec *x)
{
	wr_reg_set(x->emu, REG_AX, 1, false, flag_is(x, X86_EFLAGS_CF) ? 0xff : 0);
	return WR_EMU_DONE;
}

#define FLAGS_IN_AH	(FLAGS_ARITH & 0xff)

enum wr_emu_result wr_do_lahf(struct wr_exec *x)
{
	wr_reg_set(x->emu, REG_AX, 1, true, (x->emu->rflags & FLAGS_IN_AH) | X86_EFLAGS_FIXED);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_sahf(struct wr_exec *x)
{
	u64 ah = wr_reg_get(x->emu, REG_AX, 1, true);

	x->emu->rflags = (x->emu->rflags & ~(u64)FLAGS_IN_AH) | (ah & FLAGS_IN_AH);
	return WR_EMU_DONE;
}

/* Memory gets 16 bits whatever the operand size. */
enum wr_emu_result wr_do_mov_from_seg(struct wr_exec *x)
{
	if (!is_mem(&x->insn->dst)) {
		x->dst = x->src;
		return WR_EMU_DONE;
	}
	x->keep = true;
	return wr_emu_write(x, x->la, &x->src, 2);
}

/**
 * wr_emu_load_segment - load a segment register, in real mode without a descriptor
 * @x: the instruction
 * @seg: which
 * @selector: what
 *
 * In real mode limit and attributes stay. The last thing that an instruction does.
 * Return: WR_EMU_DONE; a fault raised; WR_EMU_UNKNOWN where nothing can be loaded.
 */
enum wr_emu_result wr_emu_load_segment(struct wr_exec *x, int seg, u16 selector)
{
	struct kvm_segment s;

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	if (!real_segments(x))
		return wr_emu_load_data(x, seg, selector);
	x->emu->ops->segment(x->emu, seg, &s);
	/* Protected mode may have left it unloaded. */
	if (s.unusable)
		s = (struct kvm_segment) { .limit = U16_MAX, .present = 1, .s = 1, .type = TYPE_DATA };
	s.selector = selector;
	s.base = (u32)selector << 4;
	x->emu->ops->set_segment(x->emu, seg, &s);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_mov_to_seg(struct wr_exec *x)
{
	int seg = x->insn->dst.reg;

	if (seg == SEG_CS)
		return wr_emu_raise(x, VECTOR_UD);
	x->emu->interrupt_shadow = seg == SEG_SS;
	x->emu->trap_shadow = seg == SEG_SS;
	return wr_emu_load_segment(x, seg, x->src);
}

/* Processors of AMD have no far pointers of 8 bytes and a selector: REX.W does not count. */
static unsigned int far_size(const struct wr_exec *x)
{
	bool narrow = boot_cpu_data.x86_vendor == X86_VENDOR_AMD || boot_cpu_data.x86_vendor == X86_VENDOR_HYGON;

	return narrow ? min_t(unsigned int, x->insn->op_size, 4) : x->insn->op_size;
}

/**
 * wr_emu_read_pointer - read a far pointer: the offset, then the selector
 * @x: the instruction; the pointer is its memory operand
 * @offset: zero-extended
 * @selector: what it says
 *
 * Return: WR_EMU_DONE; what the access returned; WR_EMU_UNKNOWN where no segment can be loaded.
 */
enum wr_emu_result wr_emu_read_pointer(struct wr_exec *x, u64 *offset, u16 *selector)
{
	unsigned int size = far_size(x);
	u8 pointer[WR_FAR_MAX] = { };
	enum wr_emu_result ret;

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	ret = wr_emu_operand_address(x, size + 2, false);
	if (!ret)
		ret = wr_emu_read(x, x->la, pointer, size + 2);
	*offset = 0;
	memcpy(offset, pointer, size);
	memcpy(selector, pointer + size, sizeof(*selector));
	return ret;
}

static enum wr_emu_result load_far(struct wr_exec *x, int seg)
{
	const struct wr_operand *dst = &x->insn->dst;
	unsigned int size = far_size(x);
	enum wr_emu_result ret;
	u16 selector;
	u64 offset;

	ret = wr_emu_read_pointer(x, &offset, &selector);
	if (ret)
		return ret;
	wr_reg_set(x->emu, dst->reg, size, false, offset);
	return wr_emu_load_segment(x, seg, selector);
}

enum wr_emu_result wr_do_les(struct wr_exec *x)
{
	return load_far(x, SEG_ES);
}

enum wr_emu_result wr_do_lds(struct wr_exec *x)
{
	return load_far(x, SEG_DS);
}

enum wr_emu_result wr_do_lss(struct wr_exec *x)
{
	return load_far(x, SEG_SS);
}

enum wr_emu_result wr_do_lfs(struct wr_exec *x)
{
	return load_far(x, SEG_FS);
}

enum wr_emu_result wr_do_lgs(struct wr_exec *x)
{
	return load_far(x, SEG_GS);
}

enum wr_emu_result wr_do_push(struct wr_exec *x)
{
	return wr_emu_push(x, &x->src, 1, x->insn->op_size);
}

/*
 * Its destination is computed after RSP moved, and written after RSP was: POP RSP loads what was
 * popped.
 */
enum wr_emu_result wr_do_pop(struct wr_exec *x)
{
	return wr_emu_pop(x, &x->dst, x->insn->op_size);
}

enum wr_emu_result wr_do_pop_seg(struct wr_exec *x)
{
	int seg = x->insn->dst.reg;
	u64 selector;
	enum wr_emu_result ret;

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	ret = wr_emu_pop(x, &selector, x->insn->op_size);
	if (ret)
		return ret;
	x->emu->interrupt_shadow = seg == SEG_SS;
	x->emu->trap_shadow = seg == SEG_SS;
	return wr_emu_load_segment(x, seg, selector);
}

/* In the order of the encoding, RSP as it was before. */
enum wr_emu_result wr_do_pusha(struct wr_exec *x)
{
	return wr_emu_push(x, x->emu->regs, 8, x->insn->op_size);
}

enum wr_emu_result wr_do_popa(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	enum wr_emu_result ret;
	u64 value;
	int reg;

	for (reg = REG_DI; reg >= REG_AX; reg--) {
		ret = wr_emu_pop(x, &value, size);
		if (ret)
			return ret;
		if (reg != REG_SP)
			wr_reg_set(x->emu, reg, size, false, value);
	}
	return WR_EMU_DONE;
}

#define MAX_LEVEL	31

/* What ENTER has pushed before it reads an outer frame is in no memory yet: put it where it overlaps what was read. */
static void overlay(u64 *value, u64 at, u64 sp, const u64 *pushed, unsigned int n, unsigned int size, u64 mask)
{
	unsigned int i;
	u64 down;

	for (i = 0; i < size; i++) {
		down = (sp - 1 - (at + i)) & mask;
		if (down >= n * size)
			continue;
		((u8 *)value)[i] = ((const u8 *)&pushed[down / size])[size - 1 - down % size];
	}
}

/* The pointers to outer frames, which the new frame begins with; pushed[0] is there. */
static enum wr_emu_result read_frames(struct wr_exec *x, unsigned int n, u64 mask, u64 *pushed)
{
	u64 bp = x->emu->regs[REG_BP], sp = x->emu->regs[REG_SP], la;
	unsigned int size = x->insn->op_size, i;
	enum wr_emu_result ret;

	for (i = 1; i <= n; i++) {
		bp = (bp - size) & mask;
		ret = wr_emu_linear(x, SEG_SS, bp, size, false, &la);
		if (!ret)
			ret = wr_emu_read(x, la, &pushed[i], size);
		if (ret)
			return ret;
		overlay(&pushed[i], bp, sp, pushed, i, size, mask);
	}
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_enter(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;
	unsigned int size = x->insn->op_size, level = x->src2 & MAX_LEVEL;
	u64 mask = wr_emu_stack_mask(x), pushed[MAX_LEVEL + 2] = { }, frame, bottom, la;
	enum wr_emu_result ret;

	frame = emu->regs[REG_SP] - size;
	pushed[0] = emu->regs[REG_BP];
	if (level) {
		ret = read_frames(x, level - 1, mask, pushed);
		if (ret)
			return ret;
		pushed[level] = frame;
	}
	/* The final stack pointer must be good for a write too, before anything is written. */
	bottom = (emu->regs[REG_SP] - size * (level + 1) - x->src) & mask;
	ret = wr_emu_linear(x, SEG_SS, bottom, size, true, &la);
	if (!ret)
		ret = wr_emu_probe(x, la, size);
	if (!ret)
		ret = wr_emu_push(x, pushed, level + 1, size);
	if (ret)
		return ret;
	wr_reg_set(emu, REG_BP, size, false, frame);
	wr_reg_set_masked(emu, REG_SP, mask, bottom);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_leave(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;
	enum wr_emu_result ret;
	u64 frame;

	wr_reg_set_masked(emu, REG_SP, wr_emu_stack_mask(x), emu->regs[REG_BP]);
	ret = wr_emu_pop(x, &frame, x->insn->op_size);
	if (!ret)
		wr_reg_set(emu, REG_BP, x->insn->op_size, false, frame);
	return ret;
}
