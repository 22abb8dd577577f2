// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of stage-2 tables, and the flushes that they owe.
 *
 * No emulator catches a missing flush, so a model does: a TLB that caches translations as a CPU
 * may, and drops them only when a change says that a flush is owed. After each change every cached
 * translation must still be true: the same page, and no right that the tables do not give. A table
 * may be freed only after a flush.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "compat.h"
#include "mmu/table.h"

#define P	BIT_ULL(0)
#define W	BIT_ULL(1)
#define A	BIT_ULL(5)
#define D	BIT_ULL(6)
#define LARGE	BIT_ULL(7)
#define LOGGED	WR_PT_SW_LOGGED

static const struct wr_pt_format format = {
	.name = "test", .levels = 4, .max_leaf_level = 3,
	.present = P, .writable = W, .accessed = A, .dirty = D, .large = LARGE, .table = P | W,
};

/* The guest's memory in the model: three large pages, of which only some 4 KiB pages are used. */
#define NR_LARGE	3
#define NR_GFNS		(NR_LARGE * 512)
#define NR_CACHED	64

struct fixture {
	struct wr_mmu mmu;
	struct wr_table_cache cache;
	struct rnd_state rnd;
	struct {
		bool valid, writable;
		u64 gfn, pfn;
	} tlb[NR_CACHED];
	unsigned int flushes, changes;
};

static int fixture_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->mmu.format = &format;
	f->mmu.max_tables = 1000;
	prandom_seed_state(&f->rnd, 20261121);
	return wr_table_root_init(&f->mmu);
}

static void fixture_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	wr_table_cache_free(&f->cache);
	wr_table_root_free(&f->mmu);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->mmu.tables), 0L);
}

static u64 leaf_of(u64 pfn, int level, u64 rights)
{
	return (pfn & ~(wr_pt_pages(level) - 1)) << PAGE_SHIFT | P | rights |
	       (level > 1 ? LARGE : 0);
}

/* The entry that maps a page, or 0. */
static u64 lookup(struct fixture *f, u64 gfn, int *level)
{
	struct wr_pt_iter it;

	wr_pt_for_each(&it, &f->mmu, 1, gfn, gfn + 1) {
		*level = it.level;
		if (!wr_pt_is_table(&format, it.value, it.level))
			return wr_pt_is_present(&format, it.value) ? it.value : 0;
	}
	return 0;
}

static u64 pfn_of(u64 entry, u64 gfn, int level)
{
	return ((entry & WR_PT_ADDR_MASK) >> PAGE_SHIFT) + (gfn & (wr_pt_pages(level) - 1));
}

static enum wr_map map(struct kunit *test, u64 gfn, int level, u64 leaf, struct wr_gather *gather)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, wr_table_cache_fill(&f->cache, 3), 0);
	return wr_table_map(&f->mmu, &f->cache, gfn, level, leaf, gather);
}

#define EXPECT_MAP(test, result, ...)						\
	KUNIT_EXPECT_EQ(test, (int)map(test, __VA_ARGS__), (int)(result))

/* Expects an owed flush or none, and does what the owner of the lock would. */
static void settle(struct kunit *test, struct wr_gather *gather, bool owed)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, gather->flush, owed);
	KUNIT_EXPECT_TRUE(test, gather->flush || !gather->tables);
	gather->flush = false;
	wr_gather_free(&f->mmu, gather, false);
}

static void map_and_widen(struct kunit *test)
{
	struct fixture *f = test->priv;
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 7, 1, leaf_of(100, 1, 0), NULL);
	KUNIT_EXPECT_EQ(test, lookup(f, 7, &level), leaf_of(100, 1, 0));
	/* A write widens, keeps A and D, and a late read fault does not narrow again. */
	EXPECT_MAP(test, WR_MAP_DONE, 7, 1, leaf_of(100, 1, W | A), NULL);
	KUNIT_EXPECT_EQ(test, lookup(f, 7, &level), leaf_of(100, 1, W | A));
	EXPECT_MAP(test, WR_MAP_DONE, 7, 1, leaf_of(100, 1, LOGGED), NULL);
	KUNIT_EXPECT_EQ(test, lookup(f, 7, &level), leaf_of(100, 1, W | A));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->mmu.tables), 4L);
}

