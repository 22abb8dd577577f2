// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes to struct wr_insn: prefixes, opcode, row of the table, ModRM, operands. No guest is
 * touched.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "compat.h"
#include "insn.h"

#define SEG_DEFAULT	0xff

/* Prefixes and position, while the instruction is being read */
struct reader {
	struct wr_insn *insn;
	const u8 *bytes;
	unsigned int pos, len;
	enum wr_emu_mode mode;
	u8 seg;			/* override, or SEG_DEFAULT */
	u8 pp;			/* VEX: its idea of the mandatory prefix */
	bool addr_prefix;
};

static bool is_64bit(const struct reader *r)
{
	return r->mode == WR_EMU_PROT64;
}

static int need(const struct reader *r, unsigned int n)
{
	if (likely(r->pos + n <= r->len))
		return 0;
	return r->pos + n > WR_INSN_MAX ? -E2BIG : -ENODATA;
}

static int next_byte(struct reader *r, u8 *byte)
{
	int err = need(r, 1);

	if (!err)
		*byte = r->bytes[r->pos++];
	return err;
}

/* A number of 1, 2, 4 or 8 bytes, sign-extended; guest and host are both little-endian. */
static int next_signed(struct reader *r, unsigned int size, s64 *value)
{
	const u8 *from = r->bytes + r->pos;
	int err = need(r, size);
	s32 v32;
	s16 v16;

	if (err)
		return err;
	r->pos += size;
	if (size == 1) {
		*value = (s8)*from;
	} else if (size == 4) {
		memcpy(&v32, from, sizeof(v32));
		*value = v32;
	} else if (size == 2) {
		memcpy(&v16, from, sizeof(v16));
		*value = v16;
	} else {
		memcpy(value, from, sizeof(*value));
	}
	return 0;
}

/* Returns whether @byte is a legacy prefix. */
static bool legacy_prefix(struct reader *r, u8 byte)
{
	struct wr_insn *insn = r->insn;

	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		if (!is_64bit(r))
			r->seg = (byte >> 3) & 3;
		return true;
	case 0x64: case 0x65:
		r->seg = byte == 0x64 ? SEG_FS : SEG_GS;
		return true;
	case 0x66:
		insn->opsize_prefix = true;
		return true;
	case 0x67:
		r->addr_prefix = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2: case 0xf3:
		insn->repne = byte == 0xf2;
		insn->rep = byte == 0xf3;
		return true;
	}
	return false;
}

static bool may_be_prefix(u8 byte)
{
	/* 26 2e 36 3e, 40 to 4f, 64 to 67, f0 to f3: what the common opcodes are not */
	return (byte & 0xe7) == 0x26 || (byte & 0xfc) == 0x64 || (byte & 0xfc) == 0xf0 ||
	       (byte & 0xf0) == 0x40;
}

/* Reads up to and including the first byte of the opcode. */
static int read_prefixes(struct reader *r, u8 *opcode)
{
	u8 byte, rex = 0;
	int err;

	for (;;) {
		err = next_byte(r, &byte);
		if (err)
			return err;
		if (!may_be_prefix(byte))
			break;
		if (is_64bit(r) && (byte & 0xf0) == 0x40) {
			rex = byte;
			continue;
		}
		if (!legacy_prefix(r, byte))
			break;
		/* REX counts only right before the opcode. */
		rex = 0;
	}
	r->insn->rex = rex;
	*opcode = byte;
	return 0;
}

static bool is_vex(const struct reader *r, u8 opcode)
{
	if (opcode != 0xc4 && opcode != 0xc5)
		return false;
	/* Outside of 64-bit mode these are LES and LDS, whose register form was free. */
	return is_64bit(r) || (r->pos < r->len && r->bytes[r->pos] >= 0xc0);
}

