// SPDX-License-Identifier: GPL-2.0-only
/*
 * What boot code does with the x87 before it uses it, and moves of MMX registers. Of arithmetic there is none.
 */
#include <linux/string.h>
#include <asm/page_types.h>
#include <asm/fpu/types.h>

#include "insn.h"

#define FCW_RESET	0x37f
#define FCW_WRITABLE	0x1f3f
#define FCW_FIXED	0x40
#define FSW_EXCEPTIONS	0x3f
#define FSW_SUMMARY	0x8080		/* ES, B */
#define FSW_CLEARED	0x80ff		/* by FNCLEX */
#define FSW_TOP		0x3800
#define FSW_TOP_SHIFT	11
#define ST_WORDS	4		/* of a register in the image */
#define TAGS_VALID	0xff		/* FXSAVE's short form */

static struct fxregs_state *state(const struct wr_exec *x)
{
	return x->emu->ops->x87(x->emu);
}

static enum wr_emu_result check_x87(struct wr_exec *x)
{
	if (!x->emu->ops->x87)
		return WR_EMU_UNKNOWN;
	return x->emu->cr0 & (X86_CR0_EM | X86_CR0_TS) ? wr_emu_raise(x, VECTOR_NM) : WR_EMU_DONE;
}

/* Those that wait report what an instruction before left; the interrupt of old machines is not known here. */
static enum wr_emu_result check_pending(struct wr_exec *x)
{
	if (!(state(x)->swd & FSW_SUMMARY))
		return WR_EMU_DONE;
	return x->emu->cr0 & X86_CR0_NE ? wr_emu_raise(x, VECTOR_MF) : WR_EMU_UNKNOWN;
}

enum wr_emu_result wr_do_fwait(struct wr_exec *x)
{
	const u32 both = X86_CR0_MP | X86_CR0_TS;

	if (!x->emu->ops->x87)
		return WR_EMU_UNKNOWN;
	if ((x->emu->cr0 & both) == both)
		return wr_emu_raise(x, VECTOR_NM);
	return check_pending(x);
}

enum wr_emu_result wr_do_fldcw(struct wr_exec *x)
{
	enum wr_emu_result ret = check_x87(x);
	u16 control;

	if (!ret)
		ret = check_pending(x);
	if (!ret)
		ret = wr_emu_operand_address(x, sizeof(control), false);
	if (!ret)
		ret = wr_emu_read(x, x->la, &control, sizeof(control));
	if (ret)
		return ret;
	control = (control & FCW_WRITABLE) | FCW_FIXED;
	state(x)->cwd = control;
	state(x)->swd &= ~FSW_SUMMARY;
	if (state(x)->swd & ~control & FSW_EXCEPTIONS)
		state(x)->swd |= FSW_SUMMARY;
	return WR_EMU_DONE;
}

static enum wr_emu_result store(struct wr_exec *x, bool status)
{
	enum wr_emu_result ret = check_x87(x);
	u16 word;

	if (!ret)
		ret = wr_emu_operand_address(x, sizeof(word), true);
	if (ret)
		return ret;
	word = status ? state(x)->swd : state(x)->cwd;
	return wr_emu_write(x, x->la, &word, sizeof(word));
}

enum wr_emu_result wr_do_fnstcw(struct wr_exec *x)
{
	return store(x, false);
}

enum wr_emu_result wr_do_fnstsw(struct wr_exec *x)
{
	return store(x, true);
}

#define MODRM_AX	0xe0

enum wr_emu_result wr_do_fnstsw_ax(struct wr_exec *x)
{
	enum wr_emu_result ret = check_x87(x);

	if (ret)
		return ret;
	if (x->insn->modrm != MODRM_AX)
		return WR_EMU_UNKNOWN;
	wr_reg_set(x->emu, REG_AX, 2, false, state(x)->swd);
	return WR_EMU_DONE;
}

/* DB E2, E3, E4: FNCLEX, FNINIT, FNSETPM (of the 80287: nothing) */
enum wr_emu_result wr_do_fninit(struct wr_exec *x)
{
	enum wr_emu_result ret = check_x87(x);

