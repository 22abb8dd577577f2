// SPDX-License-Identifier: GPL-2.0-only
/*
 * Far jumps, calls and returns: in real mode; in protected mode, through gates and to other privilege levels too.
 *
 * All that can fault comes before the first write, but for accessed bits.
 */
#include "insn.h"

#define MAX_PARAMS	31

/* The last step of a far branch in real mode, all others done */
static enum wr_emu_result branch_real(struct wr_exec *x, u64 offset, u16 selector)
{
	enum wr_emu_result ret = wr_emu_check_target(x, offset);

	if (ret)
		return ret;
	x->rip = offset;
	return wr_emu_load_segment(x, SEG_CS, selector);
}

static u16 code_selector(struct wr_exec *x)
{
	struct kvm_segment cs;

	x->emu->ops->segment(x->emu, SEG_CS, &cs);
	return cs.selector;
}

/* Where a far call comes back to */
static void return_address(struct wr_exec *x, u64 *back)
{
	back[0] = code_selector(x);
	back[1] = x->rip;
}

/* To another task, directly or by a task gate */
static enum wr_emu_result to_task(struct wr_exec *x, u16 selector, bool call)
{
	x->emu->task = (struct wr_task_switch) {
		.selector = selector, .cause = call ? WR_TASK_CALL : WR_TASK_JMP, .next_rip = x->rip,
	};
	return WR_EMU_TASK;
}

/* What the caller left on its stack for a gate to copy; the last one pushed comes last. */
static enum wr_emu_result read_params(struct wr_exec *x, u64 *params, unsigned int n, u32 size)
{
	enum wr_emu_result ret = WR_EMU_DONE;
	struct wr_stack s;

	wr_emu_stack(x, &s);
	while (n-- && !ret)
		ret = wr_emu_stack_pop(x, &s, &params[n], size);
	return ret;
}

/* A call to an inner level: its stack gets SS, RSP, the parameters, CS and RIP. */
static enum wr_emu_result call_inner(struct wr_exec *x, const struct wr_gate *g, struct wr_descriptor *cs)
{
	struct wr_emu *emu = x->emu;
	bool wide = emu->long_mode;
	u32 size = wide ? 8 : g->type == WR_TYPE_CALL32 ? 4 : 2;
	unsigned int level = cs->segment.dpl, n = wide ? 0 : g->params;
	u64 frame[MAX_PARAMS + 4];
	struct kvm_segment old;
	struct wr_descriptor ss;
	enum wr_emu_result ret;
	struct wr_stack s;

	ret = wr_emu_inner_stack(x, level, 0, &s, &ss);
	if (!ret)
		ret = wr_emu_check_far(x, cs, g->offset);
	if (!ret)
		ret = read_params(x, frame + 2, n, size);
	if (!ret && !wide)
		ret = wr_emu_mark(x, &ss, ss.raw | WR_DESCRIPTOR_ACCESSED);
	if (!ret)
		ret = wr_emu_mark(x, cs, cs->raw | WR_DESCRIPTOR_ACCESSED);
	if (ret)
		return ret;
	emu->ops->segment(emu, SEG_SS, &old);
	frame[0] = old.selector;
	frame[1] = emu->regs[REG_SP];
	return_address(x, frame + n + 2);
	emu->cpl = level;
	emu->mode = wr_emu_code_mode(x, &cs->segment);
	ret = wr_emu_stack_push(x, &s, frame, n + 4, size);
	if (ret)
		return ret;
	emu->ops->set_segment(emu, SEG_SS, &ss.segment);
	wr_emu_stack_set(x, &s);
	return wr_emu_go_far(x, cs, level, g->offset);
}

/* To code of the same level, or conforming: @size is that of the gate or, without one, of the operand. */
static enum wr_emu_result call_same(struct wr_exec *x, struct wr_descriptor *cs, u64 offset, u32 size)
{
	enum wr_emu_result ret;
	u64 back[2];

	ret = wr_emu_check_far(x, cs, offset);
	if (!ret)
		ret = wr_emu_mark(x, cs, cs->raw | WR_DESCRIPTOR_ACCESSED);
	return_address(x, back);
	if (!ret)
		ret = wr_emu_push(x, back, 2, size);
	return ret ? ret : wr_emu_go_far(x, cs, x->emu->cpl, offset);
}

static enum wr_emu_result jump_same(struct wr_exec *x, struct wr_descriptor *cs, u64 offset)
{
	enum wr_emu_result ret = wr_emu_check_far(x, cs, offset);

	return ret ? ret : wr_emu_go_far(x, cs, x->emu->cpl, offset);
}

static enum wr_emu_result through_gate(struct wr_exec *x, const struct wr_gate *g, bool call)
{
	u32 size = x->emu->long_mode ? 8 : g->type == WR_TYPE_CALL32 ? 4 : 2;
	enum wr_emu_result ret;
	struct wr_descriptor cs;

