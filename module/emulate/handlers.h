/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The handlers that the rows of table.c name.
 *
 * Each runs one instruction on the values that execute.c fetched, and leaves in x->dst what is to
 * be written back. It returns WR_EMU_DONE, or what an access or wr_emu_raise() returned,
 * unchanged.
 */
#ifndef WARREN_EMULATE_HANDLERS_H
#define WARREN_EMULATE_HANDLERS_H

#include "emulate.h"

struct wr_exec;

/* alu.c */
enum wr_emu_result wr_do_add(struct wr_exec *x);
enum wr_emu_result wr_do_or(struct wr_exec *x);
enum wr_emu_result wr_do_adc(struct wr_exec *x);
enum wr_emu_result wr_do_sbb(struct wr_exec *x);
enum wr_emu_result wr_do_and(struct wr_exec *x);
enum wr_emu_result wr_do_sub(struct wr_exec *x);
enum wr_emu_result wr_do_xor(struct wr_exec *x);
enum wr_emu_result wr_do_cmp(struct wr_exec *x);
enum wr_emu_result wr_do_test(struct wr_exec *x);
enum wr_emu_result wr_do_inc(struct wr_exec *x);
enum wr_emu_result wr_do_dec(struct wr_exec *x);
enum wr_emu_result wr_do_neg(struct wr_exec *x);
enum wr_emu_result wr_do_not(struct wr_exec *x);
enum wr_emu_result wr_do_rol(struct wr_exec *x);
enum wr_emu_result wr_do_ror(struct wr_exec *x);
enum wr_emu_result wr_do_rcl(struct wr_exec *x);
enum wr_emu_result wr_do_rcr(struct wr_exec *x);
enum wr_emu_result wr_do_shl(struct wr_exec *x);
enum wr_emu_result wr_do_shr(struct wr_exec *x);
enum wr_emu_result wr_do_sar(struct wr_exec *x);
enum wr_emu_result wr_do_shld(struct wr_exec *x);
enum wr_emu_result wr_do_shrd(struct wr_exec *x);
enum wr_emu_result wr_do_cmov(struct wr_exec *x);
enum wr_emu_result wr_do_setcc(struct wr_exec *x);

/* multiply.c */
enum wr_emu_result wr_do_mul(struct wr_exec *x);
enum wr_emu_result wr_do_imul(struct wr_exec *x);
enum wr_emu_result wr_do_imul3(struct wr_exec *x);
enum wr_emu_result wr_do_imul_acc(struct wr_exec *x);
enum wr_emu_result wr_do_div(struct wr_exec *x);
enum wr_emu_result wr_do_idiv(struct wr_exec *x);
enum wr_emu_result wr_do_aam(struct wr_exec *x);
enum wr_emu_result wr_do_aad(struct wr_exec *x);
enum wr_emu_result wr_do_aaa(struct wr_exec *x);
enum wr_emu_result wr_do_aas(struct wr_exec *x);
enum wr_emu_result wr_do_daa(struct wr_exec *x);
enum wr_emu_result wr_do_das(struct wr_exec *x);
enum wr_emu_result wr_do_cbw(struct wr_exec *x);
enum wr_emu_result wr_do_cwd(struct wr_exec *x);

/* selector.c */
enum wr_emu_result wr_do_sldt(struct wr_exec *x);
enum wr_emu_result wr_do_str(struct wr_exec *x);
enum wr_emu_result wr_do_lldt(struct wr_exec *x);
enum wr_emu_result wr_do_ltr(struct wr_exec *x);
enum wr_emu_result wr_do_verr(struct wr_exec *x);
enum wr_emu_result wr_do_verw(struct wr_exec *x);
enum wr_emu_result wr_do_lar(struct wr_exec *x);
enum wr_emu_result wr_do_lsl(struct wr_exec *x);
enum wr_emu_result wr_do_arpl(struct wr_exec *x);

