// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware task switches: the registers go to the old TSS and come from the new one.
 *
 * What can be checked is checked before anything changes. After that the new task runs, and what is wrong with its segments
 * is its own fault, raised in it.
 */
#include <linux/string.h>

#include "compat.h"
#include "insn.h"

#define BUSY		BIT_ULL(41)	/* the same in a descriptor */

#define TSS_MAX		104
#define TSS_TRAP	100	/* 32-bit: #DB when the task begins */
#define NR_TSS_REGS	8

/* How often another vCPU may change a descriptor or a page table between a look at it and its accessed bit */
#define MAX_TRIES	256

/* Where things are in a TSS; the back link is first */
struct tss_format {
	u8 type;		/* of its descriptor, when not busy */
	u8 size;		/* of an entry */
	u8 length;
	u8 cr3;			/* 0: has none */
	u8 ip, flags, regs, segments, nr_segments, ldt;
};

static const struct tss_format tss32 = {
	.type = 9, .size = 4, .length = 104,
	.cr3 = 28, .ip = 32, .flags = 36, .regs = 40, .segments = 72, .nr_segments = 6, .ldt = 96,
};

static const struct tss_format tss16 = {
	.type = 1, .size = 2, .length = 44,
	.ip = 14, .flags = 16, .regs = 18, .segments = 34, .nr_segments = 4, .ldt = 42,
};

/* One side of a switch */
struct tss {
	const struct tss_format *format;
	u64 la;
	u8 image[TSS_MAX];
};

struct task_switch {
	struct wr_exec x;
	const struct wr_task_switch *ts;
	struct kvm_segment tr;
	struct wr_descriptor old_entry, new_entry;
	struct tss old, new;
};

static u32 tss_get(const struct tss *t, unsigned int offset)
{
	u32 value = 0;

	memcpy(&value, t->image + offset, t->format->size);
	return value;
}

static void tss_put(struct tss *t, unsigned int offset, u32 value, unsigned int size)
{
	memcpy(t->image + offset, &value, size);
}

static const struct tss_format *format_of(u8 type)
{
	switch (type & ~WR_TYPE_BUSY) {
	case 9: return &tss32;
	case 1: return &tss16;
	default: return NULL;
	}
}

static enum wr_emu_result read_tss(struct task_switch *s, struct tss *t)
{
	return wr_emu_read(&s->x, t->la, t->image, t->format->length);
}

/* Is there such a task, and may it be switched to this way? */
static enum wr_emu_result find_new(struct task_switch *s)
{
	struct kvm_segment *segment = &s->new_entry.segment;
	bool returns = s->ts->cause == WR_TASK_IRET;
	u8 vector = returns ? VECTOR_TS : VECTOR_GP;
	u16 selector = s->ts->selector;
	enum wr_emu_result ret;

	if (selector & WR_SELECTOR_TI || !(selector & ~WR_SELECTOR_RPL))
		return wr_emu_raise_selector(&s->x, vector, selector);
	ret = wr_emu_descriptor(&s->x, selector, vector, &s->new_entry);
	if (ret)
		return ret;
	s->new.format = segment->s ? NULL : format_of(segment->type);
	if (!s->new.format || !!(segment->type & WR_TYPE_BUSY) != returns)
		return wr_emu_raise_selector(&s->x, vector, selector);
	if (!segment->present)
		return wr_emu_raise_selector(&s->x, VECTOR_NP, selector);
	if (segment->limit < s->new.format->length - 1U)
		return wr_emu_raise_selector(&s->x, VECTOR_TS, selector);
	s->new.la = segment->base;
	return read_tss(s, &s->new);
}

static enum wr_emu_result find_old(struct task_switch *s)
{
	enum wr_emu_result ret;

	s->x.emu->ops->segment(s->x.emu, SEG_TR, &s->tr);
	s->old.format = format_of(s->tr.type);
	if (!s->old.format)
		return WR_EMU_UNKNOWN;
	s->old.la = s->tr.base;
	ret = wr_emu_descriptor(&s->x, s->tr.selector, VECTOR_TS, &s->old_entry);
	if (!ret)
		ret = wr_emu_probe(&s->x, s->old.la, s->old.format->length);
	if (!ret && s->ts->cause >= WR_TASK_CALL)
		ret = wr_emu_probe(&s->x, s->new.la, s->new.format->size);
	return ret ? ret : read_tss(s, &s->old);
}

/*
 * A step that cannot be left to another run of the whole: tasks are marked by then, or the new one is there. It can be done twice.
 * Return: anything but WR_EMU_RETRY.
 */
static enum wr_emu_result insist(struct task_switch *s, enum wr_emu_result (*step)(struct task_switch *s))
{
	enum wr_emu_result ret;
	int i;

