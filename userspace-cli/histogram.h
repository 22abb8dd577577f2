/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_HISTOGRAM_H
#define WARREN_CLI_HISTOGRAM_H

#include <stdint.h>

/* Sixteen buckets for each power of two: a percentile is right to within a sixteenth. */
#define WR_HISTOGRAM_STEPS 16
#define WR_HISTOGRAM_BUCKETS (61 * WR_HISTOGRAM_STEPS)

/**
 * struct wr_histogram - how often which values came
 * @count: of values
 * @sum: of them
 * @max: the greatest
 */
struct wr_histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint32_t buckets[WR_HISTOGRAM_BUCKETS];
};

/**
 * wr_histogram_add() - count a value
 * @histogram: zeroed before the first
 * @value: any
 */
void wr_histogram_add(struct wr_histogram *histogram, uint64_t value);

/**
 * wr_histogram_mean() - the mean
 * @histogram: filled
 *
 * Return: the mean, 0 without values.
 */
uint64_t wr_histogram_mean(const struct wr_histogram *histogram);

/**
 * wr_histogram_percentile() - the value that so many do not exceed
 * @histogram: filled
 * @percent: 0 to 100
 *
 * Return: an upper bound of it, at most a sixteenth too great and never above the greatest; 0 without values.
 */
uint64_t wr_histogram_percentile(const struct wr_histogram *histogram, unsigned int percent);

#endif
