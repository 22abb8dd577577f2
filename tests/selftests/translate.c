// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_TRANSLATE: the guest's page tables as the hypervisor walks them, in each format, while they are wrong, and while somebody
 * writes to them.
 */
#include <stdlib.h>

#include "guest.h"
#include "vm.h"

#define GPA_TABLES 0x20000	/* a page for each level */
#define GPA_OTHER 0x28000	/* a second set, for PAE */

#define CR0_PG_PE 0x80000001u
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_SMAP (1u << 21)
#define EFER_LONG (1u << 8 | 1u << 10)
#define EFER_NX (1u << 11)
#define RFLAGS_AC (1u << 18)

#define P (1ull << 0)
#define W (1ull << 1)
#define U (1ull << 2)
#define A (1ull << 5)
#define D (1ull << 6)
#define PS (1ull << 7)
#define G (1ull << 8)
#define NX (1ull << 63)

enum format { LEGACY, PAE, LONG };

struct machine {
	struct vm vm;
	struct vcpu v;
	struct kvm_sregs flat;
	bool amd, smap, gbpages;
	int maxphyaddr;
};

static struct machine m;
static u32 features[4];		/* the guest's */

static void ask_cpuid(u64 unused)
{
	(void)unused;
	features[0] = cpuid(0, 0).b;
	features[1] = cpuid(7, 0).b;
	features[2] = cpuid(0x80000001, 0).d;
	features[3] = cpuid(0x80000008, 0).a;
	guest_done();
}

static void machine_init(void)
{
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_cpuid(&m.v);
	vcpu_long(&m.v, ask_cpuid, 0);
	EXPECT_DONE(&m.v);
	m.amd = GUEST_VAR(&m.vm, features)[0] == 0x68747541;
	m.smap = GUEST_VAR(&m.vm, features)[1] & 1u << 20;
	m.gbpages = GUEST_VAR(&m.vm, features)[2] & 1u << 26;
	m.maxphyaddr = GUEST_VAR(&m.vm, features)[3] & 0xff;
	get_sregs(&m.v, &m.flat);
}

static void machine_free(void)
{
	vcpu_free(&m.v);
	vm_free(&m.vm);
}

/* Tables */

static int top_of(enum format f)
{
	return f == LONG ? 4 : f == PAE ? 3 : 2;
}

static u64 table_gpa(int level)
{
	return GPA_TABLES + (u64)level * PAGE;
}

static int shift_of(enum format f, int level)
{
	return 12 + (level - 1) * (f == LEGACY ? 10 : 9);
}

static u64 entry_gpa(enum format f, int level, u64 gva)
{
	u64 index = gva >> shift_of(f, level);

	return table_gpa(level) + (f == LEGACY ? index % 1024 * 4 : index % 512 * 8);
}

static u64 get_entry(enum format f, int level, u64 gva)
{
	const void *e = m.vm.mem + entry_gpa(f, level, gva);

	return f == LEGACY ? *(const u32 *)e : *(const u64 *)e;
}

static void set_entry(enum format f, int level, u64 gva, u64 value)
{
	void *e = m.vm.mem + entry_gpa(f, level, gva);

	if (f == LEGACY)
		*(u32 *)e = value;
	else
		*(u64 *)e = value;
}

/* A path to @frame, by a leaf at @leaf */
static void map(enum format f, int leaf, u64 gva, u64 frame)
{
	int level;

	for (level = top_of(f); level > leaf; level--)
		set_entry(f, level, gva, table_gpa(level - 1) | P | (f == PAE && level == 3 ? 0 : W | U));
	set_entry(f, leaf, gva, frame | P | W | U | (leaf > 1 ? PS : 0));
}