	for (i = 0; i < MAX_TRIES; i++) {
		ret = step(s);
		if (ret != WR_EMU_RETRY)
			return ret;
	}
	return WR_EMU_UNKNOWN;
}

/* CALL and gates can return: the old task stays busy. */
static enum wr_emu_result mark_busy(struct task_switch *s)
{
	enum wr_emu_result ret = WR_EMU_DONE;

	if (s->ts->cause == WR_TASK_JMP || s->ts->cause == WR_TASK_IRET)
		ret = wr_emu_mark(&s->x, &s->old_entry, s->old_entry.raw & ~BUSY);
	if (!ret)
		ret = wr_emu_mark(&s->x, &s->new_entry, s->new_entry.raw | BUSY);
	return ret;
}

static enum wr_emu_result save_old(struct task_switch *s)
{
	const struct tss_format *f = s->old.format;
	struct wr_emu *emu = s->x.emu;
	u64 flags = emu->rflags;
	struct kvm_segment segment;
	unsigned int i;

	if (s->ts->cause == WR_TASK_IRET)
		flags &= ~(u64)X86_EFLAGS_NT;
	/* The instruction is done. */
	if (!s->ts->external)
		flags &= ~(u64)X86_EFLAGS_RF;
	tss_put(&s->old, f->ip, s->ts->next_rip, f->size);
	tss_put(&s->old, f->flags, flags, f->size);
	for (i = 0; i < NR_TSS_REGS; i++)
		tss_put(&s->old, f->regs + i * f->size, emu->regs[i], f->size);
	for (i = 0; i < f->nr_segments; i++) {
		emu->ops->segment(emu, i, &segment);
		tss_put(&s->old, f->segments + i * f->size, segment.selector, 2);
	}
	return wr_emu_write(&s->x, s->old.la + f->ip, s->old.image + f->ip, f->ldt - f->ip);
}

static enum wr_emu_result link_back(struct task_switch *s)
{
	if (s->ts->cause < WR_TASK_CALL)
		return WR_EMU_DONE;
	return wr_emu_write(&s->x, s->new.la, &s->tr.selector, 2);
}

/* All that a task has but its segments. The order matters: a fault from here on is the new task's. */
static enum wr_emu_result load_registers(struct task_switch *s)
{
	const struct tss_format *f = s->new.format;
	struct wr_emu *emu = s->x.emu;
	enum wr_emu_result ret = WR_EMU_DONE;
	struct kvm_segment tr = s->new_entry.segment;
	unsigned int i;

	tr.selector = s->ts->selector & ~WR_SELECTOR_RPL;
	emu->ops->set_segment(emu, SEG_TR, &tr);
	emu->rip = tss_get(&s->new, f->ip);
	emu->rflags = (tss_get(&s->new, f->flags) & WR_FLAGS_TASK) | X86_EFLAGS_FIXED;
	if (s->ts->cause >= WR_TASK_CALL)
		emu->rflags |= X86_EFLAGS_NT;
	for (i = 0; i < NR_TSS_REGS; i++)
		emu->regs[i] = tss_get(&s->new, f->regs + i * f->size);
	if (f->cr3 && emu->cr0 & X86_CR0_PG)
		ret = emu->ops->write_cr(emu, 3, tss_get(&s->new, f->cr3));
	return ret ? ret : emu->ops->write_cr(emu, 0, emu->cr0 | X86_CR0_TS);
}

/* Selectors come first, as a handler of a fault over one of the others sees them. */
static void load_selectors(struct task_switch *s)
{
	const struct tss_format *f = s->new.format;
	struct wr_emu *emu = s->x.emu;
	struct kvm_segment segment;
	unsigned int i;

	for (i = 0; i < tss32.nr_segments; i++) {
		emu->ops->segment(emu, i, &segment);
		segment.selector = i < f->nr_segments ? tss_get(&s->new, f->segments + i * f->size) : 0;
		emu->ops->set_segment(emu, i, &segment);
	}
}

static enum wr_emu_result load_ldt(struct task_switch *s)
{
	struct wr_descriptor d = { .segment = { .unusable = 1, .type = WR_TYPE_LDT } };
	u16 selector = tss_get(&s->new, s->new.format->ldt);
	enum wr_emu_result ret;

