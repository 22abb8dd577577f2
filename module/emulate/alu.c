// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arithmetic, logic, shifts, and the flags that they leave. Flags that the architecture leaves
 * undefined get what AMD processors were seen to leave.
 */
#include <linux/bitops.h>

#include "insn.h"

/**
 * wr_emu_flags_result - set SF, ZF and PF from a result
 * @x: the instruction
 * @result: bits past @size are ignored
 * @size: in bytes
 */
void wr_emu_flags_result(struct wr_exec *x, u64 result, unsigned int size)
{
	result &= size_mask(size);
	flag_assign(x, X86_EFLAGS_ZF, !result);
	flag_assign(x, X86_EFLAGS_SF, result & sign_bit(size));
	flag_assign(x, X86_EFLAGS_PF, !(hweight8(result) & 1));
}

/*
 * @carries has a bit for each position that carried (or borrowed) into the next. Overflow: the top
 * position carried and the one below did not, or the other way round.
 */
static void flags_carries(struct wr_exec *x, u64 carries, unsigned int size)
{
	u64 top = sign_bit(size);

	flag_assign(x, X86_EFLAGS_CF, carries & top);
	flag_assign(x, X86_EFLAGS_OF, (carries ^ (carries << 1)) & top);
	flag_assign(x, X86_EFLAGS_AF, carries & BIT(3));
}

/**
 * wr_emu_add - add and set all arithmetic flags
 * @x: the instruction
 * @a: augend
 * @b: addend
 * @carry: one more
 * @size: in bytes
 *
 * Return: the sum, bits past @size undefined.
 */
u64 wr_emu_add(struct wr_exec *x, u64 a, u64 b, bool carry, unsigned int size)
{
	u64 r = a + b + carry;

	flags_carries(x, (a & b) | ((a | b) & ~r), size);
	wr_emu_flags_result(x, r, size);
	return r;
}

/**
 * wr_emu_sub - subtract and set all arithmetic flags
 * @x: the instruction
 * @a: minuend
 * @b: subtrahend
 * @borrow: one more
 * @size: in bytes
 *
 * Return: the difference, bits past @size undefined.
 */
u64 wr_emu_sub(struct wr_exec *x, u64 a, u64 b, bool borrow, unsigned int size)
{
	u64 r = a - b - borrow;

	flags_carries(x, (~a & b) | ((~a | b) & r), size);
	wr_emu_flags_result(x, r, size);
	return r;
}

