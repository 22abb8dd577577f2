// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction emulator against the CPU, at random. Two VMs have the same registers, the same code and the same four pages of
 * data, but in the second one the two middle pages are not memory: this program plays them, and each access to them is
 * emulated. After each instruction registers, flags, data and descriptors must be the same; an exception ends in the
 * same handler with the same frame.
 *
 * A row of the table is an instruction; prefixes, addressing, operands and their values are chosen at random. The seed is
 * WARREN_EMUDIFF_SEED, the number of cases of each row WARREN_EMUDIFF_CASES; both are printed with what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>

#include "emudiff_encode.h"
#include "guest.h"
#include "vm.h"

#define HANDLERS 0x9000u	/* a HLT for each vector */
#define IDT32 0x2000u
#define IDT64 0x3000u
#define TSS 0x4000u

/* The two machines: cpu has all of its memory, emu lacks the hole. */
struct machine {
	struct vm vm;
	struct vcpu v;
	struct kvm_regs r;
	struct kvm_sregs s;
	struct kvm_xsave x;
	u32 exit;
	u32 accesses;
};

static struct machine cpu, emu;

static u8 *data(struct machine *m)
{
	return m->vm.mem + DATA;
}

static void write_data(u32 at, u64 v, u32 bytes)
{
	memcpy(data(&cpu) + at, &v, bytes);
}

static u64 read_data(u32 at, u32 bytes)
{
	u64 v = 0;

	memcpy(&v, data(&cpu) + at, bytes);
	return v;
}

static u16 selector(const struct insn *i)
{
	static const u16 some[] = { 0, 3, 0x8, 0x10, 0x10, 0x10, 0x11, 0x13, 0x18, 0x20, 0x30, 0x33, 0x38, 0x40, 0x48, 0x50, 0x53, 0x58,
				    0x60, 0x68, 0x70, 0x14, 0xfff8 };

	u16 chosen = some[below(ARRAY_SIZE(some))];

	/* Vendors differ on a null selector with a privilege level as SS. */
	if (i->mode == LONG && chosen == 3)
		chosen = 0;
	return i->mode == REAL ? rnd() : chosen;
}

/* Code that is all HLT */
static u32 target(void)
{
	return GPA_CODE + 0x800 + below(0x400);
}

static u32 stack_size(const struct insn *i)
{
	if (i->mode == LONG)
		return i->size == 2 ? 2 : 8;
	return i->size;
}

static void set_stack(struct insn *i, u32 at)
{
	*reg(i, SP) = i->mode == LONG ? DATA + at : at;
	if (i->mode == REAL)
		*reg(i, SP) |= (rnd() & 0xffff) << 16;
}

static void write_far(struct insn *i, u32 at, u32 size, u32 step)
{
	u16 code = i->mode == REAL ? below(0x700) : i->mode == PROT ? 0x8 : 0x18;
	u32 base = i->mode == REAL ? code << 4 : 0;

	write_data(at, target() - base, size);
	write_data(at + step, code, step == size ? size : 2);
}

static void shift_flags(struct insn *i, u32 count, bool rotation)
{
	u32 n = count & (i->size == 8 ? 63 : 31);

	if (!n) {
		i->undefined = 0;
		return;
	}
	if (n != 1)
		i->undefined |= OF;
	if (!rotation && n >= i->size * 8)
		i->undefined |= CF;
}

static void count_in_cl(struct insn *i, u32 count)
{
	*reg(i, CX) = (*reg(i, CX) & ~0xffull) | (count & 0xff);
}

static void prepare_string(struct insn *i)
{
	u32 di = one_in(2) ? i->at : choose_place(i->size);

	*reg(i, CX) = with_garbage(i, below(7));
	set_address(i, SI, DATA + i->at - segment_base(i));
	set_address(i, DI, DATA + di - (i->mode == LONG ? 0 : DATA));
	if (one_in(2))
		i->r.rflags |= 0x400;
}

