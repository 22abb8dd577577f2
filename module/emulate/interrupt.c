// SPDX-License-Identifier: GPL-2.0-only
/*
 * Through the vector table of real mode, or a gate of the IDT.
 *
 * All that can fault comes before the first write, but for accessed bits.
 */
#include <linux/string.h>

#include "compat.h"
#include "insn.h"

#define VECTOR_ENTRY	4	/* bytes of the real-mode vector table: offset, selector */
#define MAX_FRAME	10	/* of virtual-8086 mode, with an error code */
#define IDT_ERROR	2	/* of error codes: the number is of the IDT */

/* The end of a delivery by the vector table, at @base: three words are pushed. */
static enum wr_emu_result by_vector(struct wr_exec *x, const struct wr_emu_event *event, u64 base, u64 flags)
{
	struct wr_emu *emu = x->emu;
	struct kvm_segment cs;
	enum wr_emu_result ret;
	u32 entry = 0;
	u64 frame[3];

	ret = wr_emu_read(x, (u32)(base + event->vector * VECTOR_ENTRY), &entry, VECTOR_ENTRY);
	if (ret)
		return ret;
	emu->ops->segment(emu, SEG_CS, &cs);
	frame[0] = flags;
	frame[1] = cs.selector;
	frame[2] = event->rip;
	ret = wr_emu_check_target(x, entry & U16_MAX);
	if (!ret)
		ret = wr_emu_push(x, frame, 3, 2);
	if (ret)
		return ret;
	x->rip = entry & U16_MAX;
	return wr_emu_load_segment(x, SEG_CS, entry >> 16);
}

static enum wr_emu_result deliver_real(struct wr_exec *x, const struct wr_emu_event *event)
{
	struct wr_emu *emu = x->emu;
	struct kvm_dtable idt;
	enum wr_emu_result ret;

	emu->ops->table(emu, true, &idt);
	if (event->vector * VECTOR_ENTRY + VECTOR_ENTRY - 1 > idt.limit)
		return wr_emu_raise(x, VECTOR_GP);
	ret = by_vector(x, event, idt.base, emu->rflags & ~(u64)X86_EFLAGS_RF);
	emu->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_RF);
	return ret;
}

/* VME: the program's own vector table, for the interrupts that the bitmap in the TSS does not claim */
static enum wr_emu_result deliver_redirected(struct wr_exec *x, const struct wr_emu_event *event)
{
	struct wr_emu *emu = x->emu;
	u64 flags = emu->rflags & ~(u64)X86_EFLAGS_RF, flag = X86_EFLAGS_IF;
	enum wr_emu_result ret;

	if (iopl(x) < 3) {
		flag = X86_EFLAGS_VIF;
		flags = (flags & ~(u64)X86_EFLAGS_IF) | X86_EFLAGS_IOPL;
		flags |= flag_is(x, X86_EFLAGS_VIF) ? X86_EFLAGS_IF : 0;
	}
	ret = by_vector(x, event, 0, flags);
	emu->rflags &= ~(u64)(flag | X86_EFLAGS_TF | X86_EFLAGS_RF);
	return ret;
}

#define REDIRECTION	32	/* bytes of that bitmap; the one of ports follows */

/* INT n in virtual-8086 mode with VME: WR_EMU_DONE with the answer, or a fault raised */
static enum wr_emu_result is_redirected(struct wr_exec *x, u8 vector, bool *redirected)
{
	struct kvm_segment tr;
	enum wr_emu_result ret;
	u16 base;
	u32 at;
	u8 byte;

	x->emu->ops->segment(x->emu, SEG_TR, &tr);
	if (tr.limit < TSS_IO_BASE + 1)
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_read_system(x, (u32)(tr.base + TSS_IO_BASE), &base, sizeof(base));
	if (ret)
		return ret;
	at = base - REDIRECTION + vector / 8;
	if (at > tr.limit)
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_read_system(x, (u32)(tr.base + at), &byte, 1);
	*redirected = !(byte & BIT(vector % 8));
	return ret;
}

static bool is_gate(u8 type, bool wide)
{
	return type == WR_TYPE_INT32 || type == WR_TYPE_TRAP32 || (!wide && type >= WR_TYPE_TASK && type <= WR_TYPE_TRAP16);
}

/* The error code names the gate. */
static enum wr_emu_result raise_gate(struct wr_exec *x, u8 vector, const struct wr_emu_event *event)
{
	wr_emu_raise(x, vector);
	x->emu->fault.error = event->vector * 8 | IDT_ERROR | x->external;
	return WR_EMU_FAULT;
}

