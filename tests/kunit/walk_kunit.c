// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest page table walker on tables in an array: formats, rights, reserved bits, error codes, A
 * and D.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>

#include "compat.h"
#include "mmu/walk.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define U	BIT_ULL(2)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define PS	BIT_ULL(7)
#define G	BIT_ULL(8)
#define NX	BIT_ULL(63)
#define TABLE	(P | W | U | A)

/*
 * Guest memory: 8 pages from address 0. Tables in the order in which they are walked, from page 1.
 */
#define NR_PAGES	8
#define MAXPHYADDR	40
#define RESERVED	GENMASK_ULL(51, MAXPHYADDR)

#define PRESENT		WR_ACC_PRESENT
#define STORE		WR_ACC_WRITE
#define USER		WR_ACC_USER
#define RSVD		WR_ACC_RSVD
#define FETCH		WR_ACC_FETCH
#define PK		WR_ACC_PK
#define IMPLICIT	WR_ACC_IMPLICIT

struct fixture {
	struct wr_paging p;
	u64 pdptr[4];
	u64 memory[NR_PAGES * 512];
	int updates;			/* entries written */
	int changes;			/* times that an entry changes under the walk */
	int error;			/* what the next accesses answer */
	bool rom;
};

static int read_entry(const struct wr_paging *p, u64 gpa, u64 *value, u32 size)
{
	struct fixture *f = p->data;

	if (f->error)
		return f->error;
	if (gpa + size > sizeof(f->memory))
		return -ENXIO;
	*value = size == 8 ? f->memory[gpa / 8] : ((u32 *)f->memory)[gpa / 4];
	return 0;
}

static int update_entry(const struct wr_paging *p, u64 gpa, u64 old, u64 new, u32 size)
{
	struct fixture *f = p->data;

	if (f->rom)
		return -EPERM;
	if (f->changes) {
		f->changes--;
		return 1;
	}
	f->updates++;
	if (size == 8)
		f->memory[gpa / 8] = new;
	else
		((u32 *)f->memory)[gpa / 4] = new;
	return 0;
}

static const struct wr_walk_ops ops = {
	.read = read_entry,
	.update = update_entry,
};

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->p.data = f;
	f->p.reserved = RESERVED;
	f->p.pdptr = f->pdptr;
	f->p.gbpages = true;
	f->p.amd = true;
	return 0;
}

static void mode(struct fixture *f, u64 cr4, u64 efer)
{
	f->p.cr0 = X86_CR0_PG | X86_CR0_PE | X86_CR0_WP;
	f->p.cr3 = 0x1000;
	f->p.cr4 = cr4;
	f->p.efer = efer;
}

/* Four levels; the leaf for address 0 is in page 4 and names page 0x12345. */
static u64 *long_mode(struct fixture *f, u64 leaf)
{
	mode(f, X86_CR4_PAE, EFER_LME | EFER_LMA | EFER_NX);
	f->memory[1 * 512] = 0x2000 | TABLE;
	f->memory[2 * 512] = 0x3000 | TABLE;
	f->memory[3 * 512] = 0x4000 | TABLE;
	f->memory[4 * 512] = 0x12345000 | leaf;
	return &f->memory[4 * 512];
}

static int walk(struct fixture *f, u64 gva, u32 access, struct wr_walk *out)
{
	return wr_walk_paging(&f->p, &ops, gva, access, out);
}

static void expect_ok(struct kunit *test, u64 gva, u32 access, u64 gpa)
{
	struct wr_walk out;
	int r = walk(test->priv, gva, access, &out);

	KUNIT_EXPECT_EQ_MSG(test, r, 0, "gva %llx access %x error %x", gva, access, out.error);
	if (!r)
		KUNIT_EXPECT_EQ_MSG(test, out.gpa, gpa, "gva %llx", gva);
}

static void expect_fault(struct kunit *test, u64 gva, u32 access, u32 error)
{
	struct wr_walk out = {};

	KUNIT_EXPECT_EQ_MSG(test, walk(test->priv, gva, access, &out), 1, "gva %llx access %x",
			    gva, access);
	KUNIT_EXPECT_EQ_MSG(test, out.error, error, "gva %llx access %x", gva, access);
	KUNIT_EXPECT_EQ(test, out.vector, X86_TRAP_PF);
}

