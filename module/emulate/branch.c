// SPDX-License-Identifier: GPL-2.0-only
/*
 * Branches: near ones in all modes, far ones and interrupts where segments are loaded without
 * descriptors.
 */
#include "insn.h"

/* Is @target, already cut to the operand size, inside the code segment? */
static enum wr_emu_result check_target(struct wr_exec *x, u64 target)
{
	struct kvm_segment cs;
	u64 la;

	if (in_64bit(x))
		return wr_emu_linear(x, SEG_CS, target, 1, false, &la);
	x->emu->ops->segment(x->emu, SEG_CS, &cs);
	return target > cs.limit ? wr_emu_raise(x, VECTOR_GP) : WR_EMU_DONE;
}

static enum wr_emu_result branch(struct wr_exec *x, u64 target)
{
	enum wr_emu_result ret;

	target &= size_mask(x->insn->op_size);
	ret = check_target(x, target);
	if (!ret)
		x->rip = target;
	return ret;
}

enum wr_emu_result wr_do_jmp(struct wr_exec *x)
{
	return branch(x, x->src);
}

/* The distance was sign-extended to the operand size, to which the sum is cut. */
enum wr_emu_result wr_do_jmp_rel(struct wr_exec *x)
{
	return branch(x, x->rip + x->src);
}

