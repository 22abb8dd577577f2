/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random encodings of the instructions of emudiff_rows.h: prefixes, sizes, addressing, and the registers that make the address.
 */
#ifndef SELFTESTS_EMUDIFF_ENCODE_H
#define SELFTESTS_EMUDIFF_ENCODE_H

#include <stdbool.h>

#include "emudiff_rows.h"
#include "guest.h"
#include "vm.h"

#define DATA 0x40000u
#define DATA_SIZE 0x4000u
#define HOLE 0x1000u		/* offsets in the data, of what the second VM lacks */
#define HOLE_END 0x3000u
#define FS_BASE (DATA + 0x10)
#define GS_BASE (DATA - 0x10)

enum mode { REAL, PROT, LONG, NR_MODES };
enum reg { AX, CX, DX, BX, SP, BP, SI, DI, R8 };

/* The random numbers of a run; never 0 */
static u64 state;

static u64 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

static u32 below(u32 n)
{
	return (rnd() >> 32) % n;
}

static bool one_in(u32 n)
{
	return !below(n);
}

/* Small numbers, extremes and anything */
static u64 value(void)
{
	switch (below(4)) {
	case 0:
		return below(16);
	case 1:
		return -(u64)below(16) - 1;
	case 2:
		return (1ull << below(64)) - below(2);
	default:
		return rnd();
	}
}

/* struct insn - an instruction in the making, and the registers it starts from */
struct insn {
	const struct row *row;
	enum mode mode;
	u8 code[24];
	u32 n;
	u8 rex, segment;	/* segment override prefix or 0 */
	u32 size, address;	/* bytes of the operand, of addresses */
	u32 at;			/* offset of the operand in the data */
	struct kvm_regs r;
	u32 undefined;
	u64 held;		/* by memory */
	u32 relative;		/* where in the code the distance from the next instruction is, or 0 */
	u8 digit, opcode;
	bool byte;
};

static u64 *reg(struct insn *i, u32 n)
{
	static const u8 order[8] = { 0, 2, 3, 1, 6, 7, 4, 5 };	/* of kvm_regs: a b c d si di sp bp */

	return (u64 *)&i->r + (n < 8 ? order[n] : n);
}

static void put(struct insn *i, u64 v, u32 bytes)
{
	memcpy(i->code + i->n, &v, bytes);
	i->n += bytes;
}

static u64 mask(u32 bytes)
{
	return bytes == 8 ? ~0ull : (1ull << bytes * 8) - 1;
}

static u64 segment_base(const struct insn *i)
{
	if (i->segment == 0x64)
		return FS_BASE;
	if (i->segment == 0x65)
		return GS_BASE;
	return i->mode == LONG ? 0 : DATA;
}

/* The offset of the operand in its segment */
static u64 offset_of(const struct insn *i, u32 at)
{
	return (DATA + at - segment_base(i)) & mask(i->address);
}

/* Bits of a register that an address of fewer does not use are anything. */
static u64 with_garbage(const struct insn *i, u64 address)
{
	u64 high = ~mask(i->address) & (i->mode == LONG ? ~0ull : 0xffffffff);

	return (address & mask(i->address)) | (rnd() & high);
}

static void set_address(struct insn *i, u32 n, u64 address)
{
	*reg(i, n) = with_garbage(i, address);
}

static void address16(struct insn *i)
{
	static const int8_t base[8] = { BX, BX, BP, BP, SI, DI, BP, BX }, index[8] = { SI, DI, SI, DI, -1, -1, -1, -1 };
	u32 rm = below(8), mod = below(3);
	u64 offset = offset_of(i, i->at);
	int16_t disp = mod == 0 ? 0 : mod == 1 ? (int8_t)rnd() : (int16_t)rnd();

	if (mod == 0 && rm == 6) {
		put(i, i->digit << 3 | 6, 1);
		put(i, offset, 2);
		return;
	}
	put(i, mod << 6 | i->digit << 3 | rm, 1);
	put(i, (u64)disp, mod);
	offset -= disp;
	if (index[rm] >= 0) {
		set_address(i, index[rm], rnd());
		offset -= *reg(i, index[rm]);
	}
	set_address(i, base[rm], offset);
}

static u8 base_register(const struct insn *i)
{
	static const u8 few[] = { BX, BP, SI, DI };

	return i->mode == LONG && one_in(2) ? R8 + below(8) : few[below(4)];
}

/* Fixed in the instruction: alone, or relative to the next one, whose address is told later */
static void address_fixed(struct insn *i)
{
	u64 offset = offset_of(i, i->at);

	/* QEMU forgets that bytes of an immediate follow for some. */
	if (i->mode == LONG && (one_in(2) || i->row->kind == DOUBLE_IMM)) {
		put(i, (i->digit & 7) << 3 | 4, 1);
		put(i, 0x25, 1);
		put(i, offset, 4);
		return;
	}
	put(i, (i->digit & 7) << 3 | 5, 1);
	i->relative = i->mode == LONG ? i->n : 0;
	put(i, offset, 4);
}