static void another_page(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 7, 1, leaf_of(100, 1, W), NULL);
	EXPECT_MAP(test, WR_MAP_EXCLUSIVE, 7, 1, leaf_of(101, 1, W), NULL);
	KUNIT_EXPECT_EQ(test, lookup(f, 7, &level), leaf_of(100, 1, W));
	EXPECT_MAP(test, WR_MAP_DONE, 7, 1, leaf_of(101, 1, 0), &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 7, &level), leaf_of(101, 1, 0));
}

static void split(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 512, 2, leaf_of(1024, 2, LOGGED), NULL);
	/* A read is served by the large leaf, a write wants a small one: all others get one that can be read. */
	EXPECT_MAP(test, WR_MAP_DONE, 515, 1, leaf_of(1027, 1, 0), NULL);
	KUNIT_EXPECT_EQ(test, lookup(f, 515, &level), leaf_of(1024, 2, LOGGED));
	EXPECT_MAP(test, WR_MAP_EXCLUSIVE, 515, 1, leaf_of(1027, 1, W), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 515, 1, leaf_of(1027, 1, W), &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 515, &level), leaf_of(1027, 1, W));
	KUNIT_EXPECT_EQ(test, level, 1);
	KUNIT_EXPECT_EQ(test, lookup(f, 516, &level), leaf_of(1028, 1, LOGGED));
}

static void collapse(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	long tables;
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 515, 1, leaf_of(1027, 1, W), NULL);
	tables = atomic_long_read(&f->mmu.tables);
	EXPECT_MAP(test, WR_MAP_EXCLUSIVE, 515, 2, leaf_of(1024, 2, W), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 515, 2, leaf_of(1024, 2, W), &gather);
	KUNIT_EXPECT_NOT_NULL(test, gather.tables);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 600, &level), leaf_of(1024, 2, W));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&f->mmu.tables), tables - 1);
}

/* Even an empty table owes a flush: the hardware may have cached the pointer to it. */
static void collapse_empty_table(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};

	EXPECT_MAP(test, WR_MAP_DONE, 515, 1, leaf_of(1027, 1, W), NULL);
	wr_table_zap(&f->mmu, 515, 516, &gather);
	settle(test, &gather, true);
	wr_table_zap(&f->mmu, 515, 516, &gather);
	settle(test, &gather, false);
	EXPECT_MAP(test, WR_MAP_DONE, 515, 2, leaf_of(1024, 2, W), &gather);
	settle(test, &gather, true);
}

static void dirty_logging(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 64, 1, leaf_of(1, 1, W), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 65, 1, leaf_of(2, 1, 0), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 127, 1, leaf_of(3, 1, W), NULL);
	wr_table_protect_masked(&f->mmu, 64, 1UL | 1UL << 1 | 1UL << 62, &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 64, &level), leaf_of(1, 1, LOGGED));
	KUNIT_EXPECT_EQ(test, lookup(f, 65, &level), leaf_of(2, 1, 0));
	KUNIT_EXPECT_EQ(test, lookup(f, 127, &level), leaf_of(3, 1, W));
	/* Nothing left to take: no flush. */
	wr_table_protect_masked(&f->mmu, 64, 1, &gather);
	settle(test, &gather, false);

	KUNIT_EXPECT_TRUE(test, wr_table_unprotect(&f->mmu, 64));
	KUNIT_EXPECT_EQ(test, lookup(f, 64, &level), leaf_of(1, 1, W));
	KUNIT_EXPECT_TRUE(test, wr_table_unprotect(&f->mmu, 64));
	/* Read-only for the host's sake: not to be made writable here. */
	KUNIT_EXPECT_FALSE(test, wr_table_unprotect(&f->mmu, 65));
	KUNIT_EXPECT_FALSE(test, wr_table_unprotect(&f->mmu, 66));
	KUNIT_EXPECT_FALSE(test, wr_table_unprotect(&f->mmu, 1ULL << 40));
}

static const struct wr_pt_format logging_format = {
	.name = "logging", .levels = 4, .max_leaf_level = 3,
	.present = P, .writable = W, .accessed = A, .dirty = D, .dirty_by_log = true, .large = LARGE, .table = P | W,
};

