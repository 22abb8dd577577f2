// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flags, control registers, descriptor tables, and what does nothing.
 */
#include <linux/string.h>

#include "insn.h"

/* Also prefetches, PAUSE, ENDBR and the fences: the exit that led here serialized already. */
enum wr_emu_result wr_do_nop(struct wr_exec *x)
{
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_ud(struct wr_exec *x)
{
	return wr_emu_raise(x, VECTOR_UD);
}

static enum wr_emu_result set_flag(struct wr_exec *x, u64 flag, bool on)
{
	flag_assign(x, flag, on);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_clc(struct wr_exec *x)
{
	return set_flag(x, X86_EFLAGS_CF, false);
}

enum wr_emu_result wr_do_stc(struct wr_exec *x)
{
	return set_flag(x, X86_EFLAGS_CF, true);
}

enum wr_emu_result wr_do_cmc(struct wr_exec *x)
{
	return set_flag(x, X86_EFLAGS_CF, !flag_is(x, X86_EFLAGS_CF));
}

enum wr_emu_result wr_do_cld(struct wr_exec *x)
{
	return set_flag(x, X86_EFLAGS_DF, false);
}

enum wr_emu_result wr_do_std(struct wr_exec *x)
{
	return set_flag(x, X86_EFLAGS_DF, true);
}

enum wr_emu_result wr_do_clts(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;

	return emu->ops->write_cr(emu, 0, emu->ops->read_cr(emu, 0) & ~(u64)X86_CR0_TS);
}

#define CR0_LMSW	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

/* Can set PE, never clear it. */
enum wr_emu_result wr_do_lmsw(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;
	u64 kept = emu->ops->read_cr(emu, 0) & ~(u64)(CR0_LMSW & ~X86_CR0_PE);

	return emu->ops->write_cr(emu, 0, kept | (x->src & CR0_LMSW));
}

static bool umip_forbids(const struct wr_exec *x)
{
	return x->emu->cr4 & X86_CR4_UMIP && x->emu->cpl;
}

enum wr_emu_result wr_do_smsw(struct wr_exec *x)
{
	if (umip_forbids(x))
		return wr_emu_raise(x, VECTOR_GP);
	x->dst = x->emu->ops->read_cr(x->emu, 0);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_mov_from_cr(struct wr_exec *x)
{
	x->dst = x->emu->ops->read_cr(x->emu, x->insn->src.reg);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_mov_to_cr(struct wr_exec *x)
{
	return x->emu->ops->write_cr(x->emu, x->insn->dst.reg, x->src);
}

/* As in memory: limit, then a base of 4 or 8 bytes */
#define TABLE_MAX	10

static unsigned int base_size(const struct wr_exec *x)
{
	return in_64bit(x) ? 8 : 4;
}

static enum wr_emu_result store_table(struct wr_exec *x, bool idt)
{
	unsigned int len = 2 + base_size(x);
	struct kvm_dtable table;
	u8 image[TABLE_MAX];
	enum wr_emu_result ret;

	if (!x->emu->ops->table)
		return WR_EMU_UNKNOWN;
	if (umip_forbids(x))
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_operand_address(x, len, true);
	if (ret)
		return ret;
	x->emu->ops->table(x->emu, idt, &table);
	memcpy(image, &table.limit, 2);
	memcpy(image + 2, &table.base, base_size(x));
	return wr_emu_write(x, x->la, image, len);
}

static enum wr_emu_result load_table(struct wr_exec *x, bool idt)
{
	unsigned int len = 2 + base_size(x);
	struct kvm_dtable table = { };
	u8 image[TABLE_MAX];
	enum wr_emu_result ret;
	u64 la;

	if (!x->emu->ops->set_table)
		return WR_EMU_UNKNOWN;
	ret = wr_emu_operand_address(x, len, false);
	if (!ret)
		ret = wr_emu_read(x, x->la, image, len);
	if (ret)
		return ret;
	memcpy(&table.limit, image, 2);
	memcpy(&table.base, image + 2, base_size(x));
	/* A 16-bit operand size loads 24 bits of base. */
	if (!in_64bit(x) && x->insn->op_size == 2)
		table.base &= 0xffffff;
	if (in_64bit(x)) {
		ret = wr_emu_linear(x, SEG_DS, table.base, 1, false, &la);
		if (ret)
			return ret;
	}
	x->emu->ops->set_table(x->emu, idt, &table);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_sgdt(struct wr_exec *x)
{
	return store_table(x, false);
}

enum wr_emu_result wr_do_sidt(struct wr_exec *x)
{
	return store_table(x, true);
}

enum wr_emu_result wr_do_lgdt(struct wr_exec *x)
{
	return load_table(x, false);
}

enum wr_emu_result wr_do_lidt(struct wr_exec *x)
{
	return load_table(x, true);
}