	ret = wr_emu_gate_code(x, g, !call, &cs);
	if (ret)
		return ret;
	if (!call)
		return jump_same(x, &cs, g->offset);
	if (!is_conforming_code(&cs.segment) && cs.segment.dpl < x->emu->cpl)
		return call_inner(x, g, &cs);
	return call_same(x, &cs, g->offset, size);
}

/* A far branch named a system descriptor. */
static enum wr_emu_result branch_system(struct wr_exec *x, const struct wr_descriptor *d, bool call)
{
	bool wide = x->emu->long_mode;
	u8 type = d->segment.type;
	struct wr_gate g;

	if (type != WR_TYPE_CALL32 && (wide || (type != WR_TYPE_CALL16 && type != WR_TYPE_TASK && type != WR_TYPE_TSS16 &&
						type != WR_TYPE_TSS32)))
		return wr_emu_raise_selector(x, VECTOR_GP, d->selector);
	/* The type of the upper half must be 0. */
	if (wide && d->high >> 40 & 0x1f)
		return wr_emu_raise_selector(x, VECTOR_GP, d->selector);
	if (d->segment.dpl < max_t(unsigned int, x->emu->cpl, d->selector & WR_SELECTOR_RPL))
		return wr_emu_raise_selector(x, VECTOR_GP, d->selector);
	if (!d->segment.present)
		return wr_emu_raise_selector(x, VECTOR_NP, d->selector);
	if (type == WR_TYPE_TSS16 || type == WR_TYPE_TSS32)
		return to_task(x, d->selector, call);
	wr_emu_unpack_gate(&g, d->raw, d->high, wide);
	return type == WR_TYPE_TASK ? to_task(x, g.selector, call) : through_gate(x, &g, call);
}

static enum wr_emu_result branch_protected(struct wr_exec *x, u64 offset, u16 selector, bool call)
{
	enum wr_emu_result ret;
	struct wr_descriptor d;

	if (is_null_selector(selector))
		return wr_emu_raise_selector(x, VECTOR_GP, 0);
	ret = wr_emu_descriptor(x, selector, VECTOR_GP, &d);
	if (ret)
		return ret;
	if (!d.segment.s)
		return branch_system(x, &d, call);
	ret = wr_emu_code(x, selector, false, &d);
	if (ret)
		return ret;
	return call ? call_same(x, &d, offset, x->insn->op_size) : jump_same(x, &d, offset);
}

static enum wr_emu_result branch_far(struct wr_exec *x, u64 offset, u16 selector, bool call)
{
	enum wr_emu_result ret;
	u64 back[2];

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	if (!real_segments(x))
		return branch_protected(x, offset, selector, call);
	if (!call)
		return branch_real(x, offset, selector);
	return_address(x, back);
	ret = wr_emu_check_target(x, offset);
	if (!ret)
		ret = wr_emu_push(x, back, 2, x->insn->op_size);
	return ret ? ret : branch_real(x, offset, selector);
}

enum wr_emu_result wr_do_jmp_far(struct wr_exec *x)
{
	return branch_far(x, x->src, x->src2, false);
}

enum wr_emu_result wr_do_call_far(struct wr_exec *x)
{
	return branch_far(x, x->src, x->src2, true);
}

enum wr_emu_result wr_do_jmp_far_mem(struct wr_exec *x)
{
	u64 offset;
	u16 selector;
	enum wr_emu_result ret = wr_emu_read_pointer(x, &offset, &selector);

	return ret ? ret : branch_far(x, offset, selector, false);
}

enum wr_emu_result wr_do_call_far_mem(struct wr_exec *x)
{
	u64 offset;
	u16 selector;
	enum wr_emu_result ret = wr_emu_read_pointer(x, &offset, &selector);

	return ret ? ret : branch_far(x, offset, selector, true);
}

/* After a return to an outer level: what it may not use is taken away. */
static void drop_inner_data(struct wr_exec *x)
{
	static const u8 segments[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	struct wr_emu *emu = x->emu;
	struct kvm_segment s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segments); i++) {
		emu->ops->segment(emu, segments[i], &s);
		if (s.unusable || !s.s || is_conforming_code(&s) || s.dpl >= emu->cpl)
			continue;
		s.selector = 0;
		s.unusable = 1;
		emu->ops->set_segment(emu, segments[i], &s);
	}
}

/* struct back - what RETF or IRET pops */
struct back {
	u64 rip, cs, flags, sp, ss;
};

static enum wr_emu_result pop_code(struct wr_exec *x, struct wr_stack *s, struct back *b)
{
	enum wr_emu_result ret = wr_emu_stack_pop(x, s, &b->rip, x->insn->op_size);

