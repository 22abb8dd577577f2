// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots: what is accepted, how they are searched, and how one set follows another.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "mmu/internal.h"

#define MAX_GFN		(1ULL << 36)
#define GOOD_HVA	0x7f0000000000ULL

struct check {
	const char *what;
	struct kvm_userspace_memory_region region;
	int result;
};

#define REGION(id, fl, gpa, size, hva) {					\
	.slot = (id), .flags = (fl), .guest_phys_addr = (gpa),			\
	.memory_size = (size), .userspace_addr = (hva) }

static const struct check checks[] = {
	{ "plain", REGION(0, 0, 0, 0x1000, GOOD_HVA), 0 },
	{ "last id", REGION(WR_MAX_SLOTS - 1, 0, 0, 0x1000, GOOD_HVA), 0 },
	{ "id too large", REGION(WR_MAX_SLOTS, 0, 0, 0x1000, GOOD_HVA), -EINVAL },
	{ "address space 1", REGION(1 << 16, 0, 0, 0x1000, GOOD_HVA), -EINVAL },
	{ "both flags", REGION(0, 3, 0, 0x1000, GOOD_HVA), 0 },
	{ "unknown flag", REGION(0, 4, 0, 0x1000, GOOD_HVA), -EINVAL },
	{ "our own flag", REGION(0, WR_SLOT_DYING, 0, 0x1000, GOOD_HVA), -EINVAL },
	{ "delete", REGION(0, 0, 0, 0, 0), 0 },
	{ "size misaligned", REGION(0, 0, 0, 0x1001, GOOD_HVA), -EINVAL },
	{ "gpa misaligned", REGION(0, 0, 0x800, 0x1000, GOOD_HVA), -EINVAL },
	{ "hva misaligned", REGION(0, 0, 0, 0x1000, GOOD_HVA + 8), -EINVAL },
	{ "up to the last gfn", REGION(0, 0, (MAX_GFN - 1) << 12, 0x1000, GOOD_HVA), 0 },
	{ "past the last gfn", REGION(0, 0, (MAX_GFN - 1) << 12, 0x2000, GOOD_HVA), -EINVAL },
	{ "gpa wraps", REGION(0, 0, -0x1000ULL, 0x2000, GOOD_HVA), -EINVAL },
	{ "gpa ends at 2^64", REGION(0, 0, -0x1000ULL, 0x1000, GOOD_HVA), -EINVAL },
	{ "kernel hva", REGION(0, 0, 0, 0x1000, 0xffff888000000000ULL), -EINVAL },
	{ "non-canonical hva", REGION(0, 0, 0, 0x1000, 0x0100000000000000ULL), -EINVAL },
	{ "hva wraps", REGION(0, 0, 0, 0x2000, -0x1000ULL), -EINVAL },
	{ "largest", REGION(0, 0, 0, ((1ULL << 31) - 1) << 12, 0x1000), 0 },
	{ "too large", REGION(0, 0, 0, 1ULL << 43, 0x1000), -EINVAL },
};

static void validation(struct kunit *test)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(checks); i++)
		KUNIT_EXPECT_EQ_MSG(test, wr_slot_check(&checks[i].region, MAX_GFN),
				    checks[i].result, "%s", checks[i].what);
}

static void validation_end_of_user_space(struct kunit *test)
{
	struct kvm_userspace_memory_region region = REGION(0, 0, 0, 0x1000, TASK_SIZE_MAX - 0x1000);

	KUNIT_EXPECT_EQ(test, wr_slot_check(&region, MAX_GFN), 0);
	region.memory_size = 0x2000;
	KUNIT_EXPECT_EQ(test, wr_slot_check(&region, MAX_GFN), -EINVAL);
}

