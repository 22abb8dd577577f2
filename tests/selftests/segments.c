// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that loads every sort of descriptor into every segment register, by its own instructions: each load takes effect, and
 * an exit and an entry after it work, or raises the architecture's fault with its error code.
 */
#include "guest.h"
#include "vm.h"

#define GUEST_CODE __attribute__((target("general-regs-only")))

#define NONE 256
#define NP 11
#define SS_FAULT 12
#define GP 13

#define CODE_SEL 0x08
#define DATA_SEL 0x10
#define TSS_SEL 0x18
#define TEST_SEL 0x30
#define GDT_LIMIT 0x3f

/* Access rights as a descriptor's bits 40 to 47 */
#define CODE 8
#define CONFORMING 4	/* or: expand down */
#define WRITABLE 2	/* or: readable */
#define S 0x10
#define TYPE_TSS_16 1
#define TYPE_CALL_GATE 12
#define PRESENT 0x80
#define DPL(rights) ((rights) >> 5 & 3)

/* Flags as bits 52 to 55 */
#define L 2
#define D 4
#define G 8

struct machine {
	struct vm vm;
	struct vcpu v;
};

static GUEST_CODE u64 *descriptor(void)
{
	return (u64 *)(GPA_GDT + TEST_SEL);
}

static GUEST_CODE void put(u32 rights, u32 flags)
{
	descriptor()[0] = 0x000f00000000ffffull | (u64)rights << 40 | (u64)flags << 52;
	descriptor()[1] = 0;
}

/* Exits, and comes back if the CPU takes the state. */
static GUEST_CODE void come_and_go(void)
{
	cpuid(0, 0);
}

static GUEST_CODE void expect(u64 vector, u64 want, u32 rights, u32 sel)
{
	if (vector != want)
		ucall(UCALL_ABORT, (u64)rights << 16 | sel, vector, want);
	if (want != NONE && guest_fault.error != (sel & ~3u))
		ucall(UCALL_ABORT, (u64)rights << 16 | sel | 1ull << 32, guest_fault.error, sel & ~3u);
}

static GUEST_CODE u64 data_fault(u32 rights, u32 rpl)
{
	bool nonconforming = (rights & (CODE | CONFORMING)) != (CODE | CONFORMING);

	if (!(rights & S) || (rights & (CODE | WRITABLE)) == CODE)
		return GP;
	if (nonconforming && rpl > DPL(rights))
		return GP;
	return rights & PRESENT ? NONE : NP;
}

static GUEST_CODE u64 stack_fault(u32 rights, u32 rpl)
{
	if (rpl || !(rights & S) || rights & CODE || !(rights & WRITABLE) || DPL(rights))
		return GP;
	return rights & PRESENT ? NONE : SS_FAULT;
}

#define LOAD_SEG(seg, sel) GUEST_TRY("movw %w0, %%" seg, : : "r"((u32)(sel)) : "memory")

static GUEST_CODE u64 load(u32 seg, u32 sel)
{
	switch (seg) {
	case 0: return LOAD_SEG("ds", sel);
	case 1: return LOAD_SEG("es", sel);
	case 2: return LOAD_SEG("fs", sel);
	case 3: return LOAD_SEG("gs", sel);
	default: return LOAD_SEG("ss", sel);
	}
}

#define NR_DATA_SEGS 4
#define STACK NR_DATA_SEGS

/*
 * The argument of the guest's programs says whether the host's CPU is strict: QEMU's TCG lets selectors of 0 with any RPL into
 * SS, 0 and 16-bit TSSs into TR in long mode, and 64-bit with 32-bit code into CS.
 */
static GUEST_CODE void data_segments(u64 strict)
{
	u32 rights, rpl, seg, sel;
	u64 want;

	for (rights = 0; rights < 256; rights++) {
		for (rpl = 0; rpl < 4; rpl++) {
			sel = TEST_SEL | rpl;
			seg = (rights ^ rights >> 4 ^ rpl) % NR_DATA_SEGS;
			put(rights, G | D);
			want = data_fault(rights, rpl);
			expect(load(seg, sel), want, rights, sel);
			if (want == NONE)
				come_and_go();
			load(seg, DATA_SEL);
			put(rights, G);
			want = stack_fault(rights, rpl);
			expect(load(STACK, sel), want, rights, sel);
			if (want == NONE)
				come_and_go();
			load(STACK, DATA_SEL);
		}
	}
	for (seg = 0; seg <= STACK; seg++) {
		expect(load(seg, 0), NONE, 0, 0);
		come_and_go();
		load(seg, DATA_SEL);
		/* In the last descriptor's place is half of one: beyond the limit. */
		expect(load(seg, 0x40), GP, 0, 0x40);
	}
	for (rpl = 1; strict && rpl < 4; rpl++)
		expect(load(STACK, rpl), GP, 0, rpl);
	guest_done();
}

