// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multiplication, division, and the decimal adjustments.
 */
#include <linux/math64.h>

#include "insn.h"

/* The pair that is the accumulator of double size: AX, or DX:AX and its wider kin. */
static void set_pair(struct wr_exec *x, u64 low, u64 high)
{
	unsigned int size = x->insn->op_size;

	if (size == 1) {
		wr_reg_set(x->emu, REG_AX, 2, false, (low & 0xff) | high << 8);
		return;
	}
	wr_reg_set(x->emu, REG_AX, size, false, low);
	wr_reg_set(x->emu, REG_DX, size, false, high);
}

static void get_pair(const struct wr_exec *x, u64 *low, u64 *high)
{
	unsigned int size = x->insn->op_size;

	*low = wr_reg_get(x->emu, REG_AX, size, false);
	*high = size == 1 ? wr_reg_get(x->emu, REG_AX, 1, true) :
			    wr_reg_get(x->emu, REG_DX, size, false);
}

static void set_overflow(struct wr_exec *x, bool on)
{
	flag_assign(x, X86_EFLAGS_CF | X86_EFLAGS_OF, on);
}

static u64 high_half(u64 a, u64 b, unsigned int size)
{
	return size == 8 ? mul_u64_u64_shr(a, b, 64) : (a * b) >> (size * 8);
}

enum wr_emu_result wr_do_mul(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	u64 acc = wr_reg_get(x->emu, REG_AX, size, false), high = high_half(x->dst, acc, size);

	set_pair(x, x->dst * acc, high);
	set_overflow(x, high);
	return WR_EMU_DONE;
}

/* Both halves of a signed product; returns whether the low half does not hold it all. */
static bool signed_product(u64 a, u64 b, unsigned int size, u64 *low, u64 *high)
{
	__int128 r = (__int128)sign_extend_size(a, size) * sign_extend_size(b, size);

	*low = (u64)r & size_mask(size);
	*high = (u64)(r >> (size * 8)) & size_mask(size);
	return r != sign_extend_size(*low, size);
}

enum wr_emu_result wr_do_imul_acc(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	u64 low, high, acc = wr_reg_get(x->emu, REG_AX, size, false);

	set_overflow(x, signed_product(x->dst, acc, size, &low, &high));
	set_pair(x, low, high);
	return WR_EMU_DONE;
}

static enum wr_emu_result imul(struct wr_exec *x, u64 a, u64 b)
{
	u64 high;

	set_overflow(x, signed_product(a, b, x->insn->op_size, &x->dst, &high));
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_imul(struct wr_exec *x)
{
	return imul(x, x->dst, x->src);
}

enum wr_emu_result wr_do_imul3(struct wr_exec *x)
{
	return imul(x, x->src, x->src2);
}

/* The processor's own 128 by 64 division; @high < @divisor, or it would fault here. */
static u64 divide(u64 high, u64 low, u64 divisor, u64 *remainder)
{
	u64 quotient;

	asm("divq %[divisor]" : "=a" (quotient), "=d" (*remainder)
	    : "a" (low), "d" (high), [divisor] "rm" (divisor) : "cc");
	return quotient;
}

/* Divides a pair of @size bytes each; returns false when the quotient does not fit. */
static bool divide_pair(u64 high, u64 low, u64 divisor, unsigned int size,
			u64 *quotient, u64 *remainder)
{
	if (high >= divisor)
		return false;
	if (size < 8) {
		low |= high << (size * 8);
		high = 0;
	}
	*quotient = divide(high, low, divisor, remainder);
	return true;
}

enum wr_emu_result wr_do_div(struct wr_exec *x)
{
	u64 low, high, quotient, remainder;