/* Slots by gfn: [0x10, 0x20), [0x20, 0x21), [0x100, 0x200) */
static struct wr_slot slot[] = {
	{ .gfn = 0x10, .npages = 0x10, .id = 5 },
	{ .gfn = 0x20, .npages = 1, .id = 1 },
	{ .gfn = 0x100, .npages = 0x100, .id = 3 },
};

/* Adds them last to first, so that order comes from the code. */
static struct wr_slots *three_slots(struct kunit *test)
{
	struct wr_slots *slots = &wr_no_slots;
	struct wr_slots *next;
	int i;

	for (i = ARRAY_SIZE(slot) - 1; i >= 0; i--) {
		next = wr_slots_replace(slots, NULL, &slot[i]);
		if (slots != &wr_no_slots)
			kvfree(slots);
		KUNIT_ASSERT_NOT_NULL(test, next);
		slots = next;
	}
	return slots;
}

static void order_and_search(struct kunit *test)
{
	struct wr_slots *slots = three_slots(test);
	u64 gfn;
	int i;

	KUNIT_ASSERT_EQ(test, slots->nr, 3U);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, slots->slot[i], &slot[i]);
	for (gfn = 0; gfn < 0x210; gfn++) {
		const struct wr_slot *want = NULL;

		for (i = 0; i < 3; i++)
			if (gfn >= slot[i].gfn && gfn < slot[i].gfn + slot[i].npages)
				want = &slot[i];
		KUNIT_EXPECT_PTR_EQ_MSG(test, wr_slot_find(slots, gfn), want, "gfn %llx", gfn);
	}
	KUNIT_EXPECT_NULL(test, wr_slot_find(slots, ~0ULL));
	KUNIT_EXPECT_NULL(test, wr_slot_find(&wr_no_slots, 0));
	kvfree(slots);
}

static void search_many(struct kunit *test)
{
	struct wr_slots *slots;
	struct wr_slot *many;
	u64 i;

	many = kunit_kcalloc(test, WR_MAX_SLOTS, sizeof(*many), GFP_KERNEL);
	slots = kunit_kzalloc(test, struct_size(slots, slot, WR_MAX_SLOTS), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, many);
	KUNIT_ASSERT_NOT_NULL(test, slots);
	slots->nr = WR_MAX_SLOTS;
	for (i = 0; i < WR_MAX_SLOTS; i++) {
		many[i].gfn = 3 * i + 1;
		many[i].npages = 2;
		slots->slot[i] = &many[i];
	}
	for (i = 0; i < 3 * WR_MAX_SLOTS; i++)
		KUNIT_EXPECT_PTR_EQ(test, wr_slot_find(slots, i),
				    (const struct wr_slot *)(i % 3 ? &many[i / 3] : NULL));
}

static void overlap(struct kunit *test)
{
	struct wr_slots *slots = three_slots(test);

	KUNIT_EXPECT_FALSE(test, wr_slots_overlap(slots, 0, 0x10, NULL));
	KUNIT_EXPECT_TRUE(test, wr_slots_overlap(slots, 0, 0x11, NULL));
	KUNIT_EXPECT_TRUE(test, wr_slots_overlap(slots, 0x18, 1, NULL));
	KUNIT_EXPECT_FALSE(test, wr_slots_overlap(slots, 0x18, 1, &slot[0]));
	KUNIT_EXPECT_TRUE(test, wr_slots_overlap(slots, 0x18, 9, &slot[0]));
	KUNIT_EXPECT_TRUE(test, wr_slots_overlap(slots, 0x20, 1, NULL));
	KUNIT_EXPECT_FALSE(test, wr_slots_overlap(slots, 0x21, 0xdf, NULL));
	KUNIT_EXPECT_TRUE(test, wr_slots_overlap(slots, 0, 0x1000, &slot[1]));
	KUNIT_EXPECT_FALSE(test, wr_slots_overlap(slots, 0x200, 1, NULL));
	kvfree(slots);
}

