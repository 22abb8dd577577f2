// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of the 8254 and of port 0x61 as a function of time. Nothing here knows of a VM or
 * of a timer.
 *
 * A counter is not counted: what it would hold follows from when its counting began. A count that
 * is written to a running periodic counter takes effect at once, not at the end of the period.
 */
#include <linux/bitops.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "../compat.h"
#include "chips.h"

#define PIT_CONTROL	3
#define GATED_CHANNEL	2

#define CONTROL_BCD		BIT(0)
#define CONTROL_READ_BACK	3
#define READ_BACK_NO_COUNT	BIT(5)
#define READ_BACK_NO_STATUS	BIT(4)

#define STATUS_OUT	BIT(7)
#define STATUS_NULL	BIT(6)

/* read_state, write_state, rw_mode, count_latched: which byte comes next */
enum { RW_NONE, RW_LSB, RW_MSB, RW_WORD_LSB, RW_WORD_MSB };

/* kvm_pit_channel_state.mode of a channel that nobody programmed */
#define MODE_NONE	0xff

#define PORT61_GATE	BIT(0)
#define PORT61_SPEAKER	BIT(1)
#define PORT61_REFRESH	BIT(4)
#define PORT61_OUT	BIT(5)
#define REFRESH_NS	15085

static u32 from_bcd(u32 bcd)
{
	return (bcd & 0xf) + 10 * (bcd >> 4 & 0xf) + 100 * (bcd >> 8 & 0xf) +
	       1000 * (bcd >> 12 & 0xf);
}

static u32 to_bcd(u32 n)
{
	return n % 10 | n / 10 % 10 << 4 | n / 100 % 10 << 8 | n / 1000 % 10 << 12;
}

/**
 * wr_pit_period - the initial count of a channel
 * @c: the channel
 *
 * Return: PIT clocks, at least 1.
 */
u32 wr_pit_period(const struct kvm_pit_channel_state *c)
{
	if (likely(!c->bcd))
		return c->count ?: 0x10000;
	return from_bcd(c->count & 0xffff) ?: 10000;
}
WR_EXPORT_FOR_KUNIT(wr_pit_period);

/* PIT clocks that channel @i has counted. */
static u64 pit_elapsed(const struct wr_pit_model *m, u32 i, s64 now)
{
	s64 until = m->stopped_at[i] ?: now;
	s64 ns = until - m->state.channels[i].count_load_time;

	return ns > 0 ? mul_u64_u64_div_u64(ns, WR_PIT_HZ, NSEC_PER_SEC) : 0;
}

/* A square wave is high for the longer half of an odd period. */
static u32 square_high(u32 period)
{
	return (period + 1) / 2;
}

static u32 pit_count(const struct wr_pit_model *m, u32 i, s64 now)
{
	const struct kvm_pit_channel_state *c = &m->state.channels[i];
	u64 elapsed = pit_elapsed(m, i, now);
	u32 period = wr_pit_period(c);
	u32 modulus = c->bcd ? 10000 : 0x10000;
	u32 count, high;

	switch (c->mode) {
	case 2:
		count = period - elapsed % period;
		break;
	case 3:
		high = square_high(period);
		count = elapsed % period;
		count = (period & ~1) - 2 * (count < high ? count : count - high);
		break;
	default:
		count = period + modulus - elapsed % modulus;
		break;
	}
	count %= modulus;
	return c->bcd ? to_bcd(count) : count;
}

static bool pit_out(const struct wr_pit_model *m, u32 i, s64 now)
{
	const struct kvm_pit_channel_state *c = &m->state.channels[i];
	u64 elapsed = pit_elapsed(m, i, now);
	u32 period = wr_pit_period(c);

	if (m->no_count[i])
		return c->mode != 0;
	switch (c->mode) {
	case 0:
		return elapsed >= period;
	case 1:
		return m->stopped_at[i] || elapsed >= period;
	case 2:
		return !c->gate || elapsed % period != period - 1;
	case 3:
		return !c->gate || elapsed % period < square_high(period);
	case 4:
	case 5:
		return m->stopped_at[i] || elapsed != period;
	}
	return false;
}

static bool mode_waits_for_trigger(u8 mode)
{
	return mode == 1 || mode == 5;
}