/* Where the hardware logs a 4 KiB leaf loses D alone; a larger one the right to write, as ever. */
static void dirty_by_log(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	int level;

	f->mmu.format = &logging_format;
	EXPECT_MAP(test, WR_MAP_DONE, 64, 1, leaf_of(1, 1, W | D), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 65, 1, leaf_of(2, 1, W | D), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 66, 1, leaf_of(3, 1, 0), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 512, 2, leaf_of(1024, 2, W | D), NULL);
	wr_table_protect_masked(&f->mmu, 64, 5, &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 64, &level), leaf_of(1, 1, W));
	KUNIT_EXPECT_EQ(test, lookup(f, 65, &level), leaf_of(2, 1, W | D));
	KUNIT_EXPECT_EQ(test, lookup(f, 66, &level), leaf_of(3, 1, 0));
	/* D is clear: no translation can write without setting it. */
	wr_table_protect_masked(&f->mmu, 64, 1, &gather);
	settle(test, &gather, false);
	/* A read finds the leaf as it is; a fault that marks the page need not set D. */
	EXPECT_MAP(test, WR_MAP_DONE, 64, 1, leaf_of(1, 1, W | D), NULL);
	KUNIT_EXPECT_EQ(test, lookup(f, 64, &level), leaf_of(1, 1, W));
	KUNIT_EXPECT_TRUE(test, wr_table_unprotect(&f->mmu, 64));
	KUNIT_EXPECT_EQ(test, lookup(f, 64, &level), leaf_of(1, 1, W));

	wr_table_protect(&f->mmu, 0, 1024, &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 65, &level), leaf_of(2, 1, W));
	KUNIT_EXPECT_EQ(test, lookup(f, 512, &level), leaf_of(1024, 2, LOGGED | D));
}

static void protect_large(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 512, 2, leaf_of(1024, 2, W), NULL);
	wr_table_protect(&f->mmu, 600, 601, &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 512, &level), leaf_of(1024, 2, LOGGED));
	KUNIT_EXPECT_FALSE(test, wr_table_unprotect(&f->mmu, 600));
}

static void zap_takes_partly_covered_leaf(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_gather gather = {};
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 512, 2, leaf_of(1024, 2, W), NULL);
	wr_table_zap(&f->mmu, 511, 512, &gather);
	settle(test, &gather, false);
	wr_table_zap(&f->mmu, 700, 701, &gather);
	settle(test, &gather, true);
	KUNIT_EXPECT_EQ(test, lookup(f, 512, &level), 0ULL);
}

static void age(struct kunit *test)
{
	struct fixture *f = test->priv;
	int level;

	EXPECT_MAP(test, WR_MAP_DONE, 3, 1, leaf_of(1, 1, W | A | D), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 4, 1, leaf_of(2, 1, W), NULL);
	KUNIT_EXPECT_FALSE(test, wr_table_age(&f->mmu, 4, 5, true));
	KUNIT_EXPECT_TRUE(test, wr_table_age(&f->mmu, 0, 5, false));
	KUNIT_EXPECT_TRUE(test, wr_table_age(&f->mmu, 0, 5, true));
	KUNIT_EXPECT_FALSE(test, wr_table_age(&f->mmu, 0, 5, true));
	KUNIT_EXPECT_EQ(test, lookup(f, 3, &level), leaf_of(1, 1, W | D));
}

static void limits(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct wr_table_cache none = {};

	KUNIT_EXPECT_EQ(test, (int)wr_table_map(&f->mmu, &none, 1, 1, leaf_of(1, 1, W), NULL),
			(int)WR_MAP_NO_TABLE);
	f->mmu.max_tables = 3;
	EXPECT_MAP(test, WR_MAP_LIMIT, 1, 1, leaf_of(1, 1, W), NULL);
	f->mmu.max_tables = 4;
	EXPECT_MAP(test, WR_MAP_DONE, 1, 1, leaf_of(1, 1, W), NULL);
	EXPECT_MAP(test, WR_MAP_LIMIT, 512, 1, leaf_of(1, 1, W), NULL);
	EXPECT_MAP(test, WR_MAP_DONE, 511, 1, leaf_of(1, 1, W), NULL);
}

static u32 below(struct fixture *f, u32 limit)
{
	return prandom_u32_state(&f->rnd) % limit;
}

