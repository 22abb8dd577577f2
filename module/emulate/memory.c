// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an operand to memory: effective address, segmentation, alignment.
 */
#include <linux/string.h>

#include "insn.h"

/* Descriptor types of code and data segments */
#define TYPE_CODE	BIT(3)
#define TYPE_DOWN	BIT(2)	/* data: expands down */
#define TYPE_RW		BIT(1)	/* data: writable, code: readable */

/**
 * wr_emu_raise - end the instruction with an exception
 * @x: the instruction
 * @vector: of the exception; its error code, if it has one, is 0
 *
 * Return: WR_EMU_FAULT, for the caller to return.
 */
enum wr_emu_result wr_emu_raise(struct wr_exec *x, u8 vector)
{
	struct wr_emu *emu = x->emu;

	emu->fault.vector = vector;
	emu->fault.error = 0;
	emu->fault.cr2 = 0;
	/* Nothing pushes an error code in real mode. */
	emu->fault.has_error = vector >= VECTOR_TS && vector != VECTOR_MF && emu->mode != WR_EMU_REAL;
	return WR_EMU_FAULT;
}

static enum wr_emu_result raise_segment(struct wr_exec *x, int seg)
{
	return wr_emu_raise(x, seg == SEG_SS ? VECTOR_SS : VECTOR_GP);
}

/**
 * wr_emu_canonical - does an address of 64-bit mode have an address's form?
 * @x: the instruction
 * @la: the address
 */
bool wr_emu_canonical(const struct wr_exec *x, u64 la)
{
	unsigned int unused = x->emu->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(la << unused) >> unused) == la;
}

static enum wr_emu_result linear_64(struct wr_exec *x, int seg, u64 offset, u32 len, u64 *la)
{
	struct kvm_segment s;

	if (seg == SEG_FS || seg == SEG_GS) {
		x->emu->ops->segment(x->emu, seg, &s);
		offset += s.base;
	}
	if (offset + len - 1 < offset ||
	    !wr_emu_canonical(x, offset) || !wr_emu_canonical(x, offset + len - 1))
		return raise_segment(x, seg);
	*la = offset;
	return WR_EMU_DONE;
}

/* May a segment be used for this access? Real and virtual-8086 mode look at the limit alone. */
static bool segment_allows(const struct kvm_segment *s, bool write)
{
	if (s->unusable || !s->s)
		return false;
	if (s->type & TYPE_CODE)
		return !write && s->type & TYPE_RW;
	return !write || s->type & TYPE_RW;
}

