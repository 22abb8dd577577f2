// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segment registers in protected mode: reading descriptors, checking them, loading what they say.
 */
#include <linux/string.h>

#include "insn.h"

/**
 * wr_emu_raise_selector - end the instruction with an exception that names a selector
 * @x: the instruction
 * @vector: of the exception
 * @selector: its RPL is left out
 *
 * Return: WR_EMU_FAULT, for the caller to return.
 */
enum wr_emu_result wr_emu_raise_selector(struct wr_exec *x, u8 vector, u16 selector)
{
	wr_emu_raise(x, vector);
	x->emu->fault.error = (selector & ~WR_SELECTOR_RPL) | x->external;
	return WR_EMU_FAULT;
}

/* The table that a selector is of: base and limit; false when there is none. */
static bool find_table(struct wr_exec *x, u16 selector, u64 *base, u32 *limit)
{
	struct kvm_segment ldt;
	struct kvm_dtable gdt;

	if (selector & WR_SELECTOR_TI) {
		x->emu->ops->segment(x->emu, SEG_LDTR, &ldt);
		*base = ldt.base;
		*limit = ldt.limit;
		return ldt.present && !ldt.unusable;
	}
	x->emu->ops->table(x->emu, false, &gdt);
	*base = gdt.base;
	*limit = gdt.limit;
	return true;
}

/**
 * wr_emu_read_system - an access of the CPU's own, to a table or TSS: a supervisor's
 * @x: the instruction
 * @la: linear address
 * @data: where to
 * @len: bytes
 *
 * Return: what the access returned.
 */
enum wr_emu_result wr_emu_read_system(struct wr_exec *x, u64 la, void *data, u32 len)
{
	bool system = x->emu->system;
	enum wr_emu_result ret;

	x->emu->system = true;
	ret = x->emu->ops->read(x->emu, la, data, len);
	x->emu->system = system;
	return ret;
}

static u64 table_address(const struct wr_exec *x, u64 base, u16 selector)
{
	u64 la = base + (selector & ~(WR_SELECTOR_RPL | WR_SELECTOR_TI));

	return x->emu->long_mode ? la : (u32)la;
}

static void unpack(struct wr_descriptor *d)
{
	struct kvm_segment *s = &d->segment;
	u64 raw = d->raw;

	*s = (struct kvm_segment) {
		.base = ((raw >> 16) & 0xffffff) | ((raw >> 32) & 0xff000000),
		.limit = (raw & 0xffff) | ((raw >> 32) & 0xf0000),
		.selector = d->selector,
		.type = (raw >> 40) & 15, .s = (raw >> 44) & 1, .dpl = (raw >> 45) & 3,
		.present = (raw >> 47) & 1, .avl = (raw >> 52) & 1, .l = (raw >> 53) & 1,
		.db = (raw >> 54) & 1, .g = (raw >> 55) & 1,
	};
	if (s->g)
		s->limit = s->limit << 12 | 0xfff;
}

/**
 * wr_emu_descriptor - read the descriptor that a selector names
 * @x: the instruction
 * @selector: not null
 * @vector: of the exception when the table ends before it
 * @d: filled
 *
 * Of system descriptors in long mode the upper half is read too.
 * Return: WR_EMU_DONE, or a fault raised.
 */
enum wr_emu_result wr_emu_descriptor(struct wr_exec *x, u16 selector, u8 vector, struct wr_descriptor *d)
{
	u32 limit, end = (selector & ~WR_SELECTOR_RPL & ~WR_SELECTOR_TI) + 7;
	enum wr_emu_result ret;
	u64 base;

	d->selector = selector;
	d->high = 0;
	if (!find_table(x, selector, &base, &limit) || end > limit)
		return wr_emu_raise_selector(x, vector, selector);
	d->la = table_address(x, base, selector);
	ret = wr_emu_read_system(x, d->la, &d->raw, sizeof(d->raw));
	if (ret)
		return ret;
	unpack(d);
	if (d->segment.s || !x->emu->long_mode)
		return WR_EMU_DONE;
	if (end + 8 > limit)
		return wr_emu_raise_selector(x, vector, selector);
	ret = wr_emu_read_system(x, d->la + 8, &d->high, sizeof(d->high));
	d->segment.base |= d->high << 32;
	return ret;
}

/**
 * wr_emu_mark - change a descriptor in its table
 * @x: the instruction
 * @d: as it was read
 * @raw: what it becomes: of another type, with accessed or busy set or cleared
 *
 * Return: WR_EMU_DONE, WR_EMU_RETRY when it is another one by now, or a fault raised.
 */