static void no_paging(struct kunit *test)
{
	expect_ok(test, 0x1234567, STORE | USER, 0x1234567);
	expect_ok(test, 0x112345678ULL, 0, 0x12345678);
}

static void four_levels(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_walk out;

	long_mode(f, P | W | U | A | D);
	expect_ok(test, 0xabc, STORE | USER, 0x12345abc);
	KUNIT_EXPECT_EQ(test, walk(f, 0, 0, &out), 0);
	KUNIT_EXPECT_EQ(test, out.page_size, 0x1000ULL);
	KUNIT_EXPECT_TRUE(test, out.writable);
	KUNIT_EXPECT_TRUE(test, out.user);
	/* Each level's index picks another, absent entry. */
	expect_fault(test, 1ULL << 12, 0, 0);
	expect_fault(test, 1ULL << 21, 0, 0);
	expect_fault(test, 1ULL << 30, STORE, STORE);
	expect_fault(test, 1ULL << 39, USER, USER);
	expect_fault(test, 0xffff800000000000ULL, FETCH, FETCH);
	KUNIT_EXPECT_EQ(test, f->updates, 0);
}

static void five_levels(struct kunit *test)
{
	struct fixture *f = test->priv;

	long_mode(f, P | W | U | A | D);
	f->p.cr4 |= X86_CR4_LA57;
	f->p.cr3 = 0x5000;
	f->memory[5 * 512 + 3] = 0x1000 | TABLE;
	expect_ok(test, (3ULL << 48) | 0x10, 0, 0x12345010);
	expect_fault(test, 0x10, 0, 0);
}

static void large_pages(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_walk out;

	long_mode(f, P | A);
	f->memory[3 * 512 + 1] = 0x40000000 | P | W | U | A | D | PS;
	expect_ok(test, 0x200000 + 0x12345, 0, 0x40012345);
	KUNIT_EXPECT_EQ(test, walk(f, 0x200000, 0, &out), 0);
	KUNIT_EXPECT_EQ(test, out.page_size, 0x200000ULL);
	/* Bit 12 is PAT, 13 to 20 are reserved. */
	f->memory[3 * 512 + 1] |= BIT_ULL(12);
	expect_ok(test, 0x200000, 0, 0x40000000);
	f->memory[3 * 512 + 1] |= BIT_ULL(20);
	expect_fault(test, 0x200000, 0, PRESENT | RSVD);

	f->memory[2 * 512 + 1] = 0x80000000 | P | W | U | A | D | PS | G;
	expect_ok(test, 0x40000000 + 0x1234567, 0, 0x81234567);
	f->memory[2 * 512 + 1] |= BIT_ULL(29);
	expect_fault(test, 0x40000000, USER, PRESENT | RSVD | USER);
	f->memory[2 * 512 + 1] &= ~BIT_ULL(29);
	f->p.gbpages = false;
	expect_fault(test, 0x40000000, 0, PRESENT | RSVD);
}

static void reserved_bits(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 *leaf = long_mode(f, P | W | U | A | D);
	int bit;

	for (bit = MAXPHYADDR; bit < 52; bit++) {
		*leaf ^= BIT_ULL(bit);
		expect_fault(test, 0, STORE, PRESENT | RSVD | STORE);
		*leaf ^= BIT_ULL(bit);
	}
	for (bit = 52; bit < 63; bit++) {
		*leaf ^= BIT_ULL(bit);
		expect_ok(test, 0, STORE, 0x12345000);
		*leaf ^= BIT_ULL(bit);
	}
	/* A reserved bit in an absent entry does not count. */
	*leaf ^= P | RESERVED;
	expect_fault(test, 0, 0, 0);
	*leaf ^= P | RESERVED;
	f->memory[512] |= PS;
	expect_fault(test, 0, 0, PRESENT | RSVD);
	f->memory[512] ^= PS | G;
	expect_fault(test, 0, 0, PRESENT | RSVD);
	f->p.amd = false;
	expect_ok(test, 0, 0, 0x12345000);
	/* NX is reserved without EFER.NXE. */
	f->memory[2 * 512] |= NX;
	expect_ok(test, 0, 0, 0x12345000);
	f->p.efer &= ~EFER_NX;
	expect_fault(test, 0, FETCH, PRESENT | RSVD);
}