static bool within_limit(const struct kvm_segment *s, bool real, u32 first, u32 last)
{
	bool down = !real && (s->type & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN;

	if (last < first)
		return false;
	if (down)
		return first > s->limit && last <= (s->db ? U32_MAX : U16_MAX);
	return last <= s->limit;
}

/**
 * wr_emu_in_segment - is an access within a segment and its rights?
 * @x: the instruction
 * @s: the segment
 * @offset: in it, already cut to the address size
 * @len: bytes, not 0
 * @write: will they be written?
 */
bool wr_emu_in_segment(const struct wr_exec *x, const struct kvm_segment *s, u64 offset, u32 len, bool write)
{
	if (!real_segments(x) && !segment_allows(s, write))
		return false;
	return within_limit(s, real_segments(x), offset, (u32)offset + len - 1);
}

/**
 * wr_emu_linear - segmentation
 * @x: the instruction
 * @seg: segment register
 * @offset: in it, already cut to the address size
 * @len: bytes, not 0
 * @write: will they be written?
 * @la: the linear address
 *
 * Return: WR_EMU_DONE, or a fault raised for the segment or a non-canonical address.
 */
enum wr_emu_result wr_emu_linear(struct wr_exec *x, int seg, u64 offset, u32 len, bool write,
				 u64 *la)
{
	struct kvm_segment s;

	if (in_64bit(x))
		return linear_64(x, seg, offset, len, la);

	x->emu->ops->segment(x->emu, seg, &s);
	if (!wr_emu_in_segment(x, &s, offset, len, write))
		return raise_segment(x, seg);
	*la = (u32)(s.base + offset);
	return WR_EMU_DONE;
}

/* BT and its kin: a bit number in a register counts from the operand on, in both directions. */
static s64 bit_displacement(const struct wr_exec *x)
{
	const struct wr_operand *src = &x->insn->src;
	s64 bit;

	if (!(x->insn->desc->flags & F_BITS) || !is_mem(&x->insn->dst))
		return 0;
	bit = sign_extend_size(wr_reg_get(x->emu, src->reg, src->size, src->high8), src->size);
	return (bit >> 3) & -(s64)src->size;
}

/**
 * wr_emu_offset - effective address of the memory operand
 * @x: the instruction
 *
 * Return: the offset in insn->seg, cut to the address size.
 */
u64 wr_emu_offset(const struct wr_exec *x)
{
	const struct wr_insn *insn = x->insn;
	u64 offset = insn->disp;

	if (insn->base == BASE_RIP)
		offset += x->emu->rip + insn->len;
	else if (insn->base != BASE_NONE)
		offset += x->emu->regs[insn->base];
	if (insn->index != BASE_NONE)
		offset += x->emu->regs[insn->index] << insn->scale;
	return (offset + bit_displacement(x)) & size_mask(insn->addr_size);
}

/**
 * wr_emu_operand_address - set x->la to the memory operand
 * @x: the instruction
 * @len: bytes
 * @write: will they be written?
 *
 * Return: as wr_emu_linear().
 */
enum wr_emu_result wr_emu_operand_address(struct wr_exec *x, u32 len, bool write)
{
	return wr_emu_linear(x, x->insn->seg, wr_emu_offset(x), len, write, &x->la);
}

static bool misaligned(const struct wr_exec *x, u64 la, u32 len)
{
	const struct wr_emu *emu = x->emu;

	if (likely(!(emu->cr0 & X86_CR0_AM) || !(emu->rflags & X86_EFLAGS_AC) || emu->cpl != 3))
		return false;
	return (len == 2 || len == 4 || len == 8) && la & (len - 1);
}

/* How many bytes from @la on lie below the 4 GiB where 32-bit linear addresses wrap? */
static u32 before_wrap(const struct wr_exec *x, u64 la, u32 len)
{
	u64 left = BIT_ULL(32) - la;

	return in_64bit(x) || left >= len ? len : left;
}

/**
 * wr_emu_read - read memory
 * @x: the instruction
 * @la: linear address
 * @data: where to
 * @len: bytes
 *
 * Return: WR_EMU_DONE, or what the access returned, or #AC raised.
 */
enum wr_emu_result wr_emu_read(struct wr_exec *x, u64 la, void *data, u32 len)
{
	struct wr_emu *emu = x->emu;
	u32 part = before_wrap(x, la, len);
	enum wr_emu_result ret;

	if (unlikely(misaligned(x, la, len)))
		return wr_emu_raise(x, VECTOR_AC);
	ret = emu->ops->read(emu, la, data, part);
	if (ret || part == len)
		return ret;
	return emu->ops->read(emu, 0, data + part, len - part);
}

/**
 * wr_emu_probe - would a write succeed?
 * @x: the instruction
 * @la: linear address
 * @len: bytes
 *
 * Return: WR_EMU_DONE, or what wr_emu_write() would return.
 */
enum wr_emu_result wr_emu_probe(struct wr_exec *x, u64 la, u32 len)
{
	struct wr_emu *emu = x->emu;
	u32 part = before_wrap(x, la, len);
	enum wr_emu_result ret;

	if (unlikely(misaligned(x, la, len)))
		return wr_emu_raise(x, VECTOR_AC);
	ret = emu->ops->probe_write(emu, la, part);
	if (ret || part == len)
		return ret;
	return emu->ops->probe_write(emu, 0, len - part);
}

/**
 * wr_emu_write - write memory, whole or not at all
 * @x: the instruction
 * @la: linear address
 * @data: what
 * @len: bytes
 *
 * Return: WR_EMU_DONE, or what the access returned, or #AC raised.
 */
enum wr_emu_result wr_emu_write(struct wr_exec *x, u64 la, const void *data, u32 len)
{
	struct wr_emu *emu = x->emu;
	u32 part = before_wrap(x, la, len);
	enum wr_emu_result ret;

	if (unlikely(misaligned(x, la, len)))
		return wr_emu_raise(x, VECTOR_AC);
	if (likely(part == len))
		return emu->ops->write(emu, la, data, len);
	ret = wr_emu_probe(x, la, len);
	if (!ret)
		ret = emu->ops->write(emu, la, data, part);
	return ret ? ret : emu->ops->write(emu, 0, data + part, len - part);
}

/**
 * wr_emu_swap - atomically replace what memory was seen to hold
 * @x: the instruction
 * @la: linear address
 * @old: what was read from there
 * @new: what to write
 * @len: bytes
 *
 * Return: WR_EMU_DONE; WR_EMU_RETRY when memory holds something else by now; or what the access
 * returned.
 */
enum wr_emu_result wr_emu_swap(struct wr_exec *x, u64 la, const void *old, const void *new,
			       u32 len)
{
	if (before_wrap(x, la, len) != len)
		return WR_EMU_UNKNOWN;
	/* In parentheses: the kernel has a macro of that name. */
	return (x->emu->ops->cmpxchg)(x->emu, la, old, new, len);
}
