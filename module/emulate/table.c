// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instructions that the emulator knows: one row each, by map and opcode.
 */
#include "insn.h"

/* The usual shapes of flags, to keep the rows short */
#define BYTE_RM		(F_BYTE | F_MODRM)
#define LOCKED_RMW	(F_RMW | F_LOCK)

/* 80 to 83: the eight arithmetic operations by an immediate */
static const struct wr_insn_desc immediate_byte[8] = {
	{ wr_do_add, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_or, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_adc, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_sbb, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_and, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_sub, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_xor, BYTE_RM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_cmp, BYTE_RM | F_READ, AT_RM, AT_IMM8U },
};

static const struct wr_insn_desc immediate[8] = {
	{ wr_do_add, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_or, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_adc, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_sbb, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_and, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_sub, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_xor, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM },
	{ wr_do_cmp, F_MODRM | F_READ, AT_RM, AT_IMM },
};

static const struct wr_insn_desc immediate_short[8] = {
	{ wr_do_add, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_or, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_adc, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_sbb, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_and, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_sub, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_xor, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8S },
	{ wr_do_cmp, F_MODRM | F_READ, AT_RM, AT_IMM8S },
};

static const struct wr_insn_desc shift_byte_imm[8] = {
	{ wr_do_rol, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_ror, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_rcl, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_rcr, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_shl, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_shr, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_shl, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_sar, BYTE_RM | F_RMW, AT_RM, AT_IMM8U },
};