struct right {
	u64 cr0_clear, cr4;
	bool ac;
	u64 leaf;
	u32 access;
	u32 error;			/* 0: allowed */
};

static const struct right rights[] = {
	/* User accesses */
	{ 0, 0, false, W | U, USER | STORE, 0 },
	{ 0, 0, false, U, USER, 0 },
	{ 0, 0, false, U, USER | STORE, PRESENT | USER | STORE },
	{ X86_CR0_WP, 0, false, U, USER | STORE, PRESENT | USER | STORE },
	{ 0, 0, false, W, USER, PRESENT | USER },
	{ 0, 0, false, W | U, USER | FETCH, 0 },
	{ 0, 0, false, W | U | NX, USER | FETCH, PRESENT | USER | FETCH },
	{ 0, 0, false, W | U | NX, USER, 0 },
	{ 0, 0, false, W, USER | FETCH, PRESENT | USER | FETCH },
	/* The supervisor, WP */
	{ 0, 0, false, 0, 0, 0 },
	{ 0, 0, false, 0, STORE, PRESENT | STORE },
	{ X86_CR0_WP, 0, false, 0, STORE, 0 },
	{ 0, 0, false, W, STORE, 0 },
	{ 0, 0, false, U, STORE, PRESENT | STORE },
	{ X86_CR0_WP, 0, false, U, STORE, 0 },
	{ 0, 0, false, W | NX, FETCH, PRESENT | FETCH },
	/* SMEP */
	{ 0, 0, false, W | U, FETCH, 0 },
	{ 0, X86_CR4_SMEP, false, W | U, FETCH, PRESENT | FETCH },
	{ 0, X86_CR4_SMEP, false, W, FETCH, 0 },
	{ 0, X86_CR4_SMEP, false, W | U, USER | FETCH, 0 },
	{ 0, X86_CR4_SMEP, false, W | U, STORE, 0 },
	/* SMAP: data only, unless AC is set, which implicit accesses ignore */
	{ 0, X86_CR4_SMAP, false, W | U, 0, PRESENT },
	{ 0, X86_CR4_SMAP, false, W | U, STORE, PRESENT | STORE },
	{ 0, X86_CR4_SMAP, true, W | U, STORE, 0 },
	{ 0, X86_CR4_SMAP, true, W | U, STORE | IMPLICIT, PRESENT | STORE },
	{ 0, X86_CR4_SMAP, false, W, STORE | IMPLICIT, 0 },
	{ 0, X86_CR4_SMAP, false, W | U, USER | STORE, 0 },
	{ 0, X86_CR4_SMAP, false, W | U, FETCH, 0 },
	{ X86_CR0_WP, X86_CR4_SMAP, false, U, STORE, PRESENT | STORE },
	{ 0, X86_CR4_SMAP, true, U, STORE, PRESENT | STORE },
};

static void check_right(struct kunit *test, const struct right *r, u64 entry)
{
	struct fixture *f = test->priv;

	f->p.cr0 &= ~r->cr0_clear;
	f->p.cr4 |= r->cr4;
	f->p.ac = r->ac;
	if (r->error)
		expect_fault(test, 0, r->access, r->error);
	else
		expect_ok(test, 0, r->access, entry);
}

static void rights_of_the_leaf(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		long_mode(test->priv, P | A | D | rights[i].leaf);
		check_right(test, &rights[i], 0x12345000);
	}
}

/* The same when a table above takes the right away, or forbids fetches. */
static void rights_of_a_table(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i, level;

	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		for (level = 1; level < 4; level++) {
			long_mode(f, P | W | U | A | D);
			f->memory[level * 512] &= ~(W | U);
			f->memory[level * 512] |= rights[i].leaf;
			check_right(test, &rights[i], 0x12345000);
		}
	}
}

static void fetch_bit_in_error(struct kunit *test)
{
	struct fixture *f = test->priv;

	long_mode(f, 0);
	f->p.efer &= ~EFER_NX;
	expect_fault(test, 0, FETCH, 0);
	f->p.cr4 |= X86_CR4_SMEP;
	expect_fault(test, 0, FETCH, FETCH);
}

