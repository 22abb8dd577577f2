// SPDX-License-Identifier: GPL-2.0-only
/*
 * What shadow entries are made of: roles, pages behind large leaves, rights, and which changes need no flush.
 */
#include <kunit/test.h>

#include "mmu/shadow_rules.h"

#define PG	X86_CR0_PG
#define WP	X86_CR0_WP
#define STORE	WR_ACC_WRITE
#define USER	WR_ACC_USER

static void roles_of_roots(struct kunit *test)
{
	union shadow_role r = shadow_root_role(PG, 0, 0);

	KUNIT_EXPECT_TRUE(test, r.mode == SHADOW_32 && r.level == 2 && r.access == SHADOW_ALL);
	KUNIT_EXPECT_TRUE(test, !r.pse && !r.wp && !r.nxe && !r.smep && !r.direct && !r.quadrant);
	r = shadow_root_role(PG | WP, X86_CR4_PSE | X86_CR4_SMEP, EFER_NX);
	KUNIT_EXPECT_TRUE(test, r.mode == SHADOW_32 && r.pse && r.wp && r.nxe && !r.smep);
	r = shadow_root_role(PG, X86_CR4_PAE | X86_CR4_PSE | X86_CR4_SMEP, 0);
	KUNIT_EXPECT_TRUE(test, r.mode == SHADOW_PAE && r.level == 2 && !r.pse && r.smep);
	r = shadow_root_role(PG, X86_CR4_PAE | X86_CR4_SMAP, EFER_LME | EFER_LMA);
	KUNIT_EXPECT_TRUE(test, r.smap && shadow_root_role(PG | WP, X86_CR4_SMAP, 0).smap == 0);
	r = shadow_root_role(PG, X86_CR4_PAE, EFER_LME | EFER_LMA);
	KUNIT_EXPECT_TRUE(test, r.mode == SHADOW_64 && r.level == 4);
	r = shadow_root_role(PG, X86_CR4_PAE | X86_CR4_LA57, EFER_LME | EFER_LMA);
	KUNIT_EXPECT_TRUE(test, r.mode == SHADOW_64 && r.level == 5);
	/* What the guest turned on for long mode, but is not in */
	r = shadow_root_role(PG, X86_CR4_PAE | X86_CR4_LA57, EFER_LME);
	KUNIT_EXPECT_TRUE(test, r.mode == SHADOW_PAE && r.level == 2);
}

static void leaves(struct kunit *test)
{
	union shadow_role r = { .mode = SHADOW_64, .level = 4 };

	KUNIT_EXPECT_FALSE(test, shadow_is_leaf(r, SPTE_PS));
	r.level = 3;
	KUNIT_EXPECT_TRUE(test, shadow_is_leaf(r, SPTE_PS));
	KUNIT_EXPECT_FALSE(test, shadow_is_leaf(r, ~SPTE_PS));
	KUNIT_EXPECT_EQ(test, shadow_leaf_gfn(r, 7, 0x1bffff000ull | SPTE_NX), 0x180000ull);
	r.level = 2;
	KUNIT_EXPECT_EQ(test, shadow_leaf_gfn(r, 7, 0x1bffff000ull), 0x1bfe00ull);
	r.level = 1;
	KUNIT_EXPECT_TRUE(test, shadow_is_leaf(r, 0));
	KUNIT_EXPECT_EQ(test, shadow_leaf_gfn(r, 7, 0x1bffff083ull), 0x1bffffull);
	r.mode = SHADOW_32;
	r.level = 2;
	KUNIT_EXPECT_FALSE(test, shadow_is_leaf(r, SPTE_PS));
	r.pse = 1;
	KUNIT_EXPECT_TRUE(test, shadow_is_leaf(r, SPTE_PS));
	/* A 4 MiB page is two entries; bits 13 to 20 are those of its address from 32 on. */
	KUNIT_EXPECT_EQ(test, shadow_leaf_gfn(r, 6, 0xffc00083ull), 0xffc00ull);
	KUNIT_EXPECT_EQ(test, shadow_leaf_gfn(r, 7, 0xffc00083ull), 0xffe00ull);
	KUNIT_EXPECT_EQ(test, shadow_leaf_gfn(r, 0, 0x00406083ull), 0x300400ull);
}

static void rights_of_entries(struct kunit *test)
{
	union shadow_role r = { .mode = SHADOW_64, .level = 1 };

	KUNIT_EXPECT_EQ(test, shadow_entry_rights(r, SPTE_P), SHADOW_X);
	KUNIT_EXPECT_EQ(test, shadow_entry_rights(r, SPTE_P | SPTE_W | SPTE_U | SPTE_NX), SHADOW_W | SHADOW_U);
	r.mode = SHADOW_32;
	KUNIT_EXPECT_EQ(test, shadow_entry_rights(r, SPTE_P | SPTE_W), SHADOW_W | SHADOW_X);
}

