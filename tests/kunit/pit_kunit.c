// SPDX-License-Identifier: GPL-2.0-only
/*
 * The 8254's registers over time; the time is the test's.
 */
#include <kunit/test.h>
#include <linux/math64.h>

#include "irq/chips.h"

#define CONTROL	3
#define LATCH_COUNT(channel)		((channel) << 6)
#define WORD(channel, mode)	((channel) << 6 | 3 << 4 | (mode) << 1)
#define START	1000000000ll

struct fixture {
	struct wr_pit_model model;
	s64 now;
};

static bool out(struct fixture *fix, u32 port, u8 value)
{
	return wr_pit_model_write(&fix->model, port, value, fix->now);
}

static u8 in(struct fixture *fix, u32 port)
{
	return wr_pit_model_read(&fix->model, port, fix->now);
}

static u16 in_word(struct fixture *fix, u32 port)
{
	u8 low = in(fix, port);

	return low | in(fix, port) << 8;
}

static void program(struct fixture *fix, u32 channel, u8 mode, u16 count)
{
	out(fix, CONTROL, WORD(channel, mode));
	out(fix, channel, count);
	out(fix, channel, count >> 8);
}

/* To the middle of the clock that is @clocks after START. */
static void at(struct fixture *fix, u64 clocks)
{
	fix->now = START + mul_u64_u64_div_u64(2 * clocks + 1, NSEC_PER_SEC, 2 * WR_PIT_HZ);
}

static u8 status(struct fixture *fix, u32 channel)
{
	out(fix, CONTROL, 0xe0 | 2 << channel);
	return in(fix, channel);
}

static bool output(struct fixture *fix, u32 channel)
{
	return status(fix, channel) & BIT(7);
}

static int pit_setup(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->now = START;
	wr_pit_model_reset(&fix->model, fix->now);
	test->priv = fix;
	return 0;
}

static void mode0(struct kunit *test)
{
	struct fixture *fix = test->priv;

	program(fix, 0, 0, 1000);
	at(fix, 0);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 1000);
	at(fix, 999);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 1);
	KUNIT_EXPECT_FALSE(test, output(fix, 0));
	at(fix, 1000);
	KUNIT_EXPECT_TRUE(test, output(fix, 0));
	at(fix, 1001);
	/* It counts on, through 0. */
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 0xffff);
	KUNIT_EXPECT_TRUE(test, output(fix, 0));
}

static void mode2(struct kunit *test)
{
	struct fixture *fix = test->priv;

	program(fix, 0, 2, 100);
	at(fix, 30);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 70);
	at(fix, 99);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 1);
	KUNIT_EXPECT_FALSE(test, output(fix, 0));
	at(fix, 100);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 100);
	KUNIT_EXPECT_TRUE(test, output(fix, 0));
	at(fix, 1000000000ull * 100 + 7);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 93);
}

static void mode3(struct kunit *test)
{
	struct fixture *fix = test->priv;
	u32 i;

	/* 7: four clocks high, three low, always even. */
	static const u8 odd[] = { 6, 4, 2, 0, 6, 4, 2 };

	program(fix, 0, 3, 7);
	for (i = 0; i < 21; i++) {
		at(fix, i);
		KUNIT_EXPECT_EQ(test, in_word(fix, 0), odd[i % 7]);
		KUNIT_EXPECT_EQ(test, output(fix, 0), i % 7 < 4);
	}
	fix->now = START;
	program(fix, 0, 3, 0);
	at(fix, 0x8001);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 0xfffe);
	KUNIT_EXPECT_FALSE(test, output(fix, 0));
}

static void mode4(struct kunit *test)
{
	struct fixture *fix = test->priv;

	program(fix, 0, 4, 10);
	at(fix, 9);
	KUNIT_EXPECT_TRUE(test, output(fix, 0));
	at(fix, 10);
	KUNIT_EXPECT_FALSE(test, output(fix, 0));
	at(fix, 11);
	KUNIT_EXPECT_TRUE(test, output(fix, 0));
}

/* Modes 1 and 5 begin at the gate's edge. */
static void triggered(struct kunit *test)
{
	struct fixture *fix = test->priv;

	program(fix, 2, 1, 100);
	at(fix, 50);
	KUNIT_EXPECT_TRUE(test, output(fix, 2));
	fix->now = START;
	wr_pit_speaker_write(&fix->model, 1, fix->now);
	at(fix, 40);
	KUNIT_EXPECT_EQ(test, in_word(fix, 2), 60);
	KUNIT_EXPECT_FALSE(test, output(fix, 2));
	wr_pit_speaker_write(&fix->model, 0, fix->now);
	at(fix, 100);
	KUNIT_EXPECT_TRUE(test, output(fix, 2));

	fix->now = START;
	program(fix, 2, 5, 10);
	at(fix, 10);
	KUNIT_EXPECT_TRUE(test, output(fix, 2));
	fix->now = START;
	wr_pit_speaker_write(&fix->model, 1, fix->now);
	at(fix, 10);
	KUNIT_EXPECT_FALSE(test, output(fix, 2));
}

static void gate_stops_counting(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_pit_speaker_write(&fix->model, 1, fix->now);
	program(fix, 2, 0, 1000);
	at(fix, 100);
	KUNIT_EXPECT_EQ(test, in_word(fix, 2), 900);
	wr_pit_speaker_write(&fix->model, 0, fix->now);
	at(fix, 600);
	KUNIT_EXPECT_EQ(test, in_word(fix, 2), 900);
	wr_pit_speaker_write(&fix->model, 1, fix->now);
	at(fix, 610);
	KUNIT_EXPECT_EQ(test, in_word(fix, 2), 890);
}

