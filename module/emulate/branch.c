// SPDX-License-Identifier: GPL-2.0-only
/*
 * Near branches.
 */
#include "insn.h"

/**
 * wr_emu_check_target - may a branch that stays in the code segment, or loads one without a descriptor, go there?
 * @x: the instruction
 * @target: already cut to the operand size
 *
 * Return: WR_EMU_DONE or a fault raised.
 */
enum wr_emu_result wr_emu_check_target(struct wr_exec *x, u64 target)
{
	struct kvm_segment cs;
	u64 la;

	if (in_64bit(x))
		return wr_emu_linear(x, SEG_CS, target, 1, false, &la);
	x->emu->ops->segment(x->emu, SEG_CS, &cs);
	return target > cs.limit ? wr_emu_raise(x, VECTOR_GP) : WR_EMU_DONE;
}

static enum wr_emu_result branch(struct wr_exec *x, u64 target)
{
	enum wr_emu_result ret;

	target &= size_mask(x->insn->op_size);
	ret = wr_emu_check_target(x, target);
	if (!ret)
		x->rip = target;
	return ret;
}

enum wr_emu_result wr_do_jmp(struct wr_exec *x)
{
	return branch(x, x->src);
}

/* The distance was sign-extended to the operand size, to which the sum is cut. */
enum wr_emu_result wr_do_jmp_rel(struct wr_exec *x)
{
	return branch(x, x->rip + x->src);
}

enum wr_emu_result wr_do_jcc(struct wr_exec *x)
{
	return wr_emu_condition(x, x->insn->opcode) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

/* Counts CX, ECX or RCX down, by address size. */
static u64 count_down(struct wr_exec *x)
{
	u64 mask = size_mask(x->insn->addr_size);
	u64 count = (x->emu->regs[REG_CX] - 1) & mask;

	wr_reg_set_masked(x->emu, REG_CX, mask, count);
	return count;
}

enum wr_emu_result wr_do_loop(struct wr_exec *x)
{
	return count_down(x) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_loope(struct wr_exec *x)
{
	return count_down(x) && flag_is(x, X86_EFLAGS_ZF) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_loopne(struct wr_exec *x)
{
	return count_down(x) && !flag_is(x, X86_EFLAGS_ZF) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_jcxz(struct wr_exec *x)
{
	u64 count = x->emu->regs[REG_CX] & size_mask(x->insn->addr_size);

	return count ? WR_EMU_DONE : wr_do_jmp_rel(x);
}

static enum wr_emu_result call(struct wr_exec *x, u64 target)
{
	u64 back = x->rip;
	enum wr_emu_result ret = branch(x, target);

	return ret ? ret : wr_emu_push(x, &back, 1, x->insn->op_size);
}

enum wr_emu_result wr_do_call(struct wr_exec *x)
{
	return call(x, x->src);
}

enum wr_emu_result wr_do_call_rel(struct wr_exec *x)
{
	return call(x, x->rip + x->src);
}

/* Drops what the caller pushed, after a return. */
static void release_stack(struct wr_exec *x, u64 bytes)
{
	wr_reg_set_masked(x->emu, REG_SP, wr_emu_stack_mask(x), x->emu->regs[REG_SP] + bytes);
}

enum wr_emu_result wr_do_ret(struct wr_exec *x)
{
	u64 target;
	enum wr_emu_result ret = wr_emu_pop(x, &target, x->insn->op_size);

	if (!ret)
		ret = branch(x, target);
	if (!ret)
		release_stack(x, x->src);
	return ret;
}