	return ret ? ret : wr_emu_stack_pop(x, s, &b->cs, x->insn->op_size);
}

/* The code that is returned to; its level is the selector's. */
static enum wr_emu_result check_back(struct wr_exec *x, const struct back *b, struct wr_descriptor *cs)
{
	if ((b->cs & WR_SELECTOR_RPL) < x->emu->cpl)
		return wr_emu_raise_selector(x, VECTOR_GP, b->cs);
	return wr_emu_code(x, b->cs, true, cs);
}

/* The end of a return that loads SS:RSP; @released: bytes to drop from that stack */
static enum wr_emu_result go_back(struct wr_exec *x, const struct back *b, struct wr_descriptor *cs, u64 released)
{
	struct wr_emu *emu = x->emu;
	unsigned int level = b->cs & WR_SELECTOR_RPL;
	bool outer = level != emu->cpl, wide = emu->long_mode && cs->segment.l;
	struct wr_descriptor ss;
	enum wr_emu_result ret;
	struct wr_stack s;

	ret = wr_emu_outer_stack(x, b->ss, level, wide, &ss);
	if (!ret)
		ret = wr_emu_check_far(x, cs, b->rip);
	if (!ret && !ss.segment.unusable)
		ret = wr_emu_mark(x, &ss, ss.raw | WR_DESCRIPTOR_ACCESSED);
	if (!ret)
		ret = wr_emu_go_far(x, cs, level, b->rip);
	if (ret)
		return ret;
	emu->ops->set_segment(emu, SEG_SS, &ss.segment);
	wr_emu_stack_of(x, &s, &ss.segment, b->sp, wide);
	wr_emu_stack_skip(&s, released);
	wr_emu_stack_set(x, &s);
	if (outer)
		drop_inner_data(x);
	return WR_EMU_DONE;
}

static enum wr_emu_result pop_stack(struct wr_exec *x, struct wr_stack *s, struct back *b)
{
	enum wr_emu_result ret = wr_emu_stack_pop(x, s, &b->sp, x->insn->op_size);

	return ret ? ret : wr_emu_stack_pop(x, s, &b->ss, x->insn->op_size);
}

static enum wr_emu_result return_protected(struct wr_exec *x, struct wr_stack *s, struct back *b)
{
	struct wr_descriptor cs;
	enum wr_emu_result ret = check_back(x, b, &cs);

	if (ret)
		return ret;
	wr_emu_stack_skip(s, x->src);
	if ((b->cs & WR_SELECTOR_RPL) != x->emu->cpl) {
		ret = pop_stack(x, s, b);
		return ret ? ret : go_back(x, b, &cs, x->src);
	}
	ret = jump_same(x, &cs, b->rip);
	if (!ret)
		wr_reg_set_masked(x->emu, REG_SP, s->mask, s->sp);
	return ret;
}

enum wr_emu_result wr_do_ret_far(struct wr_exec *x)
{
	struct back b = { };
	enum wr_emu_result ret;
	struct wr_stack s;

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	wr_emu_stack(x, &s);
	ret = pop_code(x, &s, &b);
	if (ret)
		return ret;
	if (!real_segments(x))
		return return_protected(x, &s, &b);
	wr_emu_stack_skip(&s, x->src);
	wr_emu_stack_set(x, &s);
	return branch_real(x, b.rip, b.cs);
}

#define FLAGS_RETURNED	(FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | \
			 X86_EFLAGS_RF | X86_EFLAGS_AC | X86_EFLAGS_ID)
#define FLAGS_VIRTUAL	((u64)(X86_EFLAGS_VIF | X86_EFLAGS_VIP))

/* IRET: what of the popped image counts, for who returns */
static void set_flags(struct wr_exec *x, u64 image)
{
	u64 change = FLAGS_RETURNED;

	if (x->emu->mode == WR_EMU_VM86) {
		change &= ~(u64)X86_EFLAGS_IOPL;
	} else if (x->emu->mode != WR_EMU_REAL) {
		if (x->emu->cpl)
			change &= ~(u64)X86_EFLAGS_IOPL;
		else
			change |= FLAGS_VIRTUAL;
		if (x->emu->cpl > iopl(x))
			change &= ~(u64)X86_EFLAGS_IF;
	}
	change &= size_mask(x->insn->op_size);
	x->emu->rflags = (x->emu->rflags & ~change & ~(u64)X86_EFLAGS_RF) | (image & change);
	x->keep_rf = true;
}

/* VME, IOPL below 3: VIF stands for IF. */
static enum wr_emu_result set_flags_virtual(struct wr_exec *x, u64 image)
{
	u64 change = FLAGS_RETURNED & ~(u64)(X86_EFLAGS_IOPL | X86_EFLAGS_IF) & U16_MAX;