static GUEST_CODE u64 system_fault(u32 rights, u32 type)
{
	if ((rights & (S | 15)) != type)
		return GP;
	return rights & PRESENT ? NONE : NP;
}

static GUEST_CODE u64 load_ldt(u32 sel)
{
	return GUEST_TRY("lldt %w0", : : "r"(sel) : "memory");
}

static GUEST_CODE u64 load_tr(u32 sel)
{
	return GUEST_TRY("ltr %w0", : : "r"(sel) : "memory");
}

static GUEST_CODE void system_segments(u64 strict)
{
	u64 *tss = (u64 *)(GPA_GDT + TSS_SEL), want;
	u32 rights;

	for (rights = 0; rights < 256; rights++) {
		put(rights, 0);
		want = system_fault(rights, 2);
		expect(load_ldt(TEST_SEL), want, rights, TEST_SEL);
		if (want == NONE)
			come_and_go();
		expect(load_ldt(0), NONE, 0, 0);
		put(rights, 0);
		want = system_fault(rights, 9);
		if (!strict && (rights & (S | 15)) == TYPE_TSS_16)
			continue;
		expect(load_tr(TEST_SEL), want, rights, TEST_SEL);
		if (want != NONE)
			continue;
		come_and_go();
		/* No longer busy */
		tss[0] &= ~(2ull << 40);
		expect(load_tr(TSS_SEL), NONE, 0, TSS_SEL);
	}
	if (strict)
		expect(load_tr(0), GP, 0, 0);
	come_and_go();
	guest_done();
}

/*
 * Where far jumps go: code of each size, which exits and goes back to 64-bit mode, to where jump() wants it. Offsets from
 * GPA_CODE are multiples of 16.
 */
#define RETURN_TO 0x9000
#define FAR_64 0x9010
BLOB64(pads,
	".code64\n xorl %eax, %eax\n cpuid\n ljmp *0x9010\n"
	".balign 16\n .code32\n xorl %eax, %eax\n cpuid\n ljmp $8, $(back - base)\n"
	".balign 16\n .code16\n xorl %eax, %eax\n cpuid\n ljmp $8, $(back - base)\n"
	".balign 16\n back: .code64\n jmp *0x9000\n");
#define PAD_64 (GPA_CODE + 0)
#define PAD_32 (GPA_CODE + 16)
#define PAD_16 (GPA_CODE + 32)
#define PAD_BACK (GPA_CODE + 48)

struct far_pointer {
	u32 offset;
	u16 selector;
} __attribute__((packed));

static GUEST_CODE u64 jump(u32 sel, u32 flags)
{
	struct far_pointer to = { flags & L ? PAD_64 : flags & D ? PAD_32 : PAD_16, sel };

	return GUEST_TRY("movq $8f, 0x9000\n\t ljmp *%0\n 8:", : : "m"(to) : "rax", "rbx", "rcx", "rdx", "memory");
}

static GUEST_CODE u64 code_fault(u32 rights, u32 flags, u32 rpl)
{
	if ((rights & (S | CODE)) != (S | CODE) || (flags & L && flags & D))
		return GP;
	if (rights & CONFORMING ? DPL(rights) > 0 : rpl > 0 || DPL(rights) != 0)
		return GP;
	return rights & PRESENT ? NONE : NP;
}

static GUEST_CODE void code_segments(u64 strict)
{
	u32 rights, rpl, flags, sel;

	*(volatile u32 *)FAR_64 = PAD_BACK;
	*(volatile u16 *)(FAR_64 + 4) = CODE_SEL;
	for (rights = 0; rights < 256; rights++) {
		/* A gate is another test's. */
		if ((rights & (S | 15)) == TYPE_CALL_GATE)
			continue;
		for (flags = 0; flags < (strict ? 8 : L | D); flags += 2) {
			for (rpl = 0; rpl < 4; rpl++) {
				sel = TEST_SEL | rpl;
				put(rights, flags | G);
				expect(jump(sel, flags), code_fault(rights, flags, rpl), rights | flags << 8, sel);
			}
		}
	}
	expect(jump(0, L), GP, 0, 0);
	expect(jump(0x40, L), GP, 0, 0x40);
	guest_done();
}

static void run(void (*fn)(u64))
{
	struct kvm_sregs s;
	struct machine m;

	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	LOAD(&m.vm, pads);
	vcpu_long(&m.v, fn, !host_is_tcg());
	get_sregs(&m.v, &s);
	s.gdt.limit = GDT_LIMIT;
	set_sregs(&m.v, &s);
	EXPECT_DONE(&m.v);
}

TEST(data_segments) { run(data_segments); }
TEST(system_segments) { run(system_segments); }
TEST(code_segments) { run(code_segments); }