/* The gate of a vector, as far as the IDT and the event decide about it */
static enum wr_emu_result find_gate(struct wr_exec *x, const struct wr_emu_event *event, struct wr_gate *g)
{
	bool wide = x->emu->long_mode;
	u32 size = wide ? 16 : 8, at = event->vector * size;
	struct kvm_dtable idt;
	enum wr_emu_result ret;
	u64 raw[2] = { }, la;

	x->emu->ops->table(x->emu, true, &idt);
	if (at + size - 1 > idt.limit)
		return raise_gate(x, VECTOR_GP, event);
	la = idt.base + at;
	ret = wr_emu_read_system(x, wide ? la : (u32)la, raw, size);
	if (ret)
		return ret;
	wr_emu_unpack_gate(g, raw[0], raw[1], wide);
	if (!is_gate(g->type, wide))
		return raise_gate(x, VECTOR_GP, event);
	if (event->source != WR_SOURCE_EXTERNAL && g->dpl < x->emu->cpl)
		return raise_gate(x, VECTOR_GP, event);
	return g->present ? WR_EMU_DONE : raise_gate(x, VECTOR_NP, event);
}

static u16 selector_of(struct wr_exec *x, int seg)
{
	struct kvm_segment s;

	x->emu->ops->segment(x->emu, seg, &s);
	return s.selector;
}

/* What the handler finds on its stack; @switched: another stack than before */
static unsigned int make_frame(struct wr_exec *x, const struct wr_emu_event *event, bool switched, u64 *frame)
{
	static const u8 vm86[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
	struct wr_emu *emu = x->emu;
	unsigned int n = 0, i;

	for (i = 0; i < ARRAY_SIZE(vm86) && emu->mode == WR_EMU_VM86; i++)
		frame[n++] = selector_of(x, vm86[i]);
	if (switched) {
		frame[n++] = selector_of(x, SEG_SS);
		frame[n++] = emu->regs[REG_SP];
	}
	frame[n] = emu->rflags;
	if (event->source != WR_SOURCE_EXTERNAL)
		frame[n] &= ~(u64)X86_EFLAGS_RF;
	else if (event->restarts)
		frame[n] |= X86_EFLAGS_RF;
	n++;
	frame[n++] = selector_of(x, SEG_CS);
	frame[n++] = event->rip;
	if (event->has_error)
		frame[n++] = event->error;
	return n;
}

static void null_data_segments(struct wr_exec *x)
{
	static const u8 segments[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };
	const struct kvm_segment null = { .unusable = 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segments); i++)
		x->emu->ops->set_segment(x->emu, segments[i], &null);
}

/* The stack of the handler, and SS for it when the level changes */
static enum wr_emu_result find_stack(struct wr_exec *x, unsigned int level, u8 ist, struct wr_stack *s, struct wr_descriptor *ss)
{
	struct kvm_segment none = { };
	enum wr_emu_result ret = WR_EMU_DONE;

	if (level < x->emu->cpl || ist)
		ret = wr_emu_inner_stack(x, level, ist, s, ss);
	else if (x->emu->long_mode)
		wr_emu_stack_of(x, s, &none, x->emu->regs[REG_SP], true);
	else
		wr_emu_stack(x, s);
	if (!ret && x->emu->long_mode)
		s->sp &= ~15ULL;
	return ret;
}

static enum wr_emu_result through(struct wr_exec *x, const struct wr_emu_event *event, const struct wr_gate *g,
				  struct wr_descriptor *cs, unsigned int level)
{
	struct wr_emu *emu = x->emu;
	bool vm86 = emu->mode == WR_EMU_VM86, inner = level < emu->cpl;
	u32 size = emu->long_mode ? 8 : g->type & 8 ? 4 : 2;
	u64 frame[MAX_FRAME];
	struct wr_descriptor ss = { };
	enum wr_emu_result ret;
	struct wr_stack s;
	unsigned int n;

