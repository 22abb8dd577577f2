// SPDX-License-Identifier: GPL-2.0-only
#include "rates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

static const struct wr_guest *find(const struct wr_list *before, const struct wr_guest *now)
{
	const struct wr_guest *found = NULL;

	if (before->count)
		found = bsearch(now, before->items, before->count, sizeof(*now), wr_guest_compare);
	/* A younger one is another one of the same number. */
	return found && found->age < now->age ? found : NULL;
}

static double rate(uint64_t before, uint64_t now, double seconds)
{
	return now > before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

void wr_rates(struct wr_rates *rates, const struct wr_list *before, const struct wr_guest *now)
{
	static const struct wr_guest nothing;
	const struct wr_guest *then = find(before, now);
	unsigned int i;

	if (!then)
		then = &nothing;
	rates->guest = *now;
	/* Its age is the time as of its counters, however long the answer took. */
	rates->seconds = (double)(now->age - then->age) / 1e9;
	rates->cpu = rate(then->counters.guest_ns, now->counters.guest_ns, rates->seconds) / 1e7;
	rates->exits = rate(then->counters.exits, now->counters.exits, rates->seconds);
	for (i = 0; i < WARREN_EXIT_NR; i++)
		rates->reasons[i] = rate(then->counters.reasons[i], now->counters.reasons[i],
					 rates->seconds);
}

static double order_key(const struct wr_rates *rates, enum wr_order order)
{
	switch (order) {
	case WR_ORDER_CPU:
		return rates->cpu;
	case WR_ORDER_EXITS:
		return rates->exits;
	case WR_ORDER_MEMORY:
		return (double)rates->guest.memory;
	default:
		return -(double)rates->guest.id;
	}
}

static int compare_rates(const void *a, const void *b, void *context)
{
	const enum wr_order *order = context;
	double first = order_key(a, *order), second = order_key(b, *order);

	if (first != second)
		return first < second ? 1 : -1;
	return wr_guest_compare(&((const struct wr_rates *)a)->guest,
				&((const struct wr_rates *)b)->guest);
}

void wr_rates_sort(struct wr_rates *rates, size_t count, enum wr_order order)
{
	if (count)
		qsort_r(rates, count, sizeof(*rates), compare_rates, &order);
}

static int compare_reasons(const void *a, const void *b, void *context)
{
	const double *reasons = context;
	double first = reasons[*(const unsigned int *)a], second = reasons[*(const unsigned int *)b];

	return (second > first) - (second < first);
}

char *wr_rates_reasons(const struct wr_rates *rates, char *text, size_t size)
{
	unsigned int order[WARREN_EXIT_NR], i;
	double reasons[WARREN_EXIT_NR];
	size_t len = 0;

	memcpy(reasons, rates->reasons, sizeof(reasons));
	for (i = 0; i < WARREN_EXIT_NR; i++)
		order[i] = i;
	qsort_r(order, WARREN_EXIT_NR, sizeof(*order), compare_reasons, reasons);
	text[0] = '\0';
	for (i = 0; i < WARREN_EXIT_NR && reasons[order[i]] >= 0.5 && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s %.0f", i ? " " : "",
					wr_exit_word(order[i]), reasons[order[i]]);
	return text;
}
