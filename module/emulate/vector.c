// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moves of vector registers to and from memory, SSE and AVX.
 */
#include <linux/string.h>

#include "insn.h"

#define XCR0_SSE_AVX	6ULL

/* May vector instructions be used at all? A scalar one has no 256-bit form. */
static enum wr_emu_result check_available(struct wr_exec *x)
{
	const struct wr_emu *emu = x->emu;
	u64 need = x->insn->vex ? X86_CR4_OSXSAVE : X86_CR4_OSFXSR;

	if (!(emu->cr4 & need))
		return wr_emu_raise(x, VECTOR_UD);
	if (x->insn->vex && (emu->xcr0 & XCR0_SSE_AVX) != XCR0_SSE_AVX)
		return wr_emu_raise(x, VECTOR_UD);
	if (!x->insn->vex && emu->cr0 & X86_CR0_EM)
		return wr_emu_raise(x, VECTOR_UD);
	if (emu->cr0 & X86_CR0_TS)
		return wr_emu_raise(x, VECTOR_NM);
	return WR_EMU_DONE;
}

/* MOVSS and MOVSD ignore VEX.L, the other partial moves do not have it. */
static enum wr_emu_result check_partial(struct wr_exec *x)
{
	const struct wr_insn *insn = x->insn;

	if (insn->vex && insn->op_size == 32 && insn->opcode != 0x10 && insn->opcode != 0x11)
		return wr_emu_raise(x, VECTOR_UD);
	return check_available(x);
}

static enum wr_emu_result locate(struct wr_exec *x, const struct wr_operand *op, bool write,
				 bool aligned)
{
	enum wr_emu_result ret = wr_emu_operand_address(x, op->size, write);

	if (!ret && aligned && x->la & (op->size - 1))
		return wr_emu_raise(x, VECTOR_GP);
	return ret;
}

/* Reads a register or memory into a zeroed buffer. */
static enum wr_emu_result fetch_vec(struct wr_exec *x, bool aligned, u8 *data)
{
	const struct wr_operand *src = &x->insn->src;
	enum wr_emu_result ret;

	memset(data, 0, WR_EMU_MAX_OPERAND);
	switch (src->kind) {
	case WR_OP_VEC:
		x->emu->ops->read_vec(x->emu, src->reg, data, src->size);
		return WR_EMU_DONE;
	case WR_OP_REG:
		memcpy(data, &x->emu->regs[src->reg], src->size);
		return WR_EMU_DONE;
	default:
		ret = locate(x, src, false, aligned);
		return ret ? ret : wr_emu_read(x, x->la, data, src->size);
	}
}

static enum wr_emu_result store_vec(struct wr_exec *x, bool aligned, const u8 *data)
{
	const struct wr_operand *dst = &x->insn->dst;
	enum wr_emu_result ret;
	u64 value = 0;

	switch (dst->kind) {
	case WR_OP_VEC:
		x->emu->ops->write_vec(x->emu, dst->reg, data, dst->size, x->insn->vex);
		return WR_EMU_DONE;
	case WR_OP_REG:
		memcpy(&value, data, dst->size);
		wr_reg_set(x->emu, dst->reg, dst->size, false, value);
		return WR_EMU_DONE;
	default:
		ret = locate(x, dst, true, aligned);
		return ret ? ret : wr_emu_write(x, x->la, data, dst->size);
	}
}

static enum wr_emu_result move(struct wr_exec *x, bool aligned)
{
	u8 data[WR_EMU_MAX_OPERAND];
	enum wr_emu_result ret = check_available(x);

	if (!ret)
		ret = fetch_vec(x, aligned, data);
	return ret ? ret : store_vec(x, aligned, data);
}

enum wr_emu_result wr_do_vec_load(struct wr_exec *x)
{
	return move(x, false);
}

enum wr_emu_result wr_do_vec_load_aligned(struct wr_exec *x)
{
	return move(x, true);
}

enum wr_emu_result wr_do_vec_store(struct wr_exec *x)
{
	return move(x, false);
}

enum wr_emu_result wr_do_vec_store_aligned(struct wr_exec *x)
{
	return move(x, true);
}

/* 4 or 8 bytes from memory or a general register, zeros above them */
enum wr_emu_result wr_do_vec_load_low(struct wr_exec *x)
{
	u8 data[WR_EMU_MAX_OPERAND];
	enum wr_emu_result ret = check_partial(x);

	if (!ret)
		ret = fetch_vec(x, false, data);
	if (!ret)
		x->emu->ops->write_vec(x->emu, x->insn->dst.reg, data, 16, x->insn->vex);
	return ret;
}

enum wr_emu_result wr_do_vec_store_low(struct wr_exec *x)
{
	u8 data[WR_EMU_MAX_OPERAND];
	enum wr_emu_result ret = check_partial(x);

	if (ret)
		return ret;
	x->emu->ops->read_vec(x->emu, x->insn->src.reg, data, 16);
	return store_vec(x, false, data);
}

enum wr_emu_result wr_do_vec_store_high(struct wr_exec *x)
{
	u8 data[WR_EMU_MAX_OPERAND];
	enum wr_emu_result ret = check_partial(x);

	if (ret)
		return ret;
	x->emu->ops->read_vec(x->emu, x->insn->src.reg, data, 16);
	return store_vec(x, false, data + 8);
}

/* One half from memory, the other from the register itself or, with VEX, from a third one */
static enum wr_emu_result merge(struct wr_exec *x, unsigned int at)
{
	u8 data[WR_EMU_MAX_OPERAND], half[8];
	u8 other = x->insn->vex ? x->insn->vex_reg : x->insn->dst.reg;
	enum wr_emu_result ret = check_partial(x);

	if (!ret)
		ret = locate(x, &x->insn->src, false, false);
	if (!ret)
		ret = wr_emu_read(x, x->la, half, sizeof(half));
	if (ret)
		return ret;
	x->emu->ops->read_vec(x->emu, other, data, 16);
	memcpy(data + at, half, sizeof(half));
	x->emu->ops->write_vec(x->emu, x->insn->dst.reg, data, 16, x->insn->vex);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_vec_merge_low(struct wr_exec *x)
{
	return merge(x, 0);
}

enum wr_emu_result wr_do_vec_merge_high(struct wr_exec *x)
{
	return merge(x, 8);
}
