// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all instructions have in common: fetch the operands, run the handler, write the result,
 * move on.
 */
#include "compat.h"
#include "insn.h"

/**
 * wr_reg_get - read a general register
 * @emu: holds it
 * @reg: 0 to 15
 * @size: 1, 2, 4 or 8 bytes
 * @high8: AH to BH
 */
u64 wr_reg_get(const struct wr_emu *emu, unsigned int reg, unsigned int size, bool high8)
{
	return (emu->regs[reg] >> (high8 ? 8 : 0)) & size_mask(size);
}

/**
 * wr_reg_set_masked - replace some bits of a general register
 * @emu: holds it
 * @reg: 0 to 15
 * @mask: which; 32 bits clear the upper half as all writes of 32 bits do
 * @value: new bits
 */
void wr_reg_set_masked(struct wr_emu *emu, unsigned int reg, u64 mask, u64 value)
{
	u64 keep = mask == U32_MAX ? 0 : ~mask;

	emu->regs[reg] = (emu->regs[reg] & keep) | (value & mask);
}

/**
 * wr_reg_set - write a general register
 * @emu: holds it
 * @reg: 0 to 15
 * @size: 1, 2, 4 or 8 bytes
 * @high8: AH to BH
 * @value: new contents; bits past @size are ignored
 */
void wr_reg_set(struct wr_emu *emu, unsigned int reg, unsigned int size, bool high8, u64 value)
{
	if (high8)
		wr_reg_set_masked(emu, reg, 0xff00, value << 8);
	else
		wr_reg_set_masked(emu, reg, size_mask(size), value);
}

static bool is_atomic(const struct wr_exec *x)
{
	return x->insn->lock || x->insn->desc->flags & F_ATOMIC;
}

static enum wr_emu_result fetch_operand(struct wr_exec *x, const struct wr_operand *op, u64 *value)
{
	struct kvm_segment s;

	*value = 0;
	switch (op->kind) {
	case WR_OP_REG:
		*value = wr_reg_get(x->emu, op->reg, op->size, op->high8);
		return WR_EMU_DONE;
	case WR_OP_IMM:
		*value = op->imm & size_mask(op->size);
		return WR_EMU_DONE;
	case WR_OP_MEM:
		return wr_emu_read(x, x->la, value, op->size);
	case WR_OP_SEG:
		x->emu->ops->segment(x->emu, op->reg, &s);
		*value = s.selector;
		return WR_EMU_DONE;
	default:
		return WR_EMU_DONE;
	}
}

/* The memory operand, if there is one: it is dst or src. */
static enum wr_emu_result locate_memory(struct wr_exec *x)
{
	const struct wr_insn *insn = x->insn;
	u32 flags = insn->desc->flags;
	bool write = flags & F_WRITE && is_mem(&insn->dst);
	enum wr_emu_result ret;

	if (is_mem(&insn->src))
		return wr_emu_operand_address(x, insn->src.size, false);
	if (!is_mem(&insn->dst) || flags & F_LATE)
		return WR_EMU_DONE;
	ret = wr_emu_operand_address(x, insn->dst.size, write);
	/* What is read to be written faults as a write. */
	if (!ret && write && flags & F_READ)
		ret = wr_emu_probe(x, x->la, insn->dst.size);
	return ret;
}

static enum wr_emu_result fetch(struct wr_exec *x)
{
	const struct wr_insn *insn = x->insn;
	enum wr_emu_result ret = locate_memory(x);

	if (!ret && insn->desc->flags & F_READ)
		ret = fetch_operand(x, &insn->dst, &x->dst);
	if (!ret)
		ret = fetch_operand(x, &insn->src, &x->src);
	if (!ret && insn->src2.kind)
		ret = fetch_operand(x, &insn->src2, &x->src2);
	x->old = x->dst;
	return ret;
}

static enum wr_emu_result store(struct wr_exec *x)
{
	const struct wr_operand *dst = &x->insn->dst;
	enum wr_emu_result ret;

	if (dst->kind == WR_OP_REG) {
		wr_reg_set(x->emu, dst->reg, dst->size, dst->high8, x->dst);
		return WR_EMU_DONE;
	}
	if (x->insn->desc->flags & F_LATE) {
		ret = wr_emu_operand_address(x, dst->size, true);
		if (ret)
			return ret;
	}
	if (is_atomic(x))
		return wr_emu_swap(x, x->la, &x->old, &x->dst, dst->size);
	return wr_emu_write(x, x->la, &x->dst, dst->size);
}

static enum wr_emu_result run(struct wr_exec *x)
{
	u32 flags = x->insn->desc->flags;
	enum wr_emu_result ret = WR_EMU_DONE;

	if (flags & F_PRIV && x->emu->cpl)
		return wr_emu_raise(x, VECTOR_GP);
	if (!(flags & F_NOFETCH))
		ret = fetch(x);
	if (!ret)
		ret = x->insn->desc->run(x);
	if (!ret && flags & F_WRITE && !x->keep)
		ret = store(x);
	return ret;
}

/* Documented in emulate.h. */
enum wr_emu_result wr_execute(struct wr_emu *emu, const struct wr_insn *insn)
{
	struct wr_exec x = { .emu = emu, .insn = insn };
	enum wr_emu_result ret;

	if (!insn->desc->run)
		return WR_EMU_UNKNOWN;
	emu->repeat = false;
	emu->interrupt_shadow = false;
	emu->trap_shadow = false;
	emu->delivered = false;
	x.rip = emu->rip + insn->len;
	if (emu->mode != WR_EMU_PROT64)
		x.rip = (u32)x.rip;
	ret = run(&x);
	if (ret == WR_EMU_DONE && !emu->repeat) {
		emu->rip = x.rip;
		if (!x.keep_rf)
			emu->rflags &= ~X86_EFLAGS_RF;
	}
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_execute);