/* Begin to count, or to wait for the gate. */
static void pit_restart(struct wr_pit_model *m, u32 i, s64 now)
{
	struct kvm_pit_channel_state *c = &m->state.channels[i];

	c->count_load_time = now;
	m->stopped_at[i] = mode_waits_for_trigger(c->mode) || !c->gate ? now : 0;
}

static void pit_load(struct wr_pit_model *m, u32 i, u32 count, s64 now)
{
	m->state.channels[i].count = count ?: 0x10000;
	m->no_count[i] = false;
	pit_restart(m, i, now);
}

static void pit_set_gate(struct wr_pit_model *m, u32 i, bool gate, s64 now)
{
	struct kvm_pit_channel_state *c = &m->state.channels[i];

	if (c->gate == gate)
		return;
	c->gate = gate;
	switch (c->mode) {
	case 1:
	case 5:
		if (!gate)
			return;
		c->count_load_time = now;
		m->stopped_at[i] = 0;
		return;
	case 2:
	case 3:
		pit_restart(m, i, now);
		return;
	}
	if (!gate) {
		m->stopped_at[i] = now;
	} else if (m->stopped_at[i]) {
		c->count_load_time += now - m->stopped_at[i];
		m->stopped_at[i] = 0;
	}
}

static void pit_latch_count(struct wr_pit_model *m, u32 i, s64 now)
{
	struct kvm_pit_channel_state *c = &m->state.channels[i];

	if (c->count_latched)
		return;
	c->latched_count = pit_count(m, i, now);
	c->count_latched = c->rw_mode;
}

static void pit_latch_status(struct wr_pit_model *m, u32 i, s64 now)
{
	struct kvm_pit_channel_state *c = &m->state.channels[i];

	if (c->status_latched)
		return;
	c->status = (pit_out(m, i, now) ? STATUS_OUT : 0) | (m->no_count[i] ? STATUS_NULL : 0) |
		    (c->rw_mode & 3) << 4 | (c->mode & 7) << 1 | c->bcd;
	c->status_latched = 1;
}

static void pit_read_back(struct wr_pit_model *m, u8 value, s64 now)
{
	u32 i;

	for (i = 0; i < WR_PIT_CHANNELS; i++) {
		if (!(value & BIT(i + 1)))
			continue;
		if (!(value & READ_BACK_NO_COUNT))
			pit_latch_count(m, i, now);
		if (!(value & READ_BACK_NO_STATUS))
			pit_latch_status(m, i, now);
	}
}

/* Returns whether channel 0 stopped. */
static bool pit_control(struct wr_pit_model *m, u8 value, s64 now)
{
	struct kvm_pit_channel_state *c;
	u8 access = value >> 4 & 3, mode = value >> 1 & 7;
	u32 i = value >> 6;

	if (i == CONTROL_READ_BACK) {
		pit_read_back(m, value, now);
		return false;
	}
	if (!access) {
		pit_latch_count(m, i, now);
		return false;
	}
	c = &m->state.channels[i];
	c->rw_mode = access;
	c->read_state = access;
	c->write_state = access;
	c->count_latched = 0;
	c->status_latched = 0;
	c->mode = mode > 5 ? mode & 3 : mode;
	c->bcd = value & CONTROL_BCD;
	m->no_count[i] = true;
	return i == 0;
}

/* Returns whether channel 0 has a new count. */
static bool pit_write_count(struct wr_pit_model *m, u32 i, u8 value, s64 now)
{
	struct kvm_pit_channel_state *c = &m->state.channels[i];

	switch (c->write_state) {
	case RW_LSB:
		pit_load(m, i, value, now);
		break;
	case RW_MSB:
		pit_load(m, i, value << 8, now);
		break;
	case RW_WORD_LSB:
		c->write_latch = value;
		c->write_state = RW_WORD_MSB;
		return false;
	case RW_WORD_MSB:
		pit_load(m, i, c->write_latch | value << 8, now);
		c->write_state = RW_WORD_LSB;
		break;
	default:
		return false;
	}
	return i == 0;
}

static u8 pit_read_latched(struct kvm_pit_channel_state *c)
{
	u8 which = c->count_latched;

	c->count_latched = which == RW_WORD_LSB ? RW_MSB : RW_NONE;
	return which == RW_MSB || which == RW_WORD_MSB ? c->latched_count >> 8 : c->latched_count;
}

/**
 * wr_pit_model_read - IN of one byte
 * @m: the PIT
 * @port: 0 to 3, from 0x40
 * @now: ns
 *
 * Context: any; the caller serializes.
 */
