/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions of emudiff.c, which includes this once: a row each, with what is special about its operands and which flags it
 * leaves undefined.
 */
#ifndef SELFTESTS_EMUDIFF_ROWS_H
#define SELFTESTS_EMUDIFF_ROWS_H

#include "harness.h"

#define CF 0x001u
#define PF 0x004u
#define AF 0x010u
#define ZF 0x040u
#define SF 0x080u
#define OF 0x800u
#define RF 0x10000u
#define ARITH (CF | PF | AF | ZF | SF | OF)

/* What is special about the operands of a row */
enum kind {
	PLAIN,
	SHIFT_IMM, SHIFT_CL, SHIFT_ONE, ROTATE_IMM, ROTATE_CL, ROTATE_ONE, DOUBLE_IMM, DOUBLE_CL,
	BITS,			/* the register counts bits from the operand on */
	COMPARE,		/* the accumulator often holds what memory does */
	COMPARE_WIDE,
	SCAN,			/* undefined for 0 */
	DIVIDE,
	STRING,
	MOFFS, XLAT,
	PUSH, POP, POP_FLAGS, LEAVE,	/* the stack is the operand */
	RETURN, RETURN_FAR, RETURN_INT,
	JUMP,			/* memory holds the target */
	JUMP_FAR,
	SELECTOR,		/* memory holds a selector */
	POINTER,		/* offset and selector */
	POP_SELECTOR,
	TABLE,			/* limit and base */
	BOUNDS,
	VECTOR, VECTOR_ALIGNED,
};

#define MODRM 0x01u
#define BYTE 0x02u
#define LOCK 0x04u
#define NOREAL 0x08u
#define NO32 0x10u
#define NO64 0x20u
#define FIXED 0x40u		/* no operand size prefix, no REX.W */
#define IMM8 0x80u
#define IMM16 0x100u
#define IMM 0x200u		/* of the operand size, at most 4 bytes */
#define MAP0F 0x400u
#define MAP38 0x800u
#define REP 0x1000u
#define VEX 0x2000u		/* the VEX form; with L at random, or 0 with VEX128 */
#define VEX128 0x4000u
#define THIRD 0x8000u		/* VEX has a third register */
#define DWORD 0x10000u		/* operand of 4 or 8 bytes */
#define PAIR 0x40000u		/* an even opcode is of bytes */
#define NOBOCHS 0x100000u	/* CPUs differ, and Bochs from QEMU */
#define NOTCG 0x80000u		/* QEMU differs from a CPU */
#define NOKVM 0x20000u		/* KVM's emulator differs from the CPU */
#define SYSTEM (FIXED | NOREAL)

struct row {
	const char *name;
	u8 opcode, step, nr;	/* opcode + step * (0 to nr) */
	int8_t digit;		/* ModRM.reg, -1: any register */
	u8 prefix;		/* mandatory */
	u8 kind;
	u32 is;
	u32 undefined;		/* flags */
};

/* ModRM.reg: any register, a rotation, a segment register */
#define ANY -1
#define ROTATION -2
#define SEGMENT -3