	if (ret)
		return ret;
	switch (x->insn->modrm) {
	case 0xe2:
		state(x)->swd &= ~FSW_CLEARED;
		return WR_EMU_DONE;
	case 0xe3:
		memset(state(x), 0, offsetof(struct fxregs_state, mxcsr));
		state(x)->cwd = FCW_RESET;
		return WR_EMU_DONE;
	case 0xe4:
		return WR_EMU_DONE;
	default:
		return WR_EMU_UNKNOWN;
	}
}

static enum wr_emu_result check_mmx(struct wr_exec *x)
{
	if (!x->emu->ops->x87)
		return WR_EMU_UNKNOWN;
	if (x->emu->cr0 & X86_CR0_EM)
		return wr_emu_raise(x, VECTOR_UD);
	return x->emu->cr0 & X86_CR0_TS ? wr_emu_raise(x, VECTOR_NM) : check_pending(x);
}

static unsigned int top(const struct fxregs_state *fx)
{
	return (fx->swd & FSW_TOP) >> FSW_TOP_SHIFT;
}

/* An MMX register is the low part of an x87 one: of that in the CPU, while the image begins with the one on top of the stack. */
static u64 *mmx(const struct wr_exec *x, u8 reg)
{
	struct fxregs_state *fx = state(x);

	return (u64 *)&fx->st_space[((reg - top(fx)) & 7) * ST_WORDS];
}

/* Any MMX instruction leaves the stack's top at register 0. */
static void mmx_used(const struct wr_exec *x, u8 tags)
{
	struct fxregs_state *fx = state(x);
	unsigned int i, first = top(fx);
	u32 old[8 * ST_WORDS];

	BUILD_BUG_ON(sizeof(old) != sizeof(fx->st_space));
	memcpy(old, fx->st_space, sizeof(old));
	for (i = 0; i < 8; i++)
		memcpy(&fx->st_space[i * ST_WORDS], &old[((i - first) & 7) * ST_WORDS], ST_WORDS * sizeof(u32));
	fx->swd &= ~FSW_TOP;
	fx->twd = tags;
}

static void mmx_set(struct wr_exec *x, u8 reg, u64 value)
{
	*mmx(x, reg) = value;
	/* Sign and exponent */
	*((u16 *)(mmx(x, reg) + 1)) = U16_MAX;
}

/* MOVQ and MOVD to an MMX register; of what is not there an operand is 0 */
enum wr_emu_result wr_do_mmx_load(struct wr_exec *x)
{
	const struct wr_operand *src = &x->insn->src;
	enum wr_emu_result ret = check_mmx(x);
	u64 value = 0;

	if (!ret && is_mem(src))
		ret = wr_emu_operand_address(x, src->size, false);
	if (!ret && is_mem(src))
		ret = wr_emu_read(x, x->la, &value, src->size);
	if (ret)
		return ret;
	if (src->kind == WR_OP_REG)
		value = wr_reg_get(x->emu, src->reg, src->size, false);
	else if (src->kind == WR_OP_MMX)
		value = *mmx(x, src->reg);
	mmx_used(x, TAGS_VALID);
	mmx_set(x, x->insn->dst.reg, value);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_mmx_store(struct wr_exec *x)
{
	const struct wr_operand *dst = &x->insn->dst;
	enum wr_emu_result ret = check_mmx(x);
	u64 value;

	if (ret)
		return ret;
	value = *mmx(x, x->insn->src.reg);
	if (is_mem(dst)) {
		ret = wr_emu_operand_address(x, dst->size, true);
		if (!ret)
			ret = wr_emu_write(x, x->la, &value, dst->size);
	} else if (dst->kind == WR_OP_REG) {
		wr_reg_set(x->emu, dst->reg, dst->size, false, value);
	}
	if (ret)
		return ret;
	mmx_used(x, TAGS_VALID);
	if (dst->kind == WR_OP_MMX)
		mmx_set(x, dst->reg, value);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_emms(struct wr_exec *x)
{
	enum wr_emu_result ret = check_mmx(x);

	if (!ret)
		mmx_used(x, 0);
	return ret;
}