static void protection_keys(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 *leaf = long_mode(f, P | W | U | A | D | 5ULL << 59);

	f->p.pkru = 1 << 10;
	expect_ok(test, 0, USER, 0x12345000);
	f->p.cr4 |= X86_CR4_PKE;
	expect_fault(test, 0, USER, PRESENT | USER | PK);
	expect_fault(test, 0, 0, PRESENT | PK);
	expect_ok(test, 0, USER | FETCH, 0x12345000);
	f->p.pkru = 2 << 10;
	expect_ok(test, 0, USER, 0x12345000);
	expect_fault(test, 0, USER | STORE, PRESENT | USER | STORE | PK);
	expect_fault(test, 0, STORE, PRESENT | STORE | PK);
	f->p.cr0 &= ~X86_CR0_WP;
	expect_ok(test, 0, STORE, 0x12345000);
	expect_fault(test, 0, USER | STORE, PRESENT | USER | STORE | PK);
	f->p.pkru = ~(3U << 10);
	expect_ok(test, 0, USER | STORE, 0x12345000);
	/* Keys are for user pages. */
	f->p.pkru = ~0;
	*leaf &= ~U;
	expect_ok(test, 0, STORE, 0x12345000);
}

static void accessed_and_dirty(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 *leaf = long_mode(f, P | W | U);
	int level;

	for (level = 1; level < 4; level++)
		f->memory[level * 512] &= ~A;
	expect_ok(test, 0, 0, 0x12345000);
	KUNIT_EXPECT_EQ(test, f->updates, 4);
	KUNIT_EXPECT_EQ(test, *leaf & (A | D), A);
	expect_ok(test, 0, STORE, 0x12345000);
	KUNIT_EXPECT_EQ(test, f->updates, 5);
	KUNIT_EXPECT_EQ(test, *leaf & (A | D), A | D);
	for (level = 1; level < 4; level++)
		KUNIT_EXPECT_EQ(test, f->memory[level * 512] & (A | D), A);
	expect_ok(test, 0, STORE, 0x12345000);
	KUNIT_EXPECT_EQ(test, f->updates, 5);
	/* A faulting access writes nothing. */
	*leaf = 0x12345000 | P | U;
	expect_fault(test, 0, STORE, PRESENT | STORE);
	KUNIT_EXPECT_EQ(test, *leaf, 0x12345000 | P | U);
}

static void entry_changes(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_walk out;

	long_mode(f, P | W | U);
	f->changes = 3;
	expect_ok(test, 0, STORE, 0x12345000);
	KUNIT_EXPECT_EQ(test, f->changes, 0);
	long_mode(f, P | W | U);
	f->changes = 1000;
	KUNIT_EXPECT_EQ(test, walk(f, 0, STORE, &out), -EAGAIN);
}

static void tables_in_rom(struct kunit *test)
{
	struct fixture *f = test->priv;

	long_mode(f, P | W | U);
	f->rom = true;
	expect_ok(test, 0, STORE, 0x12345000);
}

static void tables_nowhere(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_walk out;

	long_mode(f, P | W | U);
	f->memory[2 * 512] = (u64)NR_PAGES << 12 | TABLE;
	expect_fault(test, 0, STORE, STORE);
	f->error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, walk(f, 0, STORE, &out), -EAGAIN);
}

static void pae(struct kunit *test)
{
	struct fixture *f = test->priv;

	mode(f, X86_CR4_PAE, EFER_NX);
	f->pdptr[3] = 0x1000 | P;
	f->memory[512] = 0x2000 | TABLE;
	f->memory[2 * 512 + 1] = 0xf012345000 | P | W | U | A | D;
	f->memory[512 + 1] = 0xe000200000 | P | W | U | A | D | PS;
	expect_ok(test, 0xc0001010, STORE | USER, 0xf012345010);
	expect_ok(test, 0xffffffffc0001010ULL, 0, 0xf012345010);
	expect_ok(test, 0xc0212345, 0, 0xe000212345);
	expect_fault(test, 0x1000, STORE, STORE);
	f->memory[2 * 512 + 1] |= BIT_ULL(52);
	expect_fault(test, 0xc0001000, 0, PRESENT | RSVD);
	f->memory[2 * 512 + 1] ^= BIT_ULL(52) | NX;
	expect_fault(test, 0xc0001000, FETCH, PRESENT | FETCH);
	/* Protection keys and 1 GiB pages are long mode's. */
	f->p.cr4 |= X86_CR4_PKE;
	f->p.pkru = ~0;
	expect_ok(test, 0xc0212345, 0, 0xe000212345);
}

