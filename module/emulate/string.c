// SPDX-License-Identifier: GPL-2.0-only
/*
 * String instructions, one element at a time, and port accesses.
 */
#include <linux/minmax.h>
#include <linux/mm.h>

#include "insn.h"

static bool has_rep(const struct wr_exec *x)
{
	return x->insn->rep || x->insn->repne;
}

static u64 count_mask(const struct wr_exec *x)
{
	return size_mask(x->insn->addr_size);
}

/* With REP and a count of 0 nothing happens at all. */
static bool nothing_to_do(const struct wr_exec *x)
{
	return has_rep(x) && !(x->emu->regs[REG_CX] & count_mask(x));
}

/* Moves SI or DI past an element, in the direction of DF. */
static void advance(struct wr_exec *x, unsigned int reg)
{
	u64 step = x->insn->op_size;

	if (flag_is(x, X86_EFLAGS_DF))
		step = -step;
	wr_reg_set_masked(x->emu, reg, count_mask(x), x->emu->regs[reg] + step);
}

/* After an element: does the instruction go on? */
static enum wr_emu_result element_done(struct wr_exec *x)
{
	u64 mask = count_mask(x), count;

	if (!has_rep(x))
		return WR_EMU_DONE;
	count = (x->emu->regs[REG_CX] - 1) & mask;
	wr_reg_set_masked(x->emu, REG_CX, mask, count);
	x->emu->repeat = count;
	return WR_EMU_DONE;
}

/* The same for comparisons, which also end on a difference (REPE) or on a match (REPNE). */
static enum wr_emu_result comparison_done(struct wr_exec *x)
{
	element_done(x);
	if (flag_is(x, X86_EFLAGS_ZF) == x->insn->repne)
		x->emu->repeat = false;
	return WR_EMU_DONE;
}

/* Source element, at SI in DS or the overriding segment */
static enum wr_emu_result read_source(struct wr_exec *x, u64 *value)
{
	unsigned int size = x->insn->op_size;
	u64 offset = x->emu->regs[REG_SI] & count_mask(x), la;
	enum wr_emu_result ret = wr_emu_linear(x, x->insn->seg, offset, size, false, &la);

	*value = 0;
	return ret ? ret : wr_emu_read(x, la, value, size);
}

/* Where the destination element is: at DI in ES, always */
static enum wr_emu_result locate_destination(struct wr_exec *x, bool write, u64 *la)
{
	u64 offset = x->emu->regs[REG_DI] & count_mask(x);

	return wr_emu_linear(x, SEG_ES, offset, x->insn->op_size, write, la);
}

static enum wr_emu_result read_destination(struct wr_exec *x, u64 *value)
{
	u64 la;
	enum wr_emu_result ret = locate_destination(x, false, &la);

	*value = 0;
	return ret ? ret : wr_emu_read(x, la, value, x->insn->op_size);
}

static enum wr_emu_result write_destination(struct wr_exec *x, u64 value)
{
	u64 la;
	enum wr_emu_result ret = locate_destination(x, true, &la);

	return ret ? ret : wr_emu_write(x, la, &value, x->insn->op_size);
}

enum wr_emu_result wr_do_movs(struct wr_exec *x)
{
	enum wr_emu_result ret;
	u64 value;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = read_source(x, &value);
	if (!ret)
		ret = write_destination(x, value);
	if (ret)
		return ret;
	advance(x, REG_SI);
	advance(x, REG_DI);
	return element_done(x);
}

enum wr_emu_result wr_do_stos(struct wr_exec *x)
{
	enum wr_emu_result ret;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = write_destination(x, x->emu->regs[REG_AX]);
	if (ret)
		return ret;
	advance(x, REG_DI);
	return element_done(x);
}

enum wr_emu_result wr_do_lods(struct wr_exec *x)
{
	enum wr_emu_result ret;
	u64 value;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = read_source(x, &value);
	if (ret)
		return ret;
	wr_reg_set(x->emu, REG_AX, x->insn->op_size, false, value);
	advance(x, REG_SI);
	return element_done(x);
}

enum wr_emu_result wr_do_cmps(struct wr_exec *x)
{
	enum wr_emu_result ret;
	u64 a, b;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = read_source(x, &a);
	if (!ret)
		ret = read_destination(x, &b);
	if (ret)
		return ret;
	wr_emu_sub(x, a, b, false, x->insn->op_size);
	advance(x, REG_SI);
	advance(x, REG_DI);
	return comparison_done(x);
}