static int read_vex(struct reader *r, u8 first, u8 *opcode)
{
	struct wr_insn *insn = r->insn;
	u8 a, b;
	int err = next_byte(r, &a);

	if (err)
		return err;
	if (r->mode == WR_EMU_REAL || r->mode == WR_EMU_VM86)
		return -EINVAL;
	if (insn->lock || insn->rep || insn->repne || insn->opsize_prefix || insn->rex)
		return -EINVAL;
	insn->vex = true;
	insn->map = MAP_0F;
	b = a;
	if (first == 0xc4) {
		err = next_byte(r, &b);
		if (err)
			return err;
		insn->map = a & 0x1f;
		insn->rex |= (~a >> 5) & (REX_R | REX_X | REX_B);
		insn->rex |= b & 0x80 ? REX_W : 0;
	} else {
		insn->rex |= a & 0x80 ? 0 : REX_R;
	}
	if (!is_64bit(r))
		insn->rex = 0;
	insn->vex_reg = (~b >> 3) & (is_64bit(r) ? 0xf : 0x7);
	insn->op_size = b & 4 ? 32 : 16;
	r->pp = b & 3;
	if (!insn->map || insn->map >= NR_MAPS)
		return -EOPNOTSUPP;
	return next_byte(r, opcode);
}

static int read_opcode(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	u8 byte = 0;
	int err = read_prefixes(r, &byte);

	if (err)
		return err;
	if (unlikely(is_vex(r, byte))) {
		err = read_vex(r, byte, &byte);
	} else if (byte == 0x0f) {
		insn->map = MAP_0F;
		err = next_byte(r, &byte);
		if (!err && (byte == 0x38 || byte == 0x3a)) {
			insn->map = byte == 0x38 ? MAP_0F38 : MAP_0F3A;
			err = next_byte(r, &byte);
		}
	}
	insn->opcode = byte;
	return err;
}

static int read_modrm(struct reader *r)
{
	struct wr_insn *insn = r->insn;

	if (insn->has_modrm)
		return 0;
	insn->has_modrm = true;
	return next_byte(r, &insn->modrm);
}

static unsigned int prefix_index(const struct reader *r)
{
	const struct wr_insn *insn = r->insn;

	if (insn->vex)
		return r->pp;
	return insn->rep ? 2 : insn->repne ? 3 : insn->opsize_prefix;
}

static const struct wr_insn_desc *next_row(const struct reader *r, const struct wr_insn_desc *row)
{
	u8 modrm = r->insn->modrm;

	switch (row->select) {
	case BY_REG:
		return &row->sub[(modrm >> 3) & 7];
	case BY_MOD:
		return &row->sub[modrm >= 0xc0];
	case BY_PREFIX:
		return &row->sub[prefix_index(r)];
	default:
		return &row->sub[is_64bit(r)];
	}
}

/* From the first row of an opcode to the one of the instruction. */
static int find_row(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	const struct wr_insn_desc *row = wr_insn_maps[insn->map];
	int err;

	if (!row)
		return -EOPNOTSUPP;
	for (row += insn->opcode;; row = next_row(r, row)) {
		if (row->flags & F_MODRM) {
			err = read_modrm(r);
			if (err)
				return err;
		}
		/* A group may be absent from 64-bit mode as a whole. */
		if (row->flags & F_NO64 && is_64bit(r))
			return -EINVAL;
		if (likely(row->select == BY_NOTHING))
			break;
	}
	insn->desc = row;
	return row->run || row->flags ? 0 : -EOPNOTSUPP;
}

static int check_row(const struct reader *r)
{
	const struct wr_insn *insn = r->insn;
	u32 flags = insn->desc->flags;

	if (insn->vex && !(flags & F_VEX))
		return -EOPNOTSUPP;
	if (flags & F_NEAR && is_64bit(r) && insn->opsize_prefix)
		return -EOPNOTSUPP;
	return 0;
}

static void set_sizes(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	u32 flags = insn->desc->flags;
	bool wide = r->mode == WR_EMU_PROT32 || r->mode == WR_EMU_PROT64;

	if (is_64bit(r))
		insn->addr_size = r->addr_prefix ? 4 : 8;
	else
		insn->addr_size = wide ^ r->addr_prefix ? 4 : 2;

	if (flags & F_VEC) {
		if (!insn->vex)
			insn->op_size = 16;
		return;
	}
	if (flags & F_BYTE)
		insn->op_size = 1;
	else if (insn->rex & REX_W)
		insn->op_size = flags & F_PORT ? 4 : 8;
	else
		insn->op_size = wide ^ insn->opsize_prefix ? 4 : 2;
	if (flags & (F_STACK | F_NEAR) && is_64bit(r) && insn->op_size == 4)
		insn->op_size = 8;
}

/* ModRM.rm with 16-bit addresses: base and index */
static const u8 pairs16[8][2] = {
	{ REG_BX, REG_SI }, { REG_BX, REG_DI }, { REG_BP, REG_SI }, { REG_BP, REG_DI },
	{ REG_SI, BASE_NONE }, { REG_DI, BASE_NONE }, { REG_BP, BASE_NONE }, { REG_BX, BASE_NONE },
};

