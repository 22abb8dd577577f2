// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions about selectors and system segments: LDTR, TR, and questions about descriptors.
 */
#include "insn.h"

/* By type, which system descriptors LAR and LSL know; long mode knows fewer. */
#define LAR_TYPES	0x1a3eU
#define LAR_TYPES_LONG	0x1a04U
#define LSL_TYPES	0x0a0eU
#define LSL_TYPES_LONG	0x0a04U

/* What of a descriptor's upper half LAR shows */
#define LAR_MASK	0x00f0ff00U

/* Real and virtual-8086 mode do not have these instructions. */
static enum wr_emu_result check_protected(struct wr_exec *x)
{
	return real_segments(x) ? wr_emu_raise(x, VECTOR_UD) : WR_EMU_DONE;
}

static enum wr_emu_result store_selector(struct wr_exec *x, int seg)
{
	struct kvm_segment s;
	enum wr_emu_result ret = check_protected(x);

	if (ret)
		return ret;
	if (x->emu->cr4 & X86_CR4_UMIP && x->emu->cpl)
		return wr_emu_raise(x, VECTOR_GP);
	x->emu->ops->segment(x->emu, seg, &s);
	x->dst = s.selector;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_sldt(struct wr_exec *x)
{
	return store_selector(x, SEG_LDTR);
}

enum wr_emu_result wr_do_str(struct wr_exec *x)
{
	return store_selector(x, SEG_TR);
}

/* A system descriptor of the GDT, of this type or the second one, and present */
static enum wr_emu_result system_descriptor(struct wr_exec *x, u8 type, u8 other, struct wr_descriptor *d)
{
	u16 selector = x->src;
	enum wr_emu_result ret;

	if (selector & WR_SELECTOR_TI)
		return wr_emu_raise_selector(x, VECTOR_GP, selector);
	ret = wr_emu_descriptor(x, selector, VECTOR_GP, d);
	if (ret)
		return ret;
	if (d->segment.s || (d->segment.type != type && d->segment.type != other))
		return wr_emu_raise_selector(x, VECTOR_GP, selector);
	/* The type of the upper half must be 0. */
	if (x->emu->long_mode && (d->high >> 40 & 0x1f || !wr_emu_canonical(x, d->segment.base)))
		return wr_emu_raise_selector(x, VECTOR_GP, selector);
	return d->segment.present ? WR_EMU_DONE : wr_emu_raise_selector(x, VECTOR_NP, selector);
}

static enum wr_emu_result check_privileged(struct wr_exec *x)
{
	enum wr_emu_result ret = check_protected(x);

	if (ret)
		return ret;
	if (!x->emu->ops->set_segment)
		return WR_EMU_UNKNOWN;
	return x->emu->cpl ? wr_emu_raise(x, VECTOR_GP) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_lldt(struct wr_exec *x)
{
	enum wr_emu_result ret = check_privileged(x);
	struct wr_descriptor d;

	if (ret)
		return ret;
	d.segment = (struct kvm_segment) { .selector = x->src, .unusable = 1, .type = WR_TYPE_LDT };
	if (x->src & ~(u64)WR_SELECTOR_RPL)
		ret = system_descriptor(x, WR_TYPE_LDT, WR_TYPE_LDT, &d);
	if (!ret)
		x->emu->ops->set_segment(x->emu, SEG_LDTR, &d.segment);
	return ret;
}

enum wr_emu_result wr_do_ltr(struct wr_exec *x)
{
	enum wr_emu_result ret = check_privileged(x);
	struct wr_descriptor d;

	if (ret)
		return ret;
	if (!(x->src & ~(u64)WR_SELECTOR_RPL))
		return wr_emu_raise(x, VECTOR_GP);
	ret = system_descriptor(x, WR_TYPE_TSS32, x->emu->long_mode ? WR_TYPE_TSS32 : WR_TYPE_TSS16, &d);
	if (!ret)
		ret = wr_emu_mark(x, &d, d.raw | (u64)WR_TYPE_BUSY << 40);
	if (!ret)
		x->emu->ops->set_segment(x->emu, SEG_TR, &d.segment);
	return ret;
}

/*
 * A descriptor that may be bad: WR_EMU_DONE with or without @found, or what reading the table returned. The only other
 * fault is that the table ends before it.
 */
static enum wr_emu_result look_up(struct wr_exec *x, struct wr_descriptor *d, bool *found)
{
	enum wr_emu_result ret = check_protected(x);
	u16 selector = x->src;

	*found = false;
	if (ret || !(selector & ~WR_SELECTOR_RPL))
		return ret;
	ret = wr_emu_descriptor(x, selector, VECTOR_GP, d);
	if (ret == WR_EMU_FAULT && x->emu->fault.vector == VECTOR_GP)
		return WR_EMU_DONE;
	*found = !ret;
	return ret;
}

/* May this privilege level, and the selector's, see it? Conforming code is open to all. */
static bool is_visible(const struct wr_exec *x, const struct kvm_segment *s)
{
	if (is_conforming_code(s))
		return true;
	return s->dpl >= x->emu->cpl && s->dpl >= (x->src & WR_SELECTOR_RPL);
}

static enum wr_emu_result verify(struct wr_exec *x, bool write)
{
	struct wr_descriptor d;
	bool ok;
	enum wr_emu_result ret = look_up(x, &d, &ok);

	if (ret)
		return ret;
	if (ok) {
		ok = d.segment.s && is_visible(x, &d.segment);
		if (is_code_segment(&d.segment))
			ok = ok && !write && d.segment.type & 2;
		else
			ok = ok && (!write || d.segment.type & 2);
	}
	flag_assign(x, X86_EFLAGS_ZF, ok);
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_verr(struct wr_exec *x)
{
	return verify(x, false);
}

enum wr_emu_result wr_do_verw(struct wr_exec *x)
{
	return verify(x, true);
}

/* LAR and LSL: ZF says whether the destination was written. */
static enum wr_emu_result ask(struct wr_exec *x, u32 types, struct wr_descriptor *d)
{
	bool ok;
	enum wr_emu_result ret = look_up(x, d, &ok);

	if (ret)
		return ret;
	if (ok)
		ok = is_visible(x, &d->segment) && (d->segment.s || types & BIT(d->segment.type));
	flag_assign(x, X86_EFLAGS_ZF, ok);
	x->keep = !ok;
	return WR_EMU_DONE;
}

enum wr_emu_result wr_do_lar(struct wr_exec *x)
{
	struct wr_descriptor d = { };
	enum wr_emu_result ret = ask(x, x->emu->long_mode ? LAR_TYPES_LONG : LAR_TYPES, &d);

	x->dst = d.raw >> 32 & LAR_MASK;
	return ret;
}

enum wr_emu_result wr_do_lsl(struct wr_exec *x)
{
	struct wr_descriptor d = { };
	enum wr_emu_result ret = ask(x, x->emu->long_mode ? LSL_TYPES_LONG : LSL_TYPES, &d);

	x->dst = d.segment.limit;
	return ret;
}

enum wr_emu_result wr_do_arpl(struct wr_exec *x)
{
	enum wr_emu_result ret = check_protected(x);

	if (ret)
		return ret;
	x->keep = (x->dst & WR_SELECTOR_RPL) >= (x->src & WR_SELECTOR_RPL);
	flag_assign(x, X86_EFLAGS_ZF, !x->keep);
	x->dst = (x->dst & ~(u64)WR_SELECTOR_RPL) | (x->src & WR_SELECTOR_RPL);
	return WR_EMU_DONE;
}
