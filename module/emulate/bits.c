// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single bits, bit counts, and the exchanges.
 */
#include <linux/bitops.h>
#include <linux/string.h>
#include <linux/swab.h>
#include <asm/cpufeature.h>

#include "insn.h"

/*
 * Sets CF to the tested bit, returns its mask. A memory operand was displaced by the rest of the
 * bit number.
 */
static u64 test_bit_flag(struct wr_exec *x)
{
	u64 mask = 1ULL << (x->src & (x->insn->op_size * 8 - 1));

	flag_assign(x, X86_EFLAGS_CF, x->dst & mask);
	return mask;
}

enum wr_emu_result wr_do_bt(struct wr_exec *x)
{
	test_bit_flag(x);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_bts(struct wr_exec *x)
{
	x->dst |= test_bit_flag(x);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_btr(struct wr_exec *x)
{
	x->dst &= ~test_bit_flag(x);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_btc(struct wr_exec *x)
{
	x->dst ^= test_bit_flag(x);
	return WR_EMU_DONE;
}

/* A source of 0 leaves the destination as it was. */
enum wr_emu_result wr_do_bsf(struct wr_exec *x)
{
	flag_assign(x, X86_EFLAGS_ZF, !x->src);
	if (x->src)
		x->dst = __ffs64(x->src);
	else
		x->keep = true;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_bsr(struct wr_exec *x)
{
	flag_assign(x, X86_EFLAGS_ZF, !x->src);
	if (x->src)
		x->dst = fls64(x->src) - 1;
	else
		x->keep = true;
	return WR_EMU_DONE;
}

static enum wr_emu_result counted(struct wr_exec *x, unsigned int count)
{
	flag_assign(x, X86_EFLAGS_CF, !x->src);
	flag_assign(x, X86_EFLAGS_ZF, !count);
	x->dst = count;
	return WR_EMU_DONE;
}

/* Processors without TZCNT and LZCNT ignore the prefix that makes them of BSF and BSR. */
enum wr_emu_result wr_do_tzcnt(struct wr_exec *x)
{
	if (!boot_cpu_has(X86_FEATURE_BMI1))
		return wr_do_bsf(x);
	return counted(x, x->src ? __ffs64(x->src) : x->insn->op_size * 8);
}

enum wr_emu_result wr_do_lzcnt(struct wr_exec *x)
{
	if (!boot_cpu_has(X86_FEATURE_ABM))
		return wr_do_bsr(x);
	return counted(x, x->insn->op_size * 8 - fls64(x->src));
}

enum wr_emu_result wr_do_popcnt(struct wr_exec *x)
{
	x->emu->rflags &= ~(u64)FLAGS_ARITH;
	flag_assign(x, X86_EFLAGS_ZF, !x->src);
	x->dst = hweight64(x->src);
	return WR_EMU_DONE;
}

#define CRC32C_POLYNOMIAL	0x82f63b78U

enum wr_emu_result wr_do_crc32(struct wr_exec *x)
{
	unsigned int bits = x->insn->src.size * 8;
	u64 value = x->src;
	u32 crc = x->dst;

	if (!boot_cpu_has(X86_FEATURE_XMM4_2))
		return wr_emu_raise(x, VECTOR_UD);
	for (; bits--; value >>= 1)
		crc = crc >> 1 ^ ((crc ^ value) & 1 ? CRC32C_POLYNOMIAL : 0);
	x->dst = crc;
	return WR_EMU_DONE;
}

/* With 16 bits it is undefined. */
enum wr_emu_result wr_do_bswap(struct wr_exec *x)
{
	if (x->insn->op_size == 2)
		return WR_EMU_UNKNOWN;
	x->dst = x->insn->op_size == 8 ? swab64(x->dst) : swab32(x->dst);
	return WR_EMU_DONE;
}

static void set_source(struct wr_exec *x, u64 value)
{
	const struct wr_operand *src = &x->insn->src;

	wr_reg_set(x->emu, src->reg, src->size, src->high8, value);
}

enum wr_emu_result wr_do_xadd(struct wr_exec *x)
{
	u64 sum = wr_emu_add(x, x->dst, x->src, false, x->insn->op_size);

	set_source(x, x->dst);
	x->dst = sum;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_xchg(struct wr_exec *x)
{
	set_source(x, x->dst);
	x->dst = x->src;
	return WR_EMU_DONE;
}

/* 90 is NOP: the exchange of EAX with itself would clear its upper half. */
enum wr_emu_result wr_do_xchg_acc(struct wr_exec *x)
{
	x->keep = x->insn->dst.reg == REG_AX;
	return x->keep ? WR_EMU_DONE : wr_do_xchg(x);
}

/*
 * Memory is always written: with what was read, when the comparison fails. A register then stays
 * whole.
 */
enum wr_emu_result wr_do_cmpxchg(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	u64 acc = wr_reg_get(x->emu, REG_AX, size, false);

	wr_emu_sub(x, acc, x->dst, false, size);
	if (acc == x->dst) {
		x->dst = x->src;
		return WR_EMU_DONE;
	}
	wr_reg_set(x->emu, REG_AX, size, false, x->dst);
	x->keep = !is_mem(&x->insn->dst);
	return WR_EMU_DONE;
}

/* Two halves of 4 or 8 bytes each, side by side as in memory */
struct wide {
	u64 half[2];
};

static void pack(void *to, u64 low, u64 high, unsigned int half)
{
	u64 both[2] = { low, high };

	if (half == 4)
		both[0] = (u32)low | high << 32;
	memcpy(to, both, half * 2);
}

static enum wr_emu_result exchange_wide(struct wr_exec *x, const struct wide *seen,
					unsigned int half)
{
	struct wr_emu *emu = x->emu;
	struct wide expected = { }, new = { };
	bool equal;

	pack(&expected, emu->regs[REG_AX], emu->regs[REG_DX], half);
	pack(&new, emu->regs[REG_BX], emu->regs[REG_CX], half);
	equal = !memcmp(seen, &expected, half * 2);
	flag_assign(x, X86_EFLAGS_ZF, equal);
	if (equal)
		return wr_emu_swap(x, x->la, seen, &new, half * 2);

	wr_reg_set(emu, REG_AX, half, false, half == 8 ? seen->half[0] : (u32)seen->half[0]);
	wr_reg_set(emu, REG_DX, half, false, half == 8 ? seen->half[1] : seen->half[0] >> 32);
	return wr_emu_swap(x, x->la, seen, seen, half * 2);
}

/* CMPXCHG8B, CMPXCHG16B */
enum wr_emu_result wr_do_cmpxchg_wide(struct wr_exec *x)
{
	unsigned int size = x->insn->dst.size;
	struct wide seen = { };
	enum wr_emu_result ret = wr_emu_operand_address(x, size, true);

	if (ret)
		return ret;
	if (size == 16 && x->la & 15)
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_probe(x, x->la, size);
	if (!ret)
		ret = wr_emu_read(x, x->la, &seen, size);
	return ret ? ret : exchange_wide(x, &seen, size / 2);
}