/* The values that this kind of operand needs */
static void prepare_operand(struct insn *i)
{
	u32 size = i->size, step = stack_size(i);

	switch (i->row->kind) {
	case COMPARE:
		if (one_in(2))
			*reg(i, AX) = (*reg(i, AX) & ~mask(size)) | read_data(i->at, size);
		break;
	case COMPARE_WIDE:
		if (one_in(2)) {
			*reg(i, AX) = read_data(i->at, size);
			*reg(i, DX) = read_data(i->at + size, size);
		}
		break;
	case SCAN:
		write_data(i->at, read_data(i->at, 2) | (1u << below(16)), 2);
		break;
	case DIVIDE:
		if (!one_in(4))
			*reg(i, DX) = below(4) - one_in(2);
		if (i->byte)
			*reg(i, AX) = below(0x200);
		break;
	case STRING:
		prepare_string(i);
		break;
	case XLAT:
		set_address(i, BX, offset_of(i, i->at) - (*reg(i, AX) & 0xff));
		break;
	case PUSH:
		set_stack(i, i->at + step);
		/* ENTER copies from the frame before. */
		*reg(i, BP) = (i->mode == LONG ? DATA : 0) + i->at + 0x100 + below(64);
		break;
	case LEAVE:
		set_stack(i, i->at);
		*reg(i, BP) = *reg(i, SP);
		break;
	case POP_FLAGS:
		write_data(i->at, rnd() & 0xed5, 2);
		set_stack(i, i->at);
		break;
	case POP:
		set_stack(i, i->at);
		break;
	default:
		break;
	}
}

static void prepare_branch(struct insn *i)
{
	static const u16 good[] = { 0, 0x10, 0x40, 0x50, 0x58 };
	u32 size = i->size, native = i->mode == REAL ? 2 : i->mode == PROT ? 4 : 8;

	switch (i->row->kind) {
	case RETURN:
		write_data(i->at, target(), native);
		set_stack(i, i->at);
		break;
	case RETURN_INT:
		write_data(i->at + 2 * size, rnd() & 0xed5, size);
		/* fall through */
	case RETURN_FAR:
		write_far(i, i->at, size, size);
		set_stack(i, i->at);
		break;
	case JUMP:
		write_data(i->at, target(), native);
		break;
	case JUMP_FAR:
		write_far(i, i->at, size, size == 2 ? 2 : 4);
		break;
	case SELECTOR:
		write_data(i->at, selector(i), 2);
		break;
	case POINTER:
		write_data(i->at + size, selector(i), 2);
		break;
	case POP_SELECTOR:
		write_data(i->at, i->mode == REAL ? rnd() : good[below(ARRAY_SIZE(good))], 2);
		set_stack(i, i->at);
		break;
	case TABLE:
		write_data(i->at + 2, rnd(), 4);
		/* QEMU takes a base that is not canonical. */
		if (i->mode == LONG && (host_is_tcg() || !one_in(4)))
			write_data(i->at + 6, (s32)read_data(i->at + 2, 4) < 0 ? ~0u : 0, 4);
		break;
	default:
		break;
	}
}

/* Counts are known when the immediate is. */
static void put_immediate(struct insn *i)
{
	u32 is = i->row->is, kind = i->row->kind, count = kind == SHIFT_ONE || kind == ROTATE_ONE ? 1 : *reg(i, CX);

	if (kind == DOUBLE_IMM || kind == DOUBLE_CL)
		count = below(i->size == 2 ? 17 : 64) | (rnd() & 0xc0);
	if (i->size == 2 && (kind == DOUBLE_IMM || kind == DOUBLE_CL))
		count &= 0xf;
	if (kind == DOUBLE_CL)
		count_in_cl(i, count);
	if (kind == SHIFT_IMM || kind == ROTATE_IMM)
		count = value();
	if (is & IMM16)
		put(i, below(64) * 8, 2);
	/* ENTER: levels that a device can serve */
	if (is & IMM8 && is & IMM16)
		put(i, below(4) | (rnd() & 0xe0), 1);
	else if (is & IMM8)
		put(i, kind == PLAIN || kind == PUSH ? rnd() : count, 1);
	if (is & IMM)
		put(i, kind == PUSH && i->row->is & FIXED ? below(0x400) : value(), i->size == 2 ? 2 : 4);
	if (kind >= SHIFT_IMM && kind <= DOUBLE_CL)
		shift_flags(i, count, kind >= ROTATE_IMM && kind <= ROTATE_ONE);
	if (kind == MOFFS)
		put(i, offset_of(i, i->at), i->address);
}