enum wr_emu_result wr_emu_mark(struct wr_exec *x, struct wr_descriptor *d, u64 raw)
{
	bool system = x->emu->system;
	enum wr_emu_result ret;

	if (raw == d->raw)
		return WR_EMU_DONE;
	x->emu->system = true;
	ret = (x->emu->ops->cmpxchg)(x->emu, d->la, &d->raw, &raw, sizeof(raw));
	x->emu->system = system;
	if (!ret) {
		d->raw = raw;
		/* All else stays, as does the base that has an upper half. */
		d->segment.type = raw >> 40 & 15;
	}
	return ret;
}

/* Which exception a data segment register must not be loaded for; 0: none */
static u8 check_data(const struct wr_exec *x, const struct kvm_segment *s, unsigned int rpl)
{
	if (!s->s || (is_code_segment(s) && !(s->type & 2)))
		return VECTOR_GP;
	if (!is_conforming_code(s) && max_t(unsigned int, rpl, x->emu->cpl) > s->dpl)
		return VECTOR_GP;
	return s->present ? 0 : VECTOR_NP;
}

static u8 check_stack(const struct wr_exec *x, const struct kvm_segment *s, unsigned int rpl)
{
	if (!s->s || is_code_segment(s) || !(s->type & 2))
		return VECTOR_GP;
	if (rpl != x->emu->cpl || s->dpl != x->emu->cpl)
		return VECTOR_GP;
	return s->present ? 0 : VECTOR_SS;
}

/* No memory behind it. In 64-bit mode SS may be null, and keeps the privilege level. */
static enum wr_emu_result load_null(struct wr_exec *x, int seg, u16 selector)
{
	struct kvm_segment s = { .selector = selector, .unusable = 1 };

	if (seg == SEG_SS) {
		if (!in_64bit(x) || x->emu->cpl == 3 || (selector & WR_SELECTOR_RPL) != x->emu->cpl)
			return wr_emu_raise_selector(x, x->task ? VECTOR_TS : VECTOR_GP, 0);
		s.dpl = x->emu->cpl;
	}
	x->emu->ops->set_segment(x->emu, seg, &s);
	return WR_EMU_DONE;
}

/**
 * wr_emu_load_data - load ES, SS, DS, FS or GS from its descriptor
 * @x: the instruction
 * @seg: which
 * @selector: what
 *
 * The last thing that an instruction does.
 * Return: WR_EMU_DONE, or a fault raised.
 */
enum wr_emu_result wr_emu_load_data(struct wr_exec *x, int seg, u16 selector)
{
	u8 vector = x->task ? VECTOR_TS : VECTOR_GP;
	unsigned int rpl = selector & WR_SELECTOR_RPL;
	enum wr_emu_result ret;
	struct wr_descriptor d;

	if (is_null_selector(selector))
		return load_null(x, seg, selector);
	ret = wr_emu_descriptor(x, selector, vector, &d);
	if (ret)
		return ret;
	vector = seg == SEG_SS ? check_stack(x, &d.segment, rpl) : check_data(x, &d.segment, rpl);
	if (vector)
		return wr_emu_raise_selector(x, vector == VECTOR_GP && x->task ? VECTOR_TS : vector, selector);
	ret = wr_emu_mark(x, &d, d.raw | WR_DESCRIPTOR_ACCESSED);
	if (!ret)
		x->emu->ops->set_segment(x->emu, seg, &d.segment);
	return ret;
}

/* Which exception the new CS of a branch or task is; a return goes by RPL, all else by CPL. */
static u8 check_code(const struct wr_exec *x, const struct wr_descriptor *d, bool returns)
{
	const struct kvm_segment *s = &d->segment;
	unsigned int rpl = d->selector & WR_SELECTOR_RPL, level = returns ? rpl : x->emu->cpl;

	if (!is_code_segment(s) || (s->l && s->db && x->emu->long_mode))
		return VECTOR_GP;
	if (is_conforming_code(s) ? s->dpl > level : s->dpl != level || rpl > level)
		return VECTOR_GP;
	return s->present ? 0 : VECTOR_NP;
}

/**
 * wr_emu_code - check the code segment that a far branch goes to
 * @x: the instruction
 * @selector: of it
 * @returns: RETF, IRET or a task: its RPL is the privilege level there
 * @d: filled
 *
 * Return: WR_EMU_DONE or a fault raised, as for gates.
 */
enum wr_emu_result wr_emu_code(struct wr_exec *x, u16 selector, bool returns, struct wr_descriptor *d)
{
	u8 vector = x->task ? VECTOR_TS : VECTOR_GP;
	enum wr_emu_result ret;