/* bits.c */
enum wr_emu_result wr_do_bt(struct wr_exec *x);
enum wr_emu_result wr_do_bts(struct wr_exec *x);
enum wr_emu_result wr_do_btr(struct wr_exec *x);
enum wr_emu_result wr_do_btc(struct wr_exec *x);
enum wr_emu_result wr_do_bsf(struct wr_exec *x);
enum wr_emu_result wr_do_bsr(struct wr_exec *x);
enum wr_emu_result wr_do_tzcnt(struct wr_exec *x);
enum wr_emu_result wr_do_lzcnt(struct wr_exec *x);
enum wr_emu_result wr_do_popcnt(struct wr_exec *x);
enum wr_emu_result wr_do_crc32(struct wr_exec *x);
enum wr_emu_result wr_do_bswap(struct wr_exec *x);
enum wr_emu_result wr_do_xadd(struct wr_exec *x);
enum wr_emu_result wr_do_cmpxchg(struct wr_exec *x);
enum wr_emu_result wr_do_cmpxchg_wide(struct wr_exec *x);
enum wr_emu_result wr_do_xchg(struct wr_exec *x);
enum wr_emu_result wr_do_xchg_acc(struct wr_exec *x);

/* move.c */
enum wr_emu_result wr_do_mov(struct wr_exec *x);
enum wr_emu_result wr_do_movbe(struct wr_exec *x);
enum wr_emu_result wr_do_movsx(struct wr_exec *x);
enum wr_emu_result wr_do_movsxd(struct wr_exec *x);
enum wr_emu_result wr_do_lea(struct wr_exec *x);
enum wr_emu_result wr_do_bound(struct wr_exec *x);
enum wr_emu_result wr_do_xlat(struct wr_exec *x);
enum wr_emu_result wr_do_salc(struct wr_exec *x);
enum wr_emu_result wr_do_lahf(struct wr_exec *x);
enum wr_emu_result wr_do_sahf(struct wr_exec *x);
enum wr_emu_result wr_do_mov_from_seg(struct wr_exec *x);
enum wr_emu_result wr_do_mov_to_seg(struct wr_exec *x);
enum wr_emu_result wr_do_les(struct wr_exec *x);
enum wr_emu_result wr_do_lds(struct wr_exec *x);
enum wr_emu_result wr_do_lss(struct wr_exec *x);
enum wr_emu_result wr_do_lfs(struct wr_exec *x);
enum wr_emu_result wr_do_lgs(struct wr_exec *x);
enum wr_emu_result wr_do_push(struct wr_exec *x);
enum wr_emu_result wr_do_pop(struct wr_exec *x);
enum wr_emu_result wr_do_pop_seg(struct wr_exec *x);
enum wr_emu_result wr_do_pusha(struct wr_exec *x);
enum wr_emu_result wr_do_popa(struct wr_exec *x);
enum wr_emu_result wr_do_enter(struct wr_exec *x);
enum wr_emu_result wr_do_leave(struct wr_exec *x);

/* branch.c */
enum wr_emu_result wr_do_jmp(struct wr_exec *x);
enum wr_emu_result wr_do_jmp_rel(struct wr_exec *x);
enum wr_emu_result wr_do_jcc(struct wr_exec *x);
enum wr_emu_result wr_do_loop(struct wr_exec *x);
enum wr_emu_result wr_do_loope(struct wr_exec *x);
enum wr_emu_result wr_do_loopne(struct wr_exec *x);
enum wr_emu_result wr_do_jcxz(struct wr_exec *x);
enum wr_emu_result wr_do_call(struct wr_exec *x);
enum wr_emu_result wr_do_call_rel(struct wr_exec *x);
enum wr_emu_result wr_do_ret(struct wr_exec *x);

/* far.c */
enum wr_emu_result wr_do_call_far(struct wr_exec *x);
enum wr_emu_result wr_do_call_far_mem(struct wr_exec *x);
enum wr_emu_result wr_do_jmp_far(struct wr_exec *x);
enum wr_emu_result wr_do_jmp_far_mem(struct wr_exec *x);
enum wr_emu_result wr_do_ret_far(struct wr_exec *x);
enum wr_emu_result wr_do_iret(struct wr_exec *x);

/* interrupt.c */
enum wr_emu_result wr_do_int(struct wr_exec *x);
enum wr_emu_result wr_do_int3(struct wr_exec *x);
enum wr_emu_result wr_do_into(struct wr_exec *x);

