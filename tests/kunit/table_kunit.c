// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iterator over stage-2 tables, in a format of our own with 4 and with 5 levels.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "compat.h"
#include "mmu/table.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define LARGE	BIT_ULL(7)

static const struct wr_pt_format format4 = {
	.name = "test4", .levels = 4, .max_leaf_level = 3,
	.present = P, .writable = W, .large = LARGE, .table = P | W,
};

static const struct wr_pt_format format5 = {
	.name = "test5", .levels = 5, .max_leaf_level = 3,
	.present = P, .writable = W, .large = LARGE, .table = P | W,
};

struct fixture {
	struct wr_mmu mmu;
	struct wr_table_cache cache;
};

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->mmu.format = &format4;
	f->mmu.max_tables = 1000;
	return wr_table_root_init(&f->mmu);
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	wr_table_cache_free(&f->cache);
	wr_table_root_free(&f->mmu);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->mmu.tables), 0L);
}

static void map(struct kunit *test, u64 gfn, int level)
{
	struct fixture *f = test->priv;
	u64 leaf = (gfn << PAGE_SHIFT & WR_PT_ADDR_MASK) | P | W | (level > 1 ? LARGE : 0);

	KUNIT_ASSERT_EQ(test, wr_table_cache_fill(&f->cache, 4), 0);
	KUNIT_ASSERT_EQ(test, (int)wr_table_map(&f->mmu, &f->cache, gfn, level, leaf, NULL),
			(int)WR_MAP_DONE);
}

/*
 * Present leaves in a range, by one pass of the iterator, which must go up in order and not repeat.
 */
static int count_leaves(struct kunit *test, u64 start, u64 end)
{
	struct fixture *f = test->priv;
	struct wr_pt_iter it;
	u64 last = 0;
	int nr = 0;

	wr_pt_for_each(&it, &f->mmu, 1, start, end) {
		KUNIT_EXPECT_LT(test, it.gfn, end);
		KUNIT_EXPECT_GT(test, it.gfn + wr_pt_pages(it.level), start);
		KUNIT_EXPECT_EQ(test, it.gfn & (wr_pt_pages(it.level) - 1), 0ULL);
		if (!wr_pt_is_present(it.format, it.value) ||
		    !wr_pt_is_leaf(it.format, it.value, it.level))
			continue;
		KUNIT_EXPECT_EQ(test, it.value & WR_PT_ADDR_MASK,
				it.gfn << PAGE_SHIFT & WR_PT_ADDR_MASK);
		KUNIT_EXPECT_TRUE(test, !nr || it.gfn > last);
		last = it.gfn;
		nr++;
	}
	return nr;
}

static void empty_root(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_pt_iter it;
	int nr = 0;

	wr_pt_for_each(&it, &f->mmu, 1, 0, 1ULL << 36)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, WR_PT_ENTRIES);
	nr = 0;
	wr_pt_for_each(&it, &f->mmu, 1, 5, 6)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, 1);
	/* Past what the root maps there is nothing; across its end, only what is before. */
	wr_pt_for_each(&it, &f->mmu, 1, 1ULL << 36, 1ULL << 37)
		KUNIT_FAIL(test, "visited %llx", it.gfn);
	nr = 0;
	wr_pt_for_each(&it, &f->mmu, 1, (1ULL << 36) - 1, 1ULL << 40)
		nr++;
	KUNIT_EXPECT_EQ(test, nr, 1);
}

static void all_levels(struct kunit *test)
{
	map(test, 0, 1);
	map(test, 511, 1);
	map(test, 512, 2);
	map(test, 1 << 18, 3);
	map(test, 0xfffffffff, 1);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 0, 1ULL << 36), 5);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 0, 1), 1);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 1, 511), 0);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 511, 513), 2);
	/* In the middle of large leaves */
	KUNIT_EXPECT_EQ(test, count_leaves(test, 600, 601), 1);
	KUNIT_EXPECT_EQ(test, count_leaves(test, (1 << 18) + 12345, (1 << 18) + 12346), 1);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 1 << 19, 0xfffffffff), 0);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 0xfffffffff, 0x1000000000), 1);
}

static void five_levels(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->mmu.format = &format5;
	map(test, 0x1ffffffffff, 1);
	map(test, 0x1000000000, 2);
	map(test, 3, 1);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 0, 1ULL << 45), 3);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 4, 0x1ffffffffff), 1);
}

/* Ranges whose edges fall on and beside table edges, against a plain count. */
static void ranges(struct kunit *test)
{
	static const u64 edge[] = { 0, 1, 510, 511, 512, 513, 1023, 1024, (1 << 18) - 1, 1 << 18,
				    (1 << 18) + 1, (1 << 27) - 1, 1 << 27, (1 << 27) + 1 };
	int i, j;

	for (i = 0; i < ARRAY_SIZE(edge); i++)
		map(test, edge[i], 1);
	for (i = 0; i < ARRAY_SIZE(edge); i++)
		for (j = i + 1; j < ARRAY_SIZE(edge); j++)
			KUNIT_EXPECT_EQ(test, count_leaves(test, edge[i], edge[j]), j - i);
}

static void lowest_level(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_pt_iter it;

	map(test, 0, 1);
	wr_pt_for_each(&it, &f->mmu, 2, 0, 1ULL << 20)
		KUNIT_EXPECT_GE(test, it.level, 2);
}

/* Emptying a table's entry on the way keeps the iterator from going below. */
static void prune_on_the_way(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};

	map(test, 5, 1);
	map(test, 600, 1);
	map(test, 1 << 18, 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->mmu.tables), 1L + 1 + 2 + 3);
	wr_table_zap(&f->mmu, 0, 1 << 18, &gather);
	KUNIT_EXPECT_TRUE(test, gather.flush);
	KUNIT_EXPECT_EQ(test, count_leaves(test, 0, 1ULL << 36), 1);
	wr_gather_free(&f->mmu, &gather, true);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->mmu.tables), 4L);
}

static struct kunit_case table_cases[] = {
	KUNIT_CASE(empty_root),
	KUNIT_CASE(all_levels),
	KUNIT_CASE(five_levels),
	KUNIT_CASE(ranges),
	KUNIT_CASE(lowest_level),
	KUNIT_CASE(prune_on_the_way),
	{}
};

struct kunit_suite wr_table_suite = {
	.name = "warren_table",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = table_cases,
};