/* Only a supervisor's write, with CR0.WP clear, to a page that is read-only changes anything. */
static void rights_without_wp(struct kunit *test)
{
	union shadow_role r = {};
	u32 rights, access;

	for (rights = 0; rights <= SHADOW_ALL; rights++)
		for (access = 0; access <= (STORE | USER); access += STORE) {
			bool special = access == STORE && !(rights & SHADOW_W);

			r.word = 0;
			KUNIT_EXPECT_EQ(test, shadow_final_rights(r, rights, access),
					special ? (rights | SHADOW_W) & ~SHADOW_U : rights);
			r.smep = 1;
			KUNIT_EXPECT_EQ(test, shadow_final_rights(r, rights, access),
					special && rights & SHADOW_U ? SHADOW_W :
					special ? rights | SHADOW_W : rights);
			r.wp = 1;
			KUNIT_EXPECT_EQ(test, shadow_final_rights(r, rights, access), rights);
		}
}

/* A and D that came allow what was allowed before; anything else is a change. */
static void sameness(struct kunit *test)
{
	u64 entry = 0x12345000 | SPTE_P | SPTE_W | SPTE_A;
	unsigned int bit;

	KUNIT_EXPECT_TRUE(test, shadow_same(entry, entry));
	KUNIT_EXPECT_TRUE(test, shadow_same(entry, entry | SPTE_D));
	KUNIT_EXPECT_FALSE(test, shadow_same(entry | SPTE_D, entry));
	KUNIT_EXPECT_FALSE(test, shadow_same(entry, entry & ~SPTE_A));
	for (bit = 0; bit < 64; bit++)
		if (BIT_ULL(bit) != SPTE_D)
			KUNIT_EXPECT_FALSE(test, shadow_same(entry, entry ^ BIT_ULL(bit)));
}

static void widening(struct kunit *test)
{
	const u64 page = 0x12345000 | SPTE_P | SPTE_A;

	KUNIT_EXPECT_TRUE(test, shadow_is_widened(page, page));
	KUNIT_EXPECT_TRUE(test, shadow_is_widened(page | SPTE_NX, page | SPTE_W | SPTE_D | SPTE_U));
	KUNIT_EXPECT_FALSE(test, shadow_is_widened(0, page));
	KUNIT_EXPECT_FALSE(test, shadow_is_widened(page | SPTE_W, page));
	KUNIT_EXPECT_FALSE(test, shadow_is_widened(page | SPTE_U, page | SPTE_W));
	KUNIT_EXPECT_FALSE(test, shadow_is_widened(page, page | SPTE_NX));
	KUNIT_EXPECT_FALSE(test, shadow_is_widened(page, page + PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, shadow_is_widened(page, page | SPTE_CACHE));
}

static void parts_of_chunks(struct kunit *test)
{
	static const struct {
		u64 start, end;
		unsigned long index;
		unsigned int first, past;
	} cases[] = {
		{ 0, 1, 0, 0, 1 },
		{ 511, 513, 0, 511, 512 },
		{ 511, 513, 1, 0, 1 },
		{ 512, 1024, 1, 0, 512 },
		{ 5, 4096, 3, 0, 512 },
		{ 0, 1ull << 40, (1ul << 31) - 1, 0, 512 },
	};
	unsigned int first, past;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		shadow_chunk_part(cases[i].index, cases[i].start, cases[i].end, &first, &past);
		KUNIT_EXPECT_EQ(test, first, cases[i].first);
		KUNIT_EXPECT_EQ(test, past, cases[i].past);
	}
}

static void indices(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, shadow_index(0xffffffffffffffffull, 1), 511u);
	KUNIT_EXPECT_EQ(test, shadow_index(0xffff800000000000ull, 4), 256u);
	KUNIT_EXPECT_EQ(test, shadow_index(0x00403000ull, 1), 3u);
	KUNIT_EXPECT_EQ(test, shadow_index(0x00403000ull, 2), 2u);
}

static struct kunit_case shadow_cases[] = {
	KUNIT_CASE(roles_of_roots),
	KUNIT_CASE(leaves),
	KUNIT_CASE(rights_of_entries),
	KUNIT_CASE(rights_without_wp),
	KUNIT_CASE(sameness),
	KUNIT_CASE(widening),
	KUNIT_CASE(parts_of_chunks),
	KUNIT_CASE(indices),
	{}
};

struct kunit_suite wr_shadow_suite = {
	.name = "warren_shadow",
	.test_cases = shadow_cases,
};