/* How Linux measures the TSC: port 0x61 shows the output of channel 2. */
static void port61(struct kunit *test)
{
	struct fixture *fix = test->priv;

	wr_pit_speaker_write(&fix->model, 1, fix->now);
	program(fix, 2, 0, 50);
	at(fix, 49);
	KUNIT_EXPECT_EQ(test, wr_pit_speaker_read(&fix->model, fix->now) & 0x23, 0x01);
	at(fix, 50);
	KUNIT_EXPECT_EQ(test, wr_pit_speaker_read(&fix->model, fix->now) & 0x23, 0x21);
	wr_pit_speaker_write(&fix->model, 3, fix->now);
	KUNIT_EXPECT_EQ(test, fix->model.state.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	KUNIT_EXPECT_EQ(test, wr_pit_speaker_read(&fix->model, fix->now) & 0x23, 0x23);
	/* The refresh bit toggles. */
	KUNIT_EXPECT_NE(test, wr_pit_speaker_read(&fix->model, 0) & 0x10,
			wr_pit_speaker_read(&fix->model, 15085) & 0x10);
}

static void bcd(struct kunit *test)
{
	struct fixture *fix = test->priv;

	out(fix, CONTROL, WORD(0, 2) | 1);
	out(fix, 0, 0x50);
	out(fix, 0, 0x12);
	KUNIT_EXPECT_EQ(test, wr_pit_period(&fix->model.state.channels[0]), 1250u);
	at(fix, 1);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 0x1249);
	fix->now = START;
	out(fix, CONTROL, WORD(0, 0) | 1);
	out(fix, 0, 0);
	out(fix, 0, 0);
	KUNIT_EXPECT_EQ(test, wr_pit_period(&fix->model.state.channels[0]), 10000u);
	at(fix, 1);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 0x9999);
}

static void latches(struct kunit *test)
{
	struct fixture *fix = test->priv;

	program(fix, 0, 2, 1000);
	at(fix, 100);
	out(fix, CONTROL, LATCH_COUNT(0));
	at(fix, 200);
	/* The first latch stays until it was read. */
	out(fix, CONTROL, LATCH_COUNT(0));
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 900);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 800);
	/* Status comes before the count when both are latched. */
	out(fix, CONTROL, 0xc2);
	KUNIT_EXPECT_EQ(test, in(fix, 0), 0xb4);
	at(fix, 300);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 800);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 700);
	KUNIT_EXPECT_EQ(test, in(fix, CONTROL), 0);
}

static void one_byte_access(struct kunit *test)
{
	struct fixture *fix = test->priv;

	out(fix, CONTROL, 0x14);
	KUNIT_EXPECT_TRUE(test, out(fix, 0, 0x80));
	at(fix, 0x10);
	KUNIT_EXPECT_EQ(test, in(fix, 0), 0x70);
	KUNIT_EXPECT_EQ(test, in(fix, 0), 0x70);
	fix->now = START;
	out(fix, CONTROL, 0x24);
	KUNIT_EXPECT_TRUE(test, out(fix, 0, 0x80));
	at(fix, 0x100);
	KUNIT_EXPECT_EQ(test, in(fix, 0), 0x7f);
	out(fix, CONTROL, LATCH_COUNT(0));
	KUNIT_EXPECT_EQ(test, in(fix, 0), 0x7f);
}

static void null_count(struct kunit *test)
{
	struct fixture *fix = test->priv;

	/* The control word stops channel 0, the whole count starts it. */
	KUNIT_EXPECT_TRUE(test, out(fix, CONTROL, WORD(0, 2)));
	KUNIT_EXPECT_EQ(test, status(fix, 0) & 0xc0, 0xc0);
	KUNIT_EXPECT_FALSE(test, out(fix, 0, 0xe8));
	KUNIT_EXPECT_TRUE(test, out(fix, 0, 0x03));
	KUNIT_EXPECT_EQ(test, status(fix, 0) & 0x40, 0);
	KUNIT_EXPECT_FALSE(test, out(fix, CONTROL, WORD(1, 2)));
	/* Modes 6 and 7 are 2 and 3. */
	out(fix, CONTROL, WORD(0, 7));
	KUNIT_EXPECT_EQ(test, fix->model.state.channels[0].mode, 3);
}

static void state_from_anywhere(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct kvm_pit_state2 state;
	int i, port;

	program(fix, 0, 2, 1000);
	state = fix->model.state;
	wr_pit_model_reset(&fix->model, fix->now);
	KUNIT_EXPECT_EQ(test, fix->model.state.channels[0].mode, 0xff);
	wr_pit_model_set(&fix->model, &state, START);
	at(fix, 1);
	KUNIT_EXPECT_EQ(test, in_word(fix, 0), 999);

	for (i = 0; i < 256; i++) {
		memset(&state, i, sizeof(state));
		wr_pit_model_set(&fix->model, &state, fix->now);
		fix->now += i;
		for (port = 0; port <= CONTROL; port++) {
			out(fix, port, i);
			in(fix, port);
		}
		status(fix, 2);
		KUNIT_EXPECT_GE(test, wr_pit_period(&fix->model.state.channels[0]), 1u);
	}
}

static struct kunit_case pit_cases[] = {
	KUNIT_CASE(mode0),
	KUNIT_CASE(mode2),
	KUNIT_CASE(mode3),
	KUNIT_CASE(mode4),
	KUNIT_CASE(triggered),
	KUNIT_CASE(gate_stops_counting),
	KUNIT_CASE(port61),
	KUNIT_CASE(bcd),
	KUNIT_CASE(latches),
	KUNIT_CASE(one_byte_access),
	KUNIT_CASE(null_count),
	KUNIT_CASE(state_from_anywhere),
	{}
};

struct kunit_suite wr_pit_suite = {
	.name = "warren_pit",
	.init = pit_setup,
	.test_cases = pit_cases,
};