static void enter(enum format f, u32 cr4, u64 rflags)
{
	struct kvm_sregs s = m.flat;
	struct kvm_regs r = { .rip = GPA_CODE, .rflags = rflags | 2 };

	s.cr0 |= CR0_PG_PE;
	s.cr4 = cr4 | (f == LEGACY ? CR4_PSE : CR4_PAE);
	s.efer = f == LONG ? EFER_LONG | EFER_NX : f == PAE ? EFER_NX : 0;
	s.cr3 = table_gpa(top_of(f));
	s.cs.l = f == LONG;
	s.cs.db = f != LONG;
	set_sregs(&m.v, &s);
	set_regs(&m.v, &r);
}

static struct kvm_translation translate(u64 gva)
{
	struct kvm_translation tr = { .linear_address = gva, .valid = 0xee, .writeable = 0xee, .usermode = 0xee };

	CHECK_OK(ioctl(m.v.fd, KVM_TRANSLATE, &tr));
	CHECK_EQ(tr.linear_address, gva);
	CHECK_EQ(tr.writeable, 1);
	CHECK_EQ(tr.usermode, 0);
	return tr;
}

static void expect_gpa(u64 gva, u64 gpa)
{
	struct kvm_translation tr = translate(gva);

	if (tr.valid != 1 || tr.physical_address != gpa)
		FAIL("address %#llx: expected %#llx, got %#llx, valid %u", (unsigned long long)gva, (unsigned long long)gpa,
		     (unsigned long long)tr.physical_address, tr.valid);
}

static void expect_none(u64 gva)
{
	struct kvm_translation tr = translate(gva);

	if (tr.valid || tr.physical_address != ~0ull)
		FAIL("address %#llx: expected none, got %#llx, valid %u", (unsigned long long)gva,
		     (unsigned long long)tr.physical_address, tr.valid);
}

static const struct kind {
	enum format f;
	int leaf;
	u64 gva, frame;
} kinds[] = {
	{ LEGACY, 1, 0xfedcb123, 0x87654000 },
	{ LEGACY, 2, 0xfedcb123, 0x80400000 },
	{ PAE, 1, 0xfedcb123, 0x387654000 },
	{ PAE, 2, 0xfedcb123, 0x387600000 },
	{ LONG, 1, 0x7654fedcb123, 0x387654000 },
	{ LONG, 2, 0x7654fedcb123, 0x387600000 },
	{ LONG, 3, 0xffffbeeffedcb123, 0x380000000 },
};

#define for_each_kind(k) for (k = kinds; k < kinds + ARRAY_SIZE(kinds); k++)

static bool skips(const struct kind *k)
{
	return k->leaf == 3 && !m.gbpages;
}

static u64 gpa_of(const struct kind *k)
{
	return k->frame | (k->gva & ((1ull << shift_of(k->f, k->leaf)) - 1));
}

/* The entries that have A and D: PDPTEs of PAE do not. */
static int top_with_a(const struct kind *k)
{
	return k->f == PAE ? 2 : top_of(k->f);
}

TEST(translate_formats)
{
	const struct kind *k;
	int level;

	machine_init();
	expect_gpa(0x123456, 0x123456);
	for_each_kind(k) {
		if (skips(k))
			continue;
		map(k->f, k->leaf, k->gva, k->frame);
		enter(k->f, 0, 0);
		expect_gpa(k->gva, gpa_of(k));
		/* It is a read: it marks what it used as accessed, and nothing as dirty. */
		for (level = top_with_a(k); level >= k->leaf; level--)
			CHECK_EQ(get_entry(k->f, level, k->gva) & (A | D), A);
		expect_gpa(k->gva, gpa_of(k));
		for (level = top_with_a(k); level >= k->leaf; level--) {
			u64 e = get_entry(k->f, level, k->gva);

			set_entry(k->f, level, k->gva, e & ~P);
			expect_none(k->gva);
			set_entry(k->f, level, k->gva, e);
		}
	}
	machine_free();
}