enum wr_emu_result wr_do_scas(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	enum wr_emu_result ret;
	u64 value;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = read_destination(x, &value);
	if (ret)
		return ret;
	wr_emu_sub(x, wr_reg_get(x->emu, REG_AX, size, false), value, false, size);
	advance(x, REG_DI);
	return comparison_done(x);
}

/*
 * How many elements, from this one on, go to the same page, past what could stop them half-way: then a device may be asked
 * for all of them at once.
 */
static u32 elements_ahead(struct wr_exec *x, u64 la)
{
	u32 size = x->insn->op_size, in_page = offset_in_page(la);
	u64 offset = x->emu->regs[REG_DI] & count_mask(x), last, last_la;
	bool down = flag_is(x, X86_EFLAGS_DF);
	u64 n = down ? in_page / size + 1 : (PAGE_SIZE - in_page) / size;

	if (!has_rep(x) || in_page + size > PAGE_SIZE)
		return 1;
	n = min(n, x->emu->regs[REG_CX] & count_mask(x));
	last = (n - 1) * size;
	if (down ? last > offset : last > count_mask(x) - offset)
		return 1;
	last = down ? offset - last : offset + last;
	if (wr_emu_linear(x, SEG_ES, last, size, true, &last_la) || (last_la ^ la) & PAGE_MASK)
		return 1;
	return n;
}

/* The bitmap of ports in the TSS, a word of it: all must be clear that the access covers. */
static enum wr_emu_result look_up_port(struct wr_exec *x, u16 port)
{
	struct wr_emu *emu = x->emu;
	struct kvm_segment tr;
	enum wr_emu_result ret;
	u16 base, bits;
	u32 at;

	emu->ops->segment(emu, SEG_TR, &tr);
	if ((tr.type & ~2) != WR_TYPE_TSS32 || tr.unusable || tr.limit < TSS_IO_BASE + 1)
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_read_system(x, tr.base + TSS_IO_BASE, &base, sizeof(base));
	if (ret)
		return ret;
	at = base + port / 8;
	if (at + 1 > tr.limit)
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_read_system(x, tr.base + at, &bits, sizeof(bits));
	if (!ret && bits >> (port & 7) & ((1U << x->insn->op_size) - 1))
		return wr_emu_raise(x, VECTOR_GP);
	return ret;
}

/* What the hardware exited for it has checked. But another vCPU may have put this instruction in the place of that one. */
static enum wr_emu_result check_port(struct wr_exec *x, u16 port, bool in)
{
	struct wr_emu *emu = x->emu;

	if (emu->mode == WR_EMU_REAL || (emu->mode != WR_EMU_VM86 && emu->cpl <= iopl(x)))
		return WR_EMU_DONE;
	if (emu->ops->port_exited(emu, port, x->insn->op_size, in))
		return WR_EMU_DONE;
	return look_up_port(x, port);
}

/* A port may be read only when its data is sure to find a place. */
enum wr_emu_result wr_do_ins(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;
	unsigned int size = x->insn->op_size;
	u64 la, value = 0;
	enum wr_emu_result ret;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = check_port(x, emu->regs[REG_DX], true);
	if (!ret)
		ret = locate_destination(x, true, &la);
	if (!ret)
		ret = wr_emu_probe(x, la, size);
	if (ret)
		return ret;
	emu->ahead = elements_ahead(x, la);
	emu->ahead_la = la;
	ret = emu->ops->in(emu, emu->regs[REG_DX], &value, size);
	if (!ret)
		ret = wr_emu_write(x, la, &value, size);
	if (ret)
		return ret;
	advance(x, REG_DI);
	return element_done(x);
}

enum wr_emu_result wr_do_outs(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;
	enum wr_emu_result ret;
	u64 value;

	if (nothing_to_do(x))
		return WR_EMU_DONE;
	ret = check_port(x, emu->regs[REG_DX], false);
	if (!ret)
		ret = read_source(x, &value);
	if (!ret)
		ret = emu->ops->out(emu, emu->regs[REG_DX], &value, x->insn->op_size);
	if (ret)
		return ret;
	advance(x, REG_SI);
	return element_done(x);
}

enum wr_emu_result wr_do_in(struct wr_exec *x)
{
	enum wr_emu_result ret = check_port(x, x->src, true);

	if (ret)
		return ret;
	x->dst = 0;
	x->emu->ahead = 1;
	return x->emu->ops->in(x->emu, x->src, &x->dst, x->insn->op_size);
}

enum wr_emu_result wr_do_out(struct wr_exec *x)
{
	enum wr_emu_result ret = check_port(x, x->src, false);

	return ret ? ret : x->emu->ops->out(x->emu, x->src, &x->dst, x->insn->op_size);
}