static int read_address16(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7;

	insn->base = pairs16[rm][0];
	insn->index = pairs16[rm][1];
	if (mod == 0 && rm == 6) {
		insn->base = BASE_NONE;
		return next_signed(r, 2, &insn->disp);
	}
	if (insn->base == REG_BP)
		insn->seg = SEG_SS;
	return mod ? next_signed(r, mod, &insn->disp) : 0;
}

static int read_sib(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	int err = next_byte(r, &insn->sib);
	u8 index;

	if (err)
		return err;
	index = ((insn->sib >> 3) & 7) | (insn->rex & REX_X ? 8 : 0);
	if (index != REG_SP) {
		insn->index = index;
		insn->scale = insn->sib >> 6;
	}
	insn->base = insn->sib & 7;
	return 0;
}

static int read_address32(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	unsigned int mod = insn->modrm >> 6;
	bool has_sib = (insn->modrm & 7) == 4;
	int err;

	insn->base = insn->modrm & 7;
	if (has_sib) {
		err = read_sib(r);
		if (err)
			return err;
	}
	if (mod == 0 && insn->base == REG_BP) {
		insn->base = is_64bit(r) && !has_sib ? BASE_RIP : BASE_NONE;
		return next_signed(r, 4, &insn->disp);
	}
	if (insn->rex & REX_B)
		insn->base |= 8;
	else if (insn->base == REG_SP || insn->base == REG_BP)
		insn->seg = SEG_SS;
	if (mod == 0)
		return 0;
	return next_signed(r, mod == 1 ? 1 : 4, &insn->disp);
}

static int read_address(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	int err = 0;

	insn->seg = SEG_DS;
	insn->base = BASE_NONE;
	insn->index = BASE_NONE;
	if (insn->has_modrm && insn->modrm < 0xc0 &&
	    insn->desc->dst != AT_RMREG && insn->desc->src != AT_RMREG)
		err = insn->addr_size == 2 ? read_address16(r) : read_address32(r);
	if (r->seg != SEG_DEFAULT)
		insn->seg = r->seg;
	return err;
}

static u8 modrm_reg(const struct wr_insn *insn)
{
	return ((insn->modrm >> 3) & 7) | (insn->rex & REX_R ? 8 : 0);
}

static u8 modrm_rm(const struct wr_insn *insn)
{
	return (insn->modrm & 7) | (insn->rex & REX_B ? 8 : 0);
}

static void set_reg(struct wr_operand *op, const struct wr_insn *insn, u8 reg, u8 size)
{
	op->kind = WR_OP_REG;
	op->reg = reg;
	op->size = size;
	/* Without REX, byte registers 4 to 7 are AH to BH. */
	if (size == 1 && reg >= 4 && reg < 8 && !(insn->rex & REX_PRESENT)) {
		op->reg = reg - 4;
		op->high8 = true;
	}
}

static void set_rm(struct wr_operand *op, const struct wr_insn *insn, u8 size)
{
	if (insn->modrm >= 0xc0) {
		set_reg(op, insn, modrm_rm(insn), size);
		return;
	}
	op->kind = WR_OP_MEM;
	op->size = size;
}

static int set_mem(struct wr_operand *op, const struct wr_insn *insn, u8 size, int err)
{
	if (insn->modrm >= 0xc0)
		return err;
	op->kind = WR_OP_MEM;
	op->size = size;
	return 0;
}

static int set_imm(struct reader *r, struct wr_operand *op, u8 size, bool sign)
{
	s64 value;
	int err = next_signed(r, size, &value);

	if (err)
		return err;
	op->kind = WR_OP_IMM;
	op->size = r->insn->op_size;
	op->imm = sign ? (u64)value : (u64)value & size_mask(size);
	return 0;
}

static void set_const(struct wr_operand *op, u64 value)
{
	op->kind = WR_OP_IMM;
	op->imm = value;
	op->size = 1;
}

static int set_segment(struct wr_operand *op, const struct wr_insn *insn, u8 seg)
{
	if (seg > SEG_GS)
		return -EINVAL;
	op->kind = WR_OP_SEG;
	op->reg = seg;
	op->size = insn->op_size;
	return 0;
}