static void place_operand(struct insn *i)
{
	u32 kind = i->row->kind, size = i->size;

	if (kind == COMPARE_WIDE || kind == BOUNDS)
		size *= 2;
	i->at = choose_place(size > 1 ? size : 1);
	if (kind == BITS)
		i->at = HOLE + 0xc00 + below(0x800);
	if (kind == VECTOR_ALIGNED || kind == VECTOR || (kind == COMPARE_WIDE && i->size == 8))
		i->at = choose_place(16);
	if ((kind == VECTOR_ALIGNED || (kind == COMPARE_WIDE && i->size == 8)) && !one_in(8))
		i->at &= ~31u;
	/* The frame of a fault would be emulated as well, which is not what happens to stacks. */
	if (kind >= PUSH && kind <= RETURN_INT)
		i->at = HOLE + 0x400 + below(0x1400);
}

static void choose_registers(struct insn *i)
{
	u32 n;

	for (n = 0; n < 16; n++)
		*reg(i, n) = value() & (i->mode == LONG ? ~0ull : 0xffffffff);
	*reg(i, SP) = i->mode == LONG ? DATA + 0x800 : 0x800;
	i->r.rflags = 2 | (rnd() & ARITH);
	/* Bit numbers that stay in the data */
	if (i->row->kind == BITS)
		for (n = AX; n <= DX; n++)
			*reg(i, n) = (u64)(s64)((s32)below(0x8000) - 0x4000) & (i->mode == LONG ? ~0ull : 0xffffffff);
}

static void choose_data(const struct insn *i)
{
	bool few = one_in(3);
	u32 n;

	for (n = 0; n < 96; n++)
		data(&cpu)[i->at - 24 + n] = few ? below(2) : rnd();
	if (one_in(4))
		write_data(i->at, value(), 8);
}

/* Data and registers come first: the instruction's bytes depend on addresses, and they on nothing else. */
static void make(struct insn *i, const struct row *row, enum mode mode)
{
	s32 distance;

	*i = (struct insn){ .row = row, .mode = mode, .undefined = row->undefined };
	i->opcode = row->opcode + (row->nr ? row->step * below(row->nr + 1) : 0);
	i->byte = row->is & BYTE || (row->is & PAIR && !(i->opcode & 1));
	choose_registers(i);
	choose_sizes(i);
	choose_segment(i);
	choose_digit(i);
	if (row->is & LOCK && one_in(2))
		put(i, 0xf0, 1);
	/* QEMU loses the flags when an access that is atomic there exits. */
	if (host_is_tcg() && (row->prefix == 0xf0 || (i->n && i->code[i->n - 1] == 0xf0) || !strncmp(row->name, "xchg", 4)))
		i->r.rflags = 2;
	if (row->is & REP && !one_in(3))
		put(i, 0xf2 + below(2), 1);
	place_operand(i);
	choose_data(i);
	put_all(i);
	prepare_operand(i);
	prepare_branch(i);
	put_immediate(i);
	i->held = read_data(i->at, 8);
	i->r.rip = GPA_CODE + below(64);
	if (i->relative) {
		memcpy(&distance, i->code + i->relative, 4);
		distance -= i->r.rip + i->n;
		memcpy(i->code + i->relative, &distance, 4);
	}
}

/* Plays the hole; false for an access elsewhere. */
static bool serve(struct machine *m)
{
	struct kvm_run *run = m->v.run;
	u64 at = run->mmio.phys_addr - DATA;

	if (at < HOLE || at + run->mmio.len > HOLE_END)
		return false;
	if (run->mmio.is_write)
		memcpy(data(m) + at, run->mmio.data, run->mmio.len);
	else
		memcpy(run->mmio.data, data(m) + at, run->mmio.len);
	m->accesses++;
	return true;
}

static bool has_vectors(const struct row *row)
{
	return row->kind == VECTOR || row->kind == VECTOR_ALIGNED;
}

static bool has_segments(const struct row *row)
{
	return row->kind >= RETURN_FAR && row->kind <= TABLE;
}

/* What an unusable segment register still holds is nobody's. */
static void normalize(struct kvm_sregs *s)
{
	struct kvm_segment *segment = &s->cs;
	u32 n;

	for (n = 0; n < 6; n++)
		if (segment[n].unusable || !segment[n].present)
			segment[n] = (struct kvm_segment){ .selector = segment[n].selector };
}

