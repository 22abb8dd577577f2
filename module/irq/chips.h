/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The insides of the 8259 pair, the IOAPIC and the 8254, for their own files and for their tests.
 *
 * What a guest can see is in the structs of the ABI, so that a chip is saved, restored or cloned
 * by copying it.
 */
#ifndef WARREN_IRQ_CHIPS_H
#define WARREN_IRQ_CHIPS_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/kvm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../io.h"
#include "irq.h"

/* Set or clear one source of a pin: is the line high? */
static inline bool wr_source_set(u8 *sources, int source, bool level)
{
	if (level)
		*sources |= BIT(source);
	else
		*sources &= ~BIT(source);
	return *sources;
}

/**
 * struct wr_pic - the two 8259s of a PC
 */
struct wr_pic {
	raw_spinlock_t lock;		/* protects all but @vm and @dev */
	bool output;			/* INTR of the master; read without the lock */
	u16 acked;			/* pins acknowledged, to be told after unlocking */
	u16 unmasked;			/* pins unmasked, to be told after unlocking */
	u8 sources[WR_PIC_PINS];	/* WR_IRQ_SOURCE_* bits that hold a pin high */
	struct kvm_pic_state chip[2];	/* master, slave */
	struct wr_vm *vm;		/* NULL: nobody to tell */
	struct wr_io_dev dev;
};

void wr_pic_init(struct wr_pic *pic, struct wr_vm *vm);
u8 wr_pic_port_read(struct wr_pic *pic, u16 port);
void wr_pic_port_write(struct wr_pic *pic, u16 port, u8 value);
u8 wr_pic_take_vector(struct wr_pic *pic);

/**
 * struct wr_ioapic - an IOAPIC with 24 pins
 */
struct wr_ioapic {
	raw_spinlock_t lock;		/* protects all but @vm, @dev and @deliver */
	struct kvm_ioapic_state state;	/* irr: the lines that are high */
	u32 delivered;			/* edge pins whose present high level went out */
	u8 sources[WR_IOAPIC_PINS];	/* WR_IRQ_SOURCE_* bits that hold a pin high */
	u16 eois[WR_IOAPIC_PINS];	/* EOIs in a row that found the line still high */
	DECLARE_BITMAP(vectors, 256);	/* vectors of the entries; read without the lock */
	struct delayed_work storm;	/* delivers again after too many EOIs in a row */
	struct wr_vm *vm;		/* NULL: nobody to tell */
	struct wr_io_dev dev;
	int (*deliver)(struct wr_ioapic *ioapic, const struct wr_lapic_msg *msg);
};

/*
 * After this many EOIs in a row with the line still high, delivery pauses: the guest must get
 * somewhere.
 */
#define WR_IOAPIC_MAX_EOIS	10000

void wr_ioapic_init(struct wr_ioapic *ioapic, struct wr_vm *vm);
u32 wr_ioapic_reg_read(struct wr_ioapic *ioapic, u32 offset);
void wr_ioapic_reg_write(struct wr_ioapic *ioapic, u32 offset, u32 value);
void wr_ioapic_eoi_vector(struct wr_ioapic *ioapic, u8 vector, bool level);

#define WR_PIT_HZ	1193182
#define WR_PIT_CHANNELS	3

/**
 * struct wr_pit_model - an 8254 and port 0x61; all times are ns of CLOCK_MONOTONIC
 *
 * A channel's count_load_time is when its counting began. While the gate holds the counter still,
 * @stopped_at is when that began, otherwise 0.
 */
struct wr_pit_model {
	struct kvm_pit_state2 state;
	s64 stopped_at[WR_PIT_CHANNELS];
	bool no_count[WR_PIT_CHANNELS];	/* a control word came, its count did not yet */
};

void wr_pit_model_reset(struct wr_pit_model *model, s64 now);
u8 wr_pit_model_read(struct wr_pit_model *model, u32 port, s64 now);
bool wr_pit_model_write(struct wr_pit_model *model, u32 port, u8 value, s64 now);
u8 wr_pit_speaker_read(const struct wr_pit_model *model, s64 now);
void wr_pit_speaker_write(struct wr_pit_model *model, u8 value, s64 now);
void wr_pit_model_set(struct wr_pit_model *model, const struct kvm_pit_state2 *state, s64 now);
u32 wr_pit_period(const struct kvm_pit_channel_state *channel);

/**
 * struct wr_pit - the 8254 of a VM and the timer behind its channel 0
 *
 * A tick is *owed* from when it is due until the guest acknowledges its interrupt. With
 * reinjection the next one goes out when the last was acknowledged, so that a guest that counts
 * ticks counts all of them.
 */
struct wr_pit {
	raw_spinlock_t lock;		/* protects all down to @reinject */
	struct wr_pit_model model;
	s64 start;			/* when channel 0 began to count */
	u64 fired;			/* ticks since @start that were seen */
	u32 step;			/* PIT clocks from tick to tick */
	bool armed, periodic;
	u32 owed;			/* ticks not acknowledged */
	bool acked;			/* no interrupt is on its way to the guest */
	bool reinject;
	struct hrtimer timer;
	struct wr_vm *vm;
	struct wr_io_dev dev, speaker;
};

#endif