static void address32(struct insn *i)
{
	u8 base = base_register(i), index = base_register(i), scale = below(4);
	/* RBP and R13 always have a displacement. */
	u8 mod = (base & 7) == BP ? 1 + below(2) : below(3);
	bool indexed = index != base && one_in(2);
	u64 offset = offset_of(i, i->at);
	s32 disp = mod == 0 ? 0 : mod == 1 ? (int8_t)rnd() : (s32)rnd() >> below(16);

	put(i, mod << 6 | (i->digit & 7) << 3 | (indexed || (base & 7) == SP ? 4 : base & 7), 1);
	if (indexed)
		put(i, scale << 6 | (index & 7) << 3 | (base & 7), 1);
	else if ((base & 7) == SP)
		put(i, scale << 6 | 4 << 3 | (base & 7), 1);
	put(i, (u64)(s64)disp, mod == 2 ? 4 : mod);
	offset -= (s64)disp;
	if (indexed) {
		*reg(i, index) = value() & (i->mode == LONG ? ~0ull : 0xffffffff);
		offset -= *reg(i, index) << scale;
		i->rex |= index & 8 ? 2 : 0;
	}
	set_address(i, base, offset);
	i->rex |= base & 8 ? 1 : 0;
}

/* In two parts: what REX becomes is known only afterwards. */
static void put_modrm(struct insn *i)
{
	if (i->address == 2)
		address16(i);
	else if (one_in(8))
		address_fixed(i);
	else
		address32(i);
}

/* Where in the data: in the hole, or across its ends, or across its middle */
static u32 choose_place(u32 size)
{
	u32 over = size > 1 ? 1 + below(size - 1) : 0;

	switch (below(12)) {
	case 0:
		return HOLE - over;
	case 1:
		return HOLE_END - (over ?: 1);
	case 2:
		return (HOLE + HOLE_END) / 2 - over;
	default:
		return HOLE + 0x700 + below(0x1200);
	}
}

static void choose_sizes(struct insn *i)
{
	const struct row *row = i->row;
	bool wide = i->mode != REAL, prefix = !(row->is & FIXED) && !i->byte && one_in(3);

	/* LGDT ignores it, but not in QEMU; ENTER and LEAVE do not, but in Bochs. */
	if (i->mode == LONG && (row->kind == TABLE || row->kind == LEAVE || (row->is & IMM16 && row->is & IMM8)))
		prefix = false;

	i->size = wide != prefix ? 4 : 2;
	if (prefix)
		put(i, 0x66, 1);
	i->address = i->mode == LONG ? 8 : wide ? 4 : 2;
	if (one_in(4)) {
		i->address = i->address == 4 ? 2 : 4;
		if (i->mode == LONG)
			i->address = 4;
		put(i, 0x67, 1);
	}
	/* Vendors differ on far pointers with an offset of 8 bytes. */
	if (i->mode == LONG && (!(row->is & FIXED) || row->is & DWORD) && row->kind != POINTER && one_in(2)) {
		i->rex |= 8;
		i->size = 8;
	}
	if (i->byte)
		i->size = 1;
	if (row->is & DWORD && i->size == 2)
		i->size = 4;
}

static void choose_segment(struct insn *i)
{
	static const u8 all[] = { 0x26, 0x36, 0x3e, 0x64, 0x65 };

	if (!one_in(4))
		return;
	i->segment = all[below(ARRAY_SIZE(all))];
	put(i, i->segment, 1);
}

static void choose_digit(struct insn *i)
{
	static const u8 segments[] = { 0, 2, 3, 4, 5 };

	switch (i->row->digit) {
	case ANY:
		i->digit = below(i->mode == LONG ? 16 : 8);
		break;
	case ROTATION:
		i->digit = below(4);
		break;
	case SEGMENT:
		i->digit = segments[below(ARRAY_SIZE(segments))];
		break;
	default:
		i->digit = i->row->digit;
	}
	if (i->row->kind == BITS)
		i->digit = AX + below(3);
	i->rex |= i->digit & 8 ? 4 : 0;
}

/* Legacy prefixes are there; now REX or VEX, and the opcode. */
static void put_opcode(struct insn *i, u8 opcode)
{
	const struct row *row = i->row;
	u8 third = row->is & THIRD ? below(i->mode == LONG ? 16 : 8) : 0, pp = 0;
	bool wide = row->is & VEX && !(row->is & VEX128) && one_in(2);

	if (row->is & (VEX | VEX128)) {
		pp = row->prefix == 0x66 ? 1 : row->prefix == 0xf3 ? 2 : row->prefix == 0xf2 ? 3 : 0;
		put(i, 0xc4, 1);
		put(i, (~i->rex << 5 & 0xe0) | (row->is & MAP38 ? 2 : 1), 1);
		put(i, (i->rex & 8 ? 0x80 : 0) | (~third & 15) << 3 | wide << 2 | pp, 1);
		put(i, opcode, 1);
		i->size = wide ? 32 : 16;
		return;
	}
	if (i->mode == LONG && (i->rex || one_in(8)))
		put(i, 0x40 | i->rex, 1);
	if (row->is & (MAP0F | MAP38))
		put(i, 0x0f, 1);
	if (row->is & MAP38)
		put(i, 0x38, 1);
	put(i, opcode, 1);
}

/* ModRM and what goes with it is made first, for it decides about REX; then it moves behind the opcode. */
static void put_all(struct insn *i)
{
	const struct row *row = i->row;
	u32 before = i->n, len;
	u8 tail[16];

	if (row->is & MODRM)
		put_modrm(i);
	len = i->n - before;
	memcpy(tail, i->code + before, len);
	i->n = before;
	if (row->prefix && !(row->is & (VEX | VEX128)))
		put(i, row->prefix, 1);
	put_opcode(i, i->opcode);
	if (i->relative)
		i->relative += i->n - before;
	memcpy(i->code + i->n, tail, len);
	i->n += len;
}

#endif