static void execute(struct machine *m, const struct insn *i)
{
	memcpy(m->vm.mem + i->r.rip, i->code, i->n);
	set_regs(&m->v, &i->r);
	m->accesses = 0;
	do {
		m->exit = vcpu_run(&m->v);
	} while (m->exit == KVM_EXIT_MMIO && serve(m));
	memset(m->vm.mem + i->r.rip, 0xf4, i->n);
	get_regs(&m->v, &m->r);
	if (has_segments(i->row)) {
		get_sregs(&m->v, &m->s);
		normalize(&m->s);
	}
	if (has_vectors(i->row))
		CHECK_OK(ioctl(m->v.fd, KVM_GET_XSAVE, &m->x));
}

static const char *describe(const struct insn *i)
{
	static const char *const modes[] = { "real", "32-bit", "64-bit" };
	static char text[160];
	u32 n = snprintf(text, sizeof(text), "%s, %s, at %#x:", i->row->name, modes[i->mode], i->at), k;

	for (k = 0; k < i->n; k++)
		n += snprintf(text + n, sizeof(text) - n, " %02x", i->code[k]);
	return text;
}

static bool differs(const struct insn *i, const char *what, u32 n, u64 want, u64 got)
{
	test_note("%s (%#llx): %s %u: expected %#llx, got %#llx", describe(i), (unsigned long long)i->held, what, n,
		  (unsigned long long)want, (unsigned long long)got);
	return true;
}

static bool registers_differ(const struct insn *i)
{
	static const char *const names[] = { "ax", "bx", "cx", "dx", "si", "di", "sp", "bp", "r8", "r9", "r10", "r11",
					     "r12", "r13", "r14", "r15", "rip" };
	const u64 *want = (const u64 *)&cpu.r, *got = (const u64 *)&emu.r;
	u32 n;

	for (n = 0; n < ARRAY_SIZE(names); n++)
		if (want[n] != got[n])
			return differs(i, names[n], 0, want[n], got[n]);
	if ((cpu.r.rflags ^ emu.r.rflags) & ~(u64)i->undefined)
		return differs(i, "flags", 0, cpu.r.rflags, emu.r.rflags);
	return false;
}

static bool bytes_differ(const struct insn *i, const char *what, const void *want, const void *got, u32 len)
{
	const u8 *a = want, *b = got;
	u32 n;

	for (n = 0; n < len; n++)
		if (a[n] != b[n])
			return differs(i, what, n, a[n], b[n]);
	return false;
}

/* An exception pushes flags, too: those that are undefined may differ there. QEMU does not set RF. */
static void forgive_frame(const struct insn *i)
{
	u32 at = 0x800 - (i->mode == REAL ? 2 : i->mode == PROT ? 4 : 24);
	u32 allowed = i->undefined | (host_is_tcg() ? RF : 0), size = i->mode == REAL ? 2 : 4;
	u64 want = 0, got = 0;

	if (cpu.r.rip < HANDLERS || cpu.r.rip > HANDLERS + PAGE)
		return;
	memcpy(&want, data(&cpu) + at, size);
	memcpy(&got, data(&emu) + at, size);
	if (!((want ^ got) & ~(u64)allowed))
		memcpy(data(&emu) + at, &want, size);
}

static bool compare(const struct insn *i)
{
	if (emu.exit != KVM_EXIT_HLT || cpu.exit != KVM_EXIT_HLT) {
		test_note("%s: %s; %s", describe(i), vcpu_describe(cpu.exit != KVM_EXIT_HLT ? &cpu.v : &emu.v),
			  cpu.exit != KVM_EXIT_HLT ? "in memory" : "emulated");
		return false;
	}
	forgive_frame(i);
	if (registers_differ(i) || bytes_differ(i, "data", data(&cpu), data(&emu), DATA_SIZE))
		return false;
	if (has_segments(i->row) &&
	    (bytes_differ(i, "sregs", &cpu.s, &emu.s, offsetof(struct kvm_sregs, interrupt_bitmap)) ||
	     bytes_differ(i, "GDT", cpu.vm.mem + GPA_GDT, emu.vm.mem + GPA_GDT, 0x100)))
		return false;
	/* Of the x87: control, status and tags, then the registers that MMX shares. QEMU leaves their exponents. */
	return !has_vectors(i->row) ||
		!(bytes_differ(i, "fpu", &cpu.x, &emu.x, 5) ||
		  (!host_is_tcg() && bytes_differ(i, "st", (u8 *)&cpu.x + 32, (u8 *)&emu.x + 32, 128)) ||
		  bytes_differ(i, "xmm", (u8 *)&cpu.x + 160, (u8 *)&emu.x + 160, 256) ||
		  bytes_differ(i, "ymm", (u8 *)&cpu.x + 576, (u8 *)&emu.x + 576, 256));
}

