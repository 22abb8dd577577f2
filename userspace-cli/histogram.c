// SPDX-License-Identifier: GPL-2.0-only
#include "histogram.h"

/* Values below WR_HISTOGRAM_STEPS have a bucket each; then the four bits below the highest one say which. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < WR_HISTOGRAM_STEPS)
		return (unsigned int)value;
	shift = 59 - (unsigned int)__builtin_clzll(value);
	return (shift + 1) * WR_HISTOGRAM_STEPS +
	       (unsigned int)(value >> shift) % WR_HISTOGRAM_STEPS;
}

/* The greatest value of a bucket. */
static uint64_t bucket_end(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < WR_HISTOGRAM_STEPS)
		return bucket;
	shift = bucket / WR_HISTOGRAM_STEPS - 1;
	return ((uint64_t)(WR_HISTOGRAM_STEPS + bucket % WR_HISTOGRAM_STEPS) << shift) +
	       (((uint64_t)1 << shift) - 1);
}

void wr_histogram_add(struct wr_histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->sum += value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->buckets[bucket_of(value)]++;
}

uint64_t wr_histogram_mean(const struct wr_histogram *histogram)
{
	return histogram->count ? histogram->sum / histogram->count : 0;
}

uint64_t wr_histogram_percentile(const struct wr_histogram *histogram, unsigned int percent)
{
	uint64_t wanted = (histogram->count * percent + 99) / 100, seen = 0, end;
	unsigned int i;

	for (i = 0; i < WR_HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen && seen >= wanted)
			break;
	}
	if (i == WR_HISTOGRAM_BUCKETS)
		return histogram->max;
	end = bucket_end(i);
	return end < histogram->max ? end : histogram->max;
}