TEST(translate_without_paging)
{
	vm_init(&m.vm);
	vcpu_init(&m.v, &m.vm, 0);
	vcpu_prot(&m.v, GPA_CODE);
	expect_gpa(0xfedcb123, 0xfedcb123);
	machine_free();
}

/* Half of long mode's addresses are none, but only segmentation says so. */
TEST(translate_not_canonical)
{
	const struct kind *k = &kinds[4];

	machine_init();
	map(k->f, k->leaf, k->gva, k->frame);
	enter(k->f, 0, 0);
	expect_gpa(k->gva | 0xabcdull << 48, gpa_of(k));
	machine_free();
}

TEST(translate_bad_pointer)
{
	machine_init();
	CHECK_ERR(ioctl(m.v.fd, KVM_TRANSLATE, (void *)8), EFAULT);
	machine_free();
}

/* Bits that an entry may not have, where the guest's CPU reserves them */
static bool is_reserved(const struct kind *k, int level, int bit)
{
	bool leaf = level == k->leaf;

	if (k->f == LEGACY)
		return leaf && level == 2 && bit == 21;
	if (bit >= m.maxphyaddr && bit < 52)
		return true;
	if (k->f == PAE)
		return (bit >= 52 && bit < 63) || (leaf && level == 2 && bit >= 13 && bit < 21);
	if (bit == 7)
		return level == 4 || (level == 3 && !leaf && !m.gbpages);
	if (bit == 8)
		return level == 4 && m.amd;
	return leaf && level > 1 && bit >= 13 && bit < shift_of(k->f, level);
}

/* Can the bit be set, without making an entry of another kind of it, or one that leads elsewhere? */
static bool can_set(const struct kind *k, int level, int bit)
{
	bool large = level == k->leaf && level > 1;

	if (bit < 3 || bit >= (k->f == LEGACY ? 32 : 64))
		return false;
	if (bit == 7)
		return level == 1 || level == 4;
	return bit < 12 || (bit == 12 && large) || is_reserved(k, level, bit) || (k->f != LEGACY && bit >= m.maxphyaddr);
}

TEST(translate_reserved_bits)
{
	const struct kind *k;
	int level, bit;

	machine_init();
	for_each_kind(k) {
		if (skips(k))
			continue;
		map(k->f, k->leaf, k->gva, k->frame);
		enter(k->f, 0, 0);
		for (level = top_with_a(k); level >= k->leaf; level--) {
			for (bit = 0; bit < 64; bit++) {
				if (!can_set(k, level, bit))
					continue;
				map(k->f, k->leaf, k->gva, k->frame);
				set_entry(k->f, level, k->gva, get_entry(k->f, level, k->gva) | 1ull << bit);
				if (is_reserved(k, level, bit))
					expect_none(k->gva);
				else
					expect_gpa(k->gva, gpa_of(k));
			}
		}
	}
	machine_free();
}

/* It is the supervisor's access, and no implicit one. */
TEST(translate_rights)
{
	const struct kind *k = &kinds[4];
	u64 e;

	machine_init();
	map(k->f, k->leaf, k->gva, k->frame);
	e = get_entry(k->f, 1, k->gva);
	if (m.smap) {
		enter(k->f, CR4_SMAP, 0);
		expect_none(k->gva);
		enter(k->f, CR4_SMAP, RFLAGS_AC);
		expect_gpa(k->gva, gpa_of(k));
		enter(k->f, CR4_SMAP, 0);
		set_entry(k->f, 1, k->gva, e & ~U);
		expect_gpa(k->gva, gpa_of(k));
	}
	enter(k->f, 0, 0);
	set_entry(k->f, 1, k->gva, (e & ~(W | U)) | NX);
	expect_gpa(k->gva, gpa_of(k));
	machine_free();
}

/* PAE: the guest leaves for other page directory pointers, and runs, is emulated and is looked at there. */

BLOB32(leaves,
	"movl %ebx, %cr3\n"
	"addl $(1f - base), %esi\n jmp *%esi\n"
	"1: xorl %eax, %eax\n cpuid\n"
	"movl (%edi), %eax\n"
	"hlt\n");