/* A guest's access: what the tables give may stay cached. */
static void model_access(struct fixture *f, u64 gfn)
{
	u32 i = below(f, NR_CACHED);
	int level;
	u64 entry = lookup(f, gfn, &level);

	if (!entry)
		return;
	f->tlb[i].valid = true;
	f->tlb[i].gfn = gfn;
	f->tlb[i].pfn = pfn_of(entry, gfn, level);
	f->tlb[i].writable = entry & W;
}

static void model_check(struct kunit *test, u32 step)
{
	struct fixture *f = test->priv;
	int i, level;
	u64 entry;

	for (i = 0; i < NR_CACHED; i++) {
		if (!f->tlb[i].valid)
			continue;
		entry = lookup(f, f->tlb[i].gfn, &level);
		KUNIT_ASSERT_TRUE_MSG(test, entry, "step %u: stale translation", step);
		KUNIT_ASSERT_EQ_MSG(test, pfn_of(entry, f->tlb[i].gfn, level), f->tlb[i].pfn,
				    "step %u: stale page", step);
		KUNIT_ASSERT_TRUE_MSG(test, (entry & W) || !f->tlb[i].writable,
				      "step %u: stale right to write", step);
	}
}

/* One change of a random kind. Pages are those of one of two host mappings, chosen by @flip. */
static void model_change(struct kunit *test, u64 gfn, struct wr_gather *gather)
{
	static const u64 kinds[] = { 0, LOGGED, W, W };
	struct fixture *f = test->priv;
	int level = below(f, 3) ? 1 : 2;
	u64 rights = kinds[below(f, 4)];
	u64 pfn = gfn + (below(f, 8) ? 1 << 20 : 1 << 21);
	enum wr_map r;

	switch (below(f, 8)) {
	case 0:
		wr_table_zap(&f->mmu, gfn, gfn + 1 + below(f, 20), gather);
		break;
	case 1:
		wr_table_zap(&f->mmu, gfn & ~511ULL, (gfn | 511) + 1, gather);
		break;
	case 2:
		wr_table_protect(&f->mmu, gfn, gfn + 1 + below(f, 600), gather);
		break;
	case 3:
		wr_table_protect_masked(&f->mmu, gfn & ~63ULL, 1UL << (gfn & 63) | 1, gather);
		break;
	case 4:
		wr_table_unprotect(&f->mmu, gfn);
		break;
	default:
		r = map(test, gfn, level, leaf_of(pfn, level, rights), NULL);
		if (r == WR_MAP_EXCLUSIVE)
			r = map(test, gfn, level, leaf_of(pfn, level, rights), gather);
		KUNIT_ASSERT_EQ(test, (int)r, (int)WR_MAP_DONE);
	}
}

static void no_flush_is_missing(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 step;

	for (step = 0; step < 20000; step++) {
		struct wr_gather gather = {};

		model_change(test, below(f, NR_GFNS), &gather);
		f->changes++;
		KUNIT_ASSERT_TRUE(test, gather.flush || !gather.tables);
		if (gather.flush) {
			memset(f->tlb, 0, sizeof(f->tlb));
			f->flushes++;
		}
		wr_gather_free(&f->mmu, &gather, false);
		model_check(test, step);
		model_access(f, below(f, NR_GFNS));
		model_access(f, below(f, NR_LARGE) * 512 + below(f, 8));
	}
	kunit_info(test, "%u changes, %u flushes", f->changes, f->flushes);
	/* Not one for each change: widening must stay free. */
	KUNIT_EXPECT_LT(test, f->flushes, f->changes * 3 / 4);
}

static struct kunit_case stage2_cases[] = {
	KUNIT_CASE(map_and_widen),
	KUNIT_CASE(another_page),
	KUNIT_CASE(split),
	KUNIT_CASE(collapse),
	KUNIT_CASE(collapse_empty_table),
	KUNIT_CASE(dirty_logging),
	KUNIT_CASE(dirty_by_log),
	KUNIT_CASE(protect_large),
	KUNIT_CASE(zap_takes_partly_covered_leaf),
	KUNIT_CASE(age),
	KUNIT_CASE(limits),
	KUNIT_CASE(no_flush_is_missing),
	{}
};

struct kunit_suite wr_stage2_suite = {
	.name = "warren_stage2",
	.init = fixture_init,
	.exit = fixture_exit,
	.test_cases = stage2_cases,
};