static const struct row rows[] = {
	{ "alu m,r byte", 0x00, 8, 7, ANY, 0, PLAIN, MODRM | BYTE, 0 },
	{ "alu m,r", 0x01, 8, 7, ANY, 0, PLAIN, MODRM, 0 },
	{ "alu r,m byte", 0x02, 8, 7, ANY, 0, PLAIN, MODRM | BYTE, 0 },
	{ "alu r,m", 0x03, 8, 7, ANY, 0, PLAIN, MODRM, 0 },
	{ "lock alu m,r", 0x01, 8, 6, ANY, 0xf0, PLAIN, MODRM, 0 },
	{ "lock alu m,r byte", 0x00, 8, 6, ANY, 0xf0, PLAIN, MODRM | BYTE, 0 },
	{ "test m,r byte", 0x84, 0, 0, ANY, 0, PLAIN, MODRM | BYTE, AF },
	{ "test m,r", 0x85, 0, 0, ANY, 0, PLAIN, MODRM, AF },
	{ "xchg byte", 0x86, 0, 0, ANY, 0, PLAIN, MODRM | BYTE | LOCK, 0 },
	{ "xchg", 0x87, 0, 0, ANY, 0, PLAIN, MODRM | LOCK, 0 },
	{ "mov byte", 0x88, 2, 1, ANY, 0, PLAIN, MODRM | BYTE, 0 },
	{ "mov", 0x89, 2, 1, ANY, 0, PLAIN, MODRM, 0 },
	{ "mov m,imm byte", 0xc6, 0, 0, 0, 0, PLAIN, MODRM | BYTE | IMM8, 0 },
	{ "mov m,imm", 0xc7, 0, 0, 0, 0, PLAIN, MODRM | IMM, 0 },
	{ "mov moffs", 0xa0, 1, 3, 0, 0, MOFFS, PAIR, 0 },
	{ "mov m,seg", 0x8c, 0, 0, 3, 0, PLAIN, MODRM | FIXED, 0 },
	{ "movsxd", 0x63, 0, 0, ANY, 0, PLAIN, MODRM | NOREAL | NO32 | DWORD | FIXED, 0 },
	{ "movzx byte", 0xb6, 8, 1, ANY, 0, PLAIN, MODRM | MAP0F, 0 },
	{ "movzx word", 0xb7, 8, 1, ANY, 0, PLAIN, MODRM | MAP0F, 0 },
	{ "movbe", 0xf0, 1, 1, ANY, 0, PLAIN, MODRM | MAP38 | NOTCG | NOKVM, 0 },
	{ "movnti", 0xc3, 0, 0, ANY, 0, PLAIN, MODRM | MAP0F | DWORD | FIXED, 0 },
	{ "crc32 byte", 0xf0, 0, 0, ANY, 0xf2, PLAIN, MODRM | MAP38 | BYTE | NOKVM, 0 },
	{ "crc32", 0xf1, 0, 0, ANY, 0xf2, PLAIN, MODRM | MAP38 | NOTCG | NOKVM, 0 },
	{ "cmov", 0x40, 1, 15, ANY, 0, PLAIN, MODRM | MAP0F, 0 },
	{ "setcc", 0x90, 1, 15, 0, 0, PLAIN, MODRM | MAP0F | BYTE, 0 },
	{ "xadd byte", 0xc0, 0, 0, ANY, 0, PLAIN, MODRM | MAP0F | BYTE | LOCK, 0 },
	{ "xadd", 0xc1, 0, 0, ANY, 0, PLAIN, MODRM | MAP0F | LOCK, 0 },
	{ "cmpxchg byte", 0xb0, 0, 0, ANY, 0, COMPARE, MODRM | MAP0F | BYTE | LOCK, 0 },
	{ "cmpxchg", 0xb1, 0, 0, ANY, 0, COMPARE, MODRM | MAP0F | LOCK, 0 },
	{ "cmpxchg8b", 0xc7, 0, 0, 1, 0, COMPARE_WIDE, MODRM | MAP0F | LOCK | DWORD | FIXED | NOKVM, 0 },
	{ "bt", 0xa3, 8, 3, ANY, 0, BITS, MODRM | MAP0F, PF | AF | SF | OF },
	{ "lock bt", 0xab, 8, 2, ANY, 0xf0, BITS, MODRM | MAP0F, PF | AF | SF | OF },
	{ "bt m,imm", 0xba, 0, 0, 4, 0, PLAIN, MODRM | MAP0F | IMM8, PF | AF | SF | OF },
	{ "bts m,imm", 0xba, 0, 0, 5, 0, PLAIN, MODRM | MAP0F | IMM8 | LOCK, PF | AF | SF | OF },
	{ "btr m,imm", 0xba, 0, 0, 6, 0, PLAIN, MODRM | MAP0F | IMM8 | LOCK, PF | AF | SF | OF },
	{ "btc m,imm", 0xba, 0, 0, 7, 0, PLAIN, MODRM | MAP0F | IMM8 | LOCK, PF | AF | SF | OF },
	{ "bsf bsr", 0xbc, 1, 1, ANY, 0, SCAN, MODRM | MAP0F, ARITH & ~ZF },
	{ "tzcnt lzcnt", 0xbc, 1, 1, ANY, 0xf3, PLAIN, MODRM | MAP0F | NOKVM, PF | AF | SF | OF },
	{ "popcnt", 0xb8, 0, 0, ANY, 0xf3, PLAIN, MODRM | MAP0F | NOKVM, 0 },
	{ "inc byte", 0xfe, 0, 0, 0, 0, PLAIN, MODRM | BYTE | LOCK, 0 },
	{ "dec byte", 0xfe, 0, 0, 1, 0, PLAIN, MODRM | BYTE | LOCK, 0 },
	{ "inc", 0xff, 0, 0, 0, 0, PLAIN, MODRM | LOCK, 0 },
	{ "dec", 0xff, 0, 0, 1, 0, PLAIN, MODRM | LOCK, 0 },
	{ "add m,imm byte", 0x80, 0, 0, 0, 0, PLAIN, MODRM | BYTE | IMM8 | LOCK, 0 },
	{ "or m,imm byte", 0x80, 0, 0, 1, 0, PLAIN, MODRM | BYTE | IMM8 | LOCK, AF },
	{ "adc m,imm", 0x81, 0, 0, 2, 0, PLAIN, MODRM | IMM | LOCK, 0 },
	{ "sbb m,imm", 0x81, 0, 0, 3, 0, PLAIN, MODRM | IMM | LOCK, 0 },
	{ "and m,imm8", 0x83, 0, 0, 4, 0, PLAIN, MODRM | IMM8 | LOCK, AF },
	{ "sub m,imm8", 0x83, 0, 0, 5, 0, PLAIN, MODRM | IMM8 | LOCK, 0 },
	{ "xor m,imm8", 0x83, 0, 0, 6, 0, PLAIN, MODRM | IMM8 | LOCK, AF },
	{ "cmp m,imm8", 0x83, 0, 0, 7, 0, PLAIN, MODRM | IMM8, 0 },
	{ "test m,imm byte", 0xf6, 0, 0, 0, 0, PLAIN, MODRM | BYTE | IMM8, AF },
	{ "test m,imm", 0xf7, 0, 0, 0, 0, PLAIN, MODRM | IMM, AF },
	{ "not", 0xf6, 1, 1, 2, 0, PLAIN, MODRM | PAIR | LOCK, 0 },
	{ "neg", 0xf6, 1, 1, 3, 0, PLAIN, MODRM | PAIR | LOCK, 0 },
	{ "mul", 0xf6, 1, 1, 4, 0, PLAIN, MODRM | PAIR, ARITH & ~(CF | OF) },
	{ "imul", 0xf6, 1, 1, 5, 0, PLAIN, MODRM | PAIR, ARITH & ~(CF | OF) },
	{ "div", 0xf6, 1, 1, 6, 0, DIVIDE, MODRM | PAIR, ARITH },
	{ "idiv", 0xf6, 1, 1, 7, 0, DIVIDE, MODRM | PAIR, ARITH },
	{ "imul r,m", 0xaf, 0, 0, ANY, 0, PLAIN, MODRM | MAP0F, ARITH & ~(CF | OF) },
	{ "imul r,m,imm", 0x69, 0, 0, ANY, 0, PLAIN, MODRM | IMM, ARITH & ~(CF | OF) },
	{ "imul r,m,imm8", 0x6b, 0, 0, ANY, 0, PLAIN, MODRM | IMM8, ARITH & ~(CF | OF) },
	{ "rotate imm", 0xc0, 1, 1, ROTATION, 0, ROTATE_IMM, MODRM | PAIR | IMM8, 0 },
	{ "rotate 1", 0xd0, 1, 1, ROTATION, 0, ROTATE_ONE, MODRM | PAIR, 0 },
	{ "rotate cl", 0xd2, 1, 1, ROTATION, 0, ROTATE_CL, MODRM | PAIR, 0 },
	{ "shl imm", 0xc0, 1, 1, 4, 0, SHIFT_IMM, MODRM | PAIR | IMM8, AF },
	{ "shr imm", 0xc0, 1, 1, 5, 0, SHIFT_IMM, MODRM | PAIR | IMM8, AF },
	{ "sar imm", 0xc0, 1, 1, 7, 0, SHIFT_IMM, MODRM | PAIR | IMM8, AF },
	{ "shl 1", 0xd0, 1, 1, 4, 0, SHIFT_ONE, MODRM | PAIR, AF },
	{ "shr 1", 0xd0, 1, 1, 5, 0, SHIFT_ONE, MODRM | PAIR, AF },
	{ "shl cl", 0xd2, 1, 1, 4, 0, SHIFT_CL, MODRM | PAIR, AF },
	{ "shr cl", 0xd2, 1, 1, 5, 0, SHIFT_CL, MODRM | PAIR, AF },
	{ "sar cl", 0xd2, 1, 1, 7, 0, SHIFT_CL, MODRM | PAIR, AF },
	{ "shld shrd imm", 0xa4, 8, 1, ANY, 0, DOUBLE_IMM, MODRM | MAP0F | IMM8, AF },
	{ "shld shrd cl", 0xa5, 8, 1, ANY, 0, DOUBLE_CL, MODRM | MAP0F, AF },
	{ "movs", 0xa4, 1, 1, 0, 0, STRING, REP | PAIR, 0 },
	{ "cmps", 0xa6, 1, 1, 0, 0, STRING, REP | PAIR, 0 },
	{ "stos", 0xaa, 1, 1, 0, 0, STRING, REP | PAIR, 0 },
	{ "lods", 0xac, 1, 1, 0, 0, STRING, REP | PAIR, 0 },
	{ "scas", 0xae, 1, 1, 0, 0, STRING, REP | PAIR, 0 },
	{ "xlat", 0xd7, 0, 0, 0, 0, XLAT, FIXED, 0 },
	{ "push r", 0x50, 1, 7, 0, 0, PUSH, 0, 0 },
	{ "push imm", 0x68, 0, 0, 0, 0, PUSH, IMM, 0 },
	{ "push imm8", 0x6a, 0, 0, 0, 0, PUSH, IMM8, 0 },
	{ "push seg", 0x06, 8, 3, 0, 0, PUSH, NO64 | NOBOCHS | NOKVM, 0 },
	{ "push fs", 0xa0, 8, 1, 0, 0, PUSH, MAP0F | NOBOCHS | NOKVM, 0 },
	{ "push m", 0xff, 0, 0, 6, 0, PLAIN, MODRM, 0 },
	{ "pop m", 0x8f, 0, 0, 0, 0, PLAIN, MODRM, 0 },
	{ "pop r", 0x58, 1, 7, 0, 0, POP, 0, 0 },
	{ "pusha", 0x60, 0, 0, 0, 0, PUSH, NO64 | NOKVM, 0 },
	{ "popa", 0x61, 0, 0, 0, 0, POP, NO64 | NOKVM, 0 },
	{ "pushf", 0x9c, 0, 0, 0, 0, PUSH, 0, 0 },
	{ "popf", 0x9d, 0, 0, 0, 0, POP_FLAGS, 0, 0 },
	{ "enter", 0xc8, 0, 0, 0, 0, PUSH, IMM16 | IMM8 | NOKVM, 0 },
	{ "leave", 0xc9, 0, 0, 0, 0, LEAVE, 0, 0 },
	{ "call", 0xe8, 0, 0, 0, 0, PUSH, IMM | FIXED, 0 },
	{ "ret", 0xc3, 0, 0, 0, 0, RETURN, FIXED, 0 },
	{ "ret imm", 0xc2, 0, 0, 0, 0, RETURN, FIXED | IMM16, 0 },
	{ "jmp m", 0xff, 0, 0, 4, 0, JUMP, MODRM | FIXED, 0 },
	{ "call m", 0xff, 0, 0, 2, 0, JUMP, MODRM | FIXED, 0 },
	{ "int", 0xcd, 0, 0, 0, 0, PUSH, IMM8 | FIXED | NO32 | NO64 | NOBOCHS | NOKVM, 0 },
	{ "retf", 0xcb, 0, 0, 0, 0, RETURN_FAR, FIXED | NOKVM, 0 },
	{ "retf imm", 0xca, 0, 0, 0, 0, RETURN_FAR, FIXED | IMM16 | NOKVM, 0 },
	{ "iret", 0xcf, 0, 0, 0, 0, RETURN_INT, FIXED | NO64 | NOKVM, 0 },
	{ "jmp far m", 0xff, 0, 0, 5, 0, JUMP_FAR, MODRM | FIXED, 0 },
	{ "call far m", 0xff, 0, 0, 3, 0, JUMP_FAR, MODRM | FIXED, 0 },
	{ "mov seg,m", 0x8e, 0, 0, SEGMENT, 0, SELECTOR, MODRM | FIXED | NOKVM, 0 },
	{ "pop seg", 0x07, 0, 0, 0, 0, POP_SELECTOR, NO64, 0 },
	{ "pop ds", 0x1f, 0, 0, 0, 0, POP_SELECTOR, NO64, 0 },
	{ "pop fs", 0xa1, 8, 1, 0, 0, POP_SELECTOR, MAP0F, 0 },
	{ "les lds", 0xc4, 1, 1, ANY, 0, POINTER, MODRM | NO64 | NOKVM, 0 },
	{ "lss", 0xb2, 0, 0, ANY, 0, POINTER, MODRM | MAP0F | NOKVM, 0 },
	{ "lfs lgs", 0xb4, 1, 1, ANY, 0, POINTER, MODRM | MAP0F | NOKVM, 0 },
	{ "sgdt", 0x01, 0, 0, 0, 0, PLAIN, MODRM | MAP0F | FIXED, 0 },
	{ "sidt", 0x01, 0, 0, 1, 0, PLAIN, MODRM | MAP0F | FIXED, 0 },
	{ "lgdt", 0x01, 0, 0, 2, 0, TABLE, MODRM | MAP0F, 0 },
	{ "lidt", 0x01, 0, 0, 3, 0, TABLE, MODRM | MAP0F, 0 },
	{ "smsw", 0x01, 0, 0, 4, 0, PLAIN, MODRM | MAP0F, 0 },
	{ "sldt", 0x00, 0, 0, 0, 0, PLAIN, MODRM | MAP0F | NOREAL, 0 },
	{ "str", 0x00, 0, 0, 1, 0, PLAIN, MODRM | MAP0F | NOREAL, 0 },
	{ "verr", 0x00, 0, 0, 4, 0, SELECTOR, MODRM | MAP0F | SYSTEM | NOKVM, 0 },
	{ "verw", 0x00, 0, 0, 5, 0, SELECTOR, MODRM | MAP0F | SYSTEM | NOKVM, 0 },
	{ "lar", 0x02, 0, 0, ANY, 0, SELECTOR, MODRM | MAP0F | NOREAL | NOBOCHS | NOKVM, 0 },
	{ "lsl", 0x03, 0, 0, ANY, 0, SELECTOR, MODRM | MAP0F | NOREAL | NOBOCHS | NOKVM, 0 },
	{ "arpl", 0x63, 0, 0, ANY, 0, SELECTOR, MODRM | NOREAL | NO64 | FIXED | NOKVM, 0 },
	{ "bound", 0x62, 0, 0, ANY, 0, BOUNDS, MODRM | NO64 | NOKVM, 0 },
	{ "movups movupd", 0x10, 1, 1, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movaps", 0x28, 1, 1, ANY, 0, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movapd", 0x28, 1, 1, ANY, 0x66, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movntps", 0x2b, 0, 0, ANY, 0, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movss", 0x10, 1, 1, ANY, 0xf3, VECTOR, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movsd", 0x10, 1, 1, ANY, 0xf2, VECTOR, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movlps", 0x12, 1, 1, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "movhpd", 0x16, 1, 1, ANY, 0x66, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "movdqa", 0x6f, 0x10, 1, ANY, 0x66, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movdqu", 0x6f, 0x10, 1, ANY, 0xf3, VECTOR, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movd", 0x6e, 0x10, 1, ANY, 0x66, VECTOR, MODRM | MAP0F | NOREAL | DWORD | FIXED | NOKVM, 0 },
	{ "movq", 0x7e, 0, 0, ANY, 0xf3, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "movq m", 0xd6, 0, 0, ANY, 0x66, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "movntdq", 0xe7, 0, 0, ANY, 0x66, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED, 0 },
	{ "movntdqa", 0x2a, 0, 0, ANY, 0x66, VECTOR_ALIGNED, MODRM | MAP38 | NOREAL | FIXED | NOKVM, 0 },
	{ "lddqu", 0xf0, 0, 0, ANY, 0xf2, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "movq mm", 0x6f, 0x10, 1, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "movd mm", 0x6e, 0x10, 1, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | DWORD | FIXED | NOKVM, 0 },
	{ "movntq", 0xe7, 0, 0, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED | NOKVM, 0 },
	{ "fldcw", 0xd9, 0, 0, 5, 0, VECTOR, MODRM | NOREAL | FIXED | NOKVM | NOTCG, 0 },
	{ "fnstcw", 0xd9, 0, 0, 7, 0, VECTOR, MODRM | NOREAL | FIXED | NOKVM, 0 },
	{ "fnstsw", 0xdd, 0, 0, 7, 0, VECTOR, MODRM | NOREAL | FIXED | NOKVM, 0 },
	{ "vmovups", 0x10, 1, 1, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX, 0 },
	{ "vmovaps", 0x28, 1, 1, ANY, 0, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED | VEX, 0 },
	{ "vmovdqa", 0x6f, 0x10, 1, ANY, 0x66, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED | VEX, 0 },
	{ "vmovdqu", 0x6f, 0x10, 1, ANY, 0xf3, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX, 0 },
	{ "vmovss", 0x10, 1, 1, ANY, 0xf3, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX128, 0 },
	{ "vmovsd", 0x10, 1, 1, ANY, 0xf2, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX128, 0 },
	{ "vmovd", 0x6e, 0x10, 1, ANY, 0x66, VECTOR, MODRM | MAP0F | NOREAL | DWORD | FIXED | VEX128, 0 },
	{ "vmovq", 0x7e, 0, 0, ANY, 0xf3, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX128, 0 },
	{ "vmovlps", 0x12, 0, 0, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX128 | THIRD, 0 },
	{ "vmovhps", 0x16, 0, 0, ANY, 0, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX128 | THIRD, 0 },
	{ "vmovntdq", 0xe7, 0, 0, ANY, 0x66, VECTOR_ALIGNED, MODRM | MAP0F | NOREAL | FIXED | VEX, 0 },
	{ "vlddqu", 0xf0, 0, 0, ANY, 0xf2, VECTOR, MODRM | MAP0F | NOREAL | FIXED | VEX, 0 },
};

#endif