static enum wr_emu_result logic(struct wr_exec *x, u64 result)
{
	x->emu->rflags &= ~(u64)(X86_EFLAGS_CF | X86_EFLAGS_OF | X86_EFLAGS_AF);
	wr_emu_flags_result(x, result, x->insn->op_size);
	x->dst = result;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_add(struct wr_exec *x)
{
	x->dst = wr_emu_add(x, x->dst, x->src, false, x->insn->op_size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_adc(struct wr_exec *x)
{
	x->dst = wr_emu_add(x, x->dst, x->src, flag_is(x, X86_EFLAGS_CF), x->insn->op_size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_sub(struct wr_exec *x)
{
	x->dst = wr_emu_sub(x, x->dst, x->src, false, x->insn->op_size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_sbb(struct wr_exec *x)
{
	x->dst = wr_emu_sub(x, x->dst, x->src, flag_is(x, X86_EFLAGS_CF), x->insn->op_size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_cmp(struct wr_exec *x)
{
	wr_emu_sub(x, x->dst, x->src, false, x->insn->op_size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_or(struct wr_exec *x)
{
	return logic(x, x->dst | x->src);
}

enum wr_emu_result wr_do_and(struct wr_exec *x)
{
	return logic(x, x->dst & x->src);
}

enum wr_emu_result wr_do_xor(struct wr_exec *x)
{
	return logic(x, x->dst ^ x->src);
}

enum wr_emu_result wr_do_test(struct wr_exec *x)
{
	return logic(x, x->dst & x->src);
}

enum wr_emu_result wr_do_inc(struct wr_exec *x)
{
	bool carry = flag_is(x, X86_EFLAGS_CF);

	x->dst = wr_emu_add(x, x->dst, 1, false, x->insn->op_size);
	flag_assign(x, X86_EFLAGS_CF, carry);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_dec(struct wr_exec *x)
{
	bool carry = flag_is(x, X86_EFLAGS_CF);

	x->dst = wr_emu_sub(x, x->dst, 1, false, x->insn->op_size);
	flag_assign(x, X86_EFLAGS_CF, carry);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_neg(struct wr_exec *x)
{
	x->dst = wr_emu_sub(x, 0, x->dst, false, x->insn->op_size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_not(struct wr_exec *x)
{
	x->dst = ~x->dst;
	return WR_EMU_DONE;
}

static unsigned int shift_count(const struct wr_exec *x, u64 count)
{
	return count & (x->insn->op_size == 8 ? 63 : 31);
}

/* A shift by 0 changes no flag, but a 32-bit register still loses its upper half. */
static enum wr_emu_result shifted(struct wr_exec *x, u64 result, bool carry, bool overflow)
{
	unsigned int size = x->insn->op_size;

	flag_assign(x, X86_EFLAGS_CF, carry);
	flag_assign(x, X86_EFLAGS_OF, overflow);
	flag_assign(x, X86_EFLAGS_AF, false);
	wr_emu_flags_result(x, result, size);
	x->dst = result & size_mask(size);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_shl(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size, n = shift_count(x, x->src);
	u64 r, top = sign_bit(size);
	bool carry;

	if (!n)
		return WR_EMU_DONE;
	carry = (x->dst << (n - 1)) & top;
	r = x->dst << n;
	return shifted(x, r, carry, !!(r & top) ^ carry);
}

enum wr_emu_result wr_do_shr(struct wr_exec *x)
{
	unsigned int n = shift_count(x, x->src);
	u64 r, top = sign_bit(x->insn->op_size);

	if (!n)
		return WR_EMU_DONE;
	r = x->dst >> n;
	/* The two top bits of the result differ: for a shift by 1, the sign changed. */
	return shifted(x, r, (x->dst >> (n - 1)) & 1, (r ^ (r << 1)) & top);
}

enum wr_emu_result wr_do_sar(struct wr_exec *x)
{
	unsigned int n = shift_count(x, x->src);
	s64 value = sign_extend_size(x->dst, x->insn->op_size);

	if (!n)
		return WR_EMU_DONE;
	return shifted(x, value >> n, (value >> (n - 1)) & 1, false);
}

/* A rotation by a whole number of turns still sets CF. */
enum wr_emu_result wr_do_rol(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size, bits = size * 8, n = shift_count(x, x->src);
	u64 r = x->dst;
	bool carry;

	if (!n)
		return WR_EMU_DONE;
	n %= bits;
	if (n)
		r = ((r << n) | (r >> (bits - n))) & size_mask(size);
	carry = r & 1;
	flag_assign(x, X86_EFLAGS_CF, carry);
	flag_assign(x, X86_EFLAGS_OF, !!(r & sign_bit(size)) ^ carry);
	x->dst = r;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_ror(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size, bits = size * 8, n = shift_count(x, x->src);
	u64 r = x->dst, top = sign_bit(size);

	if (!n)
		return WR_EMU_DONE;
	n %= bits;
	if (n)
		r = ((r >> n) | (r << (bits - n))) & size_mask(size);
	flag_assign(x, X86_EFLAGS_CF, r & top);
	flag_assign(x, X86_EFLAGS_OF, (r ^ (r << 1)) & top);
	x->dst = r;
	return WR_EMU_DONE;
}

/* Rotates through the carry go one bit at a time: they are rare, and at most 63 long. */
enum wr_emu_result wr_do_rcl(struct wr_exec *x)
{
	unsigned int n = shift_count(x, x->src) % (x->insn->op_size * 8 + 1);
	u64 r = x->dst, top = sign_bit(x->insn->op_size);
	bool carry = flag_is(x, X86_EFLAGS_CF), out;

	if (!shift_count(x, x->src))
		return WR_EMU_DONE;
	for (; n; n--) {
		out = r & top;
		r = (r << 1) | carry;
		carry = out;
	}
	flag_assign(x, X86_EFLAGS_CF, carry);
	flag_assign(x, X86_EFLAGS_OF, !!(r & top) ^ carry);
	x->dst = r;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_rcr(struct wr_exec *x)
{
	unsigned int n = shift_count(x, x->src) % (x->insn->op_size * 8 + 1);
	u64 r = x->dst, top = sign_bit(x->insn->op_size);
	bool carry = flag_is(x, X86_EFLAGS_CF), out;

	if (!shift_count(x, x->src))
		return WR_EMU_DONE;
	for (; n; n--) {
		out = r & 1;
		r = (r >> 1) | (carry ? top : 0);
		carry = out;
	}
	flag_assign(x, X86_EFLAGS_CF, carry);
	flag_assign(x, X86_EFLAGS_OF, (r ^ (r << 1)) & top);
	x->dst = r;
	return WR_EMU_DONE;
}

/* 16-bit operands by more than 16 are undefined, and processors differ: not known. */
static bool double_shift_undefined(const struct wr_exec *x, unsigned int n)
{
	return n > x->insn->op_size * 8;
}

enum wr_emu_result wr_do_shld(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size, bits = size * 8, n = shift_count(x, x->src2);
	u64 r, top = sign_bit(size);

	if (!n)
		return WR_EMU_DONE;
	if (double_shift_undefined(x, n))
		return WR_EMU_UNKNOWN;
	r = (n < 64 ? x->dst << n : 0) | (x->src >> (bits - n));
	return shifted(x, r, (x->dst << (n - 1)) & top, (r ^ x->dst) & top);
}

enum wr_emu_result wr_do_shrd(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size, bits = size * 8, n = shift_count(x, x->src2);
	u64 r, top = sign_bit(size);

	if (!n)
		return WR_EMU_DONE;
	if (double_shift_undefined(x, n))
		return WR_EMU_UNKNOWN;
	r = (x->dst >> n) | (x->src << (bits - n));
	return shifted(x, r, (x->dst >> (n - 1)) & 1, (r ^ x->dst) & top);
}

/**
 * wr_emu_condition - is a condition true?
 * @x: the instruction
 * @code: the low four bits of the opcodes of Jcc, SETcc, CMOVcc
 */
bool wr_emu_condition(const struct wr_exec *x, unsigned int code)
{
	bool less = flag_is(x, X86_EFLAGS_SF) != flag_is(x, X86_EFLAGS_OF), on;

	switch ((code >> 1) & 7) {
	case 0:
		on = flag_is(x, X86_EFLAGS_OF);
		break;
	case 1:
		on = flag_is(x, X86_EFLAGS_CF);
		break;
	case 2:
		on = flag_is(x, X86_EFLAGS_ZF);
		break;
	case 3:
		on = flag_is(x, X86_EFLAGS_CF | X86_EFLAGS_ZF);
		break;
	case 4:
		on = flag_is(x, X86_EFLAGS_SF);
		break;
	case 5:
		on = flag_is(x, X86_EFLAGS_PF);
		break;
	case 6:
		on = less;
		break;
	default:
		on = less || flag_is(x, X86_EFLAGS_ZF);
		break;
	}
	return on ^ (code & 1);
}

/* Reads its source, and clears the upper half of a 32-bit register, whatever the condition. */
enum wr_emu_result wr_do_cmov(struct wr_exec *x)
{
	if (wr_emu_condition(x, x->insn->opcode))
		x->dst = x->src;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_setcc(struct wr_exec *x)
{
	x->dst = wr_emu_condition(x, x->insn->opcode);
	return WR_EMU_DONE;
}
