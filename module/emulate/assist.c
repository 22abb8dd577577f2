// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that a vCPU does itself, as when they exit: here is checked what the hardware checks before.
 */
#include "insn.h"

static enum wr_emu_result assist(struct wr_exec *x, enum wr_emu_assist what)
{
	x->emu->assist = what;
	return WR_EMU_ASSIST;
}

enum wr_emu_result wr_do_cpuid(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_CPUID);
}

enum wr_emu_result wr_do_hlt(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_HLT);
}

enum wr_emu_result wr_do_rdmsr(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_RDMSR);
}

enum wr_emu_result wr_do_wrmsr(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_WRMSR);
}

static enum wr_emu_result read_tsc(struct wr_exec *x, enum wr_emu_assist what)
{
	if (x->emu->cr4 & X86_CR4_TSD && x->emu->cpl)
		return wr_emu_raise(x, VECTOR_GP);
	return assist(x, what);
}

enum wr_emu_result wr_do_rdtsc(struct wr_exec *x)
{
	return read_tsc(x, WR_ASSIST_RDTSC);
}

enum wr_emu_result wr_do_rdpmc(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_RDPMC);
}

enum wr_emu_result wr_do_wbinvd(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_WBINVD);
}

enum wr_emu_result wr_do_icebp(struct wr_exec *x)
{
	return assist(x, WR_ASSIST_ICEBP);
}

/* DR8 to DR15 can be encoded, but are not there. */
static enum wr_emu_result move_dr(struct wr_exec *x, enum wr_emu_assist what)
{
	unsigned int number = (x->insn->modrm >> 3) & 7;

	if (x->insn->rex & REX_R)
		return wr_emu_raise(x, VECTOR_UD);
	if ((number & ~1U) == 4 && x->emu->cr4 & X86_CR4_DE)
		return wr_emu_raise(x, VECTOR_UD);
	x->emu->assist_number = number;
	return assist(x, what);
}

enum wr_emu_result wr_do_mov_from_dr(struct wr_exec *x)
{
	return move_dr(x, WR_ASSIST_READ_DR);
}

enum wr_emu_result wr_do_mov_to_dr(struct wr_exec *x)
{
	return move_dr(x, WR_ASSIST_WRITE_DR);
}

/* An address, not an access: neither limits nor rights count. */
enum wr_emu_result wr_do_invlpg(struct wr_exec *x)
{
	struct kvm_segment s = { };
	u8 seg = x->insn->seg;
	u64 la;

	if (!in_64bit(x) || seg == SEG_FS || seg == SEG_GS)
		x->emu->ops->segment(x->emu, seg, &s);
	la = s.base + wr_emu_offset(x);
	x->emu->assist_la = in_64bit(x) ? la : (u32)la;
	return assist(x, WR_ASSIST_INVLPG);
}

/* XCR0 and what of it is in use; others there are not. */
#define XCR_IN_USE	1

static enum wr_emu_result read_xcr(struct wr_exec *x)
{
	struct wr_emu *emu = x->emu;

	if (!(emu->cr4 & X86_CR4_OSXSAVE))
		return wr_emu_raise(x, VECTOR_UD);
	if ((u32)emu->regs[REG_CX] > XCR_IN_USE)
		return wr_emu_raise(x, VECTOR_GP);
	if ((u32)emu->regs[REG_CX] == XCR_IN_USE)
		return WR_EMU_UNKNOWN;
	wr_reg_set(emu, REG_AX, 4, false, emu->xcr0);
	wr_reg_set(emu, REG_DX, 4, false, emu->xcr0 >> 32);
	return WR_EMU_DONE;
}

/* CLAC and STAC: whether the guest's CPU has them is seen by CR4.SMAP alone. */
static enum wr_emu_result set_ac(struct wr_exec *x, bool on)
{
	if (x->emu->cpl)
		return wr_emu_raise(x, VECTOR_UD);
	if (!(x->emu->cr4 & X86_CR4_SMAP))
		return WR_EMU_UNKNOWN;
	flag_assign(x, X86_EFLAGS_AC, on);
	return WR_EMU_DONE;
}

/* 0F 01 with a register form: each ModRM is an instruction of its own. */
enum wr_emu_result wr_do_group_0f01(struct wr_exec *x)
{
	switch (x->insn->modrm) {
	case 0xc1:
	case 0xd9:
		return assist(x, WR_ASSIST_HYPERCALL);
	case 0xc8:
	case 0xc9:
		return assist(x, WR_ASSIST_MONITOR);
	case 0xca:
	case 0xcb:
		return set_ac(x, x->insn->modrm & 1);
	case 0xd0:
		return read_xcr(x);
	case 0xd1:
		return assist(x, WR_ASSIST_XSETBV);
	case 0xf9:
		return read_tsc(x, WR_ASSIST_RDTSCP);
	default:
		return WR_EMU_UNKNOWN;
	}
}