	d.segment.selector = selector;
	s->x.emu->ops->set_segment(s->x.emu, SEG_LDTR, &d.segment);
	if (!(selector & ~WR_SELECTOR_RPL))
		return WR_EMU_DONE;
	if (selector & WR_SELECTOR_TI)
		return wr_emu_raise_selector(&s->x, VECTOR_TS, selector);
	ret = wr_emu_descriptor(&s->x, selector, VECTOR_TS, &d);
	if (ret)
		return ret;
	if (d.segment.s || d.segment.type != WR_TYPE_LDT || !d.segment.present)
		return wr_emu_raise_selector(&s->x, VECTOR_TS, selector);
	s->x.emu->ops->set_segment(s->x.emu, SEG_LDTR, &d.segment);
	return WR_EMU_DONE;
}

static u16 new_selector(const struct task_switch *s, int seg)
{
	const struct tss_format *f = s->new.format;

	return seg < f->nr_segments ? tss_get(&s->new, f->segments + seg * f->size) : 0;
}

/**
 * wr_emu_segments_vm86 - go on in virtual-8086 mode, whose segments have no descriptors
 * @x: the instruction, or the switch
 * @selectors: by number of the register
 */
void wr_emu_segments_vm86(struct wr_exec *x, const u16 *selectors)
{
	struct kvm_segment segment;
	int seg;

	for (seg = SEG_ES; seg <= SEG_GS; seg++) {
		segment = (struct kvm_segment) {
			.selector = selectors[seg], .limit = U16_MAX, .type = 3, .s = 1, .dpl = 3, .present = 1,
		};
		segment.base = (u32)segment.selector << 4;
		x->emu->ops->set_segment(x->emu, seg, &segment);
	}
	x->emu->cpl = 3;
	x->emu->mode = WR_EMU_VM86;
}

static enum wr_emu_result load_vm86(struct task_switch *s)
{
	u16 selectors[SEG_GS + 1];
	int seg;

	for (seg = SEG_ES; seg <= SEG_GS; seg++)
		selectors[seg] = new_selector(s, seg);
	wr_emu_segments_vm86(&s->x, selectors);
	return WR_EMU_DONE;
}

static enum wr_emu_result load_code(struct task_switch *s)
{
	u16 selector = new_selector(s, SEG_CS);
	enum wr_emu_result ret;
	struct wr_descriptor d;

	ret = wr_emu_code(&s->x, selector, true, &d);
	if (!ret)
		ret = wr_emu_go_far(&s->x, &d, selector & WR_SELECTOR_RPL, s->x.emu->rip);
	return ret;
}

static enum wr_emu_result load_segments(struct task_switch *s)
{
	static const u8 order[] = { SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS };
	enum wr_emu_result ret = load_ldt(s);
	unsigned int i;

	if (ret)
		return ret;
	if (s->x.emu->rflags & X86_EFLAGS_VM)
		return load_vm86(s);
	s->x.emu->cpl = new_selector(s, SEG_CS) & WR_SELECTOR_RPL;
	ret = load_code(s);
	for (i = 0; i < ARRAY_SIZE(order) && !ret; i++)
		ret = wr_emu_load_data(&s->x, order[i], new_selector(s, order[i]));
	return ret;
}

/* What the new task begins with: the error code of the exception, and RIP in its segment */
static enum wr_emu_result begin(struct task_switch *s)
{
	struct kvm_segment cs;
	u64 error = s->ts->error;

	s->x.task = false;
	s->x.emu->ops->segment(s->x.emu, SEG_CS, &cs);
	if (s->x.emu->rip > cs.limit)
		return wr_emu_raise(&s->x, VECTOR_GP);
	return s->ts->has_error ? wr_emu_push(&s->x, &error, 1, s->new.format->size) : WR_EMU_DONE;
}

/* Documented in emulate.h. */
enum wr_emu_result wr_emu_task_switch(struct wr_emu *emu, const struct wr_task_switch *ts, enum wr_task_result *out)
{
	struct task_switch s = { .x = { .emu = emu, .external = ts->external }, .ts = ts };
	u8 cpl = emu->cpl;
	enum wr_emu_result ret;

	*out = WR_TASK_STAYED;
	emu->cpl = 0;
	emu->system = true;
	ret = find_new(&s);
	if (!ret)
		ret = find_old(&s);
	if (!ret)
		ret = mark_busy(&s);
	if (!ret)
		ret = insist(&s, save_old);
	if (!ret)
		ret = insist(&s, link_back);
	emu->cpl = cpl;
	emu->system = false;
	if (ret)
		return ret;
	*out = s.new.format == &tss32 && s.new.image[TSS_TRAP] & 1 ? WR_TASK_TRAPS : WR_TASK_SWITCHED;
	s.x.task = true;
	ret = load_registers(&s);
	load_selectors(&s);
	if (!ret)
		ret = insist(&s, load_segments);
	return ret ? ret : insist(&s, begin);
}
WR_EXPORT_FOR_KUNIT(wr_emu_task_switch);