u8 wr_pit_model_read(struct wr_pit_model *m, u32 port, s64 now)
{
	struct kvm_pit_channel_state *c = &m->state.channels[port];
	u32 count;

	if (port == PIT_CONTROL)
		return 0;
	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched)
		return pit_read_latched(c);
	count = pit_count(m, port, now);
	switch (c->read_state) {
	case RW_MSB:
		return count >> 8;
	case RW_WORD_LSB:
		c->read_state = RW_WORD_MSB;
		return count;
	case RW_WORD_MSB:
		c->read_state = RW_WORD_LSB;
		return count >> 8;
	}
	return count;
}
WR_EXPORT_FOR_KUNIT(wr_pit_model_read);

/**
 * wr_pit_model_write - OUT of one byte
 * @m: the PIT
 * @port: 0 to 3, from 0x40
 * @value: the byte
 * @now: ns
 *
 * Context: any; the caller serializes.
 * Return: whether channel 0 stopped or began to count.
 */
bool wr_pit_model_write(struct wr_pit_model *m, u32 port, u8 value, s64 now)
{
	if (port == PIT_CONTROL)
		return pit_control(m, value, now);
	return pit_write_count(m, port, value, now);
}
WR_EXPORT_FOR_KUNIT(wr_pit_model_write);

/**
 * wr_pit_speaker_read - IN from port 0x61
 * @m: the PIT
 * @now: ns
 *
 * Context: any; the caller serializes.
 */
u8 wr_pit_speaker_read(const struct wr_pit_model *m, s64 now)
{
	bool speaker = m->state.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	bool refresh = div_u64(now, REFRESH_NS) & 1;

	return (m->state.channels[GATED_CHANNEL].gate ? PORT61_GATE : 0) |
	       (speaker ? PORT61_SPEAKER : 0) | (refresh ? PORT61_REFRESH : 0) |
	       (pit_out(m, GATED_CHANNEL, now) ? PORT61_OUT : 0);
}
WR_EXPORT_FOR_KUNIT(wr_pit_speaker_read);

/**
 * wr_pit_speaker_write - OUT to port 0x61
 * @m: the PIT
 * @value: the byte
 * @now: ns
 *
 * Context: any; the caller serializes.
 */
void wr_pit_speaker_write(struct wr_pit_model *m, u8 value, s64 now)
{
	if (value & PORT61_SPEAKER)
		m->state.flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	else
		m->state.flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	pit_set_gate(m, GATED_CHANNEL, value & PORT61_GATE, now);
}
WR_EXPORT_FOR_KUNIT(wr_pit_speaker_write);

/**
 * wr_pit_model_reset - the state after power-on
 * @m: the PIT
 * @now: ns
 */
void wr_pit_model_reset(struct wr_pit_model *m, s64 now)
{
	u32 i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < WR_PIT_CHANNELS; i++) {
		m->state.channels[i].mode = MODE_NONE;
		m->state.channels[i].gate = i != GATED_CHANNEL;
		pit_load(m, i, 0, now);
	}
}
WR_EXPORT_FOR_KUNIT(wr_pit_model_reset);

static u8 valid_rw(u8 rw)
{
	return rw <= RW_WORD_MSB ? rw : RW_NONE;
}

/**
 * wr_pit_model_set - take over a state; all channels begin to count anew
 * @m: the PIT
 * @state: any bytes; what cannot be is made to fit
 * @now: ns
 */
void wr_pit_model_set(struct wr_pit_model *m, const struct kvm_pit_state2 *state, s64 now)
{
	u32 i;

	m->state = *state;
	for (i = 0; i < WR_PIT_CHANNELS; i++) {
		struct kvm_pit_channel_state *c = &m->state.channels[i];

		c->mode = c->mode > 7 ? MODE_NONE : c->mode > 5 ? c->mode & 3 : c->mode;
		c->rw_mode = valid_rw(c->rw_mode);
		c->read_state = valid_rw(c->read_state);
		c->write_state = valid_rw(c->write_state);
		c->count_latched = valid_rw(c->count_latched);
		c->bcd = !!c->bcd;
		c->gate = !!c->gate;
		pit_load(m, i, c->count & 0xffff, now);
	}
}
WR_EXPORT_FOR_KUNIT(wr_pit_model_set);