static void removal_and_move(struct kunit *test)
{
	struct wr_slots *slots = three_slots(test);
	struct wr_slot moved = { .gfn = 0x1000, .npages = 0x10, .id = 5 };
	struct wr_slots *next = wr_slots_replace(slots, &slot[0], &moved);
	struct wr_slots *last;

	KUNIT_ASSERT_NOT_NULL(test, next);
	KUNIT_EXPECT_EQ(test, next->nr, 3U);
	KUNIT_EXPECT_EQ(test, next->generation, slots->generation + 1);
	KUNIT_EXPECT_NULL(test, wr_slot_find(next, 0x10));
	KUNIT_EXPECT_PTR_EQ(test, wr_slot_find(next, 0x100f), (const struct wr_slot *)&moved);
	KUNIT_EXPECT_PTR_EQ(test, next->slot[2], &moved);

	last = wr_slots_replace(next, &slot[1], NULL);
	KUNIT_ASSERT_NOT_NULL(test, last);
	KUNIT_EXPECT_EQ(test, last->nr, 2U);
	KUNIT_EXPECT_NULL(test, wr_slot_find(last, 0x20));
	kvfree(slots);
	kvfree(next);
	kvfree(last);
}

/*
 * A hit is good for its generation only, even when the new set has other slots at the same
 * addresses.
 */
static void cached_search(struct kunit *test)
{
	struct wr_slots *slots = three_slots(test);
	struct wr_slot other = { .gfn = 0x10, .npages = 8, .id = 5 };
	struct wr_slots *next = wr_slots_replace(slots, &slot[0], &other);
	struct wr_walk_cache cache = {};

	KUNIT_ASSERT_NOT_NULL(test, next);
	KUNIT_EXPECT_NULL(test, wr_slot_find_cached(&cache, &wr_no_slots, 0));
	KUNIT_EXPECT_PTR_EQ(test, wr_slot_find_cached(&cache, slots, 0x1f),
			    (const struct wr_slot *)&slot[0]);
	KUNIT_EXPECT_PTR_EQ(test, cache.slot, (const struct wr_slot *)&slot[0]);
	KUNIT_EXPECT_PTR_EQ(test, wr_slot_find_cached(&cache, slots, 0x10),
			    (const struct wr_slot *)&slot[0]);
	KUNIT_EXPECT_NULL(test, wr_slot_find_cached(&cache, next, 0x1f));
	KUNIT_EXPECT_PTR_EQ(test, wr_slot_find_cached(&cache, next, 0x10),
			    (const struct wr_slot *)&other);
	KUNIT_EXPECT_PTR_EQ(test, wr_slot_find_cached(&cache, next, 0x1ff),
			    (const struct wr_slot *)&slot[2]);
	kvfree(slots);
	kvfree(next);
}

static void dirty_bits(struct kunit *test)
{
	unsigned long bits[2] = {};
	struct wr_slot logged = { .gfn = 0x100, .npages = 70, .dirty = bits };
	struct wr_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	wr_dirty_mark(vm, NULL, &slot[0], 0x10);
	wr_dirty_mark(vm, NULL, &logged, 0x100);
	wr_dirty_mark(vm, NULL, &logged, 0x100 + 69);
	wr_dirty_mark(vm, NULL, &logged, 0x100 + 69);
	KUNIT_EXPECT_EQ(test, bits[0], 1UL);
	KUNIT_EXPECT_EQ(test, bits[1], 1UL << 5);
}

static struct kunit_case slots_cases[] = {
	KUNIT_CASE(validation),
	KUNIT_CASE(validation_end_of_user_space),
	KUNIT_CASE(order_and_search),
	KUNIT_CASE(search_many),
	KUNIT_CASE(overlap),
	KUNIT_CASE(removal_and_move),
	KUNIT_CASE(cached_search),
	KUNIT_CASE(dirty_bits),
	{}
};

struct kunit_suite wr_slots_suite = {
	.name = "warren_slots",
	.test_cases = slots_cases,
};