static int set_cr(struct reader *r, struct wr_operand *op)
{
	u8 cr = modrm_reg(r->insn);

	if (cr != 0 && cr != 2 && cr != 3 && cr != 4 && (cr != 8 || !is_64bit(r)))
		return -EINVAL;
	op->kind = WR_OP_CR;
	op->reg = cr;
	op->size = is_64bit(r) ? 8 : 4;
	return 0;
}

static int set_moffs(struct reader *r, struct wr_operand *op)
{
	op->kind = WR_OP_MEM;
	op->size = r->insn->op_size;
	return next_signed(r, r->insn->addr_size, &r->insn->disp);
}

static int set_far(struct reader *r, struct wr_operand *op)
{
	int err = set_imm(r, op, r->insn->op_size, false);

	return err ? err : set_imm(r, &r->insn->src2, 2, false);
}

static void set_vec(struct wr_operand *op, const struct wr_insn *insn, u8 reg)
{
	op->kind = WR_OP_VEC;
	op->reg = reg;
	op->size = insn->op_size;
}

/* There are eight: REX does not count. */
static void set_mmx(struct wr_operand *op, u8 reg)
{
	op->kind = WR_OP_MMX;
	op->reg = reg & 7;
	op->size = 8;
}

/* Operands that are immediates or fixed. */
static int read_other_operand(struct reader *r, enum wr_where where, struct wr_operand *op)
{
	struct wr_insn *insn = r->insn;

	switch (where) {
	case AT_SEG:
		return set_segment(op, insn, (insn->modrm >> 3) & 7);
	case AT_OPSEG:
		return set_segment(op, insn, (insn->opcode >> 3) & 7);
	case AT_CR:
		return set_cr(r, op);
	case AT_RMREG:
		set_reg(op, insn, modrm_rm(insn), is_64bit(r) ? 8 : 4);
		return 0;
	case AT_MOFFS:
		return set_moffs(r, op);
	case AT_CL:
		set_reg(op, insn, REG_CX, 1);
		return 0;
	case AT_DX:
		set_reg(op, insn, REG_DX, 2);
		return 0;
	case AT_ONE:
		set_const(op, 1);
		return 0;
	case AT_FAR:
		return set_far(r, op);
	case AT_VEC:
		set_vec(op, insn, modrm_reg(insn));
		return 0;
	case AT_VRM:
		if (insn->modrm < 0xc0)
			return set_mem(op, insn, insn->op_size, 0);
		set_vec(op, insn, modrm_rm(insn));
		return 0;
	case AT_MMX:
		set_mmx(op, insn->modrm >> 3);
		return 0;
	case AT_MMXRM:
		if (insn->modrm < 0xc0)
			return set_mem(op, insn, 8, 0);
		set_mmx(op, insn->modrm);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int read_immediate(struct reader *r, enum wr_where where, struct wr_operand *op)
{
	u8 size = r->insn->op_size;

	switch (where) {
	case AT_IMM8S:
		return set_imm(r, op, 1, true);
	case AT_IMM8U:
		return set_imm(r, op, 1, false);
	case AT_IMM16:
		return set_imm(r, op, 2, false);
	case AT_IMM_FULL:
		return set_imm(r, op, size, false);
	default:
		return set_imm(r, op, min_t(u8, size, 4), true);
	}
}

static int read_rare_operand(struct reader *r, enum wr_where where, struct wr_operand *op)
{
	struct wr_insn *insn = r->insn;
	u8 size_y = insn->rex & REX_W ? 8 : 4;
	u8 size = insn->op_size;

	switch (where) {
	case AT_RM8:
		set_rm(op, insn, 1);
		return 0;
	case AT_RM16:
		set_rm(op, insn, 2);
		return 0;
	case AT_RM32:
		set_rm(op, insn, 4);
		return 0;
	case AT_RMY:
		set_rm(op, insn, size_y);
		return 0;
	case AT_OPREG:
		set_reg(op, insn, (insn->opcode & 7) | (insn->rex & REX_B ? 8 : 0), size);
		return 0;
	case AT_ACC:
		set_reg(op, insn, REG_AX, size);
		return 0;
	case AT_MEM:
		return set_mem(op, insn, size, -EINVAL);
	case AT_MEMY:
		return set_mem(op, insn, size_y, -EINVAL);
	case AT_REGY:
		set_reg(op, insn, modrm_reg(insn), size_y);
		return 0;
	case AT_MEM2X:
		return set_mem(op, insn, 2 * size_y, -EINVAL);
	case AT_MEM_FAR:
		return set_mem(op, insn, size + 2, -EINVAL);
	case AT_MEM4:
		return set_mem(op, insn, 4, -EOPNOTSUPP);
	case AT_MEM8:
		return set_mem(op, insn, 8, -EOPNOTSUPP);
	case AT_IMM: case AT_IMM8S: case AT_IMM8U: case AT_IMM16: case AT_IMM_FULL:
		return read_immediate(r, where, op);
	default:
		return read_other_operand(r, where, op);
	}
}

/* The shapes that nearly all instructions have come first: a device's registers are read by MOV. */
static int read_operand(struct reader *r, enum wr_where where, struct wr_operand *op)
{
	struct wr_insn *insn = r->insn;

	if (where == AT_NOTHING)
		return 0;
	if (where == AT_RM)
		set_rm(op, insn, insn->op_size);
	else if (where == AT_REG)
		set_reg(op, insn, modrm_reg(insn), insn->op_size);
	else
		return read_rare_operand(r, where, op);
	return 0;
}

static int read_operands(struct reader *r)
{
	struct wr_insn *insn = r->insn;
	const struct wr_insn_desc *row = insn->desc;
	int err = read_operand(r, row->dst, &insn->dst);

	if (!err && row->src)
		err = read_operand(r, row->src, &insn->src);
	if (!err && row->src2)
		err = read_operand(r, row->src2, &insn->src2);
	/*
	 * Looked at last: the register form may be another instruction, one that has such an
	 * operand.
	 */
	if (!err && insn->vex_reg && !(row->flags & F_VEX_REG))
		err = -EINVAL;
	return err;
}

static int check_lock(const struct wr_insn *insn)
{
	if (likely(!insn->lock))
		return 0;
	if (insn->desc->flags & F_ALTCR)
		return -EOPNOTSUPP;
	return insn->desc->flags & F_LOCK && is_mem(&insn->dst) ? 0 : -EINVAL;
}

/* Documented in emulate.h. */
int wr_decode(struct wr_insn *insn, const u8 *bytes, unsigned int len, enum wr_emu_mode mode)
{
	struct reader r = {
		.insn = insn, .bytes = bytes, .len = min_t(unsigned int, len, WR_INSN_MAX),
		.mode = mode, .seg = SEG_DEFAULT,
	};
	int err;

	memset(insn, 0, sizeof(*insn));
	err = read_opcode(&r);
	if (!err)
		err = find_row(&r);
	if (!err)
		err = check_row(&r);
	if (err)
		return err;
	set_sizes(&r);
	err = read_address(&r);
	if (!err)
		err = read_operands(&r);
	if (!err)
		err = check_lock(insn);
	insn->len = r.pos;
	return err;
}
WR_EXPORT_FOR_KUNIT(wr_decode);

/* Two loads of 8 bytes that share one cover the 15. */
static bool same_bytes(const u8 *a, const u8 *b)
{
	u64 a0, a7, b0, b7;

	memcpy(&a0, a, 8);
	memcpy(&b0, b, 8);
	memcpy(&a7, a + WR_INSN_MAX - 8, 8);
	memcpy(&b7, b + WR_INSN_MAX - 8, 8);
	return a0 == b0 && a7 == b7;
}

/* Documented in emulate.h. */
int wr_decode_cached(struct wr_insn_cache *cache, const u8 *bytes, unsigned int len,
		     enum wr_emu_mode mode)
{
	int err;

	if (len == WR_INSN_MAX && cache->valid && cache->mode == mode &&
	    same_bytes(cache->bytes, bytes))
		return 0;
	err = wr_decode(&cache->insn, bytes, len, mode);
	cache->valid = !err && len == WR_INSN_MAX;
	if (cache->valid) {
		memcpy(cache->bytes, bytes, WR_INSN_MAX);
		cache->mode = mode;
	}
	return err;
}
WR_EXPORT_FOR_KUNIT(wr_decode_cached);

/* Documented in emulate.h. */
int wr_insn_length(const u8 *bytes, unsigned int len, enum wr_emu_mode mode)
{
	struct wr_insn insn;
	int err = wr_decode(&insn, bytes, len, mode);

	return err ? err : insn.len;
}
WR_EXPORT_FOR_KUNIT(wr_insn_length);