static const struct wr_insn_desc shift_imm[8] = {
	{ wr_do_rol, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_ror, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_rcl, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_rcr, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_shl, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_shr, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_shl, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
	{ wr_do_sar, F_MODRM | F_RMW, AT_RM, AT_IMM8U },
};

static const struct wr_insn_desc shift_byte_one[8] = {
	{ wr_do_rol, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_ror, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_rcl, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_rcr, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_shl, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_shr, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_shl, BYTE_RM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_sar, BYTE_RM | F_RMW, AT_RM, AT_ONE },
};

static const struct wr_insn_desc shift_one[8] = {
	{ wr_do_rol, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_ror, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_rcl, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_rcr, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_shl, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_shr, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_shl, F_MODRM | F_RMW, AT_RM, AT_ONE },
	{ wr_do_sar, F_MODRM | F_RMW, AT_RM, AT_ONE },
};

static const struct wr_insn_desc shift_byte_cl[8] = {
	{ wr_do_rol, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_ror, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_rcl, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_rcr, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_shl, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_shr, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_shl, BYTE_RM | F_RMW, AT_RM, AT_CL },
	{ wr_do_sar, BYTE_RM | F_RMW, AT_RM, AT_CL },
};

static const struct wr_insn_desc shift_cl[8] = {
	{ wr_do_rol, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_ror, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_rcl, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_rcr, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_shl, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_shr, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_shl, F_MODRM | F_RMW, AT_RM, AT_CL },
	{ wr_do_sar, F_MODRM | F_RMW, AT_RM, AT_CL },
};

static const struct wr_insn_desc unary_byte[8] = {
	{ wr_do_test, BYTE_RM | F_READ, AT_RM, AT_IMM8U },
	{ wr_do_test, BYTE_RM | F_READ, AT_RM, AT_IMM8U },
	{ wr_do_not, BYTE_RM | LOCKED_RMW, AT_RM },
	{ wr_do_neg, BYTE_RM | LOCKED_RMW, AT_RM },
	{ wr_do_mul, BYTE_RM | F_READ, AT_RM },
	{ wr_do_imul_acc, BYTE_RM | F_READ, AT_RM },
	{ wr_do_div, BYTE_RM | F_READ, AT_RM },
	{ wr_do_idiv, BYTE_RM | F_READ, AT_RM },
};

static const struct wr_insn_desc unary[8] = {
	{ wr_do_test, F_MODRM | F_READ, AT_RM, AT_IMM },
	{ wr_do_test, F_MODRM | F_READ, AT_RM, AT_IMM },
	{ wr_do_not, F_MODRM | LOCKED_RMW, AT_RM },
	{ wr_do_neg, F_MODRM | LOCKED_RMW, AT_RM },
	{ wr_do_mul, F_MODRM | F_READ, AT_RM },
	{ wr_do_imul_acc, F_MODRM | F_READ, AT_RM },
	{ wr_do_div, F_MODRM | F_READ, AT_RM },
	{ wr_do_idiv, F_MODRM | F_READ, AT_RM },
};

static const struct wr_insn_desc group_fe[8] = {
	{ wr_do_inc, BYTE_RM | LOCKED_RMW, AT_RM },
	{ wr_do_dec, BYTE_RM | LOCKED_RMW, AT_RM },
};

static const struct wr_insn_desc group_ff[8] = {
	{ wr_do_inc, F_MODRM | LOCKED_RMW, AT_RM },
	{ wr_do_dec, F_MODRM | LOCKED_RMW, AT_RM },
	{ wr_do_call, F_MODRM | F_NEAR, AT_NOTHING, AT_RM },
	{ wr_do_call_far_mem, F_MODRM | F_NOFETCH, AT_NOTHING, AT_MEM_FAR },
	{ wr_do_jmp, F_MODRM | F_NEAR, AT_NOTHING, AT_RM },
	{ wr_do_jmp_far_mem, F_MODRM | F_NOFETCH, AT_NOTHING, AT_MEM_FAR },
	{ wr_do_push, F_MODRM | F_STACK, AT_NOTHING, AT_RM },
};

static const struct wr_insn_desc group_8f[8] = {
	{ wr_do_pop, F_MODRM | F_STACK | F_WRITE | F_LATE, AT_RM },
};

static const struct wr_insn_desc group_c6[8] = {
	{ wr_do_mov, BYTE_RM | F_WRITE, AT_RM, AT_IMM8U },
};

static const struct wr_insn_desc group_c7[8] = {
	{ wr_do_mov, F_MODRM | F_WRITE, AT_RM, AT_IMM },
};

/* BOUND; its register form and all of 64-bit mode are EVEX. The handler knows its size. */
static const struct wr_insn_desc row_62[2] = {
	{ wr_do_bound, F_MODRM | F_NOFETCH, AT_REG, AT_MEM8 },
};

static const struct wr_insn_desc row_63[2] = {
	{ wr_do_arpl, F_MODRM | F_RMW, AT_RM16, AT_REG },
	{ wr_do_movsxd, F_MODRM | F_WRITE, AT_REG, AT_RM32 },
};

/* 0F 00, 0F 01 and their register forms */
static const struct wr_insn_desc row_0f00_0[2] = {
	{ wr_do_sldt, F_MODRM | F_WRITE, AT_RM16 },
	{ wr_do_sldt, F_MODRM | F_WRITE, AT_RM },
};

static const struct wr_insn_desc row_0f00_1[2] = {
	{ wr_do_str, F_MODRM | F_WRITE, AT_RM16 },
	{ wr_do_str, F_MODRM | F_WRITE, AT_RM },
};

static const struct wr_insn_desc group_0f00[8] = {
	{ .select = BY_MOD, .sub = row_0f00_0 },
	{ .select = BY_MOD, .sub = row_0f00_1 },
	{ wr_do_lldt, F_MODRM, AT_NOTHING, AT_RM16 },
	{ wr_do_ltr, F_MODRM, AT_NOTHING, AT_RM16 },
	{ wr_do_verr, F_MODRM, AT_NOTHING, AT_RM16 },
	{ wr_do_verw, F_MODRM, AT_NOTHING, AT_RM16 },
};

static const struct wr_insn_desc row_0f01_0[2] = {
	{ wr_do_sgdt, F_MODRM | F_NOFETCH, AT_MEM },
	{ wr_do_group_0f01, F_MODRM },			/* VMCALL and others */
};

static const struct wr_insn_desc row_0f01_1[2] = {
	{ wr_do_sidt, F_MODRM | F_NOFETCH, AT_MEM },
	{ wr_do_group_0f01, F_MODRM },			/* MONITOR MWAIT CLAC STAC */
};

static const struct wr_insn_desc row_0f01_2[2] = {
	{ wr_do_lgdt, F_MODRM | F_NOFETCH | F_PRIV, AT_MEM },
	{ wr_do_group_0f01, F_MODRM },			/* XGETBV XSETBV */
};

static const struct wr_insn_desc row_0f01_3[2] = {
	{ wr_do_lidt, F_MODRM | F_NOFETCH | F_PRIV, AT_MEM },
	{ wr_do_group_0f01, F_MODRM },			/* VMRUN VMMCALL to INVLPGA */
};

static const struct wr_insn_desc row_0f01_4[2] = {
	{ wr_do_smsw, F_MODRM | F_WRITE, AT_RM16 },
	{ wr_do_smsw, F_MODRM | F_WRITE, AT_RM },
};

static const struct wr_insn_desc row_0f01_5[2] = {
	[1] = { NULL, F_MODRM | F_LENGTH },		/* RDPKRU WRPKRU SERIALIZE */
};

static const struct wr_insn_desc row_0f01_7[2] = {
	{ wr_do_invlpg, F_MODRM | F_PRIV | F_NOFETCH, AT_MEM },
	{ wr_do_group_0f01, F_MODRM },			/* SWAPGS RDTSCP MONITORX MWAITX */
};

static const struct wr_insn_desc group_0f01[8] = {
	{ .select = BY_MOD, .sub = row_0f01_0 },
	{ .select = BY_MOD, .sub = row_0f01_1 },
	{ .select = BY_MOD, .sub = row_0f01_2 },
	{ .select = BY_MOD, .sub = row_0f01_3 },
	{ .select = BY_MOD, .sub = row_0f01_4 },
	{ .select = BY_MOD, .sub = row_0f01_5 },
	{ wr_do_lmsw, F_MODRM | F_PRIV, AT_NOTHING, AT_RM16 },
	{ .select = BY_MOD, .sub = row_0f01_7 },
};

static const struct wr_insn_desc group_0fba[8] = {
	[4] = { wr_do_bt, F_MODRM | F_READ, AT_RM, AT_IMM8U },
	{ wr_do_bts, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_btr, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8U },
	{ wr_do_btc, F_MODRM | LOCKED_RMW, AT_RM, AT_IMM8U },
};

static const struct wr_insn_desc group_0fc7_mem[8] = {
	[1] = { wr_do_cmpxchg_wide, F_MODRM | F_NOFETCH | F_LOCK, AT_MEM2X },
	[3 ... 7] = { NULL, F_MODRM | F_LENGTH },		/* XRSTORS to VMPTRST */
};

static const struct wr_insn_desc group_0fc7_reg[8] = {
	[6 ... 7] = { NULL, F_MODRM | F_LENGTH },		/* RDRAND RDSEED RDPID */
};

static const struct wr_insn_desc row_0fc7[2] = {
	{ .select = BY_REG, .sub = group_0fc7_mem },
	{ .select = BY_REG, .sub = group_0fc7_reg },
};

static const struct wr_insn_desc group_0fae_mem[8] = {
	[0 ... 7] = { NULL, F_MODRM | F_LENGTH },		/* FXSAVE to CLFLUSH */
};

static const struct wr_insn_desc group_0fae_reg[8] = {
	[0 ... 4] = { NULL, F_MODRM | F_LENGTH },		/* RDFSBASE to WRGSBASE */
	[5 ... 7] = { wr_do_nop, F_MODRM },			/* LFENCE MFENCE SFENCE */
};

static const struct wr_insn_desc group_0fae_reg_f3[8] = {
	[0 ... 6] = { NULL, F_MODRM | F_LENGTH },
};

/* A mandatory prefix makes other instructions of the fences. */
static const struct wr_insn_desc row_0fae_reg[4] = {
	{ .select = BY_REG, .sub = group_0fae_reg },
	{ .select = BY_REG, .sub = group_0fae_reg_f3 },
	{ .select = BY_REG, .sub = group_0fae_reg_f3 },
	{ .select = BY_REG, .sub = group_0fae_reg_f3 },
};

static const struct wr_insn_desc row_0fae[2] = {
	{ .select = BY_REG, .sub = group_0fae_mem },
	{ .select = BY_PREFIX, .sub = row_0fae_reg },
};

/* 0F B8, BC, BD: F3 makes another instruction, 66 is the operand size */
static const struct wr_insn_desc row_0fb8[4] = {
	[2] = { wr_do_popcnt, F_MODRM | F_WRITE, AT_REG, AT_RM },
};

static const struct wr_insn_desc row_0fbc[4] = {
	{ wr_do_bsf, F_MODRM | F_WRITE, AT_REG, AT_RM },
	{ wr_do_bsf, F_MODRM | F_WRITE, AT_REG, AT_RM },
	{ wr_do_tzcnt, F_MODRM | F_WRITE, AT_REG, AT_RM },
	{ wr_do_bsf, F_MODRM | F_WRITE, AT_REG, AT_RM },
};

static const struct wr_insn_desc row_0fbd[4] = {
	{ wr_do_bsr, F_MODRM | F_WRITE, AT_REG, AT_RM },
	{ wr_do_bsr, F_MODRM | F_WRITE, AT_REG, AT_RM },
	{ wr_do_lzcnt, F_MODRM | F_WRITE, AT_REG, AT_RM },
	{ wr_do_bsr, F_MODRM | F_WRITE, AT_REG, AT_RM },
};

/* Vector moves, by mandatory prefix: none, 66, F3, F2 */
#define VEC_MOVE	(F_MODRM | F_VEC | F_VEX | F_NOFETCH)
#define VEC_MERGE	(VEC_MOVE | F_VEX_REG)

static const struct wr_insn_desc row_0f10[4] = {
	{ wr_do_vec_load, VEC_MOVE, AT_VEC, AT_VRM },
	{ wr_do_vec_load, VEC_MOVE, AT_VEC, AT_VRM },
	{ wr_do_vec_load_low, VEC_MOVE, AT_VEC, AT_MEM4 },
	{ wr_do_vec_load_low, VEC_MOVE, AT_VEC, AT_MEM8 },
};

static const struct wr_insn_desc row_0f11[4] = {
	{ wr_do_vec_store, VEC_MOVE, AT_VRM, AT_VEC },
	{ wr_do_vec_store, VEC_MOVE, AT_VRM, AT_VEC },
	{ wr_do_vec_store_low, VEC_MOVE, AT_MEM4, AT_VEC },
	{ wr_do_vec_store_low, VEC_MOVE, AT_MEM8, AT_VEC },
};

static const struct wr_insn_desc row_0f12[4] = {
	{ wr_do_vec_merge_low, VEC_MERGE, AT_VEC, AT_MEM8 },
	{ wr_do_vec_merge_low, VEC_MERGE, AT_VEC, AT_MEM8 },
};

static const struct wr_insn_desc row_0f13[4] = {
	{ wr_do_vec_store_low, VEC_MOVE, AT_MEM8, AT_VEC },
	{ wr_do_vec_store_low, VEC_MOVE, AT_MEM8, AT_VEC },
};

static const struct wr_insn_desc row_0f16[4] = {
	{ wr_do_vec_merge_high, VEC_MERGE, AT_VEC, AT_MEM8 },
	{ wr_do_vec_merge_high, VEC_MERGE, AT_VEC, AT_MEM8 },
};

static const struct wr_insn_desc row_0f17[4] = {
	{ wr_do_vec_store_high, VEC_MOVE, AT_MEM8, AT_VEC },
	{ wr_do_vec_store_high, VEC_MOVE, AT_MEM8, AT_VEC },
};

static const struct wr_insn_desc row_0f28[4] = {
	{ wr_do_vec_load_aligned, VEC_MOVE, AT_VEC, AT_VRM },
	{ wr_do_vec_load_aligned, VEC_MOVE, AT_VEC, AT_VRM },
};

static const struct wr_insn_desc row_0f29[4] = {
	{ wr_do_vec_store_aligned, VEC_MOVE, AT_VRM, AT_VEC },
	{ wr_do_vec_store_aligned, VEC_MOVE, AT_VRM, AT_VEC },
};

static const struct wr_insn_desc row_0f2b[4] = {
	{ wr_do_vec_store_aligned, VEC_MOVE, AT_MEM, AT_VEC },
	{ wr_do_vec_store_aligned, VEC_MOVE, AT_MEM, AT_VEC },
};

#define MMX_MOVE	(F_MODRM | F_NOFETCH)

static const struct wr_insn_desc row_0f6e[4] = {
	[0] = { wr_do_mmx_load, MMX_MOVE, AT_MMX, AT_RMY },
	[1] = { wr_do_vec_load_low, VEC_MOVE, AT_VEC, AT_RMY },
};

static const struct wr_insn_desc row_0f6f[4] = {
	[0] = { wr_do_mmx_load, MMX_MOVE, AT_MMX, AT_MMXRM },
	[1] = { wr_do_vec_load_aligned, VEC_MOVE, AT_VEC, AT_VRM },
	[2] = { wr_do_vec_load, VEC_MOVE, AT_VEC, AT_VRM },
};

static const struct wr_insn_desc row_0f7e[4] = {
	[0] = { wr_do_mmx_store, MMX_MOVE, AT_RMY, AT_MMX },
	[1] = { wr_do_vec_store_low, VEC_MOVE, AT_RMY, AT_VEC },
	[2] = { wr_do_vec_load_low, VEC_MOVE, AT_VEC, AT_MEM8 },
};

static const struct wr_insn_desc row_0f7f[4] = {
	[0] = { wr_do_mmx_store, MMX_MOVE, AT_MMXRM, AT_MMX },
	[1] = { wr_do_vec_store_aligned, VEC_MOVE, AT_VRM, AT_VEC },
	[2] = { wr_do_vec_store, VEC_MOVE, AT_VRM, AT_VEC },
};

static const struct wr_insn_desc row_0fc3[4] = {
	[0] = { wr_do_mov, F_MODRM | F_WRITE, AT_MEMY, AT_REGY },
};

static const struct wr_insn_desc row_0fd6[4] = {
	[1] = { wr_do_vec_store_low, VEC_MOVE, AT_MEM8, AT_VEC },
};

static const struct wr_insn_desc row_0fe7[4] = {
	[0] = { wr_do_mmx_store, MMX_MOVE, AT_MEM8, AT_MMX },
	[1] = { wr_do_vec_store_aligned, VEC_MOVE, AT_MEM, AT_VEC },
};

static const struct wr_insn_desc row_0ff0[4] = {
	[3] = { wr_do_vec_load, VEC_MOVE, AT_VEC, AT_MEM },
};

static const struct wr_insn_desc row_0f382a[4] = {
	[1] = { wr_do_vec_load_aligned, VEC_MOVE, AT_VEC, AT_MEM },
};

static const struct wr_insn_desc row_0f38f0[4] = {
	[0 ... 1] = { wr_do_movbe, F_MODRM | F_WRITE, AT_REG, AT_MEM },
	[3] = { wr_do_crc32, F_MODRM | F_RMW, AT_REGY, AT_RM8 },
};

static const struct wr_insn_desc row_0f38f1[4] = {
	[0 ... 1] = { wr_do_movbe, F_MODRM | F_WRITE, AT_MEM, AT_REG },
	[3] = { wr_do_crc32, F_MODRM | F_RMW, AT_REGY, AT_RM },
};

/* x87: control instructions; of the others the length */
#define X87_OTHER	{ NULL, F_MODRM | F_LENGTH }

static const struct wr_insn_desc row_d9_mem[8] = {
	[0 ... 4] = X87_OTHER,
	{ wr_do_fldcw, F_MODRM | F_NOFETCH, AT_NOTHING, AT_MEM },
	X87_OTHER,
	{ wr_do_fnstcw, F_MODRM | F_NOFETCH, AT_MEM },
};

static const struct wr_insn_desc row_d9[2] = {
	{ .select = BY_REG, .sub = row_d9_mem },
	X87_OTHER,
};

static const struct wr_insn_desc row_db_reg[8] = {
	[0 ... 3] = X87_OTHER,
	{ wr_do_fninit, F_MODRM },
	[5 ... 7] = X87_OTHER,
};

static const struct wr_insn_desc row_db[2] = {
	X87_OTHER,
	{ .select = BY_REG, .sub = row_db_reg },
};

static const struct wr_insn_desc row_dd_mem[8] = {
	[0 ... 6] = X87_OTHER,
	{ wr_do_fnstsw, F_MODRM | F_NOFETCH, AT_MEM },
};

static const struct wr_insn_desc row_dd[2] = {
	{ .select = BY_REG, .sub = row_dd_mem },
	X87_OTHER,
};

static const struct wr_insn_desc row_df_reg[8] = {
	[0 ... 3] = X87_OTHER,
	{ wr_do_fnstsw_ax, F_MODRM },
	[5 ... 7] = X87_OTHER,
};

static const struct wr_insn_desc row_df[2] = {
	X87_OTHER,
	{ .select = BY_REG, .sub = row_df_reg },
};

static const struct wr_insn_desc one_byte[256] = {
	[0x00] = { wr_do_add, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x01] = { wr_do_add, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x02] = { wr_do_add, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x03] = { wr_do_add, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x04] = { wr_do_add, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x05] = { wr_do_add, F_RMW, AT_ACC, AT_IMM },
	[0x06] = { wr_do_push, F_STACK | F_NO64, AT_NOTHING, AT_OPSEG },
	[0x07] = { wr_do_pop_seg, F_STACK | F_NO64, AT_OPSEG },
	[0x08] = { wr_do_or, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x09] = { wr_do_or, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x0a] = { wr_do_or, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x0b] = { wr_do_or, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x0c] = { wr_do_or, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x0d] = { wr_do_or, F_RMW, AT_ACC, AT_IMM },
	[0x0e] = { wr_do_push, F_STACK | F_NO64, AT_NOTHING, AT_OPSEG },
	[0x10] = { wr_do_adc, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x11] = { wr_do_adc, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x12] = { wr_do_adc, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x13] = { wr_do_adc, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x14] = { wr_do_adc, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x15] = { wr_do_adc, F_RMW, AT_ACC, AT_IMM },
	[0x16] = { wr_do_push, F_STACK | F_NO64, AT_NOTHING, AT_OPSEG },
	[0x17] = { wr_do_pop_seg, F_STACK | F_NO64, AT_OPSEG },
	[0x18] = { wr_do_sbb, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x19] = { wr_do_sbb, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x1a] = { wr_do_sbb, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x1b] = { wr_do_sbb, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x1c] = { wr_do_sbb, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x1d] = { wr_do_sbb, F_RMW, AT_ACC, AT_IMM },
	[0x1e] = { wr_do_push, F_STACK | F_NO64, AT_NOTHING, AT_OPSEG },
	[0x1f] = { wr_do_pop_seg, F_STACK | F_NO64, AT_OPSEG },
	[0x20] = { wr_do_and, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x21] = { wr_do_and, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x22] = { wr_do_and, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x23] = { wr_do_and, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x24] = { wr_do_and, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x25] = { wr_do_and, F_RMW, AT_ACC, AT_IMM },
	[0x27] = { wr_do_daa, F_NO64 },
	[0x28] = { wr_do_sub, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x29] = { wr_do_sub, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x2a] = { wr_do_sub, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x2b] = { wr_do_sub, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x2c] = { wr_do_sub, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x2d] = { wr_do_sub, F_RMW, AT_ACC, AT_IMM },
	[0x2f] = { wr_do_das, F_NO64 },
	[0x30] = { wr_do_xor, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0x31] = { wr_do_xor, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0x32] = { wr_do_xor, BYTE_RM | F_RMW, AT_REG, AT_RM },
	[0x33] = { wr_do_xor, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x34] = { wr_do_xor, F_BYTE | F_RMW, AT_ACC, AT_IMM },
	[0x35] = { wr_do_xor, F_RMW, AT_ACC, AT_IMM },
	[0x37] = { wr_do_aaa, F_NO64 },
	[0x38] = { wr_do_cmp, BYTE_RM | F_READ, AT_RM, AT_REG },
	[0x39] = { wr_do_cmp, F_MODRM | F_READ, AT_RM, AT_REG },
	[0x3a] = { wr_do_cmp, BYTE_RM | F_READ, AT_REG, AT_RM },
	[0x3b] = { wr_do_cmp, F_MODRM | F_READ, AT_REG, AT_RM },
	[0x3c] = { wr_do_cmp, F_BYTE | F_READ, AT_ACC, AT_IMM },
	[0x3d] = { wr_do_cmp, F_READ, AT_ACC, AT_IMM },
	[0x3f] = { wr_do_aas, F_NO64 },
	[0x40 ... 0x47] = { wr_do_inc, F_RMW, AT_OPREG },	/* REX in 64-bit mode */
	[0x48 ... 0x4f] = { wr_do_dec, F_RMW, AT_OPREG },
	[0x50 ... 0x57] = { wr_do_push, F_STACK, AT_NOTHING, AT_OPREG },
	[0x58 ... 0x5f] = { wr_do_pop, F_STACK | F_WRITE, AT_OPREG },
	[0x60] = { wr_do_pusha, F_NO64 },
	[0x61] = { wr_do_popa, F_NO64 },
	[0x62] = { .select = BY_MODE, .sub = row_62 },
	[0x63] = { .select = BY_MODE, .sub = row_63 },
	[0x68] = { wr_do_push, F_STACK, AT_NOTHING, AT_IMM },
	[0x69] = { wr_do_imul3, F_MODRM | F_WRITE, AT_REG, AT_RM, AT_IMM },
	[0x6a] = { wr_do_push, F_STACK, AT_NOTHING, AT_IMM8S },
	[0x6b] = { wr_do_imul3, F_MODRM | F_WRITE, AT_REG, AT_RM, AT_IMM8S },
	[0x6c] = { wr_do_ins, F_BYTE },
	[0x6d] = { wr_do_ins, F_PORT },
	[0x6e] = { wr_do_outs, F_BYTE },
	[0x6f] = { wr_do_outs, F_PORT },
	[0x70 ... 0x7f] = { wr_do_jcc, F_NEAR, AT_NOTHING, AT_IMM8S },
	[0x80] = { .flags = F_MODRM, .select = BY_REG, .sub = immediate_byte },
	[0x81] = { .flags = F_MODRM, .select = BY_REG, .sub = immediate },
	[0x82] = { .flags = F_MODRM | F_NO64, .select = BY_REG, .sub = immediate_byte },
	[0x83] = { .flags = F_MODRM, .select = BY_REG, .sub = immediate_short },
	[0x84] = { wr_do_test, BYTE_RM | F_READ, AT_RM, AT_REG },
	[0x85] = { wr_do_test, F_MODRM | F_READ, AT_RM, AT_REG },
	[0x86] = { wr_do_xchg, BYTE_RM | LOCKED_RMW | F_ATOMIC, AT_RM, AT_REG },
	[0x87] = { wr_do_xchg, F_MODRM | LOCKED_RMW | F_ATOMIC, AT_RM, AT_REG },
	[0x88] = { wr_do_mov, BYTE_RM | F_WRITE, AT_RM, AT_REG },
	[0x89] = { wr_do_mov, F_MODRM | F_WRITE, AT_RM, AT_REG },
	[0x8a] = { wr_do_mov, BYTE_RM | F_WRITE, AT_REG, AT_RM },
	[0x8b] = { wr_do_mov, F_MODRM | F_WRITE, AT_REG, AT_RM },
	[0x8c] = { wr_do_mov_from_seg, F_MODRM | F_WRITE, AT_RM, AT_SEG },
	[0x8d] = { wr_do_lea, F_MODRM | F_WRITE | F_NOFETCH, AT_REG, AT_MEM },
	[0x8e] = { wr_do_mov_to_seg, F_MODRM, AT_SEG, AT_RM16 },
	[0x8f] = { .flags = F_MODRM, .select = BY_REG, .sub = group_8f },
	[0x90 ... 0x97] = { wr_do_xchg_acc, F_RMW, AT_OPREG, AT_ACC },	/* NOP, PAUSE */
	[0x98] = { wr_do_cbw, 0 },
	[0x99] = { wr_do_cwd, 0 },
	[0x9a] = { wr_do_call_far, F_NO64, AT_NOTHING, AT_FAR },
	[0x9b] = { wr_do_fwait, 0 },
	[0x9c] = { wr_do_pushf, F_STACK },
	[0x9d] = { wr_do_popf, F_STACK },
	[0x9e] = { wr_do_sahf, 0 },
	[0x9f] = { wr_do_lahf, 0 },
	[0xa0] = { wr_do_mov, F_BYTE | F_WRITE, AT_ACC, AT_MOFFS },
	[0xa1] = { wr_do_mov, F_WRITE, AT_ACC, AT_MOFFS },
	[0xa2] = { wr_do_mov, F_BYTE | F_WRITE, AT_MOFFS, AT_ACC },
	[0xa3] = { wr_do_mov, F_WRITE, AT_MOFFS, AT_ACC },
	[0xa4] = { wr_do_movs, F_BYTE },
	[0xa5] = { wr_do_movs, 0 },
	[0xa6] = { wr_do_cmps, F_BYTE },
	[0xa7] = { wr_do_cmps, 0 },
	[0xa8] = { wr_do_test, F_BYTE | F_READ, AT_ACC, AT_IMM },
	[0xa9] = { wr_do_test, F_READ, AT_ACC, AT_IMM },
	[0xaa] = { wr_do_stos, F_BYTE },
	[0xab] = { wr_do_stos, 0 },
	[0xac] = { wr_do_lods, F_BYTE },
	[0xad] = { wr_do_lods, 0 },
	[0xae] = { wr_do_scas, F_BYTE },
	[0xaf] = { wr_do_scas, 0 },
	[0xb0 ... 0xb7] = { wr_do_mov, F_BYTE | F_WRITE, AT_OPREG, AT_IMM8U },
	[0xb8 ... 0xbf] = { wr_do_mov, F_WRITE, AT_OPREG, AT_IMM_FULL },
	[0xc0] = { .flags = F_MODRM, .select = BY_REG, .sub = shift_byte_imm },
	[0xc1] = { .flags = F_MODRM, .select = BY_REG, .sub = shift_imm },
	[0xc2] = { wr_do_ret, F_NEAR, AT_NOTHING, AT_IMM16 },
	[0xc3] = { wr_do_ret, F_NEAR },
	[0xc4] = { wr_do_les, F_MODRM | F_NO64 | F_NOFETCH, AT_REG, AT_MEM_FAR },
	[0xc5] = { wr_do_lds, F_MODRM | F_NO64 | F_NOFETCH, AT_REG, AT_MEM_FAR },
	[0xc6] = { .flags = F_MODRM, .select = BY_REG, .sub = group_c6 },
	[0xc7] = { .flags = F_MODRM, .select = BY_REG, .sub = group_c7 },
	[0xc8] = { wr_do_enter, F_STACK, AT_NOTHING, AT_IMM16, AT_IMM8U },
	[0xc9] = { wr_do_leave, F_STACK },
	[0xca] = { wr_do_ret_far, 0, AT_NOTHING, AT_IMM16 },
	[0xcb] = { wr_do_ret_far, 0 },
	[0xcc] = { wr_do_int3, 0 },
	[0xcd] = { wr_do_int, 0, AT_NOTHING, AT_IMM8U },
	[0xce] = { wr_do_into, F_NO64 },
	[0xcf] = { wr_do_iret, 0 },
	[0xd0] = { .flags = F_MODRM, .select = BY_REG, .sub = shift_byte_one },
	[0xd1] = { .flags = F_MODRM, .select = BY_REG, .sub = shift_one },
	[0xd2] = { .flags = F_MODRM, .select = BY_REG, .sub = shift_byte_cl },
	[0xd3] = { .flags = F_MODRM, .select = BY_REG, .sub = shift_cl },
	[0xd4] = { wr_do_aam, F_NO64, AT_NOTHING, AT_IMM8U },
	[0xd5] = { wr_do_aad, F_NO64, AT_NOTHING, AT_IMM8U },
	[0xd6] = { wr_do_salc, F_NO64 },
	[0xd7] = { wr_do_xlat, F_BYTE },
	[0xd8] = { NULL, F_MODRM | F_LENGTH },			/* x87, to DF */
	[0xd9] = { .flags = F_MODRM, .select = BY_MOD, .sub = row_d9 },
	[0xda] = { NULL, F_MODRM | F_LENGTH },
	[0xdb] = { .flags = F_MODRM, .select = BY_MOD, .sub = row_db },
	[0xdc] = { NULL, F_MODRM | F_LENGTH },
	[0xdd] = { .flags = F_MODRM, .select = BY_MOD, .sub = row_dd },
	[0xde] = { NULL, F_MODRM | F_LENGTH },
	[0xdf] = { .flags = F_MODRM, .select = BY_MOD, .sub = row_df },
	[0xe0] = { wr_do_loopne, F_NEAR, AT_NOTHING, AT_IMM8S },
	[0xe1] = { wr_do_loope, F_NEAR, AT_NOTHING, AT_IMM8S },
	[0xe2] = { wr_do_loop, F_NEAR, AT_NOTHING, AT_IMM8S },
	[0xe3] = { wr_do_jcxz, F_NEAR, AT_NOTHING, AT_IMM8S },
	[0xe4] = { wr_do_in, F_BYTE | F_WRITE, AT_ACC, AT_IMM8U },
	[0xe5] = { wr_do_in, F_PORT | F_WRITE, AT_ACC, AT_IMM8U },
	[0xe6] = { wr_do_out, F_BYTE | F_READ, AT_ACC, AT_IMM8U },
	[0xe7] = { wr_do_out, F_PORT | F_READ, AT_ACC, AT_IMM8U },
	[0xe8] = { wr_do_call_rel, F_NEAR, AT_NOTHING, AT_IMM },
	[0xe9] = { wr_do_jmp_rel, F_NEAR, AT_NOTHING, AT_IMM },
	[0xea] = { wr_do_jmp_far, F_NO64, AT_NOTHING, AT_FAR },
	[0xeb] = { wr_do_jmp_rel, F_NEAR, AT_NOTHING, AT_IMM8S },
	[0xec] = { wr_do_in, F_BYTE | F_WRITE, AT_ACC, AT_DX },
	[0xed] = { wr_do_in, F_PORT | F_WRITE, AT_ACC, AT_DX },
	[0xee] = { wr_do_out, F_BYTE | F_READ, AT_ACC, AT_DX },
	[0xef] = { wr_do_out, F_PORT | F_READ, AT_ACC, AT_DX },
	[0xf1] = { wr_do_icebp, 0 },
	[0xf4] = { wr_do_hlt, F_PRIV },
	[0xf5] = { wr_do_cmc, 0 },
	[0xf6] = { .flags = F_MODRM, .select = BY_REG, .sub = unary_byte },
	[0xf7] = { .flags = F_MODRM, .select = BY_REG, .sub = unary },
	[0xf8] = { wr_do_clc, 0 },
	[0xf9] = { wr_do_stc, 0 },
	[0xfa] = { wr_do_cli, 0 },
	[0xfb] = { wr_do_sti, 0 },
	[0xfc] = { wr_do_cld, 0 },
	[0xfd] = { wr_do_std, 0 },
	[0xfe] = { .flags = F_MODRM, .select = BY_REG, .sub = group_fe },
	[0xff] = { .flags = F_MODRM, .select = BY_REG, .sub = group_ff },
};

static const struct wr_insn_desc two_byte[256] = {
	[0x00] = { .flags = F_MODRM, .select = BY_REG, .sub = group_0f00 },
	[0x01] = { .flags = F_MODRM, .select = BY_REG, .sub = group_0f01 },
	[0x02] = { wr_do_lar, F_MODRM | F_WRITE, AT_REG, AT_RM16 },
	[0x03] = { wr_do_lsl, F_MODRM | F_WRITE, AT_REG, AT_RM16 },
	[0x05] = { NULL, F_LENGTH },				/* SYSCALL */
	[0x06] = { wr_do_clts, F_PRIV },
	[0x07] = { NULL, F_LENGTH },				/* SYSRET */
	[0x08 ... 0x09] = { wr_do_wbinvd, F_PRIV },		/* INVD too */
	[0x0b] = { wr_do_ud, 0 },				/* UD2 */
	[0x0d] = { wr_do_nop, F_MODRM | F_NOFETCH, AT_MEM },			/* PREFETCHW */
	[0x10] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f10 },
	[0x11] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f11 },
	[0x12] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f12 },
	[0x13] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f13 },
	[0x16] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f16 },
	[0x17] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f17 },
	[0x18 ... 0x1f] = { wr_do_nop, F_MODRM },		/* prefetches, ENDBR, NOP */
	[0x20] = { wr_do_mov_from_cr, F_MODRM | F_PRIV | F_WRITE | F_ALTCR, AT_RMREG, AT_CR },
	[0x21] = { wr_do_mov_from_dr, F_MODRM | F_PRIV, AT_RMREG },
	[0x22] = { wr_do_mov_to_cr, F_MODRM | F_PRIV | F_ALTCR, AT_CR, AT_RMREG },
	[0x23] = { wr_do_mov_to_dr, F_MODRM | F_PRIV, AT_RMREG },
	[0x28] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f28 },
	[0x29] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f29 },
	[0x2b] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f2b },
	[0x30] = { wr_do_wrmsr, F_PRIV },
	[0x31] = { wr_do_rdtsc, 0 },
	[0x32] = { wr_do_rdmsr, F_PRIV },
	[0x33] = { wr_do_rdpmc, 0 },
	[0x34 ... 0x35] = { NULL, F_LENGTH },			/* SYSENTER SYSEXIT */
	[0x40 ... 0x4f] = { wr_do_cmov, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0x6e] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f6e },
	[0x6f] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f6f },
	[0x77] = { wr_do_emms, 0 },
	[0x7e] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f7e },
	[0x7f] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f7f },
	[0x80 ... 0x8f] = { wr_do_jcc, F_NEAR, AT_NOTHING, AT_IMM },
	[0x90 ... 0x9f] = { wr_do_setcc, BYTE_RM | F_WRITE, AT_RM },
	[0xa0] = { wr_do_push, F_STACK, AT_NOTHING, AT_OPSEG },
	[0xa1] = { wr_do_pop_seg, F_STACK, AT_OPSEG },
	[0xa2] = { wr_do_cpuid, 0 },
	[0xa3] = { wr_do_bt, F_MODRM | F_READ | F_BITS, AT_RM, AT_REG },
	[0xa4] = { wr_do_shld, F_MODRM | F_RMW, AT_RM, AT_REG, AT_IMM8U },
	[0xa5] = { wr_do_shld, F_MODRM | F_RMW, AT_RM, AT_REG, AT_CL },
	[0xa8] = { wr_do_push, F_STACK, AT_NOTHING, AT_OPSEG },
	[0xa9] = { wr_do_pop_seg, F_STACK, AT_OPSEG },
	[0xaa] = { NULL, F_LENGTH },				/* RSM */
	[0xab] = { wr_do_bts, F_MODRM | LOCKED_RMW | F_BITS, AT_RM, AT_REG },
	[0xac] = { wr_do_shrd, F_MODRM | F_RMW, AT_RM, AT_REG, AT_IMM8U },
	[0xad] = { wr_do_shrd, F_MODRM | F_RMW, AT_RM, AT_REG, AT_CL },
	[0xae] = { .flags = F_MODRM, .select = BY_MOD, .sub = row_0fae },
	[0xaf] = { wr_do_imul, F_MODRM | F_RMW, AT_REG, AT_RM },
	[0xb0] = { wr_do_cmpxchg, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0xb1] = { wr_do_cmpxchg, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0xb2] = { wr_do_lss, F_MODRM | F_NOFETCH, AT_REG, AT_MEM_FAR },
	[0xb3] = { wr_do_btr, F_MODRM | LOCKED_RMW | F_BITS, AT_RM, AT_REG },
	[0xb4] = { wr_do_lfs, F_MODRM | F_NOFETCH, AT_REG, AT_MEM_FAR },
	[0xb5] = { wr_do_lgs, F_MODRM | F_NOFETCH, AT_REG, AT_MEM_FAR },
	[0xb6] = { wr_do_mov, F_MODRM | F_WRITE, AT_REG, AT_RM8 },
	[0xb7] = { wr_do_mov, F_MODRM | F_WRITE, AT_REG, AT_RM16 },
	[0xb8] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0fb8 },
	[0xb9] = { wr_do_ud, F_MODRM },				/* UD1 */
	[0xba] = { .flags = F_MODRM, .select = BY_REG, .sub = group_0fba },
	[0xbb] = { wr_do_btc, F_MODRM | LOCKED_RMW | F_BITS, AT_RM, AT_REG },
	[0xbc] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0fbc },
	[0xbd] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0fbd },
	[0xbe] = { wr_do_movsx, F_MODRM | F_WRITE, AT_REG, AT_RM8 },
	[0xbf] = { wr_do_movsx, F_MODRM | F_WRITE, AT_REG, AT_RM16 },
	[0xc0] = { wr_do_xadd, BYTE_RM | LOCKED_RMW, AT_RM, AT_REG },
	[0xc1] = { wr_do_xadd, F_MODRM | LOCKED_RMW, AT_RM, AT_REG },
	[0xc3] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0fc3 },
	[0xc7] = { .flags = F_MODRM, .select = BY_MOD, .sub = row_0fc7 },
	[0xc8 ... 0xcf] = { wr_do_bswap, F_RMW, AT_OPREG },
	[0xd6] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0fd6 },
	[0xe7] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0fe7 },
	[0xf0] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0ff0 },
	[0xff] = { wr_do_ud, F_MODRM },				/* UD0 */
};

static const struct wr_insn_desc three_byte_38[256] = {
	[0x2a] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f382a },
	[0xf0] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f38f0 },
	[0xf1] = { .flags = F_MODRM, .select = BY_PREFIX, .sub = row_0f38f1 },
};

/* First rows by map and opcode; an empty one is not known, nor is a map that is not there. */
const struct wr_insn_desc * const wr_insn_maps[NR_MAPS] = {
	[MAP_ONE] = one_byte,
	[MAP_0F] = two_byte,
	[MAP_0F38] = three_byte_38,
};