#define GATE32(v) (0x00008e0000080000ull | (HANDLERS + (v)))
#define GATE64(v) (0x00008e0000180000ull | (HANDLERS + (v)))

static void fill_tables(struct machine *m)
{
	static const u64 gdt[] = {
		0, 0x00cf9b000000ffff, 0x00cf93040000ffff, 0x00af9b000000ffff,
		0x00008b0000000067 | TSS << 16, 0, 0x00cf90040000ffff, 0x00cf13040000ffff,
		0x00cf9e000000ffff, 0x00cf98000000ffff, 0x00cff2040000ffff, 0x0000920400007fff,
		0x0000820000000fff, 0x00008c0000080000, 0x0000890000000067, 0,
	};
	u8 *mem = m->vm.mem;
	u64 entry[2] = { };
	u32 v;

	memset(mem + GPA_CODE, 0xf4, PAGE);
	memset(mem + HANDLERS, 0xf4, PAGE);
	memcpy(mem + GPA_GDT, gdt, sizeof(gdt));
	for (v = 0; v < 256; v++) {
		*(u32 *)(mem + v * 4) = HANDLERS + v;
		entry[0] = GATE32(v);
		memcpy(mem + IDT32 + v * 8, entry, 8);
		entry[0] = GATE64(v);
		memcpy(mem + IDT64 + v * 16, entry, 16);
	}
}

static void machine_init(struct machine *m, bool hole)
{
	u32 end = hole ? DATA + HOLE : DATA + HOLE_END;

	vm_init_bare(&m->vm);
	m->vm.mem = host_alloc(VM_MEMORY, PAGE);
	CHECK_OK(set_slot(&m->vm, 0, 0, 0, end, m->vm.mem));
	CHECK_OK(set_slot(&m->vm, 1, 0, DATA + HOLE_END, VM_MEMORY - DATA - HOLE_END, m->vm.mem + DATA + HOLE_END));
	vcpu_init(&m->v, &m->vm, 0);
	vcpu_cpuid(&m->v);
}

static struct kvm_segment segment(u16 sel, u64 base, u8 type, bool big)
{
	return (struct kvm_segment){
		.base = base, .limit = ~0u, .selector = sel, .type = type, .present = 1, .s = 1, .g = 1, .db = big,
	};
}

static void data_segments(struct kvm_sregs *s, enum mode mode)
{
	bool big = mode != REAL;

	s->ds = segment(big ? 0x10 : DATA >> 4, mode == LONG ? 0 : DATA, 3, big);
	s->es = s->ds;
	s->ss = s->ds;
	s->fs = segment(s->ds.selector, FS_BASE, 3, big);
	s->gs = segment(s->ds.selector, GS_BASE, 3, big);
}

#define CR4_OSXSAVE 0x40000ull

/* The mode's system registers, from those of 64-bit mode */
static void set_mode(struct machine *m, enum mode mode)
{
	struct kvm_sregs s;

	vcpu_long_at(&m->v, GPA_CODE);
	fill_tables(m);
	get_sregs(&m->v, &s);
	s.cr4 |= CR4_OSXSAVE;
	s.tr = (struct kvm_segment){ .base = TSS, .limit = 0x67, .selector = 0x20, .type = 11, .present = 1 };
	s.gdt.limit = 16 * 8 - 1;
	s.idt = (struct kvm_dtable){ .base = mode == LONG ? IDT64 : IDT32, .limit = mode == LONG ? 0xfff : 0x7ff };
	data_segments(&s, mode);
	s.cs = segment(mode == LONG ? 0x18 : 0x8, 0, 11, mode == PROT);
	s.cs.l = mode == LONG;
	if (mode != LONG) {
		s.efer = 0;
		s.cr0 &= ~0x80000000ull;
		s.cr4 &= ~0x20ull;
	}
	if (mode == REAL) {
		s.cr0 &= ~1ull;
		s.cs.selector = 0;
		s.idt = (struct kvm_dtable){ .limit = 0x3ff };
	}
	set_sregs(&m->v, &s);
	get_sregs(&m->v, &m->s);
}

