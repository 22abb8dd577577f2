/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_RATES_H
#define WARREN_CLI_RATES_H

#include "guests.h"

/**
 * struct wr_rates - what a VM did between two looks at it
 * @guest: as it was at the second
 * @seconds: between them
 * @cpu: time in the guest, percent of one CPU
 * @exits: per second
 * @reasons: exits per second by enum warren_exit
 */
struct wr_rates {
	struct wr_guest guest;
	double seconds;
	double cpu;
	double exits;
	double reasons[WARREN_EXIT_NR];
};

/**
 * wr_rates() - compute them
 * @rates: filled in
 * @before: the VMs at the first look, in order of their ids
 * @now: the VM at the second; if it was not there at the first all that it did counts
 */
void wr_rates(struct wr_rates *rates, const struct wr_list *before, const struct wr_guest *now);

enum wr_order {
	WR_ORDER_ID,
	WR_ORDER_CPU,
	WR_ORDER_EXITS,
	WR_ORDER_MEMORY,
};

/**
 * wr_rates_sort() - bring VMs into order: ids from the least on, others from the greatest
 * @rates: the VMs
 * @count: how many
 * @order: by what
 */
void wr_rates_sort(struct wr_rates *rates, size_t count, enum wr_order order);

/**
 * wr_rates_reasons() - the reasons that a VM exits for, the most frequent first: "io 1200 hlt 34"
 * @rates: of the VM
 * @text: written
 * @size: of @text
 *
 * Return: @text.
 */
char *wr_rates_reasons(const struct wr_rates *rates, char *text, size_t size);

#endif
