// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stacks: the one of SS:RSP, and those that a change of privilege level goes to.
 */
#include <linux/string.h>

#include "insn.h"

/* Where in a TSS the stacks of inner levels are */
#define TSS32_STACKS	4
#define TSS32_STACK	8	/* bytes of each: ESP, SS */
#define TSS16_STACKS	2
#define TSS16_STACK	4
#define TSS64_STACKS	4	/* RSP0 to RSP2 */
#define TSS64_IST	28	/* as if there were an IST0 */

/**
 * wr_emu_stack_of - a stack that is not SS:RSP yet
 * @x: the instruction
 * @s: filled
 * @ss: its segment
 * @sp: offset in it
 * @flat: it is of 64-bit mode
 */
void wr_emu_stack_of(struct wr_exec *x, struct wr_stack *s, const struct kvm_segment *ss, u64 sp, bool flat)
{
	s->ss = *ss;
	s->flat = flat;
	s->error = 0;
	s->mask = flat ? ~0ULL : ss->db ? U32_MAX : U16_MAX;
	s->sp = sp & s->mask;
}

/**
 * wr_emu_stack - the stack of SS:RSP
 * @x: the instruction
 * @s: filled
 */
void wr_emu_stack(struct wr_exec *x, struct wr_stack *s)
{
	struct kvm_segment ss = { };

	if (!in_64bit(x))
		x->emu->ops->segment(x->emu, SEG_SS, &ss);
	wr_emu_stack_of(x, s, &ss, x->emu->regs[REG_SP], in_64bit(x));
}

/**
 * wr_emu_stack_set - point RSP to where a stack has got; SS is the caller's
 * @x: the instruction
 * @s: the stack
 */
void wr_emu_stack_set(struct wr_exec *x, const struct wr_stack *s)
{
	wr_reg_set_masked(x->emu, REG_SP, s->mask, s->sp);
}

/**
 * wr_emu_stack_skip - drop what is on top
 * @s: the stack
 * @bytes: how much
 */
void wr_emu_stack_skip(struct wr_stack *s, u64 bytes)
{
	s->sp = (s->sp + bytes) & s->mask;
}

static enum wr_emu_result locate(struct wr_exec *x, const struct wr_stack *s, u64 offset, u32 size, bool write, u64 *la)
{
	bool good;

	if (s->flat)
		good = wr_emu_canonical(x, offset) && wr_emu_canonical(x, offset + size - 1);
	else
		good = wr_emu_in_segment(x, &s->ss, offset, size, write);
	if (!good)
		return wr_emu_raise_selector(x, VECTOR_SS, s->error);
	*la = s->flat ? offset : (u32)(s->ss.base + offset);
	return WR_EMU_DONE;
}

/**
 * wr_emu_stack_push - push values, all or none
 * @x: the instruction; emu->cpl is who pushes
 * @s: the stack
 * @values: the first one is pushed first
 * @n: how many, at most WR_MAX_PUSHES
 * @size: of each, in bytes
 *
 * Return: WR_EMU_DONE, a fault raised, or what an access returned.
 */
enum wr_emu_result wr_emu_stack_push(struct wr_exec *x, struct wr_stack *s, const u64 *values, unsigned int n, u32 size)
{
	u64 sp = s->sp, la[WR_MAX_PUSHES];
	enum wr_emu_result ret;
	unsigned int i;

	for (i = 0; i < n; i++) {
		sp = (sp - size) & s->mask;
		ret = locate(x, s, sp, size, true, &la[i]);
		/* One write needs no probe: it fails before it changes anything. */
		if (!ret && n > 1)
			ret = wr_emu_probe(x, la[i], size);
		if (ret)
			return ret;
	}
	for (i = 0; i < n; i++) {
		ret = wr_emu_write(x, la[i], &values[i], size);
		if (ret)
			return ret;
	}
	s->sp = sp;
	return WR_EMU_DONE;
}

/**
 * wr_emu_stack_pop - pop a value
 * @x: the instruction
 * @s: the stack
 * @value: zero-extended
 * @size: in bytes
 *
 * Return: WR_EMU_DONE, a fault raised, or what the access returned.
 */
enum wr_emu_result wr_emu_stack_pop(struct wr_exec *x, struct wr_stack *s, u64 *value, u32 size)
{
	u64 la;
	enum wr_emu_result ret = locate(x, s, s->sp, size, false, &la);

	*value = 0;
	if (!ret)
		ret = wr_emu_read(x, la, value, size);
	if (!ret)
		wr_emu_stack_skip(s, size);
	return ret;
}

/**
 * wr_emu_push - push to SS:RSP, all or none
 * @x: the instruction
 * @values: the first one is pushed first
 * @n: how many, at most WR_MAX_PUSHES
 * @size: of each, in bytes
 *
 * Return: as wr_emu_stack_push().
 */
enum wr_emu_result wr_emu_push(struct wr_exec *x, const u64 *values, unsigned int n, u32 size)
{
	enum wr_emu_result ret;
	struct wr_stack s;

	wr_emu_stack(x, &s);
	ret = wr_emu_stack_push(x, &s, values, n, size);
	if (!ret)
		wr_emu_stack_set(x, &s);
	return ret;
}