	get_pair(x, &low, &high);
	if (!divide_pair(high, low, x->dst, x->insn->op_size, &quotient, &remainder))
		return wr_emu_raise(x, VECTOR_DE);
	set_pair(x, quotient, remainder);
	return WR_EMU_DONE;
}

static void negate_pair(u64 *low, u64 *high, u64 mask)
{
	*high = (~*high + !*low) & mask;
	*low = -*low & mask;
}

/* On magnitudes; the remainder takes the sign of the dividend. */
enum wr_emu_result wr_do_idiv(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	u64 low, high, quotient, remainder, divisor = x->dst;
	u64 mask = size_mask(size), top = sign_bit(size);
	bool negative, quotient_negative;

	get_pair(x, &low, &high);
	negative = high & top;
	quotient_negative = negative != !!(divisor & top);
	if (negative)
		negate_pair(&low, &high, mask);
	if (divisor & top)
		divisor = -divisor & mask;
	if (!divide_pair(high, low, divisor, size, &quotient, &remainder))
		return wr_emu_raise(x, VECTOR_DE);
	if (quotient > top - !quotient_negative)
		return wr_emu_raise(x, VECTOR_DE);
	set_pair(x, (quotient_negative ? -quotient : quotient) & mask,
		 (negative ? -remainder : remainder) & mask);
	return WR_EMU_DONE;
}

static void set_al_ah(struct wr_exec *x, u8 al, u8 ah)
{
	wr_reg_set(x->emu, REG_AX, 2, false, al | ah << 8);
}

static u8 get_al(const struct wr_exec *x)
{
	return x->emu->regs[REG_AX];
}

static u8 get_ah(const struct wr_exec *x)
{
	return x->emu->regs[REG_AX] >> 8;
}

enum wr_emu_result wr_do_aam(struct wr_exec *x)
{
	u8 al = get_al(x), base = x->src;

	if (!base)
		return wr_emu_raise(x, VECTOR_DE);
	set_al_ah(x, al % base, al / base);
	wr_emu_flags_result(x, al % base, 1);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_aad(struct wr_exec *x)
{
	u8 al = get_al(x) + get_ah(x) * (u8)x->src;

	set_al_ah(x, al, 0);
	wr_emu_flags_result(x, al, 1);
	return WR_EMU_DONE;
}

static enum wr_emu_result ascii_adjust(struct wr_exec *x, int direction)
{
	u16 ax = x->emu->regs[REG_AX];
	bool adjust = (ax & 0xf) > 9 || flag_is(x, X86_EFLAGS_AF);

	if (adjust)
		ax += direction * 0x106;
	set_al_ah(x, ax & 0xf, ax >> 8);
	flag_assign(x, X86_EFLAGS_AF | X86_EFLAGS_CF, adjust);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_aaa(struct wr_exec *x)
{
	return ascii_adjust(x, 1);
}

enum wr_emu_result wr_do_aas(struct wr_exec *x)
{
	return ascii_adjust(x, -1);
}

static enum wr_emu_result decimal_adjust(struct wr_exec *x, int direction)
{
	u8 old = get_al(x), al = old;
	bool carry = flag_is(x, X86_EFLAGS_CF);
	bool low = (old & 0xf) > 9 || flag_is(x, X86_EFLAGS_AF);
	bool high = old > 0x99 || carry;

	if (low)
		al += direction * 6;
	/* The borrow of the first step counts for DAS, the carry of DAA implies the second step. */
	if (direction < 0 && low && old < 6)
		carry = true;
	if (high)
		al += direction * 0x60;
	wr_reg_set(x->emu, REG_AX, 1, false, al);
	flag_assign(x, X86_EFLAGS_AF, low);
	flag_assign(x, X86_EFLAGS_CF, carry || high);
	wr_emu_flags_result(x, al, 1);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_daa(struct wr_exec *x)
{
	return decimal_adjust(x, 1);
}

enum wr_emu_result wr_do_das(struct wr_exec *x)
{
	return decimal_adjust(x, -1);
}

/* CBW, CWDE, CDQE: the accumulator from half of itself */
enum wr_emu_result wr_do_cbw(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;

	wr_reg_set(x->emu, REG_AX, size, false, sign_extend_size(x->emu->regs[REG_AX], size / 2));
	return WR_EMU_DONE;
}

/* CWD, CDQ, CQO: its sign into DX */
enum wr_emu_result wr_do_cwd(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;

	wr_reg_set(x->emu, REG_DX, size, false, x->emu->regs[REG_AX] & sign_bit(size) ? ~0ULL : 0);
	return WR_EMU_DONE;
}