/* assist.c */
enum wr_emu_result wr_do_cpuid(struct wr_exec *x);
enum wr_emu_result wr_do_hlt(struct wr_exec *x);
enum wr_emu_result wr_do_rdmsr(struct wr_exec *x);
enum wr_emu_result wr_do_wrmsr(struct wr_exec *x);
enum wr_emu_result wr_do_rdtsc(struct wr_exec *x);
enum wr_emu_result wr_do_rdpmc(struct wr_exec *x);
enum wr_emu_result wr_do_wbinvd(struct wr_exec *x);
enum wr_emu_result wr_do_icebp(struct wr_exec *x);
enum wr_emu_result wr_do_mov_from_dr(struct wr_exec *x);
enum wr_emu_result wr_do_mov_to_dr(struct wr_exec *x);
enum wr_emu_result wr_do_invlpg(struct wr_exec *x);
enum wr_emu_result wr_do_group_0f01(struct wr_exec *x);

/* string.c */
enum wr_emu_result wr_do_movs(struct wr_exec *x);
enum wr_emu_result wr_do_cmps(struct wr_exec *x);
enum wr_emu_result wr_do_stos(struct wr_exec *x);
enum wr_emu_result wr_do_lods(struct wr_exec *x);
enum wr_emu_result wr_do_scas(struct wr_exec *x);
enum wr_emu_result wr_do_ins(struct wr_exec *x);
enum wr_emu_result wr_do_outs(struct wr_exec *x);
enum wr_emu_result wr_do_in(struct wr_exec *x);
enum wr_emu_result wr_do_out(struct wr_exec *x);

/* system.c */
enum wr_emu_result wr_do_nop(struct wr_exec *x);
enum wr_emu_result wr_do_ud(struct wr_exec *x);
enum wr_emu_result wr_do_clc(struct wr_exec *x);
enum wr_emu_result wr_do_stc(struct wr_exec *x);
enum wr_emu_result wr_do_cmc(struct wr_exec *x);
enum wr_emu_result wr_do_cld(struct wr_exec *x);
enum wr_emu_result wr_do_std(struct wr_exec *x);
enum wr_emu_result wr_do_clts(struct wr_exec *x);
enum wr_emu_result wr_do_lmsw(struct wr_exec *x);
enum wr_emu_result wr_do_smsw(struct wr_exec *x);
enum wr_emu_result wr_do_mov_from_cr(struct wr_exec *x);
enum wr_emu_result wr_do_mov_to_cr(struct wr_exec *x);
enum wr_emu_result wr_do_sgdt(struct wr_exec *x);
enum wr_emu_result wr_do_sidt(struct wr_exec *x);
enum wr_emu_result wr_do_lgdt(struct wr_exec *x);
enum wr_emu_result wr_do_lidt(struct wr_exec *x);

/* flags.c */
enum wr_emu_result wr_do_cli(struct wr_exec *x);
enum wr_emu_result wr_do_sti(struct wr_exec *x);
enum wr_emu_result wr_do_pushf(struct wr_exec *x);
enum wr_emu_result wr_do_popf(struct wr_exec *x);

/* x87.c */
enum wr_emu_result wr_do_fwait(struct wr_exec *x);
enum wr_emu_result wr_do_fldcw(struct wr_exec *x);
enum wr_emu_result wr_do_fnstcw(struct wr_exec *x);
enum wr_emu_result wr_do_fnstsw(struct wr_exec *x);
enum wr_emu_result wr_do_fnstsw_ax(struct wr_exec *x);
enum wr_emu_result wr_do_fninit(struct wr_exec *x);
enum wr_emu_result wr_do_mmx_load(struct wr_exec *x);
enum wr_emu_result wr_do_mmx_store(struct wr_exec *x);
enum wr_emu_result wr_do_emms(struct wr_exec *x);

/* vector.c */
enum wr_emu_result wr_do_vec_load(struct wr_exec *x);
enum wr_emu_result wr_do_vec_load_aligned(struct wr_exec *x);
enum wr_emu_result wr_do_vec_load_low(struct wr_exec *x);
enum wr_emu_result wr_do_vec_merge_low(struct wr_exec *x);
enum wr_emu_result wr_do_vec_merge_high(struct wr_exec *x);
enum wr_emu_result wr_do_vec_store(struct wr_exec *x);
enum wr_emu_result wr_do_vec_store_aligned(struct wr_exec *x);
enum wr_emu_result wr_do_vec_store_low(struct wr_exec *x);
enum wr_emu_result wr_do_vec_store_high(struct wr_exec *x);

#endif
