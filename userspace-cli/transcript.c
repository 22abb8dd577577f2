// SPDX-License-Identifier: GPL-2.0-only
/* What the guest printed last, kept for those who attach later. */
#include <string.h>

#include "stop.h"
#include "transcript.h"

#define RECENT 4096u

void wr_transcript_init(struct wr_transcript *transcript, int wake_fd)
{
	pthread_mutex_init(&transcript->lock, NULL);
	transcript->head = 0;
	transcript->awaited = false;
	transcript->wake_fd = wake_fd;
}

void wr_transcript_put(struct wr_transcript *transcript, uint8_t byte)
{
	bool awaited;

	pthread_mutex_lock(&transcript->lock);
	transcript->ring[transcript->head++ % WR_TRANSCRIPT_SIZE] = byte;
	awaited = transcript->awaited;
	transcript->awaited = false;
	pthread_mutex_unlock(&transcript->lock);
	if (awaited)
		wr_wake(transcript->wake_fd);
}

uint64_t wr_transcript_recent(struct wr_transcript *transcript)
{
	uint64_t at, start = 0;

	pthread_mutex_lock(&transcript->lock);
	if (transcript->head > RECENT) {
		/* From the beginning of a line, if there is one. */
		start = transcript->head - RECENT;
		for (at = start; at < transcript->head; at++) {
			if (transcript->ring[at % WR_TRANSCRIPT_SIZE] == '\n') {
				start = at + 1;
				break;
			}
		}
	}
	pthread_mutex_unlock(&transcript->lock);
	return start;
}

size_t wr_transcript_take(struct wr_transcript *transcript, uint64_t *at, uint8_t *buf, size_t max,
			  uint64_t *lost)
{
	size_t n, i;

	pthread_mutex_lock(&transcript->lock);
	*lost = 0;
	if (transcript->head - *at > WR_TRANSCRIPT_SIZE) {
		*lost = transcript->head - WR_TRANSCRIPT_SIZE - *at;
		*at += *lost;
	}
	n = transcript->head - *at < max ? (size_t)(transcript->head - *at) : max;
	for (i = 0; i < n; i++)
		buf[i] = transcript->ring[(*at)++ % WR_TRANSCRIPT_SIZE];
	if (!n)
		transcript->awaited = true;
	pthread_mutex_unlock(&transcript->lock);
	return n;
}