static void pdptrs(struct kunit *test)
{
	u64 p[4] = { 0x1000 | P, 0, RESERVED, 0x2000 | P | BIT(3) | BIT(4) | BIT(9) };

	KUNIT_EXPECT_EQ(test, wr_pdptrs_check(p, RESERVED), 0);
	p[0] |= W;
	KUNIT_EXPECT_EQ(test, wr_pdptrs_check(p, RESERVED), -EINVAL);
	p[0] = 0x1000 | P | BIT_ULL(MAXPHYADDR);
	KUNIT_EXPECT_EQ(test, wr_pdptrs_check(p, RESERVED), -EINVAL);
	p[0] = 0x1000 | P | NX;
	KUNIT_EXPECT_EQ(test, wr_pdptrs_check(p, RESERVED), -EINVAL);
}

static void two_levels(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 *directory = (u32 *)&f->memory[512];
	u32 *table = (u32 *)&f->memory[2 * 512];

	mode(f, 0, 0);
	directory[1023] = 0x2000 | TABLE;
	table[1023] = 0x87654000 | P | W | U;
	expect_ok(test, 0xffffff12, STORE | USER, 0x87654f12);
	KUNIT_EXPECT_EQ(test, table[1023], (u32)(0x87654000 | P | W | U | A | D));
	/* The neighbours are untouched by 4-byte updates. */
	KUNIT_EXPECT_EQ(test, table[1022], 0U);
	expect_fault(test, 0xffffe000, 0, 0);
	/* No fetch bit, no NX. */
	table[1023] = 0x87654000 | P;
	expect_ok(test, 0xfffff000, FETCH, 0x87654000);
	expect_fault(test, 0xfffff000, FETCH | USER, PRESENT | USER);
}

static void pse(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 *directory = (u32 *)&f->memory[512];
	struct wr_walk out;

	/* Without PSE the bit is ignored: a table at 0x400000, where no memory is. */
	mode(f, 0, 0);
	directory[1] = 0x00400000 | P | W | U | A | D | PS;
	expect_fault(test, 0x400000, 0, 0);
	f->p.cr4 = X86_CR4_PSE;
	expect_ok(test, 0x412345, 0, 0x412345);
	KUNIT_EXPECT_EQ(test, walk(f, 0x400000, 0, &out), 0);
	KUNIT_EXPECT_EQ(test, out.page_size, 0x400000ULL);
	/* Bits 13 to 20: high address bits with PSE-36, as far as MAXPHYADDR goes. */
	directory[1] |= 0x5a << 13;
	expect_fault(test, 0x400000, 0, PRESENT | RSVD);
	f->p.pse36 = true;
	expect_ok(test, 0x412345, 0, 0x5a00412345);
	f->p.reserved = GENMASK_ULL(51, 36);
	expect_fault(test, 0x400000, 0, PRESENT | RSVD);
	directory[1] = 0x00400000 | P | BIT(21) | PS;
	expect_fault(test, 0x400000, 0, PRESENT | RSVD);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE(no_paging),
	KUNIT_CASE(four_levels),
	KUNIT_CASE(five_levels),
	KUNIT_CASE(large_pages),
	KUNIT_CASE(reserved_bits),
	KUNIT_CASE(rights_of_the_leaf),
	KUNIT_CASE(rights_of_a_table),
	KUNIT_CASE(fetch_bit_in_error),
	KUNIT_CASE(protection_keys),
	KUNIT_CASE(accessed_and_dirty),
	KUNIT_CASE(entry_changes),
	KUNIT_CASE(tables_in_rom),
	KUNIT_CASE(tables_nowhere),
	KUNIT_CASE(pae),
	KUNIT_CASE(pdptrs),
	KUNIT_CASE(two_levels),
	KUNIT_CASE(pse),
	{}
};

struct kunit_suite wr_walk_suite = {
	.name = "warren_walk",
	.init = fixture_init,
	.test_cases = walk_cases,
};
