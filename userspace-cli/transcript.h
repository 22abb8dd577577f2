/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef WARREN_CLI_TRANSCRIPT_H
#define WARREN_CLI_TRANSCRIPT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WR_TRANSCRIPT_SIZE 65536u	/* power of two */

/**
 * struct wr_transcript - the last of what the guest printed, for those who attach to its console
 * @lock: protects all but @wake_fd
 * @head: bytes written ever
 * @ring: the last of them
 * @awaited: a reader has read all and wants to be woken
 * @wake_fd: eventfd of the main loop, constant
 *
 * Who writes never waits: who reads too slowly loses output.
 */
struct wr_transcript {
	pthread_mutex_t lock;
	uint64_t head;
	bool awaited;
	int wake_fd;
	uint8_t ring[WR_TRANSCRIPT_SIZE];
};

/**
 * wr_transcript_init() - begin
 * @transcript: filled in
 * @wake_fd: eventfd of the main loop
 */
void wr_transcript_init(struct wr_transcript *transcript, int wake_fd);

/**
 * wr_transcript_put() - the guest prints a byte; any thread, does not block
 * @transcript: begun
 * @byte: the byte
 */
void wr_transcript_put(struct wr_transcript *transcript, uint8_t byte);

/**
 * wr_transcript_recent() - where a reader begins who wants to see the last lines
 * @transcript: begun
 *
 * Return: position for wr_transcript_take().
 */
uint64_t wr_transcript_recent(struct wr_transcript *transcript);

/**
 * wr_transcript_take() - read on
 * @transcript: begun
 * @at: position, moved on
 * @buf: filled in
 * @max: its size
 * @lost: how many bytes before those in @buf were overwritten before they were read
 *
 * Return: how many bytes; if none, the main loop is woken when there are more.
 */
size_t wr_transcript_take(struct wr_transcript *transcript, uint64_t *at, uint8_t *buf, size_t max,
			  uint64_t *lost);

#endif