	ret = find_stack(x, level, g->ist, &s, &ss);
	if (!ret)
		ret = wr_emu_check_far(x, cs, g->offset);
	if (!ret)
		ret = wr_emu_mark(x, cs, cs->raw | WR_DESCRIPTOR_ACCESSED);
	if (!ret && inner && !emu->long_mode)
		ret = wr_emu_mark(x, &ss, ss.raw | WR_DESCRIPTOR_ACCESSED);
	if (ret)
		return ret;
	n = make_frame(x, event, inner || emu->long_mode, frame);
	/* The handler's level pushes. */
	emu->cpl = level;
	emu->mode = wr_emu_code_mode(x, &cs->segment);
	ret = wr_emu_stack_push(x, &s, frame, n, size);
	if (ret)
		return ret;
	if (vm86)
		null_data_segments(x);
	if (inner)
		emu->ops->set_segment(emu, SEG_SS, &ss.segment);
	wr_emu_stack_set(x, &s);
	emu->rflags &= ~(WR_FLAGS_GATE | (g->type & 1 ? 0 : X86_EFLAGS_IF));
	return wr_emu_go_far(x, cs, level, g->offset);
}

static enum wr_emu_result deliver_gate(struct wr_exec *x, const struct wr_emu_event *event)
{
	struct wr_emu *emu = x->emu;
	enum wr_emu_result ret;
	struct wr_descriptor cs;
	unsigned int level;
	struct wr_gate g;

	ret = find_gate(x, event, &g);
	if (ret)
		return ret;
	if (g.type == WR_TYPE_TASK) {
		emu->task = (struct wr_task_switch) {
			.selector = g.selector, .cause = WR_TASK_GATE, .external = x->external,
			.has_error = event->has_error, .error = event->error, .next_rip = event->rip,
		};
		return WR_EMU_TASK;
	}
	ret = wr_emu_gate_code(x, &g, false, &cs);
	if (ret)
		return ret;
	level = is_conforming_code(&cs.segment) ? emu->cpl : cs.segment.dpl;
	if (emu->mode == WR_EMU_VM86 && level)
		return wr_emu_raise_selector(x, VECTOR_GP, g.selector);
	return through(x, event, &g, &cs, level);
}

/**
 * wr_emu_interrupt - deliver an event
 * @x: the instruction, or none; its RIP is set
 * @event: see emulate.h
 *
 * Return: as wr_emu_deliver().
 */
enum wr_emu_result wr_emu_interrupt(struct wr_exec *x, const struct wr_emu_event *event)
{
	struct wr_emu *emu = x->emu;
	bool redirected = false;
	enum wr_emu_result ret;

	if (!loads_segments(x) || !emu->ops->table)
		return WR_EMU_UNKNOWN;
	x->external = event->source == WR_SOURCE_EXTERNAL;
	emu->delivered = true;
	if (emu->mode == WR_EMU_REAL)
		return deliver_real(x, event);
	if (emu->mode == WR_EMU_VM86 && event->source == WR_SOURCE_INT) {
		ret = emu->cr4 & X86_CR4_VME ? is_redirected(x, event->vector, &redirected) : WR_EMU_DONE;
		if (ret)
			return ret;
		if (redirected)
			return deliver_redirected(x, event);
		if (iopl(x) < 3)
			return wr_emu_raise(x, VECTOR_GP);
	}
	return deliver_gate(x, event);
}

/* Documented in emulate.h. */
enum wr_emu_result wr_emu_deliver(struct wr_emu *emu, const struct wr_emu_event *event)
{
	struct wr_exec x = { .emu = emu };
	enum wr_emu_mode mode = emu->mode;
	enum wr_emu_result ret;
	u8 cpl = emu->cpl;

	emu->repeat = false;
	emu->interrupt_shadow = false;
	emu->trap_shadow = false;
	ret = wr_emu_interrupt(&x, event);
	if (ret == WR_EMU_DONE) {
		emu->rip = x.rip;
	} else {
		emu->mode = mode;
		emu->cpl = cpl;
	}
	return ret;
}
WR_EXPORT_FOR_KUNIT(wr_emu_deliver);

static enum wr_emu_result interrupt(struct wr_exec *x, u8 vector, enum wr_emu_source source)
{
	const struct wr_emu_event event = { .vector = vector, .source = source, .rip = x->rip };

	return wr_emu_interrupt(x, &event);
}

enum wr_emu_result wr_do_int(struct wr_exec *x)
{
	return interrupt(x, x->src, WR_SOURCE_INT);
}

enum wr_emu_result wr_do_int3(struct wr_exec *x)
{
	if (x->emu->breakpoints) {
		x->emu->assist = WR_ASSIST_BP;
		return WR_EMU_ASSIST;
	}
	return interrupt(x, 3, WR_SOURCE_BREAK);
}

enum wr_emu_result wr_do_into(struct wr_exec *x)
{
	return flag_is(x, X86_EFLAGS_OF) ? interrupt(x, 4, WR_SOURCE_BREAK) : WR_EMU_DONE;
}