	if (is_null_selector(selector))
		return wr_emu_raise_selector(x, vector, 0);
	ret = wr_emu_descriptor(x, selector, vector, d);
	if (ret)
		return ret;
	vector = check_code(x, d, returns);
	if (vector)
		return wr_emu_raise_selector(x, vector == VECTOR_GP && x->task ? VECTOR_TS : vector, selector);
	return WR_EMU_DONE;
}

/**
 * wr_emu_unpack_gate - what a gate says
 * @g: filled
 * @raw: of its table
 * @high: the upper half, in long mode
 * @wide: it is of long mode
 */
void wr_emu_unpack_gate(struct wr_gate *g, u64 raw, u64 high, bool wide)
{
	*g = (struct wr_gate) {
		.offset = raw & U16_MAX, .selector = raw >> 16, .type = raw >> 40 & 31, .dpl = raw >> 45 & 3,
		.present = raw >> 47 & 1, .params = raw >> 32 & 31,
	};
	if (g->type & 8)
		g->offset |= raw >> 48 << 16;
	if (wide) {
		g->offset |= high << 32;
		g->ist = raw >> 32 & 7;
	}
}

/**
 * wr_emu_gate_code - check the code segment that a gate leads to
 * @x: the instruction
 * @g: of a call, interrupt or trap
 * @jump: JMP, which stays at its level
 * @d: filled
 *
 * Return: WR_EMU_DONE, or a fault raised.
 */
enum wr_emu_result wr_emu_gate_code(struct wr_exec *x, const struct wr_gate *g, bool jump, struct wr_descriptor *d)
{
	const struct kvm_segment *s = &d->segment;
	enum wr_emu_result ret;

	if (is_null_selector(g->selector))
		return wr_emu_raise_selector(x, VECTOR_GP, 0);
	ret = wr_emu_descriptor(x, g->selector, VECTOR_GP, d);
	if (ret)
		return ret;
	if (!is_code_segment(s) || s->dpl > x->emu->cpl || (x->emu->long_mode && (!s->l || s->db)) ||
	    (jump && !is_conforming_code(s) && s->dpl != x->emu->cpl))
		return wr_emu_raise_selector(x, VECTOR_GP, g->selector);
	return s->present ? WR_EMU_DONE : wr_emu_raise_selector(x, VECTOR_NP, g->selector);
}

/**
 * wr_emu_code_mode - how code of a segment is decoded
 * @x: the instruction; in protected mode
 * @cs: its segment
 */
enum wr_emu_mode wr_emu_code_mode(const struct wr_exec *x, const struct kvm_segment *cs)
{
	if (x->emu->long_mode && cs->l)
		return WR_EMU_PROT64;
	return cs->db ? WR_EMU_PROT32 : WR_EMU_PROT16;
}

/* Is @target in the segment? */
static bool in_code(const struct wr_exec *x, const struct wr_descriptor *d, u64 target)
{
	unsigned int unused = x->emu->cr4 & X86_CR4_LA57 ? 64 - 57 : 64 - 48;

	if (x->emu->long_mode && d->segment.l)
		return (u64)((s64)(target << unused) >> unused) == target;
	return (u32)target == target && target <= d->segment.limit;
}

/**
 * wr_emu_check_far - may a far branch go there?
 * @x: the instruction
 * @d: from wr_emu_code()
 * @target: offset in it
 *
 * Return: WR_EMU_DONE or a fault raised.
 */
enum wr_emu_result wr_emu_check_far(struct wr_exec *x, const struct wr_descriptor *d, u64 target)
{
	return in_code(x, d, target) ? WR_EMU_DONE : wr_emu_raise_selector(x, VECTOR_GP, 0);
}

/**
 * wr_emu_go_far - load CS and go
 * @x: the instruction
 * @d: from wr_emu_code()
 * @level: the privilege level there
 * @target: offset in it, checked
 *
 * The last thing that an instruction does. Return: WR_EMU_DONE, WR_EMU_RETRY or a fault raised.
 */
enum wr_emu_result wr_emu_go_far(struct wr_exec *x, struct wr_descriptor *d, unsigned int level, u64 target)
{
	enum wr_emu_result ret = wr_emu_mark(x, d, d->raw | WR_DESCRIPTOR_ACCESSED);

	if (ret)
		return ret;
	d->segment.selector = (d->selector & ~WR_SELECTOR_RPL) | level;
	x->emu->ops->set_segment(x->emu, SEG_CS, &d->segment);
	x->emu->cpl = level;
	x->emu->mode = wr_emu_code_mode(x, &d->segment);
	x->rip = target;
	return WR_EMU_DONE;
}