	if (image & X86_EFLAGS_TF || (image & X86_EFLAGS_IF && flag_is(x, X86_EFLAGS_VIP)))
		return wr_emu_raise(x, VECTOR_GP);
	x->emu->rflags = (x->emu->rflags & ~change) | (image & change);
	flag_assign(x, X86_EFLAGS_VIF, image & X86_EFLAGS_IF);
	return WR_EMU_DONE;
}

/* IRET of real and virtual-8086 mode */
static enum wr_emu_result iret_real(struct wr_exec *x, const struct wr_stack *s, const struct back *b)
{
	enum wr_emu_result ret = wr_emu_check_target(x, b->rip);

	if (ret)
		return ret;
	if (x->emu->mode == WR_EMU_VM86 && iopl(x) < 3) {
		ret = set_flags_virtual(x, b->flags);
		if (ret)
			return ret;
	} else {
		set_flags(x, b->flags);
	}
	wr_emu_stack_set(x, s);
	return branch_real(x, b->rip, b->cs);
}

/* To virtual-8086 mode: six more words are popped. */
static enum wr_emu_result iret_to_vm86(struct wr_exec *x, struct wr_stack *s, const struct back *b)
{
	static const u8 order[] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	u16 selectors[SEG_GS + 1];
	enum wr_emu_result ret;
	u64 sp, value;
	unsigned int i;

	ret = wr_emu_stack_pop(x, s, &sp, 4);
	for (i = 0; i < ARRAY_SIZE(order) && !ret; i++) {
		ret = wr_emu_stack_pop(x, s, &value, 4);
		selectors[order[i]] = value;
	}
	if (ret)
		return ret;
	if (b->rip > U16_MAX)
		return wr_emu_raise(x, VECTOR_GP);
	selectors[SEG_CS] = b->cs;
	x->emu->rflags = (b->flags & WR_FLAGS_TASK) | X86_EFLAGS_FIXED;
	x->keep_rf = true;
	wr_emu_segments_vm86(x, selectors);
	wr_reg_set(x->emu, REG_SP, 4, false, sp);
	x->rip = b->rip;
	return WR_EMU_DONE;
}

static enum wr_emu_result iret_protected(struct wr_exec *x, struct wr_stack *s, struct back *b)
{
	struct wr_emu *emu = x->emu;
	enum wr_emu_result ret;
	struct wr_descriptor cs;

	if (x->insn->op_size == 4 && b->flags & X86_EFLAGS_VM && !emu->cpl && !emu->long_mode)
		return iret_to_vm86(x, s, b);
	ret = check_back(x, b, &cs);
	if (ret)
		return ret;
	/* 64-bit code always has a stack to return to. */
	if (in_64bit(x) || (b->cs & WR_SELECTOR_RPL) != emu->cpl) {
		ret = pop_stack(x, s, b);
		if (ret)
			return ret;
		set_flags(x, b->flags);
		return go_back(x, b, &cs, 0);
	}
	ret = wr_emu_check_far(x, &cs, b->rip);
	if (ret)
		return ret;
	set_flags(x, b->flags);
	wr_emu_stack_set(x, s);
	return wr_emu_go_far(x, &cs, emu->cpl, b->rip);
}

/* NT: back to the task that the TSS names */
static enum wr_emu_result iret_task(struct wr_exec *x)
{
	enum wr_emu_result ret;
	struct kvm_segment tr;
	u16 link;

	if (x->emu->long_mode)
		return wr_emu_raise(x, VECTOR_GP);
	x->emu->ops->segment(x->emu, SEG_TR, &tr);
	ret = wr_emu_read_system(x, (u32)tr.base, &link, sizeof(link));
	if (ret)
		return ret;
	x->emu->task = (struct wr_task_switch) { .selector = link, .cause = WR_TASK_IRET, .next_rip = x->rip };
	return WR_EMU_TASK;
}

/* Also ends the blocking of NMIs, which the emulator does not know of: the caller looks at the opcode. */
enum wr_emu_result wr_do_iret(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	struct back b = { };
	enum wr_emu_result ret;
	struct wr_stack s;

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	if (x->emu->mode == WR_EMU_VM86 && iopl(x) < 3 && (size != 2 || !(x->emu->cr4 & X86_CR4_VME)))
		return wr_emu_raise(x, VECTOR_GP);
	if (!real_segments(x) && flag_is(x, X86_EFLAGS_NT))
		return iret_task(x);
	wr_emu_stack(x, &s);
	ret = pop_code(x, &s, &b);
	if (!ret)
		ret = wr_emu_stack_pop(x, &s, &b.flags, size);
	if (ret)
		return ret;
	return real_segments(x) ? iret_real(x, &s, &b) : iret_protected(x, &s, &b);
}
