// SPDX-License-Identifier: GPL-2.0-only
/*
 * RFLAGS as a whole, and the interrupt flag: by I/O privilege level, or the virtual one where CR4.VME or CR4.PVI says so.
 */
#include "insn.h"

#define FLAGS_POPPED	(FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT | \
			 X86_EFLAGS_AC | X86_EFLAGS_ID)

/* Which flag do CLI and STI change? Real mode has no levels. */
static enum wr_emu_result interrupt_flag(struct wr_exec *x, u64 *flag)
{
	u64 virtual = x->emu->mode == WR_EMU_VM86 ? X86_CR4_VME : X86_CR4_PVI;

	*flag = X86_EFLAGS_IF;
	if (x->emu->mode == WR_EMU_REAL || x->emu->cpl <= iopl(x))
		return WR_EMU_DONE;
	*flag = X86_EFLAGS_VIF;
	if (x->emu->cpl == 3 && x->emu->cr4 & virtual)
		return WR_EMU_DONE;
	return wr_emu_raise(x, VECTOR_GP);
}

enum wr_emu_result wr_do_cli(struct wr_exec *x)
{
	u64 flag;
	enum wr_emu_result ret = interrupt_flag(x, &flag);

	if (!ret)
		flag_assign(x, flag, false);
	return ret;
}

enum wr_emu_result wr_do_sti(struct wr_exec *x)
{
	u64 flag;
	enum wr_emu_result ret = interrupt_flag(x, &flag);

	if (ret)
		return ret;
	/* What waits for the virtual flag is the monitor's to deliver. */
	if (flag == X86_EFLAGS_VIF && flag_is(x, X86_EFLAGS_VIP))
		return wr_emu_raise(x, VECTOR_GP);
	x->emu->interrupt_shadow = flag == X86_EFLAGS_IF && !flag_is(x, X86_EFLAGS_IF);
	flag_assign(x, flag, true);
	return WR_EMU_DONE;
}

/* PUSHF and POPF of virtual-8086 mode need IOPL 3, or VME and 16 bits: @virtual. */
static enum wr_emu_result check_access(struct wr_exec *x, bool *virtual)
{
	*virtual = x->emu->mode == WR_EMU_VM86 && iopl(x) < 3;
	if (!*virtual || (x->emu->cr4 & X86_CR4_VME && x->insn->op_size == 2))
		return WR_EMU_DONE;
	return wr_emu_raise(x, VECTOR_GP);
}

enum wr_emu_result wr_do_pushf(struct wr_exec *x)
{
	u64 image = x->emu->rflags & ~(u64)(X86_EFLAGS_RF | X86_EFLAGS_VM);
	bool virtual;
	enum wr_emu_result ret = check_access(x, &virtual);

	if (virtual) {
		image = (image & ~(u64)X86_EFLAGS_IF) | X86_EFLAGS_IOPL;
		image |= flag_is(x, X86_EFLAGS_VIF) ? X86_EFLAGS_IF : 0;
	}
	return ret ? ret : wr_emu_push(x, &image, 1, x->insn->op_size);
}

enum wr_emu_result wr_do_popf(struct wr_exec *x)
{
	u64 change = FLAGS_POPPED, image;
	bool virtual;
	enum wr_emu_result ret = check_access(x, &virtual);

	if (!ret)
		ret = wr_emu_pop(x, &image, x->insn->op_size);
	if (ret)
		return ret;
	if (virtual && (image & X86_EFLAGS_TF || (image & X86_EFLAGS_IF && flag_is(x, X86_EFLAGS_VIP))))
		return wr_emu_raise(x, VECTOR_GP);
	if (x->emu->cpl <= iopl(x))
		change |= X86_EFLAGS_IF;
	if (!x->emu->cpl)
		change |= X86_EFLAGS_IOPL;
	change &= size_mask(x->insn->op_size);
	x->emu->rflags = (x->emu->rflags & ~change) | (image & change);
	if (virtual)
		flag_assign(x, X86_EFLAGS_VIF, image & X86_EFLAGS_IF);
	return WR_EMU_DONE;
}