#define ALIAS 0x40000000u
#define ALIAS_MMIO 0x40200000u

static void pae_tables(void)
{
	u64 *second = (u64 *)(m.vm.mem + GPA_OTHER);

	map(PAE, 2, 0, 0);
	second[0] = table_gpa(2) | P;
	second[1] = (GPA_OTHER + PAGE) | P;
	second[512] = P | W | PS;
	second[513] = TEST_MMIO | P | W | PS;
}

TEST(translate_other_pdptes)
{
	struct kvm_regs r = { .rip = GPA_CODE, .rflags = 2, .rbx = GPA_OTHER, .rsi = ALIAS, .rdi = ALIAS_MMIO };

	if (host_is_tcg() && !getenv("WARREN_CORRECTED_QEMU"))
		SKIP("this QEMU sets the A bit in PDPTEs, which is reserved there");
	machine_init();
	LOAD(&m.vm, leaves);
	pae_tables();
	enter(PAE, 0, 0);
	set_regs(&m.v, &r);
	expect_none(ALIAS);
	EXPECT_MMIO(&m.v, TEST_MMIO, 4, false);
	expect_gpa(ALIAS + 0x123, 0x123);
	expect_gpa(0x1234, 0x1234);
	EXPECT_EXIT(&m.v, KVM_EXIT_HLT);
	expect_gpa(ALIAS_MMIO, TEST_MMIO);
	machine_free();
}

/* A thread that clears A in the leaf over and over, and changes a free bit of it, and of its upper half or its neighbour, in between */
struct writer {
	u32 *half, *neighbour;
	volatile bool stop;
	u64 turns, lost, seen;
};

#define FREE_BIT (1u << 9)
#define FREE_BIT_ABOVE (1u << 20)	/* 52 */

static void *write_entries(void *arg)
{
	struct writer *w = arg;
	u32 mine = 0, before, i;

	while (!w->stop) {
		before = __atomic_fetch_and(w->half, ~(u32)A, __ATOMIC_SEQ_CST);
		w->seen += !!(before & A);
		before = __atomic_fetch_xor(w->half, FREE_BIT, __ATOMIC_SEQ_CST);
		w->lost += (before & FREE_BIT) != mine;
		before = __atomic_fetch_xor(w->neighbour, FREE_BIT_ABOVE, __ATOMIC_SEQ_CST);
		w->lost += !(before & FREE_BIT_ABOVE) != !mine;
		mine ^= FREE_BIT;
		for (i = w->turns++ % 64; i; i--)
			cpu_relax();
	}
	return NULL;
}

static void race(const struct kind *k)
{
	struct writer w = { };
	u64 i, n = test_scale(30000);
	pthread_t t;

	map(k->f, k->leaf, k->gva, k->frame);
	enter(k->f, 0, 0);
	w.half = (u32 *)(m.vm.mem + entry_gpa(k->f, k->leaf, k->gva));
	w.neighbour = w.half + 1 - 2 * ((uintptr_t)w.half / 4 % 2);
	CHECK_EQ(pthread_create(&t, NULL, write_entries, &w), 0);
	/* Until the two have met often */
	for (i = 0; i < n || ACCESS(w.seen) < n / 100; i++)
		expect_gpa(k->gva, gpa_of(k));
	w.stop = true;
	pthread_join(t, NULL);
	test_note("%llu changes, A found set %llu times", (unsigned long long)w.turns, (unsigned long long)w.seen);
	CHECK_EQ(w.lost, 0);
}

/* A is set atomically: nothing that another CPU writes to the entry at the same time is undone. */
TEST(translate_races_with_writer)
{
	machine_init();
	race(&kinds[0]);
	machine_free();
}

TEST(translate_races_with_writer_long)
{
	machine_init();
	race(&kinds[4]);
	machine_free();
}