/**
 * wr_emu_pop - pop a value from SS:RSP
 * @x: the instruction
 * @value: zero-extended
 * @size: in bytes
 *
 * Return: as wr_emu_stack_pop().
 */
enum wr_emu_result wr_emu_pop(struct wr_exec *x, u64 *value, u32 size)
{
	enum wr_emu_result ret;
	struct wr_stack s;

	wr_emu_stack(x, &s);
	ret = wr_emu_stack_pop(x, &s, value, size);
	if (!ret)
		wr_emu_stack_set(x, &s);
	return ret;
}

/**
 * wr_emu_stack_mask - which bits of RSP address the stack
 * @x: the instruction
 */
u64 wr_emu_stack_mask(struct wr_exec *x)
{
	struct wr_stack s;

	wr_emu_stack(x, &s);
	return s.mask;
}

/* Is it a stack segment of this privilege level? Whether it is present is another question. */
static bool is_stack(const struct wr_descriptor *ss, unsigned int level)
{
	const struct kvm_segment *s = &ss->segment;

	return s->s && !is_code_segment(s) && s->type & 2 && s->dpl == level && (ss->selector & WR_SELECTOR_RPL) == level;
}

static enum wr_emu_result check_stack(struct wr_exec *x, u16 selector, unsigned int level, u8 vector, struct wr_descriptor *ss)
{
	enum wr_emu_result ret = wr_emu_descriptor(x, selector, vector, ss);

	if (ret)
		return ret;
	if (!is_stack(ss, level))
		return wr_emu_raise_selector(x, vector, selector);
	return ss->segment.present ? WR_EMU_DONE : wr_emu_raise_selector(x, VECTOR_SS, selector);
}

/* No memory behind it, but a privilege level */
static void null_stack(struct wr_descriptor *ss, u16 selector, unsigned int level)
{
	*ss = (struct wr_descriptor) {
		.selector = selector, .segment = { .selector = selector, .unusable = 1, .dpl = level },
	};
}

static enum wr_emu_result inner_stack_64(struct wr_exec *x, const struct kvm_segment *tr, unsigned int level, unsigned int ist,
					 struct wr_stack *s, struct wr_descriptor *ss)
{
	u32 at = ist ? TSS64_IST + ist * 8 : TSS64_STACKS + level * 8;
	enum wr_emu_result ret;
	u64 sp;

	if (at + 7 > tr->limit)
		return wr_emu_raise_selector(x, VECTOR_TS, tr->selector);
	ret = wr_emu_read_system(x, tr->base + at, &sp, sizeof(sp));
	if (ret)
		return ret;
	null_stack(ss, level, level);
	wr_emu_stack_of(x, s, &ss->segment, sp, true);
	return wr_emu_canonical(x, sp) ? WR_EMU_DONE : wr_emu_raise_selector(x, VECTOR_SS, 0);
}

/**
 * wr_emu_inner_stack - the stack that the TSS has for a privilege level
 * @x: the instruction
 * @level: which
 * @ist: long mode: by this number instead, 0: none
 * @s: filled
 * @ss: what SS has to be loaded from, if the level changes
 *
 * Return: WR_EMU_DONE, or a fault raised.
 */
enum wr_emu_result wr_emu_inner_stack(struct wr_exec *x, unsigned int level, unsigned int ist, struct wr_stack *s,
				      struct wr_descriptor *ss)
{
	u32 at, size;
	struct kvm_segment tr;
	enum wr_emu_result ret;
	u16 selector;
	u64 sp = 0;

	x->emu->ops->segment(x->emu, SEG_TR, &tr);
	if (x->emu->long_mode)
		return inner_stack_64(x, &tr, level, ist, s, ss);
	size = tr.type & 8 ? 4 : 2;
	at = size == 4 ? TSS32_STACKS + level * TSS32_STACK : TSS16_STACKS + level * TSS16_STACK;
	if (at + size + 1 > tr.limit)
		return wr_emu_raise_selector(x, VECTOR_TS, tr.selector);
	ret = wr_emu_read_system(x, (u32)(tr.base + at), &sp, size);
	if (!ret)
		ret = wr_emu_read_system(x, (u32)(tr.base + at + size), &selector, sizeof(selector));
	if (ret)
		return ret;
	if (is_null_selector(selector))
		return wr_emu_raise_selector(x, VECTOR_TS, 0);
	ret = check_stack(x, selector, level, VECTOR_TS, ss);
	if (ret)
		return ret;
	wr_emu_stack_of(x, s, &ss->segment, sp, false);
	s->error = selector;
	return WR_EMU_DONE;
}

/**
 * wr_emu_outer_stack - check the SS that a return pops
 * @x: the instruction
 * @selector: of it
 * @level: the privilege level that it returns to
 * @wide: it returns to 64-bit code, where SS may be null
 * @ss: filled
 *
 * Return: WR_EMU_DONE, or a fault raised.
 */
enum wr_emu_result wr_emu_outer_stack(struct wr_exec *x, u16 selector, unsigned int level, bool wide, struct wr_descriptor *ss)
{
	if (!is_null_selector(selector))
		return check_stack(x, selector, level, VECTOR_GP, ss);
	if (!wide || level == 3 || (selector & WR_SELECTOR_RPL) != level)
		return wr_emu_raise_selector(x, VECTOR_GP, 0);
	null_stack(ss, selector, level);
	return WR_EMU_DONE;
}