static void set_vectors(void)
{
	struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = 7 };
	u32 n;

	CHECK_OK(ioctl(cpu.v.fd, KVM_SET_XCRS, &xcrs));
	CHECK_OK(ioctl(emu.v.fd, KVM_SET_XCRS, &xcrs));
	CHECK_OK(ioctl(cpu.v.fd, KVM_GET_XSAVE, &cpu.x));
	for (n = 0; n < 256; n++) {
		((u8 *)&cpu.x)[160 + n] = rnd();
		((u8 *)&cpu.x)[576 + n] = rnd();
	}
	((u8 *)&cpu.x)[512] |= 7;
	CHECK_OK(ioctl(cpu.v.fd, KVM_SET_XSAVE, &cpu.x));
	CHECK_OK(ioctl(emu.v.fd, KVM_SET_XSAVE, &cpu.x));
}

/* Where the two went apart they meet again. */
static void reconcile(const struct insn *i, const struct kvm_sregs *s, bool apart)
{
	struct kvm_vcpu_events none = { };

	if (has_segments(i->row) || apart) {
		fill_tables(&cpu);
		fill_tables(&emu);
		set_sregs(&cpu.v, s);
		set_sregs(&emu.v, s);
	}
	if (apart && has_vectors(i->row))
		set_vectors();
	if (apart) {
		CHECK_OK(ioctl(cpu.v.fd, KVM_SET_VCPU_EVENTS, &none));
		CHECK_OK(ioctl(emu.v.fd, KVM_SET_VCPU_EVENTS, &none));
	}
	memcpy(data(&emu), data(&cpu), DATA_SIZE);
}

static bool is_in(const struct row *row, enum mode mode)
{
	static const u32 not[] = { NOREAL, NO32, NO64 };

	if (row->is & not[mode] || (is_kvm() && row->is & NOKVM))
		return false;
	if (row->is & (host_is_tcg() ? NOTCG : NOBOCHS))
		return false;
	if (row->is & (VEX | VEX128) && !(cpuid(1, 0).c >> 28 & 1))
		return false;
	return true;
}

static u32 run_row(const struct row *row, enum mode mode, const struct kvm_sregs *s, u32 cases, bool *emulated)
{
	struct insn i;
	u32 bad = 0;
	bool good;

	while (cases-- && bad < 3) {
		make(&i, row, mode);
		memcpy(data(&emu), data(&cpu), DATA_SIZE);
		execute(&cpu, &i);
		execute(&emu, &i);
		good = compare(&i);
		*emulated |= emu.accesses != 0;
		bad += !good;
		reconcile(&i, s, !good);
	}
	return bad;
}

static u64 setting(const char *name, u64 otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

static void run_mode(enum mode mode)
{
	u64 seed = setting("WARREN_EMUDIFF_SEED", 1), cases = setting("WARREN_EMUDIFF_CASES", test_scale(24));
	u32 bad = 0, n, k, fails;
	struct kvm_sregs s;
	bool emulated;

	state = seed * 0x9e3779b97f4a7c15ull + mode + 1;
	test_note("seed %llu, %llu cases of each", (unsigned long long)seed, (unsigned long long)cases);
	machine_init(&cpu, false);
	machine_init(&emu, true);
	set_mode(&cpu, mode);
	set_mode(&emu, mode);
	s = cpu.s;
	if (mode != REAL)
		set_vectors();
	for (k = 0; k < 256; k++)
		rnd();
	for (n = 0; n < ARRAY_SIZE(rows); n++) {
		emulated = false;
		if (!is_in(&rows[n], mode))
			continue;
		fails = run_row(&rows[n], mode, &s, cases, &emulated);
		bad += !!fails;
		if (!emulated && cases > 4)
			test_note("%s was never emulated", rows[n].name);
	}
	if (bad)
		FAIL("%u instructions are wrong", bad);
}

TEST(real_mode) { run_mode(REAL); }
TEST(protected_mode) { run_mode(PROT); }
TEST(long_mode) { run_mode(LONG); }