enum wr_emu_result wr_do_jcc(struct wr_exec *x)
{
	return wr_emu_condition(x, x->insn->opcode) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

/* Counts CX, ECX or RCX down, by address size. */
static u64 count_down(struct wr_exec *x)
{
	u64 mask = size_mask(x->insn->addr_size);
	u64 count = (x->emu->regs[REG_CX] - 1) & mask;

	wr_reg_set_masked(x->emu, REG_CX, mask, count);
	return count;
}

enum wr_emu_result wr_do_loop(struct wr_exec *x)
{
	return count_down(x) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_loope(struct wr_exec *x)
{
	return count_down(x) && flag_is(x, X86_EFLAGS_ZF) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_loopne(struct wr_exec *x)
{
	return count_down(x) && !flag_is(x, X86_EFLAGS_ZF) ? wr_do_jmp_rel(x) : WR_EMU_DONE;
}

enum wr_emu_result wr_do_jcxz(struct wr_exec *x)
{
	u64 count = x->emu->regs[REG_CX] & size_mask(x->insn->addr_size);

	return count ? WR_EMU_DONE : wr_do_jmp_rel(x);
}

static enum wr_emu_result call(struct wr_exec *x, u64 target)
{
	u64 back = x->rip;
	enum wr_emu_result ret = branch(x, target);

	return ret ? ret : wr_emu_push(x, &back, 1, x->insn->op_size);
}

enum wr_emu_result wr_do_call(struct wr_exec *x)
{
	return call(x, x->src);
}

enum wr_emu_result wr_do_call_rel(struct wr_exec *x)
{
	return call(x, x->rip + x->src);
}

/* Drops what the caller pushed, after a return. */
static void release_stack(struct wr_exec *x, u64 bytes)
{
	wr_reg_set_masked(x->emu, REG_SP, wr_emu_stack_mask(x), x->emu->regs[REG_SP] + bytes);
}

enum wr_emu_result wr_do_ret(struct wr_exec *x)
{
	u64 target;
	enum wr_emu_result ret = wr_emu_pop(x, &target, x->insn->op_size);

	if (!ret)
		ret = branch(x, target);
	if (!ret)
		release_stack(x, x->src);
	return ret;
}

/* The last step of a far branch in real mode, all others done */
static enum wr_emu_result branch_real(struct wr_exec *x, u64 offset, u16 selector)
{
	enum wr_emu_result ret = branch(x, offset);

	return ret ? ret : wr_emu_load_segment(x, SEG_CS, selector);
}

static enum wr_emu_result branch_far(struct wr_exec *x, u64 offset, u16 selector)
{
	enum wr_emu_result ret;
	struct wr_descriptor d;

	if (real_segments(x))
		return branch_real(x, offset, selector);
	ret = wr_emu_code(x, selector, false, &d);
	if (!ret)
		ret = wr_emu_check_far(x, &d, offset);
	return ret ? ret : wr_emu_go_far(x, &d, x->emu->cpl, offset);
}

/* Everything that can fault comes before the push. */
static enum wr_emu_result call_protected(struct wr_exec *x, u64 offset, u16 selector, const u64 *back)
{
	enum wr_emu_result ret;
	struct wr_descriptor d;

	ret = wr_emu_code(x, selector, false, &d);
	if (!ret)
		ret = wr_emu_check_far(x, &d, offset);
	if (!ret)
		ret = wr_emu_mark(x, &d, d.raw | WR_DESCRIPTOR_ACCESSED);
	if (!ret)
		ret = wr_emu_push(x, back, 2, x->insn->op_size);
	return ret ? ret : wr_emu_go_far(x, &d, x->emu->cpl, offset);
}

static enum wr_emu_result call_far(struct wr_exec *x, u64 offset, u16 selector)
{
	struct kvm_segment cs;
	u64 back[2];
	enum wr_emu_result ret;

	x->emu->ops->segment(x->emu, SEG_CS, &cs);
	back[0] = cs.selector;
	back[1] = x->rip;
	if (!real_segments(x))
		return call_protected(x, offset, selector, back);
	ret = branch(x, offset);
	if (!ret)
		ret = wr_emu_push(x, back, 2, x->insn->op_size);
	return ret ? ret : wr_emu_load_segment(x, SEG_CS, selector);
}

enum wr_emu_result wr_do_jmp_far(struct wr_exec *x)
{
	return loads_segments(x) ? branch_far(x, x->src, x->src2) : WR_EMU_UNKNOWN;
}

enum wr_emu_result wr_do_call_far(struct wr_exec *x)
{
	return loads_segments(x) ? call_far(x, x->src, x->src2) : WR_EMU_UNKNOWN;
}

enum wr_emu_result wr_do_jmp_far_mem(struct wr_exec *x)
{
	u64 offset;
	u16 selector;
	enum wr_emu_result ret = wr_emu_read_pointer(x, &offset, &selector);

	return ret ? ret : branch_far(x, offset, selector);
}

enum wr_emu_result wr_do_call_far_mem(struct wr_exec *x)
{
	u64 offset;
	u16 selector;
	enum wr_emu_result ret = wr_emu_read_pointer(x, &offset, &selector);

	return ret ? ret : call_far(x, offset, selector);
}

/* Within a privilege level; to another one takes its stack, which is not known here. */
static enum wr_emu_result return_to(struct wr_exec *x, u64 offset, u16 selector)
{
	unsigned int level = selector & 3;
	enum wr_emu_result ret;
	struct wr_descriptor d;

	if (level < x->emu->cpl)
		return wr_emu_raise_selector(x, VECTOR_GP, selector);
	ret = wr_emu_code(x, selector, true, &d);
	if (ret)
		return ret;
	if (level != x->emu->cpl)
		return WR_EMU_UNKNOWN;
	ret = wr_emu_check_far(x, &d, offset);
	return ret ? ret : wr_emu_go_far(x, &d, level, offset);
}

enum wr_emu_result wr_do_ret_far(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size;
	u64 offset, selector;
	enum wr_emu_result ret;

	if (!loads_segments(x))
		return WR_EMU_UNKNOWN;
	ret = wr_emu_pop(x, &offset, size);
	if (!ret)
		ret = wr_emu_pop(x, &selector, size);
	if (ret)
		return ret;
	release_stack(x, x->src);
	return real_segments(x) ? branch_real(x, offset, selector) : return_to(x, offset, selector);
}

#define VECTOR_ENTRY	4	/* bytes of the real-mode vector table: offset, selector */

/* Real mode alone: elsewhere a gate would have to be read. */
static enum wr_emu_result interrupt(struct wr_exec *x, u8 vector)
{
	struct wr_emu *emu = x->emu;
	struct kvm_segment cs;
	struct kvm_dtable idt;
	u64 frame[3];
	u32 entry = 0;
	enum wr_emu_result ret;

	if (emu->mode != WR_EMU_REAL || !loads_segments(x) || !emu->ops->table)
		return WR_EMU_UNKNOWN;
	emu->ops->table(emu, true, &idt);
	if (vector * VECTOR_ENTRY + VECTOR_ENTRY - 1 > idt.limit)
		return wr_emu_raise(x, VECTOR_GP);
	ret = wr_emu_read(x, (u32)(idt.base + vector * VECTOR_ENTRY), &entry, VECTOR_ENTRY);
	if (ret)
		return ret;
	emu->ops->segment(emu, SEG_CS, &cs);
	frame[0] = emu->rflags & ~(u64)X86_EFLAGS_RF;
	frame[1] = cs.selector;
	frame[2] = x->rip;
	ret = check_target(x, entry & U16_MAX);
	if (!ret)
		ret = wr_emu_push(x, frame, 3, 2);
	if (ret)
		return ret;
	x->rip = entry & U16_MAX;
	emu->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_RF);
	return wr_emu_load_segment(x, SEG_CS, entry >> 16);
}

enum wr_emu_result wr_do_int(struct wr_exec *x)
{
	return interrupt(x, x->src);
}

enum wr_emu_result wr_do_int3(struct wr_exec *x)
{
	return interrupt(x, 3);
}

enum wr_emu_result wr_do_into(struct wr_exec *x)
{
	return flag_is(x, X86_EFLAGS_OF) ? interrupt(x, 4) : WR_EMU_DONE;
}

#define FLAGS_RETURNED	(FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | \
			 X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_AC | X86_EFLAGS_ID)

/* Which flags the popped image may change */
static u64 returned_flags(const struct wr_exec *x)
{
	u64 change = FLAGS_RETURNED & size_mask(x->insn->op_size);

	if (x->emu->mode == WR_EMU_REAL)
		return change;
	if (x->emu->cpl)
		change &= ~(u64)X86_EFLAGS_IOPL;
	if (x->emu->cpl > iopl(x))
		change &= ~(u64)X86_EFLAGS_IF;
	return change;
}

/*
 * Also ends the blocking of NMIs, which the emulator does not know of: the caller looks at the opcode. Returns to another
 * task, to virtual-8086 mode and from 64-bit code are not known.
 */
enum wr_emu_result wr_do_iret(struct wr_exec *x)
{
	unsigned int size = x->insn->op_size, i;
	u64 frame[3], change = returned_flags(x);
	bool real = x->emu->mode == WR_EMU_REAL;
	enum wr_emu_result ret;

	if (x->emu->mode == WR_EMU_VM86 || in_64bit(x) || !loads_segments(x))
		return WR_EMU_UNKNOWN;
	if (!real && flag_is(x, X86_EFLAGS_NT))
		return WR_EMU_UNKNOWN;
	for (i = 0; i < 3; i++) {
		ret = wr_emu_pop(x, &frame[i], size);
		if (ret)
			return ret;
	}
	if (!real && size == 4 && frame[2] & X86_EFLAGS_VM)
		return WR_EMU_UNKNOWN;
	x->emu->rflags = (x->emu->rflags & ~change) | (frame[2] & change);
	return real ? branch_real(x, frame[0], frame[1]) : return_to(x, frame[0], frame[1]);
}
